/* The table of Systems Manager's operations: Parameter Store's, those of hybrid activations, and those on sessions that
 * ECS Exec begins. Resources as "Actions, resources, and condition keys for AWS Systems Manager" (service authorization
 * reference) has them. Any other operation of Systems Manager is refused by name. */
#include "plane/ssm/operations.h"

#include "plane/ssm/access.h"

static struct str resource_of(const struct call *call, struct str text)
{
    struct parameter_ref ref;

    if (!parameter_ref_parse(text, &ref))
        return STR("*");
    return parameter_arn(call->arena, ref.account.ptr == NULL ? call->principal->account : ref.account,
                         ref.region.ptr == NULL ? call->region : ref.region, ref.name);
}

#define NAMED_RESOURCE(operation, member)                                                                              \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return resource_of(call, ((const struct ssm_##operation##_request *)in)->member);                              \
    }
#define NAMES_ASKS(operation, action)                                                                                  \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct ssm_##operation##_request *of = in;                                                               \
                                                                                                                       \
        for (size_t i = 0; i < of->names.count; i++)                                                                   \
            asks_add(asks, action, resource_of(call, of->names.items[i]));                                             \
    }

NAMED_RESOURCE(get_parameter, name)
NAMED_RESOURCE(get_parameters_by_path, path)
NAMED_RESOURCE(get_parameter_history, name)
NAMED_RESOURCE(delete_parameter, name)
NAMED_RESOURCE(label_parameter_version, name)
NAMED_RESOURCE(unlabel_parameter_version, name)
NAMED_RESOURCE(add_tags_to_resource, resource_id)
NAMED_RESOURCE(remove_tags_from_resource, resource_id)
NAMED_RESOURCE(list_tags_for_resource, resource_id)
NAMES_ASKS(get_parameters, "ssm:GetParameters")
NAMES_ASKS(delete_parameters, "ssm:DeleteParameters")

/* With tags it takes the permission to tag, too. */
static void put_parameter_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ssm_put_parameter_request *of = in;

    asks_add(asks, "ssm:PutParameter", resource_of(call, of->name));
    if (of->tags.count > 0)
        asks_add(asks, "ssm:AddTagsToResource", resource_of(call, of->name));
}

/* Systems Manager hands the role to the machines. */
static void create_activation_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ssm_create_activation_request *of = in;

    asks_add(asks, "ssm:CreateActivation", STR("*"));
    asks_pass_role(asks, call, of->iam_role, "ssm.amazonaws.com");
    if (of->tags.count > 0)
        asks_add(asks, "ssm:AddTagsToResource", STR("*"));
}

static struct str managed_instance_arn(const struct call *call, struct str id)
{
    return arena_printf(call->arena, "arn:aws:ssm:%.*s:%.*s:managed-instance/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(id));
}

static struct str deregister_managed_instance_resource(const struct call *call, const void *in)
{
    return managed_instance_arn(call, ((const struct ssm_deregister_managed_instance_request *)in)->instance_id);
}

static void update_managed_instance_role_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ssm_update_managed_instance_role_request *of = in;

    asks_add(asks, "ssm:UpdateManagedInstanceRole", managed_instance_arn(call, of->instance_id));
    asks_pass_role(asks, call, of->iam_role, "ssm.amazonaws.com");
}

#define SESSION_RESOURCE(operation)                                                                                    \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        struct str session = ((const struct ssm_##operation##_request *)in)->session_id;                               \
                                                                                                                       \
        return arena_printf(call->arena, "arn:aws:ssm:%.*s:%.*s:session/%.*s", STR_ARG(call->region),                  \
                            STR_ARG(call->principal->account), STR_ARG(session));                                      \
    }

SESSION_RESOURCE(resume_session)
SESSION_RESOURCE(terminate_session)

#define GUARDED(name, action, resource, asks)                                                                          \
    OPERATION_GUARDED(ssm, name, "ssm:" action, resource, NULL, asks, &ssm_access)
#define ROW(name, action)          GUARDED(name, action, name##_resource, NULL)
#define ROW_ASKS(name, action)     GUARDED(name, action, NULL, name##_asks)
#define ROW_FINISHED(name, action) OPERATION_FINISHED(ssm, name, "ssm:" action, name##_resource, ssm_##name##_finish)

const struct operation_spec ssm_handlers[] = {
    ROW_ASKS(put_parameter, "PutParameter"),
    ROW(get_parameter, "GetParameter"),
    ROW_ASKS(get_parameters, "GetParameters"),
    ROW(get_parameters_by_path, "GetParametersByPath"),
    ROW(get_parameter_history, "GetParameterHistory"),
    GUARDED(describe_parameters, "DescribeParameters", NULL, NULL),
    ROW(delete_parameter, "DeleteParameter"),
    ROW_ASKS(delete_parameters, "DeleteParameters"),
    ROW(label_parameter_version, "LabelParameterVersion"),
    ROW(unlabel_parameter_version, "UnlabelParameterVersion"),
    ROW(add_tags_to_resource, "AddTagsToResource"),
    ROW(remove_tags_from_resource, "RemoveTagsFromResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
    ROW_ASKS(create_activation, "CreateActivation"),
    GUARDED(delete_activation, "DeleteActivation", NULL, NULL),
    GUARDED(describe_activations, "DescribeActivations", NULL, NULL),
    OPERATION(ssm, register_managed_instance, NULL, NULL),
    OPERATION(ssm, request_managed_instance_role_token, NULL, NULL),
    ROW(deregister_managed_instance, "DeregisterManagedInstance"),
    ROW_ASKS(update_managed_instance_role, "UpdateManagedInstanceRole"),
    GUARDED(describe_instance_information, "DescribeInstanceInformation", NULL, NULL),
    ROW_FINISHED(resume_session, "ResumeSession"),
    ROW_FINISHED(terminate_session, "TerminateSession"),
};
const size_t ssm_handler_count = COUNT_OF(ssm_handlers);
