#include "plane/ecs/cluster_instances.h"

#include "base/map.h"
#include "base/must.h"

/* By the hash of its name: that is keyed and of 64 bits, two names that share one do not happen. */
struct group_count {
    uint64_t name;
    int64_t tasks;
};

/* ---- one instance ---- */

enum { BITS_A_MARK = 64 };

/* What filters go by is another: not only what tasks take. */
static bool is_another(const struct placement_candidate *was, const struct placement_candidate *is)
{
    return was->active != is->active || was->facts.agent_connected != is->facts.agent_connected ||
           was->facts.registered_at_ms != is->facts.registered_at_ms ||
           !str_eq(was->facts.agent_version, is->facts.agent_version) ||
           !str_eq(was->facts.ec2_instance_id, is->facts.ec2_instance_id) ||
           !value_equal(&ecs_attributes_shape, was->facts.attributes, is->facts.attributes);
}

static void instance_set(struct cluster_instances *instances, uint32_t slot,
                         const struct container_instance_record *record)
{
    struct cluster_instance *instance = &instances->slots[slot];
    struct placement_candidate offer = container_instance_offer(record);

    if (instance->record == NULL || is_another(&instance->offer, &offer))
        instance->became_another = instances->told;
    instance->record = record;
    instance->is_external = container_instance_is_external(record);
    instance->offer = offer;
    instance->groups_known = false;
}

static uint64_t *mark_of(struct cluster_instance *instance, uint64_t name, uint64_t *ret_bit)
{
    *ret_bit = UINT64_C(1) << name % BITS_A_MARK;
    return &instance->marks[name / BITS_A_MARK % GROUP_MARKS];
}

static void know_groups(struct cluster_instance *instance)
{
    const struct task_groups *groups = &instance->record->groups;

    if (groups->count > instance->group_capacity) {
        instance->group_capacity = 2 * groups->count;
        instance->groups = realloc(instance->groups, instance->group_capacity * sizeof(*instance->groups));
        must(instance->groups != NULL);
    }
    memset(instance->marks, 0, sizeof(instance->marks));
    for (size_t i = 0; i < groups->count; i++) {
        uint64_t name = str_hash(groups->items[i].name);
        uint64_t bit;

        instance->groups[i] = (struct group_count){name, groups->items[i].count};
        *mark_of(instance, name, &bit) |= bit;
    }
    instance->group_count = groups->count;
    instance->groups_known = true;
}

int64_t cluster_instance_group_tasks(struct cluster_instance *instance, uint64_t group)
{
    uint64_t bit;

    if (!instance->groups_known)
        know_groups(instance);
    if ((*mark_of(instance, group, &bit) & bit) == 0)
        return 0;
    for (size_t i = 0; i < instance->group_count; i++)
        if (instance->groups[i].name == group)
            return instance->groups[i].tasks;
    return 0;
}

struct placement_candidate cluster_instance_candidate(struct cluster_instance *instance, uint64_t group)
{
    struct placement_candidate candidate = instance->offer;

    candidate.group_tasks = cluster_instance_group_tasks(instance, group);
    return candidate;
}

/* ---- slots, by the last change ---- */

static void unlink_slot(struct cluster_instances *instances, uint32_t slot)
{
    struct cluster_instance *instance = &instances->slots[slot];

    if (instance->newer == NO_SLOT)
        instances->newest = instance->older;
    else
        instances->slots[instance->newer].older = instance->older;
    if (instance->older != NO_SLOT)
        instances->slots[instance->older].newer = instance->newer;
}

static void link_slot(struct cluster_instances *instances, uint32_t slot)
{
    struct cluster_instance *instance = &instances->slots[slot];

    instance->newer = NO_SLOT;
    instance->older = instances->newest;
    if (instances->newest != NO_SLOT)
        instances->slots[instances->newest].newer = slot;
    instances->newest = slot;
    instance->changed = ++instances->told;
}

static uint32_t slot_new(struct cluster_instances *instances)
{
    uint32_t slot = instances->free;

    if (slot != NO_SLOT) {
        instances->free = instances->slots[slot].next_free;
        return slot;
    }
    if (instances->slot_count == instances->slot_capacity) {
        instances->slot_capacity = instances->slot_capacity == 0 ? 8 : 2 * instances->slot_capacity;
        instances->slots = realloc(instances->slots, instances->slot_capacity * sizeof(*instances->slots));
        must(instances->slots != NULL);
    }
    slot = instances->slot_count++;
    instances->slots[slot] = (struct cluster_instance){.record = NULL};
    link_slot(instances, slot);
    return slot;
}

/* ---- beside the table ---- */

struct cluster_instance *cluster_instance_at(const struct cluster_instances *instances, size_t place)
{
    return &instances->slots[instances->order[place]];
}

/* Where the instance of that id is, or belongs. */
static size_t place_of(const struct cluster_instances *instances, struct str id)
{
    size_t from = 0;
    size_t to = instances->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (str_compare(cluster_instance_at(instances, middle)->record->instance_id, id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void insert(struct cluster_instances *instances, size_t at)
{
    uint32_t slot = slot_new(instances);

    if (instances->count == instances->capacity) {
        instances->capacity = instances->capacity == 0 ? 8 : 2 * instances->capacity;
        instances->order = realloc(instances->order, instances->capacity * sizeof(*instances->order));
        must(instances->order != NULL);
    }
    memmove(&instances->order[at + 1], &instances->order[at], (instances->count - at) * sizeof(*instances->order));
    instances->order[at] = slot;
    instances->slots[slot].came = instances->told + 1;
    instances->count++;
}

static void drop(struct cluster_instances *instances, size_t at)
{
    uint32_t slot = instances->order[at];
    struct cluster_instance *instance = &instances->slots[slot];

    free(instance->groups);
    instance->groups = NULL;
    instance->group_capacity = 0;
    instance->record = NULL;
    instance->next_free = instances->free;
    instances->free = slot;
    instances->count--;
    memmove(&instances->order[at], &instances->order[at + 1], (instances->count - at) * sizeof(*instances->order));
}

static struct cluster_instances *instances_get(struct map *clusters, struct str key)
{
    struct cluster_instances *instances = map_get(clusters, key);

    if (instances != NULL)
        return instances;
    instances = calloc(1, sizeof(*instances));
    must(instances != NULL);
    instances->newest = instances->free = NO_SLOT;
    instances->key = malloc(key.len);
    must(instances->key != NULL);
    memcpy(instances->key, key.ptr, key.len);
    (void)map_put(clusters, (struct str){instances->key, key.len}, instances);
    return instances;
}

static void *make(void)
{
    struct map *clusters = calloc(1, sizeof(*clusters));

    must(clusters != NULL);
    return clusters;
}

static bool is_there(const struct container_instance_record *instance)
{
    return instance != NULL && !container_instance_is_gone(instance);
}

/* A record's key is its cluster's and its id. */
static void changed(void *derived, struct str key, const void *before, const void *after)
{
    const struct container_instance_record *was = before;
    const struct container_instance_record *is = after;
    struct str id = is != NULL ? is->instance_id : was->instance_id;
    struct cluster_instances *instances = instances_get(derived, str_to(key, key.len - id.len - 1));
    size_t at = place_of(instances, id);
    uint32_t slot;

    if (!is_there(was) && !is_there(is))
        return;
    if (!is_there(was))
        insert(instances, at);
    slot = instances->order[at];
    unlink_slot(instances, slot);
    link_slot(instances, slot);
    if (is_there(is))
        instance_set(instances, slot, is);
    else
        drop(instances, at);
}

static void end(void *derived)
{
    struct map *clusters = derived;
    struct cluster_instances *instances;

    for (size_t at = 0; (instances = map_next(clusters, &at)) != NULL;) {
        while (instances->count > 0)
            drop(instances, instances->count - 1);
        free(instances->slots);
        free(instances->order);
        free(instances->key);
        free(instances);
    }
    map_free(clusters);
    free(clusters);
}

static const struct derived_spec derived_instances = {
    .table = &container_instance_table, .make = make, .changed = changed, .end = end};

const struct cluster_instances *cluster_instances_of(const struct transaction *tx, const struct cluster_record *cluster)
{
    static const struct cluster_instances none = {.newest = NO_SLOT, .free = NO_SLOT};
    const struct cluster_instances *instances =
        map_get(transaction_derived(tx, &derived_instances),
                KEY(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));

    return instances == NULL ? &none : instances;
}
