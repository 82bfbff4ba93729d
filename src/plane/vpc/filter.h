/* The filters of EC2's Describe operations: a table of fields a resource, the same rules for all (EC2 API reference,
 * "Filter": values of one filter are alternatives, filters must all match, * and ? are wildcards). */
#pragma once

#include "core/call.h"
#include "model/gen/ec2.h"

struct filter_field {
    const char *name;
    struct str (*get)(struct arena *arena, const void *record); /* absent: no value, matches nothing */
    /* Instead of get, for what a record has several of: the value at an index; false behind the last one. */
    bool (*item)(const void *record, size_t index, struct str *ret_value);
};

struct filter_table {
    const struct filter_field *fields;
    size_t count;
    const struct ec2_tag_list *(*tags)(const void *record); /* for tag:KEY and tag-key; NULL: the resource has none */
};

/* Fails with InvalidParameterValue for a filter that the resource does not know. */
checked bool filters_check(const struct filter_table *table, const struct ec2_filter_list *filters, struct fail *f);
bool filters_match(const struct filter_table *table, const struct ec2_filter_list *filters, struct arena *arena,
                   const void *record);
