/* Log events: put, get, filter. The handler looks the stream up and leaves what the finish half needs in call->carry.
 */
#include "base/must.h"
#include "plane/logs/filter_pattern.h"
#include "plane/logs/operations.h"
#include "plane/logs/put_batch.h"

#include <inttypes.h>

enum {
    PAGE_EVENTS_MAX = 10000,
    PAGE_BYTES_MAX = 1 << 20,
    INVOCATION_ID_BYTES_MAX = 64, /* SDKs send a UUID */
    /* What one FilterLogEvents looks at, so that it takes about a second at most; a page may be empty and have a token.
     */
    FILTER_SCAN_MAX = 200000,
    FILTER_SCAN_BYTES_MAX = 64 << 20,
};

/* Errors of the store that are the caller's. */
static bool pass_on(struct fail *f)
{
    char message[sizeof(f->message)];

    if (f->code != FAIL_INPUT)
        return false;
    memcpy(message, f->message, sizeof(message));
    return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", message);
}

/* ---- PutLogEvents ---- */

struct put_plan {
    struct log_stream_key stream;
    struct put_cut cut;
    int64_t now_ms;
};

bool logs_put_log_events(struct call *call, const struct logs_put_log_events_request *in,
                         struct logs_put_log_events_response *out)
{
    struct put_plan *plan = arena_new(call->arena, struct put_plan);
    const struct log_group_record *group;
    const struct log_stream_record *stream;

    (void)out;
    if (!put_batch_check(&in->log_events, call->fail) ||
        !log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail) ||
        !log_stream_find(call, group, in->log_stream_name, &stream, call->fail))
        return false;
    plan->stream = log_stream_store_key(call->arena, group, stream);
    plan->now_ms = call->tx->now_ms;
    plan->cut = put_batch_cut(&in->log_events, plan->now_ms, log_group_expired_before_ms(group, plan->now_ms));
    call->carry = plan;
    return true;
}

bool put_log_events_finish(const struct call *call, const struct ports *ports,
                           const struct logs_put_log_events_request *in, struct logs_put_log_events_response *out)
{
    const struct log_port *logs = ports->logs;
    struct put_plan *plan = call->carry;
    size_t count = plan->cut.end > plan->cut.first ? plan->cut.end - plan->cut.first : 0;
    struct log_input *events = arena_array(call->arena, struct log_input, count + 1);
    struct log_append batch = {.stream = plan->stream, .events = events, .count = count, .ingestion_ms = plan->now_ms};
    struct str name = call->invocation_id;
    uint64_t ordinal;

    for (size_t i = 0; i < count; i++)
        events[i] = (struct log_input){in->log_events.items[plan->cut.first + i].timestamp,
                                       in->log_events.items[plan->cut.first + i].message};
    if (name.len <= INVOCATION_ID_BYTES_MAX)
        batch.request = name;
    if (!logs->append(logs->context, &batch, &ordinal, call->fail))
        return false;
    /* Deprecated, but still given and, like the one that comes in, of no consequence. */
    out->next_sequence_token = arena_printf(call->arena, "%056" PRIu64, ordinal + count);
    if (plan->cut.any_rejected)
        out->rejected_log_events_info = &plan->cut.rejected;
    if (in->entity != NULL) { /* events are not related to entities, which does not keep them from being stored */
        out->rejected_entity_info = arena_new(call->arena, struct logs_rejected_entity_info);
        out->rejected_entity_info->error_type = LOGS_ENTITY_REJECTION_ERROR_TYPE_UNSUPPORTED_LOG_GROUP_TYPE;
    }
    return true;
}

/* ---- GetLogEvents ---- */

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool logs_get_log_events(struct call *call, const struct logs_get_log_events_request *in,
                         struct logs_get_log_events_response *out)
{
    struct log_get *query = arena_new(call->arena, struct log_get);
    const struct log_group_record *group;
    const struct log_stream_record *stream;

    (void)out;
    if (!log_group_find(call, in->log_group_name, in->log_group_identifier, &group, call->fail) ||
        !log_stream_find(call, group, in->log_stream_name, &stream, call->fail))
        return false;
    *query = (struct log_get){
        .stream = log_stream_store_key(call->arena, group, stream),
        .start_ms = max(in->has_start_time ? in->start_time : 0, log_group_expired_before_ms(group, call->tx->now_ms)),
        .end_ms = in->has_end_time ? in->end_time : INT64_MAX,
        .limit = PAGE_LIMIT(in, PAGE_EVENTS_MAX),
        .bytes_max = PAGE_BYTES_MAX,
        .from_head = in->start_from_head,
        .token = in->next_token};
    call->carry = query;
    return true;
}

bool get_log_events_finish(const struct call *call, const struct ports *ports,
                           const struct logs_get_log_events_request *in, struct logs_get_log_events_response *out)
{
    struct log_page page;

    (void)in;
    if (!ports->logs->get(ports->logs->context, call->carry, call->arena, &page, call->fail))
        return pass_on(call->fail);
    out->events.items = arena_array(call->arena, struct logs_output_log_event, page.count + 1);
    for (size_t i = 0; i < page.count; i++) {
        struct logs_output_log_event *event = &out->events.items[out->events.count++];

        event->message = page.events[i].message;
        SET(event, timestamp, page.events[i].timestamp_ms);
        SET(event, ingestion_time, page.events[i].ingestion_ms);
    }
    out->next_forward_token = page.forward_token;
    out->next_backward_token = page.backward_token;
    return true;
}

/* ---- FilterLogEvents ---- */

/* A compiled pattern with the memory that matching takes. */
struct matcher {
    const struct filter_pattern *pattern;
    struct arena scratch;
};

static bool matches(void *context, struct str message)
{
    struct matcher *matcher = context;
    bool good = filter_pattern_match(matcher->pattern, message, &matcher->scratch);

    arena_reset(&matcher->scratch);
    return good;
}

struct filter_plan {
    struct log_filter query;
    struct matcher matcher;
};

static bool choose_streams(struct call *call, const struct logs_filter_log_events_request *in,
                           const struct log_group_record *group, struct log_filter *query)
{
    struct str *names = arena_array(call->arena, struct str, in->log_stream_names.count + 1);

    if (in->log_stream_names.count > 0 && in->log_stream_name_prefix.ptr != NULL)
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.");
    for (size_t i = 0; i < in->log_stream_names.count; i++) {
        const struct log_stream_record *stream;

        if (!log_stream_find(call, group, in->log_stream_names.items[i], &stream, call->fail))
            return false;
        names[i] = log_stream_store_key(call->arena, group, stream).stream;
    }
    query->streams = names;
    query->stream_count = in->log_stream_names.count;
    query->stream_prefix = in->log_stream_name_prefix;
    return true;
}

bool logs_filter_log_events(struct call *call, const struct logs_filter_log_events_request *in,
                            struct logs_filter_log_events_response *out)
{
    struct filter_plan *plan = arena_new(call->arena, struct filter_plan);
    struct log_filter *query = &plan->query;
    const struct log_group_record *group;

    (void)out;
    call->carry = plan;
    if (in->has_start_from_head && !in->start_from_head)
        return logs_unsupported("startFromHead", "only true: filtered events come oldest first", call->fail);
    if (!log_group_find(call, in->log_group_name, in->log_group_identifier, &group, call->fail))
        return false;
    *query = (struct log_filter){
        .group = log_group_store_key(call->arena, group),
        .start_ms = max(in->has_start_time ? in->start_time : 0, log_group_expired_before_ms(group, call->tx->now_ms)),
        .end_ms = in->has_end_time && in->end_time < INT64_MAX ? in->end_time + 1 : INT64_MAX,
        .limit = PAGE_LIMIT(in, PAGE_EVENTS_MAX),
        .bytes_max = PAGE_BYTES_MAX,
        .scan_max = FILTER_SCAN_MAX,
        .scan_bytes_max = FILTER_SCAN_BYTES_MAX,
        .token = in->next_token};
    if (!choose_streams(call, in, group, query) ||
        !filter_pattern_compile(in->filter_pattern, call->arena, &plan->matcher.pattern, call->fail))
        return false;
    if (filter_pattern_kind(plan->matcher.pattern) != FILTER_EVERYTHING) {
        query->match = matches;
        query->context = &plan->matcher;
    }
    return true;
}

static struct logs_filtered_log_event filtered(const struct call *call, const struct log_port *logs,
                                               const struct log_event *from)
{
    struct logs_filtered_log_event event = {.log_stream_name = log_stream_name_in(from->stream),
                                            .message = from->message,
                                            .event_id = logs->event_id(call->arena, from)};

    SET(&event, timestamp, from->timestamp_ms);
    SET(&event, ingestion_time, from->ingestion_ms);
    return event;
}

bool filter_log_events_finish(const struct call *call, const struct ports *ports,
                              const struct logs_filter_log_events_request *in,
                              struct logs_filter_log_events_response *out)
{
    const struct log_port *logs = ports->logs;
    struct filter_plan *plan = call->carry;
    struct log_filter_page page;
    bool good;

    (void)in;
    arena_init(&plan->matcher.scratch, FILTER_SCRATCH_BYTES(PUT_BATCH_BYTES_MAX));
    good = logs->filter(logs->context, &plan->query, call->arena, &page, call->fail);
    arena_free(&plan->matcher.scratch);
    if (!good)
        return pass_on(call->fail);
    out->events.items = arena_array(call->arena, struct logs_filtered_log_event, page.count + 1);
    for (size_t i = 0; i < page.count; i++)
        out->events.items[out->events.count++] = filtered(call, logs, &page.events[i]);
    /* Deprecated: "this parameter returns an empty list" (API reference). */
    out->searched_log_streams.items = arena_array(call->arena, struct logs_searched_log_stream, 1);
    out->next_token = page.next_token;
    return true;
}

/* ---- TestMetricFilter ---- */

bool logs_test_metric_filter(struct call *call, const struct logs_test_metric_filter_request *in,
                             struct logs_test_metric_filter_response *out)
{
    const struct filter_pattern *pattern;

    (void)out;
    if (!filter_pattern_compile(in->filter_pattern, call->arena, &pattern, call->fail))
        return false;
    call->carry = (void *)(uintptr_t)pattern;
    return true;
}

static struct logs_extracted_values extract(const struct call *call, struct str message)
{
    const struct filter_value *values;
    size_t count = filter_pattern_values(call->carry, message, call->arena, &values);
    struct logs_extracted_values out = {arena_array(call->arena, struct logs_extracted_values_entry, count + 1), count};

    for (size_t i = 0; i < count; i++)
        out.items[i] = (struct logs_extracted_values_entry){values[i].name, values[i].value};
    return out;
}

bool test_metric_filter_finish(const struct call *call, const struct ports *ports,
                               const struct logs_test_metric_filter_request *in,
                               struct logs_test_metric_filter_response *out)
{
    struct matcher matcher = {.pattern = call->carry};

    (void)ports;
    arena_init(&matcher.scratch, FILTER_SCRATCH_BYTES(PUT_BATCH_BYTES_MAX));
    out->matches.items =
        arena_array(call->arena, struct logs_metric_filter_match_record, in->log_event_messages.count + 1);
    for (size_t i = 0; i < in->log_event_messages.count; i++) {
        struct str message = in->log_event_messages.items[i];
        struct logs_metric_filter_match_record *record = &out->matches.items[out->matches.count];

        if (!matches(&matcher, message))
            continue;
        record->event_message = message;
        record->extracted_values = extract(call, message);
        SET(record, event_number, (int64_t)i + 1);
        out->matches.count++;
    }
    arena_free(&matcher.scratch);
    return true;
}
