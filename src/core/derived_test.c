/* What is derived from a table (transaction.h) says what the table says, whatever is taken back. */
#include "core/core.h"

#include "base/must.h"
#include "core_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void item_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct item *)record)->name);
}

static const struct table_spec item_table = {.name = "item", .shape = &item_shape, .key = item_key};
static const struct table_spec *const tables[] = {&item_table};

static void put_item(struct transaction *tx, const char *name)
{
    const struct item item = {.owner = STR("acme"), .name = str_of(name), .status = ITEM_STATUS_NEW};

    must(transaction_put(tx, &item_table, &item));
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    (void)account;
    (void)region;
    put_item(tx, "first");
}

static const struct domain_spec domain = {.name = "item", .tables = tables, .table_count = 1, .seed = seed};
static const struct domain_spec *const domains[] = {&domain};

/* How many records there are. */
static void *tally_make(void)
{
    return calloc(1, sizeof(int));
}

static void tally_changed(void *derived, struct str key, const void *before, const void *after)
{
    (void)key;
    *(int *)derived += (after != NULL) - (before != NULL);
}

static const struct derived_spec tally = {
    .table = &item_table, .make = tally_make, .changed = tally_changed, .end = free};

struct put_job {
    struct job job;
    bool commits;
};

static bool put_run(struct job *job, struct transaction *tx)
{
    put_item(tx, "second");
    return list_item(&job->link, struct put_job, job.link)->commits;
}

static void put_done(struct job *job, bool durable)
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

/* What the tally says when the job has run in a turn of its own. */
static int tally_after(struct core *core, bool commits, bool durable)
{
    struct put_job put = {{.actor = "api", .cause = STR("test"), .run = put_run, .done = put_done}, commits};
    struct transaction view = core_view(core, NULL, 0);
    struct turn *turn;

    core_submit(core, &put.job);
    turn = core_turn(core, 1000);
    must(turn != NULL);
    (void)core_settle(core, turn, durable);
    return *(int *)transaction_derived(&view, &tally);
}

static void what_is_derived_hears_of_what_is_taken_back(void **state)
{
    const struct settings settings = {.default_account = STR("acme"), .default_region = STR("here")};
    struct engine *engine = engine_memory_new();
    const struct core_options options = {.domains = domains,
                                         .domain_count = 1,
                                         .engine = engine,
                                         .settings = &settings,
                                         .secret = no_secret,
                                         .release = release};
    struct transaction view;
    struct core *core;
    struct fail f;

    (void)state;
    must(core_open(&options, 1000, &core, &f));
    view = core_view(core, NULL, 0);
    assert_int_equal(*(int *)transaction_derived(&view, &tally), 1); /* told of what stood there */
    assert_int_equal(tally_after(core, /* commits= */ false, /* durable= */ true), 1);
    assert_int_equal(tally_after(core, /* commits= */ true, /* durable= */ false), 1);
    assert_int_equal(tally_after(core, /* commits= */ true, /* durable= */ true), 2);
    core_close(core);
    engine->kind->close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_derived_hears_of_what_is_taken_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
