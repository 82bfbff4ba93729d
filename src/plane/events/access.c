#include "plane/events/access.h"

#include "plane/events/rule.h"

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    struct str prefix = event_rule_arn(call->arena, call->principal->account, call->region, STR(""));
    const struct rule_record *rule = str_starts(arn, prefix) ? event_rule_named(call->tx, call->principal->account,
                                                                                call->region, str_from(arn, prefix.len))
                                                             : NULL;

    for (size_t i = 0; rule != NULL && i < rule->tags.count; i++)
        if (str_eq_nocase(rule->tags.items[i].key, key))
            return rule->tags.items[i].value;
    return (struct str){NULL, 0};
}

/* The keys events:source and events:detail-type have a value only where all entries of a request have the same. */
static struct str entry_key(const struct operation *operation, const void *in,
                            struct str (*of)(const struct events_put_events_request_entry *entry))
{
    const struct events_put_events_request *request = in;

    if (operation != &events_put_events_operation || in == NULL || request->entries.count == 0)
        return (struct str){NULL, 0};
    for (size_t i = 1; i < request->entries.count; i++)
        if (!str_eq(of(&request->entries.items[0]), of(&request->entries.items[i])))
            return (struct str){NULL, 0};
    return of(&request->entries.items[0]);
}

static struct str source_of(const struct events_put_events_request_entry *entry)
{
    return entry->source;
}

static struct str detail_type_of(const struct events_put_events_request_entry *entry)
{
    return entry->detail_type;
}

static struct str source_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)call;
    return entry_key(operation, in, source_of);
}

static struct str detail_type_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)call;
    return entry_key(operation, in, detail_type_of);
}

static struct str creator_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)operation;
    (void)in;
    return call->principal->account; /* rules are of their account's own making */
}

static const struct condition_key keys[] = {
    {"events:source", NULL, source_key},
    {"events:detail-type", NULL, detail_type_key},
    {"events:creatorAccount", NULL, creator_key},
};

const struct access_spec events_access = {.keys = keys, .key_count = COUNT_OF(keys), .tag = tag_of};
