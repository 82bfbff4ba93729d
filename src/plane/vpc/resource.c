#include "plane/vpc/resource.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/vpc/security_group.h"
#include "plane/vpc/tag.h"

/* Where the noun of a record stands, and its tags: in the noun, which is copied to change them. */
#define TAGGED(name, record_type, noun_type, noun, member)                                                             \
    static const void *name##_noun(const void *record)                                                                 \
    {                                                                                                                  \
        return ((const struct record_type *)record)->noun;                                                             \
    }                                                                                                                  \
                                                                                                                       \
    static const struct ec2_tag_list *name##_tags(const void *record)                                                  \
    {                                                                                                                  \
        return &((const struct record_type *)record)->noun->member;                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static void name##_put_tags(struct call *call, const void *record, struct ec2_tag_list tags)                       \
    {                                                                                                                  \
        struct record_type copy = *(const struct record_type *)record;                                                 \
        struct noun_type of = *copy.noun;                                                                              \
                                                                                                                       \
        of.member = tags;                                                                                              \
        copy.noun = &of;                                                                                               \
        must(transaction_put(call->tx, &name##_table, &copy));                                                         \
    }

TAGGED(vpc, vpc_record, ec2_vpc, vpc, tags)
TAGGED(subnet, subnet_record, ec2_subnet, subnet, tags)
TAGGED(security_group, security_group_record, ec2_security_group, group, tags)
TAGGED(internet_gateway, internet_gateway_record, ec2_internet_gateway, internet_gateway, tags)
TAGGED(route_table, route_table_record, ec2_route_table, route_table, tags)
TAGGED(network_interface, network_interface_record, ec2_network_interface, interface, tag_set)

/* A rule stands in its group's record. */

static const void *rule_noun(const void *record)
{
    return record;
}

static const struct ec2_tag_list *rule_tags(const void *record)
{
    return &((const struct ec2_security_group_rule *)record)->tags;
}

static void rule_put_tags(struct call *call, const void *record, struct ec2_tag_list tags)
{
    const struct security_group_record *group;
    const struct ec2_security_group_rule *rule =
        rule_find(call, ((const struct ec2_security_group_rule *)record)->security_group_rule_id, &group);
    struct security_group_record copy;

    must(rule != NULL);
    copy = *group;
    copy.rules.items = arena_array(call->arena, struct ec2_security_group_rule, group->rules.count);
    memcpy(copy.rules.items, group->rules.items, group->rules.count * sizeof(*rule));
    copy.rules.items[rule - group->rules.items].tags = tags;
    must(transaction_put(call->tx, &security_group_table, &copy));
}

static const void *rule_of(const struct call *call, struct str id)
{
    const struct security_group_record *group;

    return rule_find(call, id, &group);
}

const struct resource_kind security_group_rule_kind = {
    .type = EC2_RESOURCE_TYPE_SECURITY_GROUP_RULE,
    .prefix = "sgr-",
    .table = &security_group_table,
    .missing_code = "InvalidSecurityGroupRuleId.NotFound",
    .missing_text = "The security group rule ID",
    .malformed_code = "InvalidSecurityGroupRuleId.Malformed",
    .noun = rule_noun,
    .tags = rule_tags,
    .put_tags = rule_put_tags,
    .find = rule_of,
};

#define KIND(name, type, prefix, missing_code, missing_text, malformed_code)                                           \
    const struct resource_kind name##_kind = {                                                                         \
        type,           prefix,      &name##_table, missing_code,    missing_text,                                     \
        malformed_code, name##_noun, name##_tags,   name##_put_tags, NULL};

KIND(internet_gateway, EC2_RESOURCE_TYPE_INTERNET_GATEWAY, "igw-", "InvalidInternetGatewayID.NotFound",
     "The internetGateway ID", "InvalidInternetGatewayId.Malformed")
KIND(network_interface, EC2_RESOURCE_TYPE_NETWORK_INTERFACE, "eni-", "InvalidNetworkInterfaceID.NotFound",
     "The networkInterface ID", "InvalidNetworkInterfaceId.Malformed")
KIND(route_table, EC2_RESOURCE_TYPE_ROUTE_TABLE, "rtb-", "InvalidRouteTableID.NotFound", "The routeTable ID",
     "InvalidRouteTableId.Malformed")
KIND(security_group, EC2_RESOURCE_TYPE_SECURITY_GROUP, "sg-", "InvalidGroup.NotFound", "The security group",
     "InvalidGroupId.Malformed")
KIND(subnet, EC2_RESOURCE_TYPE_SUBNET, "subnet-", "InvalidSubnetID.NotFound", "The subnet ID",
     "InvalidSubnetID.Malformed")
KIND(vpc, EC2_RESOURCE_TYPE_VPC, "vpc-", "InvalidVpcID.NotFound", "The vpc ID", "InvalidVpcID.Malformed")

static const struct resource_kind *const kinds[] = {
    &instance_kind,
    &internet_gateway_kind,
    &key_pair_kind,
    &launch_template_kind,
    &network_interface_kind,
    &route_table_kind,
    &security_group_kind,
    &security_group_rule_kind,
    &subnet_kind,
    &vpc_kind,
};

const struct resource_kind *const *resource_kinds(size_t *ret_count)
{
    *ret_count = COUNT_OF(kinds);
    return kinds;
}

const struct resource_kind *resource_kind_of(struct str id)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_starts(id, str_of(kinds[i]->prefix)))
            return kinds[i];
    return NULL;
}

/* Eight hexadecimal digits, as once, or seventeen. */
static bool is_id(struct str id, struct str prefix)
{
    if (!str_starts(id, prefix) || (id.len != prefix.len + 8 && id.len != prefix.len + 17))
        return false;
    for (size_t i = prefix.len; i < id.len; i++)
        if (strchr("0123456789abcdef", id.ptr[i]) == NULL)
            return false;
    return true;
}

bool resource_find(const struct call *call, const struct resource_kind *kind, struct str id, const void **ret_record)
{
    const void *record;

    if (id.len == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the ID of a resource '%s...'",
                        kind->prefix);
    if (!is_id(id, str_of(kind->prefix)))
        return fail_api(call->fail, kind->malformed_code, "Invalid id: \"%.*s\" (expecting \"%s...\")", STR_ARG(id),
                        kind->prefix);
    record = kind->find != NULL
                 ? kind->find(call, id)
                 : transaction_get(call->tx, kind->table, KEY(call->arena, call->principal->account, call->region, id));
    if (record == NULL)
        return fail_api(call->fail, kind->missing_code, "%s '%.*s' does not exist", kind->missing_text, STR_ARG(id));
    *ret_record = record;
    return true;
}

bool resource_tags(const struct call *call, const struct ec2_tag_specification_list *specifications,
                   enum ec2_resource_type type, struct ec2_tag_list *ret_tags)
{
    struct ec2_tag_list tags = {.items = NULL};

    for (size_t i = 0; i < specifications->count; i++) {
        const struct ec2_tag_specification *from = &specifications->items[i];

        if (from->resource_type == EC2_RESOURCE_TYPE_NONE)
            return fail_api(call->fail, "InvalidParameterValue", "Tag specification resource type must have a value");
        if (from->resource_type != type)
            return fail_api(call->fail, "InvalidParameterValue",
                            "'%s' is not a valid taggable resource type for this operation.",
                            enum_name(&ec2_resource_type_shape, (int)from->resource_type));
        if (from->tags.count == 0)
            return fail_api(call->fail, "InvalidParameterValue", "Tag specification must have at least one tag");
        tags = from->tags;
    }
    if (!ec2_tags_check(&tags, call->fail))
        return false;
    *ret_tags = tags;
    return true;
}

bool resource_attributes_check(const struct call *call, int given)
{
    return given == 1 ||
           fail_api(call->fail, "InvalidParameterCombination",
                    given == 0 ? "No attributes specified." : "Fields for multiple attribute types specified");
}

const void *resource_of_token(const struct call *call, const struct resource_kind *kind, struct str token)
{
    struct walk walk = transaction_walk(call->tx, kind->table, "token",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, token));

    return token.ptr == NULL ? NULL : walk_next(&walk);
}

bool fail_token_mismatch(const struct call *call, struct str token)
{
    return fail_api(call->fail, "IdempotentParameterMismatch",
                    "The client token '%.*s' was used before, with other parameters", STR_ARG(token));
}
