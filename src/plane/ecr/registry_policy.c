/* The registry's own policy, over all its repositories: who of other accounts may create, push and pull there, and what
 * nobody may (user guide, "Private registry permissions in Amazon ECR"). */
#include "base/must.h"
#include "plane/ecr/access.h"
#include "plane/ecr/operations.h"
#include "plane/ecr/registry.h"
#include "plane/iam/principal_ids.h"

static struct registry_record own_registry(const struct call *call)
{
    return registry_find(call->tx, &(struct registry_id){call->principal->account, call->region});
}

/* ---- PutRegistryPolicy ---- */

static bool refuse(const struct call *call, const char *reason)
{
    return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy "
                    "provided: %s'",
                    reason);
}

/* With scope V1 "if any additional actions are added to the registry policy, an error will occur". */
static bool check_scope(const struct call *call, const struct registry_record *registry,
                        const struct policy_document *document)
{
    for (size_t i = 0; i < document->statements.count; i++) {
        const struct policy_statement *statement = &document->statements.items[i];

        for (size_t k = 0; k < statement->actions.count; k++)
            if (!str_is(statement->actions.items[k], "ecr:*") &&
                (statement->not_action || !registry_policy_covers(registry, statement->actions.items[k])))
                return refuse(call, "with REGISTRY_POLICY_SCOPE V1 its actions may only be ecr:ReplicateImage, "
                                    "ecr:BatchImportUpstreamImage, ecr:CreateRepository and ecr:*");
    }
    return true;
}

/* As no repository's policy may without `force`, which this operation does not have. */
static bool still_allowed(const struct call *call)
{
    struct fail ignored;
    struct call later = *call;

    later.fail = &ignored;
    return iam_allows(&later, &ecr_access, "ecr:PutRegistryPolicy", STR("*")) ||
           refuse(call, "it would prevent you from setting another one in the future");
}

bool ecr_put_registry_policy(struct call *call, const struct ecr_put_registry_policy_request *in,
                             struct ecr_put_registry_policy_response *out)
{
    struct registry_record registry = own_registry(call);
    struct str unknown;
    struct fail f;

    if (!policy_read(in->policy_text, POLICY_RESOURCE, call->arena, &registry.policy, &f))
        return refuse(call, f.message);
    registry.policy_text = in->policy_text;
    if (!check_scope(call, &registry, registry.policy))
        return false;
    if (!principal_ids_put(call->tx, registry.policy, &unknown))
        return fail_principal(call, unknown);
    must(transaction_put(call->tx, &registry_table, &registry));
    out->registry_id = registry.account_id;
    out->policy_text = in->policy_text;
    return still_allowed(call);
}

/* ---- GetRegistryPolicy, DeleteRegistryPolicy ---- */

static struct str shown(const struct call *call, const struct registry_record *registry)
{
    return principal_ids_shown(call->tx, registry->policy_text, registry->policy, POLICY_RESOURCE, call->arena);
}

static bool find_with_policy(const struct call *call, struct registry_record *ret_registry)
{
    *ret_registry = own_registry(call);
    return ret_registry->policy_text.ptr != NULL ||
           fail_api(call->fail, ECR_ERROR_REGISTRY_POLICY_NOT_FOUND_EXCEPTION,
                    "Registry policy does not exist in the registry with id '%.*s'", STR_ARG(ret_registry->account_id));
}

bool ecr_get_registry_policy(struct call *call, const struct ecr_get_registry_policy_request *in,
                             struct ecr_get_registry_policy_response *out)
{
    struct registry_record registry;

    (void)in;
    if (!find_with_policy(call, &registry))
        return false;
    out->registry_id = registry.account_id;
    out->policy_text = shown(call, &registry);
    return true;
}

bool ecr_delete_registry_policy(struct call *call, const struct ecr_delete_registry_policy_request *in,
                                struct ecr_delete_registry_policy_response *out)
{
    struct registry_record registry;

    (void)in;
    if (!find_with_policy(call, &registry))
        return false;
    out->registry_id = registry.account_id;
    out->policy_text = shown(call, &registry);
    registry.policy_text = (struct str){NULL, 0};
    registry.policy = NULL;
    must(transaction_put(call->tx, &registry_table, &registry));
    return true;
}
