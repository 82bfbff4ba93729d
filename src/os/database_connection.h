/* A connection to a database whose statements are known beforehand: opened with all of them prepared. What the log
 * store and the metric store have in common; the state's engine (core/) has SQLite for itself. One thread at a time
 * uses a connection. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

#include <sqlite3.h>

struct database_spec {
    const char *name;                    /* in failures: "log store" */
    const char *writer_sql, *reader_sql; /* the pragmas of either kind of connection */
    const char *schema_sql;              /* run by a writer, whenever it opens */
    const char *const *statement_sql;
    size_t statement_count;
};

struct database_connection {
    const struct database_spec *spec;
    sqlite3 *db;
    sqlite3_stmt *statements[]; /* in the spec's order */
};

/* Opens a file that is there. *damaged tells a file that is no database from a disk that fails; it is written in either
 * case. */
checked bool database_open(const struct database_spec *spec, const char *path, bool writer,
                           struct database_connection **ret_connection, bool *damaged, struct fail *f);
void database_close(struct database_connection *connection); /* NULL is fine */

/* Fills *f from the connection's last error and is false. */
#define database_fail(connection, doing, f) (database_fill_failure((connection), (doing), (f)), false)
void database_fill_failure(const struct database_connection *connection, const char *doing, struct fail *f);
/* The statement, reset, with nothing bound. */
sqlite3_stmt *database_statement(const struct database_connection *connection, size_t which);
/* Runs a statement that returns no rows. */
checked bool database_run(const struct database_connection *connection, sqlite3_stmt *statement, struct fail *f);
void database_bind_int(sqlite3_stmt *statement, int at, int64_t value);
void database_bind_str(sqlite3_stmt *statement, int at, struct str value); /* absent: NULL; outlives the run */
