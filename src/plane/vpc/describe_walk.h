/* What the Describe operations of EC2 have in common: ids or filters select records of one table, in pages. */
#pragma once

#include "plane/vpc/filter.h"
#include "plane/vpc/resource.h"

enum { DESCRIBE_PAGE_DEFAULT = 1000 };

struct describe {
    struct call *call;
    const struct resource_kind *kind;
    const struct filter_table *table;
    /* Makes the noun, as the answer shows it, of a record. NULL: the record's own. */
    void (*show)(const struct call *call, const void *record, void *noun);
    const struct ec2_filter_list *filters;
    const struct str *ids;
    size_t id_count;
    struct str next_token;
    size_t limit;
};

/* The rest of a struct describe, from a request that has the usual members; `id_list` is the one with its ids. */
#define DESCRIBE_REQUEST(in, id_list)                                                                                  \
    .filters = &(in)->filters, .ids = (in)->id_list.items, .id_count = (in)->id_list.count,                            \
    .next_token = (in)->next_token, .limit = (in)->has_max_results ? (size_t)(in)->max_results : DESCRIBE_PAGE_DEFAULT

/* Fills the answer's list (of the noun's list type) and its token. Fails with the kind's errors for ids, with
 * InvalidParameterValue for filters and InvalidNextToken. */
checked bool describe_run(const struct describe *describe, void *ret_list, struct str *ret_next_token);
