#include "plane/ecs/placement_kept.h"

#include "base/must.h"

/* Candidates of all that are kept: some 400 bytes each. */
enum { CANDIDATES_MAX = 512 * 1024, PORTS_MAX = 64 * 1024 };

#define KEPT_BYTES_MAX ((size_t)1 << 30)
/* So many instances may come, and go, before a placement is built anew. */
#define SPARE(count) ((count) / 16 + 16)

/* Of an instance's slot: which candidate it is. */
struct place {
    uint64_t came; /* the instance's, unless it went and another one has the slot; 0: nobody */
    uint32_t number;
    bool waits; /* the candidate has room, and what others took of it was not told */
};

/* One placement, for tasks of one kind. */
struct kept {
    struct list link; /* in kept_all.placements, the one used last behind */
    struct arena arena;
    struct str kind;
    struct placement_demand demand;
    struct ecs_placement_strategies strategies;
    struct placement_candidate *candidates;
    size_t count, capacity;
    size_t gone;          /* of them */
    struct place *places; /* by slot, */
    uint32_t place_count; /* so many */
    uint32_t *slots;      /* of the candidates */
    size_t ports;         /* so many numbers of ports have been copied since it was made */
    struct placement *placement;
    uint64_t seen; /* of the changes of the cluster's instances */
};

struct kept_all {
    struct list placements;
    size_t candidates; /* of all of them */
};

static void *make(void)
{
    struct kept_all *all = calloc(1, sizeof(*all));

    must(all != NULL);
    list_init(&all->placements);
    return all;
}

static void forget(struct kept_all *all, struct kept *kept)
{
    list_remove(&kept->link);
    all->candidates -= kept->capacity;
    arena_free(&kept->arena);
    free(kept);
}

static void end(void *derived)
{
    struct kept_all *all = derived;

    while (!list_empty(&all->placements))
        forget(all, list_item(all->placements.next, struct kept, link));
    free(all);
}

/* What has changed, cluster_instances.h says. */
static const struct derived_spec derived_placements = {.table = &container_instance_table, .make = make, .end = end};

/* ---- making ---- */

/* Room is kept for daemons: another placement where they are others. false: it cannot be kept. */
static bool find_kind(struct transaction *tx, const struct task_wish *wish,
                      const struct ecs_placement_strategies *strategies, struct buf *kind)
{
    const struct daemon_room *daemons = task_instances_daemons(tx, wish);

    if (wish->launch.instances->needs_counts || !placement_lasts(strategies))
        return false;
    task_instances_add_part(kind, wish->cluster->cluster->cluster_arn);
    task_instances_add_kind(kind, wish);
    for (size_t i = 0; i < strategies->count; i++) {
        buf_printf(kind, "%d", (int)strategies->items[i].type);
        task_instances_add_part(kind, strategies->items[i].field);
    }
    for (size_t i = 0; i < daemons->count; i++) {
        if (daemons->wishes[i].launch.instances->needs_counts)
            return false;
        task_instances_add_kind(kind, &daemons->wishes[i]);
    }
    must(!kind->overflowed);
    return true;
}

static struct placement_ports copy_ports(struct kept *kept, struct placement_ports ports)
{
    int32_t *items = arena_array(&kept->arena, int32_t, ports.count);

    if (ports.count > 0)
        memcpy(items, ports.items, ports.count * sizeof(*items));
    kept->ports += ports.count;
    return (struct placement_ports){items, ports.count};
}

static void copy_demand(struct kept *kept, const struct task_instances *instances)
{
    const struct cluster_query **members =
        arena_array(&kept->arena, const struct cluster_query *, instances->demand.member_count);
    struct ecs_requires_attributes *attributes = arena_new(&kept->arena, struct ecs_requires_attributes);
    struct fail f;

    kept->demand = instances->demand;
    kept->demand.tcp = copy_ports(kept, instances->demand.tcp);
    kept->demand.udp = copy_ports(kept, instances->demand.udp);
    value_copy(&ecs_requires_attributes_shape, attributes, instances->demand.attributes, &kept->arena);
    kept->demand.attributes = attributes;
    for (size_t i = 0; i < instances->demand.member_count; i++)
        must(cluster_query_parse(arena_str(&kept->arena, instances->expressions[i]), &kept->arena, &members[i], &f));
    kept->demand.members = members;
}

/* ---- its candidates ---- */

/* One placement and what it is for at the moment. */
struct use {
    struct transaction *tx;
    const struct task_wish *wish;
    uint64_t group;
    const struct cluster_instances *all;
    struct kept *kept;
};

/* The tasks of one that drains do not count: it is as if it were not there. */
static struct placement_candidate candidate_of(const struct use *use, struct cluster_instance *instance)
{
    struct placement_candidate candidate = cluster_instance_candidate(instance, use->group);
    const int32_t *tcp = candidate.tcp.items;
    const int32_t *udp = candidate.udp.items;

    if (!candidate.active)
        candidate.group_tasks = 0;
    daemon_room_keep(use->tx, task_instances_daemons(use->tx, use->wish), instance->record, &candidate);
    if (candidate.tcp.items != tcp)
        candidate.tcp = copy_ports(use->kept, candidate.tcp);
    if (candidate.udp.items != udp)
        candidate.udp = copy_ports(use->kept, candidate.udp);
    return candidate;
}

static void add_candidate(const struct use *use, uint32_t slot)
{
    struct kept *kept = use->kept;

    kept->candidates[kept->count] = candidate_of(use, &use->all->slots[slot]);
    kept->slots[kept->count] = slot;
    kept->places[slot] = (struct place){.came = use->all->slots[slot].came, .number = (uint32_t)kept->count++};
}

static bool is_of_kind(const struct use *use, const struct cluster_instance *instance)
{
    return instance->record != NULL && task_instances_is_of_kind(use->wish->launch.instances, instance);
}

static void add_candidates(const struct use *use)
{
    struct kept *kept = use->kept;

    for (size_t i = 0; i < use->all->count; i++)
        kept->capacity += is_of_kind(use, cluster_instance_at(use->all, i));
    kept->capacity += SPARE(kept->capacity);
    kept->candidates = arena_array(&kept->arena, struct placement_candidate, kept->capacity);
    kept->slots = arena_array(&kept->arena, uint32_t, kept->capacity);
    kept->place_count = (uint32_t)(use->all->slot_count + SPARE(use->all->slot_count));
    kept->places = arena_array(&kept->arena, struct place, kept->place_count);
    for (size_t i = 0; i < use->all->count; i++)
        if (is_of_kind(use, cluster_instance_at(use->all, i)))
            add_candidate(use, use->all->order[i]);
}

static void kept_new(struct use *use, struct str kind, const struct ecs_placement_strategies *strategies)
{
    struct kept *kept = calloc(1, sizeof(*kept));

    must(kept != NULL);
    use->kept = kept;
    arena_init(&kept->arena, KEPT_BYTES_MAX);
    kept->kind = arena_str(&kept->arena, kind);
    value_copy(&ecs_placement_strategies_shape, &kept->strategies, strategies, &kept->arena);
    copy_demand(kept, use->wish->launch.instances);
    add_candidates(use);
    kept->seen = use->all->told;
    kept->placement = placement_new(&kept->arena, &kept->demand, &kept->strategies, kept->candidates, kept->count,
                                    kept->capacity, use->tx->random);
}

/* ---- bringing up to date ---- */

static void forget_candidate(struct kept *kept, struct place *place)
{
    placement_remove(kept->placement, place->number);
    *place = (struct place){.came = 0};
    kept->gone++;
}

/* With a hundred kinds of tasks in turn nearly all that a placement hears of is room that the other kinds took, of
 * instances that it does not choose next. */
static bool can_wait(const struct use *use, const struct place *place, struct cluster_instance *instance)
{
    const struct kept *kept = use->kept;

    return placement_can_wait(&kept->strategies) && instance->became_another <= kept->seen &&
           placement_has_room(kept->placement, place->number) &&
           kept->candidates[place->number].group_tasks == cluster_instance_group_tasks(instance, use->group);
}

/* false: the placement is of no use any more. */
static bool tell(const struct use *use, struct place *place, struct cluster_instance *instance)
{
    struct placement_candidate now = candidate_of(use, instance);

    place->waits = false;
    return placement_change(use->kept->placement, place->number, &now, instance->became_another > use->kept->seen,
                            use->tx->arena) &&
           use->kept->ports <= PORTS_MAX;
}

/* What has become of a slot. The same. */
static bool hear(const struct use *use, uint32_t slot)
{
    struct kept *kept = use->kept;
    struct cluster_instance *instance = &use->all->slots[slot];
    bool is_one = is_of_kind(use, instance);
    struct place *place;

    if (slot >= kept->place_count)
        return !is_one;
    place = &kept->places[slot];
    if (place->came != 0 && (!is_one || place->came != instance->came))
        forget_candidate(kept, place);
    if (!is_one || kept->gone > SPARE(kept->count))
        return kept->gone <= SPARE(kept->count);
    if (place->came == 0) {
        if (kept->count == kept->capacity)
            return false;
        add_candidate(use, slot);
        return placement_add(kept->placement);
    }
    place->waits = can_wait(use, place, instance);
    return place->waits || tell(use, place, instance);
}

/* Until the first candidate is one that waits for nothing. The same. */
static bool find_first(const struct use *use)
{
    struct kept *kept = use->kept;
    size_t first;

    while ((first = placement_first(kept->placement)) != PLACEMENT_NOBODY && kept->places[kept->slots[first]].waits)
        if (!tell(use, &kept->places[kept->slots[first]], &use->all->slots[kept->slots[first]]))
            return false;
    return true;
}

/* The same. */
static bool catch_up(const struct use *use)
{
    const struct cluster_instances *all = use->all;
    struct kept *kept = use->kept;

    for (uint32_t slot = all->newest; slot != NO_SLOT && all->slots[slot].changed > kept->seen;
         slot = all->slots[slot].older)
        if (!hear(use, slot))
            return false;
    kept->seen = all->told;
    return find_first(use);
}

static struct kept *find(struct kept_all *all, struct str kind)
{
    for (struct list *link = all->placements.next; link != &all->placements; link = link->next) {
        struct kept *kept = list_item(link, struct kept, link);

        if (str_eq(kept->kind, kind)) {
            list_remove(link);
            list_add_last(&all->placements, link);
            return kept;
        }
    }
    return NULL;
}

struct placement *placement_kept(struct transaction *tx, const struct task_wish *wish,
                                 const struct ecs_placement_strategies *strategies)
{
    struct kept_all *all = transaction_derived(tx, &derived_placements);
    struct use use = {tx, wish, str_hash(wish->group), cluster_instances_of(tx, wish->cluster), NULL};
    auto_buf kind = {.ptr = NULL};

    if (!find_kind(tx, wish, strategies, &kind))
        return NULL;
    use.kept = find(all, buf_str(&kind));
    if (use.kept != NULL && catch_up(&use))
        return use.kept->placement;
    if (use.kept != NULL)
        forget(all, use.kept);
    kept_new(&use, buf_str(&kind), strategies);
    use.kept->ports = 0;
    list_add_last(&all->placements, &use.kept->link);
    all->candidates += use.kept->capacity;
    while (all->candidates > CANDIDATES_MAX && all->placements.next != &use.kept->link)
        forget(all, list_item(all->placements.next, struct kept, link));
    return use.kept->placement;
}
