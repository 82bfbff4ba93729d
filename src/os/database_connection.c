#include "os/database_connection.h"

#include "base/must.h"

#include <stdlib.h>

enum { BUSY_TIMEOUT_MS = 10000 };

void database_fill_failure(const struct database_connection *connection, const char *doing, struct fail *f)
{
    fail_fill(f, FAIL_SYSTEM, "%s: %s: %s", connection->spec->name, doing, sqlite3_errmsg(connection->db));
}

sqlite3_stmt *database_statement(const struct database_connection *connection, size_t which)
{
    sqlite3_stmt *statement = connection->statements[which];

    (void)sqlite3_reset(statement); /* reports the failure of the last step, which its caller has seen */
    (void)sqlite3_clear_bindings(statement);
    return statement;
}

bool database_run(const struct database_connection *connection, sqlite3_stmt *statement, struct fail *f)
{
    int answer = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return answer == SQLITE_DONE || database_fail(connection, sqlite3_sql(statement), f);
}

void database_bind_int(sqlite3_stmt *statement, int at, int64_t value)
{
    must(sqlite3_bind_int64(statement, at, value) == SQLITE_OK);
}

void database_bind_str(sqlite3_stmt *statement, int at, struct str value)
{
    if (value.ptr != NULL)
        must(sqlite3_bind_text64(statement, at, value.ptr, value.len, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
}

void database_close(struct database_connection *connection)
{
    if (connection == NULL)
        return;
    for (size_t i = 0; i < connection->spec->statement_count; i++)
        (void)sqlite3_finalize(connection->statements[i]);
    must(sqlite3_close(connection->db) == SQLITE_OK);
    free(connection);
}

static bool prepare(struct database_connection *connection, const char *path, bool writer, struct fail *f)
{
    const struct database_spec *spec = connection->spec;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

    if (sqlite3_open_v2(path, &connection->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS) != SQLITE_OK ||
        sqlite3_exec(connection->db, writer ? spec->writer_sql : spec->reader_sql, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(connection->db, writer ? spec->schema_sql : "", NULL, NULL, NULL) != SQLITE_OK)
        return database_fail(connection, path, f);
    for (size_t i = 0; i < spec->statement_count; i++)
        if (sqlite3_prepare_v3(connection->db, spec->statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &connection->statements[i], NULL) != SQLITE_OK)
            return database_fail(connection, spec->statement_sql[i], f);
    return true;
}

bool database_open(const struct database_spec *spec, const char *path, bool writer,
                   struct database_connection **ret_connection, bool *damaged, struct fail *f)
{
    struct database_connection *connection =
        calloc(1, sizeof(*connection) + spec->statement_count * sizeof(connection->statements[0]));
    int code;

    must(connection != NULL);
    connection->spec = spec;
    *damaged = false;
    if (prepare(connection, path, writer, f)) {
        *ret_connection = connection;
        return true;
    }
    code = sqlite3_errcode(connection->db);
    *damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    database_close(connection);
    return false;
}
