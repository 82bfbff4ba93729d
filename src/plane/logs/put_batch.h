/* What PutLogEvents takes and what it leaves out ("PutLogEvents", API reference). Pure. */
#pragma once

#include "base/fail.h"
#include "model/gen/logs.h"

enum { PUT_BATCH_BYTES_MAX = 1048576 };

/* Refuses a batch as a whole: out of order, longer than 24 hours, larger than 1 MiB with the overhead of its events. */
checked bool put_batch_check(const struct logs_input_log_events *events, struct fail *f);

/* The events first <= i < end are taken; those before are older than 14 days or than the group's retention, those
 * behind are more than two hours in the future. */
struct put_cut {
    size_t first, end;
    struct logs_rejected_log_events_info rejected;
    bool any_rejected;
};

/* expired_before_ms as log_group_expired_before_ms gives it. The batch must be in order. */
struct put_cut put_batch_cut(const struct logs_input_log_events *events, int64_t now_ms, int64_t expired_before_ms);
