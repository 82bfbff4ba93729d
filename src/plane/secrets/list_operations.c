/* ListSecrets and BatchGetSecretValue. */
#include "plane/secrets/access.h"
#include "plane/secrets/operations.h"
#include "plane/secrets/secret_filter.h"

enum { LISTED_MAX = 100, BATCH_MAX = 20 }; /* API reference, "ListSecrets", "BatchGetSecretValue" */

/* ---- filters of a request ---- */

static bool check_filters(const struct secretsmanager_filters_list_type *filters, struct fail *f)
{
    for (size_t i = 0; i < filters->count; i++)
        if (filters->items[i].key == SECRETSMANAGER_FILTER_NAME_STRING_TYPE_NONE || filters->items[i].values.count == 0)
            return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Each filter must have a Key and at least one of Values.");
    return true;
}

/* ---- ListSecrets ---- */

/* A secret and where it stands in the order that is asked for. */
struct listed {
    const struct secret_record *secret;
    struct str order;
};

static struct str order_of(const struct call *call, const struct secretsmanager_secret_list_entry *secret,
                           enum secretsmanager_sort_by_type by)
{
    int64_t when_ms = secret->created_date;

    if (by == SECRETSMANAGER_SORT_BY_TYPE_NAME)
        return secret->name;
    if (by == SECRETSMANAGER_SORT_BY_TYPE_LAST_CHANGED_DATE)
        when_ms = secret->last_changed_date;
    if (by == SECRETSMANAGER_SORT_BY_TYPE_LAST_ACCESSED_DATE)
        when_ms = secret->has_last_accessed_date ? secret->last_accessed_date : 0;
    return arena_printf(call->arena, "%020lld%c%.*s", (long long)when_ms, KEY_SEPARATOR, STR_ARG(secret->name));
}

static int by_order(const void *a, const void *b)
{
    return str_compare(((const struct listed *)a)->order, ((const struct listed *)b)->order);
}

static int by_order_down(const void *a, const void *b)
{
    return by_order(b, a);
}

/* All that pass, in order. */
static struct listed *collect(const struct call *call, const struct secretsmanager_list_secrets_request *in,
                              size_t *ret_count)
{
    struct walk walk = transaction_walk(call->tx, &secret_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    struct listed *listed =
        arena_array(call->arena, struct listed, transaction_count(call->tx, &secret_table) + /* not empty */ 1);
    const struct secret_record *secret;
    size_t count = 0;

    while ((secret = walk_next(&walk)) != NULL)
        if ((in->include_planned_deletion || !secret->has_purge_at) &&
            secret_passes(secret->secret, secret->region, &in->filters))
            listed[count++] = (struct listed){secret, order_of(call, secret->secret, in->sort_by)};
    qsort(listed, count, sizeof(*listed),
          in->sort_order == SECRETSMANAGER_SORT_ORDER_TYPE_DESC ? by_order_down : by_order);
    *ret_count = count;
    return listed;
}

bool secretsmanager_list_secrets(struct call *call, const struct secretsmanager_list_secrets_request *in,
                                 struct secretsmanager_list_secrets_response *out)
{
    bool down = in->sort_order == SECRETSMANAGER_SORT_ORDER_TYPE_DESC;
    size_t limit = in->has_max_results ? (size_t)in->max_results : LISTED_MAX;
    struct listed *listed;
    struct str after;
    size_t count;

    if (!check_filters(&in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, SECRETSMANAGER_ERROR_INVALID_NEXT_TOKEN_EXCEPTION, &after, call->fail))
        return false;
    listed = collect(call, in, &count);
    out->secret_list.items = arena_array(call->arena, struct secretsmanager_secret_list_entry, limit);
    for (size_t i = 0; i < count; i++) {
        struct secretsmanager_secret_list_entry *entry = &out->secret_list.items[out->secret_list.count];

        if (after.ptr != NULL && (str_compare(listed[i].order, after) > 0) == down)
            continue;
        if (after.ptr != NULL && str_eq(listed[i].order, after))
            continue;
        if (out->secret_list.count == limit) {
            out->next_token = page_token(call->arena, listed[i - 1].order);
            break;
        }
        *entry = *listed[i].secret->secret;
        entry->secret_versions_to_stages = secret_stages(call->tx, listed[i].secret, call->arena);
        out->secret_list.count++;
    }
    return true;
}

/* ---- BatchGetSecretValue ---- */

/* One secret of the batch: its value, or why not. */
static void add_one(struct call *call, struct str secret_id, struct secretsmanager_batch_get_secret_value_response *out)
{
    const struct secretsmanager_get_secret_value_request request = {.secret_id = secret_id};
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record *secret = secret_named(call->tx, &place, secret_id);
    struct secretsmanager_get_secret_value_response value = {.arn = {NULL, 0}};
    struct fail why;
    struct call one = *call;

    one.fail = &why;
    if ((secret == NULL || iam_allows(&one, &secrets_access, "secretsmanager:GetSecretValue", secret->secret->arn)) &&
        secretsmanager_get_secret_value(&one, &request, &value)) {
        out->secret_values.items[out->secret_values.count++] = (struct secretsmanager_secret_value_entry){
            .arn = value.arn,
            .name = value.name,
            .version_id = value.version_id,
            .secret_binary = value.secret_binary,
            .secret_string = value.secret_string,
            .version_stages = value.version_stages,
            .created_date = value.created_date,
            .has_created_date = true,
        };
        return;
    }
    out->errors.items[out->errors.count++] = (struct secretsmanager_api_error_type){
        .secret_id = secret_id,
        .error_code = str_of(why.type),
        .message = arena_str(call->arena, str_of(why.message)),
    };
}

static bool add_filtered(struct call *call, const struct secretsmanager_batch_get_secret_value_request *in,
                         struct secretsmanager_batch_get_secret_value_response *out)
{
    const struct secretsmanager_list_secrets_request list = {.filters = in->filters,
                                                             .max_results =
                                                                 in->has_max_results ? in->max_results : BATCH_MAX,
                                                             .has_max_results = true,
                                                             .next_token = in->next_token};
    struct secretsmanager_list_secrets_response listed = {.next_token = {NULL, 0}};

    if (!secretsmanager_list_secrets(call, &list, &listed))
        return false;
    for (size_t i = 0; i < listed.secret_list.count; i++)
        add_one(call, listed.secret_list.items[i].arn, out);
    out->next_token = listed.next_token;
    return true;
}

bool secretsmanager_batch_get_secret_value(struct call *call,
                                           const struct secretsmanager_batch_get_secret_value_request *in,
                                           struct secretsmanager_batch_get_secret_value_response *out)
{
    if ((in->secret_id_list.count > 0) == (in->filters.count > 0))
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Either 'SecretIdList' or 'Filters' must be provided, but not both.");
    if (in->secret_id_list.count > 0 && in->has_max_results)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.");
    out->secret_values.items = arena_array(call->arena, struct secretsmanager_secret_value_entry, BATCH_MAX);
    out->errors.items = arena_array(call->arena, struct secretsmanager_api_error_type, BATCH_MAX);
    if (in->filters.count > 0)
        return add_filtered(call, in, out);
    for (size_t i = 0; i < in->secret_id_list.count; i++)
        add_one(call, in->secret_id_list.items[i], out);
    return true;
}
