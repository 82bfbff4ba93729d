#include "plane/ecs/service_daemon_scene.h"

#include "plane/ecs/service_daemon.h"
#include "plane/ecs/service_roster.h"

static bool is_of_daemon(const struct transaction *tx, const struct task_record *task)
{
    const struct service_record *service =
        task->service_name.ptr == NULL ? NULL : transaction_get(tx, &service_table, SERVICE_KEY(tx->arena, task));

    return service != NULL && service_is_daemon(service);
}

bool daemon_is_needed_on(const struct transaction *tx, const struct container_instance_record *instance)
{
    const struct task_record *other;
    struct walk walk;

    if (instance == NULL || container_instance_is_active(instance))
        return false;
    walk = container_instance_tasks(tx, instance);
    while ((other = walk_next(&walk)) != NULL)
        if (!is_of_daemon(tx, other))
            return true;
    return false;
}

/* ---- where ---- */

static void find_places(struct transaction *tx, const struct task_wish *wish, struct daemon_scene *scene)
{
    struct walk walk = container_instances_of(tx, wish->cluster);
    const struct container_instance_record *instance;
    size_t most = 0;

    while (walk_next(&walk) != NULL)
        most++;
    scene->places = arena_array(tx->arena, const struct container_instance_record *, most + 1);
    walk = container_instances_of(tx, wish->cluster);
    while ((instance = walk_next(&walk)) != NULL)
        if (task_instances_suits(tx, wish, instance))
            scene->places[scene->place_count++] = instance;
    scene->instances = scene->place_count;
}

/* scene->place_count: it has none. */
static size_t place_of(const struct daemon_scene *scene, const struct task_record *task)
{
    size_t low = 0;
    size_t high = scene->place_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(scene->places[middle]->instance_id, task->container_instance_id);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return scene->place_count;
}

/* ---- what is there ---- */

static void list_tasks(struct transaction *tx, const struct service_record *service, struct daemon_scene *scene)
{
    struct walk walk = service_tasks_walk(tx, service);
    const struct task_record *task;
    size_t most = 0;

    while (walk_next(&walk) != NULL)
        most++;
    scene->records = arena_array(tx->arena, const struct task_record *, most + 1);
    walk = service_tasks_walk(tx, service);
    while ((task = walk_next(&walk)) != NULL)
        if (service_task_phase(task) != PHASE_GONE)
            scene->records[scene->task_count++] = task;
}

void daemon_scene_walk(struct transaction *tx, const struct daemon_view *view, struct daemon_scene *ret_scene)
{
    struct daemon_scene scene = {.instances = 0};
    size_t all;

    find_places(tx, view->wish, &scene);
    list_tasks(tx, view->service, &scene);
    all = scene.task_count;
    scene.tasks = arena_array(tx->arena, struct daemon_task, all + 1);
    scene.task_count = 0;
    for (size_t i = 0; i < all; i++) {
        const struct task_record *task = scene.records[i];
        size_t place = place_of(&scene, task);

        if (place == scene.place_count && daemon_is_needed_on(tx, container_instance_of_task(tx, task)))
            continue;
        scene.records[scene.task_count] = task;
        scene.tasks[scene.task_count++] =
            (struct daemon_task){.phase = service_task_phase(task),
                                 .is_new = service_task_is_of(task, view->id),
                                 .is_protected = service_task_is_protected(task, tx->now_ms),
                                 .place = place};
    }
    *ret_scene = scene;
}

/* ---- the plan ---- */

void daemon_scene_plan(const struct daemon_scene *scene, int32_t minimum, bool may_start, struct arena *arena,
                       struct plan *ret_plan)
{
    const struct daemon_wish wish = {scene->place_count, minimum - scene->healthy_beside, may_start};

    daemon_plan_make(&wish, scene->tasks, scene->task_count, arena, ret_plan);
}
