#include "plane/vpc/vpc.h"

#include "base/must.h"

/* ---- keys ---- */

#define RECORD_KEY(name, type, id_of)                                                                                  \
    static void name(const void *record, struct buf *key)                                                              \
    {                                                                                                                  \
        const struct type *of = record;                                                                                \
                                                                                                                       \
        key_add(key, of->account_id);                                                                                  \
        key_add(key, of->region);                                                                                      \
        key_add(key, of->id_of);                                                                                       \
    }

RECORD_KEY(vpc_key, vpc_record, vpc->vpc_id)
RECORD_KEY(subnet_key, subnet_record, subnet->subnet_id)
RECORD_KEY(subnet_vpc_key, subnet_record, subnet->vpc_id)
RECORD_KEY(security_group_key, security_group_record, group->group_id)
RECORD_KEY(security_group_vpc_key, security_group_record, group->vpc_id)
RECORD_KEY(internet_gateway_key, internet_gateway_record, internet_gateway->internet_gateway_id)
RECORD_KEY(route_table_key, route_table_record, route_table->route_table_id)
RECORD_KEY(route_table_vpc_key, route_table_record, route_table->vpc_id)
RECORD_KEY(network_interface_key, network_interface_record, interface->network_interface_id)
RECORD_KEY(network_interface_vpc_key, network_interface_record, interface->vpc_id)

static void network_interface_subnet_key(const void *record, struct buf *key)
{
    const struct network_interface_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->interface->subnet_id);
    key_add(key, of->interface->private_ip_address);
}

static void network_interface_host_key(const void *record, struct buf *key)
{
    const struct network_interface_record *of = record;

    if (of->host_id.ptr != NULL)
        key_add(key, of->host_id);
}

const struct table_spec vpc_table = {.name = "vpc", .shape = &vpc_record_shape, .key = vpc_key};
const struct table_spec subnet_table = {
    .name = "subnet", .shape = &subnet_record_shape, .key = subnet_key, .indexes = {{"vpc", subnet_vpc_key}}};
const struct table_spec security_group_table = {.name = "security_group",
                                                .shape = &security_group_record_shape,
                                                .key = security_group_key,
                                                .indexes = {{"vpc", security_group_vpc_key}}};
const struct table_spec internet_gateway_table = {
    .name = "internet_gateway", .shape = &internet_gateway_record_shape, .key = internet_gateway_key};
const struct table_spec route_table_table = {.name = "route_table",
                                             .shape = &route_table_record_shape,
                                             .key = route_table_key,
                                             .indexes = {{"vpc", route_table_vpc_key}}};
const struct table_spec network_interface_table = {.name = "network_interface",
                                                   .shape = &network_interface_record_shape,
                                                   .key = network_interface_key,
                                                   .indexes = {{"subnet", network_interface_subnet_key},
                                                               {"vpc", network_interface_vpc_key},
                                                               {"host", network_interface_host_key}}};

struct str vpc_id_new(struct transaction *tx, const char *prefix)
{
    return arena_printf(tx->arena, "%s-0%.16s", prefix, random_hex(tx->random, tx->arena, 16).ptr);
}

const struct vpc_record *vpc_default(const struct transaction *tx, struct str account, struct str region)
{
    struct walk walk = transaction_walk(tx, &vpc_table, NULL, KEY_PREFIX(tx->arena, account, region));
    const struct vpc_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (record->vpc->is_default)
            return record;
    return NULL;
}

const struct security_group_record *security_group_default(const struct transaction *tx, struct str account,
                                                           struct str region, struct str vpc_id)
{
    struct walk walk =
        transaction_walk(tx, &security_group_table, "vpc", KEY_PREFIX(tx->arena, account, region, vpc_id));
    const struct security_group_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (str_is(record->group->group_name, "default"))
            return record;
    return NULL;
}

/* ---- the default VPC (VPC user guide, "Default VPCs") ---- */

struct home {
    struct transaction *tx;
    struct str account, region;
    struct str vpc_id;
};

static void seed_vpc(struct home *home, struct str cidr)
{
    struct ec2_vpc_cidr_block_state associated = {.state = EC2_VPC_CIDR_BLOCK_STATE_CODE_ASSOCIATED};
    struct ec2_vpc_cidr_block_association association = {
        .association_id = vpc_id_new(home->tx, "vpc-cidr-assoc"), .cidr_block = cidr, .cidr_block_state = &associated};
    struct ec2_vpc vpc = {
        .vpc_id = home->vpc_id,
        .owner_id = home->account,
        .cidr_block = cidr,
        .cidr_block_association_set = {&association, 1},
        .state = EC2_VPC_STATE_AVAILABLE,
        .instance_tenancy = EC2_TENANCY_DEFAULT,
        .dhcp_options_id = vpc_id_new(home->tx, "dopt"),
    };
    struct vpc_record record = {.account_id = home->account, .region = home->region, .vpc = &vpc};

    SET(&vpc, is_default, true);
    SET(&record, enable_dns_support, true);
    SET(&record, enable_dns_hostnames, true);
    (void)transaction_put(home->tx, &vpc_table, &record);
}

static void seed_subnet(struct home *home, uint32_t first, unsigned zone)
{
    struct arena *arena = home->tx->arena;
    struct ec2_subnet subnet = {
        .subnet_id = vpc_id_new(home->tx, "subnet"),
        .vpc_id = home->vpc_id,
        .owner_id = home->account,
        .cidr_block = arena_printf(arena, "%.*s/20", STR_ARG(ipv4_text(arena, first + (zone << 12)))),
        .availability_zone = arena_printf(arena, "%.*s%c", STR_ARG(home->region), 'a' + (int)zone),
        .availability_zone_id = arena_printf(arena, "%.*s-az%u", STR_ARG(home->region), zone + 1),
        .state = EC2_SUBNET_STATE_AVAILABLE,
    };
    struct subnet_record record = {.account_id = home->account, .region = home->region, .subnet = &subnet};

    subnet.subnet_arn = arena_printf(arena, "arn:aws:ec2:%.*s:%.*s:subnet/%.*s", STR_ARG(home->region),
                                     STR_ARG(home->account), STR_ARG(subnet.subnet_id));
    SET(&subnet, default_for_az, true);
    SET(&subnet, map_public_ip_on_launch, true);
    (void)transaction_put(home->tx, &subnet_table, &record);
}

/* Ingress from the group itself, egress to everywhere (VPC user guide, "Default security groups"). */
static void seed_group(struct home *home)
{
    struct arena *arena = home->tx->arena;
    struct str id = vpc_id_new(home->tx, "sg");
    struct ec2_security_group group = {
        .group_id = id,
        .group_name = STR("default"),
        .description = STR("default VPC security group"),
        .vpc_id = home->vpc_id,
        .owner_id = home->account,
    };
    struct ec2_referenced_security_group itself = {.group_id = id, .user_id = home->account};
    struct ec2_security_group_rule rules[2] = {
        {.group_id = id, .group_owner_id = home->account, .ip_protocol = STR("-1"), .referenced_group_info = &itself},
        {.group_id = id, .group_owner_id = home->account, .ip_protocol = STR("-1"), .cidr_ipv4 = STR("0.0.0.0/0")},
    };
    struct security_group_record record = {
        .account_id = home->account, .region = home->region, .group = &group, .rules = {rules, COUNT_OF(rules)}};

    group.security_group_arn = arena_printf(arena, "arn:aws:ec2:%.*s:%.*s:security-group/%.*s", STR_ARG(home->region),
                                            STR_ARG(home->account), STR_ARG(id));
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rules[i].security_group_rule_id = vpc_id_new(home->tx, "sgr");
        SET(&rules[i], is_egress, i == 1);
        SET(&rules[i], from_port, -1);
        SET(&rules[i], to_port, -1);
    }
    (void)transaction_put(home->tx, &security_group_table, &record);
}

static void seed_internet(struct home *home, struct str cidr)
{
    struct str gateway_id = vpc_id_new(home->tx, "igw");
    struct str table_id = vpc_id_new(home->tx, "rtb");
    struct ec2_internet_gateway_attachment attachment = {.vpc_id = home->vpc_id,
                                                         .state = EC2_ATTACHMENT_STATUS_ATTACHED};
    struct ec2_internet_gateway gateway = {
        .internet_gateway_id = gateway_id, .owner_id = home->account, .attachments = {&attachment, 1}};
    struct ec2_route routes[2] = {
        {.destination_cidr_block = cidr,
         .gateway_id = STR("local"),
         .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE_TABLE,
         .state = EC2_ROUTE_STATE_ACTIVE},
        {.destination_cidr_block = STR("0.0.0.0/0"),
         .gateway_id = gateway_id,
         .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE,
         .state = EC2_ROUTE_STATE_ACTIVE},
    };
    struct ec2_route_table_association_state associated = {.state = EC2_ROUTE_TABLE_ASSOCIATION_STATE_CODE_ASSOCIATED};
    struct ec2_route_table_association association = {.route_table_id = table_id,
                                                      .route_table_association_id = vpc_id_new(home->tx, "rtbassoc"),
                                                      .association_state = &associated};
    struct ec2_route_table table = {.route_table_id = table_id,
                                    .vpc_id = home->vpc_id,
                                    .owner_id = home->account,
                                    .routes = {routes, COUNT_OF(routes)},
                                    .associations = {&association, 1}};
    struct internet_gateway_record gateway_record = {home->account, home->region, &gateway};
    struct route_table_record table_record = {home->account, home->region, &table};

    SET(&association, main, true);
    (void)transaction_put(home->tx, &internet_gateway_table, &gateway_record);
    (void)transaction_put(home->tx, &route_table_table, &table_record);
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    struct home home = {.tx = tx, .account = account, .region = region, .vpc_id = vpc_id_new(tx, "vpc")};
    struct str cidr = transaction_settings(tx)->default_vpc_cidr;
    unsigned prefix;
    uint32_t first;

    must(ipv4_cidr_parse(cidr, &first, &prefix));
    seed_vpc(&home, cidr);
    for (unsigned zone = 0; zone < 3; zone++)
        seed_subnet(&home, first, zone);
    seed_group(&home);
    seed_internet(&home, cidr);
}

static const struct table_spec *const tables[] = {
    &vpc_table,
    &subnet_table,
    &security_group_table,
    &internet_gateway_table,
    &route_table_table,
    &network_interface_table,
};

const struct domain_spec vpc_domain = {
    .name = "vpc",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .seed = seed,
};
