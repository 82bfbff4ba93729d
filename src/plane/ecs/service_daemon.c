#include "plane/ecs/service_daemon.h"

#include "base/must.h"
#include "plane/ecs/service_act.h"
#include "plane/ecs/service_daemon_plan.h"
#include "plane/ecs/task_instances.h"

struct daemon {
    struct act act;
    const struct container_instance_record **places; /* by instance id */
    size_t count;
};

bool service_is_daemon(const struct service_record *service)
{
    return service->service->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON;
}

/* ---- where ---- */

static void find_places(struct daemon *daemon)
{
    struct transaction *tx = daemon->act.look->tx;
    const struct task_wish *wish = &daemon->act.wish;
    struct walk walk = container_instances_of(tx, wish->cluster);
    const struct container_instance_record *instance;
    size_t most = 0;

    while (walk_next(&walk) != NULL)
        most++;
    daemon->places = arena_array(tx->arena, const struct container_instance_record *, most + 1);
    walk = container_instances_of(tx, wish->cluster);
    while ((instance = walk_next(&walk)) != NULL)
        if (task_instances_suits(tx, wish, instance))
            daemon->places[daemon->count++] = instance;
}

/* daemon->count: it has none. */
static size_t place_of(const struct daemon *daemon, const struct task_record *task)
{
    size_t low = 0;
    size_t high = daemon->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(daemon->places[middle]->instance_id, task->container_instance_id);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return daemon->count;
}

static bool is_of_daemon(const struct transaction *tx, const struct task_record *task)
{
    const struct service_record *service =
        task->service_name.ptr == NULL ? NULL : transaction_get(tx, &service_table, SERVICE_KEY(tx->arena, task));

    return service != NULL && service_is_daemon(service);
}

/* Its instance is being emptied, and tasks that may need it are there still. */
static bool is_waited_for(const struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
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

/* ---- what there is, for the plan ---- */

static const struct task_record **list_tasks(const struct look *look, size_t *ret_count)
{
    struct walk walk = service_tasks_walk(look->tx, &look->service.record);
    const struct task_record **tasks;
    const struct task_record *task;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    tasks = arena_array(look->tx->arena, const struct task_record *, count + 1);
    walk = service_tasks_walk(look->tx, &look->service.record);
    count = 0;
    while ((task = walk_next(&walk)) != NULL)
        if (service_task_phase(task) != PHASE_GONE)
            tasks[count++] = task;
    *ret_count = count;
    return tasks;
}

/* ret_records: the record of each. */
static struct daemon_task *plan_tasks(struct daemon *daemon, const struct task_record ***ret_records, size_t *ret_count)
{
    const struct look *look = daemon->act.look;
    size_t all;
    const struct task_record **records = list_tasks(look, &all);
    struct daemon_task *tasks = arena_array(look->tx->arena, struct daemon_task, all + 1);
    size_t count = 0;

    for (size_t i = 0; i < all; i++) {
        const struct task_record *task = records[i];
        size_t place = place_of(daemon, task);

        if (place == daemon->count && is_waited_for(look->tx, task))
            continue;
        records[count] = task;
        tasks[count++] = (struct daemon_task){.phase = service_task_phase(task),
                                              .is_new = service_task_is_of(task, daemon->act.group->id),
                                              .is_protected = service_task_is_protected(task, look->tx->now_ms),
                                              .place = place};
    }
    *ret_records = records;
    *ret_count = count;
    return tasks;
}

static void stop(struct daemon *daemon, const struct task_record *const *records)
{
    const struct plan *plan = daemon->act.plan;
    struct act_stops stops = {.count = 0};

    for (size_t i = 0; i < plan->stop_count; i++)
        act_stop(&daemon->act, records[plan->stops[i]], &stops);
    act_say_stopped(&daemon->act, &stops);
}

/* ---- starting ---- */

static bool start_at(struct daemon *daemon, size_t place, const struct ecs_task **ret_task,
                     struct ecs_failure *ret_failure)
{
    struct transaction *tx = daemon->act.look->tx;
    const struct container_instance_record *instance = daemon->places[place];
    enum placement_refusal refusal = task_instances_refuses(tx, &daemon->act.wish, instance);

    if (refusal != PLACEMENT_FITS) {
        *ret_failure = (struct ecs_failure){.arn = instance->instance->container_instance_arn,
                                            .reason = str_of(placement_reason(refusal))};
        return false;
    }
    *ret_task = task_make(tx, &daemon->act.wish, /* number= */ 0, &(struct task_place){.instance = instance});
    return true;
}

/* One that has no room keeps no other waiting; the first of those is told of. */
static void start(struct daemon *daemon)
{
    struct act *act = &daemon->act;
    struct ecs_failure failure = {.reason = {NULL, 0}};
    struct str tasks = STR("");
    size_t started = 0;

    for (size_t i = 0; i < act->plan->start_count; i++) {
        const struct ecs_task *task;
        struct ecs_failure one;

        if (start_at(daemon, act->plan->starts[i], &task, &one)) {
            tasks = act_with_task(act->look->tx->arena, tasks, task->task_arn);
            started++;
        } else if (failure.reason.ptr == NULL) {
            failure = one;
        }
    }
    if (started > 0)
        act_say_started(act, started, tasks);
    if (failure.reason.ptr != NULL)
        act_could_not_place(act, &failure);
    else
        act->look->service.record.has_unplaced_at = false;
}

/* ---- all of it ---- */

/* Percentages are of the instances that there are now. */
static void count_wish(struct daemon *daemon, struct look_group *group)
{
    struct ecs_service *service = &daemon->act.look->service.service;
    int64_t percent = service->deployment_configuration->minimum_healthy_percent;

    SET(service, desired_count, (int32_t)daemon->count);
    group->desired = group->maximum = service->desired_count;
    group->minimum = (int32_t)(((int64_t)daemon->count * percent + 99) / 100);
}

void daemon_act(struct look *look, struct look_group *group, struct plan *ret_plan)
{
    bool waits = start_trouble_waits(group->trouble, look->tx->now_ms);
    const struct task_record **records;
    struct daemon daemon = {.count = 0};
    struct daemon_wish wish;
    struct daemon_task *tasks;
    size_t count;

    if (waits)
        look_wake_at(look, group->trouble->until);
    act_begin(look, group, ret_plan, &daemon.act);
    *ret_plan = (struct plan){.start_count = 0};
    if (!daemon.act.can_start) {
        act_could_not_start(&daemon.act);
        return;
    }
    find_places(&daemon);
    count_wish(&daemon, group);
    tasks = plan_tasks(&daemon, &records, &count);
    wish = (struct daemon_wish){daemon.count, group->minimum, group->may_start && !waits};
    daemon_plan_make(&wish, tasks, count, look->tx->arena, ret_plan);
    stop(&daemon, records);
    start(&daemon);
}
