#include "plane/ecs/placement.h"

#include "base/map.h"
#include "base/must.h"
#include "model/interpret.h"

/* ---- filters ---- */

static bool is_active(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    (void)demand;
    return candidate->active;
}

static bool has_agent(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    (void)demand;
    return candidate->facts.agent_connected;
}

static bool has_attributes(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    for (size_t i = 0; demand->attributes != NULL && i < demand->attributes->count; i++) {
        const struct ecs_attribute *wanted = &demand->attributes->items[i];
        struct str value = cluster_query_attribute(candidate->facts.attributes, wanted->name);

        if (value.ptr == NULL || (wanted->value.ptr != NULL && !str_eq(value, wanted->value)))
            return false;
    }
    return true;
}

static bool is_member(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    for (size_t i = 0; i < demand->member_count; i++)
        if (!cluster_query_matches(demand->members[i], &candidate->facts))
            return false;
    return true;
}

static bool is_distinct(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    return !demand->distinct_instance || candidate->group_tasks == 0;
}

static bool has_gpus(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    return demand->gpus <= candidate->gpus;
}

static bool has_enis(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    return demand->enis <= candidate->enis;
}

static bool are_free(struct placement_ports wanted, struct placement_ports used)
{
    size_t at = 0;

    for (size_t i = 0; i < wanted.count; i++) {
        while (at < used.count && used.items[at] < wanted.items[i])
            at++;
        if (at < used.count && used.items[at] == wanted.items[i])
            return false;
    }
    return true;
}

static bool has_ports(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    bool asks = demand->tcp.count > 0 || demand->udp.count > 0;

    return !(asks && candidate->has_one) && are_free(demand->tcp, candidate->tcp) &&
           are_free(demand->udp, candidate->udp);
}

static bool has_cpu(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    return demand->cpu <= candidate->cpu;
}

static bool has_memory(const struct placement_demand *demand, const struct placement_candidate *candidate)
{
    return demand->memory <= candidate->memory;
}

/* Reasons: developer guide, "Amazon ECS API failure reasons". */
static const struct filter {
    const char *reason;
    bool (*passes)(const struct placement_demand *demand, const struct placement_candidate *candidate);
} filters[PLACEMENT_FITS] = {
    [PLACEMENT_INACTIVE] = {"INACTIVE", is_active},
    [PLACEMENT_AGENT] = {"AGENT", has_agent},
    [PLACEMENT_ATTRIBUTE] = {"ATTRIBUTE", has_attributes},
    [PLACEMENT_MEMBER_OF] = {"MemberOf placement constraint unsatisfied.", is_member},
    [PLACEMENT_DISTINCT_INSTANCE] = {"DistinctInstance placement constraint unsatisfied.", is_distinct},
    [PLACEMENT_GPU] = {"RESOURCE:GPU", has_gpus},
    [PLACEMENT_ENI] = {"RESOURCE:ENI", has_enis},
    [PLACEMENT_PORTS] = {"RESOURCE:PORTS", has_ports},
    [PLACEMENT_CPU] = {"RESOURCE:CPU", has_cpu},
    [PLACEMENT_MEMORY] = {"RESOURCE:MEMORY", has_memory},
};

/* From that filter on: those before are known to let it pass. */
static enum placement_refusal refuses_from(enum placement_refusal first, const struct placement_demand *demand,
                                           const struct placement_candidate *candidate)
{
    size_t i = first;

    while (i < COUNT_OF(filters) && filters[i].passes(demand, candidate))
        i++;
    return (enum placement_refusal)i;
}

enum placement_refusal placement_refuses(const struct placement_demand *demand,
                                         const struct placement_candidate *candidate)
{
    return refuses_from(PLACEMENT_INACTIVE, demand, candidate);
}

const char *placement_reason(enum placement_refusal refusal)
{
    must(refusal < PLACEMENT_FITS);
    return filters[refusal].reason;
}

/* ---- strategies ---- */

static bool is_instance_field(struct str field)
{
    return str_eq_nocase(field, STR("instanceId")) || str_eq_nocase(field, STR("host"));
}

static bool field_is_good(const struct ecs_placement_strategy *strategy)
{
    struct str field = strategy->field;

    switch (strategy->type) {
    case ECS_PLACEMENT_STRATEGY_TYPE_SPREAD:
        return is_instance_field(field) || (str_starts(field, STR("attribute:")) && field.len > STR("attribute:").len);
    case ECS_PLACEMENT_STRATEGY_TYPE_BINPACK:
        return str_eq_nocase(field, STR("cpu")) || str_eq_nocase(field, STR("memory"));
    case ECS_PLACEMENT_STRATEGY_TYPE_RANDOM:
        return field.len == 0;
    case ECS_PLACEMENT_STRATEGY_TYPE_NONE:
        break;
    }
    return false;
}

bool placement_strategies_check(const struct ecs_placement_strategies *strategies, struct fail *f)
{
    if (strategies->count > PLACEMENT_STRATEGIES_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "placementStrategy can have at most %d items.",
                        PLACEMENT_STRATEGIES_MAX);
    for (size_t i = 0; i < strategies->count; i++) {
        const struct ecs_placement_strategy *strategy = &strategies->items[i];
        const char *type = enum_name(&ecs_placement_strategy_type_shape, (int)strategy->type);

        if (strategy->type == ECS_PLACEMENT_STRATEGY_TYPE_NONE)
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Placement strategy type is required.");
        if (!field_is_good(strategy))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "The field '%.*s' is not valid for the placement strategy '%s'.", STR_ARG(strategy->field),
                            type);
    }
    return true;
}

/* ---- the tree ---- */

/* The root, a group of candidates with one value of a spread, or a candidate: a place in its parent's heap. */
struct node {
    struct node *parent;
    struct node **children; /* a heap: the first is the best */
    size_t count, capacity;
    size_t at;                              /* its place in the parent's heap; NOWHERE: it has no room */
    int64_t keys[PLACEMENT_STRATEGIES_MAX]; /* of a group only the first: its tasks */
    uint64_t turn;                          /* among equals the one that waited longest */
    struct placement_candidate *candidate;  /* NULL: a group */
    /* Of a candidate: */
    enum placement_refusal facts;               /* the first filter that what it is does not pass; ROOM: all of them */
    int64_t *tallies[PLACEMENT_STRATEGIES_MAX]; /* tasks with its value, for spreads behind the levels */
    struct str path;                            /* of a group: the values that led to it */
};

/* From here on filters ask for what tasks take. */
static const enum placement_refusal ROOM = PLACEMENT_DISTINCT_INSTANCE;

static const size_t NOWHERE = SIZE_MAX;

struct placement {
    struct arena *arena;
    const struct placement_demand *demand;
    const struct ecs_placement_strategies *strategies;
    size_t levels; /* leading spreads: of the tree; the other strategies are keys of candidates */
    struct placement_candidate *candidates;
    size_t count, capacity;
    size_t active; /* of them */
    struct random *random;
    struct node root;
    struct node *nodes; /* of the candidates */
    uint64_t turns;
    /* The answer of placement_closest, until a candidate changes; NULL: not asked for since. */
    const struct placement_candidate *closest;
    enum placement_refusal closest_refusal;
};

static bool is_before(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < PLACEMENT_STRATEGIES_MAX; i++)
        if (a->keys[i] != b->keys[i])
            return a->keys[i] < b->keys[i];
    return a->turn < b->turn;
}

static void put_at(struct node *parent, struct node *node, size_t at)
{
    parent->children[at] = node;
    node->at = at;
}

static void sink(struct node *node)
{
    struct node *parent = node->parent;
    size_t at = node->at;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < parent->count && is_before(parent->children[child + 1], parent->children[child]))
            child++;
        if (child >= parent->count || !is_before(parent->children[child], node))
            break;
        put_at(parent, parent->children[child], at);
        at = child;
    }
    put_at(parent, node, at);
}

/* Where its keys have changed. */
static void settle(struct node *node)
{
    struct node *parent = node->parent;
    size_t at = node->at;

    for (; at > 0 && is_before(node, parent->children[(at - 1) / 2]); at = (at - 1) / 2)
        put_at(parent, parent->children[(at - 1) / 2], at);
    put_at(parent, node, at);
    sink(node);
}

/* At the end of the heap: settle or order it afterwards. */
static void add_child(struct placement *placement, struct node *parent, struct node *node)
{
    if (parent->count == parent->capacity) {
        size_t capacity = parent->capacity == 0 ? 4 : 2 * parent->capacity;
        struct node **children = arena_array(placement->arena, struct node *, capacity);

        if (parent->count > 0)
            memcpy((void *)children, (const void *)parent->children, parent->count * sizeof(*children));
        parent->children = children;
        parent->capacity = capacity;
    }
    node->parent = parent;
    node->turn = placement->turns++;
    put_at(parent, node, parent->count++);
}

static void order(struct node *node)
{
    for (size_t i = 0; i < node->count; i++)
        if (node->children[i]->candidate == NULL)
            order(node->children[i]);
    for (size_t i = node->count / 2; i-- > 0;)
        sink(node->children[i]);
}

/* A group without anybody leaves with its last. */
static void leave(struct node *node)
{
    struct node *parent = node->parent;
    struct node *last = parent->children[--parent->count];

    if (last != node) {
        put_at(parent, last, node->at);
        settle(last);
    }
    node->at = NOWHERE;
    if (parent->count == 0 && parent->parent != NULL)
        leave(parent);
}

static void enter(struct placement *placement, struct node *parent, struct node *node)
{
    add_child(placement, parent, node);
    settle(node);
    if (parent->count == 1 && parent->parent != NULL)
        enter(placement, parent->parent, parent);
}

/* ---- keys ---- */

static int64_t key_of(struct placement *placement, const struct node *node, size_t strategy)
{
    const struct ecs_placement_strategy *by = &placement->strategies->items[strategy];

    switch (by->type) {
    case ECS_PLACEMENT_STRATEGY_TYPE_SPREAD:
        return *node->tallies[strategy];
    case ECS_PLACEMENT_STRATEGY_TYPE_BINPACK:
        return str_eq_nocase(by->field, STR("cpu")) ? node->candidate->cpu : node->candidate->memory;
    case ECS_PLACEMENT_STRATEGY_TYPE_RANDOM:
        return (int64_t)(random_next(placement->random) >> 1);
    case ECS_PLACEMENT_STRATEGY_TYPE_NONE:
        break;
    }
    must_not_happen("strategies are checked");
}

static void set_keys(struct placement *placement, struct node *node)
{
    for (size_t i = placement->levels; i < placement->strategies->count; i++)
        node->keys[i - placement->levels] = key_of(placement, node, i);
}

/* A tally that others have raised meanwhile. Keys of candidates that were not chosen only grow, so the first in the
 * heap is the best as soon as its own are true. */
static bool refresh(struct placement *placement, struct node *node)
{
    bool stale = false;

    for (size_t i = placement->levels; i < placement->strategies->count; i++)
        if (node->tallies[i] != NULL && node->keys[i - placement->levels] != *node->tallies[i]) {
            node->keys[i - placement->levels] = *node->tallies[i];
            stale = true;
        }
    return stale;
}

/* ---- building ---- */

static struct str value_of(const struct ecs_placement_strategy *spread, const struct placement_candidate *candidate)
{
    struct str value;

    if (is_instance_field(spread->field))
        return candidate->arn;
    if (candidate->zone.ptr != NULL && str_is(spread->field, "attribute:ecs.availability-zone"))
        return candidate->zone;
    value = cluster_query_attribute(candidate->facts.attributes, str_from(spread->field, STR("attribute:").len));
    return value.ptr == NULL ? STR("") : value;
}

/* What stands in `values` under that value at that place of the tree; made when it is new. */
static void *found_or_new(struct placement *placement, struct map *values, struct str key, size_t size)
{
    void *found = map_get(values, key);

    if (found == NULL) {
        found = arena_alloc(placement->arena, size);
        (void)map_put(values, key, found);
    }
    return found;
}

/* Of one level, which is usual, the value itself. */
static struct str path_of(struct arena *arena, const struct placement *placement,
                          const struct placement_candidate *candidate, size_t levels)
{
    struct str path = STR("");

    if (levels == 1)
        return value_of(&placement->strategies->items[0], candidate);
    for (size_t i = 0; i < levels; i++)
        path = arena_printf(arena, "%.*s\x1f%.*s", STR_ARG(path),
                            STR_ARG(value_of(&placement->strategies->items[i], candidate)));
    return path;
}

/* The groups of a placement being built. There are few zones and many instances: those met last are met again. */
struct groups {
    struct map by_path;
    struct node *latest[4];
    size_t turn;
};

static struct node *group_get(struct placement *placement, struct groups *groups, struct node *parent, struct str path)
{
    struct node *group;

    for (size_t i = 0; i < COUNT_OF(groups->latest); i++)
        if (groups->latest[i] != NULL && str_eq(groups->latest[i]->path, path))
            return groups->latest[i];
    group = map_get(&groups->by_path, path);
    if (group == NULL) {
        group = arena_new(placement->arena, struct node);
        *group = (struct node){.parent = parent, .path = arena_str(placement->arena, path), .at = NOWHERE};
        (void)map_put(&groups->by_path, group->path, group);
    }
    groups->latest[groups->turn++ % COUNT_OF(groups->latest)] = group;
    return group;
}

/* The group that the candidate belongs to, its tasks counted on the way down: also those of instances without room. */
static struct node *group_of(struct placement *placement, struct groups *groups,
                             const struct placement_candidate *candidate)
{
    struct node *group = &placement->root;

    for (size_t i = 0; i < placement->levels; i++) {
        struct node *parent = group;
        struct str path = path_of(placement->arena, placement, candidate, i + 1);

        group = group_get(placement, groups, parent, path);
        group->keys[0] += candidate->group_tasks;
    }
    return group;
}

static void tally(struct placement *placement, struct map *tallies, const struct placement_candidate *candidate,
                  struct node *node)
{
    for (size_t i = placement->levels; i < placement->strategies->count; i++) {
        const struct ecs_placement_strategy *by = &placement->strategies->items[i];

        if (by->type != ECS_PLACEMENT_STRATEGY_TYPE_SPREAD)
            continue;
        node->tallies[i] = found_or_new(
            placement, tallies, arena_printf(placement->arena, "%zu\x1f%.*s", i, STR_ARG(value_of(by, candidate))),
            sizeof(int64_t));
        *node->tallies[i] += candidate->group_tasks;
    }
}

/* Puts a group that has somebody into its parent's heap. */
static void join(struct placement *placement, struct node *group)
{
    while (group != &placement->root && group->count == 1) {
        struct node *parent = group->parent;

        add_child(placement, parent, group);
        if (parent->count > 1)
            return;
        group = parent;
    }
}

static void build(struct placement *placement)
{
    struct groups groups = {.turn = 0};
    struct map tallies = {0};

    placement->nodes = arena_array(placement->arena, struct node, placement->capacity);
    for (size_t i = 0; i < placement->count; i++) {
        placement->nodes[i].parent = group_of(placement, &groups, &placement->candidates[i]);
        tally(placement, &tallies, &placement->candidates[i], &placement->nodes[i]);
    }
    for (size_t i = 0; i < placement->count; i++) {
        struct node *node = &placement->nodes[i];
        enum placement_refusal refusal = placement_refuses(placement->demand, &placement->candidates[i]);

        node->candidate = &placement->candidates[i];
        node->facts = refusal < ROOM ? refusal : ROOM;
        node->at = NOWHERE;
        placement->active += refusal != PLACEMENT_INACTIVE;
        set_keys(placement, node);
        if (refusal != PLACEMENT_FITS)
            continue;
        add_child(placement, node->parent, node);
        join(placement, node->parent);
    }
    order(&placement->root);
    map_free(&groups.by_path);
    map_free(&tallies);
}

struct placement *placement_new(struct arena *arena, const struct placement_demand *demand,
                                const struct ecs_placement_strategies *strategies,
                                struct placement_candidate *candidates, size_t count, size_t capacity,
                                struct random *random)
{
    struct placement *placement = arena_new(arena, struct placement);

    *placement = (struct placement){.arena = arena,
                                    .demand = demand,
                                    .strategies = strategies,
                                    .candidates = candidates,
                                    .count = count,
                                    .capacity = capacity,
                                    .random = random};
    while (placement->levels < strategies->count &&
           strategies->items[placement->levels].type == ECS_PLACEMENT_STRATEGY_TYPE_SPREAD)
        placement->levels++;
    build(placement);
    return placement;
}

/* ---- choosing ---- */

static struct node *choose(struct placement *placement)
{
    struct node *node = &placement->root;

    while (node->candidate == NULL) {
        if (node->count == 0)
            return NULL;
        while (node->children[0]->candidate != NULL && refresh(placement, node->children[0]))
            sink(node->children[0]);
        node = node->children[0];
    }
    return node;
}

struct placement_ports placement_ports_merged(struct arena *arena, struct placement_ports a, struct placement_ports b)
{
    int32_t *items = arena_array(arena, int32_t, a.count + b.count);
    size_t i = 0;
    size_t k = 0;

    while (i < a.count || k < b.count)
        if (k == b.count || (i < a.count && a.items[i] <= b.items[k])) {
            items[i + k] = a.items[i];
            i++;
        } else {
            items[i + k] = b.items[k];
            k++;
        }
    return (struct placement_ports){items, i + k};
}

static void take(const struct placement_demand *demand, struct placement_candidate *candidate)
{
    candidate->cpu -= demand->cpu;
    candidate->memory -= demand->memory;
    candidate->enis -= demand->enis;
    candidate->gpus -= demand->gpus;
    candidate->group_tasks++;
    candidate->has_one = true;
}

struct placement_candidate *placement_next(struct placement *placement)
{
    struct node *chosen = choose(placement);

    if (chosen == NULL)
        return NULL;
    placement->closest = NULL;
    take(placement->demand, chosen->candidate);
    for (size_t i = placement->levels; i < placement->strategies->count; i++)
        if (chosen->tallies[i] != NULL)
            (*chosen->tallies[i])++;
    set_keys(placement, chosen);
    for (struct node *node = chosen; node != &placement->root; node = node->parent) {
        if (node->candidate == NULL)
            node->keys[0]++;
        node->turn = placement->turns++;
        sink(node);
    }
    if (refuses_from(ROOM, placement->demand, chosen->candidate) != PLACEMENT_FITS)
        leave(chosen);
    return chosen->candidate;
}

size_t placement_first(struct placement *placement)
{
    const struct node *first = choose(placement);

    return first == NULL ? PLACEMENT_NOBODY : (size_t)(first->candidate - placement->candidates);
}

size_t placement_count(const struct placement *placement)
{
    return placement->active;
}

/* A service that finds no place asks again and again. */
const struct placement_candidate *placement_closest(struct placement *placement, enum placement_refusal *ret_refusal)
{
    const struct placement_candidate *closest = placement->closest;

    for (size_t i = 0; placement->closest == NULL && i < placement->count; i++) {
        enum placement_refusal refusal = placement_refuses(placement->demand, &placement->candidates[i]);

        if (closest != NULL && refusal <= placement->closest_refusal)
            continue;
        closest = &placement->candidates[i];
        placement->closest_refusal = refusal;
    }
    placement->closest = closest;
    if (closest != NULL)
        *ret_refusal = placement->closest_refusal;
    return closest;
}

/* ---- what others change ---- */

bool placement_lasts(const struct ecs_placement_strategies *strategies)
{
    bool behind = false;

    for (size_t i = 0; i < strategies->count; i++) {
        if (strategies->items[i].type != ECS_PLACEMENT_STRATEGY_TYPE_SPREAD)
            behind = true;
        else if (behind)
            return false;
    }
    return true;
}

bool placement_can_wait(const struct ecs_placement_strategies *strategies)
{
    for (size_t i = 0; i < strategies->count; i++)
        if (strategies->items[i].type == ECS_PLACEMENT_STRATEGY_TYPE_BINPACK)
            return false;
    return true;
}

bool placement_has_room(const struct placement *placement, size_t number)
{
    return placement->nodes[number].at != NOWHERE;
}

static void count_tasks(struct node *group, int64_t more)
{
    for (; more != 0 && group->parent != NULL; group = group->parent) {
        group->keys[0] += more;
        if (group->at != NOWHERE)
            settle(group);
    }
}

/* Chance stays with a candidate until it is chosen. */
static void renew_keys(struct placement *placement, struct node *node)
{
    for (size_t i = placement->levels; i < placement->strategies->count; i++)
        if (placement->strategies->items[i].type == ECS_PLACEMENT_STRATEGY_TYPE_BINPACK)
            node->keys[i - placement->levels] = key_of(placement, node, i);
}

static void set_facts(struct placement *placement, struct node *node)
{
    enum placement_refusal refusal = placement_refuses(placement->demand, node->candidate);

    placement->active -= node->facts != PLACEMENT_INACTIVE;
    placement->active += refusal != PLACEMENT_INACTIVE;
    node->facts = refusal < ROOM ? refusal : ROOM;
}

bool placement_change(struct placement *placement, size_t number, const struct placement_candidate *now,
                      bool is_another, struct arena *scratch)
{
    struct node *node = &placement->nodes[number];
    int64_t more = now->group_tasks - node->candidate->group_tasks;

    if (is_another && placement->levels > 0 &&
        !str_eq(path_of(scratch, placement, now, placement->levels), node->parent->path))
        return false;
    placement->closest = NULL;
    *node->candidate = *now;
    if (is_another)
        set_facts(placement, node);
    count_tasks(node->parent, more);
    renew_keys(placement, node);
    if (node->facts != ROOM || refuses_from(ROOM, placement->demand, now) != PLACEMENT_FITS) {
        if (node->at != NOWHERE)
            leave(node);
    } else if (node->at != NOWHERE) {
        settle(node);
    } else {
        enter(placement, node->parent, node);
    }
    return true;
}

/* The group of that path, which somebody is in or was; NULL. */
static struct node *group_met(const struct placement *placement, struct str path)
{
    for (size_t i = 0; i < placement->count; i++)
        if (str_eq(placement->nodes[i].parent->path, path))
            return placement->nodes[i].parent;
    return NULL;
}

static struct node *group_of_another(struct placement *placement, const struct placement_candidate *candidate)
{
    struct str path = path_of(placement->arena, placement, candidate, placement->levels);
    struct node *group;

    if (placement->levels == 0)
        return &placement->root;
    group = group_met(placement, path);
    if (group != NULL)
        return group;
    group = arena_new(placement->arena, struct node);
    *group = (struct node){.parent = &placement->root, .path = arena_str(placement->arena, path), .at = NOWHERE};
    return group;
}

bool placement_add(struct placement *placement)
{
    struct placement_candidate *candidate = &placement->candidates[placement->count];
    struct node *node = &placement->nodes[placement->count];

    if (placement->count == placement->capacity || placement->levels > 1)
        return false;
    *node = (struct node){.parent = group_of_another(placement, candidate), .candidate = candidate, .at = NOWHERE};
    set_facts(placement, node);
    set_keys(placement, node);
    placement->count++;
    placement->closest = NULL;
    count_tasks(node->parent, candidate->group_tasks);
    if (placement_refuses(placement->demand, candidate) == PLACEMENT_FITS)
        enter(placement, node->parent, node);
    return true;
}

void placement_remove(struct placement *placement, size_t number)
{
    struct node *node = &placement->nodes[number];

    placement->closest = NULL;
    count_tasks(node->parent, -node->candidate->group_tasks);
    *node->candidate = (struct placement_candidate){.active = false};
    set_facts(placement, node);
    if (node->at != NOWHERE)
        leave(node);
}
