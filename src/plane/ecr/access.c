#include "plane/ecr/access.h"

#include "plane/ecr/ecr.h"

/* The repository of "arn:aws:ecr:REGION:ACCOUNT:repository/NAME"; NULL: there is none. */
static const struct repository_record *repository_at(const struct call *call, struct str arn)
{
    struct repository_ref ref = {0};
    const struct repository_record *repository;
    struct str rest = arn;
    struct fail ignored;

    for (int i = 0; i < 3; i++)
        (void)str_cut(rest, ':', &rest);
    ref.registry.region = str_cut(rest, ':', &rest);
    ref.registry.account = str_cut(rest, ':', &rest);
    if (!str_starts(rest, STR("repository/")))
        return NULL;
    ref.name = str_from(rest, strlen("repository/"));
    return repository_find(call->tx, &ref, &repository, &ignored) ? repository : NULL;
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

const struct access_spec ecr_access = {.tag = tag_of, .policy = policy_of};
