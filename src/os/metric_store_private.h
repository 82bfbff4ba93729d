/* What metric_store.c (file, connections, writing), metric_store_read.c (queries) and metric_store_age.c share; nobody
 * else includes this. */
#pragma once

#include "os/database_connection.h"
#include "os/metric_store.h"

#include <pthread.h>

enum metric_statement {
    METRIC_BEGIN,
    METRIC_COMMIT,
    METRIC_ROLLBACK,
    METRIC_SERIES_FIND,
    METRIC_SERIES_COUNT,
    METRIC_SERIES_ADD,
    METRIC_SERIES_TOUCH,
    METRIC_POINT_ADD,
    METRIC_SAMPLE_ADD,
    METRIC_POINTS,
    METRIC_SAMPLES,
    METRIC_LIST,
    METRIC_AGE_FIRST,
    METRIC_AGE_POINTS,
    METRIC_AGE_SAMPLES,
    METRIC_FORGET_POINTS,
    METRIC_FORGET_SAMPLES,
    METRIC_FORGET_SERIES,
    METRIC_STATEMENT_COUNT,
};

struct append_request;

struct metric_store {
    char *path;
    pthread_mutex_t lock; /* protects writing and the queue; nothing is locked under it */
    pthread_cond_t changed;
    bool writing; /* somebody holds the writer */
    struct append_request *waiting, **waiting_last;
    struct database_connection *writer;
    pthread_mutex_t reading; /* protects the reader; nothing is locked under it */
    struct database_connection *reader;
};

/* The first column of a statement that gives one row at most; 0 and not there for no row and for NULL. */
checked bool metric_number(const struct database_connection *connection, sqlite3_stmt *statement, bool *ret_there,
                           int64_t *ret_value, struct fail *f);
/* The key as parameters 1 to 5. */
void metric_bind_key(sqlite3_stmt *statement, const struct metric_key *key);
checked bool metric_series_find(const struct database_connection *connection, const struct metric_key *key,
                                bool *ret_there, int64_t *ret_id, struct fail *f);

/* A transaction of one step that is not an append. */
checked bool metric_write_once(struct metric_store *store,
                               bool (*step)(struct metric_store *store, void *context, struct fail *f), void *context,
                               struct fail *f);
