#include "plane/vpc/vpc.h"

#include "plane/vpc/vpc_make.h"

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

static void network_interface_host_key(const void *record, struct buf *key)
{
    const struct network_interface_record *of = record;

    if (of->host_id.ptr != NULL)
        key_add(key, of->host_id);
}

/* Of requests that made something: by account, region, token. */
#define TOKEN_KEY(name, type)                                                                                          \
    static void name(const void *record, struct buf *key)                                                              \
    {                                                                                                                  \
        const struct type *of = record;                                                                                \
                                                                                                                       \
        if (of->client_token.ptr == NULL)                                                                              \
            return;                                                                                                    \
        key_add(key, of->account_id);                                                                                  \
        key_add(key, of->region);                                                                                      \
        key_add(key, of->client_token);                                                                                \
    }

TOKEN_KEY(route_table_token_key, route_table_record)
TOKEN_KEY(network_interface_token_key, network_interface_record)

static void network_interface_public_key(const void *record, struct buf *key)
{
    const struct network_interface_record *of = record;

    if (of->interface->association != NULL)
        key_add(key, of->interface->association->public_ip);
}

static void network_interface_instance_key(const void *record, struct buf *key)
{
    const struct network_interface_record *of = record;

    if (of->interface->attachment == NULL || of->interface->attachment->instance_id.ptr == NULL)
        return;
    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->interface->attachment->instance_id);
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
const struct table_spec route_table_table = {
    .name = "route_table",
    .shape = &route_table_record_shape,
    .key = route_table_key,
    .indexes = {{"vpc", route_table_vpc_key}, {"token", route_table_token_key}}};
const struct table_spec network_interface_table = {.name = "network_interface",
                                                   .shape = &network_interface_record_shape,
                                                   .key = network_interface_key,
                                                   .indexes = {{"vpc", network_interface_vpc_key},
                                                               {"host", network_interface_host_key},
                                                               {"token", network_interface_token_key},
                                                               {"public", network_interface_public_key},
                                                               {"instance", network_interface_instance_key}}};

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

const struct security_group_record *security_group_named(const struct transaction *tx, struct str account,
                                                         struct str region, struct str vpc_id, struct str name)
{
    struct walk walk =
        transaction_walk(tx, &security_group_table, "vpc", KEY_PREFIX(tx->arena, account, region, vpc_id));
    const struct security_group_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (str_eq_nocase(record->group->group_name, name))
            return record;
    return NULL;
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
    .seed = vpc_default_make,
};
