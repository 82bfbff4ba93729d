#include "plane/ecs/cluster_tally.h"

#include "base/map.h"
#include "base/must.h"
#include "plane/ecs/task.h"

/* A cluster that has, or had, tasks: few, and kept. */
struct counted {
    struct cluster_tally tally;
    size_t key_len;
    char key[];
};

enum launch_column launch_column_of(enum ecs_launch_type type)
{
    switch (type) {
    case ECS_LAUNCH_TYPE_FARGATE:
        return LAUNCH_FARGATE;
    case ECS_LAUNCH_TYPE_EXTERNAL:
        return LAUNCH_EXTERNAL;
    case ECS_LAUNCH_TYPE_EC2:
    case ECS_LAUNCH_TYPE_MANAGED_INSTANCES:
    case ECS_LAUNCH_TYPE_NONE:
        return LAUNCH_EC2;
    }
    return LAUNCH_EC2;
}

static struct counted *counted_get(struct map *clusters, struct str key)
{
    struct counted *counted = map_get(clusters, key);

    if (counted != NULL)
        return counted;
    counted = calloc(1, sizeof(*counted) + key.len);
    must(counted != NULL);
    memcpy(counted->key, key.ptr, key.len);
    counted->key_len = key.len;
    (void)map_put(clusters, (struct str){counted->key, key.len}, counted);
    return counted;
}

static void add(struct map *clusters, const struct task_record *task, int32_t by)
{
    struct cluster_tally *tally;
    auto_buf key = {.ptr = NULL};

    if (task == NULL || task_is_stopped(task))
        return;
    key_add(&key, task->account_id);
    key_add(&key, task->region);
    key_add(&key, task->cluster_name);
    must(!key.overflowed);
    tally = &counted_get(clusters, buf_str(&key))->tally;
    tally->present += by;
    if (task_wants_to_run(task) && task_status(task) == TASK_RUNNING)
        tally->running[launch_column_of(task->task->launch_type)] += by;
    else if (task_wants_to_run(task))
        tally->pending[launch_column_of(task->task->launch_type)] += by;
}

static void *make(void)
{
    struct map *clusters = calloc(1, sizeof(*clusters));

    must(clusters != NULL);
    return clusters;
}

static void changed(void *derived, struct str key, const void *before, const void *after)
{
    (void)key;
    add(derived, before, -1);
    add(derived, after, 1);
}

static void end(void *derived)
{
    struct map *clusters = derived;
    struct counted *counted;

    for (size_t at = 0; (counted = map_next(clusters, &at)) != NULL;)
        free(counted);
    map_free(clusters);
    free(clusters);
}

static const struct derived_spec derived_tallies = {.table = &task_table, .make = make, .changed = changed, .end = end};

struct cluster_tally cluster_tally_of(const struct transaction *tx, const struct cluster_record *cluster)
{
    const struct map *clusters = transaction_derived(tx, &derived_tallies);
    const struct counted *counted =
        map_get(clusters, KEY(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));

    return counted == NULL ? (struct cluster_tally){.present = 0} : counted->tally;
}
