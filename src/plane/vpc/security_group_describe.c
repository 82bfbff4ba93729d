/* DescribeSecurityGroups and DescribeSecurityGroupRules. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/security_group.h"

/* ---- groups ---- */

static const struct filter_field group_fields[] = {
    {"description", "Description"},
    {"egress.ip-permission.cidr", "IpPermissionsEgress.IpRanges.CidrIp"},
    {"egress.ip-permission.from-port", "IpPermissionsEgress.FromPort"},
    {"egress.ip-permission.group-id", "IpPermissionsEgress.UserIdGroupPairs.GroupId"},
    {"egress.ip-permission.group-name", "IpPermissionsEgress.UserIdGroupPairs.GroupName"},
    {"egress.ip-permission.ipv6-cidr", "IpPermissionsEgress.Ipv6Ranges.CidrIpv6"},
    {"egress.ip-permission.prefix-list-id", "IpPermissionsEgress.PrefixListIds.PrefixListId"},
    {"egress.ip-permission.protocol", "IpPermissionsEgress.IpProtocol"},
    {"egress.ip-permission.to-port", "IpPermissionsEgress.ToPort"},
    {"egress.ip-permission.user-id", "IpPermissionsEgress.UserIdGroupPairs.UserId"},
    {"group-id", "GroupId"},
    {"group-name", "GroupName"},
    {"ip-permission.cidr", "IpPermissions.IpRanges.CidrIp"},
    {"ip-permission.from-port", "IpPermissions.FromPort"},
    {"ip-permission.group-id", "IpPermissions.UserIdGroupPairs.GroupId"},
    {"ip-permission.group-name", "IpPermissions.UserIdGroupPairs.GroupName"},
    {"ip-permission.ipv6-cidr", "IpPermissions.Ipv6Ranges.CidrIpv6"},
    {"ip-permission.prefix-list-id", "IpPermissions.PrefixListIds.PrefixListId"},
    {"ip-permission.protocol", "IpPermissions.IpProtocol"},
    {"ip-permission.to-port", "IpPermissions.ToPort"},
    {"ip-permission.user-id", "IpPermissions.UserIdGroupPairs.UserId"},
    {"owner-id", "OwnerId"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table group_filters = {&ec2_security_group_shape, group_fields, COUNT_OF(group_fields),
                                                  "Tags"};

static void show_group(const struct call *call, const void *record, void *noun)
{
    const struct security_group_record *from = record;
    const struct rule_list rules = {from->rules.items, from->rules.count};
    struct ec2_security_group *group = noun;

    group->ip_permissions = rules_permissions(call->arena, rules, /* egress= */ false);
    group->ip_permissions_egress = rules_permissions(call->arena, rules, /* egress= */ true);
}

/* The ids of the request, and those of its names. */
static bool find_ids(const struct call *call, const struct ec2_describe_security_groups_request *in, struct str *ids)
{
    for (size_t i = 0; i < in->group_ids.count; i++)
        ids[i] = in->group_ids.items[i];
    for (size_t i = 0; i < in->group_names.count; i++) {
        const struct security_group_record *group;

        if (!security_group_find(call, STR(""), in->group_names.items[i], &group))
            return false;
        ids[in->group_ids.count + i] = group->group->group_id;
    }
    return true;
}

bool ec2_describe_security_groups(struct call *call, const struct ec2_describe_security_groups_request *in,
                                  struct ec2_describe_security_groups_result *out)
{
    size_t named = in->group_ids.count + in->group_names.count;
    struct str *ids = arena_array(call->arena, struct str, named + 1);
    struct describe describe = {.call = call,
                                .kind = &security_group_kind,
                                .table = &group_filters,
                                .show = show_group,
                                DESCRIBE_REQUEST(in, group_ids)};

    describe.ids = ids;
    describe.id_count = named;
    return find_ids(call, in, ids) && describe_run(&describe, &out->security_groups, &out->next_token);
}

/* ---- rules ---- */

static const struct filter_field rule_fields[] = {
    {"group-id", "GroupId"},
    {"security-group-rule-id", "SecurityGroupRuleId"},
};
static const struct filter_table rule_filters = {&ec2_security_group_rule_shape, rule_fields, COUNT_OF(rule_fields),
                                                 "Tags"};

struct rule_walk {
    struct call *call;
    const struct ec2_describe_security_group_rules_request *in;
    struct ec2_security_group_rule_list *out;
    size_t limit;
    struct str after_group, after_rule; /* of the token: the last rule of the page before */
    bool *found;                        /* by id of the request */
};

static bool is_wanted(struct rule_walk *walk, const struct ec2_security_group_rule *rule)
{
    const struct ec2_security_group_rule_id_list *ids = &walk->in->security_group_rule_ids;

    for (size_t i = 0; i < ids->count; i++)
        if (str_eq(ids->items[i], rule->security_group_rule_id)) {
            walk->found[i] = true;
            return true;
        }
    return ids->count == 0;
}

/* false: the page is full. */
static bool take(struct rule_walk *walk, const struct ec2_security_group_rule *rule)
{
    if (!is_wanted(walk, rule) || !filters_match(&rule_filters, &walk->in->filters, rule))
        return true;
    if (walk->out->count == walk->limit)
        return false;
    walk->out->items[walk->out->count++] = *rule;
    return true;
}

static size_t rule_count(const struct call *call, struct str prefix)
{
    struct walk walk = transaction_walk(call->tx, &security_group_table, NULL, prefix);
    const struct security_group_record *group;
    size_t count = 0;

    while ((group = walk_next(&walk)) != NULL)
        count += group->rules.count;
    return count;
}

/* Where in the group the page begins. When the token's rule is gone meanwhile, the group is told again: twice is better
 * than not at all. */
static size_t first_rule(const struct rule_walk *walk, const struct security_group_record *group)
{
    int order = str_compare(group->group->group_id, walk->after_group);

    if (walk->after_group.ptr == NULL || order > 0)
        return 0;
    for (size_t i = 0; order == 0 && i < group->rules.count; i++)
        if (str_eq(group->rules.items[i].security_group_rule_id, walk->after_rule))
            return i + 1;
    return order == 0 ? 0 : group->rules.count;
}

/* true: all were taken. */
static bool take_all(struct rule_walk *rules, struct str prefix)
{
    struct walk walk = transaction_walk(rules->call->tx, &security_group_table, NULL, prefix);
    const struct security_group_record *group;

    while ((group = walk_next(&walk)) != NULL)
        for (size_t i = first_rule(rules, group); i < group->rules.count; i++)
            if (!take(rules, &group->rules.items[i]))
                return false;
    return true;
}

static bool check_found(const struct call *call, const struct rule_walk *walk)
{
    for (size_t i = 0; i < walk->in->security_group_rule_ids.count; i++)
        if (!walk->found[i])
            return fail_api(call->fail, "InvalidSecurityGroupRuleId.NotFound",
                            "The security group rule ID '%.*s' does not exist",
                            STR_ARG(walk->in->security_group_rule_ids.items[i]));
    return true;
}

bool ec2_describe_security_group_rules(struct call *call, const struct ec2_describe_security_group_rules_request *in,
                                       struct ec2_describe_security_group_rules_result *out)
{
    struct str prefix = KEY_PREFIX(call->arena, call->principal->account, call->region);
    struct ec2_security_group_rule_list *list = &out->security_group_rules;
    struct rule_walk walk = {
        .call = call,
        .in = in,
        .out = list,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .found = arena_array(call->arena, bool, in->security_group_rule_ids.count + 1),
    };
    const struct ec2_security_group_rule *last;
    struct str after;

    if (!filters_check(&rule_filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &after, call->fail))
        return false;
    if (after.ptr != NULL)
        walk.after_group = str_cut(after, '/', &walk.after_rule);
    list->items = arena_array(call->arena, struct ec2_security_group_rule, rule_count(call, prefix) + 1);
    if (take_all(&walk, prefix))
        return check_found(call, &walk);
    last = &list->items[list->count - 1];
    out->next_token = page_token(call->arena, arena_printf(call->arena, "%.*s/%.*s", STR_ARG(last->group_id),
                                                           STR_ARG(last->security_group_rule_id)));
    return true;
}
