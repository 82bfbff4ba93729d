#include "plane/ecs/task_definition.h"

#include "base/must.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/task_set.h"

enum { REVISION_MAX = 999999999 }; /* so that a revision fits in its ten digits of a key */

/* ---- the table ---- */

static struct str revision_text(struct arena *arena, uint64_t revision)
{
    return arena_printf(arena, "%010llu", (unsigned long long)revision);
}

static void key(const void *record, struct buf *key)
{
    const struct task_definition_record *definition = record;

    key_add(key, definition->account_id);
    key_add(key, definition->region);
    key_add(key, definition->task_definition->family);
    buf_printf(key, "%c%010d", KEY_SEPARATOR, definition->task_definition->revision);
}

/* The ACTIVE ones of a family, the latest first. */
static void active_key(const void *record, struct buf *key)
{
    const struct task_definition_record *definition = record;

    if (definition->task_definition->status != ECS_TASK_DEFINITION_STATUS_ACTIVE)
        return;
    key_add(key, definition->account_id);
    key_add(key, definition->region);
    key_add(key, definition->task_definition->family);
    buf_printf(key, "%c%010d", KEY_SEPARATOR, REVISION_MAX - definition->task_definition->revision);
}

static int status_of(const void *record)
{
    return (int)((const struct task_definition_record *)record)->task_definition->status;
}

static const struct status_rule status_rules[] = {
    {"api", ECS_TASK_DEFINITION_STATUS_ACTIVE, ECS_TASK_DEFINITION_STATUS_INACTIVE},
    {"api", ECS_TASK_DEFINITION_STATUS_INACTIVE, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS},
};

const struct table_spec task_definition_table = {
    .name = "task_definition",
    .shape = &task_definition_record_shape,
    .key = key,
    .indexes = {{"active", active_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
};

static void family_key(const void *record, struct buf *key)
{
    const struct family_record *family = record;

    key_add(key, family->account_id);
    key_add(key, family->region);
    key_add(key, family->family);
}

const struct table_spec family_table = {
    .name = "task_definition_family", .shape = &family_record_shape, .key = family_key};

/* ---- names ---- */

static bool split(struct str text, struct task_definition_name *ret_name)
{
    struct task_definition_name name = {.revision = 0};
    struct str revision;

    name.family = str_cut(text, ':', &revision);
    if (name.family.len == 0 || (revision.ptr != NULL && (!str_to_uint64(revision, &name.revision) ||
                                                          name.revision == 0 || name.revision > REVISION_MAX)))
        return false;
    *ret_name = name;
    return true;
}

bool task_definition_name_parse(const struct call *call, struct str text, struct task_definition_name *ret_name)
{
    struct str name;

    return ecs_own_name(call, text, "task-definition", &name) && split(name, ret_name);
}

struct str task_definition_key_of_arn(struct arena *arena, struct str arn)
{
    struct str parts[5];
    struct str rest = arn;
    struct task_definition_name name;

    for (size_t i = 0; i < COUNT_OF(parts); i++)
        parts[i] = rest.ptr == NULL ? STR("") : str_cut(rest, ':', &rest);
    if (rest.ptr == NULL || !split(ecs_name(arn), &name))
        return STR("");
    return KEY(arena, parts[4], parts[3], name.family, revision_text(arena, name.revision));
}

const struct task_definition_record *task_definition_named(const struct call *call,
                                                           const struct task_definition_name *name)
{
    struct walk walk;

    if (name->revision != 0)
        return transaction_get(call->tx, &task_definition_table,
                               KEY(call->arena, call->principal->account, call->region, name->family,
                                   revision_text(call->arena, name->revision)));
    walk = transaction_walk(call->tx, &task_definition_table, "active",
                            KEY_PREFIX(call->arena, call->principal->account, call->region, name->family));
    return walk_next(&walk);
}

const struct task_definition_record *task_definition_find(const struct call *call, struct str text)
{
    struct task_definition_name name;

    return task_definition_name_parse(call, text, &name) ? task_definition_named(call, &name) : NULL;
}

bool task_definition_find_active(const struct call *call, struct str name,
                                 const struct task_definition_record **ret_definition)
{
    const struct task_definition_record *definition = task_definition_find(call, name);

    if (definition == NULL)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "TaskDefinition not found.");
    if (definition->task_definition->status != ECS_TASK_DEFINITION_STATUS_ACTIVE)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "TaskDefinition is inactive");
    *ret_definition = definition;
    return true;
}

bool family_has_active(const struct call *call, struct str family)
{
    return task_definition_named(call, &(struct task_definition_name){.family = family}) != NULL;
}

bool family_has_any(const struct call *call, struct str family)
{
    struct walk walk = transaction_walk(call->tx, &task_definition_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, family));

    return walk_next(&walk) != NULL;
}

/* ---- the reconciler ---- */

static bool is_used(struct transaction *tx, const struct task_definition_record *definition)
{
    struct walk walk = transaction_walk(tx, &task_table, "definition",
                                        KEY_PREFIX(tx->arena, definition->task_definition->task_definition_arn));

    return walk_next(&walk) != NULL || deployments_use(tx, definition->task_definition->task_definition_arn) ||
           task_sets_use(tx, definition->task_definition->task_definition_arn);
}

/* Nothing is done for what tasks and services still use: the last of them marks it. */
static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct task_definition_record *definition = transaction_get(tx, &task_definition_table, key);

    if (definition != NULL && definition->task_definition->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS &&
        !is_used(tx, definition))
        transaction_delete(tx, &task_definition_table, key);
    return WHEN_NEVER;
}

const struct reconciler_spec task_definition_reconciler = {"task_definition", &task_definition_table, reconcile};

void task_definition_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_definition_record *definition = after;

    (void)before;
    if (definition != NULL && definition->task_definition->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS)
        marks_add(marks, &task_definition_reconciler,
                  task_definition_key_of_arn(tx->arena, definition->task_definition->task_definition_arn));
}

void task_definition_mark_of_task(const struct transaction *tx, const void *before, const void *after,
                                  struct marks *marks)
{
    const struct task_record *task = after != NULL ? after : before;

    if (after == NULL || str_is(task->task->last_status, "STOPPED"))
        marks_add(marks, &task_definition_reconciler,
                  task_definition_key_of_arn(tx->arena, task->task->task_definition_arn));
}
