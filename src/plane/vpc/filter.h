/* The filters of EC2's Describe operations: a table a noun, whose rows say where in the answer the value stands (EC2
 * API reference, "Filter", and the "Filter.N" of each Describe operation: values of one filter are alternatives,
 * filters must all match, * and ? are wildcards, a backslash takes the meaning from the byte behind it). */
#pragma once

#include "core/call.h"
#include "model/gen/ec2.h"

struct filter_field {
    const char *name;
    const char *path; /* members from the noun on, "CidrBlockAssociationSet.CidrBlock": of a list any item may match */
};

struct filter_table {
    const struct shape *noun; /* as the answer shows it */
    const struct filter_field *fields;
    size_t count;
    const char *tags; /* the path to its tags, for tag:KEY and tag-key; NULL: the noun has none */
};

/* Fails with InvalidParameterValue for a filter that the noun does not know, FilterLimitExceeded for too many. */
checked bool filters_check(const struct filter_table *table, const struct ec2_filter_list *filters, struct fail *f);
bool filters_match(const struct filter_table *table, const struct ec2_filter_list *filters, const void *noun);
