/* RegisterTaskDefinition, DescribeTaskDefinition, DeregisterTaskDefinition and DeleteTaskDefinitions. */
#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_definition_check.h"
#include "plane/ecs/task_definition_new.h"

enum { DELETED_AT_ONCE_MAX = 10 }; /* API reference, "DeleteTaskDefinitions" */

/* ---- register ---- */

static int32_t next_revision(const struct call *call, struct str family)
{
    const struct family_record *before =
        transaction_get(call->tx, &family_table, KEY(call->arena, call->principal->account, call->region, family));
    struct family_record record = {.account_id = call->principal->account, .region = call->region, .family = family};

    SET(&record, last_revision, before == NULL ? 1 : before->last_revision + 1);
    must(transaction_put(call->tx, &family_table, &record));
    return record.last_revision;
}

/* The one operation that answers bad tags with ClientException. */
static bool check_tags(const struct ecs_tags *tags, struct fail *f)
{
    if (tags->items != NULL && tags->count == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Tags can not be empty.");
    if (tags_check(tags, f))
        return true;
    f->type = ECS_ERROR_CLIENT_EXCEPTION;
    return false;
}

bool ecs_register_task_definition(struct call *call, const struct ecs_register_task_definition_request *in,
                                  struct ecs_register_task_definition_response *out)
{
    struct ecs_task_definition *definition;
    struct task_definition_record record = {
        .account_id = call->principal->account, .region = call->region, .tags = {in->tags.items, in->tags.count}};

    if (!check_tags(&in->tags, call->fail) || !task_definition_check(in, call->fail))
        return false;
    definition = task_definition_new(in, call->principal->account, call->arena);
    SET(definition, revision, next_revision(call, in->family));
    definition->task_definition_arn = ecs_arn(
        call, "task-definition", arena_printf(call->arena, "%.*s:%d", STR_ARG(in->family), definition->revision));
    if (!tags_allow(call, definition->task_definition_arn, &in->tags))
        return false;
    definition->status = ECS_TASK_DEFINITION_STATUS_ACTIVE;
    definition->registered_by = call->principal->arn;
    SET(definition, registered_at, call->tx->now_ms);
    record.task_definition = definition;
    must(transaction_put(call->tx, &task_definition_table, &record));
    out->task_definition = definition;
    out->tags = in->tags;
    return true;
}

/* ---- describe ---- */

bool ecs_describe_task_definition(struct call *call, const struct ecs_describe_task_definition_request *in,
                                  struct ecs_describe_task_definition_response *out)
{
    const struct task_definition_record *record = task_definition_find(call, in->task_definition);

    if (record == NULL)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Unable to describe task definition.");
    out->task_definition = record->task_definition;
    if (in->include.count > 0)
        out->tags = record->tags;
    if (out->tags.items == NULL)
        out->tags.items = arena_alloc(call->arena, 0);
    return true;
}

/* ---- deregister and delete ---- */

static const struct task_definition_record *
set_status(const struct call *call, const struct task_definition_record *record, enum ecs_task_definition_status status)
{
    struct ecs_task_definition definition = *record->task_definition;
    struct task_definition_record changed = *record;

    definition.status = status;
    if (status == ECS_TASK_DEFINITION_STATUS_INACTIVE)
        SET(&definition, deregistered_at, call->tx->now_ms);
    else
        SET(&definition, delete_requested_at, call->tx->now_ms);
    changed.task_definition = &definition;
    must(transaction_put(call->tx, &task_definition_table, &changed));
    return transaction_get(call->tx, &task_definition_table,
                           task_definition_key_of_arn(call->arena, definition.task_definition_arn));
}

bool ecs_deregister_task_definition(struct call *call, const struct ecs_deregister_task_definition_request *in,
                                    struct ecs_deregister_task_definition_response *out)
{
    const struct task_definition_record *record;
    struct task_definition_name name;

    if (!task_definition_name_parse(call, in->task_definition, &name) || name.revision == 0)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Invalid revision number. Number: %.*s",
                        STR_ARG(in->task_definition));
    record = task_definition_named(call, &name);
    if (record == NULL)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Unable to deregister task definition.");
    if (record->task_definition->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION,
                        "The task definition could not be deregistered because it is in the process of being deleted.");
    if (record->task_definition->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
        record = set_status(call, record, ECS_TASK_DEFINITION_STATUS_INACTIVE);
    out->task_definition = record->task_definition;
    return true;
}

/* NULL: it can be deleted; otherwise why not. */
static const char *delete_refusal(const struct call *call, struct str text,
                                  const struct task_definition_record **ret_record)
{
    struct task_definition_name name;

    if (!task_definition_name_parse(call, text, &name) || name.revision == 0)
        return "The specified task definition identifier is invalid. Specify a valid name or ARN and try again.";
    *ret_record = task_definition_named(call, &name);
    if (*ret_record == NULL)
        return "The specified task definition does not exist. Specify a valid account, family, revision and try again.";
    if ((*ret_record)->task_definition->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
        return "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
    return NULL;
}

bool ecs_delete_task_definitions(struct call *call, const struct ecs_delete_task_definitions_request *in,
                                 struct ecs_delete_task_definitions_response *out)
{
    size_t count = in->task_definitions.count;

    if (count < 1 || count > DELETED_AT_ONCE_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "taskDefinitions must have between 1 and %d elements, but has %zu.", DELETED_AT_ONCE_MAX,
                        count);
    out->task_definitions.items = arena_array(call->arena, struct ecs_task_definition, count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, count);
    for (size_t i = 0; i < count; i++) {
        const struct task_definition_record *record = NULL;
        const char *refusal = delete_refusal(call, in->task_definitions.items[i], &record);

        if (refusal != NULL) {
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = in->task_definitions.items[i], .reason = str_of(refusal)};
            continue;
        }
        if (record->task_definition->status == ECS_TASK_DEFINITION_STATUS_INACTIVE)
            record = set_status(call, record, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
        out->task_definitions.items[out->task_definitions.count++] = *record->task_definition;
    }
    return true;
}
