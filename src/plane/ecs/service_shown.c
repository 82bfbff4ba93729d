#include "plane/ecs/service_shown.h"

#include "plane/ecs/deployment.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/task_set.h"

static size_t count_records(const struct call *call, const struct table_spec *table,
                            const struct service_record *service)
{
    struct walk walk = transaction_walk(call->tx, table, NULL, SERVICE_PREFIX(call->arena, service));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

/* An ACTIVE one wants to keep no more than it has. */
static struct ecs_deployment deployment_shown(const struct call *call, const struct service_record *service,
                                              const struct deployment_record *record)
{
    struct service_task_counts counts = service_tasks_count(call->tx, service, record->id);
    struct ecs_deployment deployment = *record->deployment;

    SET(&deployment, running_count, counts.running);
    SET(&deployment, pending_count, counts.pending);
    SET(&deployment, desired_count,
        deployment_is_primary(record) ? service->service->desired_count : counts.running + counts.pending);
    SET(&deployment, failed_tasks, record->trouble->failures);
    return deployment;
}

/* The newest first; one without tasks only stands by for a rollback. */
static void list_deployments(const struct call *call, const struct service_record *service, struct ecs_service *shown)
{
    struct walk walk = transaction_walk(call->tx, &deployment_table, NULL, SERVICE_PREFIX(call->arena, service));
    size_t count = count_records(call, &deployment_table, service);
    struct ecs_deployments *list = &shown->deployments;
    const struct deployment_record *record;

    list->items = arena_array(call->arena, struct ecs_deployment, count);
    shown->current_service_revisions.items =
        arena_array(call->arena, struct ecs_service_current_revision_summary, count);
    while ((record = walk_next(&walk)) != NULL) {
        struct ecs_deployment deployment = deployment_shown(call, service, record);
        size_t at = list->count;

        if (!deployment_is_primary(record) && deployment.running_count + deployment.pending_count == 0)
            continue;
        for (; at > 0 && (deployment_is_primary(record) || (!str_is(list->items[at - 1].status, "PRIMARY") &&
                                                            list->items[at - 1].created_at < deployment.created_at));
             at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = deployment;
        list->count++;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct ecs_service_current_revision_summary *summary = &shown->current_service_revisions.items[i];

        summary->arn = service_arn(call->arena, service, "service-revision", deployment_number(list->items[i].id));
        SET(summary, requested_task_count, list->items[i].desired_count);
        SET(summary, running_task_count, list->items[i].running_count);
        SET(summary, pending_task_count, list->items[i].pending_count);
    }
    shown->current_service_revisions.count = list->count;
}

/* Lists that are empty are shown so. */
static void show_empty(const struct call *call, struct ecs_service *shown)
{
    shown->load_balancers.items = arena_alloc(call->arena, 0);
    shown->service_registries.items = arena_alloc(call->arena, 0);
    if (shown->placement_constraints.items == NULL)
        shown->placement_constraints.items = arena_alloc(call->arena, 0);
    if (shown->placement_strategy.items == NULL)
        shown->placement_strategy.items = arena_alloc(call->arena, 0);
}

struct ecs_service *service_shown(const struct call *call, const struct service_record *service, bool with_tags)
{
    struct ecs_service *shown = arena_new(call->arena, struct ecs_service);
    struct service_task_counts counts = service_tasks_count(call->tx, service, (struct str){NULL, 0});

    *shown = *service->service;
    SET(shown, running_count, counts.running);
    SET(shown, pending_count, counts.pending);
    list_deployments(call, service, shown);
    if (service_is_external(service))
        shown->task_sets = task_sets_shown(call->tx, service, call->arena);
    shown->events = service_events(call->tx, service, call->arena);
    if (!with_tags)
        shown->tags = (struct ecs_tags){NULL, 0};
    show_empty(call, shown);
    return shown;
}
