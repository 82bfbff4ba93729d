#include "plane/ec2/instance.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance_type.h"
#include "plane/iam/iam.h"
#include "plane/iam/role.h"

/* ---- the record ---- */

static void instance_key(const void *record, struct buf *key)
{
    const struct instance_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->instance->instance_id);
}

static void host_key(const void *record, struct buf *key)
{
    if (instance_is_told(record))
        key_add(key, ((const struct instance_record *)record)->host_id);
}

static void token_key(const void *record, struct buf *key)
{
    const struct instance_record *of = record;

    if (of->instance->client_token.len == 0)
        return;
    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->instance->client_token);
}

static void waiting_key(const void *record, struct buf *key)
{
    const struct instance_record *of = record;

    if (instance_state(of) == EC2_INSTANCE_STATE_NAME_PENDING && of->host_id.ptr == NULL)
        key_add(key, of->account_id);
}

static int status(const void *record)
{
    return (int)instance_state(record);
}

#define RULE(actor, from, to)                                                                                          \
    {                                                                                                                  \
        actor, EC2_INSTANCE_STATE_NAME_##from, EC2_INSTANCE_STATE_NAME_##to                                            \
    }
static const struct status_rule rules[] = {
    RULE("api", RUNNING, STOPPING),        RULE("api", STOPPED, PENDING),
    RULE("api", PENDING, SHUTTING_DOWN),   RULE("api", RUNNING, SHUTTING_DOWN),
    RULE("api", STOPPING, SHUTTING_DOWN),  RULE("api", STOPPED, SHUTTING_DOWN),
    RULE("host", PENDING, RUNNING),        RULE("host", PENDING, SHUTTING_DOWN),
    RULE("host", RUNNING, STOPPING),       RULE("host", RUNNING, SHUTTING_DOWN),
    RULE("host", STOPPING, STOPPED),       RULE("host", SHUTTING_DOWN, TERMINATED),
    RULE("instance", PENDING, TERMINATED), RULE("instance", SHUTTING_DOWN, TERMINATED),
};

const struct table_spec instance_table = {
    .name = "instance",
    .shape = &instance_record_shape,
    .key = instance_key,
    .indexes = {{"host", host_key}, {"token", token_key}, {"waiting", waiting_key}},
    .status = status,
    .status_rules = rules,
    .status_rule_count = COUNT_OF(rules),
};

enum ec2_instance_state_name instance_state(const struct instance_record *record)
{
    return record->instance->state->name;
}

bool instance_is_told(const struct instance_record *record)
{
    return record->host_id.ptr != NULL && instance_state(record) != EC2_INSTANCE_STATE_NAME_TERMINATED;
}

enum host_instance_desired_state instance_desired(const struct instance_record *record)
{
    static const enum host_instance_desired_state desired[] = {
        [EC2_INSTANCE_STATE_NAME_PENDING] = HOST_INSTANCE_DESIRED_STATE_RUNNING,
        [EC2_INSTANCE_STATE_NAME_RUNNING] = HOST_INSTANCE_DESIRED_STATE_RUNNING,
        [EC2_INSTANCE_STATE_NAME_STOPPING] = HOST_INSTANCE_DESIRED_STATE_STOPPED,
        [EC2_INSTANCE_STATE_NAME_STOPPED] = HOST_INSTANCE_DESIRED_STATE_STOPPED,
        [EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN] = HOST_INSTANCE_DESIRED_STATE_TERMINATED,
        [EC2_INSTANCE_STATE_NAME_TERMINATED] = HOST_INSTANCE_DESIRED_STATE_TERMINATED,
    };

    return desired[instance_state(record)];
}

bool instance_is_news(const struct instance_record *before, const struct instance_record *after)
{
    if (before == NULL || after == NULL)
        return true;
    return !str_eq(before->host_id, after->host_id) || instance_is_told(before) != instance_is_told(after) ||
           instance_desired(before) != instance_desired(after) || before->launch_number != after->launch_number ||
           !str_eq(before->session_key_id, after->session_key_id) ||
           !value_equal(&ec2_tag_list_shape, &before->instance->tags, &after->instance->tags) ||
           !value_equal(&ec2_instance_metadata_options_response_shape, before->instance->metadata_options,
                        after->instance->metadata_options);
}

/* API reference, "InstanceState": the low byte of the code. */
struct ec2_instance_state *instance_state_shown(struct arena *arena, enum ec2_instance_state_name name)
{
    static const int32_t codes[] = {
        [EC2_INSTANCE_STATE_NAME_PENDING] = 0,        [EC2_INSTANCE_STATE_NAME_RUNNING] = 16,
        [EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN] = 32, [EC2_INSTANCE_STATE_NAME_TERMINATED] = 48,
        [EC2_INSTANCE_STATE_NAME_STOPPING] = 64,      [EC2_INSTANCE_STATE_NAME_STOPPED] = 80,
    };
    struct ec2_instance_state *state = arena_new(arena, struct ec2_instance_state);

    state->name = name;
    SET(state, code, codes[name]);
    return state;
}

/* ---- changing it ---- */

struct instance_edit *instance_edit_begin(struct transaction *tx, const struct instance_record *record)
{
    struct instance_edit *edit = arena_new(tx->arena, struct instance_edit);

    edit->record = *record;
    edit->instance = *record->instance;
    edit->record.instance = &edit->instance;
    return edit;
}

void instance_edit_state(struct transaction *tx, struct instance_edit *edit, enum ec2_instance_state_name name,
                         const char *reason_code, const char *reason)
{
    edit->instance.state = instance_state_shown(tx->arena, name);
    SET(&edit->record, state_since, tx->now_ms);
    edit->instance.state_reason = NULL;
    edit->instance.state_transition_reason = STR("");
    if (reason_code == NULL)
        return;
    edit->instance.state_reason = arena_new(tx->arena, struct ec2_state_reason);
    edit->instance.state_reason->code = str_of(reason_code);
    edit->instance.state_reason->message = arena_printf(tx->arena, "%s: %s", reason_code, reason);
    edit->instance.state_transition_reason = str_of(reason);
}

bool instance_edit_put(struct transaction *tx, struct instance_edit *edit)
{
    return transaction_put(tx, &instance_table, &edit->record);
}

void instance_rest(struct transaction *tx, struct instance_edit *edit)
{
    if (!edit->record.promised)
        return;
    host_release(tx, edit->record.host_id, instance_cpu_units(&edit->record), instance_memory_mib(&edit->record));
    SET(&edit->record, promised, false);
}

/* An interface that the user made himself stays his. */
static void let_go(struct transaction *tx, const struct instance_record *record)
{
    if (record->keeps_interface)
        network_interface_detach(tx, record->account_id, record->region, record->network_interface_id);
    else
        network_interface_delete(tx, record->account_id, record->region, record->network_interface_id);
}

void instance_finish(struct transaction *tx, struct instance_edit *edit)
{
    edit->instance.state = instance_state_shown(tx->arena, EC2_INSTANCE_STATE_NAME_TERMINATED);
    SET(&edit->record, state_since, tx->now_ms);
    instance_rest(tx, edit);
    must(instance_edit_put(tx, edit));
    let_go(tx, &edit->record);
    if (edit->record.session_key_id.ptr != NULL)
        iam_session_end(tx, edit->record.session_key_id);
}

/* ---- what follows from it ---- */

int32_t instance_cpu_units(const struct instance_record *record)
{
    const struct instance_type *type = instance_type_of(record->instance->instance_type);

    must(type != NULL); /* types are never taken from the table */
    return type->vcpus * 1024;
}

int32_t instance_memory_mib(const struct instance_record *record)
{
    const struct instance_type *type = instance_type_of(record->instance->instance_type);

    must(type != NULL);
    return type->memory_mib;
}

const struct network_interface_record *instance_interface(const struct transaction *tx,
                                                          const struct instance_record *record)
{
    return transaction_get(tx, &network_interface_table,
                           KEY(tx->arena, record->account_id, record->region, record->network_interface_id));
}

struct walk instance_interfaces(const struct transaction *tx, const struct instance_record *record)
{
    return transaction_walk(tx, &network_interface_table, "instance",
                            KEY_PREFIX(tx->arena, record->account_id, record->region, record->instance->instance_id));
}

/* ---- as a resource of the API ---- */

static const void *instance_noun(const void *record)
{
    return ((const struct instance_record *)record)->instance;
}

static const struct ec2_tag_list *instance_tags(const void *record)
{
    return &((const struct instance_record *)record)->instance->tags;
}

static void instance_put_tags(struct call *call, const void *record, struct ec2_tag_list tags)
{
    struct instance_edit *edit = instance_edit_begin(call->tx, record);

    edit->instance.tags = tags;
    must(instance_edit_put(call->tx, edit));
}

const struct resource_kind instance_kind = {
    .type = EC2_RESOURCE_TYPE_INSTANCE,
    .prefix = "i-",
    .table = &instance_table,
    .missing_code = "InvalidInstanceID.NotFound",
    .missing_text = "The instance ID",
    .malformed_code = "InvalidInstanceID.Malformed",
    .noun = instance_noun,
    .tags = instance_tags,
    .put_tags = instance_put_tags,
};

bool instance_find(const struct call *call, struct str id, const struct instance_record **ret_instance)
{
    const void *record;

    if (!resource_find(call, &instance_kind, id, &record))
        return false;
    *ret_instance = record;
    return true;
}

/* ---- its role ---- */

/* A session lasts six hours unless the installation has it otherwise, as those of tasks. The next is made when a sixth
 * of that is left: SDKs ask again in the last fifteen minutes. */
#define SESSION_MS (6 * HOUR_MS)
enum { ROTATE_AHEAD = 6 };

static int64_t session_ms(const struct transaction *tx)
{
    int64_t chosen = transaction_settings(tx)->task_session_ms;

    return chosen == 0 ? SESSION_MS : chosen;
}

/* "arn:aws:iam::123456789012:instance-profile/path/name" */
static const struct role_record *role_of(const struct transaction *tx, const struct instance_record *record)
{
    struct str arn = record->instance->iam_instance_profile->arn;
    const struct instance_profile_record *profile =
        instance_profile_by_name(tx, record->account_id, str_from(arn, str_find_last(arn, '/') + 1));

    return profile == NULL || profile->role_id.ptr == NULL ? NULL : transaction_get(tx, &role_table, profile->role_id);
}

int64_t instance_session_renew(struct transaction *tx, struct instance_edit *edit)
{
    const struct access_key_record *key = edit->record.session_key_id.ptr == NULL
                                              ? NULL
                                              : transaction_get(tx, &access_key_table, edit->record.session_key_id);
    int64_t ahead_ms = session_ms(tx) / ROTATE_AHEAD;
    const struct role_record *role;

    if (edit->instance.iam_instance_profile == NULL)
        return WHEN_NEVER;
    if (key != NULL && tx->now_ms < key->expires_at - ahead_ms)
        return key->expires_at - ahead_ms;
    role = role_of(tx, &edit->record);
    edit->record.session_key_id = (struct str){NULL, 0};
    if (role == NULL)
        return tx->now_ms + ahead_ms;
    edit->record.session_key_id = iam_session_begin(tx, edit->record.account_id, role->role->arn,
                                                    edit->instance.instance_id, session_ms(tx) / SECOND_MS);
    return tx->now_ms + session_ms(tx) - ahead_ms; /* the one before ends by itself */
}
