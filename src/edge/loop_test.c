/* The loop's two threads with an engine that can be held and can fail. Run it under ThreadSanitizer too: ./dev build
 * thread. */
#include "edge/loop.h"

#include "base/must.h"
#include "core/core_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

/* ---- an engine with a gate ---- */

struct gate {
    struct engine engine;
    struct engine *inner;
    pthread_mutex_t lock; /* protects all below */
    pthread_cond_t moved;
    bool closed;  /* commits wait */
    bool failing; /* commits fail */
    unsigned entered, commits, failures, tidied;
};

static struct gate *gate_of(struct engine *engine)
{
    return (struct gate *)engine;
}

static bool gate_load(struct engine *engine, engine_row_fn *row, void *context, struct fail *f)
{
    struct engine *inner = gate_of(engine)->inner;

    return inner->kind->load(inner, row, context, f);
}

static bool gate_commit(struct engine *engine, const struct row *rows, size_t count, struct fail *f)
{
    struct gate *gate = gate_of(engine);
    bool good;

    (void)pthread_mutex_lock(&gate->lock);
    gate->entered++;
    (void)pthread_cond_broadcast(&gate->moved);
    while (gate->closed)
        (void)pthread_cond_wait(&gate->moved, &gate->lock);
    good = !gate->failing;
    *(good ? &gate->commits : &gate->failures) += 1;
    (void)pthread_cond_broadcast(&gate->moved);
    (void)pthread_mutex_unlock(&gate->lock);
    if (good)
        return gate->inner->kind->commit(gate->inner, rows, count, f);
    *f = (struct fail){.code = FAIL_LIMIT, .message = "the disk is full"};
    return false;
}

static bool gate_reset(struct engine *engine, struct fail *f)
{
    struct engine *inner = gate_of(engine)->inner;

    return inner->kind->reset(inner, f);
}

static void gate_tidy(struct engine *engine)
{
    struct gate *gate = gate_of(engine);

    (void)pthread_mutex_lock(&gate->lock);
    gate->tidied++;
    (void)pthread_cond_broadcast(&gate->moved);
    (void)pthread_mutex_unlock(&gate->lock);
}

static void gate_set(struct gate *gate, bool *flag, bool value)
{
    (void)pthread_mutex_lock(&gate->lock);
    *flag = value;
    (void)pthread_cond_broadcast(&gate->moved);
    (void)pthread_mutex_unlock(&gate->lock);
}

static void gate_wait(struct gate *gate, const unsigned *counter, unsigned least)
{
    (void)pthread_mutex_lock(&gate->lock);
    while (*counter < least)
        (void)pthread_cond_wait(&gate->moved, &gate->lock);
    (void)pthread_mutex_unlock(&gate->lock);
}

static unsigned gate_count(struct gate *gate, const unsigned *counter)
{
    unsigned count;

    (void)pthread_mutex_lock(&gate->lock);
    count = *counter;
    (void)pthread_mutex_unlock(&gate->lock);
    return count;
}

/* ---- a domain: the reconciler gives every item the number that is wished ---- */

static atomic_int wished;

static void item_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct item *)record)->name);
}

static const struct table_spec item_table = {.name = "item", .shape = &item_shape, .key = item_key};

static int64_t item_reconcile(struct transaction *tx, struct str key)
{
    const struct item *item = transaction_get(tx, &item_table, key);
    struct item changed;

    if (item == NULL)
        return WHEN_NEVER;
    transaction_effect(tx, "told", item->name, STR(""));
    changed = *item;
    SET(&changed, number, atomic_load(&wished));
    (void)transaction_put(tx, &item_table, &changed);
    return tx->now_ms + DAY_MS;
}

static const struct reconciler_spec item_reconciler = {"item", &item_table, item_reconcile};

static void item_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct item *item = after != NULL ? after : before;

    marks_add(marks, &item_reconciler, KEY(tx->arena, item->name));
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    const struct item item = {.name = STR("seeded")};

    (void)account;
    (void)region;
    (void)transaction_put(tx, &item_table, &item);
}

static const struct table_spec *const tables[] = {&item_table};
static const struct reconciler_spec *const reconcilers[] = {&item_reconciler};
static const struct dirties_spec dirties[] = {{&item_table, item_dirties}};
static const struct domain_spec domain = {.name = "item",
                                          .tables = tables,
                                          .table_count = 1,
                                          .reconcilers = reconcilers,
                                          .reconciler_count = 1,
                                          .dirties = dirties,
                                          .dirties_count = 1,
                                          .seed = seed};
static const struct domain_spec *const domains[] = {&domain};

/* ---- a loop around it ---- */

/* The machine's clock, after somebody has set it. */
static atomic_llong set_back_ms;

static int64_t clock_ms(void *context)
{
    const struct clock wall = clock_wall();

    (void)context;
    return clock_now_ms(&wall) - atomic_load(&set_back_ms);
}

struct bench {
    struct settings settings;
    struct gate gate;
    struct loop *loop;
    atomic_uint told;
};

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    struct bench *bench = context;

    (void)kind;
    (void)target;
    (void)bytes;
    atomic_fetch_add(&bench->told, 1);
}

static void no_secret(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

static int set_up(void **state)
{
    static const struct engine_kind kind = {"gate", gate_load, gate_commit, gate_reset, gate_tidy, NULL};
    struct bench *bench = calloc(1, sizeof(*bench));
    struct loop_options options = {.core = {.domains = domains,
                                            .domain_count = 1,
                                            .seed = 1,
                                            .secret = no_secret,
                                            .context = bench,
                                            .release = release},
                                   .clock = {.now_ms = clock_ms},
                                   .clock_rate = 1};
    struct fail f;

    must(bench != NULL);
    atomic_store(&wished, 0);
    atomic_store(&set_back_ms, 0);
    bench->settings = (struct settings){.default_account = STR("acme"), .default_region = STR("here")};
    bench->gate.engine.kind = &kind;
    bench->gate.inner = engine_memory_new();
    must(pthread_mutex_init(&bench->gate.lock, NULL) == 0);
    must(pthread_cond_init(&bench->gate.moved, NULL) == 0);
    options.core.engine = &bench->gate.engine;
    options.core.settings = &bench->settings;
    must(loop_start(&options, &bench->loop, &f));
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    if (bench->loop != NULL)
        loop_stop(bench->loop);
    bench->gate.inner->kind->close(bench->gate.inner);
    (void)pthread_cond_destroy(&bench->gate.moved);
    (void)pthread_mutex_destroy(&bench->gate.lock);
    free(bench);
    return 0;
}

/* ---- jobs ---- */

struct test_job {
    struct job job;
    char name[16];
    atomic_uint *runs, *dones, *durables;
};

static bool job_run(struct job *job, struct transaction *tx)
{
    const struct test_job *of = list_item(&job->link, struct test_job, job.link);
    const struct item item = {.name = str_of(of->name)};

    (void)transaction_put(tx, &item_table, &item);
    if (of->runs != NULL)
        atomic_fetch_add(of->runs, 1);
    return true;
}

static void job_done(struct job *job, bool durable)
{
    const struct test_job *of = list_item(&job->link, struct test_job, job.link);

    if (durable)
        atomic_fetch_add(of->durables, 1);
    atomic_fetch_add(of->dones, 1);
}

struct tally {
    atomic_uint runs, dones, durables;
};

static void submit(struct bench *bench, struct test_job *job, unsigned number, struct tally *tally)
{
    *job = (struct test_job){.job = {.actor = "api", .cause = STR("test"), .run = job_run, .done = job_done},
                             .runs = &tally->runs,
                             .dones = &tally->dones,
                             .durables = &tally->durables};
    (void)snprintf(job->name, sizeof(job->name), "item-%05u", number);
    loop_submit(bench->loop, &job->job);
}

static bool run(struct bench *bench, const char *name)
{
    struct test_job job = {.job = {.actor = "api", .cause = STR("test"), .run = job_run}};

    (void)snprintf(job.name, sizeof(job.name), "%s", name);
    return loop_run(bench->loop, &job.job);
}

/* Waits as long as it takes: a hang is the test runner's to end. */
static void wait_until(const atomic_uint *counter, unsigned least)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    while (atomic_load(counter) < least)
        (void)nanosleep(&pause, NULL);
}

struct count_job {
    struct job job;
    size_t items;
    int32_t number; /* of the item "seeded" */
};

static bool count_run(struct job *job, struct transaction *tx)
{
    struct count_job *of = list_item(&job->link, struct count_job, job.link);
    const struct item *seeded = transaction_get(tx, &item_table, STR("seeded"));

    of->items = transaction_count(tx, &item_table);
    of->number = seeded == NULL ? -1 : seeded->number;
    return true;
}

static struct count_job look(struct bench *bench)
{
    struct count_job job = {.job = {.actor = "api", .cause = STR("test"), .run = count_run}};

    must(loop_run(bench->loop, &job.job));
    return job;
}

/* ---- tests ---- */

static void what_waits_for_the_disk_is_committed_together(void **state)
{
    enum { MANY = 20 };
    struct bench *bench = *state;
    struct test_job jobs[MANY + 1];
    struct tally tally = {0};
    unsigned entered = gate_count(&bench->gate, &bench->gate.entered);
    unsigned before;

    gate_set(&bench->gate, &bench->gate.closed, true);
    submit(bench, &jobs[0], 0, &tally);
    gate_wait(&bench->gate, &bench->gate.entered, entered + 1);
    before = gate_count(&bench->gate, &bench->gate.commits);
    for (unsigned i = 1; i <= MANY; i++)
        submit(bench, &jobs[i], i, &tally);
    wait_until(&tally.runs, MANY + 1); /* turns go on while the disk is busy */
    assert_int_equal(atomic_load(&tally.dones), 0);
    gate_set(&bench->gate, &bench->gate.closed, false);
    wait_until(&tally.dones, MANY + 1);
    assert_int_equal(atomic_load(&tally.durables), MANY + 1);
    /* The first, those that waited, and perhaps a turn that ended just then. */
    assert_in_range(gate_count(&bench->gate, &bench->gate.commits) - before, 1, 3);
    assert_int_equal(look(bench).items, MANY + 2);
}

static void nothing_leaves_before_it_is_durable(void **state)
{
    struct bench *bench = *state;
    struct test_job job;
    struct tally tally = {0};
    unsigned entered;
    unsigned told;

    (void)look(bench); /* all that the start had to say is said */
    told = atomic_load(&bench->told);
    entered = gate_count(&bench->gate, &bench->gate.entered);
    gate_set(&bench->gate, &bench->gate.closed, true);
    submit(bench, &job, 1, &tally);
    gate_wait(&bench->gate, &bench->gate.entered, entered + 1);
    assert_int_equal(atomic_load(&tally.dones), 0);
    assert_int_equal(atomic_load(&bench->told), told);
    gate_set(&bench->gate, &bench->gate.closed, false);
    wait_until(&tally.dones, 1);
    assert_true(atomic_load(&bench->told) > told); /* effects before answers */
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct bench *bench = *state;

    assert_true(run(bench, "before"));
    gate_set(&bench->gate, &bench->gate.failing, true);
    assert_false(run(bench, "refused"));
    assert_false(run(bench, "refused"));
    gate_set(&bench->gate, &bench->gate.failing, false);
    assert_true(run(bench, "after"));
    assert_int_equal(look(bench).items, 3);
}

/* A reconciler that cannot write tries again in its time, not as fast as it can. */
static void a_full_disk_costs_no_processor(void **state)
{
    const struct timespec pause = {.tv_nsec = 500000000};
    struct bench *bench = *state;
    unsigned failures;

    (void)look(bench);
    gate_set(&bench->gate, &bench->gate.failing, true);
    atomic_store(&wished, 5);
    assert_false(run(bench, "refused"));
    assert_false(run(bench, "seeded")); /* marks it: the reconciler wishes for number 5 from now on */
    failures = gate_count(&bench->gate, &bench->gate.failures);
    (void)nanosleep(&pause, NULL);
    assert_in_range(gate_count(&bench->gate, &bench->gate.failures) - failures, 0, 10);
    gate_set(&bench->gate, &bench->gate.failing, false);
    while (look(bench).number != 5)
        (void)nanosleep(&pause, NULL);
}

static void a_clock_that_is_set_back_wakes_what_waits(void **state)
{
    struct bench *bench = *state;

    assert_true(run(bench, "x"));
    wait_until(&bench->told, 2); /* of the job's change, and of the reconciler's own */
    atomic_store(&set_back_ms, HOUR_MS);
    wait_until(&bench->told, 3);
}

static void stopping_finishes_what_was_submitted(void **state)
{
    enum { MANY = 500 };
    struct bench *bench = *state;
    struct test_job *jobs = calloc(MANY, sizeof(*jobs));
    struct tally tally = {0};

    must(jobs != NULL);
    for (unsigned i = 0; i < MANY; i++)
        submit(bench, &jobs[i], i, &tally);
    loop_stop(bench->loop);
    bench->loop = NULL;
    assert_int_equal(atomic_load(&tally.dones), MANY);
    assert_int_equal(atomic_load(&tally.durables), MANY);
    free(jobs);
}

static void stopping_ends_on_a_full_disk(void **state)
{
    struct bench *bench = *state;
    struct test_job jobs[10];
    struct tally tally = {0};

    gate_set(&bench->gate, &bench->gate.failing, true);
    atomic_store(&wished, 5);
    for (unsigned i = 0; i < COUNT_OF(jobs); i++)
        submit(bench, &jobs[i], i, &tally);
    loop_stop(bench->loop);
    bench->loop = NULL;
    assert_int_equal(atomic_load(&tally.dones), COUNT_OF(jobs));
    assert_int_equal(atomic_load(&tally.durables), 0);
}

static void the_engine_tidies_in_a_quiet_moment(void **state)
{
    struct bench *bench = *state;

    assert_true(run(bench, "one"));
    gate_wait(&bench->gate, &bench->gate.tidied, 1);
}

struct client {
    struct bench *bench;
    unsigned number;
    unsigned good;
};

static void *client_main(void *context)
{
    struct client *client = context;
    char name[16];

    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "c%u-%u", client->number, i);
        client->good += run(client->bench, name) ? 1 : 0;
    }
    return NULL;
}

static void many_threads_are_answered(void **state)
{
    struct bench *bench = *state;
    struct client clients[6];
    pthread_t threads[COUNT_OF(clients)];

    for (unsigned i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = (struct client){bench, i, 0};
        must(pthread_create(&threads[i], NULL, client_main, &clients[i]) == 0);
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].good, 100);
    }
    assert_int_equal(look(bench).items, 1 + 100 * COUNT_OF(clients));
    assert_true(loop_counters(bench->loop).jobs >= 100 * COUNT_OF(clients));
    assert_true(loop_commits(bench->loop) > 0);
}

static void a_reset_comes_between_turns(void **state)
{
    struct bench *bench = *state;
    struct client client = {bench, 0, 0};
    pthread_t thread;
    struct fail f;

    assert_true(run(bench, "before"));
    must(pthread_create(&thread, NULL, client_main, &client) == 0);
    for (unsigned i = 0; i < 5; i++)
        assert_true(loop_reset(bench->loop, &f));
    (void)pthread_join(thread, NULL);
    assert_int_equal(client.good, 100);
    assert_true(loop_reset(bench->loop, &f));
    assert_int_equal(look(bench).items, 1);
}

#define with_loop(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_loop(what_waits_for_the_disk_is_committed_together),
        with_loop(nothing_leaves_before_it_is_durable),
        with_loop(a_full_disk_refuses_and_recovers),
        with_loop(a_full_disk_costs_no_processor),
        with_loop(a_clock_that_is_set_back_wakes_what_waits),
        with_loop(stopping_finishes_what_was_submitted),
        with_loop(stopping_ends_on_a_full_disk),
        with_loop(the_engine_tidies_in_a_quiet_moment),
        with_loop(many_threads_are_answered),
        with_loop(a_reset_comes_between_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
