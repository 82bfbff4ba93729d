/* What log_store.c (files, connections, writing), log_store_read.c (queries) and log_store_forget.c share; nobody else
 * includes this. */
#pragma once

#include "os/database_connection.h"
#include "os/log_store.h"

#include <pthread.h>

enum log_statement {
    LOG_BEGIN_READ,
    LOG_BEGIN_WRITE,
    LOG_COMMIT,
    LOG_ROLLBACK,
    LOG_STREAM_FIND,
    LOG_STREAM_ADD,
    LOG_STREAM_GREW,
    LOG_EVENT_ADD,
    LOG_EVENTS_UP,
    LOG_EVENTS_DOWN,
    LOG_GROUP_STREAMS,
    LOG_GROUP_STATS,
    LOG_GROUP_BYTES,
    LOG_STREAM_DOOM,
    LOG_STREAM_DELETE,
    LOG_GROUP_DOOM,
    LOG_GROUP_DELETE,
    LOG_GROUP_EXPIRED,
    LOG_SLICE,
    LOG_SLICE_DELETE,
    LOG_STREAM_SHRANK,
    LOG_STREAMS_ALL,
    LOG_ID_DOOM,
    LOG_ID_DELETE,
    LOG_DOOMED_NEXT,
    LOG_DOOMED_DONE,
    LOG_STATEMENT_COUNT,
};

/* A point between events: those at or behind it follow, those before it precede. */
struct log_position {
    int64_t timestamp_ms;
    uint64_t ordinal;
};

struct log_append_request;

enum { LOG_READERS_MAX = 8 };

struct log_store {
    char *path;
    pthread_mutex_t lock; /* protects everything below but the insides of a connection in use; held for moments */
    pthread_cond_t changed;
    bool writing;                                       /* somebody holds the writer */
    bool replacing;                                     /* log_store_reset is under way: no reader starts */
    struct log_append_request *waiting, **waiting_last; /* batches for the next commit, in the order of arrival */
    struct database_connection *writer;                 /* NULL after a reset that failed */
    struct database_connection *idle[LOG_READERS_MAX];
    size_t idle_count;
    size_t readers_busy;
    uint64_t next_ordinal; /* the writer's */
};

void log_bind_str(sqlite3_stmt *statement, int at, struct str value); /* absent: "" */
/* Binds account, region and group from parameter 1 on. */
void log_bind_group(sqlite3_stmt *statement, const struct log_group_key *group);
/* The same, and the stream as parameter 4. */
void log_bind_stream(sqlite3_stmt *statement, const struct log_stream_key *key);
/* Column as a str that lives until the statement moves on; never absent. */
struct str log_column_str(sqlite3_stmt *statement, int column);
/* The stream's row, positioned (the caller resets the statement); *ret_row NULL when there is none. */
checked bool log_stream_row(const struct database_connection *connection, const struct log_stream_key *key,
                            sqlite3_stmt **ret_row, struct fail *f);

/* Both with the lock held: the writer is one thread's at a time. */
void log_writer_take(struct log_store *store);
void log_writer_return(struct log_store *store);
/* A transaction of one step that is not an append. */
checked bool log_write_once(struct log_store *store,
                            bool (*step)(struct log_store *store, void *context, struct fail *f), void *context,
                            struct fail *f);

/* A connection in a read transaction: one consistent picture until log_reader_return. */
checked bool log_reader_take(struct log_store *store, struct database_connection **ret_reader, struct fail *f);
void log_reader_return(struct log_store *store, struct database_connection *reader);
