#include "plane/ecs/service_daemon.h"

#include "plane/ecs/service_act.h"
#include "plane/ecs/service_muster.h"

struct daemon {
    struct act act;
    struct daemon_scene scene;
};

bool service_is_daemon(const struct service_record *service)
{
    return service->service->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON;
}

/* ---- stopping ---- */

static void stop(struct daemon *daemon)
{
    const struct plan *plan = daemon->act.plan;
    struct act_stops stops = {.count = 0};

    for (size_t i = 0; i < plan->stop_count; i++)
        act_stop(&daemon->act, daemon->scene.records[plan->stops[i]], &stops);
    act_say_stopped(&daemon->act, &stops);
}

/* ---- starting ---- */

static bool start_at(struct daemon *daemon, size_t place, const struct ecs_task **ret_task,
                     struct ecs_failure *ret_failure)
{
    struct transaction *tx = daemon->act.look->tx;
    const struct container_instance_record *instance = daemon->scene.places[place];
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

    SET(service, desired_count, (int32_t)daemon->scene.instances);
    group->desired = group->maximum = service->desired_count;
    group->minimum = (int32_t)(((int64_t)daemon->scene.instances * percent + 99) / 100);
}

void daemon_act(struct look *look, struct look_group *group, struct plan *ret_plan)
{
    bool waits = start_trouble_waits(group->trouble, look->tx->now_ms);
    struct daemon daemon;
    struct daemon_view view;

    if (waits)
        look_wake_at(look, group->trouble->until);
    act_begin(look, group, ret_plan, &daemon.act);
    *ret_plan = (struct plan){.start_count = 0};
    if (!daemon.act.can_start) {
        act_could_not_start(&daemon.act);
        return;
    }
    view = (struct daemon_view){&look->service.record, &daemon.act.wish, group->id};
    if (daemon.act.wish.launch.instances->needs_counts)
        daemon_scene_walk(look->tx, &view, &daemon.scene);
    else
        daemon_scene_muster(look->tx, &view, &daemon.scene);
    count_wish(&daemon, group);
    daemon_scene_plan(&daemon.scene, group->minimum, group->may_start && !waits, look->tx->arena, ret_plan);
    stop(&daemon);
    start(&daemon);
}
