#include "plane/ecs/service_muster.h"

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "base/tree.h"
#include "plane/ecs/service_roster.h"

#include <stdlib.h>

/* As many tasks of a kind, and places without one, as a plan can be about. */
enum { ENOUGH = (int)PLAN_STARTS_MAX > (int)PLAN_STOPS_MAX ? (int)PLAN_STARTS_MAX : (int)PLAN_STOPS_MAX };

/* Old and new, protected and not. */
enum { KINDS = 4 };

#define KIND_BYTES_MAX ((size_t)1 << 20)

/* A container instance that is a place, or that tasks of the daemon are on. */
struct post {
    struct list tasks;
    size_t count; /* of those */
    bool is_place;
    bool is_needed; /* daemon_is_needed_on; says nothing of a place */
    /* In the row of the cluster's instances; NO_SLOT: nothing is heard of it from there. */
    uint32_t slot;
    uint64_t came;
    struct tree_node vacant; /* of a place without tasks */
    struct list crowd;       /* of a place with more than one */
    struct list doubt;       /* whether it is needed is to be found out */
    size_t number;           /* in the scene that is being made */
    size_t id_len;
    char id[];
};

struct entry {
    struct list link; /* in its post */
    struct post *post;
    const struct task_record *task;
    struct tree_node node;
    struct tree *bin; /* NULL: its place is crowded, or its post needed */
    size_t id_len;
    char id[];
};

struct muster {
    struct arena arena;  /* of kind and id */
    struct str kind, id; /* what it was made for; the deployment of that */
    struct map entries, posts;
    struct tree bins[2][TASK_PHASES][KINDS]; /* tasks without a place, and with one to themselves: by id */
    struct tree vacant;
    struct list crowds, doubts;
    size_t places;
    struct post **by_slot; /* each has that slot */
    uint32_t slot_count;
    uint64_t seen; /* of the changes of the cluster's instances */
    size_t key_len;
    char key[]; /* of the service */
};

static void *must_calloc(size_t size)
{
    void *memory = calloc(1, size);

    must(memory != NULL);
    return memory;
}

/* ---- posts and bins ---- */

static bool is_guarded(const struct task_record *task)
{
    return task->protected_until > 0; /* service_look.c takes away what is over */
}

static struct tree *bin_of(struct muster *muster, const struct entry *entry)
{
    int kind = (service_task_is_of(entry->task, muster->id) ? 2 : 0) + (is_guarded(entry->task) ? 1 : 0);

    return &muster->bins[entry->post->is_place][service_task_phase(entry->task)][kind];
}

static void post_leave(struct muster *muster, struct post *post)
{
    if (post->is_place && post->count == 0)
        must(tree_remove(&muster->vacant, post->vacant.key) == &post->vacant);
    list_remove(&post->crowd);
    for (struct list *link = post->tasks.next; link != &post->tasks; link = link->next) {
        struct entry *entry = list_item(link, struct entry, link);

        if (entry->bin != NULL)
            must(tree_remove(entry->bin, entry->node.key) == &entry->node);
        entry->bin = NULL;
    }
}

static void post_enter(struct muster *muster, struct post *post)
{
    if (post->is_place && post->count == 0)
        must(tree_add(&muster->vacant, &post->vacant, (struct str){post->id, post->id_len}));
    if (post->is_place && post->count > 1)
        list_add_last(&muster->crowds, &post->crowd);
    if (post->is_place ? post->count != 1 : post->is_needed)
        return;
    for (struct list *link = post->tasks.next; link != &post->tasks; link = link->next) {
        struct entry *entry = list_item(link, struct entry, link);

        entry->bin = bin_of(muster, entry);
        must(tree_add(entry->bin, &entry->node, (struct str){entry->id, entry->id_len}));
    }
}

static struct post *post_get(struct muster *muster, struct str id)
{
    struct post *post = map_get(&muster->posts, id);

    if (post != NULL)
        return post;
    post = must_calloc(sizeof(*post) + id.len);
    if (id.len > 0)
        memcpy(post->id, id.ptr, id.len);
    post->id_len = id.len;
    post->slot = NO_SLOT;
    list_init(&post->tasks);
    list_init(&post->crowd);
    list_init(&post->doubt);
    (void)map_put(&muster->posts, (struct str){post->id, id.len}, post);
    return post;
}

/* Of one that has left: it enters as what it is now, or it is nothing to the daemon any more. */
static void post_settle(struct muster *muster, struct post *post)
{
    bool is_stray = !post->is_place && post->count > 0;

    if (!is_stray)
        list_remove(&post->doubt);
    if (post->is_place || is_stray) {
        post_enter(muster, post);
        return;
    }
    if (post->slot != NO_SLOT)
        muster->by_slot[post->slot] = NULL;
    must(map_remove(&muster->posts, (struct str){post->id, post->id_len}) == post);
    free(post);
}

static void post_doubt(struct muster *muster, struct post *post)
{
    list_remove(&post->doubt);
    if (!post->is_place && post->count > 0)
        list_add_last(&muster->doubts, &post->doubt);
}

/* ---- tasks ---- */

static void entry_set(struct muster *muster, const struct task_record *task)
{
    struct entry *entry = map_get(&muster->entries, task->task_id);
    struct post *post = entry == NULL ? post_get(muster, task->container_instance_id) : entry->post;

    post_leave(muster, post);
    if (entry == NULL) {
        entry = must_calloc(sizeof(*entry) + task->task_id.len);
        memcpy(entry->id, task->task_id.ptr, task->task_id.len);
        entry->id_len = task->task_id.len;
        entry->post = post;
        (void)map_put(&muster->entries, (struct str){entry->id, entry->id_len}, entry);
        list_add_last(&post->tasks, &entry->link);
        post->count++;
        post_doubt(muster, post);
    }
    entry->task = task;
    post_settle(muster, post);
}

static void entry_remove(struct muster *muster, struct str id)
{
    struct entry *entry = map_get(&muster->entries, id);
    struct post *post;

    if (entry == NULL)
        return;
    post = entry->post;
    post_leave(muster, post);
    must(map_remove(&muster->entries, id) == entry);
    list_remove(&entry->link);
    post->count--;
    free(entry);
    post_settle(muster, post);
}

static bool is_there(const struct task_record *task)
{
    return task != NULL && service_task_phase(task) != PHASE_GONE;
}

/* ---- the view: musters by their service ---- */

static void forget(struct map *musters, struct muster *muster)
{
    struct entry *entry;
    struct post *post;

    must(map_remove(musters, (struct str){muster->key, muster->key_len}) == muster);
    for (size_t at = 0; (entry = map_next(&muster->entries, &at)) != NULL;)
        free(entry);
    for (size_t at = 0; (post = map_next(&muster->posts, &at)) != NULL;)
        free(post);
    map_free(&muster->entries);
    map_free(&muster->posts);
    arena_free(&muster->arena);
    free(muster->by_slot);
    free(muster);
}

static void *make(void)
{
    return must_calloc(sizeof(struct map));
}

static void changed(void *derived, struct str table_key, const void *before, const void *after)
{
    const struct task_record *task = after != NULL ? after : before;
    struct map *musters = derived;
    struct muster *muster;
    auto_buf key = {.ptr = NULL};

    (void)table_key;
    if (musters->count == 0 || task->service_name.ptr == NULL)
        return;
    SERVICE_KEY_ADD(&key, task);
    must(!key.overflowed);
    muster = map_get(musters, buf_str(&key));
    if (muster == NULL)
        return;
    if (before != NULL && (after == NULL || !str_eq(((const struct task_record *)before)->container_instance_id,
                                                    task->container_instance_id)))
        entry_remove(muster, task->task_id);
    if (is_there(after))
        entry_set(muster, after);
    else
        entry_remove(muster, task->task_id);
}

/* One that is not ACTIVE is not looked at any more. */
static void service_changed(void *derived, struct str key, const void *before, const void *after)
{
    struct muster *muster = map_get(derived, key);

    (void)before;
    if (muster != NULL && (after == NULL || service_status(after) != SERVICE_ACTIVE))
        forget(derived, muster);
}

static void end(void *derived)
{
    struct map *musters = derived;
    struct muster *muster;

    for (size_t at = 0; (muster = map_next(musters, &at)) != NULL; at = 0)
        forget(musters, muster);
    map_free(musters);
    free(musters);
}

static const struct derived_spec derived_musters = {.table = &task_table,
                                                    .make = make,
                                                    .changed = changed,
                                                    .end = end,
                                                    .other_table = &service_table,
                                                    .other_changed = service_changed};

/* ---- instances ---- */

/* task_instances_suits, of one in the row. */
static bool suits(const struct task_wish *wish, const struct cluster_instance *instance)
{
    const struct task_instances *instances = wish->launch.instances;
    struct placement_candidate candidate = instance->offer;

    candidate.facts.agent_connected = true;
    return task_instances_is_of_kind(instances, instance) &&
           placement_refuses(&instances->demand, &candidate) > PLACEMENT_MEMBER_OF;
}

static void post_place(struct muster *muster, struct post *post, uint32_t slot, bool is_place)
{
    post_leave(muster, post);
    if (post->slot != NO_SLOT)
        muster->by_slot[post->slot] = NULL;
    post->slot = slot;
    if (slot != NO_SLOT)
        muster->by_slot[slot] = post;
    muster->places += is_place;
    muster->places -= post->is_place;
    post->is_place = is_place;
    post_doubt(muster, post);
    post_settle(muster, post);
}

/* What has become of a slot. */
static void hear(struct muster *muster, const struct task_wish *wish, const struct cluster_instances *all,
                 uint32_t slot)
{
    const struct cluster_instance *instance = &all->slots[slot];
    struct post *post = muster->by_slot[slot];
    bool is_place;

    if (post != NULL && (instance->record == NULL || post->came != instance->came)) {
        post_place(muster, post, NO_SLOT, false);
        post = NULL;
    }
    if (instance->record == NULL)
        return;
    is_place = suits(wish, instance);
    if (post == NULL && !is_place && map_get(&muster->posts, instance->record->instance_id) == NULL)
        return;
    post = post_get(muster, instance->record->instance_id);
    post->came = instance->came;
    post_place(muster, post, slot, is_place);
}

static void know_slots(struct muster *muster, uint32_t count)
{
    if (count <= muster->slot_count)
        return;
    muster->by_slot = realloc(muster->by_slot, count * sizeof(struct post *));
    must(muster->by_slot != NULL);
    memset(&muster->by_slot[muster->slot_count], 0, (count - muster->slot_count) * sizeof(struct post *));
    muster->slot_count = count;
}

/* Tasks that come to an instance, and go, change its record: it is heard of in the row. One that is not in the row is
 * asked at every look. */
static void end_doubt(struct transaction *tx, struct muster *muster, struct post *post)
{
    const struct entry *first = list_item(post->tasks.next, struct entry, link);
    bool is_needed = daemon_is_needed_on(tx, container_instance_of_task(tx, first->task));

    if (post->slot != NO_SLOT)
        list_remove(&post->doubt);
    if (post->is_needed == is_needed)
        return;
    post_leave(muster, post);
    post->is_needed = is_needed;
    post_enter(muster, post);
}

static void catch_up(struct transaction *tx, const struct task_wish *wish, struct muster *muster)
{
    const struct cluster_instances *all = cluster_instances_of(tx, wish->cluster);

    know_slots(muster, all->slot_capacity);
    for (uint32_t slot = all->newest; slot != NO_SLOT && all->slots[slot].changed > muster->seen;
         slot = all->slots[slot].older)
        hear(muster, wish, all, slot);
    muster->seen = all->told;
    list_each(link, after, &muster->doubts) end_doubt(tx, muster, list_item(link, struct post, doubt));
}

/* ---- one daemon's ---- */

/* What the instances have to satisfy, and which tasks are new. */
static void add_kind(struct buf *kind, const struct daemon_view *view)
{
    must(!view->wish->launch.instances->needs_counts);
    task_instances_add_part(kind, view->id);
    task_instances_add_kind(kind, view->wish);
    must(!kind->overflowed);
}

static struct muster *muster_new(struct transaction *tx, const struct daemon_view *view, struct str key,
                                 struct str kind)
{
    struct muster *muster = must_calloc(sizeof(*muster) + key.len);
    struct walk walk = service_tasks_walk(tx, view->service);
    const struct task_record *task;

    memcpy(muster->key, key.ptr, key.len);
    muster->key_len = key.len;
    arena_init(&muster->arena, KIND_BYTES_MAX);
    muster->kind = arena_str(&muster->arena, kind);
    muster->id = arena_str(&muster->arena, view->id);
    list_init(&muster->crowds);
    list_init(&muster->doubts);
    while ((task = walk_next(&walk)) != NULL)
        if (is_there(task))
            entry_set(muster, task);
    return muster;
}

static struct muster *muster_of(struct transaction *tx, const struct daemon_view *view)
{
    struct map *musters = transaction_derived(tx, &derived_musters);
    struct str key = SERVICE_KEY(tx->arena, view->service);
    struct muster *muster = map_get(musters, key);
    auto_buf kind = {.ptr = NULL};

    add_kind(&kind, view);
    if (muster != NULL && !str_eq(muster->kind, buf_str(&kind))) {
        forget(musters, muster);
        muster = NULL;
    }
    if (muster == NULL) {
        muster = muster_new(tx, view, key, buf_str(&kind));
        (void)map_put(musters, (struct str){muster->key, muster->key_len}, muster);
    }
    catch_up(tx, view->wish, muster);
    return muster;
}

size_t musters_count(const struct transaction *tx)
{
    return ((const struct map *)transaction_derived(tx, &derived_musters))->count;
}

/* ---- the scene ---- */

struct painter {
    struct daemon_scene scene;
    const struct cluster_instances *all;
    const struct entry **entries;
};

static void add_place(struct painter *painter, struct post *post)
{
    post->number = painter->scene.place_count++;
    painter->scene.places[post->number] = painter->all->slots[post->slot].record;
}

static void add_entry(struct painter *painter, const struct entry *entry)
{
    painter->entries[painter->scene.task_count++] = entry;
}

static void add_vacant(struct painter *painter, const struct muster *muster)
{
    const struct tree_node *node = muster->vacant.first;

    for (size_t i = 0; i < ENOUGH && node != NULL; i++, node = tree_next(node))
        add_place(painter, tree_item(node, struct post, vacant));
}

static void add_crowds(struct painter *painter, const struct muster *muster)
{
    for (struct list *link = muster->crowds.next; link != &muster->crowds; link = link->next) {
        struct post *post = list_item(link, struct post, crowd);

        add_place(painter, post);
        for (struct list *at = post->tasks.next; at != &post->tasks; at = at->next)
            add_entry(painter, list_item(at, struct entry, link));
    }
}

static void add_bin(struct painter *painter, const struct tree *bin, bool is_place, enum task_phase phase)
{
    const struct tree_node *node = bin->first;
    size_t added = 0;

    for (; added < ENOUGH && node != NULL; added++, node = tree_next(node)) {
        const struct entry *entry = tree_item(node, struct entry, node);

        if (is_place)
            add_place(painter, entry->post);
        add_entry(painter, entry);
    }
    if (is_place && phase == PHASE_HEALTHY)
        painter->scene.healthy_beside += (int32_t)(bin->count - added);
}

static int by_id(const void *a, const void *b)
{
    return str_compare((*(const struct entry *const *)a)->task->task_id,
                       (*(const struct entry *const *)b)->task->task_id);
}

static size_t most_tasks(const struct muster *muster)
{
    size_t most = (size_t)2 * TASK_PHASES * KINDS * ENOUGH;

    for (struct list *link = muster->crowds.next; link != &muster->crowds; link = link->next)
        most += list_item(link, struct post, crowd)->count;
    return most;
}

static void set_tasks(struct painter *painter, const struct muster *muster, struct arena *arena)
{
    struct daemon_scene *scene = &painter->scene;

    qsort(painter->entries, scene->task_count, sizeof(struct entry *), by_id);
    scene->tasks = arena_array(arena, struct daemon_task, scene->task_count + 1);
    scene->records = arena_array(arena, const struct task_record *, scene->task_count + 1);
    for (size_t i = 0; i < scene->task_count; i++) {
        const struct entry *entry = painter->entries[i];

        scene->records[i] = entry->task;
        scene->tasks[i] = (struct daemon_task){
            .phase = service_task_phase(entry->task),
            .is_new = service_task_is_of(entry->task, muster->id),
            .is_protected = is_guarded(entry->task),
            .place = entry->post->is_place ? entry->post->number : scene->place_count,
        };
    }
}

void daemon_scene_muster(struct transaction *tx, const struct daemon_view *view, struct daemon_scene *ret_scene)
{
    struct muster *muster = muster_of(tx, view);
    size_t most = most_tasks(muster);
    struct painter painter = {
        .scene = {.instances = muster->places,
                  .places = arena_array(tx->arena, const struct container_instance_record *, ENOUGH + most)},
        .all = cluster_instances_of(tx, view->wish->cluster),
        .entries = arena_array(tx->arena, const struct entry *, most)};

    add_vacant(&painter, muster);
    add_crowds(&painter, muster);
    for (int is_place = 0; is_place < 2; is_place++)
        for (int phase = 0; phase < TASK_PHASES; phase++)
            for (int kind = 0; kind < KINDS; kind++)
                add_bin(&painter, &muster->bins[is_place][phase][kind], is_place == 1, (enum task_phase)phase);
    set_tasks(&painter, muster, tx->arena);
    *ret_scene = painter.scene;
}
