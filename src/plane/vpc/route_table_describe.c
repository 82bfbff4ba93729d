/* DescribeRouteTables. */
#include "model/interpret.h"
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

GETTER(id_of, route_table_record, of->route_table->route_table_id)
GETTER(vpc_of, route_table_record, of->route_table->vpc_id)
GETTER(owner_of, route_table_record, of->route_table->owner_id)

/* A filter over what a table has several of. */
#define ITEM(name, list, value)                                                                                        \
    static bool name(const void *record, size_t index, struct str *ret_value)                                          \
    {                                                                                                                  \
        const struct ec2_route_table *of = ((const struct route_table_record *)record)->route_table;                   \
                                                                                                                       \
        if (index >= of->list.count)                                                                                   \
            return false;                                                                                              \
        *ret_value = value;                                                                                            \
        return true;                                                                                                   \
    }

ITEM(association_id, associations, of->associations.items[index].route_table_association_id)
ITEM(association_table, associations, of->associations.items[index].route_table_id)
ITEM(association_subnet, associations, of->associations.items[index].subnet_id)
ITEM(association_main, associations, filter_truth(of->associations.items[index].main))
ITEM(route_destination, routes, of->routes.items[index].destination_cidr_block)
ITEM(route_gateway, routes, of->routes.items[index].gateway_id)
ITEM(route_origin, routes, str_of(enum_name(&ec2_route_origin_shape, (int)of->routes.items[index].origin)))
ITEM(route_state, routes, str_of(enum_name(&ec2_route_state_shape, (int)of->routes.items[index].state)))

static const struct ec2_tag_list *tags_of(const void *record)
{
    return route_table_kind.tags(record);
}

static const struct filter_field fields[] = {
    {"route-table-id", id_of, NULL},
    {"vpc-id", vpc_of, NULL},
    {"owner-id", owner_of, NULL},
    {"association.route-table-association-id", NULL, association_id},
    {"association.route-table-id", NULL, association_table},
    {"association.subnet-id", NULL, association_subnet},
    {"association.main", NULL, association_main},
    {"route.destination-cidr-block", NULL, route_destination},
    {"route.gateway-id", NULL, route_gateway},
    {"route.origin", NULL, route_origin},
    {"route.state", NULL, route_state},
};
static const struct filter_table filters = {fields, COUNT_OF(fields), tags_of};

static void take(struct describe *d, const void *record)
{
    struct ec2_route_table_list *list = d->out;

    list->items[list->count++] = *((const struct route_table_record *)record)->route_table;
}

bool ec2_describe_route_tables(struct call *call, const struct ec2_describe_route_tables_request *in,
                               struct ec2_describe_route_tables_result *out)
{
    struct describe d = {
        .call = call,
        .kind = &route_table_kind,
        .filter_table = &filters,
        .filters = &in->filters,
        .ids = in->route_table_ids.items,
        .id_count = in->route_table_ids.count,
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .take = take,
        .out = &out->route_tables,
    };

    out->route_tables.items =
        arena_array(call->arena, struct ec2_route_table, describe_room(call, &route_table_kind, d.id_count));
    if (!describe_run(&d))
        return false;
    out->next_token = d.ret_next_token;
    return true;
}
