/* The core with one small domain of its own: transactions, turns, settling, timers, the change feed, and what comes
 * back from the engine. */
#include "core/core.h"

#include "base/must.h"
#include "core/call.h"
#include "core_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

/* ---- a domain ---- */

static void item_key(const void *record, struct buf *key)
{
    const struct item *item = record;

    key_add(key, item->owner);
    key_add(key, item->name);
}

/* Only items with a number stand in it; two digits, so that the order is the number's. */
static void item_number_key(const void *record, struct buf *key)
{
    const struct item *item = record;

    if (item->has_number)
        buf_printf(key, "%02d", item->number);
}

static int item_status(const void *record)
{
    return (int)((const struct item *)record)->status;
}

static const struct status_rule item_rules[] = {
    {"api", ITEM_STATUS_NEW, ITEM_STATUS_BUSY},
    {"host", ITEM_STATUS_BUSY, ITEM_STATUS_DONE},
};

static const struct table_spec item_table = {
    .name = "item",
    .shape = &item_shape,
    .key = item_key,
    .indexes = {{"number", item_number_key}},
    .status = item_status,
    .status_rules = item_rules,
    .status_rule_count = COUNT_OF(item_rules),
};

static unsigned looked_at, jobs_done;
static int64_t look_again_ms = WHEN_NEVER;

/* Tells the world of every item that it looks at, and puts number 99 on those called "odd". */
static int64_t item_reconcile(struct transaction *tx, struct str key)
{
    const struct item *item = transaction_get(tx, &item_table, key);
    struct item changed;

    looked_at++;
    if (item == NULL)
        return WHEN_NEVER;
    transaction_effect(tx, "told", item->name, STR("by the reconciler"));
    if (!str_is(item->name, "odd"))
        return look_again_ms;
    changed = *item;
    SET(&changed, number, 99);
    (void)transaction_put(tx, &item_table, &changed);
    return look_again_ms;
}

static const struct reconciler_spec item_reconciler = {"item", &item_table, item_reconcile};

static void item_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct item *item = after != NULL ? after : before;

    marks_add(marks, &item_reconciler, KEY(tx->arena, item->owner, item->name));
}

/* Every step of the item "leader" is said, and the last one kept in "follower". */
static void item_follow(struct transaction *tx, const void *before, const void *after)
{
    const struct item *leader = after;
    struct item follower = {.owner = STR("acme"), .name = STR("follower"), .status = ITEM_STATUS_NEW};

    (void)before;
    if (leader == NULL || !str_is(leader->name, "leader"))
        return;
    transaction_effect(tx, "followed", arena_printf(tx->arena, "%d", leader->number), STR(""));
    SET(&follower, number, leader->number);
    (void)transaction_put(tx, &item_table, &follower);
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    const struct item item = {.owner = account, .name = region, .status = ITEM_STATUS_NEW};

    (void)transaction_put(tx, &item_table, &item);
}

static const struct table_spec *const tables[] = {&item_table};
static const struct reconciler_spec *const reconcilers[] = {&item_reconciler};
static const struct dirties_spec dirties[] = {{&item_table, item_dirties}};
static const struct follows_spec follows[] = {{&item_table, item_follow}};
static const struct domain_spec domain = {.name = "item",
                                          .tables = tables,
                                          .table_count = 1,
                                          .reconcilers = reconcilers,
                                          .reconciler_count = 1,
                                          .dirties = dirties,
                                          .dirties_count = 1,
                                          .follows = follows,
                                          .follows_count = 1,
                                          .seed = seed};
static const struct domain_spec *const domains[] = {&domain};

/* ---- a core around it ---- */

struct bench {
    struct settings settings;
    struct engine *engine;
    struct core *core;
    int64_t now_ms;
    struct buf effects, changes; /* what came out, as text */
};

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    struct bench *bench = context;

    (void)bytes;
    buf_printf(&bench->effects, "%s:%.*s ", kind, STR_ARG(target));
}

static void changed(void *context, const struct change *change)
{
    struct bench *bench = context;
    const struct item *item = change->after != NULL ? change->after : change->before;

    buf_printf(&bench->changes, "%c%.*s ",
               change->after == NULL    ? '-'
               : change->before == NULL ? '+'
                                        : '~',
               STR_ARG(item->name));
}

static void no_secret(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

static void bench_open(struct bench *bench)
{
    const struct core_options options = {.domains = domains,
                                         .domain_count = 1,
                                         .engine = bench->engine,
                                         .settings = &bench->settings,
                                         .seed = 1,
                                         .secret = no_secret,
                                         .context = bench,
                                         .release = release,
                                         .changed = changed};
    struct fail f;

    must(core_open(&options, bench->now_ms, &bench->core, &f));
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    must(bench != NULL);
    bench->settings = (struct settings){.default_account = STR("acme"), .default_region = STR("seeded")};
    bench->engine = engine_memory_new();
    bench->now_ms = 1000000;
    looked_at = 0;
    look_again_ms = WHEN_NEVER;
    bench_open(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    core_close(bench->core);
    bench->engine->kind->close(bench->engine);
    buf_free(&bench->effects);
    buf_free(&bench->changes);
    free(bench);
    return 0;
}

/* ---- jobs ---- */

struct test_job {
    struct job job;
    void (*body)(struct transaction *tx);
    bool commits;
    unsigned run, done;
    unsigned place; /* among all that were done */
    bool durable;
};

static bool job_run(struct job *job, struct transaction *tx)
{
    struct test_job *of = list_item(&job->link, struct test_job, job.link);

    of->run++;
    of->body(tx);
    return of->commits;
}

static void job_done(struct job *job, bool durable)
{
    struct test_job *of = list_item(&job->link, struct test_job, job.link);

    of->done++;
    of->place = ++jobs_done;
    of->durable = durable;
}

static void submit_as(struct bench *bench, struct test_job *job, const char *actor, void (*body)(struct transaction *),
                      bool commits)
{
    *job = (struct test_job){.job = {.actor = actor, .cause = STR("test"), .run = job_run, .done = job_done},
                             .body = body,
                             .commits = commits};
    core_submit(bench->core, &job->job);
}

static void submit(struct bench *bench, struct test_job *job, void (*body)(struct transaction *))
{
    submit_as(bench, job, "api", body, true);
}

static struct turn *turn(struct bench *bench)
{
    return core_turn(bench->core, bench->now_ms);
}

/* Commits the turn to the engine and settles it as that went. */
static bool settle(struct bench *bench, struct turn *of)
{
    size_t count;
    const struct row *rows = turn_rows(of, &count);
    struct fail f;
    bool good = bench->engine->kind->commit(bench->engine, rows, count, &f);

    (void)core_settle(bench->core, of, good);
    return good;
}

static void run_all(struct bench *bench)
{
    struct turn *of;

    while ((of = turn(bench)) != NULL)
        must(settle(bench, of));
}

static void put(struct transaction *tx, const char *name, enum item_status status, int number)
{
    struct item item = {.owner = STR("acme"), .name = str_of(name), .status = status};

    if (number >= 0)
        SET(&item, number, number);
    (void)transaction_put(tx, &item_table, &item);
}

static void remove_item(struct transaction *tx, const char *name)
{
    transaction_delete(tx, &item_table, KEY(tx->arena, STR("acme"), str_of(name)));
}

/* "name:status:number ..." in the order of the index or the key. */
static void assert_table(struct bench *bench, const char *index, const char *expected)
{
    struct arena arena;
    struct transaction view;
    struct walk walk;
    const struct item *item;
    auto_buf text = {.ptr = NULL};

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    view = core_view(bench->core, &arena, bench->now_ms);
    walk = transaction_walk(&view, &item_table, index, STR(""));
    while ((item = walk_next(&walk)) != NULL)
        buf_printf(&text, "%.*s:%d:%d ", STR_ARG(item->name), (int)item->status, item->has_number ? item->number : -1);
    buf_add_char(&text, '\0');
    assert_string_equal(text.ptr, expected);
    arena_free(&arena);
}

static void assert_text(struct buf *buf, const char *expected)
{
    buf_add_char(buf, '\0');
    assert_string_equal(buf->ptr, expected);
    buf_clear(buf);
}

/* ---- transactions ---- */

static void three_items(struct transaction *tx)
{
    put(tx, "c", ITEM_STATUS_NEW, 3);
    put(tx, "a", ITEM_STATUS_NEW, 30);
    put(tx, "b", ITEM_STATUS_NEW, -1);
}

static void a_first_start_is_seeded(void **state)
{
    struct bench *bench = *state;

    assert_table(bench, NULL, "seeded:1:-1 ");
    run_all(bench);
    assert_text(&bench->changes, "+seeded ");
}

static void lead(struct transaction *tx)
{
    put(tx, "leader", ITEM_STATUS_NEW, 1);
    put(tx, "leader", ITEM_STATUS_BUSY, 2);
}

static void every_change_is_followed_in_its_transaction(void **state)
{
    struct bench *bench = *state;
    struct test_job good;
    struct test_job bad;

    run_all(bench);
    buf_clear(&bench->effects);
    submit_as(bench, &bad, "api", lead, /* commits= */ false);
    run_all(bench);
    assert_int_equal(bench->effects.len, 0);
    assert_table(bench, NULL, "seeded:1:-1 ");
    submit(bench, &good, lead);
    run_all(bench);
    assert_true(str_starts(buf_str(&bench->effects), STR("followed:1 followed:2 ")));
    assert_table(bench, NULL, "follower:1:2 leader:2:2 seeded:1:-1 ");
}

static void keys_and_indexes_have_their_order(void **state)
{
    struct bench *bench = *state;
    struct test_job job;

    submit(bench, &job, three_items);
    run_all(bench);
    assert_table(bench, NULL, "a:1:30 b:1:-1 c:1:3 seeded:1:-1 ");
    assert_table(bench, "number", "c:1:3 a:1:30 ");
}

static void change_everything(struct transaction *tx)
{
    put(tx, "a", ITEM_STATUS_BUSY, 1);
    put(tx, "a", ITEM_STATUS_BUSY, 2);
    remove_item(tx, "b");
    put(tx, "b", ITEM_STATUS_NEW, 50);
    remove_item(tx, "c");
    put(tx, "d", ITEM_STATUS_NEW, 4);
    transaction_effect(tx, "told", STR("nobody"), STR(""));
}

static void what_is_rolled_back_leaves_no_trace(void **state)
{
    struct bench *bench = *state;
    struct test_job jobs[2];

    submit(bench, &jobs[0], three_items);
    run_all(bench);
    buf_clear(&bench->effects);
    buf_clear(&bench->changes);
    submit_as(bench, &jobs[1], "api", change_everything, false);
    run_all(bench);
    assert_table(bench, NULL, "a:1:30 b:1:-1 c:1:3 seeded:1:-1 ");
    assert_table(bench, "number", "c:1:3 a:1:30 ");
    assert_text(&bench->changes, "");
    assert_text(&bench->effects, "");
    assert_int_equal(jobs[1].run, 1);
    assert_int_equal(jobs[1].done, 1);
    assert_true(jobs[1].durable); /* the turn was, whatever became of the job */
}

static void indexes_follow(void **state)
{
    struct bench *bench = *state;
    struct test_job jobs[2];

    submit(bench, &jobs[0], three_items);
    submit(bench, &jobs[1], change_everything);
    run_all(bench);
    assert_table(bench, "number", "a:2:2 d:1:4 b:1:50 ");
}

static void step_as(struct bench *bench, const char *actor, void (*body)(struct transaction *))
{
    struct test_job job;

    submit_as(bench, &job, actor, body, true);
    run_all(bench);
}

static void make_busy(struct transaction *tx)
{
    put(tx, "a", ITEM_STATUS_BUSY, 1);
}
static void make_done(struct transaction *tx)
{
    put(tx, "a", ITEM_STATUS_DONE, 2);
}
static void make_new(struct transaction *tx)
{
    put(tx, "a", ITEM_STATUS_NEW, 3);
}

static void a_status_only_takes_the_steps_of_its_table(void **state)
{
    struct bench *bench = *state;

    step_as(bench, "api", three_items);
    step_as(bench, "host", make_busy);
    assert_table(bench, "number", "c:1:3 a:1:30 ");
    step_as(bench, "host", make_done);
    assert_table(bench, "number", "c:1:3 a:1:30 ");
    step_as(bench, "api", make_busy);
    assert_table(bench, "number", "a:2:1 c:1:3 ");
    step_as(bench, "api", make_done);
    assert_table(bench, "number", "a:2:1 c:1:3 ");
    step_as(bench, "host", make_done);
    assert_table(bench, "number", "a:3:2 c:1:3 ");
    step_as(bench, "api", make_new);
    assert_table(bench, "number", "a:3:2 c:1:3 ");
}

static void the_same_again_writes_nothing(void **state)
{
    struct bench *bench = *state;
    struct test_job job;
    struct turn *of;
    size_t count;

    step_as(bench, "api", three_items);
    submit(bench, &job, three_items);
    of = turn(bench);
    (void)turn_rows(of, &count);
    assert_int_equal(count, 0);
    assert_true(settle(bench, of));
}

/* ---- turns ---- */

static void make_x(struct transaction *tx)
{
    put(tx, "x", ITEM_STATUS_NEW, -1);
    transaction_effect(tx, "told", STR("x was made"), STR(""));
}
static void make_y(struct transaction *tx)
{
    put(tx, "y", ITEM_STATUS_NEW, -1);
}

static void nothing_leaves_before_it_is_durable(void **state)
{
    struct bench *bench = *state;
    struct test_job job;
    struct turn *of;

    run_all(bench);
    buf_clear(&bench->changes);
    buf_clear(&bench->effects);
    submit(bench, &job, make_x);
    of = turn(bench);
    assert_int_equal(job.run, 1);
    assert_int_equal(job.done, 0);
    assert_int_equal(bench->effects.len, 0);
    assert_int_equal(bench->changes.len, 0);
    assert_true(settle(bench, of));
    assert_true(job.done == 1 && job.durable);
    assert_text(&bench->changes, "+x ");
    assert_text(&bench->effects, "told:x was made told:x ");
}

static void a_turn_that_is_not_durable_takes_the_later_ones_with_it(void **state)
{
    struct bench *bench = *state;
    struct test_job jobs[3];
    struct turn *first;

    run_all(bench);
    buf_clear(&bench->changes);
    buf_clear(&bench->effects);
    submit(bench, &jobs[0], make_x);
    first = turn(bench);
    submit(bench, &jobs[1], make_y);
    (void)turn(bench);
    engine_memory_fail(bench->engine, 1);
    assert_false(settle(bench, first));
    for (size_t i = 0; i < 2; i++)
        assert_true(jobs[i].done == 1 && !jobs[i].durable);
    assert_true(jobs[0].place < jobs[1].place); /* they are tried again in their order */
    assert_table(bench, NULL, "seeded:1:-1 ");
    assert_text(&bench->changes, "");
    assert_text(&bench->effects, "");
    submit(bench, &jobs[2], make_y); /* the disk has room again */
    run_all(bench);
    assert_table(bench, NULL, "seeded:1:-1 y:1:-1 ");
    assert_text(&bench->changes, "+y ");
}

static void a_turn_takes_a_bounded_number_of_jobs(void **state)
{
    enum { MANY = 500 };
    struct bench *bench = *state;
    struct test_job *jobs = calloc(MANY, sizeof(*jobs));
    size_t run = 0;

    assert_non_null(jobs);
    for (size_t i = 0; i < MANY; i++)
        submit(bench, &jobs[i], make_x);
    must(settle(bench, turn(bench)));
    for (size_t i = 0; i < MANY; i++)
        run += jobs[i].run;
    assert_in_range(run, 1, MANY - 1);
    run_all(bench);
    for (size_t i = 0; i < MANY; i++)
        assert_true(jobs[i].run == 1 && jobs[i].done == 1);
    free(jobs);
}

static void closing_gives_back_what_was_never_run(void **state)
{
    struct bench *bench = *state;
    struct test_job jobs[2];

    submit(bench, &jobs[0], make_x);
    (void)turn(bench);
    submit(bench, &jobs[1], make_y);
    core_close(bench->core);
    assert_true(jobs[0].run == 1 && jobs[0].done == 1 && !jobs[0].durable);
    assert_true(jobs[1].run == 0 && jobs[1].done == 1 && !jobs[1].durable);
    bench_open(bench);
    assert_table(bench, NULL, "seeded:1:-1 ");
}

/* ---- reconcilers ---- */

static void make_odd(struct transaction *tx)
{
    put(tx, "odd", ITEM_STATUS_NEW, 1);
}

static void a_change_is_looked_at_until_there_is_nothing_to_do(void **state)
{
    struct bench *bench = *state;

    run_all(bench);
    looked_at = 0;
    step_as(bench, "api", make_odd);
    assert_table(bench, "number", "odd:1:99 ");
    assert_int_equal(looked_at, 2); /* for the job's change, and for the reconciler's own */
}

static void timers_wake_a_key_when_it_asked_for_it(void **state)
{
    struct bench *bench = *state;

    run_all(bench);
    look_again_ms = bench->now_ms + 5000;
    step_as(bench, "api", make_x);
    look_again_ms = WHEN_NEVER;
    looked_at = 0;
    assert_true(core_next_ms(bench->core) <= bench->now_ms + 5000);
    bench->now_ms += 4999;
    run_all(bench);
    while (looked_at > 0) { /* the slow clock may have come by */
        looked_at = 0;
        run_all(bench);
    }
    bench->now_ms += 1;
    run_all(bench);
    assert_in_range(looked_at, 1, 2);
}

/* Nothing waits for the clock to come again to where it was. */
static void a_clock_that_was_set_back_wakes_all_that_wait(void **state)
{
    struct bench *bench = *state;

    bench->now_ms += DAY_MS;
    run_all(bench);
    look_again_ms = bench->now_ms + DAY_MS;
    step_as(bench, "api", make_x);
    look_again_ms = WHEN_NEVER;
    run_all(bench);
    looked_at = 0;
    bench->now_ms -= HOUR_MS;
    assert_true(core_next_ms(bench->core) > bench->now_ms);
    core_clock_set_back(bench->core);
    assert_int_equal(core_next_ms(bench->core), 0);
    run_all(bench);
    assert_in_range(looked_at, 1, 2);
    assert_in_range(core_next_ms(bench->core), bench->now_ms + 1, bench->now_ms + SECOND_MS);
}

static void a_turn_of_jobs_only_leaves_what_is_dirty(void **state)
{
    struct bench *bench = *state;
    struct test_job job;

    run_all(bench);
    looked_at = 0;
    assert_null(core_turn_jobs(bench->core, bench->now_ms));
    submit(bench, &job, make_x);
    assert_true(settle(bench, core_turn_jobs(bench->core, bench->now_ms)));
    assert_int_equal(looked_at, 0);
    assert_int_equal(core_next_ms(bench->core), 0);
    run_all(bench);
    assert_int_equal(looked_at, 1);
}

/* It put nothing, so no undone change says that it has to be looked at. */
static void what_a_reconciler_said_in_an_undone_turn_is_said_again(void **state)
{
    struct bench *bench = *state;
    struct test_job job;

    run_all(bench);
    look_again_ms = bench->now_ms + 5000;
    step_as(bench, "api", make_x);
    look_again_ms = WHEN_NEVER;
    buf_clear(&bench->effects);
    bench->now_ms += 5000;
    submit(bench, &job, make_y);
    engine_memory_fail(bench->engine, 1);
    assert_false(settle(bench, turn(bench)));
    assert_text(&bench->effects, "");
    run_all(bench);
    assert_text(&bench->effects, "told:x ");
}

static void every_key_is_looked_at_at_start_and_on_the_slow_clock(void **state)
{
    struct bench *bench = *state;

    step_as(bench, "api", three_items);
    core_close(bench->core);
    looked_at = 0;
    bench_open(bench);
    run_all(bench);
    assert_int_equal(looked_at, 4);
    looked_at = 0;
    for (int i = 0; i < 1000 && looked_at < 4; i++) {
        bench->now_ms += SECOND_MS;
        run_all(bench);
    }
    assert_in_range(looked_at, 4, 8);
}

/* ---- starting again ---- */

static void everything_durable_comes_back(void **state)
{
    struct bench *bench = *state;

    step_as(bench, "api", three_items);
    step_as(bench, "api", change_everything);
    core_close(bench->core);
    bench_open(bench);
    assert_table(bench, NULL, "a:2:2 b:1:50 d:1:4 seeded:1:-1 ");
    assert_table(bench, "number", "a:2:2 d:1:4 b:1:50 ");
}

static void a_reset_brings_the_first_state_back(void **state)
{
    struct bench *bench = *state;
    struct fail f;

    step_as(bench, "api", three_items);
    assert_true(bench->engine->kind->reset(bench->engine, &f));
    assert_true(settle(bench, core_reset(bench->core, bench->now_ms)));
    assert_table(bench, NULL, "seeded:1:-1 ");
    core_close(bench->core);
    bench_open(bench);
    assert_table(bench, NULL, "seeded:1:-1 ");
}

/* Random steps, some rolled back and some lost with their turn, against a table of numbers; then the same from the
 * engine. */
enum { NAMES = 20, STEPS = 2000 };

static struct {
    struct random random;
    int numbers[NAMES]; /* -1: no such item */
} model;

static void random_steps(struct transaction *tx)
{
    for (uint64_t i = random_below(&model.random, 4); i > 0; i--) {
        unsigned which = (unsigned)random_below(&model.random, NAMES);
        char name[8];

        (void)snprintf(name, sizeof(name), "n%02u", which);
        if (random_chance(&model.random, 300)) {
            remove_item(tx, name);
            model.numbers[which] = -1;
        } else {
            model.numbers[which] = (int)random_below(&model.random, 90);
            put(tx, name, ITEM_STATUS_NEW, model.numbers[which]);
        }
    }
}

static void assert_model(struct bench *bench)
{
    auto_buf text = {.ptr = NULL};

    for (unsigned i = 0; i < NAMES; i++)
        if (model.numbers[i] >= 0)
            buf_printf(&text, "n%02u:1:%d ", i, model.numbers[i]);
    buf_printf(&text, "seeded:1:-1 %c", '\0');
    assert_table(bench, NULL, text.ptr);
}

static void random_steps_end_as_a_simple_model_does(void **state)
{
    struct bench *bench = *state;
    int before[NAMES];

    random_seed(&model.random, 42);
    for (unsigned i = 0; i < NAMES; i++)
        model.numbers[i] = -1;
    for (int i = 0; i < STEPS; i++) {
        bool commits = !random_chance(&model.random, 200);
        bool durable = !random_chance(&model.random, 100);
        struct test_job job;

        memcpy(before, model.numbers, sizeof(before));
        submit_as(bench, &job, "api", random_steps, commits);
        engine_memory_fail(bench->engine, durable ? 0 : 1);
        (void)settle(bench, turn(bench));
        engine_memory_fail(bench->engine, 0);
        run_all(bench);
        if (!commits || !job.durable)
            memcpy(model.numbers, before, sizeof(before));
        if (i % 100 == 0)
            assert_model(bench);
    }
    assert_model(bench);
    core_close(bench->core);
    bench_open(bench);
    assert_model(bench);
}

/* ---- pages ---- */

static void tokens_are_ours_or_refused(void **state)
{
    static const char *const bad[] = {
        "x", "zz", "00", "6", "616", "6161", "616100", "6162636465666768696a", "\xff\xff\xff\xff", "ABCD12"};
    struct arena arena;
    struct str token;
    struct str after;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    token = page_token(&arena, STR("a\x1f"
                                   "b"));
    assert_true(page_begin(&arena, token, "InvalidToken", &after, &f));
    assert_true(str_is(after, "a\x1f"
                              "b"));
    assert_true(page_begin(&arena, (struct str){NULL, 0}, "InvalidToken", &after, &f));
    assert_null(after.ptr);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(page_begin(&arena, str_of(bad[i]), "InvalidToken", &after, &f));
        assert_string_equal(f.type, "InvalidToken");
    }
    arena_free(&arena);
}

#define with_core(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_core(a_first_start_is_seeded),
        with_core(every_change_is_followed_in_its_transaction),
        with_core(keys_and_indexes_have_their_order),
        with_core(what_is_rolled_back_leaves_no_trace),
        with_core(indexes_follow),
        with_core(a_status_only_takes_the_steps_of_its_table),
        with_core(the_same_again_writes_nothing),
        with_core(nothing_leaves_before_it_is_durable),
        with_core(a_turn_that_is_not_durable_takes_the_later_ones_with_it),
        with_core(a_turn_takes_a_bounded_number_of_jobs),
        with_core(closing_gives_back_what_was_never_run),
        with_core(a_change_is_looked_at_until_there_is_nothing_to_do),
        with_core(timers_wake_a_key_when_it_asked_for_it),
        with_core(a_clock_that_was_set_back_wakes_all_that_wait),
        with_core(a_turn_of_jobs_only_leaves_what_is_dirty),
        with_core(what_a_reconciler_said_in_an_undone_turn_is_said_again),
        with_core(every_key_is_looked_at_at_start_and_on_the_slow_clock),
        with_core(everything_durable_comes_back),
        with_core(a_reset_brings_the_first_state_back),
        with_core(random_steps_end_as_a_simple_model_does),
        cmocka_unit_test(tokens_are_ours_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
