/* Events that clients put on a bus, or try on a pattern. */
#include "plane/events/event.h"
#include "plane/events/event_pattern.h"
#include "plane/events/operations.h"
#include "plane/logs/json_text.h"

/* PutEvents, "Calculating Amazon EventBridge event entry size" (user guide). */
enum { ENTRIES_BYTES_MAX = 262144, TIME_BYTES = 14 };

/* ---- PutEvents ---- */

static size_t size_of(const struct events_put_events_request_entry *entry)
{
    size_t size = (entry->has_time ? TIME_BYTES : 0) + entry->source.len + entry->detail_type.len + entry->detail.len;

    for (size_t i = 0; i < entry->resources.count; i++)
        size += entry->resources.items[i].len;
    return size;
}

static bool check_size(const struct call *call, const struct events_put_events_request *in)
{
    size_t size = 0;

    for (size_t i = 0; i < in->entries.count; i++)
        size += size_of(&in->entries.items[i]);
    return size <= ENTRIES_BYTES_MAX ||
           fail_api(call->fail, EVENTS_VALIDATION, "Total size of the entries in the request is over the limit.");
}

struct entry_error {
    const char *code, *message;
};

static bool is_object(struct str text)
{
    struct json_value value;

    return json_text_read(text, &value) && value.kind == JSON_OBJECT;
}

static struct entry_error error_of(const struct call *call, const struct events_put_events_request_entry *entry)
{
    const struct {
        bool wrong;
        struct entry_error error;
    } rows[] = {
        {entry->source.len == 0,
         {"InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."}},
        {entry->detail_type.len == 0,
         {"InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."}},
        {entry->detail.len == 0,
         {"InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."}},
        {str_starts(entry->source, STR("aws.")), {"NotAuthorizedForSource", "Not authorized for the source."}},
        {!is_object(entry->detail), {"MalformedDetail", "Detail is malformed."}},
        {!event_bus_exists(call, entry->event_bus_name),
         {"InvalidArgument", "Parameter EventBusName is not valid. Reason: The event bus does not exist."}},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].wrong)
            return rows[i].error;
    return (struct entry_error){NULL, NULL};
}

static struct str publish(struct call *call, const struct events_put_events_request_entry *entry)
{
    return event_publish(call->tx, &(struct event){.account = call->principal->account,
                                                   .region = call->region,
                                                   .bus = event_bus_name(entry->event_bus_name),
                                                   .source = entry->source,
                                                   .detail_type = entry->detail_type,
                                                   .when_ms = entry->has_time ? entry->time : call->tx->now_ms,
                                                   .resources = entry->resources.items,
                                                   .resource_count = entry->resources.count,
                                                   .detail = entry->detail});
}

bool events_put_events(struct call *call, const struct events_put_events_request *in,
                       struct events_put_events_response *out)
{
    int32_t failed = 0;

    if (in->endpoint_id.ptr != NULL)
        return EVENTS_UNSUPPORTED(call, "EndpointId", "there are no global endpoints");
    if (!check_size(call, in))
        return false;
    out->entries.items = arena_array(call->arena, struct events_put_events_result_entry, in->entries.count);
    for (size_t i = 0; i < in->entries.count; i++) {
        struct events_put_events_result_entry *entry = &out->entries.items[out->entries.count++];
        struct entry_error error = error_of(call, &in->entries.items[i]);

        if (error.code == NULL) {
            entry->event_id = publish(call, &in->entries.items[i]);
            continue;
        }
        entry->error_code = str_of(error.code);
        entry->error_message = str_of(error.message);
        failed++;
    }
    SET(out, failed_entry_count, failed);
    return true;
}

/* ---- TestEventPattern ---- */

static bool has_members(struct str event)
{
    static const char *const names[] = {"id", "account", "source", "time", "region", "resources", "detail-type"};
    struct json_value root;
    size_t found = 0;

    if (!json_text_read(event, &root) || root.kind != JSON_OBJECT)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct json_text_walk walk = json_text_walk(root);
        struct json_value value;
        struct str key;

        while (json_text_next(&walk, &key, &value))
            if (json_text_string_is(key, str_of(names[i]))) {
                found++;
                break;
            }
    }
    return found == COUNT_OF(names);
}

bool events_test_event_pattern(struct call *call, const struct events_test_event_pattern_request *in,
                               struct events_test_event_pattern_response *out)
{
    const struct event_pattern *pattern;
    struct arena arena;
    bool good;

    if (!has_members(in->event))
        return fail_api(call->fail, EVENTS_VALIDATION, "Parameter Event is not valid.");
    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES + EVENT_PATTERN_SCRATCH_BYTES(in->event.len));
    good = event_pattern_read(in->event_pattern, &arena, &pattern, call->fail);
    if (good)
        SET(out, result, event_pattern_matches(pattern, in->event, &arena));
    arena_free(&arena);
    return good;
}
