/* Machines that registered with an activation: their identities, their credentials, and the list of them. */
#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/role.h"
#include "plane/ssm/activation.h"
#include "plane/ssm/operations.h"

enum { DESCRIBED_MAX = 50 };

static void managed_instance_key(const void *record, struct buf *key)
{
    const struct managed_instance_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->information->instance_id);
}

static void fingerprint_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct managed_instance_record *)record)->fingerprint);
}

const struct table_spec managed_instance_table = {.name = "managed_instance",
                                                  .shape = &managed_instance_record_shape,
                                                  .key = managed_instance_key,
                                                  .indexes = {{"fingerprint", fingerprint_key}}};

static const struct managed_instance_record *of_fingerprint(const struct call *call, struct str fingerprint)
{
    struct walk walk =
        transaction_walk(call->tx, &managed_instance_table, "fingerprint", KEY_PREFIX(call->arena, fingerprint));

    return walk_next(&walk);
}

static bool find(const struct call *call, struct str id, const struct managed_instance_record **ret_record)
{
    *ret_record = transaction_get(call->tx, &managed_instance_table,
                                  KEY(call->arena, call->principal->account, call->region, id));
    return *ret_record != NULL ||
           fail_api(call->fail, SSM_ERROR_INVALID_INSTANCE_ID,
                    "Instance %.*s is not a managed instance of this account and region.", STR_ARG(id));
}

/* ---- RegisterManagedInstance ---- */

/* Whoever has id and code may, without any other identity. */
static bool check_activation(const struct call *call, const struct ssm_register_managed_instance_request *in,
                             const struct activation_record **ret_record)
{
    const struct activation_record *record = transaction_get(call->tx, &activation_table, in->activation_id);

    if (record == NULL || !str_eq(record->code, in->activation_code))
        return fail_api(call->fail, SSM_ERROR_INVALID_ACTIVATION, "The activation ID or code is not valid.");
    if (call->tx->now_ms >= record->activation->expiration_date)
        return fail_api(call->fail, SSM_ERROR_INVALID_ACTIVATION, "The activation has expired.");
    if (record->activation->registrations_count >= record->activation->registration_limit)
        return fail_api(call->fail, SSM_ERROR_INVALID_ACTIVATION,
                        "The registration limit of the activation, %d, has been reached.",
                        record->activation->registration_limit);
    *ret_record = record;
    return true;
}

static void count_registration(struct call *call, const struct activation_record *before)
{
    struct activation_record record = *before;
    struct ssm_activation activation = *before->activation;

    SET(&activation, registrations_count, activation.registrations_count + 1);
    record.activation = &activation;
    must(transaction_put(call->tx, &activation_table, &record));
}

bool ssm_register_managed_instance(struct call *call, const struct ssm_register_managed_instance_request *in,
                                   struct ssm_register_managed_instance_result *out)
{
    const struct activation_record *activation;
    struct ssm_instance_information information = {
        .platform_type = SSM_PLATFORM_TYPE_LINUX,
        .resource_type = SSM_RESOURCE_TYPE_MANAGED_INSTANCE,
        .ip_address = call->source_ip,
    };
    struct managed_instance_record record = {.information = &information, .fingerprint = in->fingerprint};

    if (!check_activation(call, in, &activation))
        return false;
    if (of_fingerprint(call, in->fingerprint) != NULL)
        return fail_api(call->fail, SSM_ERROR_INVALID_ACTIVATION, "A machine of this fingerprint is registered.");
    record.account_id = activation->account_id;
    record.region = activation->region;
    information.instance_id =
        arena_printf(call->arena, "mi-%.*s", STR_ARG(random_hex(call->tx->random, call->arena, 17)));
    information.activation_id = activation->activation->activation_id;
    information.iam_role = activation->activation->iam_role;
    information.name = activation->activation->default_instance_name;
    SET(&information, registration_date, call->tx->now_ms);
    must(transaction_put(call->tx, &managed_instance_table, &record));
    count_registration(call, activation);
    out->instance_id = information.instance_id;
    return true;
}

/* ---- RequestManagedInstanceRoleToken ---- */

/* Its session; a new one when the half of it is over. */
static const struct access_key_record *session_of(const struct call *call, struct managed_instance_record *record)
{
    const struct access_key_record *key = record->session_key_id.ptr == NULL
                                              ? NULL
                                              : transaction_get(call->tx, &access_key_table, record->session_key_id);
    struct str name = record->information->iam_role;
    size_t slash = str_find_last(name, '/');
    const struct role_record *role;

    if (key != NULL && call->tx->now_ms < key->expires_at - MANAGED_SESSION_MS / 2)
        return key;
    role = role_by_name(call->tx, record->account_id, slash == name.len ? name : str_from(name, slash + 1));
    if (role == NULL)
        return NULL;
    record->session_key_id = iam_session_begin(call->tx, record->account_id, role->role->arn,
                                               record->information->instance_id, MANAGED_SESSION_MS / SECOND_MS);
    return transaction_get(call->tx, &access_key_table, record->session_key_id);
}

bool ssm_request_managed_instance_role_token(struct call *call,
                                             const struct ssm_request_managed_instance_role_token_request *in,
                                             struct ssm_request_managed_instance_role_token_result *out)
{
    const struct managed_instance_record *before = of_fingerprint(call, in->fingerprint);
    struct ssm_instance_information information;
    struct managed_instance_record record;
    const struct access_key_record *key;

    if (before == NULL)
        return fail_api(call->fail, SSM_ERROR_MACHINE_FINGERPRINT_DOES_NOT_MATCH, "Fingerprint does not match");
    record = *before;
    information = *before->information;
    record.information = &information;
    key = session_of(call, &record);
    if (key == NULL)
        return fail_api(call->fail, "AccessDeniedException", "The role %.*s of the activation does not exist.",
                        STR_ARG(information.iam_role));
    information.ip_address = call->source_ip;
    SET(&information, last_ping_date_time, call->tx->now_ms);
    must(transaction_put(call->tx, &managed_instance_table, &record));
    out->access_key_id = key->access_key_id;
    out->secret_access_key = key->secret;
    out->session_token = key->session_token;
    SET(out, update_key_pair, false);
    SET(out, token_expiration_date, key->expires_at);
    return true;
}

/* ---- DeregisterManagedInstance, UpdateManagedInstanceRole ---- */

bool ssm_deregister_managed_instance(struct call *call, const struct ssm_deregister_managed_instance_request *in,
                                     struct ssm_deregister_managed_instance_result *out)
{
    const struct managed_instance_record *record;

    (void)out;
    if (!find(call, in->instance_id, &record))
        return false;
    if (record->session_key_id.ptr != NULL)
        iam_session_end(call->tx, record->session_key_id);
    transaction_delete(call->tx, &managed_instance_table,
                       KEY(call->arena, record->account_id, record->region, in->instance_id));
    return true;
}

bool ssm_update_managed_instance_role(struct call *call, const struct ssm_update_managed_instance_role_request *in,
                                      struct ssm_update_managed_instance_role_result *out)
{
    const struct managed_instance_record *before;
    struct ssm_instance_information information;
    struct managed_instance_record record;
    struct str role;

    (void)out;
    if (!find(call, in->instance_id, &before) || !activation_role_find(call, in->iam_role, &role))
        return false;
    record = *before;
    information = *before->information;
    information.iam_role = in->iam_role;
    record.information = &information;
    if (record.session_key_id.ptr != NULL)
        iam_session_end(call->tx, record.session_key_id);
    record.session_key_id = (struct str){NULL, 0};
    must(transaction_put(call->tx, &managed_instance_table, &record));
    return true;
}

/* ---- DescribeInstanceInformation ---- */

/* It is there as long as it has credentials: it asks for the next ones while they are good. */
static enum ssm_ping_status ping_status(const struct call *call, const struct ssm_instance_information *information)
{
    return information->has_last_ping_date_time &&
                   call->tx->now_ms < information->last_ping_date_time + MANAGED_SESSION_MS
               ? SSM_PING_STATUS_ONLINE
               : SSM_PING_STATUS_CONNECTION_LOST;
}

/* Keys that no machine has a value for (AssociationStatus, tags) match none. */
static struct str filtered(const struct ssm_instance_information *information, struct str key)
{
    if (str_is(key, "InstanceIds"))
        return information->instance_id;
    if (str_is(key, "ActivationIds"))
        return information->activation_id;
    if (str_is(key, "IamRole"))
        return information->iam_role;
    if (str_is(key, "PingStatus"))
        return str_of(enum_name(&ssm_ping_status_shape, (int)information->ping_status));
    if (str_is(key, "PlatformTypes"))
        return str_of(enum_name(&ssm_platform_type_shape, (int)information->platform_type));
    if (str_is(key, "ResourceType"))
        return str_of(enum_name(&ssm_resource_type_shape, (int)information->resource_type));
    return (struct str){NULL, 0};
}

static bool check_filters(const struct call *call, const struct ssm_describe_instance_information_request *in)
{
    if (in->filters.count > 0 && in->instance_information_filter_list.count > 0)
        return fail_api(call->fail, "ValidationException",
                        "You can use either Filters or InstanceInformationFilterList in a single request.");
    for (size_t i = 0; i < in->filters.count; i++) {
        struct str key = in->filters.items[i].key;

        if (enum_value(&ssm_instance_information_filter_key_shape, key) == 0 && !str_starts(key, STR("tag:")) &&
            !str_is(key, "tag-key") && !str_is(key, "SourceIds") && !str_is(key, "SourceTypes"))
            return fail_api(call->fail, SSM_ERROR_INVALID_FILTER_KEY, "The filter key '%.*s' is not valid.",
                            STR_ARG(key));
    }
    return true;
}

static bool passes(const struct ssm_instance_information *information,
                   const struct ssm_describe_instance_information_request *in)
{
    for (size_t i = 0; i < in->filters.count; i++)
        if (!str_is_among(filtered(information, in->filters.items[i].key), in->filters.items[i].values.items,
                          in->filters.items[i].values.count))
            return false;
    for (size_t i = 0; i < in->instance_information_filter_list.count; i++) {
        const struct ssm_instance_information_filter *filter = &in->instance_information_filter_list.items[i];
        struct str key = str_of(enum_name(&ssm_instance_information_filter_key_shape, (int)filter->key));

        if (!str_is_among(filtered(information, key), filter->value_set.items, filter->value_set.count))
            return false;
    }
    return true;
}

bool ssm_describe_instance_information(struct call *call, const struct ssm_describe_instance_information_request *in,
                                       struct ssm_describe_instance_information_result *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : DESCRIBED_MAX;
    struct walk walk = transaction_walk(call->tx, &managed_instance_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct managed_instance_record *record;
    struct str after;

    if (!check_filters(call, in) ||
        !page_begin(call->arena, in->next_token, SSM_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    if (after.ptr != NULL)
        walk.at = after;
    out->instance_information_list.items = arena_array(call->arena, struct ssm_instance_information, limit + 1);
    while ((record = walk_next(&walk)) != NULL) {
        struct ssm_instance_information *shown =
            &out->instance_information_list.items[out->instance_information_list.count];
        struct ssm_instance_information information = *record->information;

        information.ping_status = ping_status(call, &information);
        if (!passes(&information, in))
            continue;
        if (out->instance_information_list.count == limit) {
            out->next_token = page_token(call->arena, after);
            break;
        }
        *shown = information;
        out->instance_information_list.count++;
        after = walk.at;
    }
    return true;
}
