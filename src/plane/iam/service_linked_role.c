#include "plane/iam/service_linked_role.h"

#include "base/must.h"
#include "plane/iam/access.h"
#include "plane/iam/authorize.h"
#include "plane/iam/aws_managed_policy.h"
#include "plane/iam/operations.h"
#include "plane/iam/principal_policy.h"

enum { USES_MAX = 100 }; /* that a deletion names */

#define DELETION_KEPT_MS (7 * DAY_MS)

/* The services that Berth has, with the names that their user guides give ("Using service-linked roles"). */
struct template
{
    const char *service, *role, *policy, *description;
    bool takes_suffix;
};

static const struct template templates[] = {
    {"ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy",
     "Role to enable Amazon ECS to manage your cluster.", false},
    {"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing",
     "AWSElasticLoadBalancingServiceRolePolicy", "Allows ELB to call AWS services on your behalf.", false},
    {"autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy",
     "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling", true},
    {"ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService",
     "AWSApplicationAutoscalingECSServicePolicy", "", false},
    {"eks.amazonaws.com", "AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy",
     "Allows Amazon EKS to call AWS services on your behalf.", false},
    {"eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup",
     "This policy allows Amazon EKS to create and manage Nodegroups", false},
    {"eks-fargate.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy",
     "This policy allows Amazon EKS to run Fargate tasks", false},
};

static const struct template *template_of(struct str service)
{
    for (size_t i = 0; i < COUNT_OF(templates); i++)
        if (str_is(service, templates[i].service))
            return &templates[i];
    return NULL;
}

/* ---- the names that follow ---- */

static struct str role_name(struct arena *arena, const struct template *of, struct str suffix)
{
    return suffix.ptr == NULL ? str_of(of->role) : arena_printf(arena, "%s_%.*s", of->role, STR_ARG(suffix));
}

static struct str role_path(struct arena *arena, struct str service)
{
    return arena_printf(arena, "%.*s%.*s/", STR_ARG(SERVICE_LINKED_PATH), STR_ARG(service));
}

struct str service_linked_role_arn(const struct call *call, struct str service, struct str suffix)
{
    const struct template *of = template_of(service);

    return iam_arn(call->arena, call->principal->account, "role", role_path(call->arena, service),
                   of == NULL ? STR("*") : role_name(call->arena, of, suffix));
}

/* ---- deletions: done or refused at once, and known for a while to who asks how they went ---- */

static void deletion_key(const void *record, struct buf *key)
{
    const struct role_deletion_record *deletion = record;

    key_add(key, deletion->account_id);
    key_add(key, deletion->task_id);
}

const struct table_spec role_deletion_table = {
    .name = "iam_role_deletion", .shape = &role_deletion_record_shape, .key = deletion_key};

static int64_t forget_deletion(struct transaction *tx, struct str key)
{
    const struct role_deletion_record *deletion = transaction_get(tx, &role_deletion_table, key);

    if (deletion == NULL)
        return WHEN_NEVER;
    if (tx->now_ms < deletion->deleted_at + DELETION_KEPT_MS)
        return deletion->deleted_at + DELETION_KEPT_MS;
    transaction_delete(tx, &role_deletion_table, key);
    return WHEN_NEVER;
}

const struct reconciler_spec role_deletion_reconciler = {"iam_role_deletion", &role_deletion_table, forget_deletion};

void role_deletion_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct role_deletion_record *deletion = after;

    (void)before;
    if (deletion != NULL)
        marks_add(marks, &role_deletion_reconciler, KEY(tx->arena, deletion->account_id, deletion->task_id));
}

/* ---- operations ---- */

static void attach_policy(const struct call *call, const struct template *of, struct str role_id)
{
    const struct managed_policy_record *policy =
        entity_by_name(call->tx, &managed_policy_table, ACCOUNT_AWS, str_of(of->policy));
    struct attachment_record attachment = {.account_id = call->principal->account, .principal_id = role_id};

    must(policy != NULL);
    attachment.policy_id = policy->policy->policy_id;
    must(transaction_put(call->tx, &attachment_table, &attachment));
}

static bool choose(const struct call *call, const struct iam_create_service_linked_role_request *in,
                   const struct template **ret_template)
{
    const struct template *of = template_of(in->aws_service_name);
    struct str name;

    if (of == NULL)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                        "Cannot find Service Linked Role template for %.*s", STR_ARG(in->aws_service_name));
    if (in->custom_suffix.ptr != NULL && !of->takes_suffix)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION, "Custom suffix is not allowed for %s",
                        of->service);
    name = role_name(call->arena, of, in->custom_suffix);
    if (role_by_name(call->tx, call->principal->account, name) != NULL)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                        "Service role name %.*s has been taken in this account, please try a different suffix.",
                        STR_ARG(name));
    *ret_template = of;
    return true;
}

static bool make(const struct call *call, const struct iam_create_service_linked_role_request *in,
                 const struct template *of, struct role_record *ret_record)
{
    struct iam_role *role = arena_new(call->arena, struct iam_role);

    role->path = role_path(call->arena, in->aws_service_name);
    role->role_name = role_name(call->arena, of, in->custom_suffix);
    role->assume_role_policy_document =
        arena_printf(call->arena,
                     "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
                     "[\"%s\"]},\"Action\":[\"sts:AssumeRole\"]}]}",
                     of->service);
    role->description = in->description;
    if (role->description.ptr == NULL && of->description[0] != '\0')
        role->description = str_of(of->description);
    if (!role_make(call, role, ret_record))
        return false;
    attach_policy(call, of, role->role_id);
    return true;
}

bool iam_create_service_linked_role(struct call *call, const struct iam_create_service_linked_role_request *in,
                                    struct iam_create_service_linked_role_response *out)
{
    const struct template *of;
    struct role_record record;

    if (!choose(call, in, &of) || !make(call, in, of, &record))
        return false;
    out->role = arena_new(call->arena, struct iam_role);
    *out->role = role_listed(call, &record);
    return true;
}

bool service_linked_role_ensure(const struct call *call, struct str service)
{
    const struct iam_create_service_linked_role_request request = {.aws_service_name = service};
    const struct template *of = template_of(service);
    struct role_record record;

    must(of != NULL);
    if (role_by_name(call->tx, call->principal->account, str_of(of->role)) != NULL)
        return true;
    return iam_allows(call, &iam_access, "iam:CreateServiceLinkedRole",
                      service_linked_role_arn(call, service, (struct str){NULL, 0})) &&
           make(call, &request, of, &record);
}

static void remove_attachments(const struct call *call, struct str role_id)
{
    struct walk walk = transaction_walk(call->tx, &attachment_table, NULL, KEY_PREFIX(call->arena, role_id));

    while (walk_next(&walk) != NULL)
        transaction_delete(call->tx, &attachment_table, walk.at);
}

/* What needs the role, by region: of two regions' things each region's stand together (the tables are in that order).
 */
static struct iam_role_usage_list_type usage_of(const struct call *call, struct str service)
{
    struct service_use uses[USES_MAX];
    size_t count = transaction_service_uses(call->tx, call->principal->account, service, uses, USES_MAX);
    struct iam_role_usage_list_type usage = {arena_array(call->arena, struct iam_role_usage_type, count), 0};

    for (size_t i = 0; i < count; i++) {
        struct iam_role_usage_type *last = usage.count == 0 ? NULL : &usage.items[usage.count - 1];

        if (last == NULL || !str_eq(last->region, uses[i].region)) {
            last = &usage.items[usage.count++];
            *last = (struct iam_role_usage_type){.region = uses[i].region,
                                                 .resources = {arena_array(call->arena, struct str, count - i), 0}};
        }
        last->resources.items[last->resources.count++] = uses[i].arn;
    }
    return usage;
}

/* "/aws-service-role/ecs.amazonaws.com/" */
static struct str service_of(const struct role_record *role)
{
    struct str rest = str_from(role->role->path, SERVICE_LINKED_PATH.len);

    return str_cut(rest, '/', &rest);
}

bool iam_delete_service_linked_role(struct call *call, const struct iam_delete_service_linked_role_request *in,
                                    struct iam_delete_service_linked_role_response *out)
{
    struct role_deletion_record deletion = {.account_id = call->principal->account};
    const struct role_record *role;
    struct str path;

    if (!role_find(call, in->role_name, &role))
        return false;
    if (!role_is_service_linked(role))
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                        "Role %.*s is not a service-linked role; delete it with DeleteRole.", STR_ARG(in->role_name));
    path = role->role->path;
    deletion.task_id = arena_printf(call->arena, "task%.*s%.*s/%.*s", STR_ARG(path), STR_ARG(role->role->role_name),
                                    STR_ARG(random_uuid(call->tx->random, call->arena)));
    SET(&deletion, deleted_at, call->tx->now_ms);
    deletion.usage = usage_of(call, service_of(role));
    if (deletion.usage.count == 0) {
        remove_attachments(call, role->role->role_id);
        role_delete(call, role);
    }
    must(transaction_put(call->tx, &role_deletion_table, &deletion));
    out->deletion_task_id = deletion.task_id;
    return true;
}

bool iam_get_service_linked_role_deletion_status(struct call *call,
                                                 const struct iam_get_service_linked_role_deletion_status_request *in,
                                                 struct iam_get_service_linked_role_deletion_status_response *out)
{
    const struct role_deletion_record *deletion = transaction_get(
        call->tx, &role_deletion_table, KEY(call->arena, call->principal->account, in->deletion_task_id));

    if (deletion == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "Deletion task %.*s cannot be found.",
                        STR_ARG(in->deletion_task_id));
    out->status =
        deletion->usage.count == 0 ? IAM_DELETION_TASK_STATUS_TYPE_SUCCEEDED : IAM_DELETION_TASK_STATUS_TYPE_FAILED;
    if (deletion->usage.count > 0) {
        out->reason = arena_new(call->arena, struct iam_deletion_task_failure_reason_type);
        out->reason->reason = STR("The role is needed by resources of its service: delete these first.");
        out->reason->role_usage_list = deletion->usage;
    }
    return true;
}
