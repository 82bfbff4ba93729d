#include "plane/ecs/service_daemon_plan.h"

struct planner {
    const struct daemon_wish *wish;
    const struct daemon_task *tasks;
    size_t count;
    struct plan *plan;
    size_t *there;   /* tasks whose containers may be at the place */
    bool *has_kept;  /* a new task that stays is at the place */
    int32_t healthy; /* with a place, and not stopped by this plan */
    bool is_moving;  /* a task is on its way up or down */
};

static bool has_place(const struct planner *p, const struct daemon_task *task)
{
    return task->place < p->wish->places;
}

static void look(struct planner *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct daemon_task *task = &p->tasks[i];

        p->is_moving |= task->phase == PHASE_LEAVING ||
                        (task->is_new && (task->phase == PHASE_STARTING || task->phase == PHASE_UNPROVEN));
        if (!has_place(p, task))
            continue;
        p->there[task->place]++;
        p->healthy += task->phase == PHASE_HEALTHY;
    }
}

/* ---- stopping ---- */

static void stop(struct planner *p, size_t i)
{
    if (p->plan->stop_count == PLAN_STOPS_MAX)
        return;
    p->healthy -= has_place(p, &p->tasks[i]) && p->tasks[i].phase == PHASE_HEALTHY;
    p->plan->stops[p->plan->stop_count++] = i;
}

/* What has lost its place, and what fails its health checks: another takes its place. */
static void stop_bad(struct planner *p)
{
    for (size_t i = 0; i < p->count; i++) {
        enum task_phase phase = p->tasks[i].phase;

        if (phase != PHASE_LEAVING &&
            (!has_place(p, &p->tasks[i]) || phase == PHASE_FAILED || phase == PHASE_UNHEALTHY))
            stop(p, i);
    }
}

/* One new task a place stays, the one that came farthest. */
static void stop_surplus(struct planner *p)
{
    static const enum task_phase best_first[] = {PHASE_HEALTHY, PHASE_UNPROVEN, PHASE_STARTING};

    for (size_t k = 0; k < COUNT_OF(best_first); k++)
        for (size_t i = 0; i < p->count; i++) {
            const struct daemon_task *task = &p->tasks[i];

            if (!task->is_new || task->phase != best_first[k] || !has_place(p, task))
                continue;
            if (p->has_kept[task->place])
                stop(p, i);
            p->has_kept[task->place] = true;
        }
}

static bool is_spare(const struct planner *p, const struct daemon_task *task)
{
    return task->phase != PHASE_HEALTHY || p->healthy > p->wish->minimum;
}

/* Only where another may be started then. */
static void stop_old(struct planner *p)
{
    for (size_t i = 0; i < p->count && p->wish->may_start; i++) {
        const struct daemon_task *task = &p->tasks[i];

        if (!task->is_new && task->phase <= PHASE_HEALTHY && has_place(p, task) && !task->is_protected &&
            is_spare(p, task))
            stop(p, i);
    }
}

/* ---- starting ---- */

static void start_missing(struct planner *p)
{
    for (size_t place = 0; place < p->wish->places && p->wish->may_start; place++)
        if (p->there[place] == 0 && p->plan->start_count < PLAN_STARTS_MAX)
            p->plan->starts[p->plan->start_count++] = place;
}

/* ---- the plan ---- */

static bool is_done(const struct planner *p)
{
    size_t good = 0;

    for (size_t i = 0; i < p->count; i++)
        good += p->tasks[i].is_new && p->tasks[i].phase == PHASE_HEALTHY && has_place(p, &p->tasks[i]) &&
                p->there[p->tasks[i].place] == 1;
    return good == p->wish->places && good == p->count;
}

/* Old ones are there, and the minimum lets none of them go. */
static bool is_stuck(const struct planner *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!p->tasks[i].is_new && p->tasks[i].phase <= PHASE_HEALTHY && !p->tasks[i].is_protected)
            return p->wish->may_start && !p->is_moving && p->plan->stop_count + p->plan->start_count == 0;
    return false;
}

void daemon_plan_make(const struct daemon_wish *wish, const struct daemon_task *tasks, size_t count,
                      struct arena *arena, struct plan *ret_plan)
{
    struct planner p = {.wish = wish,
                        .tasks = tasks,
                        .count = count,
                        .plan = ret_plan,
                        .there = arena_array(arena, size_t, wish->places + 1),
                        .has_kept = arena_array(arena, bool, wish->places + 1)};

    *ret_plan = (struct plan){.stops = arena_array(arena, size_t, PLAN_STOPS_MAX), .is_even = true};
    look(&p);
    ret_plan->is_done = is_done(&p);
    stop_bad(&p);
    stop_surplus(&p);
    stop_old(&p);
    start_missing(&p);
    ret_plan->is_stuck = is_stuck(&p);
}
