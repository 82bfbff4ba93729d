/* Network ACLs: Berth has the default one of each VPC, which lets everything pass, as AWS makes it ("Default network
 * ACL", VPC user guide). It is no record: it follows from the VPC and its subnets. */
#include "base/must.h"
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

enum { ALLOW_NUMBER = 100, DENY_NUMBER = 32767, ENTRIES = 4 };

/* The digits of the VPC's id, behind a prefix of its own. */
static struct str id_of_vpc(struct arena *arena, const char *prefix, struct str vpc_id)
{
    return arena_printf(arena, "%s-%.*s", prefix, STR_ARG(str_from(vpc_id, str_find(vpc_id, '-') + 1)));
}

static struct ec2_network_acl_entry entry(bool egress, int32_t number)
{
    struct ec2_network_acl_entry entry = {
        .cidr_block = STR("0.0.0.0/0"),
        .protocol = STR("-1"),
        .rule_action = number == ALLOW_NUMBER ? EC2_RULE_ACTION_ALLOW : EC2_RULE_ACTION_DENY,
    };

    SET(&entry, egress, egress);
    SET(&entry, rule_number, number);
    return entry;
}

static void add_associations(const struct call *call, struct ec2_network_acl *acl)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, acl->vpc_id));
    size_t room = transaction_count(call->tx, &subnet_table);
    const struct subnet_record *subnet;

    acl->associations.items = arena_array(call->arena, struct ec2_network_acl_association, room + 1);
    while ((subnet = walk_next(&walk)) != NULL)
        acl->associations.items[acl->associations.count++] = (struct ec2_network_acl_association){
            .network_acl_association_id = id_of_vpc(call->arena, "aclassoc", subnet->subnet->subnet_id),
            .network_acl_id = acl->network_acl_id,
            .subnet_id = subnet->subnet->subnet_id,
        };
}

static struct ec2_network_acl acl_of(const struct call *call, const struct vpc_record *vpc)
{
    struct ec2_network_acl acl = {
        .network_acl_id = id_of_vpc(call->arena, "acl", vpc->vpc->vpc_id),
        .vpc_id = vpc->vpc->vpc_id,
        .owner_id = vpc->account_id,
        .entries = {arena_array(call->arena, struct ec2_network_acl_entry, ENTRIES), ENTRIES},
    };

    for (int i = 0; i < ENTRIES; i++)
        acl.entries.items[i] = entry(/* egress= */ i < 2, i % 2 == 0 ? ALLOW_NUMBER : DENY_NUMBER);
    SET(&acl, is_default, true);
    add_associations(call, &acl);
    return acl;
}

static const struct filter_field fields[] = {
    {"association.association-id", "Associations.NetworkAclAssociationId"},
    {"association.network-acl-id", "Associations.NetworkAclId"},
    {"association.subnet-id", "Associations.SubnetId"},
    {"default", "IsDefault"},
    {"entry.cidr", "Entries.CidrBlock"},
    {"entry.egress", "Entries.Egress"},
    {"entry.icmp.code", "Entries.IcmpTypeCode.Code"},
    {"entry.icmp.type", "Entries.IcmpTypeCode.Type"},
    {"entry.ipv6-cidr", "Entries.Ipv6CidrBlock"},
    {"entry.port-range.from", "Entries.PortRange.From"},
    {"entry.port-range.to", "Entries.PortRange.To"},
    {"entry.protocol", "Entries.Protocol"},
    {"entry.rule-action", "Entries.RuleAction"},
    {"entry.rule-number", "Entries.RuleNumber"},
    {"network-acl-id", "NetworkAclId"},
    {"owner-id", "OwnerId"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table filters = {&ec2_network_acl_shape, fields, COUNT_OF(fields), "Tags"};

static bool is_named(const struct ec2_describe_network_acls_request *in, struct str id, bool *named)
{
    for (size_t i = 0; i < in->network_acl_ids.count; i++)
        if (str_eq(in->network_acl_ids.items[i], id)) {
            named[i] = true;
            return true;
        }
    return in->network_acl_ids.count == 0;
}

bool ec2_describe_network_acls(struct call *call, const struct ec2_describe_network_acls_request *in,
                               struct ec2_describe_network_acls_result *out)
{
    struct walk walk =
        transaction_walk(call->tx, &vpc_table, NULL, KEY_PREFIX(call->arena, call->principal->account, call->region));
    bool *named = arena_array(call->arena, bool, in->network_acl_ids.count + 1);
    const struct vpc_record *vpc;

    if (!filters_check(&filters, &in->filters, call->fail))
        return false;
    out->network_acls.items =
        arena_array(call->arena, struct ec2_network_acl, transaction_count(call->tx, &vpc_table) + 1);
    while ((vpc = walk_next(&walk)) != NULL) {
        struct ec2_network_acl acl = acl_of(call, vpc);

        if (is_named(in, acl.network_acl_id, named) && filters_match(&filters, &in->filters, &acl))
            out->network_acls.items[out->network_acls.count++] = acl;
    }
    for (size_t i = 0; i < in->network_acl_ids.count; i++)
        if (!named[i])
            return fail_api(call->fail, "InvalidNetworkAclID.NotFound", "The networkAcl ID '%.*s' does not exist",
                            STR_ARG(in->network_acl_ids.items[i]));
    return true;
}
