#include "plane/ecs/utilization.h"

#include "base/map.h"
#include "base/must.h"
#include "plane/cloudwatch/metric.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/task.h"

#define NAMESPACE STR("AWS/ECS")
enum { METRICS_MAX = 4 };

/* The percentages of a service's tasks. */
struct spread {
    struct str service;
    struct cloudwatch_statistic_set cpu, memory;
};

/* One cluster's minute. */
struct minute {
    struct transaction *tx;
    int64_t at_ms;
    const struct task_record *any; /* a task of the cluster: whose, where, which */
    struct map by_service;         /* struct spread */
    struct spread *spreads;
    size_t spread_count;
    double cpu, memory; /* of tasks on container instances: units, MiB */
    bool any_on_instances;
};

/* ---- what was told ---- */

static double registered(const struct container_instance_record *instance, const char *name)
{
    const struct ecs_resources *resources = &instance->instance->registered_resources;

    for (size_t i = 0; i < resources->count; i++)
        if (str_is(resources->items[i].name, name))
            return resources->items[i].integer_value;
    return 0;
}

/* Whether the teller may speak for it, and what it says in CPU units. */
static bool cpu_of(const struct transaction *tx, const struct task_usage *usage, const struct task_record *task,
                   double *ret_units)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);

    if (!usage->is_share) {
        *ret_units = usage->cpu;
        return task->host_id.ptr != NULL && str_eq(task->host_id, usage->teller);
    }
    if (instance == NULL || !str_eq(instance->instance->container_instance_arn, usage->teller))
        return false;
    *ret_units = usage->cpu * registered(instance, "CPU") / 100;
    return true;
}

static void add(struct cloudwatch_statistic_set *set, double used, double reserved)
{
    double percent = used * 100 / reserved;

    if (reserved <= 0)
        return; /* nothing is reserved that it could be a part of */
    SET(set, sum, set->sum + percent);
    SET(set, minimum, set->has_minimum && set->minimum < percent ? set->minimum : percent);
    SET(set, maximum, set->has_maximum && set->maximum > percent ? set->maximum : percent);
    SET(set, sample_count, set->sample_count + 1);
}

static struct spread *spread_of(struct minute *minute, struct str service)
{
    struct spread *spread = map_get(&minute->by_service, service);

    if (spread != NULL)
        return spread;
    spread = &minute->spreads[minute->spread_count++];
    spread->service = service;
    must(map_put(&minute->by_service, spread->service, spread) == NULL);
    return spread;
}

static void take(struct minute *minute, const struct task_usage *usage)
{
    const struct task_record *task = task_of_arn(minute->tx, usage->task_arn);
    struct spread *spread;
    double cpu;

    if (task == NULL || task_status(task) != TASK_RUNNING || !cpu_of(minute->tx, usage, task, &cpu))
        return;
    minute->any = task;
    if (task->container_instance_id.ptr != NULL) {
        minute->any_on_instances = true;
        minute->cpu += cpu;
        minute->memory += usage->memory_mib;
    }
    if (task->service_name.ptr == NULL)
        return;
    spread = spread_of(minute, task->service_name);
    add(&spread->cpu, cpu, task->cpu_units);
    add(&spread->memory, usage->memory_mib, task->memory_mib);
}

/* ---- what is published ---- */

static void put(const struct minute *minute, const char *name, struct str service,
                const struct cloudwatch_statistic_set *statistics, struct cloudwatch_metric_data *to)
{
    struct arena *arena = minute->tx->arena;
    struct cloudwatch_dimension *dimensions = arena_array(arena, struct cloudwatch_dimension, 2);
    struct cloudwatch_metric_datum *datum = &to->items[to->count];

    if (statistics->sample_count == 0)
        return;
    to->count++;
    dimensions[0] = (struct cloudwatch_dimension){.name = STR("ClusterName"), .value = minute->any->cluster_name};
    dimensions[1] = (struct cloudwatch_dimension){.name = STR("ServiceName"), .value = service};
    datum->metric_name = str_of(name);
    datum->dimensions = (struct cloudwatch_dimensions){dimensions, service.ptr == NULL ? 1 : 2};
    datum->statistic_values = (struct cloudwatch_statistic_set *)(uintptr_t)statistics;
    datum->unit = CLOUDWATCH_STANDARD_UNIT_PERCENT;
    SET(datum, timestamp, minute->at_ms);
}

static void publish(const struct minute *minute, const struct cloudwatch_metric_data *data)
{
    if (data->count > 0)
        metric_publish(minute->tx, minute->any->account_id, minute->any->region, NAMESPACE, data);
}

static void publish_services(const struct minute *minute)
{
    for (size_t i = 0; i < minute->spread_count; i++) {
        const struct spread *spread = &minute->spreads[i];
        struct cloudwatch_metric_datum room[2] = {0};
        struct cloudwatch_metric_data data = {room, 0};

        put(minute, "CPUUtilization", spread->service, &spread->cpu, &data);
        put(minute, "MemoryUtilization", spread->service, &spread->memory, &data);
        publish(minute, &data);
    }
}

struct room {
    double cpu, memory, cpu_reserved, memory_reserved;
};

/* Of instances that are ACTIVE or DRAINING. */
static struct room room_of(const struct minute *minute)
{
    const struct task_record *any = minute->any;
    const struct cluster_record *cluster = transaction_get(
        minute->tx, &cluster_table, KEY(minute->tx->arena, any->account_id, any->region, any->cluster_name));
    const struct container_instance_record *instance;
    struct room room = {0};
    struct walk walk;

    if (cluster == NULL)
        return room;
    walk = container_instances_of(minute->tx, cluster);
    while ((instance = walk_next(&walk)) != NULL) {
        double cpu = registered(instance, "CPU");
        double memory = registered(instance, "MEMORY");

        room.cpu += cpu;
        room.memory += memory;
        room.cpu_reserved += cpu - (double)instance->cpu_left;
        room.memory_reserved += memory - (double)instance->memory_left;
    }
    return room;
}

static void publish_cluster(const struct minute *minute)
{
    const struct room room = room_of(minute);
    const struct {
        const char *name;
        double part, whole;
    } rows[METRICS_MAX] = {{"CPUUtilization", minute->cpu, room.cpu},
                           {"MemoryUtilization", minute->memory, room.memory},
                           {"CPUReservation", room.cpu_reserved, room.cpu},
                           {"MemoryReservation", room.memory_reserved, room.memory}};
    struct cloudwatch_metric_datum places[METRICS_MAX] = {0};
    struct cloudwatch_statistic_set sets[METRICS_MAX] = {0};
    struct cloudwatch_metric_data data = {places, 0};

    for (size_t i = 0; i < METRICS_MAX; i++) {
        add(&sets[i], rows[i].part, rows[i].whole);
        put(minute, rows[i].name, (struct str){NULL, 0}, &sets[i], &data);
    }
    publish(minute, &data);
}

void utilization_publish(struct transaction *tx, const struct task_usage *usages, size_t count, int64_t minute_ms)
{
    struct minute minute = {.tx = tx, .at_ms = minute_ms, .spreads = arena_array(tx->arena, struct spread, count + 1)};

    for (size_t i = 0; i < count; i++)
        take(&minute, &usages[i]);
    publish_services(&minute);
    if (minute.any_on_instances)
        publish_cluster(&minute);
    map_free(&minute.by_service);
}
