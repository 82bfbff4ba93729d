#include "plane/ecs/service.h"

#include "base/must.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/service_alarms.h"
#include "plane/ecs/service_deployment.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task.h"
#include "plane/ecs/task_set.h"

/* ---- the table ---- */

static const char *const status_names[] = {
    [SERVICE_ACTIVE] = "ACTIVE", [SERVICE_DRAINING] = "DRAINING", [SERVICE_INACTIVE] = "INACTIVE"};

static int status_of(const void *record)
{
    const struct service_record *service = record;

    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (str_is(service->service->status, status_names[i]))
            return (int)i;
    must_not_happen("a service has one of the three statuses");
}

static const struct status_rule status_rules[] = {
    {"api", SERVICE_ACTIVE, SERVICE_DRAINING},
    {"service", SERVICE_DRAINING, SERVICE_INACTIVE},
};

static void service_key(const void *record, struct buf *key)
{
    SERVICE_KEY_ADD(key, (const struct service_record *)record);
}

/* Those for which no place was found. */
static void unplaced_key(const void *record, struct buf *key)
{
    const struct service_record *service = record;

    if (service->has_unplaced_at)
        key_add_number(key, service->unplaced_at);
}

/* Those that a container instance concerns that none of their tasks is on, by cluster: daemons, and services whose
 * zones are evened out. */
static void follower_key(const void *record, struct buf *key)
{
    const struct service_record *service = record;
    const struct ecs_service *shown = service->service;

    if (service_status(service) != SERVICE_ACTIVE ||
        (shown->scheduling_strategy != ECS_SCHEDULING_STRATEGY_DAEMON &&
         (shown->launch_type != ECS_LAUNCH_TYPE_EC2 ||
          shown->availability_zone_rebalancing != ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED)))
        return;
    key_add(key, service->account_id);
    key_add(key, service->region);
    key_add(key, service->cluster_name);
}

/* Those whose deployments alarms can fail. */
static void alarmed_key(const void *record, struct buf *key)
{
    const struct service_record *service = record;

    if (!service_has_alarms(service) || service_status(service) != SERVICE_ACTIVE)
        return;
    key_add(key, service->account_id);
    key_add(key, service->region);
}

const struct table_spec service_table = {
    .name = "service",
    .shape = &service_record_shape,
    .key = service_key,
    .indexes = {{"unplaced", unplaced_key}, {"follower", follower_key}, {"alarmed", alarmed_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
};

enum service_status service_status(const struct service_record *service)
{
    return (enum service_status)status_of(service);
}

bool service_is_external(const struct service_record *service)
{
    return service->service->deployment_controller->type == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL;
}

/* ---- names ---- */

struct str service_arn(struct arena *arena, const struct service_record *service, const char *kind, struct str id)
{
    return arena_printf(arena, "arn:aws:ecs:%.*s:%.*s:%s/%.*s/%.*s%s%.*s", STR_ARG(service->region),
                        STR_ARG(service->account_id), kind, STR_ARG(service->cluster_name),
                        STR_ARG(service->service_name), id.ptr == NULL ? "" : "/", STR_ARG(id));
}

struct str deployment_number(struct str id)
{
    struct str number;

    (void)str_cut(id, '/', &number);
    return number;
}

const struct service_record *service_named(const struct call *call, const struct cluster_record *cluster,
                                           struct str name_or_arn)
{
    struct str path;
    struct str name;
    struct str cluster_name;

    if (!ecs_own_name(call, name_or_arn, "service", &path))
        return NULL;
    cluster_name = str_cut(path, '/', &name);
    if (name.ptr == NULL) /* a name, or an ARN of the old form */
        name = path;
    else if (!str_eq(cluster_name, cluster->cluster->cluster_name))
        return NULL;
    return transaction_get(
        call->tx, &service_table,
        KEY(call->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name, name));
}

bool service_find(const struct call *call, const struct cluster_record *cluster, struct str name_or_arn,
                  const struct service_record **ret_service)
{
    const struct service_record *service = service_named(call, cluster, name_or_arn);

    if (service == NULL)
        return fail_api(call->fail, ECS_ERROR_SERVICE_NOT_FOUND_EXCEPTION, "Service not found.");
    *ret_service = service;
    return true;
}

bool service_find_active(const struct call *call, struct str cluster_name, struct str name_or_arn,
                         const struct service_record **ret_service)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, cluster_name, &cluster) || !service_find(call, cluster, name_or_arn, ret_service))
        return false;
    return service_status(*ret_service) == SERVICE_ACTIVE ||
           fail_api(call->fail, ECS_ERROR_SERVICE_NOT_ACTIVE_EXCEPTION, "Service was not ACTIVE.");
}

/* All capacity providers are Fargate's. */
static enum launch_column launch_of(const struct service_record *service)
{
    return service->service->capacity_provider_strategy.count > 0 ? LAUNCH_FARGATE
                                                                  : launch_column_of(service->service->launch_type);
}

struct service_counts services_count(const struct transaction *tx, const struct cluster_record *cluster)
{
    struct walk walk =
        transaction_walk(tx, &service_table, NULL,
                         KEY_PREFIX(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));
    struct service_counts counts = {.active = 0};
    const struct service_record *service;

    while ((service = walk_next(&walk)) != NULL) {
        bool active = service_status(service) == SERVICE_ACTIVE;
        bool draining = service_status(service) == SERVICE_DRAINING;

        counts.active += active;
        counts.draining += draining;
        counts.active_by[launch_of(service)] += active;
        counts.draining_by[launch_of(service)] += draining;
    }
    return counts;
}

/* ---- changing ---- */

void service_edit_begin(const struct service_record *from, struct service_edit *ret_edit)
{
    ret_edit->record = *from;
    ret_edit->service = *from->service;
    ret_edit->record.service = &ret_edit->service;
}

void service_edit_put(struct transaction *tx, struct service_edit *edit)
{
    edit->record.service = &edit->service;
    must(transaction_put(tx, &service_table, &edit->record));
}

void service_edit_end_rebalancing(struct service_edit *edit)
{
    edit->record.has_rebalancing = edit->record.rebalancing = false;
}

static void delete_all(struct transaction *tx, const struct table_spec *table, struct str prefix)
{
    struct walk walk = transaction_walk(tx, table, NULL, prefix);

    while (walk_next(&walk) != NULL)
        transaction_delete(tx, table, walk.at);
}

void service_forget_history(struct transaction *tx, const struct service_record *service)
{
    static const struct table_spec *const owned[] = {&deployment_table, &service_deployment_table,
                                                     &service_revision_table, &task_set_table};

    for (size_t i = 0; i < COUNT_OF(owned); i++)
        delete_all(tx, owned[i], SERVICE_PREFIX(tx->arena, service));
}

void service_forget(struct transaction *tx, const struct service_record *service)
{
    service_forget_history(tx, service);
    delete_all(tx, &service_event_table, SERVICE_PREFIX(tx->arena, service));
    transaction_delete(tx, &service_table, SERVICE_KEY(tx->arena, service));
}

/* ---- marks ---- */

void service_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    (void)before;
    if (after != NULL)
        marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, (const struct service_record *)after));
}

/* What a look sees of a task (service_look.c): the way to RUNNING is one step to it. */
static bool is_news(const struct task_record *before, const struct task_record *after)
{
    enum task_status was;
    enum task_status is = task_status(after);

    if (before == NULL || task_wants_to_run(before) != task_wants_to_run(after))
        return true;
    was = task_status(before);
    return (was != is && is >= TASK_RUNNING) || before->task->health_status != after->task->health_status ||
           before->proven != after->proven || before->has_protected_until != after->has_protected_until ||
           before->protected_until != after->protected_until;
}

void service_mark_of_task(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_record *task = after != NULL ? after : before;

    if (after != NULL && task->service_name.ptr != NULL && !task->judged && is_news(before, after))
        marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, task));
}

void services_mark_unplaced(const struct transaction *tx, struct marks *marks)
{
    struct walk walk = transaction_walk(tx, &service_table, "unplaced", STR(""));
    const struct service_record *service;

    while ((service = walk_next(&walk)) != NULL)
        marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, service));
}
