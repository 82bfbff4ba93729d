/* DescribeParameters: what parameters are, without their values. */
#include "plane/ssm/operations.h"
#include "plane/ssm/parameter_filter.h"

enum { DESCRIBED_MAX = 50 }; /* API reference, "DescribeParameters" */

/* The older Filters say less; each is a ParameterFilter. */
static struct ssm_parameter_string_filter_list as_parameter_filters(const struct call *call,
                                                                    const struct ssm_parameters_filter_list *filters)
{
    struct ssm_parameter_string_filter_list list = {
        arena_array(call->arena, struct ssm_parameter_string_filter, filters->count), filters->count};

    for (size_t i = 0; i < filters->count; i++) {
        list.items[i].key = str_of(enum_name(&ssm_parameters_filter_key_shape, (int)filters->items[i].key));
        list.items[i].values.items = filters->items[i].values.items;
        list.items[i].values.count = filters->items[i].values.count;
    }
    return list;
}

static struct ssm_parameter_metadata shown(const struct call *call, const struct parameter_record *parameter,
                                           const struct ssm_parameter_history *history)
{
    return (struct ssm_parameter_metadata){
        .name = history->name,
        .arn = parameter_arn(call->arena, parameter->account_id, parameter->region, history->name),
        .type = history->type,
        .key_id = history->key_id,
        .last_modified_date = history->last_modified_date,
        .has_last_modified_date = true,
        .last_modified_user = history->last_modified_user,
        .description = history->description,
        .allowed_pattern = history->allowed_pattern,
        .version = history->version,
        .has_version = true,
        .tier = history->tier,
        .policies = {history->policies.items == NULL ? arena_alloc(call->arena, 0) : history->policies.items,
                     history->policies.count},
        .data_type = history->data_type,
    };
}

static bool begin(const struct call *call, const struct ssm_describe_parameters_request *in,
                  struct ssm_parameter_string_filter_list *ret_filters, struct str *ret_after)
{
    if (in->filters.count > 0 && in->parameter_filters.count > 0)
        return fail_api(call->fail, "ValidationException",
                        "You can use either Filters or ParameterFilters in a single request.");
    *ret_filters = in->filters.count > 0 ? as_parameter_filters(call, &in->filters) : in->parameter_filters;
    return parameter_filters_check(ret_filters, LISTER_DESCRIBE, call->fail) &&
           page_begin(call->arena, in->next_token, SSM_ERROR_INVALID_NEXT_TOKEN, ret_after, call->fail);
}

bool ssm_describe_parameters(struct call *call, const struct ssm_describe_parameters_request *in,
                             struct ssm_describe_parameters_result *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : DESCRIBED_MAX;
    struct walk walk = transaction_walk(call->tx, &parameter_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    struct ssm_parameter_string_filter_list filters;
    const struct parameter_record *parameter;
    struct str after;

    if (!begin(call, in, &filters, &after))
        return false;
    if (after.ptr != NULL)
        walk.at = KEY(call->arena, call->principal->account, call->region, after);
    out->parameters.items = arena_array(call->arena, struct ssm_parameter_metadata, limit);
    while (!in->shared && (parameter = walk_next(&walk)) != NULL) { /* nobody shares parameters with others here */
        const struct parameter_version_record *version = parameter_version(call->tx, parameter, parameter->latest);
        const struct parameter_facts facts = {version->history, &parameter->tags};

        if (!parameter_passes(&facts, &filters))
            continue;
        if (out->parameters.count == limit) {
            out->next_token = page_token(call->arena, out->parameters.items[limit - 1].name);
            break;
        }
        out->parameters.items[out->parameters.count++] = shown(call, parameter, version->history);
    }
    return true;
}
