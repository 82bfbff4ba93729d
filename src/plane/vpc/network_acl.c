/* Network ACLs: Berth has the default one of each VPC, which lets everything pass, as AWS makes it ("Default network
 * ACL", VPC user guide). It is no record: it follows from the VPC and its subnets. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

enum { ALLOW_NUMBER = 100, DENY_NUMBER = 32767, ENTRIES = 4 };

/* The id with the digits of another: those of the VPC for an ACL, and the other way round. */
static struct str id_of(struct arena *arena, const char *prefix, struct str other)
{
    return arena_printf(arena, "%s-%.*s", prefix, STR_ARG(str_from(other, str_find(other, '-') + 1)));
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
            .network_acl_association_id = id_of(call->arena, "aclassoc", subnet->subnet->subnet_id),
            .network_acl_id = acl->network_acl_id,
            .subnet_id = subnet->subnet->subnet_id,
        };
}

static void show(const struct call *call, const void *record, void *noun)
{
    const struct vpc_record *vpc = record;
    struct ec2_network_acl *acl = noun;

    *acl = (struct ec2_network_acl){
        .network_acl_id = id_of(call->arena, "acl", vpc->vpc->vpc_id),
        .vpc_id = vpc->vpc->vpc_id,
        .owner_id = vpc->account_id,
        .entries = {arena_array(call->arena, struct ec2_network_acl_entry, ENTRIES), ENTRIES},
    };
    for (int i = 0; i < ENTRIES; i++)
        acl->entries.items[i] = entry(/* egress= */ i < 2, i % 2 == 0 ? ALLOW_NUMBER : DENY_NUMBER);
    SET(acl, is_default, true);
    add_associations(call, acl);
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

/* Nothing of it is kept. */
static const void *noun_of(const void *record)
{
    static const struct ec2_network_acl unshown;

    (void)record;
    return &unshown;
}

static const void *vpc_of(const struct call *call, struct str id)
{
    return transaction_get(call->tx, &vpc_table,
                           KEY(call->arena, call->principal->account, call->region, id_of(call->arena, "vpc", id)));
}

static const struct resource_kind kind = {
    .type = EC2_RESOURCE_TYPE_NETWORK_ACL,
    .prefix = "acl-",
    .table = &vpc_table,
    .missing_code = "InvalidNetworkAclID.NotFound",
    .missing_text = "The networkAcl ID",
    .malformed_code = "InvalidNetworkAclID.Malformed",
    .noun = noun_of,
    .find = vpc_of,
};

bool ec2_describe_network_acls(struct call *call, const struct ec2_describe_network_acls_request *in,
                               struct ec2_describe_network_acls_result *out)
{
    const struct describe describe = {
        .call = call, .kind = &kind, .table = &filters, .show = show, DESCRIBE_REQUEST(in, network_acl_ids)};

    return describe_run(&describe, &out->network_acls, &out->next_token);
}
