/* Dirty keys, timers and the slow clock. */
#include "base/must.h"
#include "core/internal.h"

enum { SWEEP_EVERY_MS = 1000, SWEEP_ROUNDS = 300 };

struct marks {
    struct core *core;
};

static struct reconciler *reconciler_of(const struct core *core, const struct reconciler_spec *spec)
{
    for (size_t i = 0; i < core->reconciler_count; i++)
        if (core->reconcilers[i].spec == spec)
            return &core->reconcilers[i];
    must_not_happen("the reconciler belongs to a domain of this core");
}

static struct watch *watch_get(struct reconciler *reconciler, struct str key)
{
    struct watch *watch = map_get(&reconciler->watches, key);

    if (watch != NULL)
        return watch;
    watch = calloc(1, sizeof(*watch) + key.len);
    must(watch != NULL);
    memcpy(watch->key, key.ptr, key.len);
    watch->key_len = key.len;
    watch->reconciler = reconciler;
    must(map_put(&reconciler->watches, (struct str){watch->key, key.len}, watch) == NULL);
    return watch;
}

void watch_mark(struct core *core, const struct reconciler_spec *spec, struct str key)
{
    struct watch *watch = watch_get(reconciler_of(core, spec), key);

    if (watch->dirty)
        return;
    watch->dirty = true;
    list_add_last(&core->dirty, &watch->dirty_link);
}

void marks_add(struct marks *marks, const struct reconciler_spec *spec, struct str key)
{
    watch_mark(marks->core, spec, key);
}

void transaction_mark(struct transaction *tx, const struct reconciler_spec *spec, struct str key)
{
    must(tx->turn != NULL);
    watch_mark(tx->core, spec, key);
}

void reconcile_mark_changes(struct core *core, struct turn *turn, size_t first)
{
    struct marks marks = {core};
    struct transaction view = transaction_begin(core, turn, "marks", STR(""));

    for (size_t i = first; i < turn->change_count; i++) {
        const struct change_entry *entry = &turn->changes[i];

        for (size_t d = 0; d < entry->table->dirties_count; d++)
            entry->table->dirties[d]->mark(&view, entry->before, entry->after, &marks);
    }
}

void reconcile_mark_undone(struct core *core, struct turn *turn)
{
    reconcile_mark_changes(core, turn, 0);
    for (size_t i = 0; i < turn->effect_count; i++) /* nobody else would say again what is not released */
        if (turn->effects[i].reconciler != NULL)
            watch_mark(core, turn->effects[i].reconciler, turn->effects[i].key);
}

static void timer_clear(struct core *core, struct watch *watch)
{
    if (watch->waits)
        heap_remove(&core->timers, &watch->timer);
    watch->waits = false;
}

static void timer_set(struct core *core, struct watch *watch, int64_t wake_ms)
{
    timer_clear(core, watch);
    if (wake_ms == WHEN_NEVER)
        return;
    heap_add(&core->timers, &watch->timer, wake_ms);
    watch->waits = true;
}

/* The map that it stands in is the caller's. */
static void watch_end(struct core *core, struct watch *watch)
{
    timer_clear(core, watch);
    if (watch->dirty)
        list_remove(&watch->dirty_link);
    free(watch);
}

static void watch_free(struct core *core, struct watch *watch)
{
    must(map_remove(&watch->reconciler->watches, (struct str){watch->key, watch->key_len}) == watch);
    watch_end(core, watch);
}

void watch_free_all(struct core *core)
{
    for (size_t i = 0; i < core->reconciler_count; i++) {
        struct map *watches = &core->reconcilers[i].watches;
        struct watch *watch;

        for (size_t at = 0; (watch = map_next(watches, &at)) != NULL;)
            watch_end(core, watch);
        map_free(watches);
        free((void *)(uintptr_t)core->reconcilers[i].sweep_at.ptr);
        core->reconcilers[i].sweep_at = (struct str){NULL, 0};
    }
}

static void wake_due(struct core *core, int64_t now_ms)
{
    struct heap_node *node;

    while ((node = heap_first(&core->timers)) != NULL && node->when_ms <= now_ms) {
        struct watch *watch = heap_item(node, struct watch, timer);

        timer_clear(core, watch);
        watch_mark(core, watch->reconciler->spec, (struct str){watch->key, watch->key_len});
    }
}

void core_clock_set_back(struct core *core)
{
    core->next_sweep_ms = 0;
    wake_due(core, INT64_MAX);
}

static void own_effects(struct turn *turn, size_t first, const struct reconciler_spec *spec, struct str key)
{
    for (size_t i = first; i < turn->effect_count; i++) {
        turn->effects[i].reconciler = spec;
        turn->effects[i].key = arena_str(&turn->arena, key);
    }
}

static void reconcile_one(struct core *core, struct turn *turn, struct watch *watch)
{
    const struct reconciler_spec *spec = watch->reconciler->spec;
    struct str key = {watch->key, watch->key_len};
    struct transaction tx = transaction_begin(core, turn, spec->name, key);
    int64_t again_ms;

    watch->dirty = false;
    list_remove(&watch->dirty_link);
    again_ms = spec->reconcile(&tx, key);
    transaction_end(&tx, true);
    own_effects(turn, tx.first_effect, spec, key);
    core->counters.reconciles++;
    timer_set(core, watch, again_ms);
    if (!watch->dirty && !watch->waits)
        watch_free(core, watch);
}

void reconcile_some(struct core *core, struct turn *turn, size_t budget)
{
    wake_due(core, turn->when_ms);
    for (; budget > 0 && !list_empty(&core->dirty); budget--)
        reconcile_one(core, turn, list_item(core->dirty.next, struct watch, dirty_link));
}

/* Marks the next few keys of the reconciler's table; all of them once in SWEEP_ROUNDS rounds, evenly, however few. */
static void sweep_reconciler(struct core *core, struct reconciler *reconciler, size_t round)
{
    const struct table *table = core_table_state(core, reconciler->spec->keys);
    size_t count = table->records.count;
    size_t budget = (round + 1) * count / SWEEP_ROUNDS - round * count / SWEEP_ROUNDS;
    struct tree_node *node = tree_after(&table->records, reconciler->sweep_at);

    for (; budget > 0 && node != NULL; budget--) {
        watch_mark(core, reconciler->spec, node->key);
        free((void *)(uintptr_t)reconciler->sweep_at.ptr);
        reconciler->sweep_at = (struct str){memcpy(malloc(node->key.len), node->key.ptr, node->key.len), node->key.len};
        node = tree_next(node);
    }
    if (node == NULL) {
        free((void *)(uintptr_t)reconciler->sweep_at.ptr);
        reconciler->sweep_at = (struct str){NULL, 0};
    }
}

void reconcile_sweep(struct core *core, int64_t now_ms)
{
    if (now_ms < core->next_sweep_ms)
        return;
    core->next_sweep_ms = now_ms + SWEEP_EVERY_MS;
    for (size_t i = 0; i < core->reconciler_count; i++)
        sweep_reconciler(core, &core->reconcilers[i], (size_t)(now_ms / SWEEP_EVERY_MS) % SWEEP_ROUNDS);
}
