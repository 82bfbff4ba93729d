#include "plane/ecr/access.h"

#include "plane/ecr/registry.h"

/* "arn:aws:ecr:REGION:ACCOUNT:repository/NAME" */
static bool parse(struct str arn, struct repository_ref *ret_ref)
{
    struct str rest = arn;

    for (int i = 0; i < 3; i++)
        (void)str_cut(rest, ':', &rest);
    ret_ref->registry.region = str_cut(rest, ':', &rest);
    ret_ref->registry.account = str_cut(rest, ':', &rest);
    if (!str_starts(rest, STR("repository/")))
        return false;
    ret_ref->name = str_from(rest, strlen("repository/"));
    return true;
}

/* NULL: there is none. */
static const struct repository_record *repository_at(const struct call *call, struct str arn)
{
    struct repository_ref ref;
    const struct repository_record *repository;
    struct fail ignored;

    return parse(arn, &ref) && repository_find(call->tx, &ref, &repository, &ignored) ? repository : NULL;
}

static struct str tag_of(const struct call *call, struct str resource, struct str key)
{
    const struct repository_record *repository = repository_at(call, resource);

    for (size_t i = 0; repository != NULL && i < repository->tags.count; i++)
        if (str_eq_nocase(repository->tags.items[i].key, key)) /* as all condition keys */
            return repository->tags.items[i].value;
    return (struct str){NULL, 0};
}

static const struct policy_document *policy_of(const struct call *call, struct str resource)
{
    const struct repository_record *repository = repository_at(call, resource);

    return repository == NULL ? NULL : repository->policy;
}

/* What is about no repository is about the caller's own registry. */
static bool registry_policy_of(const struct call *call, const struct ask *ask, struct policy_named *ret_policy)
{
    struct repository_ref ref;
    struct registry_record registry;

    if (!parse(ask->resource, &ref))
        ref.registry = (struct registry_id){call->principal->account, call->region};
    registry = registry_find(call->tx, &ref.registry);
    if (registry.policy == NULL || !registry_policy_covers(&registry, str_of(ask->action)))
        return false;
    ret_policy->name = arena_printf(call->arena, "the registry's policy, %.*s in %.*s", STR_ARG(ref.registry.account),
                                    STR_ARG(ref.registry.region));
    ret_policy->document = registry.policy;
    return true;
}

const struct access_spec ecr_access = {.tag = tag_of, .policy = policy_of, .outer_policy = registry_policy_of};
