/* Tags of rules. */
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

bool event_rule_tags_merge(const struct call *call, const struct events_tag_list *old,
                           const struct events_tag_list *new, struct events_tag_list *ret_tags)
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
    if (all.count > RULE_TAGS_MAX)
        return fail_api(call->fail, EVENTS_VALIDATION, "A resource can have at most %d tags.", RULE_TAGS_MAX);
    *ret_tags = all;
    return true;
}

static void put_tags(struct call *call, const struct rule_record *rule, struct events_tag_list tags)
{
    struct rule_record record = *rule;

    record.tags = tags;
    must(transaction_put(call->tx, &event_rule_table, &record));
}

bool events_tag_resource(struct call *call, const struct events_tag_resource_request *in,
                         struct events_tag_resource_response *out)
{
    const struct rule_record *rule;
    struct events_tag_list tags;

    (void)out;
    if (!event_rule_of_arn(call, in->resource_arn, &rule) ||
        !event_rule_tags_merge(call, &rule->tags, &in->tags, &tags))
        return false;
    put_tags(call, rule, tags);
    return true;
}

bool events_untag_resource(struct call *call, const struct events_untag_resource_request *in,
                           struct events_untag_resource_response *out)
{
    const struct rule_record *rule;
    struct events_tag_list tags = {NULL, 0};

    (void)out;
    if (!event_rule_of_arn(call, in->resource_arn, &rule))
        return false;
    tags.items = arena_array(call->arena, struct events_tag, rule->tags.count + 1);
    for (size_t i = 0; i < rule->tags.count; i++)
        if (!str_is_among(rule->tags.items[i].key, in->tag_keys.items, in->tag_keys.count))
            tags.items[tags.count++] = rule->tags.items[i];
    put_tags(call, rule, tags);
    return true;
}

bool events_list_tags_for_resource(struct call *call, const struct events_list_tags_for_resource_request *in,
                                   struct events_list_tags_for_resource_response *out)
{
    const struct rule_record *rule;

    if (!event_rule_of_arn(call, in->resource_arn, &rule))
        return false;
    out->tags = rule->tags;
    if (out->tags.items == NULL)
        out->tags.items = arena_new(call->arena, struct events_tag);
    return true;
}
