/* AuthorizeSecurityGroup*, RevokeSecurityGroup*, ModifySecurityGroupRules, UpdateSecurityGroupRuleDescriptions*. */
#include "base/must.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/security_group.h"

/* A copy with room for `more` rules behind. */
static struct rule_list copy_rules(struct call *call, const struct security_group_record *group, size_t more)
{
    struct rule_list copy = {arena_array(call->arena, struct ec2_security_group_rule, group->rules.count + more + 1),
                             group->rules.count};

    if (copy.count > 0)
        memcpy(copy.items, group->rules.items, copy.count * sizeof(*copy.items));
    return copy;
}

/* The short form of a request (--protocol tcp --port 80 --cidr ...) as one permission. */
static struct ec2_ip_permission_list permissions_of(struct call *call, const struct ec2_ip_permission_list *given,
                                                    const struct ec2_ip_permission *short_form, struct str cidr)
{
    struct ec2_ip_permission *permission;

    if (given->count > 0 || short_form->ip_protocol.ptr == NULL)
        return *given;
    permission = arena_new(call->arena, struct ec2_ip_permission);
    *permission = *short_form;
    permission->ip_ranges.items = arena_new(call->arena, struct ec2_ip_range);
    permission->ip_ranges.items[0].cidr_ip = cidr;
    permission->ip_ranges.count = cidr.ptr == NULL ? 0 : 1;
    return (struct ec2_ip_permission_list){permission, 1};
}

#define PERMISSIONS(call, in)                                                                                          \
    permissions_of((call), &(in)->ip_permissions,                                                                      \
                   &(struct ec2_ip_permission){.ip_protocol = (in)->ip_protocol,                                       \
                                               .from_port = (in)->from_port,                                           \
                                               .has_from_port = (in)->has_from_port,                                   \
                                               .to_port = (in)->to_port,                                               \
                                               .has_to_port = (in)->has_to_port},                                      \
                   (in)->cidr_ip)

/* ---- authorize ---- */

static bool check_apart(const struct call *call, struct rule_list rules)
{
    for (size_t i = 0; i < rules.count; i++)
        for (size_t k = i + 1; k < rules.count; k++)
            if (rule_same(&rules.items[i], &rules.items[k]))
                return fail_api(call->fail, "InvalidParameterValue",
                                "The same permission must not appear multiple times");
    return true;
}

static bool authorize_rules(struct call *call, const struct security_group_record *group, bool egress,
                            const struct ec2_ip_permission_list *permissions,
                            const struct ec2_tag_specification_list *specifications, struct rule_list *ret_rules)
{
    struct ec2_tag_list tags;
    struct rule_list more;
    struct rule_list all;

    if (permissions->count == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter ipPermissions");
    if (!resource_tags(call, specifications, EC2_RESOURCE_TYPE_SECURITY_GROUP_RULE, &tags) ||
        !rules_of_permissions(call, group, egress, permissions, &more))
        return false;
    if (more.count == 0)
        return fail_api(call->fail, "MissingParameter",
                        "The request must contain a source or destination: ipRanges, ipv6Ranges, prefixListIds or "
                        "userIdGroupPairs");
    for (size_t i = 0; i < more.count; i++)
        more.items[i].tags = tags;
    if (!check_apart(call, more))
        return false;
    all = copy_rules(call, group, more.count);
    memcpy(all.items + all.count, more.items, more.count * sizeof(*more.items));
    all.count += more.count;
    *ret_rules = more;
    return rules_put(call, group, all);
}

bool ec2_authorize_security_group_ingress(struct call *call,
                                          const struct ec2_authorize_security_group_ingress_request *in,
                                          struct ec2_authorize_security_group_ingress_result *out)
{
    struct ec2_ip_permission_list permissions = PERMISSIONS(call, in);
    const struct security_group_record *group;
    struct rule_list rules;

    if (in->source_security_group_name.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation",
                        "Name the source group in ipPermissions: Berth does not read sourceSecurityGroupName");
    if (!security_group_find(call, in->group_id, in->group_name, &group) ||
        !authorize_rules(call, group, /* egress= */ false, &permissions, &in->tag_specifications, &rules))
        return false;
    SET(out, return_, true);
    out->security_group_rules.items = rules.items;
    out->security_group_rules.count = rules.count;
    return true;
}

bool ec2_authorize_security_group_egress(struct call *call,
                                         const struct ec2_authorize_security_group_egress_request *in,
                                         struct ec2_authorize_security_group_egress_result *out)
{
    struct ec2_ip_permission_list permissions = PERMISSIONS(call, in);
    const struct security_group_record *group;
    struct rule_list rules;

    if (!security_group_find(call, in->group_id, STR(""), &group) ||
        !authorize_rules(call, group, /* egress= */ true, &permissions, &in->tag_specifications, &rules))
        return false;
    SET(out, return_, true);
    out->security_group_rules.items = rules.items;
    out->security_group_rules.count = rules.count;
    return true;
}

/* ---- revoke ---- */

struct revocation {
    struct rule_list kept, gone, unknown;
};

static bool fail_unknown_id(const struct call *call, struct str id)
{
    return fail_api(call->fail, "InvalidSecurityGroupRuleId.NotFound",
                    "The security group rule ID '%.*s' does not exist", STR_ARG(id));
}

/* Moves the first of `rules` that is wanted from kept to gone; false: there is none. */
static bool take(struct revocation *revocation, bool (*wanted)(const struct ec2_security_group_rule *, const void *),
                 const void *what)
{
    for (size_t i = 0; i < revocation->kept.count; i++) {
        if (!wanted(&revocation->kept.items[i], what))
            continue;
        revocation->gone.items[revocation->gone.count++] = revocation->kept.items[i];
        memmove(&revocation->kept.items[i], &revocation->kept.items[i + 1],
                (revocation->kept.count - i - 1) * sizeof(*revocation->kept.items));
        revocation->kept.count--;
        return true;
    }
    return false;
}

static bool is_same(const struct ec2_security_group_rule *rule, const void *what)
{
    return rule_same(rule, what);
}

struct rule_id {
    struct str id;
    bool egress;
};

static bool has_id(const struct ec2_security_group_rule *rule, const void *what)
{
    const struct rule_id *wanted = what;

    return rule->is_egress == wanted->egress && str_eq(rule->security_group_rule_id, wanted->id);
}

static bool in_default_vpc(const struct call *call, const struct security_group_record *group)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);

    return vpc != NULL && str_eq(vpc->vpc->vpc_id, group->group->vpc_id);
}

static bool revoke_same(struct call *call, const struct security_group_record *group, struct rule_list wanted,
                        struct revocation *revocation)
{
    revocation->unknown.items = arena_array(call->arena, struct ec2_security_group_rule, wanted.count + 1);
    for (size_t i = 0; i < wanted.count; i++)
        if (!take(revocation, is_same, &wanted.items[i]))
            revocation->unknown.items[revocation->unknown.count++] = wanted.items[i];
    if (revocation->unknown.count > 0 && !in_default_vpc(call, group))
        return fail_api(call->fail, "InvalidPermission.NotFound",
                        "The specified rule does not exist in this security group.");
    return true;
}

static bool revoke_rules(struct call *call, const struct security_group_record *group, bool egress,
                         const struct ec2_ip_permission_list *permissions,
                         const struct ec2_security_group_rule_id_list *ids, struct revocation *ret_revocation)
{
    struct revocation revocation = {.kept = copy_rules(call, group, 0)};
    struct rule_list wanted;

    if (permissions->count > 0 && ids->count > 0)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "Only one of 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    revocation.gone.items = arena_array(call->arena, struct ec2_security_group_rule, group->rules.count + 1);
    for (size_t i = 0; i < ids->count; i++)
        if (!take(&revocation, has_id, &(struct rule_id){ids->items[i], egress}))
            return fail_unknown_id(call, ids->items[i]);
    if (ids->count == 0) {
        if (!rules_of_permissions(call, group, egress, permissions, &wanted))
            return false;
        if (wanted.count == 0)
            return fail_api(call->fail, "MissingParameter",
                            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
        if (!revoke_same(call, group, wanted, &revocation))
            return false;
    }
    *ret_revocation = revocation;
    return rules_put(call, group, revocation.kept);
}

static struct ec2_revoked_security_group_rule_list revoked(struct call *call, struct rule_list rules)
{
    struct ec2_revoked_security_group_rule_list list = {
        arena_array(call->arena, struct ec2_revoked_security_group_rule, rules.count + 1), rules.count};

    for (size_t i = 0; i < rules.count; i++) {
        const struct ec2_security_group_rule *rule = &rules.items[i];
        struct ec2_revoked_security_group_rule *to = &list.items[i];

        *to = (struct ec2_revoked_security_group_rule){
            .security_group_rule_id = rule->security_group_rule_id,
            .group_id = rule->group_id,
            .ip_protocol = rule->ip_protocol,
            .cidr_ipv4 = rule->cidr_ipv4,
            .cidr_ipv6 = rule->cidr_ipv6,
            .description = rule->description,
        };
        if (rule->referenced_group_info != NULL)
            to->referenced_group_id = rule->referenced_group_info->group_id;
        SET(to, is_egress, rule->is_egress);
        SET(to, from_port, rule->from_port);
        SET(to, to_port, rule->to_port);
    }
    return list;
}

bool ec2_revoke_security_group_ingress(struct call *call, const struct ec2_revoke_security_group_ingress_request *in,
                                       struct ec2_revoke_security_group_ingress_result *out)
{
    struct ec2_ip_permission_list permissions = PERMISSIONS(call, in);
    const struct security_group_record *group;
    struct revocation revocation;

    if (in->source_security_group_name.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation",
                        "Name the source group in ipPermissions: Berth does not read sourceSecurityGroupName");
    if (!security_group_find(call, in->group_id, in->group_name, &group) ||
        !revoke_rules(call, group, /* egress= */ false, &permissions, &in->security_group_rule_ids, &revocation))
        return false;
    SET(out, return_, true);
    out->revoked_security_group_rules = revoked(call, revocation.gone);
    out->unknown_ip_permissions = rules_permissions(call->arena, revocation.unknown, /* egress= */ false);
    return true;
}

bool ec2_revoke_security_group_egress(struct call *call, const struct ec2_revoke_security_group_egress_request *in,
                                      struct ec2_revoke_security_group_egress_result *out)
{
    struct ec2_ip_permission_list permissions = PERMISSIONS(call, in);
    const struct security_group_record *group;
    struct revocation revocation;

    if (!security_group_find(call, in->group_id, STR(""), &group) ||
        !revoke_rules(call, group, /* egress= */ true, &permissions, &in->security_group_rule_ids, &revocation))
        return false;
    SET(out, return_, true);
    out->revoked_security_group_rules = revoked(call, revocation.gone);
    out->unknown_ip_permissions = rules_permissions(call->arena, revocation.unknown, /* egress= */ true);
    return true;
}

/* ---- modify ---- */

static struct ec2_security_group_rule *rule_in(struct rule_list rules, struct str id)
{
    for (size_t i = 0; i < rules.count; i++)
        if (str_eq(rules.items[i].security_group_rule_id, id))
            return &rules.items[i];
    return NULL;
}

/* A rule as ModifySecurityGroupRules words it, as a permission with its one peer. */
static bool permission_of_rule(struct call *call, const struct ec2_security_group_rule_request *rule,
                               struct ec2_ip_permission *ret_permission)
{
    int peers = (rule->cidr_ipv4.ptr != NULL) + (rule->cidr_ipv6.ptr != NULL) + (rule->prefix_list_id.ptr != NULL) +
                (rule->referenced_group_id.ptr != NULL);
    struct ec2_ip_permission permission = {.ip_protocol = rule->ip_protocol,
                                           .from_port = rule->from_port,
                                           .has_from_port = rule->has_from_port,
                                           .to_port = rule->to_port,
                                           .has_to_port = rule->has_to_port};

    if (peers != 1)
        return fail_api(call->fail, peers == 0 ? "MissingParameter" : "InvalidParameterCombination",
                        "A rule has exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId");
    permission.ip_ranges.items = arena_new(call->arena, struct ec2_ip_range);
    permission.ip_ranges.items[0] = (struct ec2_ip_range){rule->description, rule->cidr_ipv4};
    permission.ip_ranges.count = rule->cidr_ipv4.ptr != NULL;
    permission.ipv6_ranges.items = arena_new(call->arena, struct ec2_ipv6_range);
    permission.ipv6_ranges.items[0] = (struct ec2_ipv6_range){rule->description, rule->cidr_ipv6};
    permission.ipv6_ranges.count = rule->cidr_ipv6.ptr != NULL;
    permission.prefix_list_ids.items = arena_new(call->arena, struct ec2_prefix_list_id);
    permission.prefix_list_ids.items[0] = (struct ec2_prefix_list_id){rule->description, rule->prefix_list_id};
    permission.prefix_list_ids.count = rule->prefix_list_id.ptr != NULL;
    permission.user_id_group_pairs.items = arena_new(call->arena, struct ec2_user_id_group_pair);
    permission.user_id_group_pairs.items[0].description = rule->description;
    permission.user_id_group_pairs.items[0].group_id = rule->referenced_group_id;
    permission.user_id_group_pairs.count = rule->referenced_group_id.ptr != NULL;
    *ret_permission = permission;
    return true;
}

static bool modify_rule(struct call *call, const struct security_group_record *group,
                        const struct ec2_security_group_rule_update *update, struct rule_list rules)
{
    struct ec2_security_group_rule *rule = rule_in(rules, update->security_group_rule_id);
    struct ec2_ip_permission permission;
    struct ec2_security_group_rule before;
    struct rule_list made;

    if (rule == NULL)
        return fail_unknown_id(call, update->security_group_rule_id);
    if (update->security_group_rule == NULL)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter SecurityGroupRule");
    if (!permission_of_rule(call, update->security_group_rule, &permission) ||
        !rules_of_permissions(call, group, rule->is_egress, &(struct ec2_ip_permission_list){&permission, 1}, &made))
        return false;
    must(made.count == 1);
    before = *rule;
    *rule = made.items[0];
    rule->security_group_rule_id = before.security_group_rule_id;
    rule->security_group_rule_arn = before.security_group_rule_arn;
    rule->tags = before.tags;
    return true;
}

bool ec2_modify_security_group_rules(struct call *call, const struct ec2_modify_security_group_rules_request *in,
                                     struct ec2_modify_security_group_rules_result *out)
{
    const struct security_group_record *group;
    struct rule_list rules;

    if (!security_group_find(call, in->group_id, STR(""), &group))
        return false;
    rules = copy_rules(call, group, 0);
    for (size_t i = 0; i < in->security_group_rules.count; i++)
        if (!modify_rule(call, group, &in->security_group_rules.items[i], rules))
            return false;
    SET(out, return_, true);
    return rules_put(call, group, rules);
}

/* ---- descriptions ---- */

/* The description of each rule of `described` for the one in `rules` that is the same otherwise. */
static bool describe_same(const struct call *call, struct rule_list described, struct rule_list rules)
{
    for (size_t i = 0; i < described.count; i++) {
        size_t k = 0;

        while (k < rules.count && !rule_same(&rules.items[k], &described.items[i]))
            k++;
        if (k == rules.count)
            return fail_api(call->fail, "InvalidPermission.NotFound",
                            "The specified rule does not exist in this security group.");
        rules.items[k].description = described.items[i].description;
    }
    return true;
}

static bool describe_by_id(const struct call *call, const struct ec2_security_group_rule_description_list *descriptions,
                           bool egress, struct rule_list rules)
{
    for (size_t i = 0; i < descriptions->count; i++) {
        struct ec2_security_group_rule *rule = rule_in(rules, descriptions->items[i].security_group_rule_id);

        if (rule == NULL || rule->is_egress != egress)
            return fail_unknown_id(call, descriptions->items[i].security_group_rule_id);
        rule->description = descriptions->items[i].description;
    }
    return true;
}

static bool update_descriptions(struct call *call, const struct security_group_record *group, bool egress,
                                const struct ec2_ip_permission_list *permissions,
                                const struct ec2_security_group_rule_description_list *descriptions)
{
    struct rule_list rules = copy_rules(call, group, 0);
    struct rule_list described;

    if (permissions->count == 0 && descriptions->count == 0)
        return fail_api(call->fail, "MissingParameter",
                        "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.");
    return rules_of_permissions(call, group, egress, permissions, &described) &&
           describe_same(call, described, rules) && describe_by_id(call, descriptions, egress, rules) &&
           rules_put(call, group, rules);
}

bool ec2_update_security_group_rule_descriptions_ingress(
    struct call *call, const struct ec2_update_security_group_rule_descriptions_ingress_request *in,
    struct ec2_update_security_group_rule_descriptions_ingress_result *out)
{
    const struct security_group_record *group;

    SET(out, return_, true);
    return security_group_find(call, in->group_id, in->group_name, &group) &&
           update_descriptions(call, group, /* egress= */ false, &in->ip_permissions,
                               &in->security_group_rule_descriptions);
}

bool ec2_update_security_group_rule_descriptions_egress(
    struct call *call, const struct ec2_update_security_group_rule_descriptions_egress_request *in,
    struct ec2_update_security_group_rule_descriptions_egress_result *out)
{
    const struct security_group_record *group;

    SET(out, return_, true);
    return security_group_find(call, in->group_id, in->group_name, &group) &&
           update_descriptions(call, group, /* egress= */ true, &in->ip_permissions,
                               &in->security_group_rule_descriptions);
}
