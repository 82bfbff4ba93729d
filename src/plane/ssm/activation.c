#include "plane/ssm/activation.h"

#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/authorize.h"
#include "plane/iam/role.h"
#include "plane/ssm/operations.h"

/* API reference, "CreateActivation", "DescribeActivations". */
enum { LIMIT_DEFAULT = 1, DESCRIBED_MAX = 50, CODE_LEN = 20 };
#define EXPIRES_DEFAULT_MS DAY_MS
#define EXPIRES_MS_MAX     (30 * DAY_MS)

static void activation_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct activation_record *)record)->activation->activation_id);
}

static void account_key(const void *record, struct buf *key)
{
    const struct activation_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
}

const struct table_spec activation_table = {.name = "activation",
                                            .shape = &activation_record_shape,
                                            .key = activation_key,
                                            .indexes = {{"account", account_key}}};

const struct activation_record *activation_find(const struct call *call, struct str id)
{
    const struct activation_record *record = transaction_get(call->tx, &activation_table, id);

    return record != NULL && str_eq(record->account_id, call->principal->account) &&
                   str_eq(record->region, call->region)
               ? record
               : NULL;
}

bool activation_role_find(const struct call *call, struct str name, struct str *ret_arn)
{
    struct str account = call->principal->account;
    size_t slash = str_find_last(name, '/');
    struct str source = arena_printf(call->arena, "arn:aws:ssm:%.*s:%.*s:*", STR_ARG(call->region), STR_ARG(account));
    const struct role_record *role =
        role_by_name(call->tx, account, slash == name.len ? name : str_from(name, slash + 1));

    if (role != NULL && iam_role_trusts(call, role->role->arn, "ssm.amazonaws.com", source)) {
        *ret_arn = role->role->arn;
        return true;
    }
    return fail_api(call->fail, "ValidationException",
                    "Nonexistent role or missing ssm service principal in trust policy: arn:aws:iam::%.*s:role/%.*s",
                    STR_ARG(account), STR_ARG(name));
}

/* ---- CreateActivation ---- */

static bool check_expiration(const struct call *call, const struct ssm_create_activation_request *in)
{
    if (!in->has_expiration_date)
        return true;
    if (in->expiration_date <= call->tx->now_ms)
        return fail_api(call->fail, "ValidationException", "The expiration date has to be in the future.");
    return in->expiration_date <= call->tx->now_ms + EXPIRES_MS_MAX ||
           fail_api(call->fail, "ValidationException", "The expiration date has to be within 30 days.");
}

bool ssm_create_activation(struct call *call, const struct ssm_create_activation_request *in,
                           struct ssm_create_activation_result *out)
{
    struct ssm_activation activation = {
        .activation_id = random_uuid(call->tx->random, call->arena),
        .description = in->description,
        .default_instance_name = in->default_instance_name,
        .iam_role = in->iam_role,
        .tags = in->tags,
    };
    struct activation_record record = {.account_id = call->principal->account,
                                       .region = call->region,
                                       .activation = &activation,
                                       .code = iam_secret_new(call->tx, CODE_LEN)};
    struct str role;

    if (!check_expiration(call, in) || !parameter_tags_check(&in->tags, call->fail) ||
        !activation_role_find(call, in->iam_role, &role))
        return false;
    SET(&activation, registration_limit, in->has_registration_limit ? in->registration_limit : LIMIT_DEFAULT);
    SET(&activation, registrations_count, 0);
    SET(&activation, created_date, call->tx->now_ms);
    SET(&activation, expiration_date,
        in->has_expiration_date ? in->expiration_date : call->tx->now_ms + EXPIRES_DEFAULT_MS);
    must(transaction_put(call->tx, &activation_table, &record));
    out->activation_id = activation.activation_id;
    out->activation_code = record.code;
    return true;
}

/* ---- DeleteActivation ---- */

/* The machines that registered with it stay. */
bool ssm_delete_activation(struct call *call, const struct ssm_delete_activation_request *in,
                           struct ssm_delete_activation_result *out)
{
    (void)out;
    if (activation_find(call, in->activation_id) == NULL)
        return fail_api(call->fail, SSM_ERROR_INVALID_ACTIVATION_ID, "The activation ID is not valid: %.*s",
                        STR_ARG(in->activation_id));
    transaction_delete(call->tx, &activation_table, in->activation_id);
    return true;
}

/* ---- DescribeActivations ---- */

static struct str filtered(const struct ssm_activation *activation, enum ssm_describe_activations_filter_keys key)
{
    switch (key) {
    case SSM_DESCRIBE_ACTIVATIONS_FILTER_KEYS_ACTIVATION_IDS:
        return activation->activation_id;
    case SSM_DESCRIBE_ACTIVATIONS_FILTER_KEYS_DEFAULT_INSTANCE_NAME:
        return activation->default_instance_name;
    case SSM_DESCRIBE_ACTIVATIONS_FILTER_KEYS_IAM_ROLE:
        return activation->iam_role;
    case SSM_DESCRIBE_ACTIVATIONS_FILTER_KEYS_NONE:
        break;
    }
    return (struct str){NULL, 0};
}

static bool passes(const struct ssm_activation *activation, const struct ssm_describe_activations_filter_list *filters)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct ssm_describe_activations_filter *filter = &filters->items[i];

        if (!str_is_among(filtered(activation, filter->filter_key), filter->filter_values.items,
                          filter->filter_values.count))
            return false;
    }
    return true;
}

bool ssm_describe_activations(struct call *call, const struct ssm_describe_activations_request *in,
                              struct ssm_describe_activations_result *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : DESCRIBED_MAX;
    struct walk walk = transaction_walk(call->tx, &activation_table, "account",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct activation_record *record;
    struct str after;

    if (!page_begin(call->arena, in->next_token, SSM_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    if (after.ptr != NULL)
        walk.at = after;
    out->activation_list.items = arena_array(call->arena, struct ssm_activation, limit + 1);
    while ((record = walk_next(&walk)) != NULL) {
        struct ssm_activation *shown = &out->activation_list.items[out->activation_list.count];

        if (!passes(record->activation, &in->filters))
            continue;
        if (out->activation_list.count == limit) {
            out->next_token = page_token(call->arena, after);
            break;
        }
        *shown = *record->activation;
        SET(shown, expired, call->tx->now_ms >= shown->expiration_date);
        if (shown->registrations_count == 0)
            shown->has_registrations_count = false; /* as AWS: it is shown from the first on */
        out->activation_list.count++;
        after = walk.at;
    }
    return true;
}
