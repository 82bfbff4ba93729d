#include "plane/ecs/placement.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { INSTANCES_MAX = 24 };

/* A cluster: candidates with a zone and a rack. */
struct cluster {
    struct arena arena;
    struct random random;
    struct placement_candidate candidates[INSTANCES_MAX];
    size_t count;
};

static struct cluster *cluster_new(uint64_t seed)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    must(cluster != NULL);
    arena_init(&cluster->arena, ARENA_LIMIT_DEFAULT);
    random_seed(&cluster->random, seed);
    return cluster;
}

static void cluster_free(struct cluster *cluster)
{
    arena_free(&cluster->arena);
    free(cluster);
}

static struct placement_candidate *add(struct cluster *cluster, const char *zone, const char *rack, int64_t cpu,
                                       int64_t memory)
{
    struct placement_candidate *candidate = &cluster->candidates[cluster->count++];
    struct ecs_attributes *attributes = arena_new(&cluster->arena, struct ecs_attributes);

    attributes->items = arena_array(&cluster->arena, struct ecs_attribute, 2);
    attributes->items[0] = (struct ecs_attribute){.name = STR("ecs.availability-zone"), .value = str_of(zone)};
    attributes->items[1] = (struct ecs_attribute){.name = STR("rack"), .value = str_of(rack)};
    attributes->count = rack == NULL ? 1 : 2;
    *candidate = (struct placement_candidate){
        .arn = arena_printf(&cluster->arena, "instance-%02zu", cluster->count),
        .active = true,
        .cpu = cpu,
        .memory = memory,
        .facts = {.agent_connected = true, .attributes = attributes},
    };
    return candidate;
}

#define SPREAD(name)                                                                                                   \
    {                                                                                                                  \
        .type = ECS_PLACEMENT_STRATEGY_TYPE_SPREAD, .field = STR_INIT(name)                                            \
    }
#define BINPACK(name)                                                                                                  \
    {                                                                                                                  \
        .type = ECS_PLACEMENT_STRATEGY_TYPE_BINPACK, .field = STR_INIT(name)                                           \
    }
#define RANDOM                                                                                                         \
    {                                                                                                                  \
        .type = ECS_PLACEMENT_STRATEGY_TYPE_RANDOM                                                                     \
    }
#define ZONE "attribute:ecs.availability-zone"

/* ---- strategies, by example ---- */

static const struct {
    struct ecs_placement_strategy strategies[3];
    size_t count;
    const char *order; /* numbers of the instances that eight tasks of 256 CPU units and 256 MiB go to */
} examples[] = {
    {{BINPACK("memory")}, 1, "22223333"},
    {{BINPACK("cpu")}, 1, "11114444"},
    {{SPREAD(ZONE), BINPACK("memory")}, 2, "23232323"},
    {{SPREAD("instanceId")}, 1, "12341234"},
    {{SPREAD(ZONE), SPREAD("instanceId")}, 2, "13241324"},
    {{SPREAD(ZONE)}, 1, "13241324"},
    {{BINPACK("cpu"), SPREAD(ZONE)}, 2, "11114444"},
};

/* Two zones with two instances each. */
static void add_four(struct cluster *cluster)
{
    (void)add(cluster, "a", "1", 1024, 4096);
    (void)add(cluster, "a", "2", 2048, 1024);
    (void)add(cluster, "b", "1", 4096, 2048);
    (void)add(cluster, "b", NULL, 1536, 8192);
}

static void strategies_do_as_they_say(void **state)
{
    const struct placement_demand demand = {.cpu = 256, .memory = 256};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        struct ecs_placement_strategies strategies = {
            (struct ecs_placement_strategy *)(uintptr_t)examples[i].strategies, examples[i].count};
        struct cluster *cluster = cluster_new(1);
        struct placement *placement;
        char order[9] = "";

        add_four(cluster);
        placement = placement_new(&cluster->arena, &demand, &strategies, cluster->candidates, cluster->count,
                                  INSTANCES_MAX, &cluster->random);
        for (size_t k = 0; k < 8; k++) {
            struct placement_candidate *chosen = placement_next(placement);

            assert_non_null(chosen);
            order[k] = chosen->arn.ptr[chosen->arn.len - 1];
        }
        if (strcmp(order, examples[i].order) != 0)
            fail_msg("example %zu: %s instead of %s", i, order, examples[i].order);
        cluster_free(cluster);
    }
}

static void what_runs_already_counts_for_a_spread(void **state)
{
    struct ecs_placement_strategy by[] = {SPREAD(ZONE)};
    struct ecs_placement_strategies strategies = {by, 1};
    const struct placement_demand demand = {.cpu = 256, .memory = 256};
    struct cluster *cluster = cluster_new(1);
    struct placement *placement;

    (void)state;
    add_four(cluster);
    cluster->candidates[0].group_tasks = 3;
    cluster->candidates[0].cpu = 0; /* no room, but its tasks are in zone a */
    placement = placement_new(&cluster->arena, &demand, &strategies, cluster->candidates, cluster->count, INSTANCES_MAX,
                              &cluster->random);
    for (size_t i = 0; i < 3; i++) {
        struct str zone = placement_next(placement)->facts.attributes->items[0].value;

        assert_true(str_is(zone, "b"));
    }
    cluster_free(cluster);
}

/* ---- filters ---- */

static enum placement_refusal refusal_of(const struct placement_demand *demand,
                                         const struct placement_candidate *candidate)
{
    return placement_refuses(demand, candidate);
}

static void every_filter_has_its_reason(void **state)
{
    static const int32_t http[] = {80, 443};
    static const int32_t used[] = {22, 443, 51678};
    struct ecs_attribute wanted[] = {{.name = STR("rack"), .value = STR("9")}};
    const struct ecs_requires_attributes attributes = {wanted, 1};
    struct cluster *cluster = cluster_new(1);
    struct placement_candidate *candidate = add(cluster, "a", "1", 1024, 1024);
    const struct cluster_query *query;
    struct fail f;

    (void)state;
    must(cluster_query_parse(STR("attribute:rack == 2"), &cluster->arena, &query, &f));
    candidate->tcp = (struct placement_ports){used, COUNT_OF(used)};
    candidate->udp = (struct placement_ports){http, 1};
    candidate->group_tasks = 1;
    {
        const struct {
            struct placement_demand demand;
            const char *reason;
        } rows[] = {
            {{.cpu = 1025}, "RESOURCE:CPU"},
            {{.cpu = 2000, .memory = 2000}, "RESOURCE:CPU"},
            {{.memory = 1025}, "RESOURCE:MEMORY"},
            {{.tcp = {http, 2}}, "RESOURCE:PORTS"},
            {{.udp = {http, 2}}, "RESOURCE:PORTS"},
            {{.enis = 1}, "RESOURCE:ENI"},
            {{.gpus = 1}, "RESOURCE:GPU"},
            {{.distinct_instance = true}, "DistinctInstance placement constraint unsatisfied."},
            {{.members = &query, .member_count = 1}, "MemberOf placement constraint unsatisfied."},
            {{.attributes = &attributes}, "ATTRIBUTE"},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++)
            assert_string_equal(placement_reason(refusal_of(&rows[i].demand, candidate)), rows[i].reason);
    }
    assert_int_equal(refusal_of(&(struct placement_demand){.cpu = 1024, .memory = 1024, .tcp = {http, 1}}, candidate),
                     PLACEMENT_FITS);
    candidate->facts.agent_connected = false;
    assert_string_equal(placement_reason(refusal_of(&(struct placement_demand){0}, candidate)), "AGENT");
    candidate->active = false;
    assert_string_equal(placement_reason(refusal_of(&(struct placement_demand){0}, candidate)), "INACTIVE");
    cluster_free(cluster);
}

static void a_host_port_is_taken_once(void **state)
{
    static const int32_t port[] = {8080};
    const struct ecs_placement_strategies none = {NULL, 0};
    const struct placement_demand demand = {.cpu = 1, .memory = 1, .tcp = {port, 1}};
    struct cluster *cluster = cluster_new(1);
    struct placement *placement;
    enum placement_refusal refusal = PLACEMENT_FITS;

    (void)state;
    add_four(cluster);
    placement = placement_new(&cluster->arena, &demand, &none, cluster->candidates, cluster->count, INSTANCES_MAX,
                              &cluster->random);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(placement_next(placement));
    assert_null(placement_next(placement));
    assert_non_null(placement_closest(placement, &refusal));
    assert_string_equal(placement_reason(refusal), "RESOURCE:PORTS");
    cluster_free(cluster);
}

static void strategies_are_checked(void **state)
{
    struct ecs_placement_strategy bad[] = {
        SPREAD("attribute:"), SPREAD("memory"), BINPACK("disk"), BINPACK("instanceId"), {.field = STR("cpu")},
    };
    struct ecs_placement_strategy good[] = {SPREAD(ZONE),      SPREAD("host"), BINPACK("CPU"),
                                            BINPACK("memory"), RANDOM,         RANDOM};
    struct ecs_placement_strategies list = {good, PLACEMENT_STRATEGIES_MAX};
    struct fail f;

    (void)state;
    assert_true(placement_strategies_check(&list, &f));
    list.count++;
    assert_false(placement_strategies_check(&list, &f));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        list = (struct ecs_placement_strategies){&bad[i], 1};
        assert_false(placement_strategies_check(&list, &f));
        assert_string_equal(f.type, ECS_ERROR_INVALID_PARAMETER_EXCEPTION);
    }
}

/* ---- any cluster: every choice is one that a plain reading of the rules could have made ---- */

static struct str value_under(const struct ecs_placement_strategy *by, const struct placement_candidate *candidate)
{
    struct str value;

    if (str_is(by->field, "instanceId"))
        return candidate->arn;
    value = cluster_query_attribute(candidate->facts.attributes, str_from(by->field, STR("attribute:").len));
    return value.ptr == NULL ? STR("") : value;
}

/* Whether both have the same values under the spreads before `level`: the groups that count for that level. A spread
 * behind something else counts in the whole cluster. */
static bool are_of_one_group(const struct ecs_placement_strategies *strategies, size_t level,
                             const struct placement_candidate *a, const struct placement_candidate *b)
{
    for (size_t i = 0; i < level; i++)
        if (strategies->items[i].type != ECS_PLACEMENT_STRATEGY_TYPE_SPREAD)
            return true;
    for (size_t i = 0; i < level; i++)
        if (!str_eq(value_under(&strategies->items[i], a), value_under(&strategies->items[i], b)))
            return false;
    return true;
}

static int64_t rank(const struct cluster *cluster, const struct ecs_placement_strategies *strategies, size_t level,
                    const struct placement_candidate *candidate)
{
    const struct ecs_placement_strategy *by = &strategies->items[level];
    int64_t tasks = 0;

    if (by->type == ECS_PLACEMENT_STRATEGY_TYPE_RANDOM)
        return 0;
    if (by->type == ECS_PLACEMENT_STRATEGY_TYPE_BINPACK)
        return str_is(by->field, "cpu") ? candidate->cpu : candidate->memory;
    for (size_t i = 0; i < cluster->count; i++)
        if (str_eq(value_under(by, &cluster->candidates[i]), value_under(by, candidate)) &&
            are_of_one_group(strategies, level, &cluster->candidates[i], candidate))
            tasks += cluster->candidates[i].group_tasks;
    return tasks;
}

/* Leaves of `is_left` those that are best under each strategy in turn; up to the first random one. Of values of a
 * leading spread that are equally good the chosen one's. */
static void narrow(const struct cluster *cluster, const struct ecs_placement_strategies *strategies,
                   const struct placement_candidate *chosen, bool *is_left)
{
    bool leading = true;

    for (size_t level = 0; level < strategies->count; level++) {
        int64_t best = INT64_MAX;

        if (strategies->items[level].type == ECS_PLACEMENT_STRATEGY_TYPE_RANDOM)
            return;
        for (size_t i = 0; i < cluster->count; i++) {
            int64_t own = rank(cluster, strategies, level, &cluster->candidates[i]);

            best = is_left[i] && own < best ? own : best;
        }
        leading = leading && strategies->items[level].type == ECS_PLACEMENT_STRATEGY_TYPE_SPREAD;
        for (size_t i = 0; i < cluster->count; i++)
            is_left[i] = is_left[i] && rank(cluster, strategies, level, &cluster->candidates[i]) == best;
        for (size_t i = 0; leading && is_left[chosen - cluster->candidates] && i < cluster->count; i++)
            is_left[i] = is_left[i] && are_of_one_group(strategies, level + 1, &cluster->candidates[i], chosen);
    }
}

static void make_any(struct cluster *cluster)
{
    static const char *const zones[] = {"a", "b", "c"};
    static const char *const racks[] = {"1", "2", NULL};
    size_t count = random_below(&cluster->random, INSTANCES_MAX + 1);

    for (size_t i = 0; i < count; i++) {
        struct placement_candidate *candidate =
            add(cluster, zones[random_below(&cluster->random, 3)], racks[random_below(&cluster->random, 3)],
                (int64_t)random_below(&cluster->random, 5) * 256, (int64_t)random_below(&cluster->random, 5) * 256);

        candidate->group_tasks = (int64_t)random_below(&cluster->random, 3);
        candidate->active = random_chance(&cluster->random, 900);
        candidate->facts.agent_connected = random_chance(&cluster->random, 900);
    }
}

/* false: more than one spread leads. */
static bool instance_comes(struct cluster *cluster, struct placement *placement)
{
    struct placement_candidate *candidate = add(cluster, random_chance(&cluster->random, 500) ? "a" : "d",
                                                random_chance(&cluster->random, 500) ? "1" : "3", 1024, 1024);

    candidate->group_tasks = (int64_t)random_below(&cluster->random, 3);
    return placement_add(placement);
}

static void instance_goes(struct cluster *cluster, struct placement *placement)
{
    size_t number = random_below(&cluster->random, cluster->count);
    struct placement_candidate before = cluster->candidates[number];

    placement_remove(placement, number);
    assert_int_equal(placement_refuses(&(struct placement_demand){.cpu = 0}, &cluster->candidates[number]),
                     PLACEMENT_INACTIVE);
    cluster->candidates[number].arn = before.arn; /* for the plain reading of the rules */
    cluster->candidates[number].facts = before.facts;
}

/* Others take and give back, agents come and go. */
static void change_any(struct cluster *cluster, struct placement *placement)
{
    size_t number = random_below(&cluster->random, cluster->count);
    struct placement_candidate now = cluster->candidates[number];
    bool is_another = random_chance(&cluster->random, 300);

    now.cpu = (int64_t)random_below(&cluster->random, 5) * 256;
    now.memory = (int64_t)random_below(&cluster->random, 5) * 256;
    now.group_tasks = (int64_t)random_below(&cluster->random, 3);
    if (is_another)
        now.facts.agent_connected = random_chance(&cluster->random, 700);
    assert_true(placement_change(placement, number, &now, is_another, &cluster->arena));
}

/* What is remembered of it never lags behind the candidates. */
static void check_closest(const struct cluster *cluster, const struct placement_demand *demand,
                          struct placement *placement)
{
    enum placement_refusal most = PLACEMENT_INACTIVE;
    enum placement_refusal told = PLACEMENT_INACTIVE;

    for (size_t i = 0; i < cluster->count; i++) {
        enum placement_refusal refusal = placement_refuses(demand, &cluster->candidates[i]);

        most = refusal > most ? refusal : most;
    }
    assert_true((placement_closest(placement, &told) == NULL) == (cluster->count == 0));
    assert_int_equal(told, most);
}

static void any_choice_follows_the_rules(void **state)
{
    enum { CHANGES_MAX = 40 };
    static const struct ecs_placement_strategy any[] = {SPREAD(ZONE),   SPREAD("attribute:rack"), SPREAD("instanceId"),
                                                        BINPACK("cpu"), BINPACK("memory"),        RANDOM};

    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct cluster *cluster = cluster_new(seed);
        struct ecs_placement_strategy by[PLACEMENT_STRATEGIES_MAX];
        struct ecs_placement_strategies strategies = {by, random_below(&cluster->random, PLACEMENT_STRATEGIES_MAX + 1)};
        struct placement_demand demand = {.cpu = 256, .memory = 128};
        struct placement *placement;

        demand.distinct_instance = random_chance(&cluster->random, 200);
        for (size_t i = 0; i < strategies.count; i++)
            by[i] = any[random_below(&cluster->random, COUNT_OF(any))];
        make_any(cluster);
        placement = placement_new(&cluster->arena, &demand, &strategies, cluster->candidates, cluster->count,
                                  INSTANCES_MAX, &cluster->random);
        for (size_t changes = 0;;) {
            struct placement_candidate before[INSTANCES_MAX];
            bool is_left[INSTANCES_MAX] = {false};
            struct placement_candidate *chosen;
            struct placement_candidate after;
            bool any_left = false;

            for (; cluster->count > 0 && changes < CHANGES_MAX && placement_lasts(&strategies) &&
                   random_chance(&cluster->random, 500);
                 changes++)
                change_any(cluster, placement);
            if (placement_lasts(&strategies) && cluster->count < INSTANCES_MAX && random_chance(&cluster->random, 50) &&
                !instance_comes(cluster, placement))
                placement = placement_new(&cluster->arena, &demand, &strategies, cluster->candidates, cluster->count,
                                          INSTANCES_MAX, &cluster->random);
            if (placement_lasts(&strategies) && cluster->count > 0 && random_chance(&cluster->random, 50))
                instance_goes(cluster, placement);
            for (size_t i = 0; i < cluster->count; i++) {
                is_left[i] = placement_refuses(&demand, &cluster->candidates[i]) == PLACEMENT_FITS;
                any_left = any_left || is_left[i];
            }
            check_closest(cluster, &demand, placement);
            memcpy(before, cluster->candidates, sizeof(before));
            chosen = placement_next(placement);
            if (!any_left) {
                assert_null(chosen);
                break;
            }
            assert_non_null(chosen);
            after = *chosen;
            *chosen = before[chosen - cluster->candidates];
            narrow(cluster, &strategies, chosen, is_left);
            *chosen = after;
            if (!is_left[chosen - cluster->candidates])
                fail_msg("seed %llu: instance %.*s was chosen", (unsigned long long)seed, STR_ARG(chosen->arn));
            assert_int_equal(chosen->cpu, before[chosen - cluster->candidates].cpu - demand.cpu);
        }
        cluster_free(cluster);
    }
}

static void a_candidate_that_moved_is_noticed(void **state)
{
    const struct ecs_placement_strategy by[] = {SPREAD(ZONE), BINPACK("cpu")};
    const struct ecs_placement_strategies strategies = {(struct ecs_placement_strategy *)(uintptr_t)by, 2};
    const struct placement_demand demand = {.cpu = 256, .memory = 128};
    struct cluster *cluster = cluster_new(1);
    struct placement_candidate now;
    struct placement *placement;

    (void)state;
    (void)add(cluster, "a", NULL, 1024, 1024);
    now = *add(cluster, "b", NULL, 1024, 1024);
    placement = placement_new(&cluster->arena, &demand, &strategies, cluster->candidates, 1, 1, &cluster->random);
    now.arn = cluster->candidates[0].arn;
    assert_false(placement_change(placement, 0, &now, /* is_another= */ true, &cluster->arena));
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strategies_do_as_they_say),
        cmocka_unit_test(what_runs_already_counts_for_a_spread),
        cmocka_unit_test(every_filter_has_its_reason),
        cmocka_unit_test(a_host_port_is_taken_once),
        cmocka_unit_test(strategies_are_checked),
        cmocka_unit_test(any_choice_follows_the_rules),
        cmocka_unit_test(a_candidate_that_moved_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
