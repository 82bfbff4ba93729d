/* The log store's file: opening, connections, writing. Queries are in log_store_read.c, forgetting in
 * log_store_forget.c.
 *
 * One file for all groups, one row an event, clustered by (stream, timestamp, ordinal). Measured on 2 cores with
 * batches of 100 events of 150 bytes (`bench_log_store`, and the same loop over other layouts): one file 260,000 to
 * 320,000 events/s, a file per group 360,000 with four writers; events in a rowid table behind an index were no faster
 * to append and 1.4 times slower to delete. The third that a file per group wins is not worth three descriptors and a
 * cache for each of thousands of groups. Pages of 8 KiB beat 4 and 16.
 *
 * Life of an append: queued under the lock -> the first thread that finds nobody writing takes the whole queue ->
 * one transaction -> all its owners wake with the outcome. */
#include "os/log_store.h"

#include "base/must.h"
#include "os/database_file.h"
#include "os/log_store_private.h"

/* secure_delete is a default of Debian's SQLite: zeroing pages that a log drops doubles the cost of retention. */
static const char writer_sql[] = "PRAGMA page_size = 8192;"
                                 "PRAGMA auto_vacuum = INCREMENTAL;"
                                 "PRAGMA journal_mode = WAL;"
                                 "PRAGMA synchronous = NORMAL;"
                                 "PRAGMA wal_autocheckpoint = 4000;"
                                 "PRAGMA journal_size_limit = 67108864;"
                                 "PRAGMA secure_delete = OFF;"
                                 "PRAGMA cache_size = -4096;";

static const char reader_sql[] = "PRAGMA query_only = ON;"
                                 "PRAGMA cache_size = -2048;";

/* `doomed` names deleted streams whose events are still to be removed. AUTOINCREMENT: an id is never used twice, so a
 * new stream cannot inherit them. */
static const char schema_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS streams ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, stream TEXT NOT NULL,"
    " first_ms INTEGER, last_ms INTEGER,"
    " ingestion_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, last_ordinal INTEGER NOT NULL,"
    " last_request TEXT NOT NULL DEFAULT '',"
    " UNIQUE (account, region, log_group, stream));"
    "CREATE TABLE IF NOT EXISTS events ("
    " stream INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL, ordinal INTEGER NOT NULL,"
    " ingestion_ms INTEGER NOT NULL, message BLOB NOT NULL,"
    " PRIMARY KEY (stream, timestamp_ms, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS doomed (stream INTEGER PRIMARY KEY);"
    "COMMIT;";

#define IN_GROUP " WHERE account = ?1 AND region = ?2 AND log_group = ?3"

static const char *const statement_sql[LOG_STATEMENT_COUNT] = {
    [LOG_BEGIN_READ] = "BEGIN",
    [LOG_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [LOG_COMMIT] = "COMMIT",
    [LOG_ROLLBACK] = "ROLLBACK",
    [LOG_STREAM_FIND] =
        "SELECT id, first_ms, last_ms, ingestion_ms, bytes, last_request FROM streams" IN_GROUP " AND stream = ?4",
    [LOG_STREAM_ADD] = "INSERT INTO streams (account, region, log_group, stream, ingestion_ms, bytes, last_ordinal)"
                       " VALUES (?1, ?2, ?3, ?4, 0, 0, 0)",
    [LOG_STREAM_GREW] = "UPDATE streams SET first_ms = min(ifnull(first_ms, ?2), ?2),"
                        " last_ms = max(ifnull(last_ms, ?3), ?3), ingestion_ms = max(ingestion_ms, ?4),"
                        " bytes = bytes + ?5, last_ordinal = ?6, last_request = ?7 WHERE id = ?1",
    [LOG_EVENT_ADD] = "INSERT INTO events (stream, timestamp_ms, ordinal, ingestion_ms, message)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)",
    [LOG_EVENTS_UP] = "SELECT timestamp_ms, ordinal, ingestion_ms, message FROM events WHERE stream = ?1"
                      " AND (timestamp_ms, ordinal) >= (?2, ?3) AND (timestamp_ms, ordinal) < (?4, ?5)"
                      " ORDER BY timestamp_ms, ordinal",
    [LOG_EVENTS_DOWN] = "SELECT timestamp_ms, ordinal, ingestion_ms, message FROM events WHERE stream = ?1"
                        " AND (timestamp_ms, ordinal) >= (?2, ?3) AND (timestamp_ms, ordinal) < (?4, ?5)"
                        " ORDER BY timestamp_ms DESC, ordinal DESC",
    [LOG_GROUP_STREAMS] = "SELECT id, stream, first_ms FROM streams" IN_GROUP " AND last_ms >= ?4 AND first_ms < ?5",
    [LOG_GROUP_STATS] = "SELECT stream, first_ms, last_ms, ingestion_ms, bytes FROM streams" IN_GROUP,
    [LOG_GROUP_BYTES] = "SELECT ifnull(sum(bytes), 0) FROM streams" IN_GROUP,
    [LOG_STREAM_DOOM] = "INSERT INTO doomed SELECT id FROM streams" IN_GROUP " AND stream = ?4",
    [LOG_STREAM_DELETE] = "DELETE FROM streams" IN_GROUP " AND stream = ?4",
    [LOG_GROUP_DOOM] = "INSERT INTO doomed SELECT id FROM streams" IN_GROUP,
    [LOG_GROUP_DELETE] = "DELETE FROM streams" IN_GROUP,
    [LOG_GROUP_EXPIRED] = "SELECT id FROM streams" IN_GROUP " AND first_ms < ?4 LIMIT 1",
    [LOG_SLICE] = "SELECT timestamp_ms, ordinal, length(message) FROM events WHERE stream = ?1 AND timestamp_ms <= ?2"
                  " ORDER BY timestamp_ms, ordinal LIMIT ?3",
    [LOG_SLICE_DELETE] = "DELETE FROM events WHERE stream = ?1 AND (timestamp_ms, ordinal) <= (?2, ?3)",
    [LOG_STREAM_SHRANK] = "UPDATE streams SET bytes = bytes - ?2,"
                          " first_ms = (SELECT min(timestamp_ms) FROM events WHERE stream = ?1),"
                          " last_ms = (SELECT max(timestamp_ms) FROM events WHERE stream = ?1) WHERE id = ?1",
    [LOG_STREAMS_ALL] = "SELECT id, account, region, log_group, stream FROM streams",
    [LOG_ID_DOOM] = "INSERT INTO doomed VALUES (?1)",
    [LOG_ID_DELETE] = "DELETE FROM streams WHERE id = ?1",
    [LOG_DOOMED_NEXT] = "SELECT stream FROM doomed LIMIT 1",
    [LOG_DOOMED_DONE] = "DELETE FROM doomed WHERE stream = ?1",
};

static const struct database_spec spec = {.name = "log store",
                                          .writer_sql = writer_sql,
                                          .reader_sql = reader_sql,
                                          .schema_sql = schema_sql,
                                          .statement_sql = statement_sql,
                                          .statement_count = LOG_STATEMENT_COUNT};

struct log_append_request {
    const struct log_append *batch;
    uint64_t ordinal; /* of its first event, once committed */
    bool done;
    bool good;
    struct fail *fail;
    struct log_append_request *next;
};

/* -- Statements. */

static bool run(const struct database_connection *connection, enum log_statement which, struct fail *f)
{
    return database_run(connection, database_statement(connection, which), f);
}

void log_bind_str(sqlite3_stmt *statement, int at, struct str value)
{
    database_bind_str(statement, at, value.ptr == NULL ? STR("") : value);
}

void log_bind_group(sqlite3_stmt *statement, const struct log_group_key *group)
{
    log_bind_str(statement, 1, group->account);
    log_bind_str(statement, 2, group->region);
    log_bind_str(statement, 3, group->group);
}

void log_bind_stream(sqlite3_stmt *statement, const struct log_stream_key *key)
{
    log_bind_group(statement, &key->group);
    log_bind_str(statement, 4, key->stream);
}

struct str log_column_str(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column);

    if (bytes == NULL)
        return STR("");
    return (struct str){bytes, (size_t)sqlite3_column_bytes(statement, column)};
}

bool log_stream_row(const struct database_connection *connection, const struct log_stream_key *key,
                    sqlite3_stmt **ret_row, struct fail *f)
{
    sqlite3_stmt *find = database_statement(connection, LOG_STREAM_FIND);
    int answer;

    log_bind_stream(find, key);
    answer = sqlite3_step(find);
    if (answer != SQLITE_ROW && answer != SQLITE_DONE)
        return database_fail(connection, "find stream", f);
    *ret_row = answer == SQLITE_ROW ? find : NULL;
    return true;
}

/* -- Connections. */

static bool find_next_ordinal(struct log_store *store, struct fail *f)
{
    sqlite3_stmt *last = NULL;

    if (sqlite3_prepare_v2(store->writer->db, "SELECT ifnull(max(last_ordinal), 0) FROM streams", -1, &last, NULL) !=
            SQLITE_OK ||
        sqlite3_step(last) != SQLITE_ROW) {
        (void)sqlite3_finalize(last);
        return database_fail(store->writer, "find last ordinal", f);
    }
    store->next_ordinal = (uint64_t)sqlite3_column_int64(last, 0) + 1;
    (void)sqlite3_finalize(last);
    return true;
}

/* *damaged as in database_open. */
static bool open_writer(struct log_store *store, bool *damaged, struct fail *f)
{
    *damaged = false;
    if (!database_file_make(store->path, f) || !database_open(&spec, store->path, true, &store->writer, damaged, f))
        return false;
    if (find_next_ordinal(store, f))
        return true;
    *damaged = sqlite3_errcode(store->writer->db) == SQLITE_CORRUPT;
    database_close(store->writer);
    store->writer = NULL;
    return false;
}

static void store_free(struct log_store *store)
{
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_cond_destroy(&store->changed);
    free(store->path);
    free(store);
}

static struct log_store *store_new(const char *path)
{
    struct log_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return NULL;
    store->path = strdup(path);
    if (store->path == NULL) {
        free(store);
        return NULL;
    }
    store->waiting_last = &store->waiting;
    must(pthread_mutex_init(&store->lock, NULL) == 0);
    must(pthread_cond_init(&store->changed, NULL) == 0);
    return store;
}

bool log_store_open(const char *path, struct log_store **ret_store, bool *ret_set_aside, struct fail *f)
{
    struct log_store *store = store_new(path);
    bool damaged;
    bool set_aside = false;

    if (store == NULL)
        return fail(f, FAIL_SYSTEM, "log store: out of memory");
    if (!open_writer(store, &damaged, f)) {
        if (damaged && database_file_set_aside(path, f))
            set_aside = open_writer(store, &damaged, f);
        if (!set_aside) {
            store_free(store);
            return false;
        }
    }
    *ret_store = store;
    *ret_set_aside = set_aside;
    return true;
}

static void close_readers(struct log_store *store)
{
    while (store->idle_count > 0)
        database_close(store->idle[--store->idle_count]);
}

void log_store_close(struct log_store *store)
{
    if (store == NULL)
        return;
    must(!store->writing);
    must(store->readers_busy == 0);
    close_readers(store);
    database_close(store->writer);
    store_free(store);
}

bool log_reader_take(struct log_store *store, struct database_connection **ret_reader, struct fail *f)
{
    struct database_connection *reader = NULL;
    bool damaged;

    (void)pthread_mutex_lock(&store->lock);
    while (store->replacing || store->readers_busy == LOG_READERS_MAX)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    store->readers_busy++;
    if (store->idle_count > 0)
        reader = store->idle[--store->idle_count];
    (void)pthread_mutex_unlock(&store->lock);

    if ((reader == NULL && !database_open(&spec, store->path, false, &reader, &damaged, f)) ||
        !run(reader, LOG_BEGIN_READ, f)) {
        log_reader_return(store, reader);
        return false;
    }
    *ret_reader = reader;
    return true;
}

void log_reader_return(struct log_store *store, struct database_connection *reader)
{
    struct fail ignored;
    bool reusable = reader != NULL;

    if (reader != NULL) {
        for (size_t i = 0; i < LOG_STATEMENT_COUNT; i++)
            (void)database_statement(reader, (enum log_statement)i);
        /* Nothing was written: ending the transaction cannot lose anything, only the connection can be broken. */
        reusable = sqlite3_get_autocommit(reader->db) != 0 || run(reader, LOG_ROLLBACK, &ignored);
    }
    (void)pthread_mutex_lock(&store->lock);
    store->readers_busy--;
    if (reusable)
        store->idle[store->idle_count++] = reader;
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->lock);
    if (!reusable)
        database_close(reader);
}

/* -- Writing. */

void log_writer_take(struct log_store *store)
{
    while (store->writing)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    store->writing = true;
}

void log_writer_return(struct log_store *store)
{
    store->writing = false;
    (void)pthread_cond_broadcast(&store->changed);
}

static bool begin(struct log_store *store, struct fail *f)
{
    if (store->writer == NULL)
        return fail(f, FAIL_SYSTEM, "log store: %s could not be opened again after a reset", store->path);
    return run(store->writer, LOG_BEGIN_WRITE, f);
}

/* Commits when `good`, else (or when that fails) undoes everything; passes the outcome on. */
static bool finish(struct log_store *store, bool good, struct fail *f)
{
    struct fail ignored;

    if (good && run(store->writer, LOG_COMMIT, f))
        return true;
    if (store->writer != NULL && sqlite3_get_autocommit(store->writer->db) == 0 &&
        !run(store->writer, LOG_ROLLBACK, &ignored))
        (void)database_statement(store->writer, LOG_ROLLBACK); /* SQLite has rolled back by itself */
    return false;
}

/* *ret_taken: the stream has taken this very request already. */
static bool find_or_add_stream(const struct database_connection *writer, const struct log_append *batch,
                               int64_t *ret_id, bool *ret_taken, struct fail *f)
{
    sqlite3_stmt *row;
    sqlite3_stmt *add;

    if (!log_stream_row(writer, &batch->stream, &row, f))
        return false;
    *ret_taken = row != NULL && batch->request.len > 0 && str_eq(log_column_str(row, 5), batch->request);
    if (row != NULL) {
        *ret_id = sqlite3_column_int64(row, 0);
        (void)sqlite3_reset(row);
        return true;
    }
    add = database_statement(writer, LOG_STREAM_ADD);
    log_bind_stream(add, &batch->stream);
    if (!database_run(writer, add, f))
        return false;
    *ret_id = sqlite3_last_insert_rowid(writer->db);
    return true;
}

static bool add_events(struct log_store *store, const struct log_append *batch, int64_t stream, struct fail *f)
{
    sqlite3_stmt *add = database_statement(store->writer, LOG_EVENT_ADD);

    database_bind_int(add, 1, stream);
    database_bind_int(add, 4, batch->ingestion_ms);
    for (size_t i = 0; i < batch->count; i++) {
        struct str message = batch->events[i].message;

        database_bind_int(add, 2, batch->events[i].timestamp_ms);
        database_bind_int(add, 3, (int64_t)store->next_ordinal++);
        if (sqlite3_bind_blob64(add, 5, message.ptr == NULL ? "" : message.ptr, message.len, SQLITE_STATIC) !=
            SQLITE_OK)
            return database_fail(store->writer, "bind message", f);
        if (!database_run(store->writer, add, f))
            return false;
    }
    return true;
}

static bool add_to_stats(struct log_store *store, const struct log_append *batch, int64_t stream, struct fail *f)
{
    sqlite3_stmt *grew = database_statement(store->writer, LOG_STREAM_GREW);
    int64_t first_ms = INT64_MAX;
    int64_t last_ms = INT64_MIN;
    uint64_t bytes = 0;

    for (size_t i = 0; i < batch->count; i++) {
        int64_t when_ms = batch->events[i].timestamp_ms;

        first_ms = when_ms < first_ms ? when_ms : first_ms;
        last_ms = when_ms > last_ms ? when_ms : last_ms;
        bytes += batch->events[i].message.len + LOG_EVENT_OVERHEAD_BYTES;
    }
    database_bind_int(grew, 1, stream);
    database_bind_int(grew, 2, first_ms);
    database_bind_int(grew, 3, last_ms);
    database_bind_int(grew, 4, batch->ingestion_ms);
    database_bind_int(grew, 5, (int64_t)bytes);
    database_bind_int(grew, 6, (int64_t)store->next_ordinal - 1);
    log_bind_str(grew, 7, batch->request);
    return database_run(store->writer, grew, f);
}

static bool append_one(struct log_store *store, struct log_append_request *request, struct fail *f)
{
    int64_t stream;
    bool taken;

    request->ordinal = store->next_ordinal;
    if (!find_or_add_stream(store->writer, request->batch, &stream, &taken, f))
        return false;
    return taken || (add_events(store, request->batch, stream, f) && add_to_stats(store, request->batch, stream, f));
}

/* One transaction for all; they succeed or fail together (a batch cannot fail for a reason of its own). */
static void append_all(struct log_store *store, struct log_append_request *first)
{
    uint64_t ordinal_before = store->next_ordinal;
    struct fail why;
    bool good = begin(store, &why);

    if (good) {
        for (struct log_append_request *at = first; at != NULL && good; at = at->next)
            good = append_one(store, at, &why);
        good = finish(store, good, &why);
    }
    if (!good)
        store->next_ordinal = ordinal_before;
    for (struct log_append_request *at = first; at != NULL; at = at->next) {
        at->good = good;
        if (!good)
            *at->fail = why;
    }
}

bool log_store_append(struct log_store *store, const struct log_append *batch, uint64_t *ret_ordinal, struct fail *f)
{
    struct log_append_request request = {.batch = batch, .fail = f};
    struct log_append_request *taken;

    if (batch->count == 0) {
        *ret_ordinal = 0;
        return true;
    }
    (void)pthread_mutex_lock(&store->lock);
    *store->waiting_last = &request;
    store->waiting_last = &request.next;
    while (!request.done && store->writing)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    if (!request.done) {
        log_writer_take(store);
        taken = store->waiting;
        store->waiting = NULL;
        store->waiting_last = &store->waiting;
        (void)pthread_mutex_unlock(&store->lock);
        append_all(store, taken);
        (void)pthread_mutex_lock(&store->lock);
        while (taken != NULL) {
            struct log_append_request *next = taken->next;

            taken->done = true; /* its thread may go on, and its request vanish, once the lock is free */
            taken = next;
        }
        log_writer_return(store);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (request.good)
        *ret_ordinal = request.ordinal;
    return request.good;
}

bool log_write_once(struct log_store *store, bool (*step)(struct log_store *store, void *context, struct fail *f),
                    void *context, struct fail *f)
{
    bool good;

    (void)pthread_mutex_lock(&store->lock);
    log_writer_take(store);
    (void)pthread_mutex_unlock(&store->lock);
    good = begin(store, f) && finish(store, step(store, context, f), f);
    (void)pthread_mutex_lock(&store->lock);
    log_writer_return(store);
    (void)pthread_mutex_unlock(&store->lock);
    return good;
}

bool log_store_reset(struct log_store *store, struct fail *f)
{
    bool damaged;
    bool good;

    (void)pthread_mutex_lock(&store->lock);
    log_writer_take(store);
    store->replacing = true;
    while (store->readers_busy > 0)
        (void)pthread_cond_wait(&store->changed, &store->lock);
    close_readers(store);
    database_close(store->writer);
    store->writer = NULL;
    good = database_file_remove(store->path, f) && open_writer(store, &damaged, f);
    store->replacing = false;
    log_writer_return(store);
    (void)pthread_mutex_unlock(&store->lock);
    return good;
}
