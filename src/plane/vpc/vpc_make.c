#include "plane/vpc/vpc_make.h"

#include "base/must.h"
#include "plane/vpc/place.h"
#include "plane/vpc/security_group.h"

static struct str arn(const struct transaction *tx, const struct vpc_wish *wish, const char *kind, struct str id)
{
    return arena_printf(tx->arena, "arn:aws:ec2:%.*s:%.*s:%s/%.*s", STR_ARG(wish->region), STR_ARG(wish->account), kind,
                        STR_ARG(id));
}

/* ---- a VPC ---- */

/* The region's set: the one that the VPCs there name. */
static struct str dhcp_options_id(struct transaction *tx, const struct vpc_wish *wish)
{
    struct walk walk = transaction_walk(tx, &vpc_table, NULL, KEY_PREFIX(tx->arena, wish->account, wish->region));
    const struct vpc_record *other = walk_next(&walk);

    return other != NULL ? other->vpc->dhcp_options_id : vpc_id_new(tx, "dopt");
}

static void put_vpc(struct transaction *tx, const struct vpc_wish *wish, struct str vpc_id)
{
    struct ec2_vpc_cidr_block_state associated = {.state = EC2_VPC_CIDR_BLOCK_STATE_CODE_ASSOCIATED};
    struct ec2_vpc_cidr_block_association association = {
        .association_id = vpc_id_new(tx, "vpc-cidr-assoc"), .cidr_block = wish->cidr, .cidr_block_state = &associated};
    struct ec2_vpc vpc = {
        .vpc_id = vpc_id,
        .owner_id = wish->account,
        .cidr_block = wish->cidr,
        .cidr_block_association_set = {&association, 1},
        .state = EC2_VPC_STATE_AVAILABLE,
        .instance_tenancy = EC2_TENANCY_DEFAULT,
        .dhcp_options_id = dhcp_options_id(tx, wish),
        .tags = wish->tags,
    };
    struct vpc_record record = {.account_id = wish->account, .region = wish->region, .vpc = &vpc};

    SET(&vpc, is_default, wish->is_default);
    SET(&record, enable_dns_support, true);
    SET(&record, enable_dns_hostnames, wish->is_default);
    must(transaction_put(tx, &vpc_table, &record));
}

/* Ingress from the group itself, egress to everywhere (VPC user guide, "Default security groups"). */
static void put_default_group(struct transaction *tx, const struct vpc_wish *wish, struct str vpc_id)
{
    struct str id = vpc_id_new(tx, "sg");
    struct ec2_security_group group = {
        .group_id = id,
        .group_name = STR("default"),
        .description = STR("default VPC security group"),
        .vpc_id = vpc_id,
        .owner_id = wish->account,
        .security_group_arn = arn(tx, wish, "security-group", id),
    };
    struct ec2_referenced_security_group itself = {.group_id = id, .user_id = wish->account};
    struct ec2_security_group_rule rules[2] = {
        {.group_id = id, .group_owner_id = wish->account, .ip_protocol = STR("-1"), .referenced_group_info = &itself},
        {.group_id = id, .group_owner_id = wish->account, .ip_protocol = STR("-1"), .cidr_ipv4 = STR("0.0.0.0/0")},
    };
    struct security_group_record record = {
        .account_id = wish->account, .region = wish->region, .group = &group, .rules = {rules, COUNT_OF(rules)}};

    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rules[i].security_group_rule_id = vpc_id_new(tx, "sgr");
        rules[i].security_group_rule_arn =
            rule_arn(tx->arena, wish->region, wish->account, rules[i].security_group_rule_id);
        SET(&rules[i], is_egress, i == 1);
        SET(&rules[i], from_port, -1);
        SET(&rules[i], to_port, -1);
    }
    must(transaction_put(tx, &security_group_table, &record));
}

static void put_main_route_table(struct transaction *tx, const struct vpc_wish *wish, struct str vpc_id)
{
    struct str id = vpc_id_new(tx, "rtb");
    struct ec2_route local = {.destination_cidr_block = wish->cidr,
                              .gateway_id = STR("local"),
                              .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE_TABLE,
                              .state = EC2_ROUTE_STATE_ACTIVE};
    struct ec2_route_table_association_state associated = {.state = EC2_ROUTE_TABLE_ASSOCIATION_STATE_CODE_ASSOCIATED};
    struct ec2_route_table_association association = {.route_table_id = id,
                                                      .route_table_association_id = vpc_id_new(tx, "rtbassoc"),
                                                      .association_state = &associated};
    struct ec2_route_table table = {.route_table_id = id,
                                    .vpc_id = vpc_id,
                                    .owner_id = wish->account,
                                    .routes = {&local, 1},
                                    .associations = {&association, 1}};
    struct route_table_record record = {.account_id = wish->account, .region = wish->region, .route_table = &table};

    SET(&association, main, true);
    must(transaction_put(tx, &route_table_table, &record));
}

struct str vpc_make(struct transaction *tx, const struct vpc_wish *wish)
{
    struct str vpc_id = vpc_id_new(tx, "vpc");

    put_vpc(tx, wish, vpc_id);
    put_default_group(tx, wish, vpc_id);
    put_main_route_table(tx, wish, vpc_id);
    return vpc_id;
}

struct str subnet_make(struct transaction *tx, const struct subnet_wish *wish)
{
    const struct vpc_wish place = {.account = wish->account, .region = wish->region};
    struct str id = vpc_id_new(tx, "subnet");
    struct ec2_private_dns_name_options_on_launch names = {.hostname_type = EC2_HOSTNAME_TYPE_IP_NAME};
    struct ec2_subnet subnet = {
        .subnet_id = id,
        .vpc_id = wish->vpc_id,
        .owner_id = wish->account,
        .cidr_block = wish->cidr,
        .availability_zone = zone_name(tx->arena, wish->region, wish->zone),
        .availability_zone_id = zone_id(tx->arena, wish->region, wish->zone),
        .state = EC2_SUBNET_STATE_AVAILABLE,
        .subnet_arn = arn(tx, &place, "subnet", id),
        .tags = wish->tags,
    };
    struct subnet_record record = {.account_id = wish->account, .region = wish->region, .subnet = &subnet};

    SET(&subnet, default_for_az, wish->is_default);
    SET(&subnet, map_public_ip_on_launch, wish->is_default);
    SET(&subnet, assign_ipv6_address_on_creation, false);
    SET(&subnet, map_customer_owned_ip_on_launch, false);
    SET(&subnet, enable_dns64, false);
    SET(&subnet, ipv6_native, false);
    subnet.private_dns_name_options_on_launch = &names;
    SET(&names, enable_resource_name_dns_a_record, false);
    SET(&names, enable_resource_name_dns_aaaa_record, false);
    must(transaction_put(tx, &subnet_table, &record));
    return id;
}

/* ---- routes ---- */

const struct route_table_record *route_table_main(const struct transaction *tx, struct str account, struct str region,
                                                  struct str vpc_id)
{
    struct walk walk = transaction_walk(tx, &route_table_table, "vpc", KEY_PREFIX(tx->arena, account, region, vpc_id));
    const struct route_table_record *record;

    while ((record = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < record->route_table->associations.count; i++)
            if (record->route_table->associations.items[i].main)
                return record;
    must_not_happen("a VPC without a main route table");
}

const struct route_table_record *route_table_put_route(struct transaction *tx, const struct route_table_record *table,
                                                       const struct ec2_route *route)
{
    struct route_table_record record = *table;
    struct ec2_route_table changed = *table->route_table;
    size_t count = changed.routes.count;
    size_t at = 0;

    changed.routes.items = arena_array(tx->arena, struct ec2_route, count + 1);
    memcpy(changed.routes.items, table->route_table->routes.items, count * sizeof(*changed.routes.items));
    while (at < count && !str_eq(changed.routes.items[at].destination_cidr_block, route->destination_cidr_block))
        at++;
    changed.routes.items[at] = *route;
    changed.routes.count = at == count ? count + 1 : count;
    record.route_table = &changed;
    must(transaction_put(tx, &route_table_table, &record));
    return transaction_get(tx, &route_table_table,
                           KEY(tx->arena, record.account_id, record.region, changed.route_table_id));
}

void route_table_forget(struct transaction *tx, const struct route_table_record *table, size_t association)
{
    struct route_table_record record = *table;
    struct ec2_route_table changed = *table->route_table;
    size_t count = 0;

    changed.associations.items =
        arena_array(tx->arena, struct ec2_route_table_association, table->route_table->associations.count);
    for (size_t i = 0; i < table->route_table->associations.count; i++)
        if (i != association)
            changed.associations.items[count++] = table->route_table->associations.items[i];
    changed.associations.count = count;
    record.route_table = &changed;
    must(transaction_put(tx, &route_table_table, &record));
}

/* ---- the default VPC ---- */

static void make_internet(struct transaction *tx, struct str account, struct str region, struct str vpc_id)
{
    struct ec2_internet_gateway_attachment attachment = {.vpc_id = vpc_id, .state = EC2_ATTACHMENT_STATUS_AVAILABLE};
    struct ec2_internet_gateway gateway = {
        .internet_gateway_id = vpc_id_new(tx, "igw"), .owner_id = account, .attachments = {&attachment, 1}};
    struct internet_gateway_record record = {account, region, &gateway};
    const struct ec2_route route = {.destination_cidr_block = STR("0.0.0.0/0"),
                                    .gateway_id = gateway.internet_gateway_id,
                                    .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE,
                                    .state = EC2_ROUTE_STATE_ACTIVE};

    must(transaction_put(tx, &internet_gateway_table, &record));
    (void)route_table_put_route(tx, route_table_main(tx, account, region, vpc_id), &route);
}

void vpc_default_make(struct transaction *tx, struct str account, struct str region)
{
    struct str cidr = transaction_settings(tx)->default_vpc_cidr;
    const struct vpc_wish wish = {.account = account, .region = region, .cidr = cidr, .is_default = true};
    struct subnet_wish subnet = {.account = account, .region = region, .is_default = true};
    unsigned prefix;
    uint32_t first;

    must(ipv4_cidr_parse(cidr, &first, &prefix));
    subnet.vpc_id = vpc_make(tx, &wish);
    for (subnet.zone = 0; subnet.zone < ZONES; subnet.zone++) {
        subnet.cidr = arena_printf(tx->arena, "%.*s/20", STR_ARG(ipv4_text(tx->arena, first + (subnet.zone << 12))));
        (void)subnet_make(tx, &subnet);
    }
    make_internet(tx, account, region, subnet.vpc_id);
}
