/* What a plan says, done: tasks started and stopped, and the events that tell of it. */
#include "plane/ecs/service_act.h"

#include "base/must.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task_instances.h"

/* How long nothing is tried that found no place, unless a host gets room before. */
#define UNPLACED_WAIT_MS MINUTE_MS

/* The texts of AWS (developer guide, "Amazon ECS service event messages"). */
#define MORE "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

static bool is_in_group(const struct act *act, const struct roster_cell *cell)
{
    return cell->phase != PHASE_GONE && (act->group->others || str_eq(cell->group, act->group->id));
}

/* ---- what there is, for the plan ---- */

static size_t zone_number(struct act *act, struct str name)
{
    for (size_t i = 0; i < act->zone_count; i++)
        if (str_eq(act->all_zones[i], name))
            return i;
    act->all_zones[act->zone_count] = name;
    return act->zone_count++;
}

struct call act_call(struct transaction *tx, const struct service_record *service, struct principal *principal,
                     struct fail *f)
{
    *principal = (struct principal){.kind = PRINCIPAL_ROOT, .account = service->account_id};
    return (struct call){.tx = tx,
                         .arena = tx->arena,
                         .fail = f,
                         .principal = principal,
                         .settings = transaction_settings(tx),
                         .region = service->region};
}

static void find_zones(struct act *act)
{
    struct arena *arena = act->look->tx->arena;

    if (act->can_start) {
        act->zones = service_zones_of(act->look->tx, &act->wish);
    } else {
        act->zones = (struct service_zones){arena_new(arena, struct str), NULL, 1};
        act->zones.names[0] = STR("");
    }
    act->zone_count = act->zones.count;
    act->all_zones = arena_array(arena, struct str, act->zones.count + act->cells.count);
    for (size_t i = 0; i < act->zones.count; i++)
        act->all_zones[i] = act->zones.names[i];
}

static struct roster_cells cells_of_group(const struct act *act)
{
    struct roster_cells cells = roster_cells_of(act->look->tx, &act->look->service.record);
    size_t count = 0;

    for (size_t i = 0; i < cells.count; i++)
        if (is_in_group(act, cells.items[i]))
            cells.items[count++] = cells.items[i];
    cells.count = count;
    return cells;
}

void act_begin(struct look *look, const struct look_group *group, struct plan *plan, struct act *ret_act)
{
    const struct service_record *service = &look->service.record;
    const struct service_revision_record *revision = service_revision_of(look->tx, service, group->id);
    struct principal principal;
    struct call call;

    must(revision != NULL);
    *ret_act = (struct act){.look = look, .group = group, .plan = plan};
    call = act_call(look->tx, service, &principal, &ret_act->why_not);
    ret_act->can_start = service_wish_make(&call, service, revision->revision, &ret_act->wish);
    if (ret_act->can_start)
        ret_act->wish.started_by = arena_printf(look->tx->arena, "ecs-svc/%.*s", STR_ARG(group->id));
}

static const struct ecs_capacity_provider_strategy *strategy_of(const struct act *act)
{
    return act->can_start ? act->wish.launch.strategy : NULL;
}

static size_t provider_of(const struct act *act, const struct roster_cell *cell)
{
    return strategy_of(act) == NULL ? 0 : service_provider_number(strategy_of(act), cell->provider);
}

/* Tasks whose container instance is to be emptied give way as those of an older revision do. */
static struct plan_cell *plan_cells(struct act *act)
{
    struct plan_cell *cells = arena_array(act->look->tx->arena, struct plan_cell, act->cells.count);

    for (size_t i = 0; i < act->cells.count; i++) {
        const struct roster_cell *cell = act->cells.items[i];

        cells[i] = (struct plan_cell){.phase = cell->phase,
                                      .is_new = str_eq(cell->group, act->group->id) && !cell->draining,
                                      .is_protected = cell->guarded,
                                      .zone = zone_number(act, cell->zone),
                                      .provider = provider_of(act, cell),
                                      .count = cell->count};
    }
    return cells;
}

/* ---- starting ---- */

/* Of the one that will go when zones are evened out, else the next. */
static size_t next_provider(const struct act *act)
{
    const struct ecs_capacity_provider_strategy *strategy = act->wish.launch.strategy;
    int32_t *counts = arena_array(act->look->tx->arena, int32_t, strategy->count + 1);
    struct roster_cells cells = roster_cells_of(act->look->tx, &act->look->service.record); /* as they are by now */

    if (act->plan->rebalances && act->plan->provider < strategy->count)
        return act->plan->provider;
    for (size_t i = 0; i < cells.count; i++)
        if (cells.items[i]->phase < PHASE_LEAVING && str_eq(cells.items[i]->group, act->group->id))
            counts[provider_of(act, cells.items[i])] += (int32_t)cells.items[i]->count;
    return service_next_provider(strategy, counts);
}

static const struct ecs_capacity_provider_strategy *only(struct arena *arena,
                                                         struct ecs_capacity_provider_strategy_item *item)
{
    struct ecs_capacity_provider_strategy *strategy = arena_new(arena, struct ecs_capacity_provider_strategy);

    *strategy = (struct ecs_capacity_provider_strategy){item, 1};
    return strategy;
}

static bool start_in(struct act *act, size_t zone, const struct ecs_task **ret_task, struct ecs_failure *ret_failure)
{
    struct task_wish wish = act->wish;

    wish.subnet_id = act->zones.subnets[zone];
    if (wish.launch.instances != NULL && act->plan->rebalances)
        wish.launch.instances->zone = act->zones.names[zone];
    if (wish.launch.strategy != NULL)
        wish.launch.strategy = only(wish.arena, &wish.launch.strategy->items[next_provider(act)]);
    return task_start(act->look->tx, &wish, /* number= */ 0, ret_task, ret_failure);
}

struct str act_with_task(struct arena *arena, struct str text, struct str arn)
{
    return arena_printf(arena, "%.*s%s(task %.*s)", STR_ARG(text), text.len == 0 ? "" : " ", STR_ARG(ecs_name(arn)));
}

/* Developer guide, "Amazon ECS service event messages". */
static const char *refusal_text(struct str reason, struct arena *arena)
{
    static const struct {
        const char *reason, *text;
    } rows[] = {
        {"RESOURCE:CPU", "has insufficient CPU units available"},
        {"RESOURCE:MEMORY", "has insufficient memory available"},
        {"RESOURCE:PORTS", "is already using a port required by your task"},
        {"ATTRIBUTE", "is missing an attribute required by your task"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_is(reason, rows[i].reason))
            return rows[i].text;
    return arena_printf(arena, "encountered error \"%.*s\"", STR_ARG(reason)).ptr;
}

static void say_not_placed(struct act *act, const struct ecs_failure *failure)
{
    struct service_edit *service = &act->look->service;
    bool on_instances = act->wish.launch.instances != NULL;

    if (act->plan->rebalances)
        service_event_add_failure(act->look->tx, service, failure, "is unable to place a task in %.*s%s.",
                                  STR_ARG(act->all_zones[act->plan->starts[0]]),
                                  on_instances ? " because no container instance met all of its requirements" : "");
    else if (str_search(failure->arn, STR(":container-instance/")) < failure->arn.len)
        service_event_add_failure(
            act->look->tx, service, failure,
            "was unable to place a task because no container instance met all of its requirements. The "
            "closest matching (container-instance %.*s) %s. " MORE,
            STR_ARG(ecs_name(failure->arn)), refusal_text(failure->reason, act->look->tx->arena));
    else if (on_instances)
        service_event_add_failure(
            act->look->tx, service, failure,
            "was unable to place a task because no container instance met all of its requirements. "
            "Reason: %.*s " MORE,
            STR_ARG(failure->reason));
    else
        service_event_add_failure(act->look->tx, service, failure, "was unable to place a task. Reason: %.*s. " MORE,
                                  STR_ARG(failure->reason));
}

void act_could_not_place(struct act *act, const struct ecs_failure *failure)
{
    struct service_edit *service = &act->look->service;
    int64_t now_ms = act->look->tx->now_ms;

    say_not_placed(act, failure);
    if (!service->record.has_unplaced_at || now_ms >= service->record.unplaced_at + UNPLACED_WAIT_MS) {
        SET(&service->record, unplaced_at, now_ms);
        if (!act->plan->rebalances)
            SET(act->group->trouble, failures, act->group->trouble->failures + 1);
    }
    look_wake_at(act->look, service->record.unplaced_at + UNPLACED_WAIT_MS);
}

void act_say_started(struct act *act, size_t started, struct str tasks)
{
    struct transaction *tx = act->look->tx;
    struct service_edit *service = &act->look->service;

    if (act->plan->rebalances)
        service_event_add(tx, service, "has started %zu tasks in %.*s to AZ Rebalance: %.*s.", started,
                          STR_ARG(act->all_zones[act->plan->starts[0]]), STR_ARG(tasks));
    else
        service_event_add(tx, service, "has started %zu tasks: %.*s.", started, STR_ARG(tasks));
}

static void start(struct act *act)
{
    struct str tasks = STR("");
    size_t started = 0;
    struct ecs_failure failure;

    for (; started < act->plan->start_count; started++) {
        const struct ecs_task *task;

        if (!start_in(act, act->plan->starts[started], &task, &failure))
            break;
        tasks = act_with_task(act->look->tx->arena, tasks, task->task_arn);
    }
    if (started > 0)
        act_say_started(act, started, tasks);
    if (started < act->plan->start_count)
        act_could_not_place(act, &failure);
    else
        act->look->service.record.has_unplaced_at = false;
}

void act_could_not_start(struct act *act)
{
    struct transaction *tx = act->look->tx;

    service_event_add(tx, &act->look->service, "failed to launch a task with (error %s).", act->why_not.message);
    (void)start_trouble_failed(act->group->trouble, tx->now_ms, tx->now_ms);
    look_wake_at(act->look,
                 act->group->trouble->until > tx->now_ms ? act->group->trouble->until : tx->now_ms + SECOND_MS);
}

/* ---- stopping ---- */

static void stop_unhealthy(struct act *act, const struct task_record *task)
{
    service_event_add(act->look->tx, &act->look->service, "(task %.*s) failed container health checks.",
                      STR_ARG(task->task_id));
    task_stop(act->look->tx, task, ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED,
              STR("Task failed container health checks"));
}

void act_stop(struct act *act, const struct task_record *task, struct act_stops *stops)
{
    struct transaction *tx = act->look->tx;
    enum task_phase phase = service_task_phase(task);

    if (phase == PHASE_FAILED || phase == PHASE_UNHEALTHY) {
        stop_unhealthy(act, task);
        return;
    }
    if (act->look->service.record.rebalancing && stops->count > 0 &&
        !str_eq(stops->zone, task->task->availability_zone)) {
        act_say_stopped(act, stops); /* the event names one zone */
        *stops = (struct act_stops){.count = 0};
    }
    task_stop(
        tx, task, ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED,
        arena_printf(tx->arena, "Scaling activity initiated by (deployment ecs-svc/%.*s)", STR_ARG(act->group->id)));
    stops->tasks = act_with_task(tx->arena, stops->tasks, task->task->task_arn);
    stops->zone = task->task->availability_zone;
    stops->count++;
}

void act_say_stopped(struct act *act, const struct act_stops *stops)
{
    struct transaction *tx = act->look->tx;
    struct service_edit *service = &act->look->service;

    if (stops->count > 0 && service->record.rebalancing)
        service_event_add(tx, service, "has stopped %zu running tasks in %.*s due to AZ rebalancing: %.*s.",
                          stops->count, STR_ARG(stops->zone), STR_ARG(stops->tasks));
    else if (stops->count > 0)
        service_event_add(tx, service, "has stopped %zu running tasks: %.*s.", stops->count, STR_ARG(stops->tasks));
}

static void stop(struct act *act)
{
    struct act_stops stops = {.count = 0};

    for (size_t i = 0; i < act->plan->stop_count; i++)
        act_stop(act, roster_cell_first(act->cells.items[act->plan->stops[i]]), &stops);
    act_say_stopped(act, &stops);
}

/* ---- evenness ---- */

/* "2 tasks in us-east-1a, 1 tasks in us-east-1b" */
static struct str zones_text(const struct act *act)
{
    struct arena *arena = act->look->tx->arena;
    struct str text = STR("");

    for (size_t zone = 0; zone < act->zone_count; zone++) {
        size_t count = 0;

        for (size_t i = 0; i < act->cells.count; i++)
            if (act->cells.items[i]->phase != PHASE_LEAVING && str_eq(act->cells.items[i]->zone, act->all_zones[zone]))
                count += act->cells.items[i]->count;
        text = arena_printf(arena, "%.*s%s%zu tasks in %.*s", STR_ARG(text),
                            zone == 0                     ? ""
                            : zone + 1 == act->zone_count ? " and "
                                                          : ", ",
                            count, STR_ARG(act->all_zones[zone]));
    }
    return text;
}

static void note_evenness(struct act *act)
{
    struct service_edit *service = &act->look->service;

    if (act->plan->rebalances && !service->record.rebalancing) {
        service_event_add(act->look->tx, service, "is not AZ balanced with %.*s. AZ Rebalancing in progress.",
                          STR_ARG(zones_text(act)));
        SET(&service->record, rebalancing, true);
    }
    if (service->record.rebalancing && act->plan->is_done && act->plan->is_even) {
        service_event_add(act->look->tx, service, "is AZ balanced with %.*s.", STR_ARG(zones_text(act)));
        service_edit_end_rebalancing(service);
    }
}

/* ---- protection ---- */

static void say_kept(struct act *act)
{
    struct str kept_group = act->cells.items[act->plan->first_kept]->group;

    service_event_add(
        act->look->tx, &act->look->service,
        "was unable to %s because (taskSet ecs-svc/%.*s) was unable to scale in due to (reason %zu tasks under "
        "protection)",
        act->plan->cannot_even_out ? "AZ Rebalance" : "reach steady state", STR_ARG(kept_group), act->plan->kept);
}

/* ---- all of it ---- */

void look_act(struct look *look, const struct look_group *group, struct plan *ret_plan)
{
    bool waits = start_trouble_waits(group->trouble, look->tx->now_ms);
    struct plan_wish wish = {.desired = group->desired,
                             .minimum = group->minimum,
                             .maximum = group->maximum,
                             .may_start = group->may_start && !waits};
    struct plan_cell *cells;
    struct act act;

    if (waits)
        look_wake_at(look, group->trouble->until);
    act_begin(look, group, ret_plan, &act);
    act.cells = cells_of_group(&act);
    find_zones(&act);
    cells = plan_cells(&act);
    wish.rebalance = group->rebalance && act.can_start;
    wish.zone_count = act.zones.count;
    wish.zones_all = act.zone_count;
    if (strategy_of(&act) != NULL) {
        wish.provider_count = strategy_of(&act)->count;
        wish.shares = service_provider_shares(look->tx->arena, strategy_of(&act), group->desired);
    }
    service_plan_make(&wish, cells, act.cells.count, look->tx->arena, ret_plan);
    note_evenness(&act);
    stop(&act);
    if (ret_plan->kept > 0)
        say_kept(&act);
    if (ret_plan->start_count > 0 && !act.can_start)
        act_could_not_start(&act);
    else if (ret_plan->start_count > 0)
        start(&act);
    else
        look->service.record.has_unplaced_at = false;
}
