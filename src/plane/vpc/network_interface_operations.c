/* Network interfaces that users make themselves. Those of tasks are ECS's: they come and go with their task. */
#include "base/must.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/resource.h"

static bool find(const struct call *call, struct str id, const struct network_interface_record **ret_interface)
{
    const void *record;

    if (!resource_find(call, &network_interface_kind, id, &record))
        return false;
    *ret_interface = record;
    return true;
}

static bool refuse(const struct call *call, const struct ec2_create_network_interface_request *in)
{
    if (in->ipv6_address_count > 0 || in->ipv6_addresses.count > 0 || in->ipv6_prefix_count > 0 ||
        in->ipv6_prefixes.count > 0 || in->enable_primary_ipv6)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's interfaces have no IPv6 addresses yet");
    if (in->secondary_private_ip_address_count > 0 || in->private_ip_addresses.count > 1 || in->ipv4_prefix_count > 0 ||
        in->ipv4_prefixes.count > 0)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's interfaces have one private address");
    if (in->interface_type != EC2_NETWORK_INTERFACE_CREATION_TYPE_NONE)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no interfaces of that interfaceType");
    if (in->connection_tracking_specification != NULL || in->operator!= NULL)
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth's interfaces have neither connectionTrackingSpecification nor operator");
    return true;
}

bool ec2_create_network_interface(struct call *call, const struct ec2_create_network_interface_request *in,
                                  struct ec2_create_network_interface_result *out)
{
    struct network_interface_wish wish = {
        .account = call->principal->account,
        .region = call->region,
        .subnet_id = in->subnet_id,
        .groups = in->groups.items,
        .group_count = in->groups.count,
        .description = in->description.ptr == NULL ? STR("") : in->description,
        .address = in->private_ip_addresses.count == 1 ? in->private_ip_addresses.items[0].private_ip_address
                                                       : in->private_ip_address,
        .client_token = in->client_token,
    };
    const struct network_interface_record *before = resource_of_token(call, &network_interface_kind, in->client_token);
    const struct network_interface_record *made;
    struct ec2_tag_list tags;
    const void *subnet;

    out->client_token = in->client_token;
    if (before != NULL) {
        out->network_interface = before->interface;
        return str_eq(before->interface->subnet_id, in->subnet_id) || fail_token_mismatch(call, in->client_token);
    }
    if (!resource_find(call, &subnet_kind, in->subnet_id, &subnet) || !refuse(call, in) ||
        !limit_check(call, &network_interface_limit, STR("")) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_NETWORK_INTERFACE, &tags) ||
        !network_interface_create(call->tx, &wish, &made, call->fail))
        return false;
    if (tags.count > 0) {
        struct str id = made->interface->network_interface_id;

        network_interface_kind.put_tags(call, made, tags);
        must(find(call, arena_str(call->arena, id), &made));
    }
    out->network_interface = made->interface;
    return true;
}

/* One of a task is ECS's business, as on AWS. */
static bool is_users(const struct call *call, const struct network_interface_record *interface)
{
    if (interface->interface->requester_managed)
        return fail_api(call->fail, "AuthFailure", "You do not have permission to access the specified resource.");
    return true;
}

bool ec2_delete_network_interface(struct call *call, const struct ec2_delete_network_interface_request *in, void *out)
{
    const struct network_interface_record *interface;

    (void)out;
    if (!find(call, in->network_interface_id, &interface) || !is_users(call, interface))
        return false;
    if (interface->interface->status == EC2_NETWORK_INTERFACE_STATUS_IN_USE)
        return fail_api(call->fail, "InvalidParameterValue", "Network interface '%.*s' is currently in use.",
                        STR_ARG(in->network_interface_id));
    network_interface_delete(call->tx, call->principal->account, call->region, in->network_interface_id);
    return true;
}

static bool set_groups(struct call *call, const struct ec2_modify_network_interface_attribute_request *in,
                       struct ec2_network_interface *changed)
{
    changed->groups.items = arena_array(call->arena, struct ec2_group_identifier, in->groups.count);
    changed->groups.count = 0;
    if (in->groups.count > SECURITY_GROUPS_PER_INTERFACE_MAX)
        return fail_api(call->fail, "SecurityGroupsPerInterfaceLimitExceeded",
                        "The maximum number of security groups per interface has been reached.");
    for (size_t i = 0; i < in->groups.count; i++) {
        const void *found;
        const struct ec2_security_group *group;

        if (!resource_find(call, &security_group_kind, in->groups.items[i], &found))
            return false;
        group = ((const struct security_group_record *)found)->group;
        if (!str_eq(group->vpc_id, changed->vpc_id))
            return fail_api(call->fail, "InvalidParameterValue",
                            "You have specified two resources that belong to different networks.");
        changed->groups.items[changed->groups.count++] =
            (struct ec2_group_identifier){.group_id = group->group_id, .group_name = group->group_name};
    }
    return true;
}

bool ec2_modify_network_interface_attribute(struct call *call,
                                            const struct ec2_modify_network_interface_attribute_request *in, void *out)
{
    int given = (in->description != NULL) + (in->groups.count > 0) + (in->source_dest_check != NULL);
    const struct network_interface_record *interface;
    struct network_interface_record record;
    struct ec2_network_interface changed;

    (void)out;
    if (!find(call, in->network_interface_id, &interface) || !is_users(call, interface))
        return false;
    if (in->source_dest_check != NULL && !in->source_dest_check->value)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's interfaces always check source and destination");
    if (in->attachment != NULL || in->has_associate_public_ip_address || in->has_enable_primary_ipv6 ||
        in->ena_srd_specification != NULL || in->connection_tracking_specification != NULL ||
        in->associated_subnet_ids.count > 0)
        return fail_api(call->fail, "UnsupportedOperation", "Berth changes groups and description of an interface");
    if (!resource_attributes_check(call, given))
        return false;
    record = *interface;
    changed = *record.interface;
    if (in->groups.count > 0 && !set_groups(call, in, &changed))
        return false;
    if (in->description != NULL)
        changed.description = in->description->value;
    record.interface = &changed;
    must(transaction_put(call->tx, &network_interface_table, &record));
    return true;
}

bool ec2_describe_network_interface_attribute(struct call *call,
                                              const struct ec2_describe_network_interface_attribute_request *in,
                                              struct ec2_describe_network_interface_attribute_result *out)
{
    const struct network_interface_record *interface;

    if (!find(call, in->network_interface_id, &interface))
        return false;
    out->network_interface_id = in->network_interface_id;
    switch (in->attribute) {
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_NONE:
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter attribute");
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_DESCRIPTION:
        out->description = arena_new(call->arena, struct ec2_attribute_value);
        out->description->value = interface->interface->description;
        break;
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_GROUP_SET:
        out->groups = interface->interface->groups;
        break;
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_SOURCE_DEST_CHECK:
        out->source_dest_check = arena_new(call->arena, struct ec2_attribute_boolean_value);
        SET(out->source_dest_check, value, true);
        break;
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_ATTACHMENT:
        out->attachment = interface->interface->attachment;
        break;
    case EC2_NETWORK_INTERFACE_ATTRIBUTE_ASSOCIATE_PUBLIC_IP_ADDRESS:
        SET(out, associate_public_ip_address, interface->interface->association != NULL);
        break;
    }
    return true;
}
