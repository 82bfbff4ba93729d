/* The metric store's file: opening and writing. Queries are in metric_store_read.c, ageing in metric_store_age.c.
 *
 * Two connections: one writes, one reads; SQLite's WAL lets them work at once. Life of an append: queued under the lock
 * -> the first thread that finds nobody writing takes the whole queue -> one transaction -> all its owners wake with
 * the outcome. */
#include "os/metric_store.h"

#include "base/must.h"
#include "base/when.h"
#include "os/database_file.h"
#include "os/metric_store_private.h"

#include <stdlib.h>

static const char writer_sql[] = "PRAGMA auto_vacuum = INCREMENTAL;"
                                 "PRAGMA journal_mode = WAL;"
                                 "PRAGMA synchronous = FULL;"
                                 "PRAGMA journal_size_limit = 67108864;"
                                 "PRAGMA secure_delete = OFF;"
                                 "PRAGMA cache_size = -4096;";

static const char reader_sql[] = "PRAGMA query_only = ON;"
                                 "PRAGMA cache_size = -2048;";

/* `at` is in seconds. `known`: the point's values are all in `samples`. */
static const char schema_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS series ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account TEXT NOT NULL, region TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    " dimensions TEXT NOT NULL, put_ms INTEGER NOT NULL,"
    " UNIQUE (account, region, namespace, name, dimensions));"
    "CREATE TABLE IF NOT EXISTS points ("
    " series INTEGER NOT NULL, at INTEGER NOT NULL, resolution INTEGER NOT NULL, unit TEXT NOT NULL,"
    " count REAL NOT NULL, sum REAL NOT NULL, min REAL NOT NULL, max REAL NOT NULL, known INTEGER NOT NULL,"
    " PRIMARY KEY (series, at, resolution, unit)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS points_by_age ON points (resolution, at);"
    "CREATE TABLE IF NOT EXISTS samples ("
    " series INTEGER NOT NULL, at INTEGER NOT NULL, resolution INTEGER NOT NULL, unit TEXT NOT NULL,"
    " value REAL NOT NULL, count REAL NOT NULL,"
    " PRIMARY KEY (series, at, resolution, unit, value)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS samples_by_age ON samples (resolution, at);"
    "COMMIT;";

/* Which points a query is about: parameters 1 to 5 are the series, the start, the end, the period and the unit. */
#define OF_QUERY " WHERE series = ?1 AND at >= ?2 AND at < ?3 AND resolution <= ?4 AND (?5 IS NULL OR unit = ?5)"
#define BUCKET   "(at - ?2) / ?4"
#define UNIT     "CASE WHEN ?6 THEN unit ELSE '' END"

static const char *const statement_sql[METRIC_STATEMENT_COUNT] = {
    [METRIC_BEGIN] = "BEGIN IMMEDIATE",
    [METRIC_COMMIT] = "COMMIT",
    [METRIC_ROLLBACK] = "ROLLBACK",
    [METRIC_SERIES_FIND] = "SELECT id FROM series WHERE account = ?1 AND region = ?2 AND namespace = ?3 AND name = ?4"
                           " AND dimensions = ?5",
    [METRIC_SERIES_COUNT] = "SELECT count(*) FROM series",
    [METRIC_SERIES_ADD] = "INSERT INTO series (account, region, namespace, name, dimensions, put_ms)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [METRIC_SERIES_TOUCH] = "UPDATE series SET put_ms = max(put_ms, ?2) WHERE id = ?1",
    [METRIC_POINT_ADD] = "INSERT INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET"
                         " count = count + excluded.count, sum = sum + excluded.sum, min = min(min, excluded.min),"
                         " max = max(max, excluded.max), known = min(known, excluded.known)",
    [METRIC_SAMPLE_ADD] = "INSERT INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
                          " count = count + excluded.count",
    [METRIC_POINTS] = "SELECT " BUCKET " AS bucket, " UNIT " AS u, sum(count), sum(sum), min(min), max(max), min(known)"
                      " FROM points" OF_QUERY " GROUP BY bucket, u ORDER BY bucket, u",
    [METRIC_SAMPLES] = "SELECT " BUCKET " AS bucket, " UNIT " AS u, value, sum(count)"
                       " FROM samples" OF_QUERY " GROUP BY bucket, u, value ORDER BY bucket, u, value",
    [METRIC_LIST] = "SELECT id, namespace, name, dimensions FROM series WHERE account = ?1 AND region = ?2 AND id > ?3"
                    " AND put_ms >= ?4 AND (?5 IS NULL OR namespace = ?5) AND (?6 IS NULL OR name = ?6) ORDER BY id",
    [METRIC_AGE_FIRST] = "SELECT min(at) FROM points WHERE resolution = ?1 AND at < ?2",
    [METRIC_AGE_POINTS] = "INSERT INTO points SELECT series, at / ?4 * ?4 AS t, ?4, unit, sum(count), sum(sum),"
                          " min(min), max(max), min(known) * ?5 FROM points WHERE resolution = ?1 AND at >= ?2"
                          " AND at < ?3 GROUP BY series, t, unit ON CONFLICT DO UPDATE SET"
                          " count = count + excluded.count, sum = sum + excluded.sum, min = min(min, excluded.min),"
                          " max = max(max, excluded.max), known = min(known, excluded.known)",
    [METRIC_AGE_SAMPLES] = "INSERT INTO samples SELECT series, at / ?4 * ?4 AS t, ?4, unit, value, sum(count)"
                           " FROM samples WHERE resolution = ?1 AND at >= ?2 AND at < ?3"
                           " GROUP BY series, t, unit, value ON CONFLICT DO UPDATE SET count = count + excluded.count",
    [METRIC_FORGET_POINTS] = "DELETE FROM points WHERE resolution = ?1 AND at >= ?2 AND at < ?3",
    [METRIC_FORGET_SAMPLES] = "DELETE FROM samples WHERE resolution = ?1 AND at >= ?2 AND at < ?3",
    [METRIC_FORGET_SERIES] = "DELETE FROM series WHERE put_ms < ?1"
                             " AND NOT EXISTS (SELECT 1 FROM points WHERE points.series = series.id)",
};

static const struct database_spec spec = {.name = "metric store",
                                          .writer_sql = writer_sql,
                                          .reader_sql = reader_sql,
                                          .schema_sql = schema_sql,
                                          .statement_sql = statement_sql,
                                          .statement_count = METRIC_STATEMENT_COUNT};

struct append_request {
    const struct metric_sample *samples;
    size_t count;
    int64_t now_ms;
    bool done, good;
    struct fail *fail;
    struct append_request *next;
};

/* -- Statements. */

static void bind_double(sqlite3_stmt *statement, int at, double value)
{
    must(sqlite3_bind_double(statement, at, value) == SQLITE_OK);
}

void metric_bind_key(sqlite3_stmt *statement, const struct metric_key *key)
{
    database_bind_str(statement, 1, key->account);
    database_bind_str(statement, 2, key->region);
    database_bind_str(statement, 3, key->namespace);
    database_bind_str(statement, 4, key->name);
    database_bind_str(statement, 5, key->dimensions.ptr == NULL ? STR("") : key->dimensions);
}

/* The first column of a statement that gives one row at most; 0 where there is none or it is NULL. */
bool metric_number(const struct database_connection *connection, sqlite3_stmt *statement, bool *ret_there,
                   int64_t *ret_value, struct fail *f)
{
    int answer = sqlite3_step(statement);

    if (answer != SQLITE_ROW && answer != SQLITE_DONE)
        return database_fail(connection, sqlite3_sql(statement), f);
    *ret_there = answer == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    *ret_value = *ret_there ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return true;
}

/* -- Opening and closing. */

static bool open_both(struct metric_store *store, bool *damaged, struct fail *f)
{
    *damaged = false;
    if (!database_file_make(store->path, f) ||
        !database_open(&spec, store->path, /* writer= */ true, &store->writer, damaged, f))
        return false;
    if (database_open(&spec, store->path, /* writer= */ false, &store->reader, damaged, f))
        return true;
    database_close(store->writer);
    return false;
}

static void store_free(struct metric_store *store)
{
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->reading);
    (void)pthread_cond_destroy(&store->changed);
    free(store->path);
    free(store);
}

static struct metric_store *store_new(const char *path)
{
    struct metric_store *store = calloc(1, sizeof(*store));

    must(store != NULL);
    store->path = strdup(path);
    must(store->path != NULL);
    store->waiting_last = &store->waiting;
    must(pthread_mutex_init(&store->lock, NULL) == 0);
    must(pthread_mutex_init(&store->reading, NULL) == 0);
    must(pthread_cond_init(&store->changed, NULL) == 0);
    return store;
}

bool metric_store_open(const char *path, struct metric_store **ret_store, bool *ret_set_aside, struct fail *f)
{
    struct metric_store *store = store_new(path);
    bool damaged;
    bool good = open_both(store, &damaged, f);
    bool replaced = false;

    if (!good && damaged && database_file_set_aside(path, f)) {
        good = open_both(store, &damaged, f);
        replaced = good;
    }
    if (!good) {
        store_free(store);
        return false;
    }
    *ret_store = store;
    *ret_set_aside = replaced;
    return true;
}

void metric_store_close(struct metric_store *store)
{
    must(!store->writing);
    database_close(store->reader);
    database_close(store->writer);
    store_free(store);
}

/* -- Writing. */

/* Commits when `good`, else (or when that fails) undoes everything; passes the outcome on. */
static bool finish(struct metric_store *store, bool good, struct fail *f)
{
    const struct database_connection *writer = store->writer;

    if (good && database_run(writer, database_statement(writer, METRIC_COMMIT), f))
        return true;
    if (sqlite3_get_autocommit(writer->db) == 0) /* else SQLite has rolled back by itself */
        (void)sqlite3_step(database_statement(writer, METRIC_ROLLBACK));
    return false;
}

static bool begin(struct metric_store *store, struct fail *f)
{
    return database_run(store->writer, database_statement(store->writer, METRIC_BEGIN), f);
}

bool metric_series_find(const struct database_connection *connection, const struct metric_key *key, bool *ret_there,
                        int64_t *ret_id, struct fail *f)
{
    sqlite3_stmt *find = database_statement(connection, METRIC_SERIES_FIND);

    metric_bind_key(find, key);
    return metric_number(connection, find, ret_there, ret_id, f);
}

static bool add_series(const struct database_connection *writer, const struct metric_key *key, int64_t now_ms,
                       int64_t *ret_id, struct fail *f)
{
    sqlite3_stmt *add;
    int64_t count;
    bool there;

    if (!metric_number(writer, database_statement(writer, METRIC_SERIES_COUNT), &there, &count, f))
        return false;
    if (count >= METRIC_STORE_SERIES_MAX)
        return fail(f, FAIL_LIMIT, "there are %d metrics already, and no more are kept", METRIC_STORE_SERIES_MAX);
    add = database_statement(writer, METRIC_SERIES_ADD);
    metric_bind_key(add, key);
    database_bind_int(add, 6, now_ms);
    if (!database_run(writer, add, f))
        return false;
    *ret_id = sqlite3_last_insert_rowid(writer->db);
    return true;
}

static bool touch_series(const struct database_connection *writer, int64_t id, int64_t now_ms, struct fail *f)
{
    sqlite3_stmt *touch = database_statement(writer, METRIC_SERIES_TOUCH);

    database_bind_int(touch, 1, id);
    database_bind_int(touch, 2, now_ms);
    return database_run(writer, touch, f);
}

/* Where a sample stands: parameters 1 to 4 of both tables. */
static void bind_place(sqlite3_stmt *statement, int64_t series, const struct metric_sample *sample)
{
    int64_t resolution = sample->high_resolution ? 1 : 60;

    database_bind_int(statement, 1, series);
    database_bind_int(statement, 2, sample->at_ms / SECOND_MS / resolution * resolution);
    database_bind_int(statement, 3, resolution);
    database_bind_str(statement, 4, sample->unit);
}

static bool add_sample(const struct database_connection *writer, int64_t series, const struct metric_sample *sample,
                       struct fail *f)
{
    sqlite3_stmt *add = database_statement(writer, METRIC_POINT_ADD);

    bind_place(add, series, sample);
    bind_double(add, 5, sample->statistics.count);
    bind_double(add, 6, sample->statistics.sum);
    bind_double(add, 7, sample->statistics.min);
    bind_double(add, 8, sample->statistics.max);
    database_bind_int(add, 9, sample->values != NULL);
    if (!database_run(writer, add, f))
        return false;
    for (size_t i = 0; sample->values != NULL && i < sample->value_count; i++) {
        add = database_statement(writer, METRIC_SAMPLE_ADD);
        bind_place(add, series, sample);
        bind_double(add, 5, sample->values[i].value);
        bind_double(add, 6, sample->values[i].count);
        if (!database_run(writer, add, f))
            return false;
    }
    return true;
}

static bool append_one(struct metric_store *store, const struct append_request *request, struct fail *f)
{
    const struct database_connection *writer = store->writer;

    for (size_t i = 0; i < request->count; i++) {
        const struct metric_sample *sample = &request->samples[i];
        bool there;
        int64_t series;

        if (!metric_series_find(writer, &sample->key, &there, &series, f) ||
            !(there ? touch_series(writer, series, request->now_ms, f)
                    : add_series(writer, &sample->key, request->now_ms, &series, f)) ||
            !add_sample(writer, series, sample, f))
            return false;
    }
    return true;
}

/* One transaction for the requests up to *last. */
static bool append_together(struct metric_store *store, const struct append_request *first, struct fail *f)
{
    bool good = begin(store, f);

    if (!good)
        return false;
    for (const struct append_request *at = first; at != NULL && good; at = at->next)
        good = append_one(store, at, f);
    return finish(store, good, f);
}

/* Together; where that fails for one that asks for too much, each for itself. */
static void append_all(struct metric_store *store, struct append_request *first)
{
    struct fail why;
    bool good = append_together(store, first, &why);
    bool apart = !good && why.code == FAIL_LIMIT && first->next != NULL;

    for (struct append_request *at = first; at != NULL; at = at->next) {
        if (apart) {
            struct append_request alone = {.samples = at->samples, .count = at->count, .now_ms = at->now_ms};

            good = append_together(store, &alone, &why);
        }
        at->good = good;
        if (!good)
            *at->fail = why;
    }
}

static void writer_take(struct metric_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    while (store->writing)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    store->writing = true;
    (void)pthread_mutex_unlock(&store->lock);
}

static void writer_return(struct metric_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->writing = false;
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
}

bool metric_write_once(struct metric_store *store,
                       bool (*step)(struct metric_store *store, void *context, struct fail *f), void *context,
                       struct fail *f)
{
    bool good;

    writer_take(store);
    good = begin(store, f) && finish(store, step(store, context, f), f);
    writer_return(store);
    return good;
}

/* Queues the request, and waits until it is done or nobody writes: then the queue is the caller's to write. */
static struct append_request *queue(struct metric_store *store, struct append_request *request)
{
    struct append_request *taken = NULL;

    (void)pthread_mutex_lock(&store->lock);
    *store->waiting_last = request;
    store->waiting_last = &request->next;
    while (!request->done && store->writing)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    if (!request->done) {
        store->writing = true;
        taken = store->waiting;
        store->waiting = NULL;
        store->waiting_last = &store->waiting;
    }
    (void)pthread_mutex_unlock(&store->lock);
    return taken;
}

bool metric_store_append(struct metric_store *store, const struct metric_sample *samples, size_t count, int64_t now_ms,
                         struct fail *f)
{
    struct append_request request = {.samples = samples, .count = count, .now_ms = now_ms, .fail = f};
    struct append_request *taken = queue(store, &request);

    if (taken == NULL)
        return request.good;
    append_all(store, taken);
    (void)pthread_mutex_lock(&store->lock);
    while (taken != NULL) {
        struct append_request *next = taken->next;

        taken->done = true; /* its thread may go on, and its request vanish, once the lock is free */
        taken = next;
    }
    store->writing = false;
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
    return request.good;
}

static bool forget_everything(struct metric_store *store, void *context, struct fail *f)
{
    (void)context;
    return sqlite3_exec(store->writer->db, "DELETE FROM samples; DELETE FROM points; DELETE FROM series;", NULL, NULL,
                        NULL) == SQLITE_OK ||
           database_fail(store->writer, "reset", f);
}

bool metric_store_reset(struct metric_store *store, struct fail *f)
{
    return metric_write_once(store, forget_everything, NULL, f);
}
