#include "plane/logs/logs.h"

#include "base/must.h"

/* ---- tables ---- */

static void group_key(const void *record, struct buf *key)
{
    const struct log_group_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->log_group->log_group_name);
}

static void stream_key(const void *record, struct buf *key)
{
    const struct log_stream_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->log_group_name);
    key_add(key, of->log_stream->log_stream_name);
}

const struct table_spec log_group_table = {.name = "log_group", .shape = &log_group_record_shape, .key = group_key};
const struct table_spec log_stream_table = {.name = "log_stream", .shape = &log_stream_record_shape, .key = stream_key};

/* ---- groups ---- */

struct str log_group_arn(const struct call *call, struct str name)
{
    return arena_printf(call->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(name));
}

struct str log_group_name_of(const struct call *call, struct str identifier)
{
    struct str prefix = log_group_arn(call, STR(""));

    if (!str_starts(identifier, STR("arn:")))
        return identifier;
    if (!str_starts(identifier, prefix))
        return (struct str){NULL, 0};
    return str_from(identifier, prefix.len);
}

bool log_group_find(const struct call *call, struct str name, struct str identifier,
                    const struct log_group_record **ret_group, struct fail *f)
{
    const struct log_group_record *group = NULL;

    if ((name.ptr == NULL) == (identifier.ptr == NULL))
        return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You must specify either logGroupName or logGroupIdentifier, but not both");
    if (name.ptr == NULL)
        name = log_group_name_of(call, identifier);
    if (name.ptr != NULL)
        group =
            transaction_get(call->tx, &log_group_table, KEY(call->arena, call->principal->account, call->region, name));
    if (group == NULL)
        return fail_api(f, LOGS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "The specified log group does not exist.");
    *ret_group = group;
    return true;
}

struct log_group_key log_group_store_key(struct arena *arena, const struct log_group_record *group)
{
    return (struct log_group_key){arena_str(arena, group->account_id), arena_str(arena, group->region),
                                  arena_str(arena, group->store_id)};
}

int64_t log_group_expired_before_ms(const struct log_group_record *group, int64_t now_ms)
{
    return group->log_group->has_retention_in_days ? now_ms - group->log_group->retention_in_days * DAY_MS : 0;
}

/* ---- streams ---- */

bool log_stream_find(const struct call *call, const struct log_group_record *group, struct str name,
                     const struct log_stream_record **ret_stream, struct fail *f)
{
    const struct log_stream_record *stream =
        transaction_get(call->tx, &log_stream_table,
                        KEY(call->arena, group->account_id, group->region, group->log_group->log_group_name, name));

    if (stream == NULL)
        return fail_api(f, LOGS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "The specified log stream does not exist.");
    *ret_stream = stream;
    return true;
}

const struct log_stream_record *log_stream_ensure(struct transaction *tx, const struct log_group_record *group,
                                                  struct str name)
{
    struct str key = KEY(tx->arena, group->account_id, group->region, group->log_group->log_group_name, name);
    struct logs_log_stream stream = {.log_stream_name = name};
    struct log_stream_record record = {.account_id = group->account_id,
                                       .region = group->region,
                                       .log_group_name = group->log_group->log_group_name,
                                       .log_stream = &stream,
                                       .store_id = random_hex(tx->random, tx->arena, 16)};

    if (transaction_get(tx, &log_stream_table, key) == NULL) {
        SET(&stream, creation_time, tx->now_ms);
        must(transaction_put(tx, &log_stream_table, &record));
    }
    return transaction_get(tx, &log_stream_table, key);
}

struct log_stream_key log_stream_store_key(struct arena *arena, const struct log_group_record *group,
                                           const struct log_stream_record *stream)
{
    return (struct log_stream_key){log_group_store_key(arena, group),
                                   KEY(arena, stream->log_stream->log_stream_name, stream->store_id)};
}

struct str log_stream_name_in(struct str store_name)
{
    return str_to(store_name, str_find_last(store_name, KEY_SEPARATOR));
}

/* ---- housekeeping ---- */

void logs_each_stream(const struct transaction *tx, void (*each)(void *context, const struct log_stream_key *stream),
                      void *context)
{
    struct walk walk = transaction_walk(tx, &log_stream_table, NULL, STR(""));
    const struct log_stream_record *stream;

    while ((stream = walk_next(&walk)) != NULL) {
        const struct log_group_record *group = transaction_get(
            tx, &log_group_table, KEY(tx->arena, stream->account_id, stream->region, stream->log_group_name));
        struct log_stream_key key;

        if (group == NULL)
            continue; /* a group goes with its streams: there is none */
        key = log_stream_store_key(tx->arena, group, stream);
        each(context, &key);
    }
}

void logs_each_retention(const struct transaction *tx,
                         void (*each)(void *context, const struct log_group_key *group, int64_t before_ms),
                         void *context)
{
    struct walk walk = transaction_walk(tx, &log_group_table, NULL, STR(""));
    const struct log_group_record *group;

    while ((group = walk_next(&walk)) != NULL) {
        struct log_group_key key;

        if (!group->log_group->has_retention_in_days)
            continue;
        key = log_group_store_key(tx->arena, group);
        each(context, &key, log_group_expired_before_ms(group, tx->now_ms));
    }
}

static const struct table_spec *const tables[] = {&log_group_table, &log_stream_table, &logs_resource_policy_table};

const struct domain_spec logs_domain = {
    .name = "logs",
    .tables = tables,
    .table_count = COUNT_OF(tables),
};
