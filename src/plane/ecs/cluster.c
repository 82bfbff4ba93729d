#include "plane/ecs/cluster.h"

#include "base/must.h"
#include "plane/ecs/cluster_tally.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service.h"
#include "plane/ecs/task.h"

/* ---- the table ---- */

static void key(const void *record, struct buf *key)
{
    const struct cluster_record *cluster = record;

    key_add(key, cluster->account_id);
    key_add(key, cluster->region);
    key_add(key, cluster->cluster->cluster_name);
}

const struct table_spec cluster_table = {.name = "cluster", .shape = &cluster_record_shape, .key = key};

bool cluster_is_active(const struct cluster_record *cluster)
{
    return str_is(cluster->cluster->status, "ACTIVE");
}

size_t cluster_service_uses(const struct transaction *tx, struct str account, struct str service,
                            struct service_use *ret_uses, size_t max)
{
    struct walk walk = transaction_walk(tx, &cluster_table, NULL, KEY_PREFIX(tx->arena, account));
    const struct cluster_record *cluster;
    size_t count = 0;

    if (!str_is(service, "ecs.amazonaws.com"))
        return 0;
    while (count < max && (cluster = walk_next(&walk)) != NULL)
        if (cluster_is_active(cluster))
            ret_uses[count++] = (struct service_use){cluster->region, cluster->cluster->cluster_arn};
    return count;
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct cluster_record *cluster = transaction_get(tx, &cluster_table, key);

    if (cluster == NULL || cluster_is_active(cluster))
        return WHEN_NEVER;
    if (tx->now_ms < cluster->deleted_at + CLUSTER_KEPT_MS)
        return cluster->deleted_at + CLUSTER_KEPT_MS;
    transaction_delete(tx, &cluster_table, key);
    return WHEN_NEVER;
}

const struct reconciler_spec cluster_reconciler = {"cluster", &cluster_table, reconcile};

void cluster_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct cluster_record *cluster = after;

    (void)before;
    if (cluster != NULL && !cluster_is_active(cluster))
        marks_add(marks, &cluster_reconciler,
                  KEY(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));
}

/* ---- finding ---- */

bool cluster_find(const struct call *call, struct str name_or_arn, const struct cluster_record **ret_cluster)
{
    struct str name = STR("default");
    const struct cluster_record *cluster = NULL;

    if (name_or_arn.len == 0 || ecs_own_name(call, name_or_arn, "cluster", &name))
        cluster =
            transaction_get(call->tx, &cluster_table, KEY(call->arena, call->principal->account, call->region, name));
    if (cluster == NULL || !cluster_is_active(cluster))
        return fail_api(call->fail, ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION, "Cluster not found.");
    *ret_cluster = cluster;
    return true;
}

bool cluster_has_tasks(const struct call *call, const struct cluster_record *record)
{
    return cluster_tally_of(call->tx, record).present > 0;
}

/* ---- how it is shown ---- */

static int32_t count_instances(const struct call *call, const struct cluster_record *record)
{
    struct walk walk = container_instances_of(call->tx, record);
    int32_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

static int32_t sum(const int32_t of[LAUNCHES])
{
    return of[LAUNCH_EC2] + of[LAUNCH_FARGATE] + of[LAUNCH_EXTERNAL];
}

/* The names of DescribeClusters' STATISTICS (API reference, "Cluster"). */
static struct ecs_statistics statistics(const struct call *call, const struct cluster_tally *counts,
                                        const struct service_counts *services)
{
    const struct {
        const char *name;
        int32_t count;
    } rows[] = {
        {"runningEC2TasksCount", counts->running[LAUNCH_EC2]},
        {"runningFargateTasksCount", counts->running[LAUNCH_FARGATE]},
        {"pendingEC2TasksCount", counts->pending[LAUNCH_EC2]},
        {"pendingFargateTasksCount", counts->pending[LAUNCH_FARGATE]},
        {"runningExternalTasksCount", counts->running[LAUNCH_EXTERNAL]},
        {"pendingExternalTasksCount", counts->pending[LAUNCH_EXTERNAL]},
        {"activeEC2ServiceCount", services->active_by[LAUNCH_EC2]},
        {"activeFargateServiceCount", services->active_by[LAUNCH_FARGATE]},
        {"drainingEC2ServiceCount", services->draining_by[LAUNCH_EC2]},
        {"drainingFargateServiceCount", services->draining_by[LAUNCH_FARGATE]},
        {"activeExternalServiceCount", services->active_by[LAUNCH_EXTERNAL]},
        {"drainingExternalServiceCount", services->draining_by[LAUNCH_EXTERNAL]},
    };
    struct ecs_statistics list = {arena_array(call->arena, struct ecs_key_value_pair, COUNT_OF(rows)), COUNT_OF(rows)};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        list.items[i] = (struct ecs_key_value_pair){.name = str_of(rows[i].name),
                                                    .value = arena_printf(call->arena, "%d", rows[i].count)};
    return list;
}

/* A list that an answer leaves out is empty, not absent. */
#define HIDE_UNLESS(shown, arena, list)                                                                                \
    do {                                                                                                               \
        if (!(shown) || (list).items == NULL) {                                                                        \
            (list).items = arena_alloc((arena), 0);                                                                    \
            (list).count = 0;                                                                                          \
        }                                                                                                              \
    } while (0)

struct ecs_cluster *cluster_shown(const struct call *call, const struct cluster_record *record,
                                  const struct cluster_parts *parts)
{
    struct ecs_cluster *cluster = arena_new(call->arena, struct ecs_cluster);
    struct cluster_tally counts = cluster_tally_of(call->tx, record);
    struct service_counts services = services_count(call->tx, record);

    *cluster = *record->cluster;
    SET(cluster, registered_container_instances_count, count_instances(call, record));
    SET(cluster, running_tasks_count, sum(counts.running));
    SET(cluster, pending_tasks_count, sum(counts.pending));
    SET(cluster, active_services_count, services.active);
    if (parts->statistics)
        cluster->statistics = statistics(call, &counts, &services);
    if (!parts->configuration)
        cluster->configuration = NULL;
    HIDE_UNLESS(parts->statistics, call->arena, cluster->statistics);
    HIDE_UNLESS(parts->tags, call->arena, cluster->tags);
    HIDE_UNLESS(parts->settings, call->arena, cluster->settings);
    HIDE_UNLESS(true, call->arena, cluster->capacity_providers);
    HIDE_UNLESS(true, call->arena, cluster->default_capacity_provider_strategy);
    return cluster;
}
