/* The embedded engine: one SQLite file with two tables.
 *
 * A commit adds its rows to the end of `news`: a few pages, one behind the other, where putting each row at its place
 * would touch two pages a row (docs/decisions/0082). `news` is folded into `row`, of each key the last, when it has
 * grown large, and in a quiet moment.
 *
 * Exception to "no I/O in core/": engines are I/O. They run on the store thread and see no record. */
#include "base/must.h"
#include "core/engine.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { APPLICATION_ID = 0x42455254 /* "BERT" */, FORMAT = 2 };

/* Pages in SQLite's log: from which on a quiet moment is used to empty it, and from which on a commit does it. */
enum { LOG_PAGES_TIDY = 250, LOG_PAGES_MAX = 4000 };

/* Rows in `news`: the same two. Folding that many takes tens of milliseconds where the pages are at hand. */
enum { NEWS_TIDY = 250, NEWS_MAX = 16000 };

struct sqlite_engine {
    struct engine engine;
    sqlite3 *db;
    sqlite3_stmt *add, *begin, *commit, *rollback;
    int log_pages; /* since the log was emptied */
    size_t news;   /* rows in it */
};

static bool broken(struct sqlite_engine *engine, const char *what, struct fail *f)
{
    int code = sqlite3_errcode(engine->db);

    return fail(f, code == SQLITE_FULL ? FAIL_LIMIT : FAIL_SYSTEM, "state database: %s: %s", what,
                sqlite3_errmsg(engine->db));
}

static bool run(struct sqlite_engine *engine, const char *sql, struct fail *f)
{
    if (sqlite3_exec(engine->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return broken(engine, sql, f);
    return true;
}

static bool step(struct sqlite_engine *engine, sqlite3_stmt *statement, const char *what, struct fail *f)
{
    int code = sqlite3_step(statement);
    bool done = code == SQLITE_DONE || code == SQLITE_ROW;

    if (!done)
        (void)broken(engine, what, f);
    (void)sqlite3_reset(statement);
    return done;
}

static bool write_row(struct sqlite_engine *engine, const struct row *row, struct fail *f)
{
    (void)sqlite3_bind_text(engine->add, 1, row->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(engine->add, 2, row->key.ptr, row->key.len, SQLITE_STATIC);
    if (row->bytes.ptr != NULL)
        (void)sqlite3_bind_blob64(engine->add, 3, row->bytes.ptr, row->bytes.len, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(engine->add, 3);
    return step(engine, engine->add, "write", f);
}

/* Ends the transaction: true only when all of it is durable. */
static bool end(struct sqlite_engine *engine, bool good, struct fail *f)
{
    if (good && step(engine, engine->commit, "commit", f))
        return true;
    (void)sqlite3_step(engine->rollback); /* fails when SQLite has rolled back by itself, as on a full disk */
    (void)sqlite3_reset(engine->rollback);
    return false;
}

/* In the order of keys, so that each page is written once. */
static bool fold(struct sqlite_engine *engine, struct fail *f)
{
    bool good = step(engine, engine->begin, "begin", f) &&
                run(engine,
                    "DELETE FROM row WHERE (tab, key) IN (SELECT tab, key FROM news WHERE bytes IS NULL);"
                    "INSERT OR REPLACE INTO row(tab, key, bytes) SELECT news.tab, news.key, bytes"
                    " FROM (SELECT tab, key, max(number) AS last FROM news GROUP BY tab, key) CROSS JOIN news"
                    " ON number = last WHERE bytes IS NOT NULL;"
                    "DELETE FROM news",
                    f);

    if (!end(engine, good, f))
        return false;
    engine->news = 0;
    return true;
}

static bool sqlite_commit(struct engine *base, const struct row *rows, size_t count, struct fail *f)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    bool good = step(engine, engine->begin, "begin", f);
    struct fail later;

    for (size_t i = 0; good && i < count; i++)
        good = write_row(engine, &rows[i], f);
    if (!end(engine, good, f))
        return false;
    engine->news += count;
    if (engine->news >= NEWS_MAX)
        (void)fold(engine, &later); /* on a full disk the next commit tries again */
    return true;
}

static struct str column(sqlite3_stmt *statement, int at)
{
    const void *bytes = sqlite3_column_blob(statement, at);
    size_t len = (size_t)sqlite3_column_bytes(statement, at);

    if (sqlite3_column_type(statement, at) == SQLITE_NULL)
        return (struct str){.ptr = NULL};
    return (struct str){bytes == NULL ? "" : bytes, len};
}

static bool load_from(struct sqlite_engine *engine, const char *sql, engine_row_fn *row, void *context, struct fail *f)
{
    sqlite3_stmt *statement;
    bool good = true;
    int code;

    if (sqlite3_prepare_v2(engine->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return broken(engine, "read", f);
    while (good && (code = sqlite3_step(statement)) != SQLITE_DONE) {
        if (code != SQLITE_ROW)
            good = broken(engine, "read", f);
        else if (!row(context, column(statement, 0), column(statement, 1), column(statement, 2)))
            good = fail(f, FAIL_INPUT, "state database: a row of table %.*s cannot be read",
                        STR_ARG(column(statement, 0)));
    }
    (void)sqlite3_finalize(statement);
    return good;
}

/* What is in `news` is read from there: to fold it first would make a server that was killed wait seconds for its
 * disk. */
static bool sqlite_load(struct engine *base, engine_row_fn *row, void *context, struct fail *f)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;

    return load_from(engine, "SELECT tab, key, bytes FROM row", row, context, f) &&
           load_from(engine, "SELECT tab, key, bytes FROM news ORDER BY number", row, context, f);
}

static bool sqlite_reset(struct engine *base, struct fail *f)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    bool good = step(engine, engine->begin, "begin", f) && run(engine, "DELETE FROM row; DELETE FROM news", f);

    if (!end(engine, good, f))
        return false;
    engine->news = 0;
    return true;
}

static int count_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_engine *engine = context;

    engine->log_pages = pages;
    if (pages >= LOG_PAGES_MAX)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* Both take tens of milliseconds: better when nobody waits for a commit. */
static void sqlite_tidy(struct engine *base)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    struct fail f;

    if (engine->news >= NEWS_TIDY)
        (void)fold(engine, &f); /* on a full disk the next quiet moment tries again */
    if (engine->log_pages < LOG_PAGES_TIDY)
        return;
    (void)sqlite3_wal_checkpoint_v2(engine->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    engine->log_pages = 0;
}

static void sqlite_close(struct engine *base)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    sqlite3_stmt *statements[] = {engine->add, engine->begin, engine->commit, engine->rollback};

    for (size_t i = 0; i < COUNT_OF(statements); i++)
        (void)sqlite3_finalize(statements[i]);
    (void)sqlite3_close(engine->db);
    free(engine);
}

static bool read_number(struct sqlite_engine *engine, const char *pragma, int *ret_value, struct fail *f)
{
    sqlite3_stmt *statement;
    bool good;

    if (sqlite3_prepare_v2(engine->db, pragma, -1, &statement, NULL) != SQLITE_OK)
        return broken(engine, pragma, f);
    good = sqlite3_step(statement) == SQLITE_ROW;
    if (good)
        *ret_value = sqlite3_column_int(statement, 0);
    else
        (void)broken(engine, pragma, f);
    (void)sqlite3_finalize(statement);
    return good;
}

/* A new file is marked as ours; any other must carry the mark and a format that we know. */
static bool claim(struct sqlite_engine *engine, const char *path, struct fail *f)
{
    int application;
    int format;
    int tables;

    if (!read_number(engine, "SELECT count(*) FROM sqlite_master", &tables, f) ||
        !read_number(engine, "PRAGMA application_id", &application, f) ||
        !read_number(engine, "PRAGMA user_version", &format, f)) {
        if (sqlite3_errcode(engine->db) == SQLITE_BUSY)
            return fail(f, FAIL_CONFLICT, "%s is open in another program: end that first", path);
        return fail_in(f, "%s cannot be read: move it away to begin anew, or bring back a copy of it", path);
    }
    if (tables == 0 && application == 0)
        return run(engine, "PRAGMA application_id = 1111839316; PRAGMA user_version = 2", f);
    if (application != APPLICATION_ID)
        return fail(f, FAIL_CONFLICT, "%s is a SQLite file, but not one of Berth's", path);
    if (format > FORMAT)
        return fail(f, FAIL_CONFLICT, "%s was written by a newer Berth (format %d, this one knows %d)", path, format,
                    FORMAT);
    return format == FORMAT || run(engine, "PRAGMA user_version = 2", f); /* 1 had no news */
}

static bool prepare(struct sqlite_engine *engine, struct fail *f)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } rows[] = {
        {&engine->add, "INSERT INTO news(tab, key, bytes) VALUES(?1, ?2, ?3)"},
        {&engine->begin, "BEGIN IMMEDIATE"},
        {&engine->commit, "COMMIT"},
        {&engine->rollback, "ROLLBACK"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (sqlite3_prepare_v3(engine->db, rows[i].sql, -1, SQLITE_PREPARE_PERSISTENT, rows[i].statement, NULL) !=
            SQLITE_OK)
            return broken(engine, rows[i].sql, f);
    return true;
}

bool engine_sqlite_open(const char *path, struct engine **ret_engine, struct fail *f)
{
    static const struct engine_kind kind = {"sqlite",     sqlite_load, sqlite_commit,
                                            sqlite_reset, sqlite_tidy, sqlite_close};
    struct sqlite_engine *engine = calloc(1, sizeof(*engine));
    int news;

    must(engine != NULL);
    engine->engine.kind = &kind;
    if (sqlite3_open_v2(path, &engine->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        (void)broken(engine, path, f);
    else if (run(engine, "PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE", f) && claim(engine, path, f) &&
             run(engine,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048; PRAGMA temp_store = "
                 "MEMORY;"
                 "CREATE TABLE IF NOT EXISTS row(tab TEXT NOT NULL, key BLOB NOT NULL, bytes BLOB NOT NULL, "
                 "PRIMARY KEY(tab, key)) WITHOUT ROWID;"
                 "CREATE TABLE IF NOT EXISTS news(number INTEGER PRIMARY KEY, tab TEXT NOT NULL, key BLOB NOT NULL, "
                 "bytes BLOB)",
                 f) &&
             read_number(engine, "SELECT count(*) FROM news", &news, f) && prepare(engine, f)) {
        engine->news = (size_t)news;
        (void)sqlite3_wal_hook(engine->db, count_pages, engine); /* instead of SQLite's own, at 1000 pages */
        *ret_engine = &engine->engine;
        return true;
    }
    sqlite_close(&engine->engine);
    return false;
}
