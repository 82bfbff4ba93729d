/* What the Describe operations of EC2 have in common: ids or filters select records of one table, in pages. */
#pragma once

#include "plane/vpc/filter.h"
#include "plane/vpc/resource.h"

enum { DESCRIBE_PAGE_DEFAULT = 1000 };

#define GETTER(name, type, value)                                                                                      \
    static struct str name(struct arena *arena, const void *record)                                                    \
    {                                                                                                                  \
        const struct type *of = record;                                                                                \
                                                                                                                       \
        (void)arena;                                                                                                   \
        return value;                                                                                                  \
    }

static inline struct str filter_truth(bool value)
{
    return value ? STR("true") : STR("false");
}

struct describe {
    struct call *call;
    const struct resource_kind *kind;
    const struct filter_table *filter_table;
    const struct ec2_filter_list *filters;
    const struct str *ids;
    size_t id_count;
    struct str next_token;
    size_t limit;
    /* Takes a record that matched; out has room for describe_room. */
    void (*take)(struct describe *describe, const void *record);
    void *out;
    struct str ret_next_token;
};

/* How many records the walk may take at most. */
size_t describe_room(const struct call *call, const struct resource_kind *kind, size_t ids);
checked bool describe_run(struct describe *describe);
