/* Internet gateways: made, attached to a VPC, detached, deleted. What they do on the machine follows from the routes
 * that name them (assignment.c). */
#include "base/must.h"
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/vpc_make.h"

static bool find(const struct call *call, struct str id, const struct internet_gateway_record **ret_gateway)
{
    const void *record;

    if (!resource_find(call, &internet_gateway_kind, id, &record))
        return false;
    *ret_gateway = record;
    return true;
}

static void put_attachments(struct call *call, const struct internet_gateway_record *gateway,
                            struct ec2_internet_gateway_attachment_list attachments)
{
    struct internet_gateway_record record = *gateway;
    struct ec2_internet_gateway changed = *gateway->internet_gateway;

    changed.attachments = attachments;
    record.internet_gateway = &changed;
    must(transaction_put(call->tx, &internet_gateway_table, &record));
}

bool ec2_create_internet_gateway(struct call *call, const struct ec2_create_internet_gateway_request *in,
                                 struct ec2_create_internet_gateway_result *out)
{
    struct ec2_internet_gateway *gateway = arena_new(call->arena, struct ec2_internet_gateway);
    struct internet_gateway_record record = {call->principal->account, call->region, gateway};

    if (!resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_INTERNET_GATEWAY, &gateway->tags) ||
        !limit_check(call, &internet_gateway_limit, STR("")))
        return false;
    gateway->internet_gateway_id = arena_str(call->arena, vpc_id_new(call->tx, "igw"));
    gateway->owner_id = call->principal->account;
    gateway->attachments.items = arena_array(call->arena, struct ec2_internet_gateway_attachment, 1);
    must(transaction_put(call->tx, &internet_gateway_table, &record));
    out->internet_gateway = gateway;
    return true;
}

static void set_route(struct call *call, const struct route_table_record *table, struct str gateway_id,
                      enum ec2_route_state state)
{
    for (size_t i = 0; i < table->route_table->routes.count; i++) {
        struct ec2_route route = table->route_table->routes.items[i];

        if (!str_eq(route.gateway_id, gateway_id))
            continue;
        route.state = state;
        table = route_table_put_route(call->tx, table, &route);
    }
}

/* Routes to a gateway that is not there lead nowhere until it is back (VPC user guide, "Delete an internet gateway").
 */
static void set_routes(struct call *call, struct str vpc_id, struct str gateway_id, enum ec2_route_state state)
{
    struct walk walk = transaction_walk(call->tx, &route_table_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct route_table_record *table;

    while ((table = walk_next(&walk)) != NULL)
        set_route(call, table, gateway_id, state);
}

/* A VPC has one at most. */
static const struct internet_gateway_record *gateway_of(const struct call *call, struct str vpc_id)
{
    struct walk walk = transaction_walk(call->tx, &internet_gateway_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct internet_gateway_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (record->internet_gateway->attachments.count > 0 &&
            str_eq(record->internet_gateway->attachments.items[0].vpc_id, vpc_id))
            return record;
    return NULL;
}

bool ec2_attach_internet_gateway(struct call *call, const struct ec2_attach_internet_gateway_request *in, void *out)
{
    struct ec2_internet_gateway_attachment attachment = {.vpc_id = in->vpc_id,
                                                         .state = EC2_ATTACHMENT_STATUS_AVAILABLE};
    const struct internet_gateway_record *gateway;
    const void *vpc;

    (void)out;
    if (!find(call, in->internet_gateway_id, &gateway) || !resource_find(call, &vpc_kind, in->vpc_id, &vpc))
        return false;
    if (gateway->internet_gateway->attachments.count > 0)
        return fail_api(call->fail, "Resource.AlreadyAssociated", "resource %.*s is already attached to network %.*s",
                        STR_ARG(in->internet_gateway_id),
                        STR_ARG(gateway->internet_gateway->attachments.items[0].vpc_id));
    if (gateway_of(call, in->vpc_id) != NULL)
        return fail_api(call->fail, "InvalidParameterValue", "Network %.*s already has an internet gateway attached",
                        STR_ARG(in->vpc_id));
    put_attachments(call, gateway, (struct ec2_internet_gateway_attachment_list){&attachment, 1});
    set_routes(call, in->vpc_id, in->internet_gateway_id, EC2_ROUTE_STATE_ACTIVE);
    return true;
}

/* AWS refuses while the VPC has mapped public addresses. */
static bool has_public_addresses(const struct call *call, struct str vpc_id)
{
    struct walk walk = transaction_walk(call->tx, &network_interface_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct network_interface_record *interface;

    while ((interface = walk_next(&walk)) != NULL)
        if (interface->interface->association != NULL)
            return true;
    return false;
}

bool ec2_detach_internet_gateway(struct call *call, const struct ec2_detach_internet_gateway_request *in, void *out)
{
    const struct internet_gateway_record *gateway;
    const void *vpc;

    (void)out;
    if (!find(call, in->internet_gateway_id, &gateway) || !resource_find(call, &vpc_kind, in->vpc_id, &vpc))
        return false;
    if (gateway->internet_gateway->attachments.count == 0 ||
        !str_eq(gateway->internet_gateway->attachments.items[0].vpc_id, in->vpc_id))
        return fail_api(call->fail, "Gateway.NotAttached", "resource %.*s is not attached to network %.*s",
                        STR_ARG(in->internet_gateway_id), STR_ARG(in->vpc_id));
    if (has_public_addresses(call, in->vpc_id))
        return fail_api(call->fail, "DependencyViolation",
                        "Network %.*s has some mapped public address(es). Please unmap those public address(es) before "
                        "detaching the gateway.",
                        STR_ARG(in->vpc_id));
    put_attachments(call, gateway,
                    (struct ec2_internet_gateway_attachment_list){
                        arena_array(call->arena, struct ec2_internet_gateway_attachment, 1), 0});
    set_routes(call, in->vpc_id, in->internet_gateway_id, EC2_ROUTE_STATE_BLACKHOLE);
    return true;
}

bool ec2_delete_internet_gateway(struct call *call, const struct ec2_delete_internet_gateway_request *in, void *out)
{
    const struct internet_gateway_record *gateway;

    (void)out;
    if (!find(call, in->internet_gateway_id, &gateway))
        return false;
    if (gateway->internet_gateway->attachments.count > 0)
        return fail_api(call->fail, "DependencyViolation",
                        "The internetGateway '%.*s' has dependencies and cannot be deleted.",
                        STR_ARG(in->internet_gateway_id));
    transaction_delete(call->tx, &internet_gateway_table,
                       KEY(call->arena, call->principal->account, call->region, in->internet_gateway_id));
    return true;
}

/* ---- describing ---- */

static const struct filter_field fields[] = {
    {"attachment.state", "Attachments.State"},
    {"attachment.vpc-id", "Attachments.VpcId"},
    {"internet-gateway-id", "InternetGatewayId"},
    {"owner-id", "OwnerId"},
};
static const struct filter_table filters = {&ec2_internet_gateway_shape, fields, COUNT_OF(fields), "Tags"};

bool ec2_describe_internet_gateways(struct call *call, const struct ec2_describe_internet_gateways_request *in,
                                    struct ec2_describe_internet_gateways_result *out)
{
    const struct describe describe = {
        .call = call, .kind = &internet_gateway_kind, .table = &filters, DESCRIBE_REQUEST(in, internet_gateway_ids)};

    return describe_run(&describe, &out->internet_gateways, &out->next_token);
}
