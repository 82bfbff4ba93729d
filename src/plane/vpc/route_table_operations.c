/* Route tables: their routes and which subnets follow them. Of a route's targets Berth has the internet gateway, of
 * destinations everything (0.0.0.0/0); what the machine does with it stands in assignment.c. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/vpc_make.h"

enum { ROUTES_MAX = 500 }; /* VPC quotas: routes per route table, at most */

static struct ec2_route_table_association_state *associated(const struct call *call)
{
    struct ec2_route_table_association_state *state = arena_new(call->arena, struct ec2_route_table_association_state);

    state->state = EC2_ROUTE_TABLE_ASSOCIATION_STATE_CODE_ASSOCIATED;
    return state;
}

static bool find(const struct call *call, struct str id, const struct route_table_record **ret_table)
{
    const void *record;

    if (!resource_find(call, &route_table_kind, id, &record))
        return false;
    *ret_table = record;
    return true;
}

bool ec2_create_route_table(struct call *call, const struct ec2_create_route_table_request *in,
                            struct ec2_create_route_table_result *out)
{
    const struct route_table_record *before = resource_of_token(call, &route_table_kind, in->client_token);
    struct ec2_route_table *table = arena_new(call->arena, struct ec2_route_table);
    struct route_table_record record = {call->principal->account, call->region, table, in->client_token};
    const void *vpc;

    out->client_token = in->client_token;
    if (before != NULL) {
        out->route_table = before->route_table;
        return str_eq(before->route_table->vpc_id, in->vpc_id) || fail_token_mismatch(call, in->client_token);
    }
    if (!resource_find(call, &vpc_kind, in->vpc_id, &vpc) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_ROUTE_TABLE, &table->tags) ||
        !limit_check(call, &route_table_limit, in->vpc_id))
        return false;
    table->route_table_id = arena_str(call->arena, vpc_id_new(call->tx, "rtb"));
    table->vpc_id = in->vpc_id;
    table->owner_id = call->principal->account;
    table->associations.items = arena_array(call->arena, struct ec2_route_table_association, 1);
    table->routes.items = arena_array(call->arena, struct ec2_route, 1);
    table->routes.items[0] =
        (struct ec2_route){.destination_cidr_block = ((const struct vpc_record *)vpc)->vpc->cidr_block,
                           .gateway_id = STR("local"),
                           .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE_TABLE,
                           .state = EC2_ROUTE_STATE_ACTIVE};
    table->routes.count = 1;
    must(transaction_put(call->tx, &route_table_table, &record));
    out->route_table = table;
    return true;
}

bool ec2_delete_route_table(struct call *call, const struct ec2_delete_route_table_request *in, void *out)
{
    const struct route_table_record *table;

    (void)out;
    if (!find(call, in->route_table_id, &table))
        return false;
    if (table->route_table->associations.count > 0)
        return fail_api(call->fail, "DependencyViolation",
                        "The routeTable '%.*s' has dependencies and cannot be deleted.", STR_ARG(in->route_table_id));
    transaction_delete(call->tx, &route_table_table,
                       KEY(call->arena, call->principal->account, call->region, in->route_table_id));
    return true;
}

/* ---- routes ---- */

static const struct ec2_route *route_to(const struct route_table_record *table, struct str cidr)
{
    for (size_t i = 0; i < table->route_table->routes.count; i++)
        if (str_eq(table->route_table->routes.items[i].destination_cidr_block, cidr))
            return &table->route_table->routes.items[i];
    return NULL;
}

/* Whether a request about a route has that member; those of the three operations are called alike. */
static bool has(const struct call *call, const void *in, const char *name)
{
    const struct member *member = shape_member(operation_input(call->operation), str_of(name));

    return member != NULL && member_present(member, in);
}

static bool destination(const struct call *call, const void *in, struct str given, struct str *ret_cidr)
{
    uint32_t first;
    unsigned prefix;

    if (has(call, in, "DestinationIpv6CidrBlock") || has(call, in, "DestinationPrefixListId"))
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth's routes have an IPv4 destination: give destinationCidrBlock");
    if (given.ptr == NULL)
        return fail_api(call->fail, "MissingParameter",
                        "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock");
    if (!ipv4_network_parse(given, &first, &prefix))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value (%.*s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.",
                        STR_ARG(given));
    *ret_cidr = ipv4_cidr_text(call->arena, first, prefix);
    return true;
}

/* Where a route may lead: not into the VPC, and Berth's machines do not tell parts of the internet apart yet. */
static bool check_destination(const struct call *call, const struct route_table_record *table, struct str cidr)
{
    struct str vpc_cidr = table->route_table->routes.items[0].destination_cidr_block;
    struct ipv4_range wished;
    struct ipv4_range vpc;

    must(ipv4_range_parse(vpc_cidr, &vpc)); /* the local route, which cannot be taken away */
    if (ipv4_range_parse(cidr, &wished) && wished.first >= vpc.first && wished.last <= vpc.last)
        return fail_api(call->fail, "InvalidParameterValue",
                        "The destination CIDR block %.*s is equal to or more specific than one of this VPC's CIDR "
                        "blocks. This route can target only an interface or an instance.",
                        STR_ARG(cidr));
    if (!str_is(cidr, "0.0.0.0/0"))
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth's routes to an internet gateway have the destination 0.0.0.0/0, not %.*s yet",
                        STR_ARG(cidr));
    return true;
}

static const char *const targets[] = {
    "GatewayId",      "NatGatewayId",     "NetworkInterfaceId", "VpcPeeringConnectionId", "EgressOnlyInternetGatewayId",
    "InstanceId",     "TransitGatewayId", "LocalGatewayId",     "CarrierGatewayId",       "VpcEndpointId",
    "CoreNetworkArn", "OdbNetworkArn",    "LocalTarget",
};

/* Which words AWS has for it: the answers of CreateRoute in public bug reports. */
static bool check_target(const struct call *call, const void *in)
{
    size_t given = 0;

    for (size_t i = 0; i < COUNT_OF(targets); i++)
        given += has(call, in, targets[i]);
    if (given != 1)
        return fail_api(call->fail, given == 0 ? "MissingParameter" : "InvalidParameterCombination",
                        "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "
                        "vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, "
                        "carrierGatewayId, vpcEndpointId, coreNetworkArn or instanceId");
    if (!has(call, in, "GatewayId"))
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth's routes lead to an internet gateway: give gatewayId");
    return true;
}

/* The gateway must be there and attached to the table's VPC. */
static bool target(const struct call *call, const void *in, const struct route_table_record *table,
                   struct str gateway_id)
{
    const void *found;
    const struct ec2_internet_gateway *gateway;

    if (!check_target(call, in))
        return false;
    if (!str_starts(gateway_id, str_of(internet_gateway_kind.prefix)))
        return fail_api(call->fail, "InvalidParameterValue", "invalid value for parameter gateway-id: %.*s",
                        STR_ARG(gateway_id));
    if (!resource_find(call, &internet_gateway_kind, gateway_id, &found))
        return fail_api(call->fail, "InvalidGatewayID.NotFound", "The gateway ID '%.*s' does not exist",
                        STR_ARG(gateway_id));
    gateway = ((const struct internet_gateway_record *)found)->internet_gateway;
    if (gateway->attachments.count == 0 || !str_eq(gateway->attachments.items[0].vpc_id, table->route_table->vpc_id))
        return fail_api(call->fail, "InvalidParameterValue",
                        "route table %.*s and network gateway %.*s belong to different networks",
                        STR_ARG(table->route_table->route_table_id), STR_ARG(gateway_id));
    return true;
}

static void put_route(struct call *call, const struct route_table_record *table, struct str cidr, struct str gateway_id)
{
    const struct ec2_route route = {.destination_cidr_block = cidr,
                                    .gateway_id = gateway_id,
                                    .origin = EC2_ROUTE_ORIGIN_CREATE_ROUTE,
                                    .state = EC2_ROUTE_STATE_ACTIVE};

    (void)route_table_put_route(call->tx, table, &route);
}

bool ec2_create_route(struct call *call, const struct ec2_create_route_request *in, struct ec2_create_route_result *out)
{
    const struct route_table_record *table;
    const struct ec2_route *before;
    struct str cidr;

    if (!find(call, in->route_table_id, &table) || !destination(call, in, in->destination_cidr_block, &cidr) ||
        !check_destination(call, table, cidr) || !target(call, in, table, in->gateway_id))
        return false;
    before = route_to(table, cidr);
    if (before != NULL && !str_eq(before->gateway_id, in->gateway_id))
        return fail_api(call->fail, "RouteAlreadyExists", "The route identified by %.*s already exists.",
                        STR_ARG(cidr));
    if (table->route_table->routes.count >= ROUTES_MAX)
        return fail_api(call->fail, "RouteLimitExceeded", "The maximum number of routes has been reached.");
    put_route(call, table, cidr, in->gateway_id);
    SET(out, return_, true);
    return true;
}

static bool changeable(const struct call *call, const struct route_table_record *table, struct str cidr)
{
    const struct ec2_route *route = route_to(table, cidr);

    if (route == NULL)
        return fail_api(call->fail, "InvalidRoute.NotFound",
                        "no route with destination-cidr-block %.*s in route table %.*s", STR_ARG(cidr),
                        STR_ARG(table->route_table->route_table_id));
    if (str_is(route->gateway_id, "local"))
        return fail_api(call->fail, "InvalidParameterValue",
                        "cannot remove or replace local route %.*s in route table %.*s", STR_ARG(cidr),
                        STR_ARG(table->route_table->route_table_id));
    return true;
}

bool ec2_replace_route(struct call *call, const struct ec2_replace_route_request *in, void *out)
{
    const struct route_table_record *table;
    struct str cidr;

    (void)out;
    if (!find(call, in->route_table_id, &table) || !destination(call, in, in->destination_cidr_block, &cidr) ||
        !changeable(call, table, cidr) || !target(call, in, table, in->gateway_id))
        return false;
    put_route(call, table, cidr, in->gateway_id);
    return true;
}

bool ec2_delete_route(struct call *call, const struct ec2_delete_route_request *in, void *out)
{
    const struct route_table_record *table;
    struct route_table_record record;
    struct ec2_route_table changed;
    struct str cidr;
    size_t count = 0;

    (void)out;
    if (!find(call, in->route_table_id, &table) || !destination(call, in, in->destination_cidr_block, &cidr) ||
        !changeable(call, table, cidr))
        return false;
    record = *table;
    changed = *table->route_table;
    changed.routes.items = arena_array(call->arena, struct ec2_route, changed.routes.count);
    for (size_t i = 0; i < table->route_table->routes.count; i++)
        if (!str_eq(table->route_table->routes.items[i].destination_cidr_block, cidr))
            changed.routes.items[count++] = table->route_table->routes.items[i];
    changed.routes.count = count;
    record.route_table = &changed;
    must(transaction_put(call->tx, &route_table_table, &record));
    return true;
}

/* ---- associations ---- */

static bool find_association(const struct call *call, struct str id, const struct route_table_record **ret_table,
                             size_t *ret_index)
{
    struct walk walk = transaction_walk(call->tx, &route_table_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct route_table_record *table;

    while ((table = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < table->route_table->associations.count; i++)
            if (str_eq(table->route_table->associations.items[i].route_table_association_id, id)) {
                *ret_table = table;
                *ret_index = i;
                return true;
            }
    return fail_api(call->fail, "InvalidAssociationID.NotFound", "The association ID '%.*s' does not exist",
                    STR_ARG(id));
}

/* Adds an association to a table and gives its id. */
static struct str associate(struct call *call, const struct route_table_record *table, struct str subnet_id, bool main)
{
    struct route_table_record record = *table;
    struct ec2_route_table changed = *table->route_table;
    size_t count = changed.associations.count;
    struct ec2_route_table_association *added;

    changed.associations.items = arena_array(call->arena, struct ec2_route_table_association, count + 1);
    if (count > 0)
        memcpy(changed.associations.items, table->route_table->associations.items,
               count * sizeof(*changed.associations.items));
    added = &changed.associations.items[count];
    added->route_table_association_id = vpc_id_new(call->tx, "rtbassoc");
    added->route_table_id = changed.route_table_id;
    added->subnet_id = subnet_id;
    added->association_state = associated(call);
    SET(added, main, main);
    changed.associations.count = count + 1;
    record.route_table = &changed;
    must(transaction_put(call->tx, &route_table_table, &record));
    return arena_str(call->arena, added->route_table_association_id);
}

static bool is_associated(const struct call *call, struct str vpc_id, struct str subnet_id)
{
    struct walk walk = transaction_walk(call->tx, &route_table_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct route_table_record *table;

    while ((table = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < table->route_table->associations.count; i++)
            if (str_eq(table->route_table->associations.items[i].subnet_id, subnet_id))
                return true;
    return false;
}

bool ec2_associate_route_table(struct call *call, const struct ec2_associate_route_table_request *in,
                               struct ec2_associate_route_table_result *out)
{
    const struct route_table_record *table;
    const void *found;
    const struct ec2_subnet *subnet;

    if (in->subnet_id.ptr == NULL && in->gateway_id.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation", "Berth associates route tables with subnets only");
    if (!find(call, in->route_table_id, &table) || !resource_find(call, &subnet_kind, in->subnet_id, &found))
        return false;
    subnet = ((const struct subnet_record *)found)->subnet;
    if (!str_eq(subnet->vpc_id, table->route_table->vpc_id))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Route table %.*s and subnet %.*s belong to different networks", STR_ARG(in->route_table_id),
                        STR_ARG(in->subnet_id));
    if (is_associated(call, subnet->vpc_id, in->subnet_id))
        return fail_api(call->fail, "Resource.AlreadyAssociated",
                        "the specified association for route table %.*s "
                        "conflicts with an existing association",
                        STR_ARG(in->route_table_id));
    out->association_id = associate(call, table, in->subnet_id, /* main= */ false);
    out->association_state = associated(call);
    return true;
}

bool ec2_disassociate_route_table(struct call *call, const struct ec2_disassociate_route_table_request *in, void *out)
{
    const struct route_table_record *table;
    size_t index;

    (void)out;
    if (!find_association(call, in->association_id, &table, &index))
        return false;
    if (table->route_table->associations.items[index].main)
        return fail_api(call->fail, "InvalidParameterValue",
                        "cannot disassociate the main route table association %.*s", STR_ARG(in->association_id));
    route_table_forget(call->tx, table, index);
    return true;
}

bool ec2_replace_route_table_association(struct call *call,
                                         const struct ec2_replace_route_table_association_request *in,
                                         struct ec2_replace_route_table_association_result *out)
{
    struct ec2_route_table_association moved;
    const struct route_table_record *from;
    const struct route_table_record *to;
    size_t index;

    if (!find_association(call, in->association_id, &from, &index) || !find(call, in->route_table_id, &to))
        return false;
    if (!str_eq(from->route_table->vpc_id, to->route_table->vpc_id))
        return fail_api(call->fail, "InvalidParameterValue", "Route tables %.*s and %.*s belong to different networks",
                        STR_ARG(from->route_table->route_table_id), STR_ARG(in->route_table_id));
    moved = from->route_table->associations.items[index];
    moved.subnet_id = arena_str(call->arena, moved.subnet_id);
    route_table_forget(call->tx, from, index);
    must(find(call, in->route_table_id, &to)); /* it may be the same table */
    out->new_association_id = associate(call, to, moved.subnet_id, moved.main);
    out->association_state = associated(call);
    return true;
}
