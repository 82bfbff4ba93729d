/* Tags of rules and of event buses. */
#include "base/must.h"
#include "plane/events/operations.h"

/* New keys come behind, those that are there get the new value. The list has room. */
static void set_tag(struct events_tag_list *tags, const struct events_tag *tag)
{
    size_t at = 0;

    while (at < tags->count && !str_eq(tags->items[at].key, tag->key))
        at++;
    tags->items[at] = *tag;
    tags->count = at == tags->count ? at + 1 : tags->count;
}

bool event_tags_merge(const struct call *call, const struct events_tag_list *old, const struct events_tag_list *new,
                      struct events_tag_list *ret_tags)
{
    struct events_tag_list all = {arena_array(call->arena, struct events_tag, old->count + new->count + 1), 0};

    for (size_t i = 0; i < old->count; i++)
        set_tag(&all, &old->items[i]);
    for (size_t i = 0; i < new->count; i++) {
        if (str_starts_nocase(new->items[i].key, STR("aws:")))
            return fail_api(call->fail, EVENTS_VALIDATION,
                            "aws: prefixed tag key names are not allowed for external use.");
        set_tag(&all, &new->items[i]);
    }
    if (all.count > TAGS_MAX)
        return fail_api(call->fail, EVENTS_VALIDATION, "A resource can have at most %d tags.", TAGS_MAX);
    *ret_tags = all;
    return true;
}

const struct events_tag_list *event_tags_of(const struct call *call, struct str arn)
{
    const struct rule_record *rule = event_rule_of_arn(call, arn);
    struct str name = event_bus_name(arn);
    const struct event_bus_record *bus;

    if (rule != NULL)
        return &rule->tags;
    bus = str_eq(arn, event_bus_arn(call, name)) ? event_bus_made(call, name) : NULL;
    return bus == NULL ? NULL : &bus->tags;
}

static bool find_tags(const struct call *call, struct str arn, const struct events_tag_list **ret_tags)
{
    *ret_tags = event_tags_of(call, arn);
    return *ret_tags != NULL ||
           fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                    "There is no rule or event bus %.*s; the default event bus has no tags.", STR_ARG(arn));
}

static void put_tags(struct call *call, struct str arn, struct events_tag_list tags)
{
    const struct rule_record *rule = event_rule_of_arn(call, arn);
    struct event_bus_record bus;
    struct rule_record record;

    if (rule == NULL) {
        bus = *event_bus_made(call, event_bus_name(arn));
        bus.tags = tags;
        must(transaction_put(call->tx, &event_bus_table, &bus));
        return;
    }
    record = *rule;
    record.tags = tags;
    must(transaction_put(call->tx, &event_rule_table, &record));
}

bool events_tag_resource(struct call *call, const struct events_tag_resource_request *in,
                         struct events_tag_resource_response *out)
{
    const struct events_tag_list *old;
    struct events_tag_list tags;

    (void)out;
    if (!find_tags(call, in->resource_arn, &old) || !event_tags_merge(call, old, &in->tags, &tags))
        return false;
    put_tags(call, in->resource_arn, tags);
    return true;
}

bool events_untag_resource(struct call *call, const struct events_untag_resource_request *in,
                           struct events_untag_resource_response *out)
{
    const struct events_tag_list *old;
    struct events_tag_list tags = {NULL, 0};

    (void)out;
    if (!find_tags(call, in->resource_arn, &old))
        return false;
    tags.items = arena_array(call->arena, struct events_tag, old->count + 1);
    for (size_t i = 0; i < old->count; i++)
        if (!str_is_among(old->items[i].key, in->tag_keys.items, in->tag_keys.count))
            tags.items[tags.count++] = old->items[i];
    put_tags(call, in->resource_arn, tags);
    return true;
}

bool events_list_tags_for_resource(struct call *call, const struct events_list_tags_for_resource_request *in,
                                   struct events_list_tags_for_resource_response *out)
{
    const struct events_tag_list *tags;

    if (!find_tags(call, in->resource_arn, &tags))
        return false;
    out->tags = *tags;
    if (out->tags.items == NULL)
        out->tags.items = arena_new(call->arena, struct events_tag);
    return true;
}
