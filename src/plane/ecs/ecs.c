#include "plane/ecs/ecs.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/task.h"
#include "plane/vpc/vpc.h"

/* ---- tables ---- */

static void cluster_key(const void *record, struct buf *key)
{
    const struct cluster_record *cluster = record;

    key_add(key, cluster->account_id);
    key_add(key, cluster->region);
    key_add(key, cluster->cluster->cluster_name);
}

static void family_key(const void *record, struct buf *key)
{
    const struct family_record *family = record;

    key_add(key, family->account_id);
    key_add(key, family->region);
    key_add(key, family->family);
}

static void task_definition_key(const void *record, struct buf *key)
{
    const struct task_definition_record *definition = record;

    key_add(key, definition->account_id);
    key_add(key, definition->region);
    key_add(key, definition->task_definition->family);
    buf_printf(key, "%c%010d", KEY_SEPARATOR, definition->task_definition->revision);
}

static void client_token_key(const void *record, struct buf *key)
{
    const struct client_token_record *token = record;

    key_add(key, token->account_id);
    key_add(key, token->region);
    key_add(key, token->operation);
    key_add(key, token->token);
}

static void account_setting_key(const void *record, struct buf *key)
{
    const struct account_setting_record *setting = record;

    key_add(key, setting->account_id);
    key_add(key, setting->region);
    key_add(key, setting->principal_arn);
    key_add(key, setting->name);
}

const struct table_spec cluster_table = {.name = "cluster", .shape = &cluster_record_shape, .key = cluster_key};
const struct table_spec family_table = {
    .name = "task_definition_family", .shape = &family_record_shape, .key = family_key};
const struct table_spec task_definition_table = {
    .name = "task_definition", .shape = &task_definition_record_shape, .key = task_definition_key};
const struct table_spec client_token_table = {
    .name = "client_token", .shape = &client_token_record_shape, .key = client_token_key};
const struct table_spec account_setting_table = {
    .name = "account_setting", .shape = &account_setting_record_shape, .key = account_setting_key};

/* ---- what makes what dirty ---- */

/* Whether a host has to hear of it. What it reported itself it knows. */
static bool changes_assignment(const struct task_record *before, const struct task_record *after)
{
    bool told_before = before != NULL && task_is_told(before);
    bool told_after = after != NULL && task_is_told(after);

    if (told_before != told_after)
        return true;
    return told_after && task_wants_to_run(before) != task_wants_to_run(after);
}

static void task_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_record *task = after != NULL ? after : before;

    marks_add(marks, &task_reconciler,
              KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
    if (changes_assignment(before, after))
        marks_add(marks, &assignment_reconciler, task->host_id);
}

static void interface_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct network_interface_record *interface = after != NULL ? after : before;

    (void)tx;
    if (interface->host_id.ptr != NULL)
        marks_add(marks, &assignment_reconciler, interface->host_id);
}

static void every_host_dirty(const struct transaction *tx, struct marks *marks)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *host;

    while ((host = walk_next(&walk)) != NULL)
        marks_add(marks, &assignment_reconciler, host->host_id);
}

/* Groups, subnets and route tables change rarely: every host looks whether it is concerned. */
static void network_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    (void)before;
    (void)after;
    every_host_dirty(tx, marks);
}

static void token_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct client_token_record *token = after;

    if (before == NULL)
        marks_add(marks, &client_token_reconciler,
                  KEY(tx->arena, token->account_id, token->region, token->operation, token->token));
}

static void mark_tasks(struct walk walk, struct marks *marks)
{
    const struct transaction *tx = walk.tx;
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        marks_add(marks, &task_reconciler,
                  KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
}

/* A host that came or went: its tasks look at it. One with more room than before: tasks that wait for a host try. */
static void host_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct host_record *old = before;
    const struct host_record *host = after;

    if (host_has_grown(old, host))
        mark_tasks(transaction_walk(tx, &task_table, "waiting", STR("")), marks);
    if (old != NULL && old->status == host->status && old->connected_at == host->connected_at)
        return;
    marks_add(marks, &assignment_reconciler, host->host_id);
    mark_tasks(transaction_walk(tx, &task_table, "host", KEY_PREFIX(tx->arena, host->host_id)), marks);
}

static const struct dirties_spec dirties[] = {
    {&task_table, task_dirties},      {&network_interface_table, interface_dirties},
    {&host_table, host_dirties},      {&security_group_table, network_dirties},
    {&subnet_table, network_dirties}, {&route_table_table, network_dirties},
    {&vpc_table, network_dirties},    {&client_token_table, token_dirties},
};

static const struct table_spec *const tables[] = {
    &cluster_table, &family_table, &task_definition_table, &task_table, &client_token_table, &account_setting_table,
};
static const struct reconciler_spec *const reconcilers[] = {&task_reconciler, &assignment_reconciler,
                                                            &client_token_reconciler};

const struct domain_spec ecs_domain = {
    .name = "ecs",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};

/* ---- names ---- */

struct str ecs_name(struct str name_or_arn)
{
    size_t slash = str_find_last(name_or_arn, '/');

    return str_starts(name_or_arn, STR("arn:")) && slash != name_or_arn.len ? str_from(name_or_arn, slash + 1)
                                                                            : name_or_arn;
}

struct str ecs_arn(const struct call *call, const char *kind, struct str name)
{
    return arena_printf(call->arena, "arn:aws:ecs:%.*s:%.*s:%s/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), kind, STR_ARG(name));
}
