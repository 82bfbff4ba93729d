#include "plane/ecs/placement_kept.h"

#include "base/must.h"
#include "plane/ecs/service_daemon.h"

/* Candidates of all that are kept: some 400 bytes each. */
enum { CANDIDATES_MAX = 128 * 1024, NEWS_MAX = 16384 };

#define KEPT_BYTES_MAX ((size_t)1 << 30)

/* One placement, for tasks of one kind. */
struct kept {
    struct list link; /* in kept_all.placements, the one used last behind */
    struct arena arena;
    struct str kind;
    struct str prefix; /* of the keys of its instances */
    struct placement_demand demand;
    struct ecs_placement_strategies strategies;
    struct placement_candidate *candidates;
    size_t count;
    struct map by_key; /* the candidates, by the keys of their instances */
    struct placement *placement;
    uint64_t seen; /* of the news */
};

/* That an instance has changed, in the order in which it happened. */
struct news {
    struct str key; /* malloc'ed */
    bool is_another;
};

struct kept_all {
    struct list placements;
    size_t candidates;          /* of all of them */
    struct news news[NEWS_MAX]; /* a ring */
    uint64_t told;              /* so far */
};

/* ---- what changes ---- */

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
    all->candidates -= kept->count;
    map_free(&kept->by_key);
    arena_free(&kept->arena);
    free(kept);
}

static void end(void *derived)
{
    struct kept_all *all = derived;

    while (!list_empty(&all->placements))
        forget(all, list_item(all->placements.next, struct kept, link));
    for (size_t i = 0; i < NEWS_MAX; i++)
        free((void *)(uintptr_t)all->news[i].key.ptr);
    free(all);
}

/* Instances come and go rarely: what is kept of their cluster is made anew. */
static void forget_cluster(struct kept_all *all, struct str key)
{
    struct list *next;

    for (struct list *link = all->placements.next; link != &all->placements; link = next) {
        struct kept *kept = list_item(link, struct kept, link);

        next = link->next;
        if (str_starts(key, kept->prefix))
            forget(all, kept);
    }
}

/* Everything but what tasks take changes with the instance's version. */
static void changed(void *derived, struct str key, const void *before, const void *after)
{
    const struct container_instance_record *old = before;
    const struct container_instance_record *new = after;
    struct kept_all *all = derived;
    struct news *news = &all->news[all->told % NEWS_MAX];
    char *copy;

    if (list_empty(&all->placements))
        return;
    if (old == NULL || new == NULL || container_instance_is_active(old) != container_instance_is_active(new)) {
        forget_cluster(all, key);
        return;
    }
    copy = malloc(key.len);
    must(copy != NULL);
    memcpy(copy, key.ptr, key.len);
    free((void *)(uintptr_t)news->key.ptr);
    *news = (struct news){{copy, key.len}, old->instance->version != new->instance->version};
    all->told++;
}

static const struct derived_spec derived_placements = {
    .table = &container_instance_table, .make = make, .changed = changed, .end = end};

/* ---- making ---- */

static void add_part(struct buf *kind, struct str part)
{
    buf_printf(kind, "%zu:", part.len);
    buf_add(kind, part);
}

/* What tasks of one kind have in common. The definition's ARN stands for all that it asks of an instance. */
static void add_kind(struct buf *kind, const struct task_wish *wish, const struct ecs_placement_strategies *strategies)
{
    const struct task_instances *instances = wish->launch.instances;

    add_part(kind, wish->cluster->cluster->cluster_arn);
    add_part(kind, wish->definition->task_definition_arn);
    add_part(kind, wish->group);
    add_part(kind, instances->zone);
    buf_printf(kind, "%d,%d,%d,%d;", (int)instances->type, wish->cpu_units, wish->memory_mib,
               (int)instances->demand.distinct_instance);
    for (size_t i = 0; i < instances->demand.member_count; i++)
        add_part(kind, instances->expressions[i]);
    for (size_t i = 0; i < strategies->count; i++) {
        buf_printf(kind, "%d", (int)strategies->items[i].type);
        add_part(kind, strategies->items[i].field);
    }
}

static struct placement_ports copy_ports(struct arena *arena, struct placement_ports ports)
{
    int32_t *items = arena_array(arena, int32_t, ports.count);

    if (ports.count > 0)
        memcpy(items, ports.items, ports.count * sizeof(*items));
    return (struct placement_ports){items, ports.count};
}

static void copy_demand(struct kept *kept, const struct task_instances *instances)
{
    const struct cluster_query **members =
        arena_array(&kept->arena, const struct cluster_query *, instances->demand.member_count);
    struct ecs_requires_attributes *attributes = arena_new(&kept->arena, struct ecs_requires_attributes);
    struct fail f;

    kept->demand = instances->demand;
    kept->demand.tcp = copy_ports(&kept->arena, instances->demand.tcp);
    kept->demand.udp = copy_ports(&kept->arena, instances->demand.udp);
    value_copy(&ecs_requires_attributes_shape, attributes, instances->demand.attributes, &kept->arena);
    kept->demand.attributes = attributes;
    for (size_t i = 0; i < instances->demand.member_count; i++)
        must(cluster_query_parse(arena_str(&kept->arena, instances->expressions[i]), &kept->arena, &members[i], &f));
    kept->demand.members = members;
}

static void add_candidates(struct transaction *tx, const struct task_wish *wish, struct kept *kept)
{
    struct walk walk = container_instances_of(tx, wish->cluster);
    const struct container_instance_record *instance;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    kept->candidates = arena_array(&kept->arena, struct placement_candidate, count);
    walk = container_instances_of(tx, wish->cluster);
    while ((instance = walk_next(&walk)) != NULL) {
        if (!task_instances_is_candidate(wish->launch.instances, instance))
            continue;
        kept->candidates[kept->count] =
            container_instance_candidate(tx, instance, wish->group, /* with_counts= */ false);
        (void)map_put(&kept->by_key, container_instance_key(&kept->arena, instance), &kept->candidates[kept->count]);
        kept->count++;
    }
}

static struct kept *kept_new(struct transaction *tx, const struct task_wish *wish, struct str kind,
                             const struct ecs_placement_strategies *strategies)
{
    const struct cluster_record *cluster = wish->cluster;
    struct kept *kept = calloc(1, sizeof(*kept));

    must(kept != NULL);
    arena_init(&kept->arena, KEPT_BYTES_MAX);
    kept->kind = arena_str(&kept->arena, kind);
    kept->prefix = KEY_PREFIX(&kept->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name);
    value_copy(&ecs_placement_strategies_shape, &kept->strategies, strategies, &kept->arena);
    copy_demand(kept, wish->launch.instances);
    add_candidates(tx, wish, kept);
    kept->placement =
        placement_new(&kept->arena, &kept->demand, &kept->strategies, kept->candidates, kept->count, tx->random);
    return kept;
}

/* ---- bringing up to date ---- */

/* false: whether it is a candidate at all has changed, or what it is spread by. */
static bool hear(struct transaction *tx, const struct task_wish *wish, struct kept *kept, const struct news *news)
{
    const struct placement_candidate *candidate = map_get(&kept->by_key, news->key);
    const struct container_instance_record *instance = transaction_get(tx, &container_instance_table, news->key);
    struct placement_candidate now;

    if (news->is_another && str_starts(news->key, kept->prefix) &&
        task_instances_is_candidate(wish->launch.instances, instance) != (candidate != NULL))
        return false;
    if (candidate == NULL)
        return true;
    now = container_instance_candidate(tx, instance, wish->group, /* with_counts= */ false);
    return placement_change(kept->placement, (size_t)(candidate - kept->candidates), &now, news->is_another, tx->arena);
}

/* false: it is of no use any more. */
static bool catch_up(struct transaction *tx, const struct task_wish *wish, struct kept_all *all, struct kept *kept)
{
    if (all->told - kept->seen > NEWS_MAX)
        return false;
    for (; kept->seen < all->told; kept->seen++)
        if (!hear(tx, wish, kept, &all->news[kept->seen % NEWS_MAX]))
            return false;
    return true;
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
    struct kept *kept;
    auto_buf kind = {.ptr = NULL};

    if (wish->launch.instances->needs_counts || !placement_lasts(strategies) || daemons_exist(tx, wish->cluster))
        return NULL;
    add_kind(&kind, wish, strategies);
    must(!kind.overflowed);
    kept = find(all, buf_str(&kind));
    if (kept != NULL && catch_up(tx, wish, all, kept))
        return kept->placement;
    if (kept != NULL)
        forget(all, kept);
    kept = kept_new(tx, wish, buf_str(&kind), strategies);
    kept->seen = all->told;
    list_add_last(&all->placements, &kept->link);
    all->candidates += kept->count;
    while (all->candidates > CANDIDATES_MAX && all->placements.next != &kept->link)
        forget(all, list_item(all->placements.next, struct kept, link));
    return kept->placement;
}
