#include "plane/logs/put_batch.h"

#include "base/log_event.h"
#include "base/when.h"

#define TOO_OLD_MS (14 * DAY_MS)
#define TOO_NEW_MS (2 * HOUR_MS)

bool put_batch_check(const struct logs_input_log_events *events, struct fail *f)
{
    size_t bytes = 0;

    for (size_t i = 0; i < events->count; i++) {
        bytes += events->items[i].message.len + LOG_EVENT_OVERHEAD_BYTES;
        if (i > 0 && events->items[i].timestamp < events->items[i - 1].timestamp)
            return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Log events in a single PutLogEvents request must be in chronological order.");
    }
    if (events->count > 0 && events->items[events->count - 1].timestamp - events->items[0].timestamp > DAY_MS)
        return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    if (bytes > PUT_BATCH_BYTES_MAX)
        return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "Upload too large: %zu bytes exceeds limit of %d",
                        bytes, PUT_BATCH_BYTES_MAX);
    return true;
}

static size_t count_before(const struct logs_input_log_events *events, int64_t when_ms)
{
    size_t count = 0;

    while (count < events->count && events->items[count].timestamp < when_ms)
        count++;
    return count;
}

struct put_cut put_batch_cut(const struct logs_input_log_events *events, int64_t now_ms, int64_t expired_before_ms)
{
    size_t too_old = count_before(events, now_ms - TOO_OLD_MS);
    size_t expired = count_before(events, expired_before_ms);
    struct put_cut cut = {.first = too_old > expired ? too_old : expired,
                          .end = count_before(events, now_ms + TOO_NEW_MS + 1)};

    if (too_old > 0)
        SET(&cut.rejected, too_old_log_event_end_index, (int32_t)too_old);
    if (expired > too_old)
        SET(&cut.rejected, expired_log_event_end_index, (int32_t)expired);
    if (cut.end < events->count)
        SET(&cut.rejected, too_new_log_event_start_index, (int32_t)cut.end);
    cut.any_rejected = cut.first > 0 || cut.end < events->count;
    return cut;
}
