#include "plane/vpc/tag.h"

#include "base/must.h"
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

enum { TAGS_MAX = 50, KEY_MAX = 128, VALUE_MAX = 256, PAGE_MIN = 5, PAGE_MAX = 1000, RESOURCES_MAX = 1000 };

bool ec2_tags_check(const struct ec2_tag_list *tags, struct fail *f)
{
    if (tags->count > TAGS_MAX)
        return fail_api(f, "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
    for (size_t i = 0; i < tags->count; i++) {
        struct str key = tags->items[i].key;

        if (key.len == 0 || str_characters(key) > KEY_MAX)
            return fail_api(f, "InvalidParameterValue", "Tag key length must be between 1 and %d characters: '%.*s'",
                            KEY_MAX, STR_ARG(key));
        if (str_characters(tags->items[i].value) > VALUE_MAX)
            return fail_api(f, "InvalidParameterValue", "Tag value exceeds the maximum length of %d characters",
                            VALUE_MAX);
        if (str_starts_nocase(key, STR("aws:")))
            return fail_api(f, "InvalidParameterValue",
                            "Tag keys starting with 'aws:' are reserved for internal use: '%.*s'", STR_ARG(key));
        for (size_t k = 0; k < i; k++)
            if (str_eq(key, tags->items[k].key))
                return fail_api(f, "InvalidParameterValue", "Duplicate tag key '%.*s' specified.", STR_ARG(key));
    }
    return true;
}

struct ec2_tag_list ec2_tags_merge(struct arena *arena, const struct ec2_tag_list *tags,
                                   const struct ec2_tag_list *more)
{
    struct ec2_tag_list all = {arena_array(arena, struct ec2_tag, tags->count + more->count + 1), tags->count};

    if (tags->count > 0)
        memcpy(all.items, tags->items, tags->count * sizeof(*all.items));
    for (size_t i = 0; i < more->count; i++) {
        size_t at = 0;

        while (at < all.count && !str_eq(all.items[at].key, more->items[i].key))
            at++;
        all.items[at] = more->items[i];
        if (all.items[at].value.ptr == NULL)
            all.items[at].value = STR("");
        all.count = at == all.count ? all.count + 1 : all.count;
    }
    return all;
}

/* ---- CreateTags, DeleteTags ---- */

static bool find(const struct call *call, struct str id, const struct resource_kind **ret_kind, const void **ret_record)
{
    *ret_kind = resource_kind_of(id);
    if (*ret_kind == NULL)
        return fail_api(call->fail, "InvalidID", "The ID '%.*s' is not valid", STR_ARG(id));
    return resource_find(call, *ret_kind, id, ret_record);
}

bool ec2_create_tags(struct call *call, const struct ec2_create_tags_request *in, void *out)
{
    (void)out;
    if (in->tags.count == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter tagSet");
    if (in->resources.count > RESOURCES_MAX)
        return fail_api(call->fail, "InvalidParameterValue", "At most %d resources", RESOURCES_MAX);
    if (!ec2_tags_check(&in->tags, call->fail))
        return false;
    for (size_t i = 0; i < in->resources.count; i++) {
        const struct resource_kind *kind;
        const void *record;
        struct ec2_tag_list all;

        if (!find(call, in->resources.items[i], &kind, &record))
            return false;
        all = ec2_tags_merge(call->arena, kind->tags(record), &in->tags);
        if (!ec2_tags_check(&all, call->fail))
            return false;
        kind->put_tags(call, record, all);
    }
    return true;
}

/* No tags: all go. A tag without value: whatever its value. With one: only if it has that value. */
static bool is_deleted(const struct ec2_tag *tag, const struct ec2_tag_list *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (str_eq(tag->key, wanted->items[i].key) &&
            (wanted->items[i].value.ptr == NULL || str_eq(tag->value, wanted->items[i].value)))
            return true;
    return wanted->count == 0;
}

bool ec2_delete_tags(struct call *call, const struct ec2_delete_tags_request *in, void *out)
{
    (void)out;
    for (size_t i = 0; i < in->resources.count; i++) {
        const struct resource_kind *kind;
        const void *record;
        const struct ec2_tag_list *before;
        struct ec2_tag_list after;

        if (!find(call, in->resources.items[i], &kind, &record))
            return false;
        before = kind->tags(record);
        after = (struct ec2_tag_list){arena_array(call->arena, struct ec2_tag, before->count + 1), 0};
        for (size_t k = 0; k < before->count; k++)
            if (!is_deleted(&before->items[k], &in->tags))
                after.items[after.count++] = before->items[k];
        kind->put_tags(call, record, after);
    }
    return true;
}

/* ---- DescribeTags ---- */

static const struct filter_field fields[] = {
    {"key", "Key"},
    {"resource-id", "ResourceId"},
    {"resource-type", "ResourceType"},
    {"value", "Value"},
};
static const struct filter_table filters = {&ec2_tag_description_shape, fields, COUNT_OF(fields), NULL};

struct tag_walk {
    struct call *call;
    const struct ec2_describe_tags_request *in;
    struct ec2_tag_description_list *out;
    size_t capacity, skip, limit;
    bool more;
};

static void take_tag(struct tag_walk *walk, const struct ec2_tag_description *tag)
{
    if (!filters_match(&filters, &walk->in->filters, tag))
        return;
    if (walk->skip > 0) {
        walk->skip--;
        return;
    }
    if (walk->out->count == walk->limit) {
        walk->more = true;
        return;
    }
    if (walk->out->count == walk->capacity) {
        struct ec2_tag_description *old = walk->out->items;

        walk->capacity *= 2;
        walk->out->items = arena_array(walk->call->arena, struct ec2_tag_description, walk->capacity);
        memcpy(walk->out->items, old, walk->out->count * sizeof(*old));
    }
    walk->out->items[walk->out->count++] = *tag;
}

static void take_tags(struct tag_walk *walk, const struct resource_kind *kind, struct str id, const void *record)
{
    const struct ec2_tag_list *tags = kind->tags(record);

    for (size_t i = 0; i < tags->count; i++)
        take_tag(walk, &(struct ec2_tag_description){.key = tags->items[i].key,
                                                     .value = tags->items[i].value,
                                                     .resource_id = id,
                                                     .resource_type = kind->type});
}

static void take_rules(struct tag_walk *tags, const struct security_group_record *group)
{
    for (size_t i = 0; i < group->rules.count; i++)
        take_tags(tags, &security_group_rule_kind, group->rules.items[i].security_group_rule_id,
                  &group->rules.items[i]);
}

/* The id is the last part of the record's key. */
static void take_kind(struct tag_walk *tags, const struct resource_kind *kind)
{
    struct walk walk =
        transaction_walk(tags->call->tx, kind->table, NULL,
                         KEY_PREFIX(tags->call->arena, tags->call->principal->account, tags->call->region));
    const void *record;

    while ((record = walk_next(&walk)) != NULL) {
        if (kind == &security_group_rule_kind)
            take_rules(tags, record);
        else
            take_tags(tags, kind, str_from(walk.at, walk.prefix.len), record);
    }
}

bool ec2_describe_tags(struct call *call, const struct ec2_describe_tags_request *in,
                       struct ec2_describe_tags_result *out)
{
    struct tag_walk walk = {.call = call, .in = in, .out = &out->tags, .capacity = 64};
    const struct resource_kind *const *kinds;
    struct str after;
    uint64_t skip = 0;
    size_t count;

    if (in->has_max_results && (in->max_results < PAGE_MIN || in->max_results > PAGE_MAX))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value ( %d ) for parameter maxResults is invalid. Expecting a value %s than %d.",
                        in->max_results, in->max_results < PAGE_MIN ? "greater" : "smaller",
                        in->max_results < PAGE_MIN ? PAGE_MIN : PAGE_MAX);
    if (!filters_check(&filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &after, call->fail))
        return false;
    if (after.len > 0 && !str_to_uint64(after, &skip))
        return fail_api(call->fail, "InvalidNextToken", "Invalid token: %.*s", STR_ARG(in->next_token));
    walk.skip = (size_t)skip;
    walk.limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT;
    out->tags.items = arena_array(call->arena, struct ec2_tag_description, walk.capacity);
    kinds = resource_kinds(&count);
    for (size_t i = 0; i < count; i++)
        take_kind(&walk, kinds[i]);
    if (walk.more)
        out->next_token = page_token(call->arena, arena_printf(call->arena, "%zu", (size_t)skip + out->tags.count));
    return true;
}
