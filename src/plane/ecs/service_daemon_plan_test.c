/* The plan of a daemon service: cases for what it decides, and random worlds in which no place ever has two tasks, the
 * minimum holds, and every place comes to have one. */
#include "plane/ecs/service_daemon_plan.h"

#include "base/must.h"
#include "base/random.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TASKS_MAX = 32 };

/* ---- cases: a letter and a place a task, small for an old one: s starting, u unproven, h healthy, x unhealthy, f
 * failed, l leaving, p healthy and protected ---- */

static struct daemon_task task_of(char letter, char place)
{
    static const char letters[] = "SUHXFLP";
    static const enum task_phase phases[] = {PHASE_STARTING, PHASE_UNPROVEN, PHASE_HEALTHY, PHASE_UNHEALTHY,
                                             PHASE_FAILED,   PHASE_LEAVING,  PHASE_HEALTHY};
    const char *found = strchr(letters, toupper((unsigned char)letter));

    must(found != NULL);
    return (struct daemon_task){.phase = phases[found - letters],
                                .is_new = isupper((unsigned char)letter) != 0,
                                .is_protected = toupper((unsigned char)letter) == 'P',
                                .place = (size_t)(place - '0')};
}

static const struct daemon_case {
    const char *what;
    size_t places;
    int32_t minimum;
    const char *tasks;
    const char *starts; /* places */
    const char *stops;  /* places of the tasks that go */
    bool done, stuck;
} cases[] = {
    {"no instances", 0, 0, "", "", "", true, false},
    {"one on each", 3, 0, "", "012", "", false, false},
    {"all is well", 2, 0, "H0H1", "", "", true, false},
    {"an instance joins", 3, 0, "H0H1", "2", "", false, false},
    {"an instance is no place any more", 1, 0, "H0H1", "", "1", false, false},
    {"a place is taken until its task has gone", 2, 0, "L0H1", "", "", false, false},
    {"an update stops before it starts", 2, 0, "h0h1", "", "01", false, false},
    {"and keeps the minimum", 4, 2, "h0h1h2h3", "", "01", false, false},
    {"no further than that", 4, 2, "L0U1h2h3", "", "", false, false},
    {"as new ones prove themselves", 4, 2, "H0H1h2h3", "", "23", false, false},
    {"a minimum that blocks", 1, 1, "h0", "", "", false, true},
    {"which it does not while something moves", 2, 2, "h0U1", "", "", false, false},
    {"what never served goes at once", 2, 2, "h0s1", "", "1", false, false},
    {"protected ones stay", 2, 0, "p0h1", "", "1", false, false},
    {"failed ones give way", 2, 2, "F0H1", "", "0", false, false},
    {"unhealthy ones too", 2, 2, "X0H1", "", "0", false, false},
    {"two on one instance: the better one stays", 2, 0, "S0H0H1", "", "0", false, false},
};

static void check(const struct daemon_case *row, const struct plan *plan, const struct daemon_task *tasks)
{
    char starts[PLAN_STARTS_MAX + 1] = "";
    char stops[PLAN_STOPS_MAX + 1] = "";

    for (size_t i = 0; i < plan->start_count; i++)
        starts[i] = (char)('0' + plan->starts[i]);
    for (size_t i = 0; i < plan->stop_count; i++)
        stops[i] = (char)('0' + tasks[plan->stops[i]].place);
    if (strcmp(starts, row->starts) != 0 || strcmp(stops, row->stops) != 0 || plan->is_done != row->done ||
        plan->is_stuck != row->stuck)
        fail_msg("%s: starts \"%s\", stops \"%s\", done %d, stuck %d", row->what, starts, stops, plan->is_done,
                 plan->is_stuck);
}

static void every_case_has_its_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct daemon_case *row = &cases[i];
        struct daemon_wish wish = {.places = row->places, .minimum = row->minimum, .may_start = true};
        struct daemon_task tasks[TASKS_MAX];
        size_t count = strlen(row->tasks) / 2;
        struct arena arena;
        struct plan plan;

        for (size_t k = 0; k < count; k++)
            tasks[k] = task_of(row->tasks[2 * k], row->tasks[2 * k + 1]);
        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        daemon_plan_make(&wish, tasks, count, &arena, &plan);
        check(row, &plan, tasks);
        arena_free(&arena);
    }
}

static void what_cannot_be_replaced_is_not_stopped(void **state)
{
    struct daemon_wish wish = {.places = 2, .may_start = false};
    struct daemon_task tasks[] = {task_of('h', '0'), task_of('h', '1')};
    struct arena arena;
    struct plan plan;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    daemon_plan_make(&wish, tasks, COUNT_OF(tasks), &arena, &plan);
    assert_int_equal(plan.stop_count + plan.start_count, 0);
    arena_free(&arena);
}

/* ---- random worlds ---- */

struct world {
    struct daemon_task tasks[TASKS_MAX];
    size_t count;
    struct daemon_wish wish;
    struct random random;
    bool calm; /* nothing breaks, comes or goes any more */
};

static int32_t healthy(const struct world *world)
{
    int32_t count = 0;

    for (size_t i = 0; i < world->count; i++)
        count += world->tasks[i].phase == PHASE_HEALTHY && world->tasks[i].place < world->wish.places;
    return count;
}

static void live(struct world *world, size_t i)
{
    struct daemon_task *task = &world->tasks[i];
    bool breaks = !world->calm && random_chance(&world->random, 100);

    if (task->phase == PHASE_LEAVING)
        *task = world->tasks[--world->count];
    else if (task->phase == PHASE_STARTING)
        task->phase = breaks ? PHASE_LEAVING : PHASE_UNPROVEN;
    else if (task->phase == PHASE_UNPROVEN)
        task->phase = breaks ? PHASE_FAILED : PHASE_HEALTHY;
    else if (breaks)
        task->phase = PHASE_UNHEALTHY;
}

static struct plan step(struct world *world)
{
    int32_t before = healthy(world);
    struct arena arena;
    struct plan plan;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    daemon_plan_make(&world->wish, world->tasks, world->count, &arena, &plan);
    for (size_t i = 0; i < plan.stop_count; i++) {
        assert_int_not_equal(world->tasks[plan.stops[i]].phase, PHASE_LEAVING);
        world->tasks[plan.stops[i]].phase = PHASE_LEAVING;
    }
    if (healthy(world) < before)
        assert_true(healthy(world) >= world->wish.minimum);
    for (size_t i = 0; i < plan.start_count; i++) {
        for (size_t k = 0; k < world->count; k++)
            assert_int_not_equal(world->tasks[k].place, plan.starts[i]);
        world->tasks[world->count++] =
            (struct daemon_task){.phase = PHASE_STARTING, .is_new = true, .place = plan.starts[i]};
    }
    arena_free(&arena);
    return plan;
}

static void shake(struct world *world)
{
    if (random_chance(&world->random, 20))
        for (size_t i = 0; i < world->count; i++)
            world->tasks[i].is_new = false;
    if (random_chance(&world->random, 20))
        world->wish.places = random_below(&world->random, 12);
    if (world->wish.minimum >= (int32_t)world->wish.places)
        world->wish.minimum = 0;
}

static void promises_hold_and_every_place_gets_its_task(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct world world = {.wish = {.may_start = true}};
        struct plan plan;

        random_seed(&world.random, seed);
        world.wish.places = 1 + random_below(&world.random, 11);
        world.wish.minimum = (int32_t)random_below(&world.random, world.wish.places);
        for (int i = 0; i < 300; i++) {
            world.calm = i > 100;
            if (!world.calm)
                shake(&world);
            plan = step(&world);
            for (size_t k = world.count; k > 0; k--)
                if (random_chance(&world.random, 500))
                    live(&world, k - 1);
        }
        if (!plan.is_done || world.count != world.wish.places)
            fail_msg("seed %llu: %zu tasks at %zu places", (unsigned long long)seed, world.count, world.wish.places);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_its_plan),
        cmocka_unit_test(what_cannot_be_replaced_is_not_stopped),
        cmocka_unit_test(promises_hold_and_every_place_gets_its_task),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
