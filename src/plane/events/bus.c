#include "plane/events/bus.h"

static void bus_key(const void *record, struct buf *key)
{
    const struct event_bus_record *bus = record;

    key_add(key, bus->account_id);
    key_add(key, bus->region);
    key_add(key, bus->bus->name);
}

const struct table_spec event_bus_table = {.name = "event_bus", .shape = &event_bus_record_shape, .key = bus_key};

struct str event_bus_name(struct str bus)
{
    static const struct str kind = STR_INIT(":event-bus/");
    size_t at = str_search(bus, kind);

    if (bus.ptr == NULL)
        return STR(EVENT_BUS_NAME);
    return str_starts(bus, STR("arn:")) && at < bus.len ? str_from(bus, at + kind.len) : bus;
}

bool event_bus_is_default(struct str name)
{
    return name.ptr == NULL || str_is(name, EVENT_BUS_NAME);
}

struct str event_bus_arn(const struct call *call, struct str name)
{
    return arena_printf(call->arena, "arn:aws:events:%.*s:%.*s:event-bus/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(name));
}

const struct event_bus_record *event_bus_made(const struct call *call, struct str name)
{
    return transaction_get(call->tx, &event_bus_table, KEY(call->arena, call->principal->account, call->region, name));
}

bool event_bus_exists(const struct call *call, struct str bus)
{
    struct str name = event_bus_name(bus);

    if (str_starts(bus, STR("arn:")) && !str_eq(bus, event_bus_arn(call, name)))
        return false; /* another account's, or another region's */
    return event_bus_is_default(name) || event_bus_made(call, name) != NULL;
}

bool event_bus_check(const struct call *call, struct str bus)
{
    return event_bus_exists(call, bus) || fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                                                   "Event bus %.*s does not exist.", STR_ARG(event_bus_name(bus)));
}
