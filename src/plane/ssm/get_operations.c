/* Values of parameters: GetParameter, GetParameters, GetParametersByPath, GetParameterHistory; and their deletion. */
#include "plane/secrets/seal.h"
#include "plane/ssm/operations.h"
#include "plane/ssm/parameter_filter.h"
#include "plane/ssm/public_parameter.h"

enum { BY_PATH_MAX = 10, HISTORY_MAX = 50 }; /* API reference, "GetParametersByPath", "GetParameterHistory" */

static struct parameter_place here(const struct call *call)
{
    return (struct parameter_place){call->principal->account, call->region};
}

static bool value_shown(const struct call *call, const struct parameter_version_record *version, bool decrypt,
                        struct str *ret_value)
{
    if (version->history->type != SSM_PARAMETER_TYPE_SECURE_STRING || decrypt)
        return parameter_open(call->tx, version, call->arena, ret_value, call->fail);
    *ret_value = seal_text(call->arena, version->sealed);
    return true;
}

bool parameter_shown(const struct call *call, const struct found_parameter *found, bool decrypt,
                     struct ssm_parameter *ret_shown)
{
    const struct ssm_parameter_history *history = found->version->history;
    struct ssm_parameter shown = {.name = history->name, .type = history->type, .data_type = history->data_type};

    if (!value_shown(call, found->version, decrypt, &shown.value))
        return false;
    shown.selector = found->selector;
    shown.arn = parameter_arn(call->arena, found->parameter->account_id, found->parameter->region, history->name);
    SET(&shown, version, history->version);
    SET(&shown, last_modified_date, history->last_modified_date);
    *ret_shown = shown;
    return true;
}

bool ssm_get_parameter(struct call *call, const struct ssm_get_parameter_request *in,
                       struct ssm_get_parameter_result *out)
{
    const struct parameter_place place = here(call);
    struct found_parameter found;

    out->parameter = arena_new(call->arena, struct ssm_parameter);
    if (public_parameter(call->arena, in->name, call->region, out->parameter))
        return true;
    return parameter_resolve(call->tx, &place, in->name, &found, call->fail) &&
           parameter_shown(call, &found, in->with_decryption, out->parameter);
}

bool ssm_get_parameters(struct call *call, const struct ssm_get_parameters_request *in,
                        struct ssm_get_parameters_result *out)
{
    const struct parameter_place place = here(call);
    struct fail why;

    out->parameters.items = arena_array(call->arena, struct ssm_parameter, in->names.count);
    out->invalid_parameters.items = arena_array(call->arena, struct str, in->names.count);
    for (size_t i = 0; i < in->names.count; i++) {
        struct found_parameter found;

        if (public_parameter(call->arena, in->names.items[i], call->region,
                             &out->parameters.items[out->parameters.count])) {
            out->parameters.count++;
            continue;
        }
        if (!parameter_resolve(call->tx, &place, in->names.items[i], &found, &why))
            out->invalid_parameters.items[out->invalid_parameters.count++] = in->names.items[i];
        else if (!parameter_shown(call, &found, in->with_decryption, &out->parameters.items[out->parameters.count++]))
            return false;
    }
    return true;
}

/* ---- GetParametersByPath ---- */

static bool check_path(const struct call *call, const struct ssm_get_parameters_by_path_request *in)
{
    return str_starts(in->path, STR("/")) ||
           fail_api(call->fail, "ValidationException",
                    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
                    "forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use "
                    "only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special "
                    "characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". "
                    "Valid example: /get/parameters2-/by1./path0_.");
}

/* Below "/aws/service/" are the public ones, in one page, and nobody's own. */
static bool public_by_path(const struct call *call, const struct ssm_get_parameters_by_path_request *in,
                           struct ssm_get_parameters_by_path_result *out)
{
    struct str name;
    size_t count = 0;

    while (public_parameter_name(call->arena, count).ptr != NULL)
        count++;
    out->parameters.items = arena_array(call->arena, struct ssm_parameter, count + 1);
    for (size_t i = 0; (name = public_parameter_name(call->arena, i)).ptr != NULL; i++)
        if (parameter_is_below(name, in->path, in->recursive) &&
            public_parameter(call->arena, name, call->region, &out->parameters.items[out->parameters.count]))
            out->parameters.count++;
    return true;
}

/* The version that the filters choose: with a Label the one that has it, otherwise the newest. */
static const struct parameter_version_record *chosen(const struct call *call, const struct parameter_record *parameter,
                                                     const struct ssm_parameter_string_filter_list *filters)
{
    const struct parameter_version_record *version;
    struct walk walk = parameter_versions(call->tx, parameter);
    bool by_label = false;

    for (size_t i = 0; i < filters->count; i++)
        by_label = by_label || str_is(filters->items[i].key, "Label");
    while ((version = walk_next(&walk)) != NULL) {
        const struct parameter_facts facts = {version->history, &parameter->tags};

        if ((by_label || version->history->version == parameter->latest) && parameter_passes(&facts, filters))
            return version;
    }
    return NULL;
}

bool ssm_get_parameters_by_path(struct call *call, const struct ssm_get_parameters_by_path_request *in,
                                struct ssm_get_parameters_by_path_result *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : BY_PATH_MAX;
    struct walk walk = transaction_walk(call->tx, &parameter_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    struct found_parameter found = {.parameter = NULL};
    struct str after;

    if (!check_path(call, in) || !parameter_filters_check(&in->parameter_filters, LISTER_BY_PATH, call->fail) ||
        !page_begin(call->arena, in->next_token, SSM_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    if (str_starts(in->path, STR("/aws/service")))
        return public_by_path(call, in, out);
    if (after.ptr != NULL)
        walk.at = KEY(call->arena, call->principal->account, call->region, after);
    out->parameters.items = arena_array(call->arena, struct ssm_parameter, limit);
    while ((found.parameter = walk_next(&walk)) != NULL) {
        if (!parameter_is_below(found.parameter->name, in->path, in->recursive))
            continue;
        found.version = chosen(call, found.parameter, &in->parameter_filters);
        if (found.version == NULL)
            continue;
        if (out->parameters.count == limit) {
            out->next_token = page_token(call->arena, out->parameters.items[limit - 1].name);
            break;
        }
        if (!parameter_shown(call, &found, in->with_decryption, &out->parameters.items[out->parameters.count++]))
            return false;
    }
    return true;
}

/* ---- GetParameterHistory ---- */

bool ssm_get_parameter_history(struct call *call, const struct ssm_get_parameter_history_request *in,
                               struct ssm_get_parameter_history_result *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : HISTORY_MAX;
    const struct parameter_version_record *version;
    const struct parameter_record *parameter;
    struct str after;
    struct walk walk;

    if (!page_begin(call->arena, in->next_token, SSM_ERROR_INVALID_NEXT_TOKEN, &after, call->fail) ||
        !parameter_find(call, in->name, &parameter))
        return false;
    walk = parameter_versions(call->tx, parameter);
    if (after.ptr != NULL)
        walk.at = after;
    out->parameters.items = arena_array(call->arena, struct ssm_parameter_history, limit);
    while ((version = walk_next(&walk)) != NULL) {
        struct ssm_parameter_history *shown = &out->parameters.items[out->parameters.count];

        if (out->parameters.count == limit) {
            out->next_token = page_token(call->arena, parameter_version_key(call->tx, parameter, shown[-1].version));
            break;
        }
        *shown = *version->history;
        if (!value_shown(call, version, in->with_decryption, &shown->value))
            return false;
        if (shown->labels.items == NULL)
            shown->labels.items = arena_alloc(call->arena, 0); /* an empty list, not an absent one */
        out->parameters.count++;
    }
    return true;
}

/* ---- deletion ---- */

bool ssm_delete_parameter(struct call *call, const struct ssm_delete_parameter_request *in,
                          struct ssm_delete_parameter_result *out)
{
    const struct parameter_record *parameter;

    (void)out;
    if (!parameter_find(call, in->name, &parameter))
        return false;
    parameter_remove(call->tx, parameter);
    return true;
}

bool ssm_delete_parameters(struct call *call, const struct ssm_delete_parameters_request *in,
                           struct ssm_delete_parameters_result *out)
{
    struct call quiet = *call;
    struct fail ignored;

    quiet.fail = &ignored;
    out->deleted_parameters.items = arena_array(call->arena, struct str, in->names.count);
    out->invalid_parameters.items = arena_array(call->arena, struct str, in->names.count);
    for (size_t i = 0; i < in->names.count; i++) {
        const struct parameter_record *parameter;

        if (parameter_find(&quiet, in->names.items[i], &parameter)) {
            parameter_remove(call->tx, parameter);
            out->deleted_parameters.items[out->deleted_parameters.count++] = in->names.items[i];
        } else {
            out->invalid_parameters.items[out->invalid_parameters.count++] = in->names.items[i];
        }
    }
    return true;
}
