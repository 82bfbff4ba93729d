#include "plane/ecs/testing/tables.h"

#include "base/must.h"

#define NOW_MS INT64_C(1000)

struct change_job {
    struct job job;
    struct tables *tables;
    bool commits;
    void (*change)(struct transaction *tx, struct random *random);
};

static bool run(struct job *job, struct transaction *tx)
{
    struct change_job *change = list_item(&job->link, struct change_job, job.link);

    change->change(tx, &change->tables->random);
    return change->commits;
}

static void done(struct job *job, bool durable)
{
    (void)job;
    (void)durable;
}

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    (void)context;
    (void)kind;
    (void)target;
    (void)bytes;
}

static void no_secret(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

void tables_change(struct tables *tables, void (*change)(struct transaction *tx, struct random *random), bool commits,
                   bool durable)
{
    struct change_job job = {
        {.actor = tables->actor, .cause = STR("test"), .run = run, .done = done}, tables, commits, change};
    struct turn *turn;

    arena_reset(&tables->arena);
    core_submit(tables->core, &job.job);
    turn = core_turn(tables->core, NOW_MS);
    must(turn != NULL);
    (void)core_settle(tables->core, turn, durable);
}

void tables_begin(struct tables *tables, const struct table_spec *const *specs, size_t count, uint64_t seed)
{
    struct core_options options = {
        .domains = tables->domains, .domain_count = 1, .secret = no_secret, .release = release};
    struct fail f;

    *tables = (struct tables){.settings = {.default_account = STR("acme"), .default_region = STR("here")},
                              .domain = {.name = "ecs", .tables = specs, .table_count = count},
                              .domains = {&tables->domain},
                              .actor = "api"};
    options.settings = &tables->settings;
    options.engine = tables->engine = engine_memory_new();
    must(core_open(&options, NOW_MS, &tables->core, &f));
    arena_init(&tables->arena, ARENA_LIMIT_DEFAULT);
    random_seed(&tables->random, seed);
    tables->view = core_view(tables->core, &tables->arena, NOW_MS);
}

void tables_end(struct tables *tables)
{
    core_close(tables->core);
    tables->engine->kind->close(tables->engine);
    arena_free(&tables->arena);
}
