/* CreateVpc, DeleteVpc and the attributes of a VPC. */
#include "base/must.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/vpc_make.h"

enum { PREFIX_MIN = 16, PREFIX_MAX = 28 }; /* VPC user guide, "VPC CIDR blocks" */

static const struct vpc_record *vpc_of(const struct call *call, struct str id)
{
    const void *record;

    return resource_find(call, &vpc_kind, id, &record) ? record : NULL;
}

/* What of the request Berth does not have. */
static bool refuse(const struct call *call, const struct ec2_create_vpc_request *in)
{
    if (in->ipv6_cidr_block.ptr != NULL || in->ipv6_pool.ptr != NULL || in->amazon_provided_ipv6_cidr_block)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's VPCs have no IPv6 addresses yet");
    if (in->ipv4_ipam_pool_id.ptr != NULL || in->ipv6_ipam_pool_id.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no IP address manager");
    if (in->instance_tenancy != EC2_TENANCY_NONE && in->instance_tenancy != EC2_TENANCY_DEFAULT)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no dedicated tenancy");
    return true;
}

bool cidr_canonical(const struct call *call, struct str text, const char *range_code, struct str *ret_cidr)
{
    uint32_t first;
    unsigned prefix;

    if (!ipv4_network_parse(text, &first, &prefix))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value (%.*s) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
                        STR_ARG(text));
    if (prefix < PREFIX_MIN || prefix > PREFIX_MAX)
        return fail_api(call->fail, range_code, "The CIDR '%.*s' is invalid.", STR_ARG(text));
    *ret_cidr = ipv4_cidr_text(call->arena, first, prefix);
    return true;
}

bool ec2_create_vpc(struct call *call, const struct ec2_create_vpc_request *in, struct ec2_create_vpc_result *out)
{
    struct vpc_wish wish = {.account = call->principal->account, .region = call->region};
    const struct vpc_record *made;

    if (in->cidr_block.ptr == NULL)
        return fail_api(call->fail, "MissingParameter",
                        "Either 'cidrBlock' or 'ipv4IpamPoolId' must be provided in the request");
    if (!refuse(call, in) || !cidr_canonical(call, in->cidr_block, "InvalidVpc.Range", &wish.cidr) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_VPC, &wish.tags) ||
        !limit_check(call, &vpc_limit, STR("")))
        return false;
    made = vpc_of(call, vpc_make(call->tx, &wish));
    must(made != NULL);
    out->vpc = made->vpc;
    return true;
}

bool ec2_create_default_vpc(struct call *call, const struct ec2_create_default_vpc_request *in,
                            struct ec2_create_default_vpc_result *out)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);

    (void)in;
    if (vpc != NULL)
        return fail_api(call->fail, "DefaultVpcAlreadyExists",
                        "A Default VPC already exists for this account in this region.");
    vpc_default_make(call->tx, call->principal->account, call->region);
    vpc = vpc_default(call->tx, call->principal->account, call->region);
    must(vpc != NULL);
    out->vpc = vpc->vpc;
    return true;
}

/* ---- deleting ---- */

static bool has_gateway(const struct call *call, struct str vpc_id)
{
    struct walk walk = transaction_walk(call->tx, &internet_gateway_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct internet_gateway_record *record;

    while ((record = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < record->internet_gateway->attachments.count; i++)
            if (str_eq(record->internet_gateway->attachments.items[i].vpc_id, vpc_id))
                return true;
    return false;
}

bool ec2_delete_vpc(struct call *call, const struct ec2_delete_vpc_request *in, void *out)
{
    const struct vpc_record *vpc = vpc_of(call, in->vpc_id);
    struct str account = call->principal->account;
    const struct security_group_record *group;

    (void)out;
    if (vpc == NULL)
        return false;
    /* Its default group and its main route table go with it; all else is in the way. */
    if (count_in_vpc(call, &subnet_table, in->vpc_id) > 0 ||
        count_in_vpc(call, &security_group_table, in->vpc_id) > 1 ||
        count_in_vpc(call, &route_table_table, in->vpc_id) > 1 ||
        count_in_vpc(call, &network_interface_table, in->vpc_id) > 0 || has_gateway(call, in->vpc_id))
        return fail_api(call->fail, "DependencyViolation", "The vpc '%.*s' has dependencies and cannot be deleted.",
                        STR_ARG(in->vpc_id));
    group = security_group_named(call->tx, account, call->region, in->vpc_id, STR("default"));
    must(group != NULL);
    transaction_delete(call->tx, &route_table_table,
                       KEY(call->arena, account, call->region,
                           route_table_main(call->tx, account, call->region, in->vpc_id)->route_table->route_table_id));
    transaction_delete(call->tx, &security_group_table,
                       KEY(call->arena, account, call->region, group->group->group_id));
    transaction_delete(call->tx, &vpc_table, KEY(call->arena, account, call->region, in->vpc_id));
    return true;
}

/* ---- attributes ---- */

bool ec2_modify_vpc_attribute(struct call *call, const struct ec2_modify_vpc_attribute_request *in, void *out)
{
    const struct vpc_record *vpc = vpc_of(call, in->vpc_id);
    struct vpc_record changed;

    (void)out;
    if (vpc == NULL)
        return false;
    if (in->enable_network_address_usage_metrics != NULL && in->enable_network_address_usage_metrics->value)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no network address usage metrics");
    changed = *vpc;
    if (in->enable_dns_support != NULL)
        SET(&changed, enable_dns_support, in->enable_dns_support->value);
    if (in->enable_dns_hostnames != NULL)
        SET(&changed, enable_dns_hostnames, in->enable_dns_hostnames->value);
    must(transaction_put(call->tx, &vpc_table, &changed));
    return true;
}

static struct ec2_attribute_boolean_value *truth_value(const struct call *call, bool value)
{
    struct ec2_attribute_boolean_value *of = arena_new(call->arena, struct ec2_attribute_boolean_value);

    SET(of, value, value);
    return of;
}

bool ec2_describe_vpc_attribute(struct call *call, const struct ec2_describe_vpc_attribute_request *in,
                                struct ec2_describe_vpc_attribute_result *out)
{
    const struct vpc_record *vpc = vpc_of(call, in->vpc_id);

    if (vpc == NULL)
        return false;
    out->vpc_id = in->vpc_id;
    switch (in->attribute) {
    case EC2_VPC_ATTRIBUTE_NAME_NONE:
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter attribute");
    case EC2_VPC_ATTRIBUTE_NAME_ENABLE_DNS_SUPPORT:
        out->enable_dns_support = truth_value(call, vpc->enable_dns_support);
        break;
    case EC2_VPC_ATTRIBUTE_NAME_ENABLE_DNS_HOSTNAMES:
        out->enable_dns_hostnames = truth_value(call, vpc->enable_dns_hostnames);
        break;
    case EC2_VPC_ATTRIBUTE_NAME_ENABLE_NETWORK_ADDRESS_USAGE_METRICS:
        out->enable_network_address_usage_metrics = truth_value(call, false);
        break;
    }
    return true;
}
