/* Tags of secrets. */
#include "plane/secrets/operations.h"

enum { TAGS_MAX = 50 }; /* user guide, "Tagging secrets in AWS Secrets Manager" */

bool secret_tags_check(const struct secretsmanager_tag_list_type *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (tags->items[i].key.len == 0)
            return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION, "A tag has no key.");
        if (str_starts_nocase(tags->items[i].key, STR("aws:")))
            return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid tag key '%.*s': keys that begin with aws: are reserved.",
                            STR_ARG(tags->items[i].key));
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->items[i].key, tags->items[k].key))
                return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION, "Tag key '%.*s' is there twice.",
                                STR_ARG(tags->items[i].key));
    }
    return tags->count <= TAGS_MAX || fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                                               "A secret can have at most %d tags.", TAGS_MAX);
}

/* New keys come behind, those that are there get the new value. */
static struct secretsmanager_tag_list_type merged(const struct call *call,
                                                  const struct secretsmanager_tag_list_type *before,
                                                  const struct secretsmanager_tag_list_type *more)
{
    struct secretsmanager_tag_list_type all = {
        arena_array(call->arena, struct secretsmanager_tag, before->count + more->count), before->count};

    for (size_t i = 0; i < before->count; i++)
        all.items[i] = before->items[i];
    for (size_t i = 0; i < more->count; i++) {
        size_t at = 0;

        while (at < all.count && !str_eq(all.items[at].key, more->items[i].key))
            at++;
        all.items[at] = more->items[i];
        all.count += at == all.count;
    }
    return all;
}

bool secretsmanager_tag_resource(struct call *call, const struct secretsmanager_tag_resource_request *in, void *out)
{
    const struct secret_record *secret;
    struct secret_change change;

    (void)out;
    if (!secret_tags_check(&in->tags, call->fail) || !secret_find_active(call, in->secret_id, &secret))
        return false;
    secret_change_begin(&change, secret);
    change.entry.tags = merged(call, &secret->secret->tags, &in->tags);
    if (!secret_tags_check(&change.entry.tags, call->fail))
        return false;
    secret_change_put(call->tx, &change);
    return true;
}

bool secretsmanager_untag_resource(struct call *call, const struct secretsmanager_untag_resource_request *in, void *out)
{
    const struct secret_record *secret;
    struct secret_change change;
    struct secretsmanager_tag_list_type left = {NULL, 0};

    (void)out;
    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    left.items = arena_array(call->arena, struct secretsmanager_tag, secret->secret->tags.count);
    for (size_t i = 0; i < secret->secret->tags.count; i++)
        if (!str_is_among(secret->secret->tags.items[i].key, in->tag_keys.items, in->tag_keys.count))
            left.items[left.count++] = secret->secret->tags.items[i];
    secret_change_begin(&change, secret);
    change.entry.tags = left;
    secret_change_put(call->tx, &change);
    return true;
}
