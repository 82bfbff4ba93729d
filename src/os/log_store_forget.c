/* What the log store forgets: deleted streams and groups, events past their retention, streams that nobody knows. */
#include "base/buf.h"
#include "base/must.h"
#include "os/log_store_private.h"

#include <stdio.h>

enum { VACUUM_PAGES = 1024 }; /* given back to the file system by one reclaim */

static bool delete_stream(struct log_store *store, void *context, struct fail *f)
{
    const struct log_stream_key *key = context;
    sqlite3_stmt *doom = database_statement(store->writer, LOG_STREAM_DOOM);
    sqlite3_stmt *delete = database_statement(store->writer, LOG_STREAM_DELETE);

    log_bind_stream(doom, key);
    log_bind_stream(delete, key);
    return database_run(store->writer, doom, f) && database_run(store->writer, delete, f);
}

bool log_store_delete_stream(struct log_store *store, const struct log_stream_key *stream, struct fail *f)
{
    struct log_stream_key key = *stream;

    return log_write_once(store, delete_stream, &key, f);
}

static bool delete_group(struct log_store *store, void *context, struct fail *f)
{
    const struct log_group_key *key = context;
    sqlite3_stmt *doom = database_statement(store->writer, LOG_GROUP_DOOM);
    sqlite3_stmt *delete = database_statement(store->writer, LOG_GROUP_DELETE);

    log_bind_group(doom, key);
    log_bind_group(delete, key);
    return database_run(store->writer, doom, f) && database_run(store->writer, delete, f);
}

bool log_store_delete_group(struct log_store *store, const struct log_group_key *group, struct fail *f)
{
    struct log_group_key key = *group;

    return log_write_once(store, delete_group, &key, f);
}

struct slice {
    int64_t stream;
    int64_t last_ms; /* inclusive */
    size_t events_max;
    size_t events; /* removed */
    uint64_t bytes;
};

/* Removes the oldest events of a stream, at most events_max of those up to last_ms. */
static bool remove_slice(const struct database_connection *writer, struct slice *slice, struct fail *f)
{
    sqlite3_stmt *select = database_statement(writer, LOG_SLICE);
    sqlite3_stmt *delete = database_statement(writer, LOG_SLICE_DELETE);
    int answer;

    slice->events = 0;
    slice->bytes = 0;
    database_bind_int(select, 1, slice->stream);
    database_bind_int(select, 2, slice->last_ms);
    database_bind_int(select, 3, (int64_t)slice->events_max);
    database_bind_int(delete, 1, slice->stream);
    while ((answer = sqlite3_step(select)) == SQLITE_ROW) {
        database_bind_int(delete, 2, sqlite3_column_int64(select, 0));
        database_bind_int(delete, 3, sqlite3_column_int64(select, 1));
        slice->bytes += (uint64_t)sqlite3_column_int64(select, 2) + LOG_EVENT_OVERHEAD_BYTES;
        slice->events++;
    }
    (void)sqlite3_reset(select);
    if (answer != SQLITE_DONE)
        return database_fail(writer, "find old events", f);
    return slice->events == 0 || database_run(writer, delete, f);
}

/* The first column of a statement's only row; *ret_found false when there is none. */
static bool first_id(const struct database_connection *writer, sqlite3_stmt *statement, bool *ret_found,
                     int64_t *ret_id, struct fail *f)
{
    int answer = sqlite3_step(statement);

    if (answer != SQLITE_ROW && answer != SQLITE_DONE) {
        (void)sqlite3_reset(statement);
        return database_fail(writer, sqlite3_sql(statement), f);
    }
    *ret_found = answer == SQLITE_ROW;
    *ret_id = *ret_found ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return true;
}

struct expiry {
    const struct log_group_key *group;
    int64_t before_ms;
    size_t events_max;
    size_t removed;
};

static bool expire(struct log_store *store, void *context, struct fail *f)
{
    struct expiry *expiry = context;
    bool found = true;

    while (found && expiry->removed < expiry->events_max) {
        struct slice slice = {.last_ms = expiry->before_ms - 1, .events_max = expiry->events_max - expiry->removed};
        sqlite3_stmt *next = database_statement(store->writer, LOG_GROUP_EXPIRED);
        sqlite3_stmt *shrank = database_statement(store->writer, LOG_STREAM_SHRANK);

        log_bind_group(next, expiry->group);
        database_bind_int(next, 4, expiry->before_ms);
        if (!first_id(store->writer, next, &found, &slice.stream, f))
            return false;
        if (!found)
            break;
        if (!remove_slice(store->writer, &slice, f))
            return false;
        database_bind_int(shrank, 1, slice.stream);
        database_bind_int(shrank, 2, (int64_t)slice.bytes);
        if (!database_run(store->writer, shrank, f))
            return false;
        expiry->removed += slice.events;
    }
    return true;
}

bool log_store_expire(struct log_store *store, const struct log_group_key *group, int64_t before_ms, size_t events_max,
                      size_t *ret_removed, struct fail *f)
{
    struct expiry expiry = {.group = group, .before_ms = before_ms, .events_max = events_max};

    if (before_ms == INT64_MIN)
        expiry.events_max = 0; /* nothing is older, and before_ms - 1 is out of range */
    if (!log_write_once(store, expire, &expiry, f))
        return false;
    *ret_removed = expiry.removed;
    return true;
}

static bool reclaim(struct log_store *store, void *context, struct fail *f)
{
    struct expiry *expiry = context;
    bool found = true;

    while (found && expiry->removed < expiry->events_max) {
        struct slice slice = {.last_ms = INT64_MAX, .events_max = expiry->events_max - expiry->removed};
        sqlite3_stmt *done = database_statement(store->writer, LOG_DOOMED_DONE);

        if (!first_id(store->writer, database_statement(store->writer, LOG_DOOMED_NEXT), &found, &slice.stream, f))
            return false;
        if (!found)
            break;
        if (!remove_slice(store->writer, &slice, f))
            return false;
        expiry->removed += slice.events;
        if (slice.events == slice.events_max)
            break; /* perhaps there are more of them */
        database_bind_int(done, 1, slice.stream);
        if (!database_run(store->writer, done, f))
            return false;
    }
    return true;
}

/* Outside a transaction, since SQLite wants it so; frees at most VACUUM_PAGES pages. */
static bool give_back_pages(struct log_store *store, struct fail *f)
{
    char sql[64];
    bool good;

    (void)snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    (void)pthread_mutex_lock(&store->lock);
    log_writer_take(store);
    (void)pthread_mutex_unlock(&store->lock);
    good = store->writer != NULL && sqlite3_exec(store->writer->db, sql, NULL, NULL, NULL) == SQLITE_OK;
    if (!good)
        good = store->writer == NULL || database_fail(store->writer, sql, f);
    (void)pthread_mutex_lock(&store->lock);
    log_writer_return(store);
    (void)pthread_mutex_unlock(&store->lock);
    return good;
}

bool log_store_reclaim(struct log_store *store, size_t events_max, size_t *ret_removed, struct fail *f)
{
    struct expiry expiry = {.events_max = events_max};

    if (!log_write_once(store, reclaim, &expiry, f) || !give_back_pages(store, f))
        return false;
    *ret_removed = expiry.removed;
    return true;
}

/* -- Streams whose owner is gone. */

struct sweep {
    bool (*known)(void *context, const struct log_stream_key *stream);
    void *context;
    size_t removed;
};

static bool find_unknown(const struct database_connection *writer, const struct sweep *sweep, struct buf *ids,
                         struct fail *f)
{
    sqlite3_stmt *rows = database_statement(writer, LOG_STREAMS_ALL);
    int answer;

    while ((answer = sqlite3_step(rows)) == SQLITE_ROW) {
        struct log_stream_key key = {{log_column_str(rows, 1), log_column_str(rows, 2), log_column_str(rows, 3)},
                                     log_column_str(rows, 4)};
        int64_t id = sqlite3_column_int64(rows, 0);

        if (!sweep->known(sweep->context, &key))
            buf_add(ids, (struct str){(const char *)&id, sizeof(id)});
    }
    (void)sqlite3_reset(rows);
    return answer == SQLITE_DONE || database_fail(writer, "list streams", f);
}

static bool keep_only(struct log_store *store, void *context, struct fail *f)
{
    struct sweep *sweep = context;
    auto_buf ids = {.limit = BUF_LIMIT_DEFAULT}; /* more than fit wait for the next sweep */

    if (!find_unknown(store->writer, sweep, &ids, f))
        return false;
    for (size_t at = 0; at < ids.len; at += sizeof(int64_t)) {
        sqlite3_stmt *doom = database_statement(store->writer, LOG_ID_DOOM);
        sqlite3_stmt *delete = database_statement(store->writer, LOG_ID_DELETE);
        int64_t id;

        memcpy(&id, ids.ptr + at, sizeof(id));
        database_bind_int(doom, 1, id);
        database_bind_int(delete, 1, id);
        if (!database_run(store->writer, doom, f) || !database_run(store->writer, delete, f))
            return false;
        sweep->removed++;
    }
    return true;
}

bool log_store_keep_only(struct log_store *store, bool (*known)(void *context, const struct log_stream_key *stream),
                         void *context, size_t *ret_removed, struct fail *f)
{
    struct sweep sweep = {.known = known, .context = context};

    if (!log_write_once(store, keep_only, &sweep, f))
        return false;
    *ret_removed = sweep.removed;
    return true;
}
