/* Tags of repositories: keys and values that people hang on them. (Tags of images are image_tag records.) */
#include "base/must.h"
#include "plane/ecr/operations.h"

/* Amazon ECR user guide, "Tagging a private repository", tag restrictions. */
enum { TAGS_MAX = 50, TAG_KEY_CHARACTERS_MAX = 128, TAG_VALUE_CHARACTERS_MAX = 256 };

static bool check_tag(const struct ecr_tag *tag, struct fail *f)
{
    if (tag->key.len < 1 || str_characters(tag->key) > TAG_KEY_CHARACTERS_MAX)
        return fail_api(f, ECR_ERROR_INVALID_TAG_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'tags' failed to satisfy constraint: 'a tag key has 1 to %d characters'",
                        TAG_KEY_CHARACTERS_MAX);
    if (str_characters(tag->value) > TAG_VALUE_CHARACTERS_MAX)
        return fail_api(f, ECR_ERROR_INVALID_TAG_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'tags' failed to satisfy constraint: 'the value of tag %.*s has more "
                        "than %d characters'",
                        STR_ARG(tag->key), TAG_VALUE_CHARACTERS_MAX);
    if (str_starts_nocase(tag->key, STR("aws:")))
        return fail_api(f, ECR_ERROR_INVALID_TAG_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'tags' failed to satisfy constraint: 'tag keys that begin with aws: are "
                        "reserved'");
    return true;
}

bool repository_tags_check(const struct ecr_tag_list *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (!check_tag(&tags->items[i], f))
            return false;
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->items[i].key, tags->items[k].key))
                return fail_api(f, ECR_ERROR_INVALID_TAG_PARAMETER_EXCEPTION,
                                "Invalid parameter at 'tags' failed to satisfy constraint: 'tag key %.*s is there "
                                "twice'",
                                STR_ARG(tags->items[i].key));
    }
    return tags->count <= TAGS_MAX ||
           fail_api(f, ECR_ERROR_TOO_MANY_TAGS_EXCEPTION, "A repository can have at most %d tags", TAGS_MAX);
}

/* "arn:aws:ecr:REGION:ACCOUNT:repository/NAME", in the region that is asked. */
static bool repository_of_arn(const struct call *call, struct str arn, const struct repository_record **ret_record)
{
    struct repository_ref ref = {.registry.region = call->region};
    struct str rest = arn;

    for (int i = 0; i < 4; i++)
        (void)str_cut(rest, ':', &rest);
    ref.registry.account = str_cut(rest, ':', &rest);
    if (rest.ptr != NULL && str_starts(rest, STR("repository/")))
        ref.name = str_from(rest, strlen("repository/"));
    if (ref.name.len == 0 || !str_eq(repository_arn(call->arena, &ref), arn))
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'must be the ARN of a "
                        "repository in %.*s'",
                        STR_ARG(call->region));
    return repository_find(call->tx, &ref, ret_record, call->fail);
}

static struct ecr_tag *find_tag(const struct ecr_tag_list *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq(tags->items[i].key, key))
            return &tags->items[i];
    return NULL;
}

/* New keys come behind, those that are there get the new value. */
static struct ecr_tag_list merged(const struct call *call, const struct ecr_tag_list *before,
                                  const struct ecr_tag_list *more)
{
    struct ecr_tag_list all = {arena_array(call->arena, struct ecr_tag, before->count + more->count + 1),
                               before->count};

    if (before->count > 0)
        memcpy(all.items, before->items, before->count * sizeof(*all.items));
    for (size_t i = 0; i < more->count; i++) {
        struct ecr_tag *same = find_tag(&all, more->items[i].key);

        if (same != NULL)
            same->value = more->items[i].value;
        else
            all.items[all.count++] = more->items[i];
    }
    return all;
}

bool ecr_tag_resource(struct call *call, const struct ecr_tag_resource_request *in,
                      struct ecr_tag_resource_response *out)
{
    const struct repository_record *before;
    struct repository_record record;

    (void)out;
    if (!repository_tags_check(&in->tags, call->fail) || !repository_of_arn(call, in->resource_arn, &before))
        return false;
    record = *before;
    record.tags = merged(call, &before->tags, &in->tags);
    if (!repository_tags_check(&record.tags, call->fail))
        return false;
    must(transaction_put(call->tx, &repository_table, &record));
    return true;
}

bool ecr_untag_resource(struct call *call, const struct ecr_untag_resource_request *in,
                        struct ecr_untag_resource_response *out)
{
    const struct repository_record *before;
    struct repository_record record;

    (void)out;
    if (!repository_of_arn(call, in->resource_arn, &before))
        return false;
    record = *before;
    record.tags = (struct ecr_tag_list){arena_array(call->arena, struct ecr_tag, before->tags.count + 1), 0};
    for (size_t i = 0; i < before->tags.count; i++)
        if (!str_is_among(before->tags.items[i].key, in->tag_keys.items, in->tag_keys.count))
            record.tags.items[record.tags.count++] = before->tags.items[i];
    must(transaction_put(call->tx, &repository_table, &record));
    return true;
}

bool ecr_list_tags_for_resource(struct call *call, const struct ecr_list_tags_for_resource_request *in,
                                struct ecr_list_tags_for_resource_response *out)
{
    const struct repository_record *record;

    if (!repository_of_arn(call, in->resource_arn, &record))
        return false;
    out->tags = record->tags;
    if (out->tags.items == NULL)
        out->tags.items = arena_alloc(call->arena, 0); /* an empty list, not an absent one */
    return true;
}
