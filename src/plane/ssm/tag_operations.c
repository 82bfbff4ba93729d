/* Tags of parameters. Other kinds of Systems Manager's resources do not exist here. */
#include "base/must.h"
#include "plane/ssm/operations.h"

enum { TAGS_MAX = 50 };

bool parameter_tags_check(const struct ssm_tag_list *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_starts_nocase(tags->items[i].key, STR("aws:")))
            return fail_api(f, "ValidationException", "Invalid tag key '%.*s': keys that begin with aws: are reserved.",
                            STR_ARG(tags->items[i].key));
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->items[i].key, tags->items[k].key))
                return fail_api(f, "ValidationException", "Tag key '%.*s' is there twice.",
                                STR_ARG(tags->items[i].key));
    }
    return tags->count <= TAGS_MAX ||
           fail_api(f, SSM_ERROR_TOO_MANY_TAGS_ERROR, "A parameter can have at most %d tags.", TAGS_MAX);
}

static bool tagged(const struct call *call, enum ssm_resource_type_for_tagging type, struct str id,
                   const struct parameter_record **ret_parameter)
{
    struct fail ignored;
    struct call quiet = *call;

    if (type != SSM_RESOURCE_TYPE_FOR_TAGGING_PARAMETER)
        return fail_api(call->fail, SSM_ERROR_INVALID_RESOURCE_TYPE,
                        "Berth has no resources of type %s; Parameter is the one that there is.",
                        enum_name(&ssm_resource_type_for_tagging_shape, (int)type));
    quiet.fail = &ignored;
    return parameter_find(&quiet, id, ret_parameter) ||
           fail_api(call->fail, SSM_ERROR_INVALID_RESOURCE_ID,
                    "The resource ID is not valid. Verify that you entered the correct ID and try again: %.*s",
                    STR_ARG(id));
}

/* New keys come behind, those that are there get the new value. */
static struct ssm_tag_list merged(const struct call *call, const struct ssm_tag_list *before,
                                  const struct ssm_tag_list *more)
{
    struct ssm_tag_list all = {arena_array(call->arena, struct ssm_tag, before->count + more->count), before->count};

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

bool ssm_add_tags_to_resource(struct call *call, const struct ssm_add_tags_to_resource_request *in,
                              struct ssm_add_tags_to_resource_result *out)
{
    const struct parameter_record *before;
    struct parameter_record record;

    (void)out;
    if (!parameter_tags_check(&in->tags, call->fail) || !tagged(call, in->resource_type, in->resource_id, &before))
        return false;
    record = *before;
    record.tags = merged(call, &before->tags, &in->tags);
    if (!parameter_tags_check(&record.tags, call->fail))
        return false;
    must(transaction_put(call->tx, &parameter_table, &record));
    return true;
}

bool ssm_remove_tags_from_resource(struct call *call, const struct ssm_remove_tags_from_resource_request *in,
                                   struct ssm_remove_tags_from_resource_result *out)
{
    const struct parameter_record *before;
    struct parameter_record record;

    (void)out;
    if (!tagged(call, in->resource_type, in->resource_id, &before))
        return false;
    record = *before;
    record.tags = (struct ssm_tag_list){arena_array(call->arena, struct ssm_tag, before->tags.count), 0};
    for (size_t i = 0; i < before->tags.count; i++)
        if (!str_is_among(before->tags.items[i].key, in->tag_keys.items, in->tag_keys.count))
            record.tags.items[record.tags.count++] = before->tags.items[i];
    must(transaction_put(call->tx, &parameter_table, &record));
    return true;
}

bool ssm_list_tags_for_resource(struct call *call, const struct ssm_list_tags_for_resource_request *in,
                                struct ssm_list_tags_for_resource_result *out)
{
    const struct parameter_record *parameter;

    if (!tagged(call, in->resource_type, in->resource_id, &parameter))
        return false;
    out->tag_list = parameter->tags;
    if (out->tag_list.items == NULL)
        out->tag_list.items = arena_alloc(call->arena, 0); /* an empty list, not an absent one */
    return true;
}
