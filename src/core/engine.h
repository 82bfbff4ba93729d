/* Engines: where the rows of the tables are kept so that they survive. An engine knows keys and bytes, no records.
 *
 * All engines pass one test suite (engine_test.c). An engine is used by one thread at a time: the store thread, or the
 * simulation. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

/* One effect: under this key of this table now stand these bytes, or (bytes absent) nothing. */
struct row {
    const char *table;
    struct str key;
    struct str bytes;
};

struct engine;

/* Takes a stored row; keys and bytes are valid during the call. */
typedef bool engine_row_fn(void *context, struct str table, struct str key, struct str bytes);

struct engine_kind {
    const char *name;
    /* Hands every stored row to `row`, in no particular order, but of one key the last one last; absent bytes: it is
     * not there any more. Stops and fails when row returns false. */
    bool (*load)(struct engine *engine, engine_row_fn *row, void *context, struct fail *f);
    /* Makes all rows durable, or none: true only when they survive the loss of power. Later rows of a key win. */
    bool (*commit)(struct engine *engine, const struct row *rows, size_t count, struct fail *f);
    /* Forgets every row; durable like a commit. */
    bool (*reset)(struct engine *engine, struct fail *f);
    /* Work that may wait until nothing has been committed for a while. NULL: there is none. */
    void (*tidy)(struct engine *engine);
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_kind *kind;
};

/* Rows in memory, nothing durable: tests, and the simulation, which hands the "disk" from one core to the next. */
struct engine *engine_memory_new(void);
/* Makes the next `count` commits fail as a full disk would. */
void engine_memory_fail(struct engine *base, unsigned count);

/* One SQLite file (WAL, synchronous=FULL, one transaction a commit). Creates it; a file written by a newer Berth, or
 * one that is not ours, fails with FAIL_CONFLICT and is left alone. */
checked bool engine_sqlite_open(const char *path, struct engine **ret_engine, struct fail *f);
