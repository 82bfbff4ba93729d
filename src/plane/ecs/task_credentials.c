/* The credentials of a task's role: a session of it that the task's containers are given at 169.254.170.2, and a new
 * one before it ends (developer guide, "Amazon ECS task IAM role"). */
#include "base/must.h"
#include "plane/ecs/agent.h"
#include "plane/iam/iam.h"

/* A session lasts six hours unless the installation has it otherwise. The next is made when a sixth of that is left:
 * SDKs ask again in the last fifteen minutes, and a host may be cut off for a while. */
#define SESSION_MS (6 * HOUR_MS)
enum { ROTATE_AHEAD = 6 };

static int64_t session_ms(const struct transaction *tx)
{
    int64_t chosen = transaction_settings(tx)->task_session_ms;

    return chosen == 0 ? SESSION_MS : chosen;
}

static struct str role_of(const struct ecs_task_definition *definition, const struct task_record *task)
{
    const struct ecs_task_override *overrides = task->task->overrides;

    return overrides != NULL && overrides->task_role_arn.ptr != NULL ? overrides->task_role_arn
                                                                     : definition->task_role_arn;
}

static struct str begin(struct transaction *tx, const struct task_record *task, struct str role)
{
    return iam_session_begin(tx, task->account_id, role, task->task_id, session_ms(tx) / SECOND_MS);
}

void task_credentials_begin(struct transaction *tx, const struct ecs_task_definition *definition,
                            struct task_record *record)
{
    struct str role = role_of(definition, record);

    if (role.ptr == NULL)
        return;
    record->task_key_id = begin(tx, record, role);
    record->credentials_id = random_uuid(tx->random, tx->arena);
}

struct str task_credentials_role(const struct transaction *tx, const struct task_record *task)
{
    const struct task_definition_record *definition = transaction_get(
        tx, &task_definition_table, task_definition_key_of_arn(tx->arena, task->task->task_definition_arn));

    must(definition != NULL); /* kept as long as tasks name it */
    return role_of(definition->task_definition, task);
}

int64_t task_credentials_rotate(struct transaction *tx, const struct task_record *task)
{
    const struct access_key_record *key;
    int64_t ahead_ms = session_ms(tx) / ROTATE_AHEAD;
    struct task_edit *edit;

    if (task->task_key_id.ptr == NULL)
        return WHEN_NEVER;
    key = transaction_get(tx, &access_key_table, task->task_key_id);
    if (key != NULL && tx->now_ms < key->expires_at - ahead_ms)
        return key->expires_at - ahead_ms;
    edit = task_edit_begin(tx, task);
    edit->record.task_key_id = begin(tx, task, task_credentials_role(tx, task));
    must(task_edit_put(tx, edit)); /* the session before it ends by itself: containers may hold it still */
    agent_credentials_renew(tx, &edit->record);
    return tx->now_ms + session_ms(tx) - ahead_ms;
}
