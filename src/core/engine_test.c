/* One suite for every engine: what is committed is there, all or nothing, and comes back. */
#include "core/engine.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>

static char directory[] = "/tmp/berth-engine-test-XXXXXX";
static char path[64];

/* An engine under test: how it is opened, and how it comes back after its process has ended. */
struct subject {
    const char *name;
    struct engine *(*open)(void);
    struct engine *(*reopen)(struct engine *engine);
};

static struct engine *memory_reopen(struct engine *engine)
{
    return engine;
}

static struct engine *sqlite_open(void)
{
    struct engine *engine;
    struct fail f;

    (void)unlink(path);
    must(engine_sqlite_open(path, &engine, &f));
    return engine;
}

static struct engine *sqlite_reopen(struct engine *engine)
{
    struct fail f;

    engine->kind->close(engine);
    must(engine_sqlite_open(path, &engine, &f));
    return engine;
}

static const struct subject subjects[] = {
    {"memory", engine_memory_new, memory_reopen},
    {"sqlite", sqlite_open, sqlite_reopen},
};

#define FOR_EACH_ENGINE(subject)                                                                                       \
    for (const struct subject *subject = subjects; subject < subjects + COUNT_OF(subjects); subject++)

/* ---- what an engine holds, as text in order ---- */

struct held {
    struct str rows[64];
    size_t count;
    struct arena arena;
};

/* The last of a key counts. */
static bool hold(void *context, struct str table, struct str key, struct str bytes)
{
    struct held *held = context;
    struct str name = arena_printf(&held->arena, "%.*s/%.*s=", STR_ARG(table), STR_ARG(key));
    size_t at = 0;

    while (at < held->count && !str_starts(held->rows[at], name))
        at++;
    if (bytes.ptr == NULL && at < held->count)
        held->rows[at] = held->rows[--held->count];
    if (bytes.ptr == NULL)
        return true;
    must(at < COUNT_OF(held->rows));
    held->rows[at] = arena_printf(&held->arena, "%.*s%.*s", STR_ARG(name), STR_ARG(bytes));
    held->count += at == held->count ? 1 : 0;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void assert_holds(struct engine *engine, const char *expected)
{
    struct held held = {.count = 0};
    auto_buf text = {.ptr = NULL};
    struct fail f;

    arena_init(&held.arena, ARENA_LIMIT_DEFAULT);
    assert_true(engine->kind->load(engine, hold, &held, &f));
    qsort(held.rows, held.count, sizeof(*held.rows), by_text);
    for (size_t i = 0; i < held.count; i++)
        buf_printf(&text, "%.*s ", STR_ARG(held.rows[i]));
    buf_add_char(&text, '\0');
    assert_string_equal(text.ptr, expected);
    arena_free(&held.arena);
}

#define PUT(table, key, bytes)                                                                                         \
    {                                                                                                                  \
        table, STR_INIT(key), STR_INIT(bytes)                                                                          \
    }
#define REMOVE(table, key)                                                                                             \
    {                                                                                                                  \
        table, STR_INIT(key),                                                                                          \
        {                                                                                                              \
            NULL, 0                                                                                                    \
        }                                                                                                              \
    }

static void commit(struct engine *engine, const struct row *rows, size_t count)
{
    struct fail f;

    assert_true(engine->kind->commit(engine, rows, count, &f));
}

/* ---- the suite ---- */

static void what_is_committed_comes_back(void **state)
{
    static const struct row first[] = {PUT("a", "1", "one"), PUT("b", "1", "other"), PUT("a", "2", "")};
    static const struct row second[] = {PUT("a", "1", "changed"), REMOVE("b", "1"), REMOVE("b", "never there")};

    (void)state;
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();

        assert_holds(engine, "");
        commit(engine, first, COUNT_OF(first));
        assert_holds(engine, "a/1=one a/2= b/1=other ");
        commit(engine, second, COUNT_OF(second));
        commit(engine, NULL, 0);
        engine = subject->reopen(engine);
        assert_holds(engine, "a/1=changed a/2= ");
        engine->kind->close(engine);
    }
}

static void of_two_rows_with_a_key_the_later_wins(void **state)
{
    static const struct row rows[] = {PUT("a", "1", "early"), PUT("a", "1", "late"), PUT("a", "2", "there"),
                                      REMOVE("a", "2")};

    (void)state;
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();

        commit(engine, rows, COUNT_OF(rows));
        assert_holds(engine, "a/1=late ");
        engine->kind->close(engine);
    }
}

static const char raw[] = "\0\x1f\xff\0";

static bool is_raw(void *context, struct str table, struct str key, struct str bytes)
{
    size_t *count = context;
    struct str expected = {raw, sizeof(raw)};

    (*count)++;
    return str_is(table, "a") && str_eq(key, expected) && str_eq(bytes, expected);
}

static void keys_and_bytes_may_hold_anything(void **state)
{
    const struct row row = {"a", {raw, sizeof(raw)}, {raw, sizeof(raw)}};
    struct fail f;

    (void)state;
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();
        size_t count = 0;

        commit(engine, &row, 1);
        engine = subject->reopen(engine);
        assert_true(engine->kind->load(engine, is_raw, &count, &f));
        assert_int_equal(count, 1);
        engine->kind->close(engine);
    }
}

static bool refuse(void *context, struct str table, struct str key, struct str bytes)
{
    (void)context;
    (void)table;
    (void)key;
    (void)bytes;
    return false;
}

static void a_row_that_cannot_be_read_stops_the_load(void **state)
{
    static const struct row row = PUT("a", "1", "x");
    struct fail f;

    (void)state;
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();

        commit(engine, &row, 1);
        assert_false(engine->kind->load(engine, refuse, NULL, &f));
        engine->kind->close(engine);
    }
}

static void after_a_reset_there_is_nothing(void **state)
{
    static const struct row row = PUT("a", "1", "x");
    struct fail f;

    (void)state;
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();

        commit(engine, &row, 1);
        assert_true(engine->kind->reset(engine, &f));
        engine = subject->reopen(engine);
        assert_holds(engine, "");
        commit(engine, &row, 1);
        assert_holds(engine, "a/1=x ");
        engine->kind->close(engine);
    }
}

/* More rows than the SQLite engine keeps apart: over and over the same keys, some removed, in large commits and small.
 */
static void what_is_written_again_and_again_is_there_once(void **state)
{
    enum { LARGE = 5000, COMMITS = 8 };
    static const struct row pattern[] = {PUT("a", "1", "first"), PUT("a", "2", "there"), PUT("b", "1", "other"),
                                         PUT("a", "1", "last"), REMOVE("a", "2")};
    static struct row rows[LARGE];

    (void)state;
    for (size_t i = 0; i < LARGE; i++)
        rows[i] = pattern[i % COUNT_OF(pattern)];
    FOR_EACH_ENGINE(subject)
    {
        struct engine *engine = subject->open();

        for (size_t i = 0; i < COMMITS; i++) {
            commit(engine, rows, LARGE);
            assert_holds(engine, "a/1=last b/1=other ");
            commit(engine, pattern, 2);
            if (engine->kind->tidy != NULL)
                engine->kind->tidy(engine);
        }
        for (size_t i = 0; i < COMMITS; i++)
            commit(engine, rows, LARGE);
        commit(engine, pattern + 4, 1);
        engine = subject->reopen(engine);
        assert_holds(engine, "a/1=last b/1=other ");
        engine->kind->close(engine);
    }
}

/* ---- what only one of them can do ---- */

static void the_memory_engine_fails_as_often_as_it_is_told(void **state)
{
    static const struct row row = PUT("a", "1", "x");
    struct engine *engine = engine_memory_new();
    struct fail f;

    (void)state;
    engine_memory_fail(engine, 2);
    assert_false(engine->kind->commit(engine, &row, 1, &f));
    assert_false(engine->kind->commit(engine, &row, 1, &f));
    assert_holds(engine, "");
    commit(engine, &row, 1);
    assert_holds(engine, "a/1=x ");
    engine->kind->close(engine);
}

/* A file size limit is a disk that is full for this process only. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void a_full_disk_takes_all_or_nothing(void **state)
{
    static const struct row small = PUT("a", "1", "before");
    static const struct row after = PUT("a", "3", "after");
    size_t len = (size_t)1 << 20;
    char *large = calloc(1, len);
    const struct row rows[] = {PUT("a", "1", "gone"), {"a", STR_INIT("2"), {large, len}}};
    struct engine *engine = sqlite_open();
    struct fail f;

    (void)state;
    assert_non_null(large);
    (void)signal(SIGXFSZ, SIG_IGN);
    commit(engine, &small, 1);
    limit_files(256 << 10);
    assert_false(engine->kind->commit(engine, rows, COUNT_OF(rows), &f));
    assert_holds(engine, "a/1=before ");
    limit_files(RLIM_INFINITY);
    commit(engine, &after, 1);
    engine = sqlite_reopen(engine);
    assert_holds(engine, "a/1=before a/3=after ");
    engine->kind->close(engine);
    free(large);
}

/* Runs SQL on the file with an SQLite of its own. */
static void doctor_file(const char *sql)
{
    sqlite3 *db;

    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_close(db) == SQLITE_OK);
}

static void files_that_are_not_ours_are_left_alone(void **state)
{
    static const struct {
        const char *sql, *says;
    } rows[] = {
        {"CREATE TABLE theirs(x); PRAGMA application_id = 7", "not one of Berth's"},
        {"CREATE TABLE theirs(x)", "not one of Berth's"},
        {"CREATE TABLE row(x); PRAGMA application_id = 1111839316; PRAGMA user_version = 999", "newer Berth"},
    };
    struct engine *engine;
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)unlink(path);
        doctor_file(rows[i].sql);
        assert_false(engine_sqlite_open(path, &engine, &f));
        assert_int_equal(f.code, FAIL_CONFLICT);
        assert_non_null(strstr(f.message, rows[i].says));
        assert_non_null(strstr(f.message, path));
        doctor_file("SELECT count(*) FROM sqlite_master"); /* still a database that others can read */
    }
}

static void files_of_the_first_format_are_taken_over(void **state)
{
    static const struct row row = PUT("a", "1", "new");
    struct engine *engine;
    struct fail f;

    (void)state;
    (void)unlink(path);
    doctor_file("CREATE TABLE row(tab TEXT NOT NULL, key BLOB NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(tab, key))"
                " WITHOUT ROWID;"
                "INSERT INTO row VALUES('a', CAST('1' AS BLOB), CAST('old' AS BLOB)),"
                " ('a', CAST('2' AS BLOB), CAST('kept' AS BLOB));"
                "PRAGMA application_id = 1111839316; PRAGMA user_version = 1");
    assert_true(engine_sqlite_open(path, &engine, &f));
    assert_holds(engine, "a/1=old a/2=kept ");
    commit(engine, &row, 1);
    engine = sqlite_reopen(engine);
    assert_holds(engine, "a/1=new a/2=kept ");
    engine->kind->close(engine);
}

static void garbage_is_refused(void **state)
{
    struct engine *engine;
    struct fail f;
    FILE *file;

    (void)state;
    (void)unlink(path);
    file = fopen(path, "w");
    must(file != NULL);
    for (int i = 0; i < 1000; i++)
        must(fprintf(file, "this is no database %d\n", i) > 0);
    must(fclose(file) == 0);
    assert_false(engine_sqlite_open(path, &engine, &f));
    assert_int_equal(f.code, FAIL_SYSTEM);
}

static void a_second_process_is_kept_out(void **state)
{
    struct engine *engine = sqlite_open();
    struct engine *second;
    static const struct row row = PUT("a", "1", "x");
    struct fail f;

    (void)state;
    commit(engine, &row, 1);
    assert_false(engine_sqlite_open(path, &second, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    assert_non_null(strstr(f.message, "is open in another program: end that first"));
    engine->kind->close(engine);
}

static int make_directory(void **state)
{
    (void)state;
    must(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof(path), "%s/state.db", directory);
    return 0;
}

static int remove_directory(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char file[80];

        (void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_comes_back),
        cmocka_unit_test(of_two_rows_with_a_key_the_later_wins),
        cmocka_unit_test(keys_and_bytes_may_hold_anything),
        cmocka_unit_test(a_row_that_cannot_be_read_stops_the_load),
        cmocka_unit_test(after_a_reset_there_is_nothing),
        cmocka_unit_test(what_is_written_again_and_again_is_there_once),
        cmocka_unit_test(the_memory_engine_fails_as_often_as_it_is_told),
        cmocka_unit_test(a_full_disk_takes_all_or_nothing),
        cmocka_unit_test(files_that_are_not_ours_are_left_alone),
        cmocka_unit_test(files_of_the_first_format_are_taken_over),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_second_process_is_kept_out),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
