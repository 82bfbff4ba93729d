#include "node/network/ruleset.h"

enum { PROTOCOL_ALL = -1, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, RULES_MAX = 1000 };

void ruleset_table(struct buf *out, struct cidr vpc)
{
    /* "table" then "delete table" removes it whether or not it exists. */
    buf_printf(out,
               "table " RULESET_TABLE "\n"
               "delete table " RULESET_TABLE "\n"
               "table " RULESET_TABLE " {\n"
               " set enis { type ifname . ipv4_addr; }\n"
               " set exits { type ipv4_addr; }\n"
               " set services { type ipv4_addr; }\n"
               " map egress { type ipv4_addr : verdict; }\n"
               " map ingress { type ipv4_addr : verdict; }\n"
               " map public { type ipv4_addr : ipv4_addr; }\n"
               " chain spoofed { type filter hook prerouting priority raw; policy accept;\n"
               "  iifname \"eni*\" iifname . ip saddr != @enis drop\n"
               "  iifname \"eni*\" meta nfproto != ipv4 drop\n"
               "  iifname \"up\" ip saddr %s drop\n }\n"
               " chain local { type filter hook input priority filter; policy drop;\n"
               "  iifname \"lo\" accept\n"
               "  ct state established,related accept\n"
               "  iifname \"eni*\" ip daddr @services accept\n }\n"
               " chain leave { type filter hook forward priority filter - 1; policy drop;\n"
               "  ct state established,related accept\n"
               "  iifname \"up\" accept\n"
               "  ip saddr vmap @egress\n }\n"
               " chain enter { type filter hook forward priority filter; policy drop;\n"
               "  ct state established,related accept\n"
               "  oifname \"up\" ip daddr != 169.254.0.0/16 ip saddr @exits accept\n"
               "  ip daddr vmap @ingress\n }\n"
               " chain arrive { type nat hook prerouting priority dstnat; policy accept;\n"
               "  iifname \"up\" dnat ip to ip daddr map @public\n"
               "  ip saddr @exits dnat ip to ip daddr map @public\n }\n"
               " chain translate { type nat hook postrouting priority srcnat; policy accept;\n"
               "  oifname \"up\" masquerade\n }\n"
               "}\n",
               cidr_text(vpc).text);
}

void ruleset_group_add(struct buf *out, const char *group)
{
    buf_printf(out,
               "add chain " RULESET_TABLE " i-%s\n"
               "add chain " RULESET_TABLE " e-%s\n"
               "add set " RULESET_TABLE " m-%s { type ipv4_addr; }\n",
               group, group, group);
}

void ruleset_group_clear(struct buf *out, const char *group)
{
    buf_printf(out, "flush chain " RULESET_TABLE " i-%s\nflush chain " RULESET_TABLE " e-%s\n", group, group);
}

void ruleset_group_remove(struct buf *out, const char *group)
{
    buf_printf(out,
               "delete chain " RULESET_TABLE " i-%s\n"
               "delete chain " RULESET_TABLE " e-%s\n"
               "delete set " RULESET_TABLE " m-%s\n",
               group, group, group);
}

/* A group's rules, checked and in order: those of equal protocol and ports stand together. */

struct rule {
    int protocol;
    int from;
    int to;
    struct cidr cidr; /* when group is absent */
    struct str group;
};

static bool within(int value, int least, int most)
{
    return value >= least && value <= most;
}

static bool has_ports(int protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

/* What a protocol does not use is set to -1, so that rules that mean the same compare equal. */
static bool check_ports(const struct network_rule *wanted, struct rule *rule, struct fail *f)
{
    *rule = (struct rule){.protocol = wanted->protocol, .from = -1, .to = -1};
    if (!within(wanted->protocol, PROTOCOL_ALL, 255))
        return fail(f, FAIL_INPUT, "protocol %d is not one", wanted->protocol);
    if (!has_ports(wanted->protocol) && wanted->protocol != PROTOCOL_ICMP)
        return true;
    if (has_ports(wanted->protocol) &&
        (!within(wanted->from_port, 0, UINT16_MAX) || !within(wanted->to_port, wanted->from_port, UINT16_MAX)))
        return fail(f, FAIL_INPUT, "ports %d to %d are no range", wanted->from_port, wanted->to_port);
    if (wanted->protocol == PROTOCOL_ICMP &&
        (!within(wanted->from_port, -1, UINT8_MAX) || !within(wanted->to_port, -1, UINT8_MAX)))
        return fail(f, FAIL_INPUT, "ICMP type %d, code %d do not exist", wanted->from_port, wanted->to_port);
    rule->from = wanted->from_port;
    rule->to = wanted->to_port;
    return true;
}

static bool check_rule(const struct network_rule *wanted, struct rule *rule, struct fail *f)
{
    struct network_id ignored;

    if (!check_ports(wanted, rule, f))
        return false;
    if ((wanted->cidr.ptr == NULL) == (wanted->group.ptr == NULL))
        return fail(f, FAIL_INPUT, "a rule has one of a CIDR and a group");
    rule->group = wanted->group;
    if (wanted->group.ptr != NULL)
        return network_id_set(&ignored, wanted->group, "sg-", f);
    if (!cidr_parse(wanted->cidr, &rule->cidr))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an IPv4 CIDR", STR_ARG(wanted->cidr));
    return true;
}

static int compare_ports(const struct rule *a, const struct rule *b)
{
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a->to > b->to) - (a->to < b->to);
}

/* Total, so that equal groups give equal texts: within equal ports CIDRs first, then groups. */
static int compare_rules(const void *left, const void *right)
{
    const struct rule *a = left;
    const struct rule *b = right;
    int order = compare_ports(a, b);

    if (order != 0)
        return order;
    if ((a->group.ptr == NULL) != (b->group.ptr == NULL))
        return a->group.ptr == NULL ? -1 : 1;
    if (a->group.ptr != NULL)
        return str_compare(a->group, b->group);
    if (a->cidr.address != b->cidr.address)
        return a->cidr.address < b->cidr.address ? -1 : 1;
    return (a->cidr.bits > b->cidr.bits) - (a->cidr.bits < b->cidr.bits);
}

/* Which packets of the peer a rule admits. Numbers instead of names: the library knows not all of them. */
static void put_ports(struct buf *out, const struct rule *rule)
{
    if (rule->protocol != PROTOCOL_ALL)
        buf_printf(out, " meta l4proto %d", rule->protocol);
    if (has_ports(rule->protocol) && (rule->from > 0 || rule->to < UINT16_MAX))
        buf_printf(out, rule->from == rule->to ? " th dport %d" : " th dport %d-%d", rule->from, rule->to);
    if (rule->protocol == PROTOCOL_ICMP && rule->from >= 0)
        buf_printf(out, " icmp type %d", rule->from);
    if (rule->protocol == PROTOCOL_ICMP && rule->from >= 0 && rule->to >= 0)
        buf_printf(out, " icmp code %d", rule->to);
    buf_add_cstr(out, " accept\n");
}

struct direction {
    const char *chain; /* prefix of its name */
    const char *peer;  /* the field that holds the peer's address */
};

static const struct direction ingress = {.chain = "i", .peer = "ip saddr"};
static const struct direction egress = {.chain = "e", .peer = "ip daddr"};

static void put_rule(struct buf *out, const struct direction *direction, struct str group)
{
    buf_printf(out, "add rule " RULESET_TABLE " %s-%.*s", direction->chain, STR_ARG(group));
}

/* One line for `count` rules of equal ports whose peers are CIDRs. A set of intervals may overlap: nft merges it. */
static void put_cidrs(struct buf *out, const struct direction *direction, struct str group, const struct rule *rules,
                      size_t count)
{
    put_rule(out, direction, group);
    if (rules[0].cidr.bits != 0) { /* 0.0.0.0/0 sorts first and holds all the others */
        buf_printf(out, " %s { ", direction->peer);
        for (size_t i = 0; i < count; i++)
            buf_printf(out, "%s%s", i == 0 ? "" : ", ", cidr_text(rules[i].cidr).text);
        buf_add_cstr(out, " }");
    }
    put_ports(out, &rules[0]);
}

static void put_sorted(struct buf *out, const struct direction *direction, struct str group, const struct rule *rules,
                       size_t count, ruleset_known_fn *known, const void *context)
{
    for (size_t i = 0; i < count;) {
        size_t end = i;

        while (end < count && rules[end].group.ptr == NULL && compare_ports(&rules[i], &rules[end]) == 0)
            end++;
        if (end > i) {
            put_cidrs(out, direction, group, &rules[i], end - i);
            i = end;
            continue;
        }
        if (known(rules[i].group, context)) {
            put_rule(out, direction, group);
            buf_printf(out, " %s @m-%.*s", direction->peer, STR_ARG(rules[i].group));
            put_ports(out, &rules[i]);
        }
        i++;
    }
}

static bool put_direction(struct buf *out, const struct direction *direction, struct str group,
                          const struct network_rule *wanted, size_t count, ruleset_known_fn *known, const void *context,
                          struct fail *f)
{
    auto_free struct rule *rules = NULL;

    rules = calloc(count + 1, sizeof(*rules));
    if (rules == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (!check_rule(&wanted[i], &rules[i], f))
            return fail_in(f, "%.*s", STR_ARG(group));
    }
    qsort(rules, count, sizeof(*rules), compare_rules);
    buf_printf(out, "flush chain " RULESET_TABLE " %s-%.*s\n", direction->chain, STR_ARG(group));
    put_sorted(out, direction, group, rules, count, known, context);
    return true;
}

bool ruleset_group_check(const struct network_group *group, struct fail *f)
{
    struct network_id id;
    struct rule rule;

    if (!network_id_set(&id, group->id, "sg-", f))
        return false;
    if (group->ingress_count > RULES_MAX || group->egress_count > RULES_MAX)
        return fail(f, FAIL_INPUT, "%s: more than %d rules", id.text, RULES_MAX);
    for (size_t i = 0; i < group->ingress_count; i++) {
        if (!check_rule(&group->ingress[i], &rule, f))
            return fail_in(f, "%s", id.text);
    }
    for (size_t i = 0; i < group->egress_count; i++) {
        if (!check_rule(&group->egress[i], &rule, f))
            return fail_in(f, "%s", id.text);
    }
    return true;
}

bool ruleset_group_rules(struct buf *out, const struct network_group *group, ruleset_known_fn *known,
                         const void *context, struct fail *f)
{
    return put_direction(out, &ingress, group->id, group->ingress, group->ingress_count, known, context, f) &&
           put_direction(out, &egress, group->id, group->egress, group->egress_count, known, context, f);
}

void ruleset_combination_add(struct buf *out, unsigned number, const struct network_id *groups, size_t count)
{
    buf_printf(out, "add chain " RULESET_TABLE " ci-%u\nadd chain " RULESET_TABLE " ce-%u\n", number, number);
    for (size_t i = 0; i < count; i++)
        buf_printf(out,
                   "add rule " RULESET_TABLE " ci-%u jump i-%s\n"
                   "add rule " RULESET_TABLE " ce-%u jump e-%s\n",
                   number, groups[i].text, number, groups[i].text);
}

void ruleset_combination_remove(struct buf *out, unsigned number)
{
    buf_printf(out,
               "flush chain " RULESET_TABLE " ci-%u\n"
               "delete chain " RULESET_TABLE " ci-%u\n"
               "flush chain " RULESET_TABLE " ce-%u\n"
               "delete chain " RULESET_TABLE " ce-%u\n",
               number, number, number, number);
}

void ruleset_eni_add(struct buf *out, const struct eni *eni, unsigned combination)
{
    struct address_text address = address_text(eni->address);

    buf_printf(out,
               "add element " RULESET_TABLE " enis { \"%s\" . %s }\n"
               "add element " RULESET_TABLE " egress { %s : goto ce-%u }\n"
               "add element " RULESET_TABLE " ingress { %s : goto ci-%u }\n",
               eni_link(eni).name, address.text, address.text, combination, address.text, combination);
    for (size_t i = 0; i < eni->group_count; i++)
        buf_printf(out, "add element " RULESET_TABLE " m-%s { %s }\n", eni->groups[i].text, address.text);
    if (eni->leaves)
        buf_printf(out, "add element " RULESET_TABLE " exits { %s }\n", address.text);
    if (eni->exposed)
        buf_printf(out, "add element " RULESET_TABLE " public { %s : %s }\n", address_text(eni->public_address).text,
                   address.text);
}

void ruleset_eni_remove(struct buf *out, const struct eni *eni)
{
    struct address_text address = address_text(eni->address);

    buf_printf(out,
               "delete element " RULESET_TABLE " enis { \"%s\" . %s }\n"
               "delete element " RULESET_TABLE " egress { %s }\n"
               "delete element " RULESET_TABLE " ingress { %s }\n",
               eni_link(eni).name, address.text, address.text, address.text);
    for (size_t i = 0; i < eni->group_count; i++)
        buf_printf(out, "delete element " RULESET_TABLE " m-%s { %s }\n", eni->groups[i].text, address.text);
    if (eni->leaves)
        buf_printf(out, "delete element " RULESET_TABLE " exits { %s }\n", address.text);
    if (eni->exposed)
        buf_printf(out, "delete element " RULESET_TABLE " public { %s }\n", address_text(eni->public_address).text);
}

void ruleset_service_add(struct buf *out, uint32_t address)
{
    buf_printf(out, "add element " RULESET_TABLE " services { %s }\n", address_text(address).text);
}
