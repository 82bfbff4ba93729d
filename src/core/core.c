#include "core/core.h"

#include "base/must.h"
#include "core/internal.h"

enum { JOBS_A_TURN = 128, RECONCILES_A_TURN = 512 };

/* ---- opening ---- */

static void collect_dirties(struct core *core)
{
    for (size_t d = 0; d < core->options.domain_count; d++) {
        const struct domain_spec *domain = core->options.domains[d];

        for (size_t i = 0; i < domain->dirties_count; i++) {
            struct table *table = core_table_state(core, domain->dirties[i].table);
            size_t size = (table->dirties_count + 1) * sizeof(*table->dirties);

            table->dirties = realloc(table->dirties, size);
            must(table->dirties != NULL);
            table->dirties[table->dirties_count++] = &domain->dirties[i];
        }
    }
}

static void collect_follows(struct core *core)
{
    for (size_t d = 0; d < core->options.domain_count; d++) {
        const struct domain_spec *domain = core->options.domains[d];

        for (size_t i = 0; i < domain->follows_count; i++) {
            struct table *table = core_table_state(core, domain->follows[i].table);
            size_t size = (table->follows_count + 1) * sizeof(*table->follows);

            table->follows = realloc(table->follows, size);
            must(table->follows != NULL);
            table->follows[table->follows_count++] = &domain->follows[i];
        }
    }
}

static void collect_slots(struct core *core)
{
    core->table_slot_count = 16;
    while (core->table_slot_count < 4 * core->table_count)
        core->table_slot_count *= 2;
    core->table_slots = calloc(core->table_slot_count, sizeof(struct table *));
    must(core->table_slots != NULL);
    for (size_t i = 0; i < core->table_count; i++)
        core->table_slots[table_slot(core, core->tables[i].spec)] = &core->tables[i];
}

static void collect(struct core *core)
{
    const struct core_options *options = &core->options;
    size_t t = 0;
    size_t r = 0;

    for (size_t d = 0; d < options->domain_count; d++) {
        core->table_count += options->domains[d]->table_count;
        core->reconciler_count += options->domains[d]->reconciler_count;
    }
    core->tables = calloc(core->table_count + 1, sizeof(*core->tables));
    core->reconcilers = calloc(core->reconciler_count + 1, sizeof(*core->reconcilers));
    must(core->tables != NULL);
    must(core->reconcilers != NULL);
    for (size_t d = 0; d < options->domain_count; d++) {
        for (size_t i = 0; i < options->domains[d]->table_count; i++)
            table_init(&core->tables[t++], options->domains[d]->tables[i]);
        for (size_t i = 0; i < options->domains[d]->reconciler_count; i++)
            core->reconcilers[r++].spec = options->domains[d]->reconcilers[i];
    }
    collect_slots(core);
    collect_dirties(core);
    collect_follows(core);
}

const struct table_spec *core_table(const struct core *core, struct str name)
{
    for (size_t i = 0; i < core->table_count; i++)
        if (str_is(name, core->tables[i].spec->name))
            return core->tables[i].spec;
    return NULL;
}

struct loading {
    struct core *core;
    struct arena arena;
    struct fail *f;
};

static bool load_row(void *context, struct str table_name, struct str key, struct str bytes)
{
    struct loading *loading = context;
    const struct table_spec *spec = core_table(loading->core, table_name);
    void *value;
    size_t size;

    if (spec == NULL)
        return true; /* a table of a newer or older release: left where it is */
    if (bytes.ptr == NULL) {
        table_load(core_table_state(loading->core, spec), key, NULL);
        return true;
    }
    value = arena_alloc(&loading->arena, spec->shape->size);
    if (!value_decode(spec->shape, bytes, value, &loading->arena, loading->f))
        return false;
    table_load(core_table_state(loading->core, spec), key, value_block(spec->shape, value, &size));
    arena_reset(&loading->arena);
    return true;
}

/* After loading every record is news to those who watch, and every key of every reconciler is looked at once. */
static void announce_all(struct core *core, int64_t now_ms)
{
    for (size_t i = 0; i < core->table_count; i++) {
        struct table *table = &core->tables[i];

        for (struct tree_node *node = tree_at(&table->records, STR("")); node != NULL; node = tree_next(node)) {
            struct record *record = tree_item(node, struct record, node);

            if (core->options.changed != NULL)
                core->options.changed(core->options.context, &(struct change){.table = table->spec,
                                                                              .key = node->key,
                                                                              .after = record->value,
                                                                              .cause = STR("start"),
                                                                              .when_ms = now_ms});
            for (size_t r = 0; r < core->reconciler_count; r++)
                if (core->reconcilers[r].spec->keys == table->spec)
                    watch_mark(core, core->reconcilers[r].spec, node->key);
        }
    }
}

static struct turn *turn_new(struct core *core, int64_t now_ms)
{
    struct turn *turn = calloc(1, sizeof(*turn));

    must(turn != NULL);
    arena_init(&turn->arena, (size_t)1 << 30);
    buf_init(&turn->encoded, (size_t)1 << 30);
    list_init(&turn->jobs);
    turn->when_ms = now_ms;
    list_add_last(&core->turns, &turn->link);
    return turn;
}

static struct turn *seed(struct core *core, int64_t now_ms)
{
    struct turn *turn = turn_new(core, now_ms);
    struct transaction tx = transaction_begin(core, turn, "seed", STR("first start"));

    transaction_seed(&tx, core->options.settings->default_account, core->options.settings->default_region);
    transaction_end(&tx, true);
    turn_encode(turn);
    return turn;
}

static bool first_start(struct core *core, int64_t now_ms, struct fail *f)
{
    struct turn *turn = seed(core, now_ms);
    bool good = core->options.engine->kind->commit(core->options.engine, turn->rows, turn->row_count, f);

    (void)core_settle(core, turn, good);
    return good;
}

static size_t record_count(const struct core *core)
{
    size_t count = 0;

    for (size_t i = 0; i < core->table_count; i++)
        count += core->tables[i].records.count;
    return count;
}

bool core_open(const struct core_options *options, int64_t now_ms, struct core **ret_core, struct fail *f)
{
    struct core *core = calloc(1, sizeof(*core));
    struct loading loading = {.core = core, .f = f};
    bool good;

    must(core != NULL);
    core->options = *options;
    list_init(&core->dirty);
    list_init(&core->jobs);
    list_init(&core->turns);
    random_seed(&core->random, options->seed);
    collect(core);
    arena_init(&loading.arena, ARENA_LIMIT_DEFAULT);
    good = options->engine->kind->load(options->engine, load_row, &loading, f);
    arena_free(&loading.arena);
    for (size_t i = 0; i < core->table_count; i++)
        table_loaded(&core->tables[i]);
    if (good && record_count(core) > 0)
        announce_all(core, now_ms);
    else if (good)
        good = first_start(core, now_ms, f);
    if (!good) {
        core_close(core);
        return false;
    }
    *ret_core = core;
    return true;
}

/* ---- turns ---- */

void core_submit(struct core *core, struct job *job)
{
    list_add_last(&core->jobs, &job->link);
}

bool core_has_jobs(const struct core *core)
{
    return !list_empty(&core->jobs);
}

static void run_job(struct core *core, struct turn *turn, struct job *job)
{
    struct transaction tx = transaction_begin(core, turn, job->actor, job->cause);
    bool commit = job->run(job, &tx);

    transaction_end(&tx, commit);
    core->counters.jobs++;
    core->counters.rolled_back += commit ? 0 : 1;
    list_add_last(&turn->jobs, &job->link);
}

static struct turn *take_turn(struct core *core, int64_t now_ms, bool reconciles)
{
    struct turn *turn = turn_new(core, now_ms);

    for (int i = 0; i < JOBS_A_TURN && !list_empty(&core->jobs); i++)
        run_job(core, turn, list_item(list_take_first(&core->jobs), struct job, link));
    if (reconciles) {
        reconcile_sweep(core, now_ms);
        reconcile_some(core, turn, RECONCILES_A_TURN);
    }
    turn_encode(turn);
    core->counters.turns++;
    core->counters.rows += turn->row_count;
    return turn;
}

struct turn *core_turn(struct core *core, int64_t now_ms)
{
    return core_next_ms(core) > now_ms ? NULL : take_turn(core, now_ms, /* reconciles= */ true);
}

struct turn *core_turn_jobs(struct core *core, int64_t now_ms)
{
    return core_has_jobs(core) ? take_turn(core, now_ms, /* reconciles= */ false) : NULL;
}

int64_t core_next_ms(const struct core *core)
{
    const struct heap_node *first = heap_first(&core->timers);
    int64_t next = core->next_sweep_ms;

    if (!list_empty(&core->jobs) || !list_empty(&core->dirty))
        return 0;
    if (first != NULL && first->when_ms < next)
        next = first->when_ms;
    return next;
}

/* ---- settling ---- */

static void turn_free(struct turn *turn)
{
    list_remove(&turn->link);
    free(turn->changes);
    free(turn->effects);
    buf_free(&turn->encoded);
    arena_free(&turn->arena);
    free(turn);
}

static void jobs_done(struct turn *turn, bool durable)
{
    while (!list_empty(&turn->jobs)) {
        struct job *job = list_item(list_take_first(&turn->jobs), struct job, link);

        job->done(job, durable);
    }
}

static void settle_durable(struct core *core, struct turn *turn)
{
    for (size_t i = 0; i < turn->change_count; i++) {
        const struct change_entry *entry = &turn->changes[i];

        if (core->options.changed != NULL)
            core->options.changed(core->options.context, &(struct change){.table = entry->table->spec,
                                                                          .key = entry->key,
                                                                          .before = entry->before,
                                                                          .after = entry->after,
                                                                          .cause = entry->cause,
                                                                          .when_ms = turn->when_ms});
    }
    for (size_t i = 0; i < turn->effect_count; i++)
        core->options.release(core->options.context, turn->effects[i].kind, turn->effects[i].target,
                              turn->effects[i].bytes);
    jobs_done(turn, true);
    for (size_t i = 0; i < turn->change_count; i++)
        free(turn->changes[i].before);
    turn_free(turn);
}

/* What they changed is taken back newest first, and looked at again; their jobs hear of it in the order in which they
 * ran, so that those that are tried again come in that order. */
static size_t undo_all(struct core *core)
{
    size_t count = 0;

    for (struct list *link = core->turns.prev; link != &core->turns; link = link->prev) {
        struct turn *turn = list_item(link, struct turn, link);

        reconcile_mark_undone(core, turn);
        turn_undo(turn, 0, 0);
        count++;
    }
    while (!list_empty(&core->turns)) {
        struct turn *turn = list_item(core->turns.next, struct turn, link);

        jobs_done(turn, false);
        turn_free(turn);
    }
    core->counters.undone_turns += count;
    return count;
}

size_t core_settle(struct core *core, struct turn *turn, bool durable)
{
    must(core->turns.next == &turn->link);
    if (!durable)
        return undo_all(core);
    settle_durable(core, turn);
    return 1;
}

struct turn *core_reset(struct core *core, int64_t now_ms)
{
    must(list_empty(&core->turns));
    watch_free_all(core);
    for (size_t i = 0; i < core->table_count; i++)
        table_free(&core->tables[i]);
    return seed(core, now_ms);
}

void core_close(struct core *core)
{
    (void)undo_all(core);
    while (!list_empty(&core->jobs)) {
        struct job *job = list_item(list_take_first(&core->jobs), struct job, link);

        job->done(job, false);
    }
    watch_free_all(core);
    for (size_t i = 0; i < core->table_count; i++) {
        table_free(&core->tables[i]);
        free(core->tables[i].dirties);
        free(core->tables[i].follows);
    }
    heap_free(&core->timers);
    free(core->table_slots);
    free(core->tables);
    free(core->reconcilers);
    free(core);
}

struct core_counters core_count(const struct core *core)
{
    return core->counters;
}

struct transaction core_view(struct core *core, struct arena *arena, int64_t now_ms)
{
    return (struct transaction){.core = core, .now_ms = now_ms, .arena = arena, .actor = "view"};
}
