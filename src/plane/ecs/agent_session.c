/* Sessions with agents: who may have one, what is told at its begin and afterwards, what is heard. */
#include "base/must.h"
#include "plane/ecs/access.h"
#include "plane/ecs/agent.h"

static void tell(struct transaction *tx, struct str instance_arn, const struct agent_to_agent *message)
{
    auto_buf bytes = {.ptr = NULL};

    value_encode(&agent_to_agent_shape, message, &bytes);
    must(!bytes.overflowed);
    transaction_effect(tx, AGENT_MESSAGE, instance_arn, buf_str(&bytes));
}

/* ---- who may ---- */

bool agent_may_connect(const struct call *call, const char *action, const struct agent_opening *opening)
{
    const struct container_instance_record *instance = container_instance_of_arn(call->tx, opening->instance_arn);
    struct str arn = opening->instance_arn;

    if (!iam_allows(call, &ecs_access, action, arn)) {
        call->fail->type = ECS_ERROR_ACCESS_DENIED_EXCEPTION;
        return false;
    }
    if (instance == NULL || !str_eq(instance->account_id, call->principal->account) ||
        !str_eq(instance->region, call->region))
        return fail_api(call->fail, "InvalidInstanceException", "Container instance %.*s was not found.", STR_ARG(arn));
    if (!str_eq(ecs_name(opening->cluster), instance->cluster_name))
        return fail_api(call->fail, "InvalidClusterException", "Container instance %.*s is not of cluster %.*s.",
                        STR_ARG(arn), STR_ARG(opening->cluster));
    if (container_instance_is_gone(instance))
        return fail_api(call->fail, "InactiveInstanceException", "Container instance %.*s is INACTIVE.", STR_ARG(arn));
    return true;
}

/* ---- the begin ---- */

static void tell_manifest(struct transaction *tx, const struct container_instance_record *instance)
{
    struct walk walk = container_instance_tasks(tx, instance);
    struct agent_task_manifest_message manifest = {
        .cluster_arn = arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:cluster/%.*s", STR_ARG(instance->region),
                                    STR_ARG(instance->account_id), STR_ARG(instance->cluster_name)),
        .container_instance_arn = instance->instance->container_instance_arn,
        .message_id = random_uuid(tx->random, tx->arena),
    };
    const struct task_record *task;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    manifest.tasks.items = arena_array(tx->arena, struct agent_task_identifier, count + 1);
    walk = container_instance_tasks(tx, instance);
    while ((task = walk_next(&walk)) != NULL)
        if (task_is_told(task))
            manifest.tasks.items[manifest.tasks.count++] =
                (struct agent_task_identifier){.task_arn = task->task->task_arn,
                                               .task_cluster_arn = task->task->cluster_arn,
                                               .desired_status = task->task->desired_status};
    SET(&manifest, generated_at, tx->now_ms);
    SET(&manifest, timeline, transaction_number(tx));
    tell(tx, manifest.container_instance_arn, &(struct agent_to_agent){.manifest = &manifest});
}

static void tell_credentials(struct transaction *tx, const struct container_instance_record *instance,
                             const struct task_record *task, const char *role_type,
                             struct agent_iam_role_credentials *credentials)
{
    struct agent_iam_role_credentials_message message = {
        .message_id = random_uuid(tx->random, tx->arena),
        .task_arn = task->task->task_arn,
        .task_cluster_arn = task->task->cluster_arn,
        .role_type = str_of(role_type),
        .role_credentials = credentials,
    };

    if (credentials != NULL)
        tell(tx, instance->instance->container_instance_arn, &(struct agent_to_agent){.credentials = &message});
}

/* Those of its own role, which are followed by others. */
static void tell_task_credentials(struct transaction *tx, const struct container_instance_record *instance,
                                  const struct task_record *task)
{
    struct agent_iam_role_credentials *credentials = agent_credentials(tx, task->task_key_id, task->credentials_id);

    if (credentials != NULL)
        credentials->role_arn = task_credentials_role(tx, task);
    tell_credentials(tx, instance, task, "TaskApplication", credentials);
}

/* Those of its execution role, which last as long as the task. */
static void tell_execution_credentials(struct transaction *tx, const struct container_instance_record *instance,
                                       const struct task_record *task)
{
    tell_credentials(tx, instance, task, "TaskExecution",
                     agent_credentials(tx, task->execution_key_id, task->execution_credentials_id));
}

/* A process that was told before may have been away when others followed. */
static void tell_all_credentials(struct transaction *tx, const struct container_instance_record *instance,
                                 const struct task_record *task, bool has_none)
{
    if (!task_is_told(task) || task->agent_knows == AGENT_KNOWS_NONE)
        return;
    tell_task_credentials(tx, instance, task);
    if (has_none)
        tell_execution_credentials(tx, instance, task);
}

void agent_connected(struct transaction *tx, const struct agent_hello *hello)
{
    const struct container_instance_record *instance;
    const struct task_record *task;
    struct walk walk;

    container_instance_connected(tx, hello->instance_arn, &hello->version);
    instance = container_instance_of_arn(tx, hello->instance_arn);
    if (instance == NULL || container_instance_is_gone(instance))
        return;
    tell_manifest(tx, instance);
    walk = container_instance_tasks(tx, instance);
    while ((task = walk_next(&walk)) != NULL) {
        tell_all_credentials(tx, instance, task, hello->send_credentials);
        transaction_mark(tx, &agent_task_reconciler,
                         KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
    }
}

/* ---- a task ---- */

/* "0123...ef.RUNNING": what an acknowledgement of it says. */
static struct str message_id_of(struct transaction *tx, const struct task_record *task)
{
    return arena_printf(tx->arena, "%.*s.%.*s", STR_ARG(task->task_id), STR_ARG(task->task->desired_status));
}

static enum agent_knows wanted(const struct task_record *task)
{
    return task_wants_to_run(task) ? AGENT_KNOWS_RUNNING : AGENT_KNOWS_STOPPED;
}

static void tell_interfaces(struct transaction *tx, const struct container_instance_record *instance,
                            const struct task_record *task)
{
    struct agent_attach_task_network_interfaces_message message = {
        .cluster_arn = task->task->cluster_arn,
        .container_instance_arn = instance->instance->container_instance_arn,
        .task_arn = task->task->task_arn,
        .task_cluster_arn = task->task->cluster_arn,
        .message_id = arena_printf(tx->arena, "%.*s.ATTACH", STR_ARG(task->task_id)),
        .elastic_network_interfaces = agent_interfaces(tx, task),
    };

    SET(&message, generated_at, tx->now_ms);
    SET(&message, wait_timeout_ms, task->attach_until - tx->now_ms);
    tell(tx, message.container_instance_arn, &(struct agent_to_agent){.attach_task = &message});
}

static void tell_task(struct transaction *tx, const struct container_instance_record *instance,
                      const struct task_record *task)
{
    struct agent_task assigned;
    struct agent_payload_message payload = {
        .cluster_arn = task->task->cluster_arn,
        .container_instance_arn = instance->instance->container_instance_arn,
        .message_id = message_id_of(tx, task),
        .tasks = {&assigned, 1},
    };

    agent_task_assign(tx, task, &assigned);
    SET(&payload, generated_at, tx->now_ms);
    SET(&payload, seq_num, transaction_number(tx));
    tell(tx, payload.container_instance_arn, &(struct agent_to_agent){.payload = &payload});
}

/* Its agent has to hear of it: first of its interface, then of itself. */
static bool is_news(const struct task_record *task)
{
    return task_is_attaching(task) ||
           (task_is_told(task) && task->container_instance_id.ptr != NULL && task->agent_knows != wanted(task));
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct task_record *task = transaction_get(tx, &task_table, key);
    const struct container_instance_record *instance;

    if (task == NULL || !is_news(task))
        return WHEN_NEVER;
    instance = container_instance_of_task(tx, task);
    if (instance == NULL || !instance->instance->agent_connected)
        return WHEN_NEVER; /* told when it connects */
    if (!task_is_attaching(task))
        tell_task(tx, instance, task);
    else if (tx->now_ms < task->attach_until)
        tell_interfaces(tx, instance, task);
    return tx->now_ms + AGENT_RESEND_MS;
}

const struct reconciler_spec agent_task_reconciler = {"agent_task", &task_table, reconcile};

void agent_credentials_renew(struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);

    if (instance != NULL && instance->instance->agent_connected)
        tell_task_credentials(tx, instance, task);
}

void agent_command(struct transaction *tx, const struct task_record *task, const struct host_session *session)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
    struct agent_execute_command_message message = {
        .session_id = session->session_id,
        .token = session->token,
        .task_arn = task->task->task_arn,
        .container_name = session->container_name,
        .command = session->command,
        .log_group = session->log_group,
        .region = session->region,
    };

    if (instance != NULL)
        tell(tx, instance->instance->container_instance_arn, &(struct agent_to_agent){.execute_command = &message});
}

void agent_task_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_record *old = before;
    const struct task_record *task = after;

    if (task == NULL || task->container_instance_id.ptr == NULL || !(task_is_told(task) || task_is_attaching(task)))
        return;
    if (old == NULL || task_is_told(old) != task_is_told(task) || task_is_attaching(old) != task_is_attaching(task) ||
        task_wants_to_run(old) != task_wants_to_run(task))
        marks_add(marks, &agent_task_reconciler,
                  KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
}

/* ---- what is heard ---- */

/* The task of that id, if it is on that instance. */
static const struct task_record *own_task(const struct transaction *tx,
                                          const struct container_instance_record *instance, struct str task_id)
{
    const struct task_record *task = transaction_get(
        tx, &task_table, KEY(tx->arena, instance->account_id, instance->region, instance->cluster_name, task_id));

    return task != NULL && str_eq(task->container_instance_id, instance->instance_id) ? task : NULL;
}

static void heard_ack(struct transaction *tx, const struct container_instance_record *instance, struct str message_id)
{
    struct str wish;
    const struct task_record *task = own_task(tx, instance, str_cut(message_id, '.', &wish));
    struct task_edit *edit;

    if (task == NULL || wish.ptr == NULL || !task_is_told(task))
        return;
    edit = task_edit_begin(tx, task);
    if (str_is(wish, "STOPPED"))
        edit->record.agent_knows = AGENT_KNOWS_STOPPED;
    else if (str_is(wish, "RUNNING") && task->agent_knows != AGENT_KNOWS_STOPPED)
        edit->record.agent_knows = AGENT_KNOWS_RUNNING;
    (void)task_edit_put(tx, edit);
}

/* Of what the agent runs and the manifest did not have: what indeed is not to run here. */
static void heard_candidates(struct transaction *tx, const struct container_instance_record *instance,
                             const struct agent_task_stop_verification_message *message)
{
    struct agent_task_stop_verification_ack ack = {.message_id = message->message_id};

    ack.stop_tasks.items = arena_array(tx->arena, struct agent_task_identifier, message->stop_candidates.count + 1);
    for (size_t i = 0; i < message->stop_candidates.count; i++) {
        const struct agent_task_identifier *candidate = &message->stop_candidates.items[i];
        const struct task_record *task = task_of_arn(tx, candidate->task_arn);

        if (task == NULL || !task_is_told(task) || !task_wants_to_run(task) ||
            !str_eq(task->container_instance_id, instance->instance_id))
            ack.stop_tasks.items[ack.stop_tasks.count++] = *candidate;
    }
    SET(&ack, generated_at, tx->now_ms);
    tell(tx, instance->instance->container_instance_arn, &(struct agent_to_agent){.stop_verification = &ack});
}

void agent_heard(struct transaction *tx, struct str instance_arn, const struct agent_from_agent *message)
{
    const struct container_instance_record *instance = container_instance_of_arn(tx, instance_arn);

    if (instance == NULL || container_instance_is_gone(instance))
        return;
    if (message->ack != NULL)
        heard_ack(tx, instance, message->ack->message_id);
    if (message->stop_verification != NULL)
        heard_candidates(tx, instance, message->stop_verification);
}
