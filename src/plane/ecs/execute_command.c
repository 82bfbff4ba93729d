#include "plane/ecs/execute_command.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/cluster.h"
#include "plane/ecs/operations.h"
#include "plane/iam/authorize.h"
#include "plane/ssm/session.h"

#define NOT_RUNNING                                                                                                    \
    "The execute command failed because execute command was not enabled when the task was run or the execute command " \
    "agent isn’t running. Wait and try again or run a new task with execute command enabled and try again."
#define NOT_CONNECTED "The execute command failed due to an internal error. Try again later."

enum { COMMAND_LEN_MAX = 64 << 10, SESSION_ID_DIGITS = 17, REASON_LEN_MAX = 1024 };

/* ---- the agent of a container ---- */

void execute_command_agent_make(struct arena *arena, struct ecs_container *container)
{
    struct ecs_managed_agent *agent = arena_new(arena, struct ecs_managed_agent);

    agent->name = ECS_MANAGED_AGENT_NAME_EXECUTE_COMMAND_AGENT;
    agent->last_status = STR("PENDING");
    container->managed_agents = (struct ecs_managed_agents){agent, 1};
}

bool execute_command_role_check(const struct call *call, struct str task_role, const char *what)
{
    return task_role.len > 0 || call->settings->auth_open ||
           fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "The %s because a valid taskRoleArn is not being used. Specify a valid task role in your task "
                    "definition and try again.",
                    what);
}

static void agent_put(struct transaction *tx, struct ecs_container *container, struct str status, struct str reason)
{
    struct ecs_managed_agent *agent;

    if (container->managed_agents.count == 0 || str_eq(container->managed_agents.items[0].last_status, status))
        return;
    agent = arena_new(tx->arena, struct ecs_managed_agent);
    *agent = container->managed_agents.items[0];
    agent->last_status = status;
    agent->reason = reason;
    if (str_is(status, "RUNNING"))
        SET(agent, last_started_at, tx->now_ms);
    container->managed_agents = (struct ecs_managed_agents){agent, 1};
}

void execute_command_agent_follow(struct transaction *tx, const struct task_record *task,
                                  struct ecs_container *container)
{
    if (task->container_instance_id.ptr == NULL || str_is(container->last_status, "STOPPED"))
        agent_put(tx, container, container->last_status, (struct str){NULL, 0});
}

static void observe_change(struct transaction *tx, struct task_edit *edit,
                           const struct ecs_managed_agent_state_change *change)
{
    static const struct str statuses[] = {STR_INIT("PENDING"), STR_INIT("RUNNING"), STR_INIT("STOPPED")};

    if (change->managed_agent_name != ECS_MANAGED_AGENT_NAME_EXECUTE_COMMAND_AGENT ||
        !str_is_among(change->status, statuses, COUNT_OF(statuses)))
        return;
    for (size_t i = 0; i < edit->task.containers.count; i++)
        if (str_eq(edit->containers[i].name, change->container_name) &&
            !str_is(edit->containers[i].last_status, "STOPPED"))
            agent_put(tx, &edit->containers[i], change->status,
                      change->reason.len > REASON_LEN_MAX ? str_to(change->reason, REASON_LEN_MAX) : change->reason);
}

void execute_command_agent_observe(struct transaction *tx, const struct task_record *task,
                                   const struct ecs_managed_agent_state_changes *changes)
{
    struct task_edit *edit;

    if (changes->count == 0 || task == NULL || !task_is_told(task))
        return;
    edit = task_edit_begin(tx, task);
    for (size_t i = 0; i < changes->count; i++)
        observe_change(tx, edit, &changes->items[i]);
    (void)task_edit_put(tx, edit);
}

static bool agent_runs(const struct ecs_container *container)
{
    return container->managed_agents.count > 0 && str_is(container->managed_agents.items[0].last_status, "RUNNING");
}

/* ---- the cluster's configuration ---- */

bool execute_command_configuration_check(const struct ecs_execute_command_configuration *configuration, struct fail *f)
{
    const struct ecs_execute_command_log_configuration *log = configuration->log_configuration;
    bool override = configuration->logging == ECS_EXECUTE_COMMAND_LOGGING_OVERRIDE;

    if (configuration->kms_key_id.len > 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "'executeCommandConfiguration.kmsKeyId' is not supported: Berth has no KMS to encrypt "
                        "sessions with.");
    if (log != NULL && !override)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You must set logging to 'OVERRIDE' when you supply a log configuration.");
    if (override && (log == NULL || (log->cloud_watch_log_group_name.len == 0 && log->s3_bucket_name.len == 0)))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A CloudWatch log group name or S3 bucket name must be specified when overriding the default "
                        "log configuration.");
    if (log != NULL && (log->s3_bucket_name.len > 0 || log->s3_key_prefix.len > 0 || log->s3_encryption_enabled))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "'executeCommandConfiguration.logConfiguration' with Amazon S3 is not supported: sessions are "
                        "logged to CloudWatch Logs only.");
    if (log != NULL && log->cloud_watch_encryption_enabled)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "'executeCommandConfiguration.logConfiguration.cloudWatchEncryptionEnabled' is not supported: "
                        "Berth has no KMS to encrypt log groups with.");
    return true;
}

static const struct ecs_container_definition *definition_of(const struct transaction *tx,
                                                            const struct task_record *task, struct str container)
{
    const struct task_definition_record *record = transaction_get(
        tx, &task_definition_table, task_definition_key_of_arn(tx->arena, task->task->task_definition_arn));

    for (size_t i = 0; record != NULL && i < record->task_definition->container_definitions.count; i++)
        if (str_eq(record->task_definition->container_definitions.items[i].name, container))
            return &record->task_definition->container_definitions.items[i];
    return NULL;
}

/* DEFAULT: where the container's own log goes, if that is CloudWatch Logs. */
static struct str own_log_group(const struct ecs_container_definition *definition)
{
    const struct ecs_log_configuration *log = definition == NULL ? NULL : definition->log_configuration;

    if (log == NULL || log->log_driver != ECS_LOG_DRIVER_AWSLOGS)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < log->options.count; i++)
        if (str_is(log->options.items[i].key, "awslogs-group"))
            return log->options.items[i].value;
    return (struct str){NULL, 0};
}

/* Where the session is logged; absent: nowhere (API reference, "ExecuteCommandConfiguration"). */
static struct str log_group_of(const struct transaction *tx, const struct cluster_record *cluster,
                               const struct task_record *task, struct str container)
{
    const struct ecs_cluster_configuration *all = cluster->cluster->configuration;
    const struct ecs_execute_command_configuration *of = all == NULL ? NULL : all->execute_command_configuration;

    if (of != NULL && of->logging == ECS_EXECUTE_COMMAND_LOGGING_NONE_)
        return (struct str){NULL, 0};
    if (of != NULL && of->logging == ECS_EXECUTE_COMMAND_LOGGING_OVERRIDE && of->log_configuration != NULL)
        return of->log_configuration->cloud_watch_log_group_name;
    return own_log_group(definition_of(tx, task, container));
}

/* ---- checks ---- */

static bool find_container(const struct call *call, const struct task_record *task, struct str name,
                           const struct ecs_container **ret_container)
{
    const struct ecs_containers *containers = &task->task->containers;

    if (name.len == 0 && containers->count != 1)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A container name must be specified for a task with more than one container.");
    for (size_t i = 0; i < containers->count; i++)
        if (name.len == 0 || str_eq(containers->items[i].name, name)) {
            *ret_container = &containers->items[i];
            return true;
        }
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The container %.*s was not found in the task.",
                    STR_ARG(name));
}

/* The agent calls Systems Manager with the rights of the task's role, and without them nobody reaches it (developer
 * guide, "Task IAM role", ECS Exec permissions). */
static bool session_agent_may_connect(const struct call *call, const struct task_record *task)
{
    static const char *const actions[] = {"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
                                          "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"};

    if (call->settings->auth_open)
        return true;
    if (task->task_key_id.ptr == NULL)
        return false;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        const struct ask ask = {.action = actions[i], .resource = STR("*")};
        struct policy_decision decision;
        struct fail ignored;
        struct call asking = *call;

        asking.fail = &ignored;
        if (!iam_explain(&asking, task->task_key_id, NULL, &ask, &decision) || decision.verdict != POLICY_ALLOW)
            return false;
    }
    return true;
}

/* Whose agent there can be reached: of a container instance only our own knows the message (agent.h), which says what
 * it is when it connects. With the amazon-ecs-agent the session would begin at Systems Manager, where nobody is. */
static bool machine_is_connected(const struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
    const struct host_record *host = transaction_get(tx, &host_table, task->host_id);

    if (instance == NULL)
        return host != NULL && host_is_connected(host);
    return instance->instance->agent_connected && instance->instance->version_info != NULL &&
           str_is(instance->instance->version_info->agent_hash, AGENT_HASH_OWN);
}

static bool check(const struct call *call, const struct ecs_execute_command_request *in)
{
    if (!in->interactive)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Interactive is the only mode supported currently.");
    if (in->command.len == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Command can not be blank.");
    if (in->command.len > COMMAND_LEN_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Command is longer than %d characters.",
                        COMMAND_LEN_MAX);
    return true;
}

static bool find_target(const struct call *call, const struct ecs_execute_command_request *in,
                        const struct cluster_record **ret_cluster, const struct task_record **ret_task,
                        const struct ecs_container **ret_container)
{
    const struct task_record *task = NULL;

    if (!check(call, in) || !cluster_find(call, in->cluster, ret_cluster) ||
        !task_find(call, *ret_cluster, in->task, &task))
        return false;
    if (task == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The referenced task was not found.");
    if (!find_container(call, task, in->container, ret_container))
        return false;
    if (!agent_runs(*ret_container) || !task_wants_to_run(task))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", NOT_RUNNING);
    if (!machine_is_connected(call->tx, task) || !session_agent_may_connect(call, task))
        return fail_api(call->fail, ECS_ERROR_TARGET_NOT_CONNECTED_EXCEPTION, "%s", NOT_CONNECTED);
    *ret_task = task;
    return true;
}

/* ---- the session ---- */

static void tell_machine(const struct call *call, const struct task_record *task, struct host_session *session)
{
    const struct host_from_server message = {.session = session};
    auto_buf text = {.ptr = NULL};

    session->task_id = task->task_id;
    session->region = task->region;
    if (task->container_instance_id.ptr != NULL) {
        agent_command(call->tx, task, session);
        return;
    }
    value_encode(&host_from_server_shape, &message, &text);
    must(!text.overflowed);
    transaction_effect(call->tx, SESSION_ORDER, task->host_id, buf_str(&text));
}

static struct ecs_session *begin(const struct call *call, const struct task_record *task, struct host_session *order)
{
    struct ecs_session *session = arena_new(call->arena, struct ecs_session);
    struct str digits = session_digits(call, SESSION_ID_DIGITS);

    session->session_id = arena_printf(call->arena, "ecs-execute-command-%.*s", STR_ARG(digits));
    session->token_value = session_digits(call, CHANNEL_TOKEN_LEN);
    session->stream_url = session_stream_url(call, session->session_id);
    order->session_id = session->session_id;
    order->token = session_digits(call, CHANNEL_TOKEN_LEN);
    transaction_effect(call->tx, SESSION_TOKENS,
                       session_key(call->arena, task->account_id, task->region, session->session_id),
                       arena_printf(call->arena, "%.*s%.*s", STR_ARG(session->token_value), STR_ARG(order->token)));
    tell_machine(call, task, order);
    return session;
}

bool ecs_execute_command(struct call *call, const struct ecs_execute_command_request *in,
                         struct ecs_execute_command_response *out)
{
    const struct cluster_record *cluster = NULL;
    const struct task_record *task = NULL;
    const struct ecs_container *container = NULL;
    struct host_session order = {.command = in->command};

    if (!find_target(call, in, &cluster, &task, &container))
        return false;
    order.container_name = container->name;
    order.log_group = log_group_of(call->tx, cluster, task, container->name);
    out->cluster_arn = arena_str(call->arena, cluster->cluster->cluster_arn);
    out->task_arn = arena_str(call->arena, task->task->task_arn);
    out->container_arn = arena_str(call->arena, container->container_arn);
    out->container_name = arena_str(call->arena, container->name);
    SET(out, interactive, true);
    out->session = begin(call, task, &order);
    return true;
}

/* The broker of data channels has a limit. */
bool ecs_execute_command_finish(const struct call *call, const struct ports *ports,
                                const struct ecs_execute_command_request *in, struct ecs_execute_command_response *out)
{
    struct str key = session_key(call->arena, call->principal->account, call->region, out->session->session_id);

    (void)in;
    return ports->sessions->has(ports->sessions->context, key) ||
           fail_api(call->fail, ECS_ERROR_TARGET_NOT_CONNECTED_EXCEPTION, "%s", NOT_CONNECTED);
}
