#include "plane/ecs/service_rollout.h"

#include "base/must.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/service_alarms.h"
#include "plane/ecs/service_daemon.h"
#include "plane/ecs/service_deployment.h"
#include "plane/ecs/service_event.h"

/* What makes a deployment fail, in AWS's words. */
static const struct cause {
    const char *who, *what;
    const char *rolled_back, *stopped; /* of the service deployment */
} by_breaker =
    {
        "circuit breaker",
        "tasks failed to start",
        "Service deployment rolled back because the circuit breaker threshold was exceeded.",
        "Service deployment stopped because the circuit breaker threshold was exceeded.",
},
  by_alarm = {
      "alarm",
      "alarm detected",
      "Service deployment rolled back because a CloudWatch alarm was detected.",
      "Service deployment stopped because a CloudWatch alarm was detected.",
};

#define ROLLBACK_ASKED "Service deployment rolled back because a rollback was requested by StopServiceDeployment."

struct rollout {
    struct look *look;
    struct deployment_edit primary;
};

/* ---- what tasks tell ---- */

static const struct ecs_deployment_configuration *configuration(const struct rollout *rollout)
{
    return rollout->look->service.service.deployment_configuration;
}

static bool breaker_is_on(const struct rollout *rollout)
{
    const struct ecs_deployment_circuit_breaker *breaker = configuration(rollout)->deployment_circuit_breaker;

    return breaker != NULL && breaker->enable;
}

static bool healthy_resets(const struct rollout *rollout)
{
    const struct ecs_deployment_circuit_breaker *breaker = configuration(rollout)->deployment_circuit_breaker;

    return breaker == NULL || !breaker->has_reset_on_healthy_task || breaker->reset_on_healthy_task;
}

static void proved(void *context, const struct task_record *task)
{
    struct rollout *rollout = context;

    if (service_task_is_of(task, rollout->primary.record.id))
        start_trouble_over(&rollout->primary.trouble, healthy_resets(rollout));
}

static void failed(void *context, const struct task_record *task)
{
    struct rollout *rollout = context;
    struct look *look = rollout->look;

    if (!service_task_is_of(task, rollout->primary.record.id))
        return;
    if (start_trouble_failed(&rollout->primary.trouble, task->task->created_at, look->tx->now_ms))
        service_event_add(look->tx, &look->service,
                          "is unable to consistently start tasks successfully. For more information, see the "
                          "Troubleshooting section of the Amazon ECS Developer Guide.");
}

/* ---- how a deployment ends ---- */

static struct str rolling_back_text(struct arena *arena, const char *who, struct str id)
{
    return arena_printf(arena, "ECS deployment %s: rolling back to deploymentId ecs-svc/%.*s.", who, STR_ARG(id));
}

static bool can_roll_back(const struct rollout *rollout)
{
    const struct service_record *service = &rollout->look->service.record;

    return service->stable_id.ptr != NULL && !str_eq(service->stable_id, service->primary_id) &&
           deployment_of(rollout->look->tx, service, service->stable_id) != NULL;
}

/* From here on the primary of this look is an old one. */
static void roll_back(struct rollout *rollout, const char *who, struct str reason)
{
    struct look *look = rollout->look;
    struct str target = look->service.record.stable_id;

    service_event_add(look->tx, &look->service, "rolling back to deployment ecs-svc/%.*s.", STR_ARG(target));
    service_deployment_roll_back(look->tx, &look->service.record, target, reason);
    deployment_begin(look->tx, &look->service, target, rolling_back_text(look->tx->arena, who, target));
}

static void fail_deployment(struct rollout *rollout, const struct cause *cause, bool rolls_back)
{
    struct look *look = rollout->look;

    deployment_edit_rollout(&rollout->primary, ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED,
                            arena_printf(look->tx->arena, "ECS deployment %s: %s.", cause->who, cause->what));
    SET(&rollout->primary.deployment, updated_at, look->tx->now_ms);
    deployment_edit_put(look->tx, &rollout->primary);
    service_event_add(look->tx, &look->service, "(deployment %.*s) deployment failed: %s.",
                      STR_ARG(rollout->primary.deployment.id), cause->what);
    if (rolls_back && can_roll_back(rollout))
        roll_back(rollout, cause->who, str_of(cause->rolled_back));
    else
        service_deployment_finish(look->tx, &look->service.record, /* is_success= */ false, str_of(cause->stopped));
}

static bool is_in_progress(const struct rollout *rollout)
{
    return rollout->primary.deployment.rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS;
}

/* Whether the circuit breaker tripped. */
static bool trip(struct rollout *rollout)
{
    struct look *look = rollout->look;

    if (!breaker_is_on(rollout) || !is_in_progress(rollout) ||
        rollout->primary.trouble.failures < circuit_breaker_threshold(&look->service.record))
        return false;
    service_deployment_trip(look->tx, &look->service.record, rollout->primary.trouble.failures);
    fail_deployment(rollout, &by_breaker, configuration(rollout)->deployment_circuit_breaker->rollback);
    return true;
}

static bool watches_alarms(const struct rollout *rollout)
{
    const struct service_record *service = &rollout->look->service.record;

    return is_in_progress(rollout) && service_has_alarms(service) &&
           service_deployment_watches_alarms(rollout->look->tx, service);
}

/* Whether one of the deployment's alarms was found in ALARM. */
static bool hear_alarm(struct rollout *rollout)
{
    struct look *look = rollout->look;
    struct ecs_string_list found = {NULL, 0};

    if (watches_alarms(rollout))
        found = service_alarms_in_alarm(look->tx, &look->service.record);
    if (found.count == 0)
        return false;
    service_deployment_alarm(look->tx, &look->service.record, found);
    fail_deployment(rollout, &by_alarm, configuration(rollout)->alarms->rollback);
    return true;
}

/* Whether a rollback was asked for, and begun. */
static bool obey(struct rollout *rollout)
{
    struct look *look = rollout->look;
    const struct service_deployment_record *current = service_deployment_current(look->tx, &look->service.record);

    if (current == NULL || current->deployment->status != ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED ||
        !can_roll_back(rollout))
        return false;
    deployment_edit_rollout(&rollout->primary, ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED,
                            STR("ECS deployment was stopped: a rollback was requested."));
    deployment_edit_put(look->tx, &rollout->primary);
    roll_back(rollout, "rollback request", STR(ROLLBACK_ASKED));
    return true;
}

static void complete(struct rollout *rollout)
{
    struct look *look = rollout->look;
    struct deployment_edit *primary = &rollout->primary;

    deployment_edit_rollout(
        primary, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED,
        arena_printf(look->tx->arena, "ECS deployment %.*s completed.", STR_ARG(primary->deployment.id)));
    SET(&primary->deployment, updated_at, look->tx->now_ms);
    look->service.record.stable_id = primary->record.id;
    service_event_add(look->tx, &look->service, "(deployment %.*s) deployment completed.",
                      STR_ARG(primary->deployment.id));
    service_deployment_finish(look->tx, &look->service.record, /* is_success= */ true, (struct str){NULL, 0});
}

/* The new tasks are watched for a while before the deployment counts as done. */
static bool is_baked(struct rollout *rollout)
{
    struct deployment_record *record = &rollout->primary.record;
    int64_t bake_ms = configuration(rollout)->bake_time_in_minutes * MINUTE_MS;

    if (service_deployment_is_rolling_back(rollout->look->tx, &rollout->look->service.record))
        return true; /* these have been watched before */
    if (bake_ms == 0 && watches_alarms(rollout))
        bake_ms = service_alarms_bake_ms(rollout->look->tx, &rollout->look->service.record);
    if (!record->has_baking_since)
        SET(record, baking_since, rollout->look->tx->now_ms);
    if (rollout->look->tx->now_ms >= record->baking_since + bake_ms)
        return true;
    look_wake_at(rollout->look, record->baking_since + bake_ms);
    return false;
}

static void note_steady(struct look *look)
{
    struct service_record *service = &look->service.record;

    if (!service->has_steady_at || look->tx->now_ms >= service->steady_at + SERVICE_EVENT_QUIET_MS) {
        SET(service, steady_at, look->tx->now_ms);
        service_event_add(look->tx, &look->service, "has reached a steady state.");
    }
    look_wake_at(look, service->steady_at + SERVICE_EVENT_QUIET_MS);
}

/* What the state of the tasks means for the deployment. */
static void conclude(struct rollout *rollout, const struct plan *plan)
{
    struct look *look = rollout->look;
    if (!plan->is_done) {
        look->service.record.has_steady_at = false;
        rollout->primary.record.has_baking_since = false;
        if (plan->is_stuck)
            service_event_add(look->tx, &look->service,
                              "was unable to stop or start tasks during a deployment because of the service "
                              "deployment configuration. Update the minimumHealthyPercent or maximumPercent value and "
                              "try again.");
        return;
    }
    if (is_in_progress(rollout) && is_baked(rollout))
        complete(rollout);
    if (!is_in_progress(rollout))
        note_steady(look);
}

/* ---- deployments that are over ---- */

static void forget_others(struct look *look)
{
    const struct service_record *service = &look->service.record;
    struct walk walk = transaction_walk(look->tx, &deployment_table, NULL, SERVICE_PREFIX(look->tx->arena, service));
    const struct deployment_record *deployment;

    while ((deployment = walk_next(&walk)) != NULL)
        if (!str_eq(deployment->id, service->primary_id) && !str_eq(deployment->id, service->stable_id) &&
            !roster_has_tasks(look->tx, service, deployment->id))
            transaction_delete(look->tx, &deployment_table, walk.at);
}

/* ---- one look ---- */

static struct look_group group_of(struct rollout *rollout)
{
    const struct ecs_service *service = &rollout->look->service.service;
    int64_t desired = service->desired_count;
    int64_t minimum = (desired * configuration(rollout)->minimum_healthy_percent + 99) / 100;
    int64_t maximum = desired * configuration(rollout)->maximum_percent / 100;

    return (struct look_group){
        .id = rollout->primary.record.id,
        .others = true,
        .desired = (int32_t)desired,
        .minimum = (int32_t)minimum,
        .maximum = (int32_t)maximum,
        .may_start = rollout->primary.deployment.rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED,
        .rebalance = service->availability_zone_rebalancing == ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED,
        .trouble = &rollout->primary.trouble,
    };
}

void service_roll(struct look *look)
{
    struct rollout rollout = {.look = look};
    const struct look_note note = {proved, failed, &rollout};
    const struct deployment_record *primary =
        deployment_of(look->tx, &look->service.record, look->service.record.primary_id);
    struct look_group group;
    struct plan plan;

    must(primary != NULL);
    deployment_edit_begin(primary, &rollout.primary);
    service_deployment_start(look->tx, &look->service.record);
    look_at_tasks(look, &note);
    if (trip(&rollout) || hear_alarm(&rollout) || obey(&rollout))
        return; /* which marks the service: what follows is for the next look */
    group = group_of(&rollout);
    if (service_is_daemon(&look->service.record))
        daemon_act(look, &group, &plan);
    else
        look_act(look, &group, &plan);
    conclude(&rollout, &plan);
    deployment_edit_put(look->tx, &rollout.primary);
    forget_others(look);
}
