/* Security groups and their rules. A group keeps its rules one by one, as rule ids name them; the API's IpPermissions
 * are made from them. */
#include "base/must.h"
#include "plane/vpc/filter.h"
#include "plane/vpc/operations.h"

enum { RULES_MAX = 60, NAME_MAX = 255 }; /* VPC quotas: inbound or outbound rules per security group */

static const struct security_group_record *group_of(const struct call *call, struct str id)
{
    return transaction_get(call->tx, &security_group_table,
                           KEY(call->arena, call->principal->account, call->region, id));
}

static const struct security_group_record *group_named(const struct call *call, struct str vpc_id, struct str name)
{
    struct walk walk = transaction_walk(call->tx, &security_group_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct security_group_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (str_eq(record->group->group_name, name))
            return record;
    return NULL;
}

static bool find(const struct call *call, struct str id, struct str name,
                 const struct security_group_record **ret_group)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);

    *ret_group = NULL;
    if (id.ptr != NULL)
        *ret_group = group_of(call, id);
    else if (name.ptr != NULL && vpc != NULL)
        *ret_group = group_named(call, vpc->vpc->vpc_id, name);
    else
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter groupName or groupId");
    if (*ret_group == NULL)
        return fail_api(call->fail, "InvalidGroup.NotFound", "The security group '%.*s' does not exist",
                        STR_ARG(id.ptr != NULL ? id : name));
    return true;
}

/* ---- rules <-> permissions ---- */

struct rule_list {
    struct ec2_security_group_rule *items;
    size_t count;
};

static struct str protocol_name(struct str protocol)
{
    static const struct {
        const char *number, *name;
    } rows[] = {{"6", "tcp"}, {"17", "udp"}, {"1", "icmp"}, {"all", "-1"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_is(protocol, rows[i].number))
            return str_of(rows[i].name);
    return protocol;
}

static bool has_ports(struct str protocol)
{
    return str_is(protocol, "tcp") || str_is(protocol, "udp");
}

static bool check_protocol(const struct call *call, const struct ec2_ip_permission *permission, struct str protocol)
{
    uint64_t number;

    if (protocol.ptr == NULL)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter ipProtocol");
    if (!has_ports(protocol) && !str_is(protocol, "icmp") && !str_is(protocol, "-1") &&
        !(str_to_uint64(protocol, &number) && number < 256))
        return fail_api(call->fail, "InvalidParameterValue", "Invalid value '%.*s' for IP protocol. Unknown protocol.",
                        STR_ARG(protocol));
    if (permission->ipv6_ranges.count > 0 || permission->prefix_list_ids.count > 0)
        return fail_api(call->fail, "InvalidParameterValue", "Berth has no IPv6 ranges and no prefix lists yet");
    if (!has_ports(protocol))
        return true;
    if (!permission->has_from_port || !permission->has_to_port)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.");
    if (permission->from_port < 0 || permission->to_port > 65535 || permission->from_port > permission->to_port)
        return fail_api(call->fail, "InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)",
                        permission->from_port, permission->to_port);
    return true;
}

static void begin_rule(struct call *call, const struct security_group_record *group, bool egress,
                       const struct ec2_ip_permission *permission, struct ec2_security_group_rule *rule)
{
    struct str protocol = protocol_name(permission->ip_protocol);
    bool numbered = has_ports(protocol) || str_is(protocol, "icmp");

    *rule = (struct ec2_security_group_rule){.security_group_rule_id = vpc_id_new(call->tx, "sgr"),
                                             .group_id = group->group->group_id,
                                             .group_owner_id = group->account_id,
                                             .ip_protocol = protocol};
    SET(rule, is_egress, egress);
    SET(rule, from_port, numbered && permission->has_from_port ? permission->from_port : -1);
    SET(rule, to_port, numbered && permission->has_to_port ? permission->to_port : -1);
}

static bool add_range(struct call *call, const struct security_group_record *group, bool egress,
                      const struct ec2_ip_permission *permission, const struct ec2_ip_range *range,
                      struct rule_list *rules)
{
    struct ec2_security_group_rule *rule = &rules->items[rules->count++];
    struct str address = str_to(range->cidr_ip, str_find(range->cidr_ip, '/'));
    struct str prefix_text;
    uint64_t prefix;
    uint32_t number;

    (void)str_cut(range->cidr_ip, '/', &prefix_text);
    if (prefix_text.ptr == NULL || !str_to_uint64(prefix_text, &prefix) || prefix > 32 || !ipv4_parse(address, &number))
        return fail_api(call->fail, "InvalidParameterValue", "CIDR block %.*s is malformed", STR_ARG(range->cidr_ip));
    if (prefix < 32)
        number &= ~(UINT32_MAX >> prefix); /* EC2 clears the host bits */
    begin_rule(call, group, egress, permission, rule);
    rule->cidr_ipv4 = arena_printf(call->arena, "%.*s/%u", STR_ARG(ipv4_text(call->arena, number)), (unsigned)prefix);
    rule->description = range->description;
    return true;
}

static bool add_pair(struct call *call, const struct security_group_record *group, bool egress,
                     const struct ec2_ip_permission *permission, const struct ec2_user_id_group_pair *pair,
                     struct rule_list *rules)
{
    struct ec2_security_group_rule *rule = &rules->items[rules->count++];
    const struct security_group_record *other;

    if (!find(call, pair->group_id, pair->group_name, &other))
        return false;
    if (!str_eq(other->group->vpc_id, group->group->vpc_id))
        return fail_api(call->fail, "InvalidGroup.NotFound",
                        "You have specified two resources that belong to different networks.");
    begin_rule(call, group, egress, permission, rule);
    rule->referenced_group_info = arena_new(call->arena, struct ec2_referenced_security_group);
    rule->referenced_group_info->group_id = other->group->group_id;
    rule->referenced_group_info->user_id = other->account_id;
    rule->description = pair->description;
    return true;
}

static bool rules_of(struct call *call, const struct security_group_record *group, bool egress,
                     const struct ec2_ip_permission_list *permissions, struct rule_list *ret_rules)
{
    size_t room = 0;

    for (size_t i = 0; i < permissions->count; i++)
        room += permissions->items[i].ip_ranges.count + permissions->items[i].user_id_group_pairs.count;
    ret_rules->items = arena_array(call->arena, struct ec2_security_group_rule, room + 1);
    for (size_t i = 0; i < permissions->count; i++) {
        const struct ec2_ip_permission *permission = &permissions->items[i];

        if (!check_protocol(call, permission, protocol_name(permission->ip_protocol)))
            return false;
        for (size_t k = 0; k < permission->ip_ranges.count; k++)
            if (!add_range(call, group, egress, permission, &permission->ip_ranges.items[k], ret_rules))
                return false;
        for (size_t k = 0; k < permission->user_id_group_pairs.count; k++)
            if (!add_pair(call, group, egress, permission, &permission->user_id_group_pairs.items[k], ret_rules))
                return false;
    }
    if (ret_rules->count == 0)
        return fail_api(call->fail, "MissingParameter",
                        "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    return true;
}

static bool same_rule(const struct ec2_security_group_rule *a, const struct ec2_security_group_rule *b)
{
    struct str group_a = a->referenced_group_info == NULL ? STR("") : a->referenced_group_info->group_id;
    struct str group_b = b->referenced_group_info == NULL ? STR("") : b->referenced_group_info->group_id;

    return a->is_egress == b->is_egress && str_eq(a->ip_protocol, b->ip_protocol) && a->from_port == b->from_port &&
           a->to_port == b->to_port && str_eq(a->cidr_ipv4, b->cidr_ipv4) && str_eq(group_a, group_b);
}

static void put_rules(struct call *call, const struct security_group_record *group, struct rule_list rules)
{
    struct security_group_record record = *group;

    record.rules.items = rules.items;
    record.rules.count = rules.count;
    must(transaction_put(call->tx, &security_group_table, &record));
}

/* ---- authorize and revoke ---- */

/* The short form of the request (--protocol tcp --port 80 --cidr ...) as one permission. */
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

#define SHORT_FORM(in)                                                                                                 \
    &(struct ec2_ip_permission)                                                                                        \
    {                                                                                                                  \
        .ip_protocol = (in)->ip_protocol, .from_port = (in)->from_port, .has_from_port = (in)->has_from_port,          \
        .to_port = (in)->to_port, .has_to_port = (in)->has_to_port                                                     \
    }

static bool add_rules(struct call *call, const struct security_group_record *group, bool egress,
                      const struct ec2_ip_permission_list *permissions, struct ec2_security_group_rule_list *ret_rules)
{
    struct rule_list more;
    struct rule_list all;
    size_t same_way = 0;

    memset(&more, 0, sizeof(more));
    if (!rules_of(call, group, egress, permissions, &more))
        return false;
    all.items = arena_array(call->arena, struct ec2_security_group_rule, group->rules.count + more.count);
    all.count = group->rules.count + more.count;
    memcpy(all.items, group->rules.items, group->rules.count * sizeof(*all.items));
    memcpy(all.items + group->rules.count, more.items, more.count * sizeof(*all.items));
    for (size_t i = 0; i < all.count; i++) {
        same_way += all.items[i].is_egress == egress ? 1 : 0;
        for (size_t k = i + 1; k < all.count; k++)
            if (same_rule(&all.items[i], &all.items[k]))
                return fail_api(call->fail, "InvalidPermission.Duplicate",
                                "the specified rule \"peer: %.*s, %.*s, from port: %d, to port: %d, ALLOW\" already "
                                "exists",
                                STR_ARG(all.items[k].cidr_ipv4), STR_ARG(all.items[k].ip_protocol),
                                all.items[k].from_port, all.items[k].to_port);
    }
    if (same_way > RULES_MAX)
        return fail_api(call->fail, "RulesPerSecurityGroupLimitExceeded",
                        "The maximum number of rules per security group has been reached.");
    put_rules(call, group, all);
    ret_rules->items = more.items;
    ret_rules->count = more.count;
    return true;
}

static bool has_id(const struct ec2_security_group_rule_id_list *ids, struct str id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (str_eq(ids->items[i], id))
            return true;
    return false;
}

static bool remove_rules(struct call *call, const struct security_group_record *group, bool egress,
                         const struct ec2_ip_permission_list *permissions,
                         const struct ec2_security_group_rule_id_list *ids)
{
    struct rule_list gone;
    struct rule_list kept = {.items = arena_array(call->arena, struct ec2_security_group_rule, group->rules.count + 1)};

    memset(&gone, 0, sizeof(gone));
    if (ids->count == 0 && !rules_of(call, group, egress, permissions, &gone))
        return false;
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct ec2_security_group_rule *rule = &group->rules.items[i];
        bool remove = has_id(ids, rule->security_group_rule_id) && rule->is_egress == egress;

        for (size_t k = 0; k < gone.count; k++)
            remove = remove || same_rule(rule, &gone.items[k]);
        if (!remove)
            kept.items[kept.count++] = *rule;
    }
    if (kept.count == group->rules.count)
        return fail_api(call->fail,
                        ids->count > 0 ? "InvalidSecurityGroupRuleId.NotFound" : "InvalidPermission.NotFound",
                        "The specified rule does not exist in this security group.");
    put_rules(call, group, kept);
    return true;
}

bool ec2_authorize_security_group_ingress(struct call *call,
                                          const struct ec2_authorize_security_group_ingress_request *in,
                                          struct ec2_authorize_security_group_ingress_result *out)
{
    struct ec2_ip_permission_list permissions = permissions_of(call, &in->ip_permissions, SHORT_FORM(in), in->cidr_ip);
    const struct security_group_record *group;

    SET(out, return_, true);
    return find(call, in->group_id, in->group_name, &group) &&
           add_rules(call, group, false, &permissions, &out->security_group_rules);
}

bool ec2_authorize_security_group_egress(struct call *call,
                                         const struct ec2_authorize_security_group_egress_request *in,
                                         struct ec2_authorize_security_group_egress_result *out)
{
    struct ec2_ip_permission_list permissions = permissions_of(call, &in->ip_permissions, SHORT_FORM(in), in->cidr_ip);
    const struct security_group_record *group;

    SET(out, return_, true);
    return find(call, in->group_id, (struct str){NULL, 0}, &group) &&
           add_rules(call, group, true, &permissions, &out->security_group_rules);
}

bool ec2_revoke_security_group_ingress(struct call *call, const struct ec2_revoke_security_group_ingress_request *in,
                                       struct ec2_revoke_security_group_ingress_result *out)
{
    struct ec2_ip_permission_list permissions = permissions_of(call, &in->ip_permissions, SHORT_FORM(in), in->cidr_ip);
    const struct security_group_record *group;

    SET(out, return_, true);
    return find(call, in->group_id, in->group_name, &group) &&
           remove_rules(call, group, false, &permissions, &in->security_group_rule_ids);
}

bool ec2_revoke_security_group_egress(struct call *call, const struct ec2_revoke_security_group_egress_request *in,
                                      struct ec2_revoke_security_group_egress_result *out)
{
    struct ec2_ip_permission_list permissions = permissions_of(call, &in->ip_permissions, SHORT_FORM(in), in->cidr_ip);
    const struct security_group_record *group;

    SET(out, return_, true);
    return find(call, in->group_id, (struct str){NULL, 0}, &group) &&
           remove_rules(call, group, true, &permissions, &in->security_group_rule_ids);
}

/* ---- groups ---- */

bool ec2_create_security_group(struct call *call, const struct ec2_create_security_group_request *in,
                               struct ec2_create_security_group_result *out)
{
    const struct vpc_record *home = vpc_default(call->tx, call->principal->account, call->region);
    struct str vpc_id = in->vpc_id.ptr != NULL ? in->vpc_id : home == NULL ? STR("") : home->vpc->vpc_id;
    struct str id = vpc_id_new(call->tx, "sg");
    struct ec2_security_group group = {.group_id = id,
                                       .group_name = in->group_name,
                                       .description = in->description,
                                       .vpc_id = vpc_id,
                                       .owner_id = call->principal->account};
    struct ec2_security_group_rule everywhere = {.security_group_rule_id = vpc_id_new(call->tx, "sgr"),
                                                 .group_id = id,
                                                 .group_owner_id = call->principal->account,
                                                 .ip_protocol = STR("-1"),
                                                 .cidr_ipv4 = STR("0.0.0.0/0")};
    struct security_group_record record = {
        .account_id = call->principal->account, .region = call->region, .group = &group, .rules = {&everywhere, 1}};

    if (transaction_get(call->tx, &vpc_table, KEY(call->arena, call->principal->account, call->region, vpc_id)) == NULL)
        return fail_api(call->fail, "InvalidVpcID.NotFound", "The vpc ID '%.*s' does not exist", STR_ARG(vpc_id));
    if (in->group_name.len == 0 || in->group_name.len > NAME_MAX || str_starts(in->group_name, STR("sg-")))
        return fail_api(call->fail, "InvalidParameterValue", "Invalid value '%.*s' for groupName.",
                        STR_ARG(in->group_name));
    if (group_named(call, vpc_id, in->group_name) != NULL)
        return fail_api(call->fail, "InvalidGroup.Duplicate", "The security group '%.*s' already exists for VPC '%.*s'",
                        STR_ARG(in->group_name), STR_ARG(vpc_id));
    for (size_t i = 0; i < in->tag_specifications.count; i++)
        group.tags = in->tag_specifications.items[i].tags;
    group.security_group_arn = arena_printf(call->arena, "arn:aws:ec2:%.*s:%.*s:security-group/%.*s",
                                            STR_ARG(call->region), STR_ARG(call->principal->account), STR_ARG(id));
    SET(&everywhere, is_egress, true);
    SET(&everywhere, from_port, -1);
    SET(&everywhere, to_port, -1);
    must(transaction_put(call->tx, &security_group_table, &record));
    out->group_id = id;
    out->security_group_arn = group.security_group_arn;
    out->tags = group.tags;
    return true;
}

static bool in_use(const struct call *call, const struct security_group_record *group)
{
    struct walk walk =
        transaction_walk(call->tx, &network_interface_table, "vpc",
                         KEY_PREFIX(call->arena, group->account_id, group->region, group->group->vpc_id));
    const struct network_interface_record *interface;

    while ((interface = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < interface->interface->groups.count; i++)
            if (str_eq(interface->interface->groups.items[i].group_id, group->group->group_id))
                return true;
    return false;
}

bool ec2_delete_security_group(struct call *call, const struct ec2_delete_security_group_request *in,
                               struct ec2_delete_security_group_result *out)
{
    const struct security_group_record *group;

    if (!find(call, in->group_id, in->group_name, &group))
        return false;
    if (str_is(group->group->group_name, "default"))
        return fail_api(call->fail, "CannotDelete",
                        "the specified group: \"%.*s\" name: \"default\" cannot be deleted by a user",
                        STR_ARG(group->group->group_id));
    if (in_use(call, group))
        return fail_api(call->fail, "DependencyViolation", "resource %.*s has a dependent object",
                        STR_ARG(group->group->group_id));
    SET(out, return_, true);
    out->group_id = group->group->group_id;
    transaction_delete(call->tx, &security_group_table,
                       KEY(call->arena, group->account_id, group->region, group->group->group_id));
    return true;
}

/* ---- describe ---- */

static struct str group_id(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct security_group_record *)record)->group->group_id;
}

static struct str group_name(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct security_group_record *)record)->group->group_name;
}

static struct str group_vpc(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct security_group_record *)record)->group->vpc_id;
}

static struct str group_description(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct security_group_record *)record)->group->description;
}

static struct str group_owner(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct security_group_record *)record)->group->owner_id;
}

static const struct ec2_tag_list *group_tags(const void *record)
{
    return &((const struct security_group_record *)record)->group->tags;
}

static const struct filter_field fields[] = {{"group-id", group_id, NULL},
                                             {"group-name", group_name, NULL},
                                             {"vpc-id", group_vpc, NULL},
                                             {"description", group_description, NULL},
                                             {"owner-id", group_owner, NULL}};
static const struct filter_table filters = {fields, COUNT_OF(fields), group_tags};

static struct ec2_ip_permission *permission_for(struct ec2_ip_permission_list *list, size_t rules, struct arena *arena,
                                                const struct ec2_security_group_rule *rule)
{
    struct ec2_ip_permission *permission;

    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i].ip_protocol, rule->ip_protocol) && list->items[i].from_port == rule->from_port &&
            list->items[i].to_port == rule->to_port)
            return &list->items[i];
    permission = &list->items[list->count++];
    permission->ip_protocol = rule->ip_protocol;
    permission->from_port = rule->from_port;
    permission->to_port = rule->to_port;
    permission->has_from_port = permission->has_to_port = !str_is(rule->ip_protocol, "-1");
    permission->ip_ranges.items = arena_array(arena, struct ec2_ip_range, rules);
    permission->user_id_group_pairs.items = arena_array(arena, struct ec2_user_id_group_pair, rules);
    return permission;
}

/* Rules of one direction, gathered by protocol and ports. */
static struct ec2_ip_permission_list gather(struct arena *arena, const struct security_group_record *group, bool egress)
{
    size_t count = group->rules.count;
    struct ec2_ip_permission_list list = {.items = arena_array(arena, struct ec2_ip_permission, count + 1)};

    for (size_t i = 0; i < count; i++) {
        const struct ec2_security_group_rule *rule = &group->rules.items[i];
        struct ec2_ip_permission *permission;

        if (rule->is_egress != egress)
            continue;
        permission = permission_for(&list, count, arena, rule);
        if (rule->cidr_ipv4.ptr != NULL)
            permission->ip_ranges.items[permission->ip_ranges.count++] =
                (struct ec2_ip_range){.cidr_ip = rule->cidr_ipv4, .description = rule->description};
        else if (rule->referenced_group_info != NULL)
            permission->user_id_group_pairs.items[permission->user_id_group_pairs.count++] =
                (struct ec2_user_id_group_pair){.group_id = rule->referenced_group_info->group_id,
                                                .user_id = rule->referenced_group_info->user_id,
                                                .description = rule->description};
    }
    return list;
}

static void add_group(struct call *call, const struct security_group_record *record,
                      struct ec2_security_group_list *list)
{
    struct ec2_security_group *group = &list->items[list->count++];

    *group = *record->group;
    group->ip_permissions = gather(call->arena, record, false);
    group->ip_permissions_egress = gather(call->arena, record, true);
}

bool ec2_describe_security_groups(struct call *call, const struct ec2_describe_security_groups_request *in,
                                  struct ec2_describe_security_groups_result *out)
{
    struct walk walk = transaction_walk(call->tx, &security_group_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    size_t named = in->group_ids.count + in->group_names.count;
    size_t limit = in->has_max_results ? (size_t)in->max_results : 1000;
    const struct security_group_record *group;

    if (!filters_check(&filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &walk.at, call->fail))
        return false;
    out->security_groups.items = arena_array(call->arena, struct ec2_security_group,
                                             transaction_count(call->tx, &security_group_table) + named + 1);
    for (size_t i = 0; i < named; i++) {
        bool by_id = i < in->group_ids.count;
        struct str none = {NULL, 0};

        if (!find(call, by_id ? in->group_ids.items[i] : none,
                  by_id ? none : in->group_names.items[i - in->group_ids.count], &group))
            return false;
        if (filters_match(&filters, &in->filters, call->arena, group))
            add_group(call, group, &out->security_groups);
    }
    while (named == 0 && out->security_groups.count < limit && (group = walk_next(&walk)) != NULL)
        if (filters_match(&filters, &in->filters, call->arena, group))
            add_group(call, group, &out->security_groups);
    if (named == 0 && out->security_groups.count == limit) {
        struct str last = walk.at;

        if (walk_next(&walk) != NULL)
            out->next_token = page_token(call->arena, last);
    }
    return true;
}
