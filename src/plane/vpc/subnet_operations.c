/* CreateSubnet, CreateDefaultSubnet, DeleteSubnet, ModifySubnetAttribute. */
#include "base/must.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/place.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/subnet_addresses.h"
#include "plane/vpc/vpc_make.h"

static bool refuse(const struct call *call, const struct ec2_create_subnet_request *in)
{
    if (in->ipv6_cidr_block.ptr != NULL || in->ipv6_native || in->ipv6_ipam_pool_id.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's subnets have no IPv6 addresses yet");
    if (in->ipv4_ipam_pool_id.ptr != NULL || in->outpost_arn.ptr != NULL)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no IP address manager and no Outposts");
    return true;
}

/* Without a zone: the one with the fewest subnets of the VPC, so that they spread. */
static unsigned quietest_zone(const struct call *call, struct str vpc_id)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct subnet_record *subnet;
    unsigned counts[ZONES] = {0};
    unsigned best = 0;

    while ((subnet = walk_next(&walk)) != NULL)
        for (unsigned zone = 0; zone < ZONES; zone++)
            if (str_eq(subnet->subnet->availability_zone, zone_name(call->arena, call->region, zone)))
                counts[zone]++;
    for (unsigned zone = 1; zone < ZONES; zone++)
        if (counts[zone] < counts[best])
            best = zone;
    return best;
}

static bool choose_zone(const struct call *call, const struct ec2_create_subnet_request *in, unsigned *ret_zone)
{
    for (unsigned zone = 0; zone < ZONES; zone++)
        if (str_eq(in->availability_zone, zone_name(call->arena, call->region, zone)) ||
            str_eq(in->availability_zone_id, zone_id(call->arena, call->region, zone))) {
            *ret_zone = zone;
            return true;
        }
    if (in->availability_zone.ptr != NULL || in->availability_zone_id.ptr != NULL)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value (%.*s) for parameter availabilityZone is invalid. Subnets can currently only be created "
                        "in the following availability zones: %.*sa, %.*sb, %.*sc.",
                        STR_ARG(in->availability_zone.ptr != NULL ? in->availability_zone : in->availability_zone_id),
                        STR_ARG(call->region), STR_ARG(call->region), STR_ARG(call->region));
    *ret_zone = quietest_zone(call, in->vpc_id);
    return true;
}

/* Another subnet of the VPC is in the way. */
static bool is_taken(const struct call *call, struct str vpc_id, struct ipv4_range wished)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct subnet_record *subnet;
    struct ipv4_range other;

    while ((subnet = walk_next(&walk)) != NULL) {
        must(ipv4_range_parse(subnet->subnet->cidr_block, &other));
        if (wished.first <= other.last && other.first <= wished.last)
            return true;
    }
    return false;
}

static bool check_range(const struct call *call, const struct vpc_record *vpc, struct str cidr)
{
    struct ipv4_range wished;
    struct ipv4_range all;

    must(ipv4_range_parse(cidr, &wished));
    must(ipv4_range_parse(vpc->vpc->cidr_block, &all));
    if (wished.first < all.first || wished.last > all.last)
        return fail_api(call->fail, "InvalidSubnet.Range", "The CIDR '%.*s' is invalid.", STR_ARG(cidr));
    if (is_taken(call, vpc->vpc->vpc_id, wished))
        return fail_api(call->fail, "InvalidSubnet.Conflict", "The CIDR '%.*s' conflicts with another subnet",
                        STR_ARG(cidr));
    return true;
}

/* Makes it and shows it. */
static struct ec2_subnet *make(struct call *call, const struct subnet_wish *wish)
{
    struct ec2_subnet *shown = arena_new(call->arena, struct ec2_subnet);
    const void *made;

    must(resource_find(call, &subnet_kind, subnet_make(call->tx, wish), &made));
    *shown = *((const struct subnet_record *)made)->subnet;
    SET(shown, available_ip_address_count, subnet_free_addresses(call->tx, made));
    return shown;
}

bool ec2_create_subnet(struct call *call, const struct ec2_create_subnet_request *in,
                       struct ec2_create_subnet_result *out)
{
    struct subnet_wish wish = {.account = call->principal->account, .region = call->region, .vpc_id = in->vpc_id};
    const void *vpc;

    if (!resource_find(call, &vpc_kind, in->vpc_id, &vpc) || !refuse(call, in))
        return false;
    if (in->cidr_block.ptr == NULL)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter cidrBlock");
    if (!cidr_canonical(call, in->cidr_block, "InvalidSubnet.Range", &wish.cidr) ||
        !check_range(call, vpc, wish.cidr) || !choose_zone(call, in, &wish.zone) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_SUBNET, &wish.tags) ||
        !limit_check(call, &subnet_limit, in->vpc_id))
        return false;
    out->subnet = make(call, &wish);
    return true;
}

/* ---- the default subnet of a zone ---- */

static bool check_no_default(const struct call *call, struct str vpc_id, struct str zone)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, "vpc",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
    const struct subnet_record *subnet;

    while ((subnet = walk_next(&walk)) != NULL)
        if (subnet->subnet->default_for_az && str_eq(subnet->subnet->availability_zone, zone))
            return fail_api(call->fail, "DefaultSubnetAlreadyExistsInAvailabilityZone",
                            "'%.*s' is already the default subnet in %.*s.", STR_ARG(subnet->subnet->subnet_id),
                            STR_ARG(zone));
    return true;
}

/* The first free /20 of the VPC: 4096 addresses, as all default subnets have. */
static bool find_room(const struct call *call, const struct ec2_vpc *vpc, struct str *ret_cidr)
{
    struct ipv4_range all;

    must(ipv4_range_parse(vpc->cidr_block, &all));
    for (uint64_t first = all.first; first + 4095 <= all.last; first += 4096) {
        struct ipv4_range range = {(uint32_t)first, (uint32_t)first + 4095};

        if (is_taken(call, vpc->vpc_id, range))
            continue;
        *ret_cidr = arena_printf(call->arena, "%.*s/20", STR_ARG(ipv4_text(call->arena, range.first)));
        return true;
    }
    return fail_api(call->fail, "InvalidSubnet.Conflict", "The default VPC %.*s has no room for another subnet",
                    STR_ARG(vpc->vpc_id));
}

bool ec2_create_default_subnet(struct call *call, const struct ec2_create_default_subnet_request *in,
                               struct ec2_create_default_subnet_result *out)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);
    struct subnet_wish wish = {.account = call->principal->account, .region = call->region, .is_default = true};

    if (in->ipv6_native)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's subnets have no IPv6 addresses yet");
    if (vpc == NULL)
        return fail_api(call->fail, "DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.");
    wish.vpc_id = vpc->vpc->vpc_id;
    if (in->availability_zone.ptr == NULL && in->availability_zone_id.ptr == NULL)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter availabilityZone");
    if (!choose_zone(call,
                     &(struct ec2_create_subnet_request){.availability_zone = in->availability_zone,
                                                         .availability_zone_id = in->availability_zone_id},
                     &wish.zone) ||
        !check_no_default(call, wish.vpc_id, zone_name(call->arena, call->region, wish.zone)) ||
        !find_room(call, vpc->vpc, &wish.cidr))
        return false;
    out->subnet = make(call, &wish);
    return true;
}

/* ---- deleting and changing ---- */

static void forget_associations(struct call *call, const struct ec2_subnet *subnet)
{
    struct walk walk =
        transaction_walk(call->tx, &route_table_table, "vpc",
                         KEY_PREFIX(call->arena, call->principal->account, call->region, subnet->vpc_id));
    const struct route_table_record *table;

    while ((table = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < table->route_table->associations.count; i++)
            if (str_eq(table->route_table->associations.items[i].subnet_id, subnet->subnet_id)) {
                route_table_forget(call->tx, table, i);
                return; /* a subnet has one association at most */
            }
}

bool ec2_delete_subnet(struct call *call, const struct ec2_delete_subnet_request *in, void *out)
{
    const void *found;

    (void)out;
    if (!resource_find(call, &subnet_kind, in->subnet_id, &found))
        return false;
    if (subnet_addresses_taken(call->tx, in->subnet_id) > 0)
        return fail_api(call->fail, "DependencyViolation", "The subnet '%.*s' has dependencies and cannot be deleted.",
                        STR_ARG(in->subnet_id));
    forget_associations(call, ((const struct subnet_record *)found)->subnet);
    transaction_delete(call->tx, &subnet_table,
                       KEY(call->arena, call->principal->account, call->region, in->subnet_id));
    return true;
}

/* Of most attributes all subnets of Berth have the same value: to ask for that one is fine. */
static bool check_attributes(const struct call *call, const struct ec2_modify_subnet_attribute_request *in)
{
    const struct {
        const char *name;
        const struct ec2_attribute_boolean_value *wanted;
    } off[] = {
        {"AssignIpv6AddressOnCreation", in->assign_ipv6_address_on_creation},
        {"EnableDns64", in->enable_dns64},
        {"EnableResourceNameDnsAAAARecordOnLaunch", in->enable_resource_name_dns_aaaa_record_on_launch},
        {"EnableResourceNameDnsARecordOnLaunch", in->enable_resource_name_dns_a_record_on_launch},
        {"MapCustomerOwnedIpOnLaunch", in->map_customer_owned_ip_on_launch},
    };
    int given =
        (in->map_public_ip_on_launch != NULL) + (in->private_dns_hostname_type_on_launch != EC2_HOSTNAME_TYPE_NONE);

    for (size_t i = 0; i < COUNT_OF(off); i++) {
        if (off[i].wanted != NULL && off[i].wanted->value)
            return fail_api(call->fail, "UnsupportedOperation", "Berth's subnets do not have %s", off[i].name);
        given += off[i].wanted != NULL;
    }
    if (in->private_dns_hostname_type_on_launch == EC2_HOSTNAME_TYPE_RESOURCE_NAME)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's host names are made of the IP address");
    if (in->customer_owned_ipv4_pool.ptr != NULL || in->has_enable_lni_at_device_index ||
        in->disable_lni_at_device_index != NULL)
        return fail_api(call->fail, "UnsupportedOperation", "Berth has no Outposts");
    return resource_attributes_check(call, given);
}

bool ec2_modify_subnet_attribute(struct call *call, const struct ec2_modify_subnet_attribute_request *in, void *out)
{
    const void *found;
    struct subnet_record record;
    struct ec2_subnet subnet;

    (void)out;
    if (!resource_find(call, &subnet_kind, in->subnet_id, &found) || !check_attributes(call, in))
        return false;
    if (in->map_public_ip_on_launch == NULL)
        return true;
    record = *(const struct subnet_record *)found;
    subnet = *record.subnet;
    SET(&subnet, map_public_ip_on_launch, in->map_public_ip_on_launch->value);
    record.subnet = &subnet;
    must(transaction_put(call->tx, &subnet_table, &record));
    return true;
}
