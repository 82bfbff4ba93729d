/* What RunInstances is asked for, checked and made complete (API reference, "RunInstances"). */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/ec2/instance_run.h"
#include "plane/ec2/key_pair.h"
#include "plane/ec2/launch_template.h"
#include "plane/ec2/machine_image.h"
#include "plane/ec2/reshape.h"
#include "plane/iam/role.h"

enum {
    USER_DATA_BYTES_MAX =
        16384,             /* EC2 user guide, "Run commands when you launch an EC2 instance with user data input" */
    ROOT_GIB_DEFAULT = 30, /* as the ECS-optimized image's */
    ROOT_GIB_MAX = 16384,
    HOP_LIMIT_MAX = 64,
};

/* ---- launch templates ---- */

bool run_request_effective(const struct call *call, const struct ec2_run_instances_request *in,
                           const struct ec2_run_instances_request **ret_request)
{
    const struct ec2_response_launch_template_data *data;
    struct ec2_run_instances_request *all;

    *ret_request = in;
    if (in->launch_template == NULL)
        return true;
    if (!launch_template_data(call, in->launch_template, &data))
        return false;
    all = arena_new(call->arena, struct ec2_run_instances_request);
    reshape(&ec2_response_launch_template_data_shape, data, &ec2_run_instances_request_shape, all, call->arena);
    reshape(&ec2_run_instances_request_shape, in, &ec2_run_instances_request_shape, all, call->arena);
    *ret_request = all;
    return true;
}

/* ---- what is refused ---- */

static bool is_standard(const struct ec2_run_instances_request *in)
{
    return in->instance_market_options == NULL && in->hibernation_options == NULL && in->enclave_options == NULL &&
           in->cpu_options == NULL && in->license_specifications.count == 0 && in->secondary_interfaces.count == 0 &&
           in->elastic_gpu_specification.count == 0 && in->elastic_inference_accelerators.count == 0;
}

static bool is_reserved(const struct ec2_capacity_reservation_specification *reservation)
{
    return reservation != NULL && (reservation->capacity_reservation_target != NULL ||
                                   reservation->capacity_reservation_preference ==
                                       EC2_CAPACITY_RESERVATION_PREFERENCE_CAPACITY_RESERVATIONS_ONLY);
}

static bool refuse(const struct call *call, const struct ec2_run_instances_request *in)
{
    if (!is_standard(in))
        return fail_api(
            call->fail, "UnsupportedOperation",
            "Berth has no Spot market, hibernation, enclaves, CPU options, licenses, secondary interfaces or "
            "accelerators for instances");
    if (in->kernel_id.ptr != NULL || in->ramdisk_id.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth's instances have no kernel or RAM disk of their own");
    if (is_reserved(in->capacity_reservation_specification))
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no capacity reservations");
    if (in->private_dns_name_options != NULL &&
        in->private_dns_name_options->hostname_type == EC2_HOSTNAME_TYPE_RESOURCE_NAME)
        return fail_api(call->fail, "UnsupportedOperation",
                        "The names of Berth's instances are made of their addresses: 'resource-name' is no choice");
    if (in->has_ipv6_address_count || in->ipv6_addresses.count > 0)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's interfaces have no IPv6 addresses yet");
    if (in->placement != NULL && (in->placement->group_name.len > 0 || in->placement->group_id.len > 0 ||
                                  in->placement->host_id.len > 0 || in->placement->tenancy > EC2_TENANCY_DEFAULT))
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no placement groups and no dedicated hosts");
    return true;
}

/* ---- simple members ---- */

static bool check_counts(const struct call *call, const struct ec2_run_instances_request *in)
{
    if (in->min_count < 1)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value (%d) for parameter minCount is invalid. Minimum count must be at least 1",
                        in->min_count);
    if (in->max_count < in->min_count)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "The minimum count %d must not be greater than the maximum count %d", in->min_count,
                        in->max_count);
    return true;
}

static bool check_type(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *wish)
{
    if (in->instance_type == EC2_INSTANCE_TYPE_NONE)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter InstanceType");
    wish->type = instance_type_of(in->instance_type);
    return wish->type != NULL || fail_api(call->fail, "Unsupported",
                                          "The requested configuration is currently not supported: Berth has no "
                                          "instance type '%s'.",
                                          instance_type_name(in->instance_type));
}

/* "resolve:ssm:" and a parameter's name (EC2 user guide, "Reference AMIs using Systems Manager parameters"). */
static bool resolve_image(const struct call *call, struct str text, struct str *ret_id)
{
    static const struct str prefix = STR_INIT("resolve:ssm:");
    struct ssm_parameter parameter;

    *ret_id = text;
    if (!str_starts(text, prefix))
        return true;
    if (!public_parameter(call->arena, str_from(text, prefix.len), call->region, &parameter))
        return fail_api(call->fail, "InvalidParameterValue",
                        "%.*s does not name a public parameter of an ECS-optimized image; Berth resolves no others",
                        STR_ARG(text));
    *ret_id = parameter.value;
    return true;
}

static bool check_image(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *wish)
{
    const char *architecture = enum_name(&ec2_architecture_type_shape, (int)wish->type->architecture);
    struct str id;

    if (in->image_id.len == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter ImageId");
    if (!resolve_image(call, in->image_id, &id) || !machine_image_find(call, id, &wish->image))
        return false;
    if (strcmp(wish->image->architecture, architecture) == 0)
        return true;
    return fail_api(call->fail, "InvalidParameterValue",
                    "The architecture '%s' of the specified instance type does not match the architecture '%s' of the "
                    "specified AMI. Specify an instance type and an AMI that have matching architectures, and try "
                    "again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of "
                    "the instance type or AMI.",
                    architecture, wish->image->architecture);
}

/* How many bytes the base64 text stands for; false: it is none (RFC 4648, section 4). */
static bool base64_bytes(struct str text, size_t *ret_bytes)
{
    size_t digits = text.len;

    while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", text.ptr[i]) == NULL ||
            text.ptr[i] == '\0')
            return false;
    *ret_bytes = digits * 3 / 4;
    return text.len % 4 == 0;
}

static bool check_user_data(const struct call *call, struct str text)
{
    size_t bytes = 0;

    if (text.len > 0 && !base64_bytes(text, &bytes))
        return fail_api(call->fail, "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
    return bytes <= USER_DATA_BYTES_MAX ||
           fail_api(call->fail, "InvalidParameterValue", "User data is limited to %d bytes", USER_DATA_BYTES_MAX);
}

static bool check_root(const struct call *call, const struct ec2_block_device_mapping_request_list *devices,
                       struct run_wish *wish)
{
    wish->root_gib = ROOT_GIB_DEFAULT;
    for (size_t i = 0; i < devices->count; i++) {
        const struct ec2_block_device_mapping *device = &devices->items[i];

        if (!str_is(device->device_name, IMAGE_ROOT_DEVICE) || device->ebs == NULL)
            return fail_api(call->fail, "UnsupportedOperation",
                            "Berth's instances have one disk, their root at '%s'; '%.*s' is another", IMAGE_ROOT_DEVICE,
                            STR_ARG(device->device_name));
        if (device->ebs->encrypted || device->ebs->kms_key_id.ptr != NULL || device->ebs->snapshot_id.ptr != NULL)
            return fail_api(call->fail, "UnsupportedOperation",
                            "Berth's root disks are not encrypted and not made of snapshots");
        if (device->ebs->has_volume_size)
            wish->root_gib = device->ebs->volume_size;
    }
    return (wish->root_gib >= 1 && wish->root_gib <= ROOT_GIB_MAX) ||
           fail_api(call->fail, "InvalidParameterValue", "Volume size %d is not between 1 and %d GiB", wish->root_gib,
                    ROOT_GIB_MAX);
}

bool metadata_options_apply(const struct call *call, const struct ec2_instance_metadata_options_request *in,
                            struct ec2_instance_metadata_options_response *options)
{
    if (in->has_http_put_response_hop_limit &&
        (in->http_put_response_hop_limit < 1 || in->http_put_response_hop_limit > HOP_LIMIT_MAX))
        return fail_api(call->fail, "InvalidParameterValue",
                        "The HttpPutResponseHopLimit %d is invalid. Specify a value between 1 and %d.",
                        in->http_put_response_hop_limit, HOP_LIMIT_MAX);
    if (in->http_protocol_ipv6 == EC2_INSTANCE_METADATA_PROTOCOL_STATE_ENABLED)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's metadata service has no IPv6 endpoint");
    reshape(&ec2_instance_metadata_options_request_shape, in, &ec2_instance_metadata_options_response_shape, options,
            call->arena);
    return true;
}

/* As the ECS-optimized image of Amazon Linux 2023 asks for: tokens, two hops for containers. */
static bool check_metadata(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *wish)
{
    struct ec2_instance_metadata_options_response *options = &wish->metadata;

    options->state = EC2_INSTANCE_METADATA_OPTIONS_STATE_APPLIED;
    options->http_tokens = EC2_HTTP_TOKENS_STATE_REQUIRED;
    options->http_endpoint = EC2_INSTANCE_METADATA_ENDPOINT_STATE_ENABLED;
    options->http_protocol_ipv6 = EC2_INSTANCE_METADATA_PROTOCOL_STATE_DISABLED;
    options->instance_metadata_tags = EC2_INSTANCE_METADATA_TAGS_STATE_DISABLED;
    SET(options, http_put_response_hop_limit, 2);
    return in->metadata_options == NULL || metadata_options_apply(call, in->metadata_options, options);
}

/* ---- what it names ---- */

bool run_request_profile(const struct call *call, const struct ec2_iam_instance_profile_specification *named,
                         const struct instance_profile_record **ret_profile)
{
    struct str name;

    *ret_profile = NULL;
    if (named == NULL || (named->arn.len == 0 && named->name.len == 0))
        return true;
    name = named->name.len > 0
               ? named->name
               : str_from(named->arn, str_find_last(named->arn, '/') +
                                          (named->arn.len > 0 && str_find_last(named->arn, '/') < named->arn.len));
    *ret_profile = instance_profile_by_name(call->tx, call->principal->account, name);
    if (*ret_profile != NULL && (named->arn.len == 0 || str_eq((*ret_profile)->instance_profile->arn, named->arn)))
        return true;
    return named->name.len > 0
               ? fail_api(call->fail, "InvalidParameterValue",
                          "Value (%.*s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile "
                          "name",
                          STR_ARG(named->name))
               : fail_api(call->fail, "InvalidParameterValue",
                          "Value (%.*s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile "
                          "ARN",
                          STR_ARG(named->arn));
}

/* ---- network ---- */

/* A default subnet, of the wished zone if there is one. */
static bool default_subnet(const struct call *call, const struct ec2_placement *placement, struct str *ret_subnet)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);
    struct str zone = placement == NULL ? (struct str){NULL, 0} : placement->availability_zone;
    const struct subnet_record *subnet;
    struct walk walk;

    if (vpc == NULL)
        return fail_api(call->fail, "VPCIdNotSpecified", "No default VPC for this user");
    walk = transaction_walk(call->tx, &subnet_table, "vpc",
                            KEY_PREFIX(call->arena, call->principal->account, call->region, vpc->vpc->vpc_id));
    *ret_subnet = (struct str){NULL, 0};
    while ((subnet = walk_next(&walk)) != NULL)
        if (subnet->subnet->default_for_az && (zone.len == 0 || str_eq(subnet->subnet->availability_zone, zone)))
            *ret_subnet = subnet->subnet->subnet_id;
    return ret_subnet->ptr != NULL ||
           fail_api(call->fail, "MissingInput", "No subnets found for the default VPC '%.*s'. Please specify a subnet.",
                    STR_ARG(vpc->vpc->vpc_id));
}

/* Groups by name are those of the subnet's VPC. */
static bool named_groups(const struct call *call, const struct ec2_run_instances_request *in, struct str vpc_id,
                         struct network_interface_wish *interface)
{
    struct str *ids = arena_array(call->arena, struct str, in->security_groups.count + 1);

    for (size_t i = 0; i < in->security_groups.count; i++) {
        const struct security_group_record *group = security_group_named(
            call->tx, call->principal->account, call->region, vpc_id, in->security_groups.items[i]);

        if (group == NULL)
            return fail_api(call->fail, "InvalidGroup.NotFound",
                            "The security group '%.*s' does not exist in VPC '%.*s'",
                            STR_ARG(in->security_groups.items[i]), STR_ARG(vpc_id));
        ids[i] = group->group->group_id;
    }
    interface->groups = ids;
    interface->group_count = in->security_groups.count;
    return true;
}

static bool find_subnet(const struct call *call, struct str id, const struct subnet_record **ret_subnet)
{
    const void *record;

    if (!resource_find(call, &subnet_kind, id, &record))
        return false;
    *ret_subnet = record;
    return true;
}

static bool check_plain_network(const struct call *call, const struct ec2_run_instances_request *in,
                                struct run_wish *wish)
{
    struct network_interface_wish *interface = &wish->interface;
    const struct subnet_record *subnet;

    interface->subnet_id = in->subnet_id;
    if (in->subnet_id.len == 0 && !default_subnet(call, in->placement, &interface->subnet_id))
        return false;
    if (!find_subnet(call, interface->subnet_id, &subnet))
        return false;
    if (in->placement != NULL && in->placement->availability_zone.len > 0 &&
        !str_eq(in->placement->availability_zone, subnet->subnet->availability_zone))
        return fail_api(call->fail, "InvalidParameterValue",
                        "The availability zone '%.*s' does not match the zone of subnet '%.*s'",
                        STR_ARG(in->placement->availability_zone), STR_ARG(interface->subnet_id));
    interface->public_address = subnet->subnet->map_public_ip_on_launch;
    interface->address = in->private_ip_address;
    interface->groups = in->security_group_ids.items;
    interface->group_count = in->security_group_ids.count;
    return in->security_groups.count == 0 || named_groups(call, in, subnet->subnet->vpc_id, interface);
}

static bool check_own_interface(const struct call *call, const struct ec2_run_instances_request *in, struct str id,
                                struct run_wish *wish)
{
    const void *record;

    if (!resource_find(call, &network_interface_kind, id, &record))
        return false;
    wish->own_interface = record;
    if (in->max_count > 1)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "Network interface '%.*s' can be attached to one instance only", STR_ARG(id));
    return wish->own_interface->interface->status == EC2_NETWORK_INTERFACE_STATUS_AVAILABLE ||
           fail_api(call->fail, "InvalidNetworkInterface.InUse", "Interface: [%.*s] in use.", STR_ARG(id));
}

static bool check_listed_network(const struct call *call, const struct ec2_run_instances_request *in,
                                 struct run_wish *wish)
{
    const struct ec2_instance_network_interface_specification *listed = &in->network_interfaces.items[0];
    struct ec2_run_instances_request plain = *in;

    if (in->subnet_id.len > 0 || in->security_group_ids.count > 0 || in->security_groups.count > 0)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "Network interfaces and an instance-level subnet ID or security groups may not be specified on "
                        "the same request");
    if (in->network_interfaces.count > 1)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's instances have one network interface at launch");
    if (listed->has_device_index && listed->device_index != 0)
        return fail_api(call->fail, "InvalidParameterValue", "The first network interface must have device index 0");
    if (listed->network_interface_id.len > 0)
        return check_own_interface(call, in, listed->network_interface_id, wish);
    plain.subnet_id = listed->subnet_id;
    plain.security_group_ids = listed->groups;
    if (listed->private_ip_address.len > 0)
        plain.private_ip_address = listed->private_ip_address;
    if (!check_plain_network(call, &plain, wish))
        return false;
    wish->interface.description = listed->description;
    if (listed->has_associate_public_ip_address)
        wish->interface.public_address = listed->associate_public_ip_address;
    return true;
}

static bool check_network(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *wish)
{
    wish->interface.account = call->principal->account;
    wish->interface.region = call->region;
    if (in->private_ip_address.len > 0 && in->max_count > 1)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "The parameter privateIpAddress is only valid for one instance");
    return in->network_interfaces.count > 0 ? check_listed_network(call, in, wish)
                                            : check_plain_network(call, in, wish);
}

/* ---- tags ---- */

static bool check_tags(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *wish)
{
    for (size_t i = 0; i < in->tag_specifications.count; i++) {
        const struct ec2_tag_specification *one = &in->tag_specifications.items[i];
        struct ec2_tag_specification_list alone = {(struct ec2_tag_specification *)(uintptr_t)one, 1};
        struct ec2_tag_list tags;

        if (!resource_tags(call, &alone, one->resource_type, &tags))
            return false;
        if (one->resource_type == EC2_RESOURCE_TYPE_INSTANCE)
            wish->instance_tags = tags;
        else if (one->resource_type == EC2_RESOURCE_TYPE_NETWORK_INTERFACE)
            wish->interface_tags = tags;
        else if (one->resource_type != EC2_RESOURCE_TYPE_VOLUME) /* of which there are none */
            return fail_api(call->fail, "InvalidParameterValue",
                            "'%s' is not a valid taggable resource type for this operation.",
                            enum_name(&ec2_resource_type_shape, (int)one->resource_type));
    }
    return true;
}

bool run_request_check(const struct call *call, const struct ec2_run_instances_request *in, struct run_wish *ret_wish)
{
    struct run_wish wish = {.request = in};

    if (!check_counts(call, in) || !refuse(call, in) || !check_type(call, in, &wish) || !check_image(call, in, &wish) ||
        !check_user_data(call, in->user_data) || !check_root(call, &in->block_device_mappings, &wish) ||
        !check_metadata(call, in, &wish))
        return false;
    if (in->key_name.len > 0 && !key_pair_find(call, in->key_name, &wish.key_pair))
        return false;
    if (!run_request_profile(call, in->iam_instance_profile, &wish.profile) || !check_network(call, in, &wish) ||
        !check_tags(call, in, &wish))
        return false;
    *ret_wish = wish;
    return true;
}
