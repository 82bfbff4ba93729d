/* Log groups: making, deleting, listing, and what is set on them. Texts of errors as the service gives them. */
#include "base/must.h"
#include "plane/logs/operations.h"
#include "plane/logs/tags.h"

enum {
    DESCRIBE_LIMIT_DEFAULT = 50,
    LIST_LIMIT_DEFAULT = 50,
    LOG_GROUPS_MAX = 1000000, /* "CloudWatch Logs quotas", user guide: log groups */
};

/* ---- making and deleting ---- */

static bool check_creation(struct call *call, const struct logs_create_log_group_request *in)
{
    if (str_starts(in->log_group_name, STR("aws/")))
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Log groups starting with AWS/ are reserved for AWS.");
    if (in->kms_key_id.ptr != NULL)
        return logs_unsupported("kmsKeyId", "events are not encrypted with keys of KMS", call->fail);
    if (in->log_group_class > LOGS_LOG_GROUP_CLASS_STANDARD)
        return logs_unsupported("logGroupClass", "every log group is of class STANDARD", call->fail);
    if (transaction_count(call->tx, &log_group_table) >= LOG_GROUPS_MAX)
        return fail_api(call->fail, LOGS_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded.");
    return log_tags_check(&in->tags, call->fail);
}

bool logs_create_log_group(struct call *call, const struct logs_create_log_group_request *in, void *out)
{
    struct logs_log_group group = {.log_group_name = in->log_group_name,
                                   .log_group_class = LOGS_LOG_GROUP_CLASS_STANDARD};
    struct log_group_record record = {.account_id = call->principal->account,
                                      .region = call->region,
                                      .log_group = &group,
                                      .tags = in->tags,
                                      .store_id = random_hex(call->tx->random, call->arena, 16)};

    (void)out;
    if (transaction_get(call->tx, &log_group_table,
                        KEY(call->arena, record.account_id, record.region, in->log_group_name)) != NULL)
        return fail_api(call->fail, LOGS_ERROR_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                        "The specified log group already exists");
    if (!check_creation(call, in))
        return false;
    group.log_group_arn = log_group_arn(call, in->log_group_name);
    group.arn = arena_printf(call->arena, "%.*s:*", STR_ARG(group.log_group_arn));
    SET(&group, creation_time, call->tx->now_ms);
    SET(&group, metric_filter_count, 0);
    SET(&group, deletion_protection_enabled, in->deletion_protection_enabled);
    must(transaction_put(call->tx, &log_group_table, &record));
    return true;
}

bool logs_delete_log_group(struct call *call, const struct logs_delete_log_group_request *in, void *out)
{
    const struct log_group_record *group;
    struct log_group_key *key = arena_new(call->arena, struct log_group_key);
    struct walk walk;

    (void)out;
    if (!log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail))
        return false;
    if (group->log_group->deletion_protection_enabled)
        return fail_api(call->fail, LOGS_ERROR_VALIDATION_EXCEPTION,
                        "Cannot delete log group with deletion protection enabled. Disable deletion protection first.");
    *key = log_group_store_key(call->arena, group);
    call->carry = key;
    walk = transaction_walk(call->tx, &log_stream_table, NULL,
                            KEY_PREFIX(call->arena, group->account_id, group->region, in->log_group_name));
    while (walk_next(&walk) != NULL)
        transaction_delete(call->tx, &log_stream_table, walk.at);
    transaction_delete(call->tx, &log_group_table,
                       KEY(call->arena, group->account_id, group->region, in->log_group_name));
    return true;
}

bool delete_log_group_finish(const struct call *call, const struct ports *ports,
                             const struct logs_delete_log_group_request *in, void *out)
{
    (void)in;
    (void)out;
    return ports->logs->delete_group(ports->logs->context, call->carry, call->fail);
}

/* ---- DescribeLogGroups ---- */

/* Which groups a list asks for. */
struct group_choice {
    struct str prefix;                                 /* of the name */
    bool (*fits)(struct str pattern, struct str name); /* NULL: every name does */
    struct str pattern;
    enum logs_log_group_class class;
    struct str after; /* key behind which the page begins */
    size_t limit;
};

static bool only_own_account(const struct call *call, const struct logs_account_ids *accounts, struct fail *f)
{
    for (size_t i = 0; i < accounts->count; i++)
        if (!str_eq(accounts->items[i], call->principal->account))
            return logs_unsupported("accountIdentifiers", "accounts cannot be linked", f);
    return true;
}

static bool contains(struct str pattern, struct str name)
{
    return pattern.len == 0 || str_search(name, pattern) < name.len;
}

static bool is_chosen(const struct group_choice *choice, const struct log_group_record *group)
{
    return (choice->fits == NULL || choice->fits(choice->pattern, group->log_group->log_group_name)) &&
           (choice->class == LOGS_LOG_GROUP_CLASS_NONE || choice->class == group->log_group->log_group_class);
}

/* The next group that is chosen; NULL at the end. */
static const struct log_group_record *next_chosen(struct walk *walk, const struct group_choice *choice)
{
    const struct log_group_record *group;

    while ((group = walk_next(walk)) != NULL)
        if (is_chosen(choice, group))
            return group;
    return NULL;
}

static struct walk begin_walk(const struct call *call, const struct group_choice *choice)
{
    struct str all = KEY_PREFIX(call->arena, call->principal->account, call->region);
    struct walk walk = transaction_walk(call->tx, &log_group_table, NULL,
                                        arena_printf(call->arena, "%.*s%.*s", STR_ARG(all), STR_ARG(choice->prefix)));

    if (choice->after.ptr != NULL)
        walk.at = choice->after;
    return walk;
}

/* The answer stands in the arena: the finish half completes it when the records may have changed. */
static void describe_one(struct call *call, const struct log_group_record *group, struct logs_log_groups *groups)
{
    struct log_group_key *keys = call->carry;

    keys[groups->count] = log_group_store_key(call->arena, group);
    value_copy(&logs_log_group_shape, &groups->items[groups->count++], group->log_group, call->arena);
}

static bool describe_identified(struct call *call, const struct logs_describe_log_groups_request *in,
                                struct logs_describe_log_groups_response *out)
{
    if (in->log_group_name_prefix.ptr != NULL || in->log_group_name_pattern.ptr != NULL)
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "logGroupIdentifiers cannot be combined with logGroupNamePrefix or logGroupNamePattern");
    for (size_t i = 0; i < in->log_group_identifiers.count; i++) {
        struct str name = log_group_name_of(call, in->log_group_identifiers.items[i]);
        const struct log_group_record *group = NULL;

        if (name.ptr != NULL)
            group = transaction_get(call->tx, &log_group_table,
                                    KEY(call->arena, call->principal->account, call->region, name));
        if (group != NULL)
            describe_one(call, group, &out->log_groups);
    }
    return true;
}

bool logs_describe_log_groups(struct call *call, const struct logs_describe_log_groups_request *in,
                              struct logs_describe_log_groups_response *out)
{
    struct group_choice choice = {.prefix = in->log_group_name_prefix,
                                  .fits = in->log_group_name_pattern.ptr == NULL ? NULL : contains,
                                  .pattern = in->log_group_name_pattern,
                                  .class = in->log_group_class,
                                  .limit = PAGE_LIMIT(in, DESCRIBE_LIMIT_DEFAULT)};
    size_t room = choice.limit + in->log_group_identifiers.count + 1;
    const struct log_group_record *group;
    struct walk walk;

    call->carry = arena_array(call->arena, struct log_group_key, room);
    out->log_groups.items = arena_array(call->arena, struct logs_log_group, room);
    if (choice.prefix.ptr != NULL && choice.pattern.ptr != NULL)
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    if (!only_own_account(call, &in->account_identifiers, call->fail))
        return false;
    if (in->log_group_identifiers.count > 0)
        return describe_identified(call, in, out);
    if (!page_begin(call->arena, in->next_token, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, &choice.after, call->fail))
        return false;
    walk = begin_walk(call, &choice);
    while (out->log_groups.count < choice.limit && (group = next_chosen(&walk, &choice)) != NULL)
        describe_one(call, group, &out->log_groups);
    if (out->log_groups.count == choice.limit) {
        struct str last = walk.at;

        if (next_chosen(&walk, &choice) != NULL)
            out->next_token = page_token(call->arena, last);
    }
    return true;
}

bool describe_log_groups_finish(const struct call *call, const struct ports *ports,
                                const struct logs_describe_log_groups_request *in,
                                struct logs_describe_log_groups_response *out)
{
    const struct log_group_key *keys = call->carry;

    (void)in;
    for (size_t i = 0; i < out->log_groups.count; i++) {
        uint64_t bytes;

        if (!ports->logs->group_bytes(ports->logs->context, &keys[i], &bytes, call->fail))
            return false;
        SET(&out->log_groups.items[i], stored_bytes, (int64_t)bytes);
    }
    return true;
}

/* ---- ListLogGroups ---- */

/* "a|^b": names that contain a or begin with b ("ListLogGroups", API reference). */
static bool fits_terms(struct str pattern, struct str name)
{
    while (pattern.ptr != NULL) {
        struct str term = str_cut(pattern, '|', &pattern);

        if (str_starts(term, STR("^")) ? str_starts(name, str_from(term, 1)) : contains(term, name))
            return true;
    }
    return false;
}

static bool refuse_list_extras(struct call *call, const struct logs_list_log_groups_request *in)
{
    if (in->data_sources.count > 0)
        return logs_unsupported("dataSources", "log groups have no data sources", call->fail);
    if (in->field_index_names.count > 0)
        return logs_unsupported("fieldIndexNames", "fields are not indexed", call->fail);
    if (in->log_group_tags.count > 0)
        return logs_unsupported("logGroupTags", "list with logGroupNamePattern and ask for the tags of each",
                                call->fail);
    return only_own_account(call, &in->account_identifiers, call->fail);
}

bool logs_list_log_groups(struct call *call, const struct logs_list_log_groups_request *in,
                          struct logs_list_log_groups_response *out)
{
    struct group_choice choice = {.fits = in->log_group_name_pattern.ptr == NULL ? NULL : fits_terms,
                                  .pattern = in->log_group_name_pattern,
                                  .class = in->log_group_class,
                                  .limit = PAGE_LIMIT(in, LIST_LIMIT_DEFAULT)};
    const struct log_group_record *group;
    struct walk walk;

    out->log_groups.items = arena_array(call->arena, struct logs_log_group_summary, choice.limit + 1);
    if (!refuse_list_extras(call, in) ||
        !page_begin(call->arena, in->next_token, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, &choice.after, call->fail))
        return false;
    walk = begin_walk(call, &choice);
    while (out->log_groups.count < choice.limit && (group = next_chosen(&walk, &choice)) != NULL)
        out->log_groups.items[out->log_groups.count++] =
            (struct logs_log_group_summary){.log_group_name = group->log_group->log_group_name,
                                            .log_group_arn = group->log_group->log_group_arn,
                                            .log_group_class = group->log_group->log_group_class};
    if (out->log_groups.count == choice.limit) {
        struct str last = walk.at;

        if (next_chosen(&walk, &choice) != NULL)
            out->next_token = page_token(call->arena, last);
    }
    return true;
}

/* ---- settings ---- */

/* The values that PutRetentionPolicy takes (API reference). */
static const int32_t retention_days[] = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                         365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

static bool check_days(int32_t days, struct fail *f)
{
    auto_buf allowed = {.limit = 0};

    for (size_t i = 0; i < COUNT_OF(retention_days); i++) {
        if (retention_days[i] == days)
            return true;
        buf_printf(&allowed, "%s%d", i == 0 ? "" : ", ", retention_days[i]);
    }
    return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member "
                    "must satisfy enum value set: [%.*s]",
                    days, STR_ARG(buf_str(&allowed)));
}

/* Copies of a group's record and of what it points to, to be changed and put. */
struct group_change {
    struct log_group_record record;
    struct logs_log_group group;
};

static bool begin_change(const struct call *call, struct str name, struct str identifier, struct group_change *change)
{
    const struct log_group_record *found;

    if (!log_group_find(call, name, identifier, &found, call->fail))
        return false;
    change->record = *found;
    change->group = *found->log_group;
    change->record.log_group = &change->group;
    return true;
}

bool logs_put_retention_policy(struct call *call, const struct logs_put_retention_policy_request *in, void *out)
{
    struct group_change change;

    (void)out;
    if (!check_days(in->retention_in_days, call->fail) ||
        !begin_change(call, in->log_group_name, (struct str){NULL, 0}, &change))
        return false;
    SET(&change.group, retention_in_days, in->retention_in_days);
    must(transaction_put(call->tx, &log_group_table, &change.record));
    return true;
}

bool put_retention_policy_finish(const struct call *call, const struct ports *ports,
                                 const struct logs_put_retention_policy_request *in, void *out)
{
    (void)call;
    (void)in;
    (void)out;
    ports->logs->tidy(ports->logs->context);
    return true;
}

bool logs_delete_retention_policy(struct call *call, const struct logs_delete_retention_policy_request *in, void *out)
{
    struct group_change change;

    (void)out;
    if (!begin_change(call, in->log_group_name, (struct str){NULL, 0}, &change))
        return false;
    change.group.has_retention_in_days = false;
    must(transaction_put(call->tx, &log_group_table, &change.record));
    return true;
}

bool logs_put_log_group_deletion_protection(struct call *call,
                                            const struct logs_put_log_group_deletion_protection_request *in, void *out)
{
    struct group_change change;

    (void)out;
    if (!begin_change(call, (struct str){NULL, 0}, in->log_group_identifier, &change))
        return false;
    SET(&change.group, deletion_protection_enabled, in->deletion_protection_enabled);
    must(transaction_put(call->tx, &log_group_table, &change.record));
    return true;
}
