/* The filters of DescribeParameters and GetParametersByPath (API reference, "ParameterStringFilter"). Any thread. */
#pragma once

#include "base/fail.h"
#include "model/gen/ssm.h"

/* What a parameter is asked about. */
struct parameter_facts {
    const struct ssm_parameter_history *version;
    const struct ssm_tag_list *tags;
};

enum parameter_lister { LISTER_DESCRIBE, LISTER_BY_PATH };

/* Fails with InvalidFilterKey, InvalidFilterOption and InvalidFilterValue. */
checked bool parameter_filters_check(const struct ssm_parameter_string_filter_list *filters,
                                     enum parameter_lister lister, struct fail *f);
/* Of filters that were checked. */
bool parameter_passes(const struct parameter_facts *facts, const struct ssm_parameter_string_filter_list *filters);

/* Whether the name stands below the path, which may end in a slash: directly, or anywhere. */
bool parameter_is_below(struct str name, struct str path, bool recursive);
