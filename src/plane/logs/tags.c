#include "plane/logs/tags.h"

#include "base/must.h"
#include "plane/iam/authorize.h"
#include "plane/logs/operations.h"

enum { TAGS_MAX = 50 };

bool log_tags_check(const struct logs_tags *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_starts_nocase(tags->items[i].key, STR("aws:")))
            return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid tag key '%.*s': keys that begin with aws: are reserved for AWS",
                            STR_ARG(tags->items[i].key));
    return true;
}

static struct logs_tags_entry *find(const struct logs_tags *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq(tags->items[i].key, key))
            return &tags->items[i];
    return NULL;
}

/* New keys come behind, those that are there get the new value. */
static struct logs_tags merged(const struct call *call, const struct logs_tags *old, const struct logs_tags *new)
{
    struct logs_tags all = {arena_array(call->arena, struct logs_tags_entry, old->count + new->count + 1), old->count};

    for (size_t i = 0; i < old->count; i++)
        all.items[i] = old->items[i];
    for (size_t i = 0; i < new->count; i++) {
        struct logs_tags_entry *same = find(&all, new->items[i].key);

        if (same != NULL)
            same->value = new->items[i].value;
        else
            all.items[all.count++] = new->items[i];
    }
    return all;
}

static bool add_tags(struct call *call, const struct log_group_record *group, const struct logs_tags *tags)
{
    struct log_group_record record = *group;

    if (!log_tags_check(tags, call->fail))
        return false;
    record.tags = merged(call, &group->tags, tags);
    if (record.tags.count > TAGS_MAX)
        return fail_api(call->fail, LOGS_ERROR_TOO_MANY_TAGS_EXCEPTION, "A log group can have at most %d tags",
                        TAGS_MAX);
    must(transaction_put(call->tx, &log_group_table, &record));
    return true;
}

static bool remove_tags(struct call *call, const struct log_group_record *group, const struct str *keys, size_t count)
{
    struct log_group_record record = *group;

    record.tags.items = arena_array(call->arena, struct logs_tags_entry, group->tags.count + 1);
    record.tags.count = 0;
    for (size_t i = 0; i < group->tags.count; i++) {
        bool removed = false;

        for (size_t k = 0; k < count; k++)
            removed = removed || str_eq(group->tags.items[i].key, keys[k]);
        if (!removed)
            record.tags.items[record.tags.count++] = group->tags.items[i];
    }
    must(transaction_put(call->tx, &log_group_table, &record));
    return true;
}

/* An answer without tags is an empty map, not an absent one. */
static struct logs_tags shown(const struct call *call, const struct log_group_record *group)
{
    struct logs_tags tags = group->tags;

    if (tags.items == NULL)
        tags.items = arena_array(call->arena, struct logs_tags_entry, 1);
    return tags;
}

/* ---- by ARN ---- */

static bool tagged(const struct call *call, struct str arn, const struct log_group_record **ret_group)
{
    if (!str_starts(arn, STR("arn:")))
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid resource ARN: %.*s", STR_ARG(arn));
    return log_group_find(call, (struct str){NULL, 0}, arn, ret_group, call->fail);
}

bool logs_tag_resource(struct call *call, const struct logs_tag_resource_request *in, void *out)
{
    const struct log_group_record *group;

    (void)out;
    return tagged(call, in->resource_arn, &group) && add_tags(call, group, &in->tags);
}

bool logs_untag_resource(struct call *call, const struct logs_untag_resource_request *in, void *out)
{
    const struct log_group_record *group;

    (void)out;
    return tagged(call, in->resource_arn, &group) && remove_tags(call, group, in->tag_keys.items, in->tag_keys.count);
}

bool logs_list_tags_for_resource(struct call *call, const struct logs_list_tags_for_resource_request *in,
                                 struct logs_list_tags_for_resource_response *out)
{
    const struct log_group_record *group;

    if (!tagged(call, in->resource_arn, &group))
        return false;
    out->tags = shown(call, group);
    return true;
}

/* ---- by name, the older way ---- */

bool logs_tag_log_group(struct call *call, const struct logs_tag_log_group_request *in, void *out)
{
    const struct log_group_record *group;

    (void)out;
    return log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail) &&
           add_tags(call, group, &in->tags);
}

bool logs_untag_log_group(struct call *call, const struct logs_untag_log_group_request *in, void *out)
{
    const struct log_group_record *group;

    (void)out;
    return log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail) &&
           remove_tags(call, group, in->tags.items, in->tags.count);
}

bool logs_list_tags_log_group(struct call *call, const struct logs_list_tags_log_group_request *in,
                              struct logs_list_tags_log_group_response *out)
{
    const struct log_group_record *group;

    if (!log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail))
        return false;
    out->tags = shown(call, group);
    return true;
}

/* ---- tags in policies ---- */

/* Of a group, and of what is in it. */
static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    static const struct str streams = STR_INIT(":log-stream:");
    struct fail unanswered;
    struct str group_arn = str_to(arn, str_search(arn, streams));
    const struct log_group_record *group;

    if (!log_group_find(call, (struct str){NULL, 0}, group_arn, &group, &unanswered))
        return (struct str){NULL, 0};
    for (size_t i = 0; i < group->tags.count; i++)
        if (str_eq_nocase(group->tags.items[i].key, key))
            return group->tags.items[i].value;
    return (struct str){NULL, 0};
}

const struct access_spec logs_access = {.tag = tag_of};
