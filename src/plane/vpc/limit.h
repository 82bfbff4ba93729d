/* How many of each noun there may be: a table (Amazon VPC quotas, VPC user guide). */
#pragma once

#include "plane/vpc/vpc.h"

struct limit {
    const struct table_spec *table;
    size_t max;
    bool per_vpc; /* else per account and region */
    const char *code, *message;
};

extern const struct limit vpc_limit, subnet_limit, internet_gateway_limit, route_table_limit, security_group_limit,
    network_interface_limit;

/* Fails with the limit's error when one more is too many. vpc_id counts for limits per VPC only. */
checked bool limit_check(const struct call *call, const struct limit *limit, struct str vpc_id);
/* How many records of a table with an index "vpc" the VPC has. */
size_t count_in_vpc(const struct call *call, const struct table_spec *table, struct str vpc_id);
