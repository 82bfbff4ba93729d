/* Rules: from the API's permissions, back to them, compared and kept. Checks and their messages as the EC2 API
 * reference has them (AuthorizeSecurityGroupIngress, IpPermission; VPC user guide, "Security group rules").
 *
 * IPv6 rules are kept and shown. No interface of Berth has an IPv6 address, so there is no packet that they let pass:
 * what they say is true. */
#include "base/must.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/security_group.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { RULES_MAX = 60, TEXT_MAX = 255 }; /* VPC quotas: inbound or outbound rules per security group */

struct str rule_arn(struct arena *arena, struct str region, struct str account, struct str id)
{
    return arena_printf(arena, "arn:aws:ec2:%.*s:%.*s:security-group-rule/%.*s", STR_ARG(region), STR_ARG(account),
                        STR_ARG(id));
}

/* ---- protocols and ports ---- */

static const struct protocol {
    const char *name, *number;
    const char *shown; /* in messages */
    bool has_ports;    /* type and code count */
} protocols[] = {
    {"tcp", "6", "TCP", true},        {"udp", "17", "UDP", true},  {"icmp", "1", "ICMP", true},
    {"icmpv6", "58", "ICMPV6", true}, {"-1", "all", "ALL", false},
};

static const struct protocol *protocol_of(struct str given)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (str_eq_nocase(given, str_of(protocols[i].name)) || str_is(given, protocols[i].number))
            return &protocols[i];
    return NULL;
}

static bool is_icmp(struct str protocol)
{
    return str_starts(protocol, STR("icmp"));
}

static bool check_ports(const struct call *call, const struct ec2_ip_permission *permission, struct str protocol)
{
    int32_t from = permission->from_port;
    int32_t to = permission->to_port;

    if (!permission->has_from_port || !permission->has_to_port)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Invalid value 'Must specify both from and to ports with %s.' for portRange.",
                        is_icmp(protocol) ? "ICMP" : "TCP/UDP");
    if (is_icmp(protocol)) {
        if (from < -1 || from > 255)
            return fail_api(call->fail, "InvalidParameterValue", "ICMP type (%d) out of range", from);
        if (to < -1 || to > 255 || (from == -1 && to != -1))
            return fail_api(call->fail, "InvalidParameterValue", "ICMP code (%d) out of range", to);
        return true;
    }
    if (from < 0 || from > 65535 || to < 0 || to > 65535)
        return fail_api(call->fail, "InvalidParameterValue", "TCP/UDP port (%d) out of range",
                        from < 0 || from > 65535 ? from : to);
    if (from > to)
        return fail_api(call->fail, "InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", from, to);
    return true;
}

/* ---- permissions to rules ---- */

struct maker {
    struct call *call;
    const struct security_group_record *group;
    bool egress;
    const struct ec2_ip_permission *permission;
    struct str protocol; /* by its name where it has one */
    bool has_ports;
    struct rule_list *rules;
};

static bool begin_permission(struct maker *maker)
{
    struct str given = maker->permission->ip_protocol;
    const struct protocol *protocol = protocol_of(given);
    uint64_t number;

    if (given.ptr == NULL)
        return fail_api(maker->call->fail, "MissingParameter", "The request must contain the parameter ipProtocol");
    if (protocol == NULL && !(str_to_uint64(given, &number) && number < 256))
        return fail_api(maker->call->fail, "InvalidParameterValue",
                        "Invalid value '%.*s' for IP protocol. Unknown protocol.", STR_ARG(given));
    maker->protocol = protocol != NULL ? str_of(protocol->name) : given;
    maker->has_ports = protocol != NULL && protocol->has_ports;
    return !maker->has_ports || check_ports(maker->call, maker->permission, maker->protocol);
}

bool is_group_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && (c == '\0' || strchr(" ._-:/()#,@[]+=&;{}!$*", c) == NULL))
            return false;
    }
    return text.len <= TEXT_MAX;
}

static bool add_rule(struct maker *maker, struct str description, struct ec2_security_group_rule **ret_rule)
{
    const struct call *call = maker->call;
    struct ec2_security_group_rule *rule = &maker->rules->items[maker->rules->count];

    if (!is_group_text(description))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Invalid rule description. Valid descriptions are strings less than 256 characters from the "
                        "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
    *rule = (struct ec2_security_group_rule){.security_group_rule_id = vpc_id_new(call->tx, "sgr"),
                                             .group_id = maker->group->group->group_id,
                                             .group_owner_id = maker->group->account_id,
                                             .ip_protocol = maker->protocol,
                                             .description = description};
    rule->security_group_rule_arn =
        rule_arn(call->arena, call->region, call->principal->account, rule->security_group_rule_id);
    SET(rule, is_egress, maker->egress);
    SET(rule, from_port, maker->has_ports ? maker->permission->from_port : -1);
    SET(rule, to_port, maker->has_ports ? maker->permission->to_port : -1);
    maker->rules->count++;
    *ret_rule = rule;
    return true;
}

static bool add_range(struct maker *maker, const struct ec2_ip_range *range)
{
    const struct call *call = maker->call;
    struct ec2_security_group_rule *rule;
    uint32_t first;
    unsigned prefix;

    if (!ipv4_network_parse(range->cidr_ip, &first, &prefix))
        return fail_api(call->fail, "InvalidParameterValue", "CIDR block %.*s is malformed", STR_ARG(range->cidr_ip));
    if (!add_rule(maker, range->description, &rule))
        return false;
    rule->cidr_ipv4 = ipv4_cidr_text(call->arena, first, prefix);
    return true;
}

static bool add_ipv6_range(struct maker *maker, const struct ec2_ipv6_range *range)
{
    const struct call *call = maker->call;
    struct ec2_security_group_rule *rule;
    struct str prefix_text;
    struct str address_text = str_cut(range->cidr_ipv6, '/', &prefix_text);
    unsigned char address[16];
    char text[INET6_ADDRSTRLEN];
    uint64_t prefix;

    if (prefix_text.ptr == NULL || !str_to_uint64(prefix_text, &prefix) || prefix > 128 ||
        !str_to_buffer(address_text, text, sizeof(text)) || inet_pton(AF_INET6, text, address) != 1)
        return fail_api(call->fail, "InvalidParameterValue", "CIDR block %.*s is malformed", STR_ARG(range->cidr_ipv6));
    if (!add_rule(maker, range->description, &rule))
        return false;
    for (unsigned bit = (unsigned)prefix; bit < 128; bit++)
        address[bit / 8] &= (unsigned char)~(0x80U >> bit % 8);
    must(inet_ntop(AF_INET6, address, text, sizeof(text)) != NULL);
    rule->cidr_ipv6 = arena_printf(call->arena, "%s/%u", text, (unsigned)prefix);
    return true;
}

static bool add_pair(struct maker *maker, const struct ec2_user_id_group_pair *pair)
{
    const struct call *call = maker->call;
    const struct security_group_record *other;
    struct ec2_security_group_rule *rule;

    if (pair->user_id.len > 0 && !str_eq(pair->user_id, call->principal->account))
        return fail_api(call->fail, "InvalidGroup.NotFound", "The security group '%.*s/%.*s' does not exist",
                        STR_ARG(pair->user_id),
                        STR_ARG(pair->group_id.ptr != NULL ? pair->group_id : pair->group_name));
    if (!security_group_find(call, pair->group_id, pair->group_name, &other))
        return false;
    if (!str_eq(other->group->vpc_id, maker->group->group->vpc_id))
        return fail_api(call->fail, "InvalidGroup.NotFound",
                        "You have specified two resources that belong to different networks.");
    if (!add_rule(maker, pair->description, &rule))
        return false;
    rule->referenced_group_info = arena_new(call->arena, struct ec2_referenced_security_group);
    rule->referenced_group_info->group_id = other->group->group_id;
    rule->referenced_group_info->user_id = other->account_id;
    return true;
}

static bool add_permission(struct maker *maker)
{
    const struct ec2_ip_permission *permission = maker->permission;

    if (!begin_permission(maker))
        return false;
    if (permission->prefix_list_ids.count > 0)
        return fail_api(maker->call->fail, "InvalidPrefixListID.NotFound", "The prefix list ID '%.*s' does not exist",
                        STR_ARG(permission->prefix_list_ids.items[0].prefix_list_id));
    for (size_t i = 0; i < permission->ip_ranges.count; i++)
        if (!add_range(maker, &permission->ip_ranges.items[i]))
            return false;
    for (size_t i = 0; i < permission->ipv6_ranges.count; i++)
        if (!add_ipv6_range(maker, &permission->ipv6_ranges.items[i]))
            return false;
    for (size_t i = 0; i < permission->user_id_group_pairs.count; i++)
        if (!add_pair(maker, &permission->user_id_group_pairs.items[i]))
            return false;
    return true;
}

bool rules_of_permissions(struct call *call, const struct security_group_record *group, bool egress,
                          const struct ec2_ip_permission_list *permissions, struct rule_list *ret_rules)
{
    struct rule_list rules = {.items = NULL};
    struct maker maker = {.call = call, .group = group, .egress = egress, .rules = &rules};
    size_t room = 0;

    for (size_t i = 0; i < permissions->count; i++)
        room += permissions->items[i].ip_ranges.count + permissions->items[i].ipv6_ranges.count +
                permissions->items[i].user_id_group_pairs.count;
    rules.items = arena_array(call->arena, struct ec2_security_group_rule, room + 1);
    for (size_t i = 0; i < permissions->count; i++) {
        maker.permission = &permissions->items[i];
        if (!add_permission(&maker))
            return false;
    }
    *ret_rules = rules;
    return true;
}

/* ---- rules to permissions ---- */

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
    permission->ipv6_ranges.items = arena_array(arena, struct ec2_ipv6_range, rules);
    permission->prefix_list_ids.items = arena_array(arena, struct ec2_prefix_list_id, 0);
    permission->user_id_group_pairs.items = arena_array(arena, struct ec2_user_id_group_pair, rules);
    return permission;
}

static void add_peer(struct ec2_ip_permission *to, const struct ec2_security_group_rule *rule)
{
    if (rule->cidr_ipv4.ptr != NULL)
        to->ip_ranges.items[to->ip_ranges.count++] =
            (struct ec2_ip_range){.cidr_ip = rule->cidr_ipv4, .description = rule->description};
    else if (rule->cidr_ipv6.ptr != NULL)
        to->ipv6_ranges.items[to->ipv6_ranges.count++] =
            (struct ec2_ipv6_range){.cidr_ipv6 = rule->cidr_ipv6, .description = rule->description};
    else
        to->user_id_group_pairs.items[to->user_id_group_pairs.count++] =
            (struct ec2_user_id_group_pair){.group_id = rule->referenced_group_info->group_id,
                                            .user_id = rule->referenced_group_info->user_id,
                                            .description = rule->description};
}

struct ec2_ip_permission_list rules_permissions(struct arena *arena, struct rule_list rules, bool egress)
{
    struct ec2_ip_permission_list list = {.items = arena_array(arena, struct ec2_ip_permission, rules.count + 1)};

    for (size_t i = 0; i < rules.count; i++)
        if (rules.items[i].is_egress == egress)
            add_peer(permission_for(&list, rules.count, arena, &rules.items[i]), &rules.items[i]);
    return list;
}

/* ---- keeping ---- */

static struct str peer_of(const struct ec2_security_group_rule *rule)
{
    if (rule->referenced_group_info != NULL)
        return rule->referenced_group_info->group_id;
    return rule->cidr_ipv4.ptr != NULL ? rule->cidr_ipv4 : rule->cidr_ipv6;
}

bool rule_same(const struct ec2_security_group_rule *a, const struct ec2_security_group_rule *b)
{
    return a->is_egress == b->is_egress && str_eq(a->ip_protocol, b->ip_protocol) && a->from_port == b->from_port &&
           a->to_port == b->to_port && str_eq(peer_of(a), peer_of(b));
}

static bool fail_duplicate(const struct call *call, const struct ec2_security_group_rule *rule)
{
    const struct protocol *protocol = protocol_of(rule->ip_protocol);
    struct str shown = protocol != NULL ? str_of(protocol->shown) : rule->ip_protocol;
    struct str ports = STR("");

    if (is_icmp(rule->ip_protocol))
        ports = arena_printf(call->arena, "type: %d, code: %d, ", rule->from_port, rule->to_port);
    else if (protocol != NULL && protocol->has_ports)
        ports = arena_printf(call->arena, "from port: %d, to port: %d, ", rule->from_port, rule->to_port);
    return fail_api(call->fail, "InvalidPermission.Duplicate",
                    "the specified rule \"peer: %.*s, %.*s, %.*sALLOW\" already exists", STR_ARG(peer_of(rule)),
                    STR_ARG(shown), STR_ARG(ports));
}

/* IPv4 and IPv6 rules have a quota each. */
static bool check_limit(const struct call *call, struct rule_list rules)
{
    size_t counts[2][2] = {{0, 0}, {0, 0}};

    for (size_t i = 0; i < rules.count; i++)
        if (++counts[rules.items[i].is_egress ? 1 : 0][rules.items[i].cidr_ipv6.ptr != NULL ? 1 : 0] > RULES_MAX)
            return fail_api(call->fail, "RulesPerSecurityGroupLimitExceeded",
                            "The maximum number of rules per security group has been reached.");
    return true;
}

bool rules_put(struct call *call, const struct security_group_record *group, struct rule_list rules)
{
    struct security_group_record record = *group;

    if (!check_limit(call, rules))
        return false;
    for (size_t i = 0; i < rules.count; i++)
        for (size_t k = i + 1; k < rules.count; k++)
            if (rule_same(&rules.items[i], &rules.items[k]))
                return fail_duplicate(call, &rules.items[k]);
    record.rules.items = rules.items;
    record.rules.count = rules.count;
    must(transaction_put(call->tx, &security_group_table, &record));
    return true;
}

const struct ec2_security_group_rule *rule_find(const struct call *call, struct str id,
                                                const struct security_group_record **ret_group)
{
    struct walk walk = transaction_walk(call->tx, &security_group_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct security_group_record *group;

    while ((group = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < group->rules.count; i++)
            if (str_eq(group->rules.items[i].security_group_rule_id, id)) {
                *ret_group = group;
                return &group->rules.items[i];
            }
    return NULL;
}
