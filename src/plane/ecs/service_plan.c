#include "plane/ecs/service_plan.h"

#include "base/must.h"

#include <string.h>

struct tally {
    int32_t by_phase[2][TASK_PHASES]; /* [is_new] */
};

struct planner {
    const struct plan_wish *wish;
    const struct plan_cell *cells;
    size_t count;
    struct plan *plan;
    size_t *left;       /* of each cell: what is not stopped by this plan */
    struct tally tally; /* of that */
    int32_t *in_zone;   /* new ones that are wanted, by zone */
    int32_t *provided;  /* the same by provider */
    int32_t occupied;   /* may be running, whatever the plan does now */
};

/* ---- counting ---- */

static int32_t have(const struct planner *p, bool is_new, enum task_phase phase)
{
    return p->tally.by_phase[is_new][phase];
}

static int32_t healthy(const struct planner *p)
{
    return have(p, true, PHASE_HEALTHY) + have(p, false, PHASE_HEALTHY);
}

/* New ones that serve, or may yet. */
static int32_t hopeful(const struct planner *p)
{
    return have(p, true, PHASE_STARTING) + have(p, true, PHASE_UNPROVEN) + have(p, true, PHASE_HEALTHY);
}

static int32_t old_running(const struct planner *p)
{
    return have(p, false, PHASE_UNPROVEN) + have(p, false, PHASE_HEALTHY) + have(p, false, PHASE_UNHEALTHY);
}

static int32_t leaving(const struct planner *p)
{
    return have(p, true, PHASE_LEAVING) + have(p, false, PHASE_LEAVING) + (int32_t)p->plan->stop_count;
}

static bool is_hopeful(const struct plan_cell *cell)
{
    return cell->is_new && cell->phase <= PHASE_HEALTHY;
}

static void count_in(struct planner *p, const struct plan_cell *cell, int32_t by)
{
    p->tally.by_phase[cell->is_new][cell->phase] += by;
    if (!is_hopeful(cell))
        return;
    p->in_zone[cell->zone] += by;
    if (cell->provider < p->wish->provider_count)
        p->provided[cell->provider] += by;
}

/* New ones that are missing and cannot be started as long as nothing goes. */
static int32_t lacking_room(const struct planner *p)
{
    int32_t missing = p->wish->desired - hopeful(p);
    int32_t room = p->wish->maximum - p->occupied + leaving(p);

    return p->wish->may_start && missing > room ? missing - room : 0;
}

/* ---- stopping ---- */

/* Whether enough healthy ones are left without one of these. */
static bool is_spare(const struct planner *p, const struct plan_cell *cell)
{
    if (cell->phase == PHASE_STARTING || cell->phase == PHASE_FAILED)
        return true;
    return healthy(p) - (cell->phase == PHASE_HEALTHY) >= p->wish->minimum;
}

static bool stop(struct planner *p, size_t i)
{
    if (p->plan->stop_count == PLAN_STOPS_MAX)
        return false;
    p->left[i]--;
    count_in(p, &p->cells[i], -1);
    p->plan->stops[p->plan->stop_count++] = i;
    return true;
}

/* Up to that many in that phase; protection is no matter for what fails its health checks. */
static int32_t stop_some(struct planner *p, bool is_new, enum task_phase phase, int32_t most)
{
    bool despite_protection = phase == PHASE_FAILED || phase == PHASE_UNHEALTHY;
    int32_t done = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct plan_cell *cell = &p->cells[i];

        if (cell->is_new != is_new || cell->phase != phase || (cell->is_protected && !despite_protection))
            continue;
        while (done < most && p->left[i] > 0 && is_spare(p, cell) && stop(p, i))
            done++;
    }
    return done;
}

/* Those that were healthy are replaced first; where there is no room for that, they go one at a time. */
static void stop_unhealthy(struct planner *p)
{
    (void)stop_some(p, true, PHASE_FAILED, INT32_MAX);
    (void)stop_some(p, false, PHASE_FAILED, INT32_MAX);
    if (have(p, true, PHASE_HEALTHY) >= p->wish->desired)
        (void)stop_some(p, true, PHASE_UNHEALTHY, INT32_MAX);
    for (size_t i = 0; i < p->count && lacking_room(p) > 0 && leaving(p) == 0; i++)
        if (p->cells[i].phase == PHASE_UNHEALTHY && p->left[i] > 0)
            (void)stop(p, i);
}

/* Old ones go as new ones prove themselves, and where new ones need their room; the worst first. */
static void stop_old(struct planner *p)
{
    static const enum task_phase order[] = {PHASE_UNHEALTHY, PHASE_UNPROVEN, PHASE_HEALTHY};
    int32_t kept = p->wish->desired - have(p, true, PHASE_HEALTHY);
    int32_t spare;

    (void)stop_some(p, false, PHASE_STARTING, INT32_MAX);
    spare = old_running(p) - (kept > 0 ? kept : 0);
    if (spare < lacking_room(p))
        spare = lacking_room(p);
    for (size_t i = 0; i < COUNT_OF(order) && spare > 0; i++)
        spare -= stop_some(p, false, order[i], spare);
}

/* Whether its provider has more than its share. */
static bool is_over_share(const struct planner *p, const struct plan_cell *cell)
{
    if (p->wish->provider_count == 0)
        return false;
    return cell->provider >= p->wish->provider_count || p->provided[cell->provider] > p->wish->shares[cell->provider];
}

/* Whether one of the first is rather given up: of a provider with too many, from the fullest zone, least useful there
 * (developer guide, "Amazon ECS services", on the zones). */
static bool goes_before(const struct planner *p, const struct plan_cell *a, const struct plan_cell *b)
{
    if (is_over_share(p, a) != is_over_share(p, b))
        return is_over_share(p, a);
    if (p->in_zone[a->zone] != p->in_zone[b->zone])
        return p->in_zone[a->zone] > p->in_zone[b->zone];
    return a->phase <= b->phase;
}

/* The new ones of which one is given up first; NULL: none can be. */
static const struct plan_cell *first_to_go(const struct planner *p)
{
    const struct plan_cell *best = NULL;

    for (size_t i = 0; i < p->count; i++) {
        const struct plan_cell *cell = &p->cells[i];

        if (is_hopeful(cell) && p->left[i] > 0 && !cell->is_protected && (best == NULL || goes_before(p, cell, best)))
            best = cell;
    }
    return best;
}

/* New ones that are too many: those whose going keeps providers to their shares and the zones even. */
static void stop_surplus(struct planner *p)
{
    for (int32_t surplus = hopeful(p) - p->wish->desired; surplus > 0; surplus--) {
        const struct plan_cell *best = first_to_go(p);

        if (best == NULL || !is_spare(p, best) || !stop(p, (size_t)(best - p->cells)))
            return;
    }
    if (p->wish->desired == 0)
        (void)stop_some(p, true, PHASE_UNHEALTHY, INT32_MAX);
}

/* ---- starting ---- */

static size_t emptiest(const struct planner *p, size_t zones)
{
    size_t best = 0;

    for (size_t zone = 1; zone < zones; zone++)
        if (p->in_zone[zone] < p->in_zone[best])
            best = zone;
    return best;
}

static size_t fullest(const struct planner *p, size_t zones)
{
    size_t best = 0;

    for (size_t zone = 1; zone < zones; zone++)
        if (p->in_zone[zone] > p->in_zone[best])
            best = zone;
    return best;
}

static bool is_even(const struct planner *p)
{
    return p->in_zone[fullest(p, p->wish->zones_all)] <= p->in_zone[emptiest(p, p->wish->zone_count)] + 1;
}

static void start_one(struct planner *p)
{
    size_t zone = emptiest(p, p->wish->zone_count);

    p->plan->starts[p->plan->start_count++] = zone;
    p->in_zone[zone]++;
}

static int32_t at_most(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void start_missing(struct planner *p)
{
    int32_t starts = at_most(p->wish->desired - hopeful(p), p->wish->maximum - p->occupied);

    if (p->wish->may_start)
        for (int32_t i = 0; i < at_most(starts, PLAN_STARTS_MAX); i++)
            start_one(p);
}

/* How many may go from a cell to the emptiest zone without making another the emptiest; from one cell, as they take its
 * provider with them. */
static int32_t movable(const struct planner *p, const struct plan_cell *going)
{
    int32_t most = (p->in_zone[going->zone] - p->in_zone[emptiest(p, p->wish->zone_count)]) / 2;

    most = at_most(most, p->wish->maximum - p->occupied);
    return at_most(at_most(most, (int32_t)going->count), PLAN_STARTS_MAX);
}

/* Tasks more, where they make the zones even; then as many are too many. Not when those of the fullest zone must stay.
 */
static void start_to_even_out(struct planner *p)
{
    const struct plan_cell *going = first_to_go(p);
    size_t zone = emptiest(p, p->wish->zone_count);

    if (!p->wish->rebalance || !p->wish->may_start || !p->plan->is_done || p->plan->is_even ||
        p->occupied >= p->wish->maximum)
        return;
    if (going == NULL || p->in_zone[going->zone] < p->in_zone[fullest(p, p->wish->zones_all)]) {
        p->plan->cannot_even_out = true;
        return;
    }
    for (int32_t most = movable(p, going); most > 0; most--) {
        p->plan->starts[p->plan->start_count++] = zone;
        p->in_zone[zone]++;
    }
    p->plan->rebalances = true;
    p->plan->provider = going->provider;
}

/* ---- what protection keeps ---- */

static bool is_kept(const struct planner *p, const struct plan_cell *cell)
{
    if (!cell->is_protected || cell->phase > PHASE_HEALTHY)
        return false;
    if (p->plan->cannot_even_out)
        return cell->is_new && p->in_zone[cell->zone] == p->in_zone[fullest(p, p->wish->zones_all)];
    return cell->is_new ? hopeful(p) > p->wish->desired : have(p, true, PHASE_HEALTHY) >= p->wish->desired;
}

static void count_kept(struct planner *p)
{
    for (size_t i = p->count; i-- > 0;)
        if (is_kept(p, &p->cells[i])) {
            p->plan->kept += p->cells[i].count;
            p->plan->first_kept = i;
        }
}

/* ---- the plan ---- */

static bool is_done(const struct planner *p)
{
    return have(p, true, PHASE_HEALTHY) == p->wish->desired && p->occupied == p->wish->desired;
}

/* Nothing is on its way that could end the want of room. */
static bool is_stuck(const struct planner *p)
{
    return lacking_room(p) > 0 && leaving(p) == 0 && p->plan->start_count == 0 && have(p, true, PHASE_STARTING) == 0 &&
           have(p, true, PHASE_UNPROVEN) == 0;
}

void service_plan_make(const struct plan_wish *wish, const struct plan_cell *cells, size_t count, struct arena *arena,
                       struct plan *ret_plan)
{
    struct planner p = {.wish = wish,
                        .cells = cells,
                        .count = count,
                        .plan = ret_plan,
                        .left = arena_array(arena, size_t, count),
                        .in_zone = arena_array(arena, int32_t, wish->zones_all),
                        .provided = arena_array(arena, int32_t, wish->provider_count + 1)};

    must(wish->zone_count > 0);
    must(wish->zone_count <= wish->zones_all);
    *ret_plan = (struct plan){.stops = arena_array(arena, size_t, PLAN_STOPS_MAX)};
    for (size_t i = 0; i < count; i++) {
        p.left[i] = cells[i].count;
        p.occupied += (int32_t)cells[i].count;
        count_in(&p, &cells[i], (int32_t)cells[i].count);
    }
    ret_plan->is_done = is_done(&p);
    ret_plan->is_even = is_even(&p);
    stop_unhealthy(&p);
    stop_old(&p);
    stop_surplus(&p);
    start_missing(&p);
    start_to_even_out(&p);
    count_kept(&p);
    ret_plan->is_stuck = is_stuck(&p);
}
