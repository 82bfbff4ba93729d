/* Making VPCs, subnets and routes: what the API's Create operations and the first start have in common. The caller has
 * checked the wish. */
#pragma once

#include "plane/vpc/vpc.h"

struct vpc_wish {
    struct str account, region;
    struct str cidr; /* canonical */
    bool is_default; /* of the region; has DNS host names, as its instances have public addresses */
    struct ec2_tag_list tags;
};

/* Makes the VPC with its default security group and its main route table; the id is in the transaction's arena. */
struct str vpc_make(struct transaction *tx, const struct vpc_wish *wish);

struct subnet_wish {
    struct str account, region;
    struct str vpc_id, cidr;
    unsigned zone; /* 0, 1 or 2 */
    bool is_default;
    struct ec2_tag_list tags;
};

struct str subnet_make(struct transaction *tx, const struct subnet_wish *wish);

/* The default VPC with a subnet in each zone and a way to the internet (VPC user guide, "Default VPCs"): what an
 * account begins with in a region. */
void vpc_default_make(struct transaction *tx, struct str account, struct str region);

/* The main route table of a VPC; there always is one. */
const struct route_table_record *route_table_main(const struct transaction *tx, struct str account, struct str region,
                                                  struct str vpc_id);
/* Puts a route into a table, in the place of the one with the same destination; gives the table as it is now. */
const struct route_table_record *route_table_put_route(struct transaction *tx, const struct route_table_record *table,
                                                       const struct ec2_route *route);
/* Takes an association of a subnet out of a table; the subnet is the main table's then. */
void route_table_forget(struct transaction *tx, const struct route_table_record *table, size_t association);

/* A range as EC2 keeps it, host bits cleared. Fails with InvalidParameterValue, and with `range_code` for a prefix that
 * is not from /16 to /28. */
checked bool cidr_canonical(const struct call *call, struct str text, const char *range_code, struct str *ret_cidr);
