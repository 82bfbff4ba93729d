/* Tags of alarms, and what policies see of them. */
#include "base/must.h"
#include "plane/cloudwatch/access.h"
#include "plane/cloudwatch/operations.h"

enum { TAGS_MAX = 50 };

/* New keys come behind, those that are there get the new value. The list has room. */
static void set_tag(struct cloudwatch_tag_list *tags, const struct cloudwatch_tag *tag)
{
    size_t at = 0;

    while (at < tags->count && !str_eq(tags->items[at].key, tag->key))
        at++;
    tags->items[at] = *tag;
    tags->count = at == tags->count ? at + 1 : tags->count;
}

bool alarm_tags_merge(const struct call *call, const struct cloudwatch_tag_list *old,
                      const struct cloudwatch_tag_list *new, struct cloudwatch_tag_list *ret_tags)
{
    struct cloudwatch_tag_list all = {arena_array(call->arena, struct cloudwatch_tag, old->count + new->count + 1), 0};

    for (size_t i = 0; i < old->count; i++)
        set_tag(&all, &old->items[i]);
    for (size_t i = 0; i < new->count; i++) {
        if (str_starts_nocase(new->items[i].key, STR("aws:")))
            return fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION,
                            "aws: prefixed tag key names are not allowed for external use.");
        set_tag(&all, &new->items[i]);
    }
    if (all.count > TAGS_MAX)
        return fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION,
                        "A resource can have at most %d tags.", TAGS_MAX);
    *ret_tags = all;
    return true;
}

/* The alarm that an ARN names in the caller's account and region, or NULL. */
static const struct alarm_record *named_by(const struct call *call, struct str arn)
{
    struct str prefix = alarm_arn(call->arena, call->principal->account, call->region, STR(""));

    if (!str_starts(arn, prefix))
        return NULL;
    return alarm_named(call->tx, call->principal->account, call->region, str_from(arn, prefix.len));
}

static bool find(const struct call *call, struct str arn, const struct alarm_record **ret_alarm)
{
    if (!str_starts(arn, STR("arn:")))
        return fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION, "Invalid ARN: %.*s",
                        STR_ARG(arn));
    *ret_alarm = named_by(call, arn);
    return *ret_alarm != NULL ||
           fail_api(call->fail, CLOUDWATCH_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "Unknown resource: %.*s", STR_ARG(arn));
}

static void put_tags(const struct call *call, const struct alarm_record *alarm, struct cloudwatch_tag_list tags)
{
    struct alarm_record record = *alarm;

    record.tags = tags;
    must(transaction_put(call->tx, &alarm_table, &record));
}

bool cloudwatch_tag_resource(struct call *call, const struct cloudwatch_tag_resource_input *in,
                             struct cloudwatch_tag_resource_output *out)
{
    const struct alarm_record *alarm;
    struct cloudwatch_tag_list tags;

    (void)out;
    if (!find(call, in->resource_arn, &alarm) || !alarm_tags_merge(call, &alarm->tags, &in->tags, &tags))
        return false;
    put_tags(call, alarm, tags);
    return true;
}

bool cloudwatch_untag_resource(struct call *call, const struct cloudwatch_untag_resource_input *in,
                               struct cloudwatch_untag_resource_output *out)
{
    const struct alarm_record *alarm;
    struct cloudwatch_tag_list tags = {NULL, 0};

    (void)out;
    if (!find(call, in->resource_arn, &alarm))
        return false;
    tags.items = arena_array(call->arena, struct cloudwatch_tag, alarm->tags.count + 1);
    for (size_t i = 0; i < alarm->tags.count; i++)
        if (!str_is_among(alarm->tags.items[i].key, in->tag_keys.items, in->tag_keys.count))
            tags.items[tags.count++] = alarm->tags.items[i];
    put_tags(call, alarm, tags);
    return true;
}

bool cloudwatch_list_tags_for_resource(struct call *call, const struct cloudwatch_list_tags_for_resource_input *in,
                                       struct cloudwatch_list_tags_for_resource_output *out)
{
    const struct alarm_record *alarm;

    if (!find(call, in->resource_arn, &alarm))
        return false;
    out->tags = alarm->tags;
    if (out->tags.items == NULL)
        out->tags.items = arena_new(call->arena, struct cloudwatch_tag);
    return true;
}

/* ---- for policies ---- */

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct alarm_record *alarm = named_by(call, arn);

    for (size_t i = 0; alarm != NULL && i < alarm->tags.count; i++)
        if (str_eq_nocase(alarm->tags.items[i].key, key))
            return alarm->tags.items[i].value;
    return (struct str){NULL, 0};
}

static const struct condition_key keys[] = {{"cloudwatch:namespace", "Namespace", NULL}};
static const struct condition_list lists[] = {
    {"cloudwatch:AlarmActions", "AlarmActions", NULL},
};

const struct access_spec cloudwatch_access = {
    .keys = keys, .key_count = COUNT_OF(keys), .lists = lists, .list_count = COUNT_OF(lists), .tag = tag_of};
