/* Network interfaces: addresses, and what a host is told of them. */
#include "plane/vpc/vpc.h"

#include "base/must.h"
#include "plane/vpc/place.h"
#include "plane/vpc/subnet_addresses.h"

/* The first four addresses and the last one of a subnet are AWS's (VPC user guide, "Subnet CIDR blocks"). */
enum { RESERVED_FIRST = 4, RESERVED_LAST = 1 };

/* The addresses that interfaces may have in a subnet. */
struct pool {
    uint32_t first, count;
};

static bool pick_address(struct transaction *tx, const struct network_interface_wish *wish,
                         const struct ec2_subnet *subnet, struct str *ret_address, struct fail *f)
{
    struct pool pool;
    uint32_t picked;
    uint32_t first;
    unsigned prefix;

    must(ipv4_cidr_parse(subnet->cidr_block, &first, &prefix));
    pool = (struct pool){first + RESERVED_FIRST, (UINT32_MAX >> prefix) + 1 - RESERVED_FIRST - RESERVED_LAST};
    if (wish->address.ptr != NULL) {
        uint32_t wished;

        if (!ipv4_parse(wish->address, &wished))
            return fail_api(f, "InvalidParameterValue", "invalid value for parameter address: %.*s",
                            STR_ARG(wish->address));
        if (wished < pool.first || wished >= pool.first + pool.count)
            return fail_api(f, "InvalidParameterValue", "Address does not fall within the subnet's address range");
        if (subnet_address_is_taken(tx, wish->subnet_id, wished))
            return fail_api(f, "InvalidIPAddress.InUse", "Address %.*s is in use.", STR_ARG(wish->address));
        *ret_address = wish->address;
        return true;
    }
    if (!subnet_address_find(tx, wish->subnet_id, pool.first, pool.count,
                             pool.first + (uint32_t)random_below(tx->random, pool.count), &picked))
        return fail_api(f, "InsufficientFreeAddressesInSubnet",
                        "The specified subnet does not have enough free addresses to satisfy the request.");
    *ret_address = ipv4_text(tx->arena, picked);
    return true;
}

static bool find_groups(const struct transaction *tx, const struct network_interface_wish *wish, struct str vpc_id,
                        struct ec2_group_identifier_list *ret_groups, struct fail *f)
{
    struct ec2_group_identifier *items = arena_array(tx->arena, struct ec2_group_identifier, wish->group_count + 1);
    const struct security_group_record *record;

    if (wish->group_count > SECURITY_GROUPS_PER_INTERFACE_MAX)
        return fail_api(f, "SecurityGroupsPerInterfaceLimitExceeded",
                        "The maximum number of security groups per interface has been reached.");
    for (size_t i = 0; i < wish->group_count; i++) {
        record =
            transaction_get(tx, &security_group_table, KEY(tx->arena, wish->account, wish->region, wish->groups[i]));
        if (record == NULL)
            return fail_api(f, "InvalidGroup.NotFound", "The security group '%.*s' does not exist",
                            STR_ARG(wish->groups[i]));
        if (!str_eq(record->group->vpc_id, vpc_id))
            return fail_api(f, "InvalidParameterValue",
                            "You have specified two resources that belong to different networks.");
        items[i] =
            (struct ec2_group_identifier){.group_id = record->group->group_id, .group_name = record->group->group_name};
    }
    *ret_groups = (struct ec2_group_identifier_list){items, wish->group_count};
    if (wish->group_count > 0)
        return true;
    record = security_group_named(tx, wish->account, wish->region, vpc_id, STR("default"));
    must(record != NULL); /* the default group cannot be deleted */
    items[0] =
        (struct ec2_group_identifier){.group_id = record->group->group_id, .group_name = record->group->group_name};
    ret_groups->count = 1;
    return true;
}

/* What is made together stands together in every table and index: a number that grows, and three digits for the case
 * that the clock was set back. */
static struct str id_new(struct transaction *tx)
{
    return arena_printf(tx->arena, "eni-0%013llx%.3s", (unsigned long long)transaction_number(tx),
                        random_hex(tx->random, tx->arena, 3).ptr);
}

static struct str mac_address(struct transaction *tx)
{
    uint64_t bits = random_next(tx->random);

    return arena_printf(tx->arena, "02:%02x:%02x:%02x:%02x:%02x", (unsigned)(bits & 255), (unsigned)(bits >> 8 & 255),
                        (unsigned)(bits >> 16 & 255), (unsigned)(bits >> 24 & 255), (unsigned)(bits >> 32 & 255));
}

/* "ip-172-31-5-9.ec2.internal" */
static struct str private_dns_name(struct transaction *tx, struct str region, struct str address)
{
    uint32_t a = 0;

    must(ipv4_parse(address, &a));
    return arena_printf(tx->arena, "ip-%u-%u-%u-%u.%.*s", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
                        STR_ARG(private_domain(tx->arena, region)));
}

/* Gives it a public address, for as long as it lives; "amazon" owns those that are not Elastic IP addresses. */
static bool associate(struct transaction *tx, struct ec2_network_interface *interface,
                      struct ec2_network_interface_association *association, struct fail *f)
{
    struct ipv4_range range = public_range(transaction_settings(tx));
    uint32_t count = range.last - range.first - 1; /* without the first and the last */
    uint32_t start = (uint32_t)random_below(tx->random, count);

    for (uint32_t i = 0; i < count; i++) {
        struct str address = ipv4_text(tx->arena, range.first + 1 + (start + i) % count);
        struct walk walk = transaction_walk(tx, &network_interface_table, "public", KEY_PREFIX(tx->arena, address));

        if (walk_next(&walk) != NULL)
            continue;
        *association = (struct ec2_network_interface_association){.public_ip = address, .ip_owner_id = STR("amazon")};
        interface->association = association;
        return true;
    }
    return fail_api(f, "AddressLimitExceeded", "The maximum number of addresses has been reached.");
}

/* As EC2 shows an interface that a service of AWS attached to something of its own. */
static void attach(struct transaction *tx, struct ec2_network_interface *interface,
                   struct ec2_network_interface_attachment *attachment)
{
    *attachment = (struct ec2_network_interface_attachment){.attachment_id = vpc_id_new(tx, "eni-attach"),
                                                            .instance_owner_id = STR("amazon-aws"),
                                                            .status = EC2_ATTACHMENT_STATUS_ATTACHED};
    SET(attachment, attach_time, tx->now_ms);
    SET(attachment, delete_on_termination, false);
    SET(attachment, device_index, 1);
    SET(attachment, network_card_index, 0);
    interface->attachment = attachment;
    interface->status = EC2_NETWORK_INTERFACE_STATUS_IN_USE;
}

static void attach_instance(struct transaction *tx, struct ec2_network_interface *interface,
                            struct ec2_network_interface_attachment *attachment, struct str instance_id,
                            int32_t device_index)
{
    attach(tx, interface, attachment);
    attachment->instance_id = instance_id;
    attachment->instance_owner_id = interface->owner_id;
    SET(attachment, delete_on_termination, true);
    SET(attachment, device_index, device_index);
}

bool network_interface_create(struct transaction *tx, const struct network_interface_wish *wish,
                              const struct network_interface_record **ret_interface, struct fail *f)
{
    const struct subnet_record *subnet =
        transaction_get(tx, &subnet_table, KEY(tx->arena, wish->account, wish->region, wish->subnet_id));
    struct ec2_network_interface_private_ip_address private_address = {0};
    struct ec2_network_interface_attachment attachment;
    struct ec2_network_interface_association association;
    struct ec2_network_interface interface = {0};
    struct network_interface_record record = {.account_id = wish->account,
                                              .region = wish->region,
                                              .interface = &interface,
                                              .owner_arn = wish->owner_arn,
                                              .host_id = wish->host_id,
                                              .client_token = wish->client_token};

    if (subnet == NULL)
        return fail_api(f, "InvalidSubnetID.NotFound", "The subnet ID '%.*s' does not exist", STR_ARG(wish->subnet_id));
    interface.vpc_id = subnet->subnet->vpc_id;
    if (!find_groups(tx, wish, interface.vpc_id, &interface.groups, f) ||
        !pick_address(tx, wish, subnet->subnet, &interface.private_ip_address, f))
        return false;
    interface.network_interface_id = id_new(tx);
    interface.subnet_id = wish->subnet_id;
    interface.availability_zone = subnet->subnet->availability_zone;
    interface.availability_zone_id = subnet->subnet->availability_zone_id;
    interface.owner_id = wish->account;
    interface.description = wish->description;
    interface.mac_address = mac_address(tx);
    interface.private_dns_name = private_dns_name(tx, wish->region, interface.private_ip_address);
    interface.interface_type = EC2_NETWORK_INTERFACE_TYPE_INTERFACE;
    interface.status = EC2_NETWORK_INTERFACE_STATUS_AVAILABLE;
    if (wish->owner_arn.ptr != NULL)
        attach(tx, &interface, &attachment);
    if (wish->instance_id.ptr != NULL)
        attach_instance(tx, &interface, &attachment, wish->instance_id, wish->device_index);
    if (wish->public_address && !associate(tx, &interface, &association, f))
        return false;
    interface.requester_id = wish->requested_by;
    SET(&interface, requester_managed, wish->requested_by.ptr != NULL);
    SET(&interface, source_dest_check, true);
    private_address.private_ip_address = interface.private_ip_address;
    private_address.private_dns_name = interface.private_dns_name;
    private_address.association = interface.association;
    SET(&private_address, primary, true);
    interface.private_ip_addresses.items = &private_address;
    interface.private_ip_addresses.count = 1;
    (void)transaction_put(tx, &network_interface_table, &record);
    *ret_interface = transaction_get(tx, &network_interface_table,
                                     KEY(tx->arena, wish->account, wish->region, interface.network_interface_id));
    return true;
}

void network_interface_delete(struct transaction *tx, struct str account, struct str region, struct str id)
{
    transaction_delete(tx, &network_interface_table, KEY(tx->arena, account, region, id));
}

void network_interface_place(struct transaction *tx, struct str account, struct str region, struct str id,
                             struct str host_id)
{
    const struct network_interface_record *before =
        transaction_get(tx, &network_interface_table, KEY(tx->arena, account, region, id));
    struct network_interface_record record;

    if (before == NULL)
        return;
    record = *before;
    record.host_id = host_id;
    (void)transaction_put(tx, &network_interface_table, &record);
}

void network_interface_attach(struct transaction *tx, const struct network_interface_record *before,
                              struct str instance_id, struct str host_id)
{
    struct network_interface_record record = *before;
    struct ec2_network_interface interface = *before->interface;
    struct ec2_network_interface_attachment attachment;

    attach_instance(tx, &interface, &attachment, instance_id, /* device_index= */ 0);
    SET(&attachment, delete_on_termination, false);
    record.interface = &interface;
    record.host_id = host_id;
    (void)transaction_put(tx, &network_interface_table, &record);
}

void network_interface_detach(struct transaction *tx, struct str account, struct str region, struct str id)
{
    const struct network_interface_record *before =
        transaction_get(tx, &network_interface_table, KEY(tx->arena, account, region, id));
    struct network_interface_record record;
    struct ec2_network_interface interface;

    if (before == NULL)
        return;
    record = *before;
    interface = *before->interface;
    interface.attachment = NULL;
    interface.status = EC2_NETWORK_INTERFACE_STATUS_AVAILABLE;
    record.interface = &interface;
    record.host_id = (struct str){NULL, 0};
    (void)transaction_put(tx, &network_interface_table, &record);
}
