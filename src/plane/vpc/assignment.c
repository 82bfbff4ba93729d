/* What a host is told of networks: built anew from the records each time, in the host protocol's words. */
#include "plane/vpc/vpc.h"

#include "base/must.h"
#include "plane/vpc/security_group.h"

/* The route table that counts for a subnet: its own association, else the VPC's main one (VPC user guide, "Route table
 * concepts"). */
static const struct ec2_route_table *route_table_of(const struct transaction *tx, const struct subnet_record *subnet)
{
    struct walk walk =
        transaction_walk(tx, &route_table_table, "vpc",
                         KEY_PREFIX(tx->arena, subnet->account_id, subnet->region, subnet->subnet->vpc_id));
    const struct ec2_route_table *main_table = NULL;
    const struct route_table_record *record;

    while ((record = walk_next(&walk)) != NULL) {
        const struct ec2_route_table *table = record->route_table;

        for (size_t i = 0; i < table->associations.count; i++) {
            if (table->associations.items[i].main)
                main_table = table;
            else if (str_eq(table->associations.items[i].subnet_id, subnet->subnet->subnet_id))
                return table;
        }
    }
    return main_table;
}

static enum host_internet_route internet_route(const struct transaction *tx, const struct subnet_record *subnet)
{
    const struct ec2_route_table *table = route_table_of(tx, subnet);

    for (size_t i = 0; table != NULL && i < table->routes.count; i++) {
        const struct ec2_route *route = &table->routes.items[i];

        if (!str_is(route->destination_cidr_block, "0.0.0.0/0") || route->state != EC2_ROUTE_STATE_ACTIVE)
            continue;
        if (str_starts(route->gateway_id, STR("igw-")))
            return HOST_INTERNET_ROUTE_INTERNET_GATEWAY;
        if (route->nat_gateway_id.ptr != NULL)
            return HOST_INTERNET_ROUTE_NAT_GATEWAY;
    }
    return HOST_INTERNET_ROUTE_NONE;
}

/* Room for one more: a full list, as long as a power of two, is made anew twice as long. */
static void *with_room(const struct transaction *tx, void *items, size_t count, size_t size)
{
    bool full = count > 0 && (count & (count - 1)) == 0;

    return full ? memcpy(arena_alloc(tx->arena, 2 * count * size), items, count * size) : items;
}

static struct host_network *add_network(const struct transaction *tx, const struct vpc_record *vpc,
                                        struct host_assignment *assignment)
{
    struct str prefix = KEY_PREFIX(tx->arena, vpc->account_id, vpc->region, vpc->vpc->vpc_id);
    const struct settings *settings = transaction_settings(tx);
    struct walk walk = transaction_walk(tx, &subnet_table, "vpc", prefix);
    const struct subnet_record *subnet;
    struct host_network *network;
    size_t room = 0;

    assignment->networks.items =
        with_room(tx, assignment->networks.items, assignment->networks.count, sizeof(*assignment->networks.items));
    network = &assignment->networks.items[assignment->networks.count++];
    network->vpc_id = vpc->vpc->vpc_id;
    network->cidr = vpc->vpc->cidr_block;
    SET(network, dns_support, vpc->enable_dns_support);
    SET(network, host_reachable,
        vpc->vpc->is_default && str_eq(vpc->account_id, settings->default_account) &&
            str_eq(vpc->region, settings->default_region));
    while (walk_next(&walk) != NULL)
        room++;
    network->subnets.items = arena_array(tx->arena, struct host_network_subnet, room + 1);
    walk = transaction_walk(tx, &subnet_table, "vpc", prefix);
    while ((subnet = walk_next(&walk)) != NULL)
        network->subnets.items[network->subnets.count++] = (struct host_network_subnet){
            .subnet_id = subnet->subnet->subnet_id,
            .cidr = subnet->subnet->cidr_block,
            .internet_route = internet_route(tx, subnet),
        };
    return network;
}

void vpc_assign_default(const struct transaction *tx, struct host_assignment *assignment)
{
    const struct settings *settings = transaction_settings(tx);
    const struct vpc_record *vpc = vpc_default(tx, settings->default_account, settings->default_region);

    if (vpc != NULL)
        (void)add_network(tx, vpc, assignment);
}

static void add_rule(struct host_security_group_rules *rules, const struct ec2_security_group_rule *rule)
{
    struct host_security_group_rule *to = &rules->items[rules->count];

    if (rule->cidr_ipv4.ptr == NULL && rule->referenced_group_info == NULL)
        return; /* IPv6: no interface has such an address */
    rules->count++;
    to->cidr = rule->cidr_ipv4;
    if (rule->referenced_group_info != NULL)
        to->source_group_id = rule->referenced_group_info->group_id;
    SET(to, protocol, rule_protocol(rule->ip_protocol));
    SET(to, from_port, rule->from_port);
    SET(to, to_port, rule->to_port);
}

static void add_group(const struct transaction *tx, const struct network_interface_record *interface,
                      struct str group_id, struct host_assignment *assignment)
{
    const struct security_group_record *record =
        transaction_get(tx, &security_group_table, KEY(tx->arena, interface->account_id, interface->region, group_id));
    struct host_security_group *group;

    must(record != NULL); /* a group in use cannot be deleted */
    assignment->groups.items =
        with_room(tx, assignment->groups.items, assignment->groups.count, sizeof(*assignment->groups.items));
    group = &assignment->groups.items[assignment->groups.count++];
    group->group_id = group_id;
    group->vpc_id = record->group->vpc_id;
    group->ingress.items = arena_array(tx->arena, struct host_security_group_rule, record->rules.count + 1);
    group->egress.items = arena_array(tx->arena, struct host_security_group_rule, record->rules.count + 1);
    for (size_t i = 0; i < record->rules.count; i++)
        add_rule(record->rules.items[i].is_egress ? &group->egress : &group->ingress, &record->rules.items[i]);
}

static struct host_network *network_of(const struct transaction *tx, const struct network_interface_record *interface,
                                       struct host_assignment *assignment)
{
    struct str vpc_id = interface->interface->vpc_id;
    const struct vpc_record *vpc;

    for (size_t i = 0; i < assignment->networks.count; i++)
        if (str_eq(assignment->networks.items[i].vpc_id, vpc_id))
            return &assignment->networks.items[i];
    vpc = transaction_get(tx, &vpc_table, KEY(tx->arena, interface->account_id, interface->region, vpc_id));
    must(vpc != NULL); /* a VPC with interfaces cannot be deleted */
    return add_network(tx, vpc, assignment);
}

static bool has_group(const struct host_assignment *assignment, struct str group_id)
{
    for (size_t i = 0; i < assignment->groups.count; i++)
        if (str_eq(assignment->groups.items[i].group_id, group_id))
            return true;
    return false;
}

/* What the task needs to know of where its interface stands: the range of its subnet, and the VPC's resolver at the
 * base of the VPC plus two (VPC user guide, "Amazon DNS server"). */
static void add_surroundings(const struct transaction *tx, const struct host_network *network,
                             struct host_network_interface *to)
{
    size_t at = 0;
    uint32_t first;
    unsigned prefix;

    while (at < network->subnets.count && !str_eq(network->subnets.items[at].subnet_id, to->subnet_id))
        at++;
    must(at < network->subnets.count); /* a subnet cannot be deleted while an interface stands in it */
    to->subnet_cidr = network->subnets.items[at].cidr;
    if (network->dns_support && ipv4_cidr_parse(network->cidr, &first, &prefix))
        to->resolver_address = ipv4_text(tx->arena, first + 2);
}

void vpc_assign_begin(const struct transaction *tx, struct host_assignment *assignment)
{
    assignment->networks.items = arena_new(tx->arena, struct host_network);
    assignment->groups.items = arena_new(tx->arena, struct host_security_group);
}

struct host_network_interface *vpc_assign(const struct transaction *tx, const struct network_interface_record *record,
                                          struct host_assignment *assignment)
{
    const struct ec2_network_interface *interface = record->interface;
    struct host_network_interface *to = arena_new(tx->arena, struct host_network_interface);

    to->network_interface_id = interface->network_interface_id;
    to->vpc_id = interface->vpc_id;
    to->subnet_id = interface->subnet_id;
    to->address = interface->private_ip_address;
    to->mac_address = interface->mac_address;
    to->private_dns_name = interface->private_dns_name;
    if (interface->association != NULL)
        to->public_ip = interface->association->public_ip;
    add_surroundings(tx, network_of(tx, record, assignment), to);
    to->groups.items = arena_array(tx->arena, struct str, interface->groups.count + 1);
    for (size_t i = 0; i < interface->groups.count; i++) {
        struct str group_id = interface->groups.items[i].group_id;

        to->groups.items[to->groups.count++] = group_id;
        if (!has_group(assignment, group_id))
            add_group(tx, record, group_id, assignment);
    }
    return to;
}
