#include "plane/ecs/ecs.h"

#include "base/must.h"
#include "plane/cloudwatch/cloudwatch.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/cluster.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/service.h"
#include "plane/ecs/service_alarms.h"
#include "plane/ecs/service_daemon.h"
#include "plane/ecs/service_deployment.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_set.h"
#include "plane/vpc/vpc.h"

/* ---- what makes what dirty ---- */

/* Whether the task's host has to hear of it. What it reported itself it knows. */
static bool is_news_to_host(const struct task_record *before, const struct task_record *after)
{
    if (after == NULL || !task_is_told(after) || after->host_id.ptr == NULL)
        return false;
    return before == NULL || !task_is_told(before) || task_wants_to_run(before) != task_wants_to_run(after);
}

/* What no difference says. */
static bool has_new_credentials(const struct task_record *before, const struct task_record *after)
{
    return before != NULL && after != NULL && task_is_told(after) && after->host_id.ptr != NULL &&
           !str_eq(before->task_key_id, after->task_key_id);
}

/* Whether the reconciler of tasks may have something to do, or a timer to set. What a host reports of a task that is
 * told and wanted is none of its business. */
static bool is_news_to_reconciler(const struct task_record *before, const struct task_record *after)
{
    if (before == NULL || after == NULL || task_wants_to_run(before) != task_wants_to_run(after))
        return true;
    if (task_status(before) != task_status(after))
        return task_status(before) == TASK_PROVISIONING || !task_wants_to_run(after);
    return !str_eq(before->task_key_id, after->task_key_id) || !str_eq(before->host_id, after->host_id) ||
           task_is_attaching(before) != task_is_attaching(after);
}

static void task_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_record *task = after != NULL ? after : before;
    struct str key = KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id);

    if (is_news_to_reconciler(before, after))
        marks_add(marks, &task_reconciler, key);
    if (is_news_to_host(before, after))
        marks_add(marks, &task_assignment_reconciler, key);
    if (has_new_credentials(before, after))
        marks_add(marks, &assignment_reconciler, task->host_id);
}

/* One of a task on an EC2 instance: its host hears of it with the instance (one that ends takes them all along). */
static bool is_of_instance_task(const struct network_interface_record *interface)
{
    return interface->host_id.ptr != NULL && interface->owner_arn.ptr != NULL &&
           interface->interface->attachment->instance_id.ptr != NULL;
}

/* Others come and go with their task, which says it; here what changes of one that is there. */
static void interface_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct network_interface_record *old = before;
    const struct network_interface_record *interface = after;

    (void)tx;
    if ((old == NULL || interface == NULL) && is_of_instance_task(old != NULL ? old : interface))
        marks_add(marks, &assignment_reconciler, (old != NULL ? old : interface)->host_id);
    if (old != NULL && interface != NULL && str_eq(old->host_id, interface->host_id) && interface->host_id.ptr != NULL)
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

static void mark_tasks(struct walk walk, struct marks *marks)
{
    const struct transaction *tx = walk.tx;
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        marks_add(marks, &task_reconciler,
                  KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
}

/* A host that came or went: its tasks look at it. One with more room than before: tasks that wait for a host try, and
 * services that found no place for one. */
static void host_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct host_record *old = before;
    const struct host_record *host = after;

    if (host_has_grown(old, host)) {
        mark_tasks(transaction_walk(tx, &task_table, "waiting", KEY_PREFIX(tx->arena, STR("host"))), marks);
        services_mark_unplaced(tx, marks);
    }
    if (old != NULL && old->status == host->status && old->connected_at == host->connected_at)
        return;
    marks_add(marks, &assignment_reconciler, host->host_id);
    mark_tasks(transaction_walk(tx, &task_table, "host", KEY_PREFIX(tx->arena, host->host_id)), marks);
}

static void mark_services(struct walk walk, struct marks *marks)
{
    const struct transaction *tx = walk.tx;
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        if (task->service_name.ptr != NULL)
            marks_add(marks, &service_reconciler,
                      KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->service_name));
}

/* One that was lost, or is gone: its tasks look at it. One that is to be emptied: the services of its tasks. One with
 * more room than before: services that found no place for a task. And services that follow instances. */
static void container_instance_dirties(const struct transaction *tx, const void *before, const void *after,
                                       struct marks *marks)
{
    const struct container_instance_record *old = before;
    const struct container_instance_record *instance = after;

    container_instance_mark(tx, before, after, marks);
    services_mark_of_instance(tx, old, instance, marks);
    if (instance != NULL && container_instance_has_grown(old, instance))
        services_mark_unplaced(tx, marks);
    if (old != NULL && instance != NULL && container_instance_is_active(old) != container_instance_is_active(instance))
        mark_services(container_instance_tasks(tx, instance), marks);
    if (old != NULL && instance != NULL &&
        (old->instance->agent_connected != instance->instance->agent_connected ||
         container_instance_is_gone(old) != container_instance_is_gone(instance)))
        mark_tasks(container_instance_tasks(tx, instance), marks);
}

/* Instances are told in full only. */
static void instance_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct instance_record *instance = after != NULL ? after : before;

    if (instance->host_id.ptr != NULL && instance_is_news(before, after))
        marks_add(marks, &assignment_reconciler, instance->host_id);
    container_instance_mark_of_machine(tx, instance, marks);
}

static const struct dirties_spec dirties[] = {
    {&instance_table, instance_dirties},
    {&task_table, task_dirties},
    {&network_interface_table, interface_dirties},
    {&host_table, host_dirties},
    {&security_group_table, network_dirties},
    {&subnet_table, network_dirties},
    {&route_table_table, network_dirties},
    {&vpc_table, network_dirties},
    {&client_token_table, client_token_mark},
    {&cluster_table, cluster_mark},
    {&container_instance_table, container_instance_dirties},
    {&task_table, agent_task_mark},
    {&task_definition_table, task_definition_mark},
    {&task_table, task_definition_mark_of_task},
    {&task_table, service_mark_of_task},
    {&service_table, service_mark},
    {&alarm_table, services_mark_of_alarm},
    {&deployment_table, deployment_mark},
    {&task_set_table, task_set_mark},
};

static const struct table_spec *const tables[] = {
    &cluster_table,       &family_table,           &task_definition_table,    &task_table,
    &client_token_table,  &account_setting_table,  &container_instance_table, &service_table,
    &service_event_table, &service_revision_table, &deployment_table,         &service_deployment_table,
    &task_set_table,
};
static const struct reconciler_spec *const reconcilers[] = {
    &task_reconciler,
    &assignment_reconciler,
    &task_assignment_reconciler,
    &cluster_reconciler,
    &task_definition_reconciler,
    &client_token_reconciler,
    &container_instance_reconciler,
    &agent_task_reconciler,
    &service_reconciler,
};

const struct domain_spec ecs_domain = {
    .name = "ecs",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
    .service_uses = cluster_service_uses,
};

/* ---- names ---- */

struct str ecs_name(struct str name_or_arn)
{
    size_t slash = str_find_last(name_or_arn, '/');

    return str_starts(name_or_arn, STR("arn:")) && slash != name_or_arn.len ? str_from(name_or_arn, slash + 1)
                                                                            : name_or_arn;
}

bool ecs_own_name(const struct call *call, struct str name_or_arn, const char *kind, struct str *ret_name)
{
    struct str prefix = arena_printf(call->arena, "arn:aws:ecs:%.*s:%.*s:%s/", STR_ARG(call->region),
                                     STR_ARG(call->principal->account), kind);

    if (str_starts(name_or_arn, STR("arn:")) && !str_starts(name_or_arn, prefix))
        return false;
    *ret_name = str_starts(name_or_arn, prefix) ? str_from(name_or_arn, prefix.len) : name_or_arn;
    return ret_name->len > 0;
}

struct str ecs_arn(const struct call *call, const char *kind, struct str name)
{
    return arena_printf(call->arena, "arn:aws:ecs:%.*s:%.*s:%s/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), kind, STR_ARG(name));
}

struct str ecs_joined(struct arena *arena, const struct str *items, size_t count)
{
    struct str text = STR("");

    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), i == 0 ? "" : ", ", STR_ARG(items[i]));
    return text;
}
