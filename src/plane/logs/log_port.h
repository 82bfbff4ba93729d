/* The port through which the domain reaches the events of its streams: the halves of its operations that block
 * (operation_spec.finish) call it on worker threads. What each function promises stands in os/log_store.h, which is
 * behind it in the product. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/log_event.h"

struct log_port {
    void *context;
    bool (*append)(void *context, const struct log_append *batch, uint64_t *ret_ordinal, struct fail *f);
    bool (*get)(void *context, const struct log_get *query, struct arena *arena, struct log_page *ret_page,
                struct fail *f);
    bool (*filter)(void *context, const struct log_filter *query, struct arena *arena, struct log_filter_page *ret_page,
                   struct fail *f);
    struct str (*event_id)(struct arena *arena, const struct log_event *event);
    bool (*stream_stats)(void *context, const struct log_stream_key *stream, struct log_stats *ret_stats,
                         struct fail *f);
    bool (*group_streams)(void *context, const struct log_group_key *group, struct arena *arena,
                          const struct log_stream_stats **ret_streams, size_t *ret_count, struct fail *f);
    bool (*group_bytes)(void *context, const struct log_group_key *group, uint64_t *ret_bytes, struct fail *f);
    bool (*delete_stream)(void *context, const struct log_stream_key *stream, struct fail *f);
    bool (*delete_group)(void *context, const struct log_group_key *group, struct fail *f);
    /* Something may have to go now: a retention setting changed. Does not wait for it. */
    void (*tidy)(void *context);
};
