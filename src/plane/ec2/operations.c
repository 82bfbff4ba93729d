/* The table of EC2's instance operations: handler, IAM action, and what it is about ("Actions, resources, and condition
 * keys for Amazon EC2", service authorization reference). */
#include "plane/ec2/operations.h"

#include "plane/ec2/instance_run.h"
#include "plane/iam/role.h"
#include "plane/vpc/access.h"

/* X(operation, action, type of what is made or NONE, members...) */
#define CHANGES(X)                                                                                                     \
    X(start_instances, "StartInstances", NONE, "InstanceIds")                                                          \
    X(stop_instances, "StopInstances", NONE, "InstanceIds")                                                            \
    X(reboot_instances, "RebootInstances", NONE, "InstanceIds")                                                        \
    X(terminate_instances, "TerminateInstances", NONE, "InstanceIds")                                                  \
    X(get_console_output, "GetConsoleOutput", NONE, "InstanceId")                                                      \
    X(modify_instance_metadata_options, "ModifyInstanceMetadataOptions", NONE, "InstanceId")                           \
    X(modify_instance_attribute, "ModifyInstanceAttribute", NONE, "InstanceId")                                        \
    X(describe_instance_attribute, "DescribeInstanceAttribute", NONE, "InstanceId")                                    \
    X(import_key_pair, "ImportKeyPair", KEY_PAIR, NULL)                                                                \
    X(delete_key_pair, "DeleteKeyPair", NONE, "KeyPairId")                                                             \
    X(create_launch_template, "CreateLaunchTemplate", LAUNCH_TEMPLATE, NULL)                                           \
    X(modify_launch_template, "ModifyLaunchTemplate", NONE, "LaunchTemplateId")                                        \
    X(delete_launch_template, "DeleteLaunchTemplate", NONE, "LaunchTemplateId")                                        \
    X(create_launch_template_version, "CreateLaunchTemplateVersion", NONE, "LaunchTemplateId")                         \
    X(delete_launch_template_versions, "DeleteLaunchTemplateVersions", NONE, "LaunchTemplateId")

#define DEFINE_ASKS(name, action, made, ...)                                                                           \
    static void name##_asks(const struct call *call, const void *in, struct asks *asks)                                \
    {                                                                                                                  \
        static const struct network_asks about = {"ec2:" action, EC2_RESOURCE_TYPE_##made, {__VA_ARGS__}};             \
                                                                                                                       \
        network_asks_add(call, in, &about, asks);                                                                      \
    }
CHANGES(DEFINE_ASKS)
DEFINE_ASKS(create_key_pair, "CreateKeyPair", KEY_PAIR, NULL)

/* ---- RunInstances: what it makes, what it takes, and the role that it hands over ---- */

#define RUN "ec2:RunInstances"

static void ask(const struct call *call, struct asks *asks, const char *type, struct str id)
{
    if (id.len > 0)
        asks_add(asks, RUN,
                 arena_printf(call->arena, "arn:aws:ec2:%.*s:%.*s:%s/%.*s", STR_ARG(call->region),
                              STR_ARG(call->principal->account), type, STR_ARG(id)));
}

static void ask_network(const struct call *call, const struct ec2_run_instances_request *in, struct asks *asks)
{
    const struct ec2_instance_network_interface_specification *listed = in->network_interfaces.items;

    ask(call, asks, "subnet", in->subnet_id);
    for (size_t i = 0; i < in->security_group_ids.count; i++)
        ask(call, asks, "security-group", in->security_group_ids.items[i]);
    if (in->network_interfaces.count == 0) {
        ask(call, asks, "network-interface", STR("*"));
        return;
    }
    ask(call, asks, "subnet", listed->subnet_id);
    ask(call, asks, "network-interface",
        listed->network_interface_id.len > 0 ? listed->network_interface_id : STR("*"));
    for (size_t i = 0; i < listed->groups.count; i++)
        ask(call, asks, "security-group", listed->groups.items[i]);
}

static void ask_role(const struct call *call, const struct ec2_run_instances_request *in, struct asks *asks)
{
    const struct instance_profile_record *profile;
    const struct role_record *role;

    if (!run_request_profile(call, in->iam_instance_profile, &profile) || profile == NULL ||
        profile->role_id.ptr == NULL)
        return;
    role = transaction_get(call->tx, &role_table, profile->role_id);
    if (role != NULL)
        asks_pass_role(asks, call, role->role->arn, "ec2.amazonaws.com");
}

/* What is wrong with the request the handler says. */
static void run_instances_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ec2_run_instances_request *request = in;
    struct call quiet = *call;
    struct fail unanswered;

    quiet.fail = &unanswered;
    ask(call, asks, "instance", STR("*"));
    ask(call, asks, "volume", STR("*"));
    if (!run_request_effective(&quiet, in, &request))
        return;
    if (request->image_id.len > 0)
        asks_add(asks, RUN,
                 arena_printf(call->arena, "arn:aws:ec2:%.*s::image/%.*s", STR_ARG(call->region),
                              STR_ARG(request->image_id)));
    if (request->key_name.len > 0)
        ask(call, asks, "key-pair", request->key_name);
    if (request->launch_template != NULL)
        ask(call, asks, "launch-template", request->launch_template->launch_template_id);
    ask_network(call, request, asks);
    ask_role(&quiet, request, asks);
    if (request->tag_specifications.count > 0)
        asks_add(asks, "ec2:CreateTags",
                 arena_printf(call->arena, "arn:aws:ec2:%.*s:%.*s:instance/*", STR_ARG(call->region),
                              STR_ARG(call->principal->account)));
}

#define ROW(name, action, made, ...)                                                                                   \
    OPERATION_GUARDED(ec2, name, "ec2:" action, NULL, NULL, name##_asks, &network_access),
#define ROW_ANY(name, action) OPERATION_GUARDED(ec2, name, "ec2:" action, NULL, NULL, NULL, &network_access)

const struct operation_spec ec2_handlers[] = {
    CHANGES(ROW) OPERATION_GUARDED(ec2, run_instances, RUN, NULL, NULL, run_instances_asks, &network_access),
    OPERATION_PREPARED(ec2, create_key_pair, "ec2:CreateKeyPair", key_pair_prepare, create_key_pair_asks,
                       &network_access),
    ROW_ANY(describe_instances, "DescribeInstances"),
    ROW_ANY(describe_instance_status, "DescribeInstanceStatus"),
    ROW_ANY(describe_instance_types, "DescribeInstanceTypes"),
    ROW_ANY(describe_instance_type_offerings, "DescribeInstanceTypeOfferings"),
    ROW_ANY(describe_images, "DescribeImages"),
    ROW_ANY(describe_key_pairs, "DescribeKeyPairs"),
    ROW_ANY(describe_launch_templates, "DescribeLaunchTemplates"),
    ROW_ANY(describe_launch_template_versions, "DescribeLaunchTemplateVersions"),
};
const size_t ec2_handler_count = COUNT_OF(ec2_handlers);
