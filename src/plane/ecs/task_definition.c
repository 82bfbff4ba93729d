/* Task definitions: families of numbered revisions that never change once registered. */
#include "base/must.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/operations.h"

static struct str revision_text(struct arena *arena, uint64_t revision)
{
    return arena_printf(arena, "%010llu", (unsigned long long)revision);
}

/* "family:revision" -> both; revision 0 when there is none. */
static bool split(struct str name, struct str *ret_family, uint64_t *ret_revision)
{
    struct str revision;

    *ret_family = str_cut(name, ':', &revision);
    *ret_revision = 0;
    return ret_family->len > 0 && (revision.ptr == NULL || str_to_uint64(revision, ret_revision));
}

struct str task_definition_key_of_arn(struct arena *arena, struct str arn)
{
    struct str parts[5];
    struct str rest = arn;
    struct str family;
    uint64_t revision;

    for (size_t i = 0; i < COUNT_OF(parts); i++)
        parts[i] = rest.ptr == NULL ? STR("") : str_cut(rest, ':', &rest);
    if (rest.ptr == NULL || !split(ecs_name(arn), &family, &revision))
        return STR("");
    return KEY(arena, parts[4], parts[3], family, revision_text(arena, revision));
}

static const struct task_definition_record *latest_active(const struct call *call, struct str family)
{
    struct walk walk = transaction_walk(call->tx, &task_definition_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, family));
    const struct task_definition_record *latest = NULL;
    const struct task_definition_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (record->task_definition->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
            latest = record;
    return latest;
}

const struct task_definition_record *task_definition_find(const struct call *call, struct str text)
{
    struct str family;
    uint64_t revision;

    if (!split(ecs_name(text), &family, &revision))
        return NULL;
    if (revision == 0)
        return latest_active(call, family);
    return transaction_get(
        call->tx, &task_definition_table,
        KEY(call->arena, call->principal->account, call->region, family, revision_text(call->arena, revision)));
}

static int32_t next_revision(const struct call *call, struct str family)
{
    const struct family_record *before =
        transaction_get(call->tx, &family_table, KEY(call->arena, call->principal->account, call->region, family));
    struct family_record record = {.account_id = call->principal->account, .region = call->region, .family = family};

    SET(&record, last_revision, before == NULL ? 1 : before->last_revision + 1);
    must(transaction_put(call->tx, &family_table, &record));
    return record.last_revision;
}

bool register_task_definition(struct call *call, const struct ecs_register_task_definition_request *in,
                              struct ecs_register_task_definition_response *out)
{
    int32_t revision = next_revision(call, in->family);
    struct ecs_task_definition *definition = arena_new(call->arena, struct ecs_task_definition);
    struct task_definition_record record = {.account_id = call->principal->account,
                                            .region = call->region,
                                            .task_definition = definition,
                                            .tags = {in->tags.items, in->tags.count}};

    definition->task_definition_arn =
        ecs_arn(call, "task-definition", arena_printf(call->arena, "%.*s:%d", STR_ARG(in->family), revision));
    definition->family = in->family;
    definition->status = ECS_TASK_DEFINITION_STATUS_ACTIVE;
    definition->container_definitions = in->container_definitions;
    definition->volumes = in->volumes;
    definition->network_mode = in->network_mode;
    definition->task_role_arn = in->task_role_arn;
    definition->execution_role_arn = in->execution_role_arn;
    definition->requires_compatibilities = in->requires_compatibilities;
    definition->compatibilities = in->requires_compatibilities;
    definition->cpu = in->cpu;
    definition->memory = in->memory;
    definition->runtime_platform = in->runtime_platform;
    definition->ephemeral_storage = in->ephemeral_storage;
    definition->pid_mode = in->pid_mode;
    definition->ipc_mode = in->ipc_mode;
    definition->registered_by = call->principal->arn;
    SET(definition, revision, revision);
    SET(definition, registered_at, call->tx->now_ms);
    must(transaction_put(call->tx, &task_definition_table, &record));
    out->task_definition = definition;
    out->tags = in->tags;
    return true;
}

bool describe_task_definition(struct call *call, const struct ecs_describe_task_definition_request *in,
                              struct ecs_describe_task_definition_response *out)
{
    const struct task_definition_record *record = task_definition_find(call, in->task_definition);

    if (record == NULL)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Unable to describe task definition.");
    out->task_definition = record->task_definition;
    return true;
}
