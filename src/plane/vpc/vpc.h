/* The network of an account in a region: VPCs, subnets, security groups, route tables, internet gateways and network
 * interfaces, as the EC2 API knows them. The data plane (node/network) makes them real on the hosts. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/host.h"
#include "plane/vpc/vpc_record.h"

extern const struct domain_spec vpc_domain;
extern const struct operation_spec ec2_vpc_handlers[];
extern const size_t ec2_vpc_handler_count;

/* All by account, region, id. */
extern const struct table_spec vpc_table;               /* struct vpc_record */
extern const struct table_spec subnet_table;            /* struct subnet_record; index "vpc" */
extern const struct table_spec security_group_table;    /* struct security_group_record; index "vpc" */
extern const struct table_spec internet_gateway_table;  /* struct internet_gateway_record */
extern const struct table_spec route_table_table;       /* struct route_table_record; indexes "vpc", "token" */
extern const struct table_spec network_interface_table; /* struct network_interface_record; indexes "subnet" (subnet and
                                                           address), "vpc", "host", "token", "public" (its public
                                                           address, in all accounts and regions), "instance" (that it
                                                           is attached to) */

/* An id of ours in the EC2 form: prefix and 17 hexadecimal digits, "eni-0123456789abcdef0". */
struct str vpc_id_new(struct transaction *tx, const char *prefix);

/* NULL when the user has deleted it. */
const struct vpc_record *vpc_default(const struct transaction *tx, struct str account, struct str region);
/* Names of groups are not case-sensitive. NULL: the VPC has none of that name; it always has "default". */
const struct security_group_record *security_group_named(const struct transaction *tx, struct str account,
                                                         struct str region, struct str vpc_id, struct str name);

struct network_interface_wish {
    struct str account, region;
    struct str subnet_id;
    const struct str *groups; /* none: the VPC's default group */
    size_t group_count;
    struct str description;
    struct str owner_arn;    /* the task */
    struct str requested_by; /* "amazon-ecs" for requester-managed interfaces, absent otherwise */
    struct str address;      /* a wished private address, or absent */
    struct str host_id;      /* where it stands, or absent: network_interface_place says it later */
    struct str client_token; /* absent: none */
    struct str instance_id;  /* that it is attached to; absent: none */
    int32_t device_index;    /* there: 0 is its first */
    bool public_address;
};

/* Makes an interface with a free address of its subnet, in status in-use. Fails with the EC2 errors
 * InvalidSubnetID.NotFound, InvalidGroup.NotFound, InvalidParameterValue, InsufficientFreeAddressesInSubnet,
 * AddressLimitExceeded. The record is valid until the end of the turn. */
checked bool network_interface_create(struct transaction *tx, const struct network_interface_wish *wish,
                                      const struct network_interface_record **ret_interface, struct fail *f);
void network_interface_delete(struct transaction *tx, struct str account, struct str region, struct str id);
/* Says on which host the interface is to exist. */
void network_interface_place(struct transaction *tx, struct str account, struct str region, struct str id,
                             struct str host_id);

/* Attaches one that is available to an instance on a host, as its first interface; takes it off again. */
void network_interface_attach(struct transaction *tx, const struct network_interface_record *before,
                              struct str instance_id, struct str host_id);
void network_interface_detach(struct transaction *tx, struct str account, struct str region, struct str id);

enum { SECURITY_GROUPS_PER_INTERFACE_MAX = 5 }; /* VPC quotas */

/* What a host has to know of one interface (host protocol). Its VPC and its groups are added to `assignment`, once
 * each; vpc_assign_begin has made these lists, empty. Everything is in the transaction's arena. */
void vpc_assign_begin(const struct transaction *tx, struct host_assignment *assignment);
struct host_network_interface *vpc_assign(const struct transaction *tx, const struct network_interface_record *record,
                                          struct host_assignment *assignment);
/* The default VPC of the installation, also when nothing is in it, before any interface: a host that keeps its router
 * starts the first task 20 ms sooner (./dev bench network). */
void vpc_assign_default(const struct transaction *tx, struct host_assignment *assignment);

/* "10.0.7.1/16" as it is meant, host bits cleared, as EC2 does; false on anything that is no IPv4 network. */
checked bool ipv4_network_parse(struct str text, uint32_t *ret_first, unsigned *ret_prefix);
/* The same, but false when there are host bits to clear. */
checked bool ipv4_cidr_parse(struct str text, uint32_t *ret_first, unsigned *ret_prefix);
struct str ipv4_cidr_text(struct arena *arena, uint32_t first, unsigned prefix);
checked bool ipv4_parse(struct str text, uint32_t *ret_address);
struct str ipv4_text(struct arena *arena, uint32_t address);

/* The first and last address of a canonical range. */
struct ipv4_range {
    uint32_t first, last;
};
checked bool ipv4_range_parse(struct str text, struct ipv4_range *ret_range);

/* The range of public addresses of an installation: 8192 of 198.18.0.0/15 (docs/decisions/0041-public-addresses.md). */
struct ipv4_range public_range(const struct settings *settings);

/* Addresses of a subnet that are nobody's: the first four and the last one are AWS's (VPC user guide, "Subnet CIDR
 * blocks"). */
int32_t subnet_free_addresses(const struct transaction *tx, const struct subnet_record *subnet);
