/* Event buses: making, changing, listing. */
#include "base/must.h"
#include "plane/events/operations.h"

/* ---- CreateEventBus ---- */

struct bus_refusals {
    bool source, key, dead_letters, log;
};

static bool check_refusals(const struct call *call, struct bus_refusals asked)
{
    if (asked.source)
        return EVENTS_UNSUPPORTED(call, "EventSourceName", "there are no partner event sources");
    if (asked.key)
        return EVENTS_UNSUPPORTED(call, "KmsKeyIdentifier", "there is no KMS to encrypt events with");
    if (asked.dead_letters)
        return EVENTS_UNSUPPORTED(call, "DeadLetterConfig", "there is no Amazon SQS");
    return !asked.log || EVENTS_UNSUPPORTED(call, "LogConfig", "buses do not log what they do");
}

static bool check_name(const struct call *call, struct str name)
{
    if (str_find(name, '/') < name.len)
        return fail_api(call->fail, EVENTS_VALIDATION,
                        "Parameter Name is not valid. Reason: Only the buses of partner event sources have a '/' in "
                        "their names.");
    return !event_bus_exists(call, name) || fail_api(call->fail, EVENTS_ERROR_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                                                     "Event bus %.*s already exists.", STR_ARG(name));
}

static struct walk buses_walk(const struct call *call, struct str prefix)
{
    struct str all = KEY_PREFIX(call->arena, call->principal->account, call->region);

    return transaction_walk(call->tx, &event_bus_table, NULL,
                            arena_printf(call->arena, "%.*s%.*s", STR_ARG(all), STR_ARG(prefix)));
}

static bool check_count(const struct call *call)
{
    struct walk walk = buses_walk(call, (struct str){NULL, 0});
    size_t count = 1; /* the default one */

    while (walk_next(&walk) != NULL)
        count++;
    return count < BUSES_MAX || fail_api(call->fail, EVENTS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                                         "The requested resource exceeds the maximum number allowed.");
}

bool events_create_event_bus(struct call *call, const struct events_create_event_bus_request *in,
                             struct events_create_event_bus_response *out)
{
    struct events_event_bus bus = {
        .name = in->name, .arn = event_bus_arn(call, in->name), .description = in->description};
    struct event_bus_record record = {.account_id = call->principal->account, .region = call->region, .bus = &bus};
    const struct bus_refusals asked = {in->event_source_name.ptr != NULL, in->kms_key_identifier.len > 0,
                                       in->dead_letter_config != NULL, in->log_config != NULL};

    if (!check_refusals(call, asked) || !check_name(call, in->name) || !check_count(call) ||
        !event_tags_merge(call, &record.tags, &in->tags, &record.tags))
        return false;
    SET(&bus, creation_time, call->tx->now_ms);
    SET(&bus, last_modified_time, call->tx->now_ms);
    must(transaction_put(call->tx, &event_bus_table, &record));
    out->event_bus_arn = bus.arn;
    out->description = bus.description;
    return true;
}

/* ---- UpdateEventBus, DeleteEventBus ---- */

bool events_update_event_bus(struct call *call, const struct events_update_event_bus_request *in,
                             struct events_update_event_bus_response *out)
{
    const struct bus_refusals asked = {false, in->kms_key_identifier.len > 0, in->dead_letter_config != NULL,
                                       in->log_config != NULL};
    const struct event_bus_record *old = event_bus_made(call, event_bus_name(in->name));
    struct event_bus_record record;
    struct events_event_bus bus;

    if (!event_bus_check(call, in->name) || !check_refusals(call, asked))
        return false;
    if (old == NULL)
        return EVENTS_UNSUPPORTED(call, "Name", "the default event bus is as it is");
    record = *old;
    bus = *old->bus;
    record.bus = &bus;
    if (in->description.ptr != NULL)
        bus.description = in->description;
    SET(&bus, last_modified_time, call->tx->now_ms);
    must(transaction_put(call->tx, &event_bus_table, &record));
    out->arn = bus.arn;
    out->name = bus.name;
    out->description = bus.description;
    return true;
}

/* A bus that does not exist is deleted already. */
bool events_delete_event_bus(struct call *call, const struct events_delete_event_bus_request *in, struct nothing *out)
{
    struct walk rules = event_rules_walk(call, in->name, (struct str){NULL, 0});

    (void)out;
    if (event_bus_is_default(in->name))
        return fail_api(call->fail, EVENTS_VALIDATION, "Cannot delete event bus " EVENT_BUS_NAME ".");
    if (event_rules_next(&rules, in->name) != NULL)
        return fail_api(call->fail, EVENTS_VALIDATION, "Event bus %.*s can't be deleted since it has rules.",
                        STR_ARG(in->name));
    transaction_delete(call->tx, &event_bus_table, KEY(call->arena, call->principal->account, call->region, in->name));
    return true;
}

/* ---- showing ---- */

bool events_describe_event_bus(struct call *call, const struct events_describe_event_bus_request *in,
                               struct events_describe_event_bus_response *out)
{
    struct str name = event_bus_name(in->name);
    const struct event_bus_record *made = event_bus_made(call, name);

    if (!event_bus_check(call, in->name))
        return false;
    out->name = name;
    out->arn = event_bus_arn(call, name);
    if (made == NULL)
        return true;
    out->description = made->bus->description;
    SET(out, creation_time, made->bus->creation_time);
    SET(out, last_modified_time, made->bus->last_modified_time);
    return true;
}

/* The default bus first, on the first page. */
bool events_list_event_buses(struct call *call, const struct events_list_event_buses_request *in,
                             struct events_list_event_buses_response *out)
{
    struct walk walk = buses_walk(call, in->name_prefix);
    const struct event_bus_record *made;
    struct str after;

    if (!page_begin(call->arena, in->next_token, EVENTS_VALIDATION, &after, call->fail))
        return false;
    out->event_buses.items = arena_array(call->arena, struct events_event_bus, EVENTS_PAGE(in) + 1);
    if (after.ptr == NULL && str_starts(STR(EVENT_BUS_NAME), in->name_prefix))
        out->event_buses.items[out->event_buses.count++] =
            (struct events_event_bus){.name = STR(EVENT_BUS_NAME), .arn = event_bus_arn(call, STR(EVENT_BUS_NAME))};
    if (after.ptr != NULL && !event_bus_is_default(after))
        walk.at = KEY(call->arena, call->principal->account, call->region, after);
    while ((made = walk_next(&walk)) != NULL) {
        if (out->event_buses.count == EVENTS_PAGE(in)) {
            out->next_token = page_token(call->arena, out->event_buses.items[out->event_buses.count - 1].name);
            break;
        }
        out->event_buses.items[out->event_buses.count++] = *made->bus;
    }
    return true;
}
