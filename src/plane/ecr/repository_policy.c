/* A repository's own policy: who may pull and push beside those whom their own policies let (user guide, "Private
 * repository policies in Amazon ECR"). */
#include "base/must.h"
#include "plane/ecr/access.h"
#include "plane/ecr/operations.h"
#include "plane/iam/principal_ids.h"

static bool put(struct call *call, const struct repository_record *repository, struct str text,
                const struct policy_document *document)
{
    struct repository_record changed = *repository;

    changed.policy_text = text;
    changed.policy = (struct policy_document *)(uintptr_t)document;
    must(transaction_put(call->tx, &repository_table, &changed));
    return true;
}

bool fail_principal(const struct call *call, struct str unknown)
{
    return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found: %.*s'",
                    STR_ARG(unknown));
}

static bool read_text(const struct call *call, struct str text, struct policy_document **ret_document)
{
    struct str unknown;
    struct fail f;

    if (!policy_read(text, POLICY_RESOURCE, call->arena, ret_document, &f))
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy "
                        "provided: %s'",
                        f.message);
    return principal_ids_put(call->tx, *ret_document, &unknown) || fail_principal(call, unknown);
}

/* API reference, SetRepositoryPolicy, force: without it nobody locks himself out of changing the policy again. */
static bool still_allowed(const struct call *call, const struct repository_ref *ref)
{
    struct fail ignored;
    struct call later = *call;

    later.fail = &ignored;
    return iam_allows(&later, &ecr_access, "ecr:SetRepositoryPolicy", repository_arn(call->arena, ref)) ||
           fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'the policy would prevent you "
                    "from setting another one in the future; set force to true to set it all the same'");
}

bool ecr_set_repository_policy(struct call *call, const struct ecr_set_repository_policy_request *in,
                               struct ecr_set_repository_policy_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;
    struct policy_document *document;

    if (!repository_find(call->tx, &ref, &repository, call->fail) || !read_text(call, in->policy_text, &document) ||
        !put(call, repository, in->policy_text, document) ||
        (!(in->has_force && in->force) && !still_allowed(call, &ref)))
        return false;
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->policy_text = in->policy_text;
    return true;
}

static struct str shown(const struct call *call, const struct repository_record *repository)
{
    return principal_ids_shown(call->tx, repository->policy_text, repository->policy, POLICY_RESOURCE, call->arena);
}

static bool find_with_policy(const struct call *call, const struct repository_ref *ref,
                             const struct repository_record **ret_repository)
{
    if (!repository_find(call->tx, ref, ret_repository, call->fail))
        return false;
    return (*ret_repository)->policy_text.ptr != NULL ||
           fail_api(call->fail, ECR_ERROR_REPOSITORY_POLICY_NOT_FOUND_EXCEPTION,
                    "Repository policy does not exist for the repository with name '%.*s' in the registry with id "
                    "'%.*s'",
                    STR_ARG(ref->name), STR_ARG(ref->registry.account));
}

bool ecr_get_repository_policy(struct call *call, const struct ecr_get_repository_policy_request *in,
                               struct ecr_get_repository_policy_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!find_with_policy(call, &ref, &repository))
        return false;
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->policy_text = shown(call, repository);
    return true;
}

bool ecr_delete_repository_policy(struct call *call, const struct ecr_delete_repository_policy_request *in,
                                  struct ecr_delete_repository_policy_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!find_with_policy(call, &ref, &repository))
        return false;
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->policy_text = shown(call, repository);
    return put(call, repository, (struct str){NULL, 0}, NULL);
}
