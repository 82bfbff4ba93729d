#include "base/map.h"
#include "base/must.h"
#include "core/engine.h"

struct memory_row {
    struct str table_key; /* table, NUL, key */
    size_t table_len;
    struct str bytes;
    char space[];
};

struct memory_engine {
    struct engine engine;
    struct map rows;
    unsigned failures;
};

static struct memory_row *row_new(const struct row *row)
{
    size_t table_len = strlen(row->table);
    size_t key_len = table_len + 1 + row->key.len;
    struct memory_row *copy = malloc(sizeof(*copy) + key_len + row->bytes.len);

    must(copy != NULL);
    memcpy(copy->space, row->table, table_len + 1);
    memcpy(copy->space + table_len + 1, row->key.ptr, row->key.len);
    if (row->bytes.len > 0)
        memcpy(copy->space + key_len, row->bytes.ptr, row->bytes.len);
    copy->table_len = table_len;
    copy->table_key = (struct str){copy->space, key_len};
    copy->bytes = (struct str){copy->space + key_len, row->bytes.len};
    return copy;
}

static bool memory_load(struct engine *base, engine_row_fn *row, void *context, struct fail *f)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    struct memory_row *next;
    size_t at = 0;

    while ((next = map_next(&engine->rows, &at)) != NULL) {
        struct str table = str_to(next->table_key, next->table_len);

        if (!row(context, table, str_from(next->table_key, next->table_len + 1), next->bytes))
            return fail(f, FAIL_INPUT, "a stored row cannot be read");
    }
    return true;
}

static bool memory_commit(struct engine *base, const struct row *rows, size_t count, struct fail *f)
{
    struct memory_engine *engine = (struct memory_engine *)base;

    if (engine->failures > 0) {
        engine->failures--;
        return fail(f, FAIL_LIMIT, "commit: no space left on device");
    }
    for (size_t i = 0; i < count; i++) {
        struct memory_row *copy = row_new(&rows[i]);

        free(rows[i].bytes.ptr != NULL ? map_put(&engine->rows, copy->table_key, copy)
                                       : map_remove(&engine->rows, copy->table_key));
        if (rows[i].bytes.ptr == NULL)
            free(copy);
    }
    return true;
}

static bool memory_reset(struct engine *base, struct fail *f)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    struct memory_row *row;
    size_t at = 0;

    (void)f;
    while ((row = map_next(&engine->rows, &at)) != NULL)
        free(row);
    map_free(&engine->rows);
    return true;
}

static void memory_close(struct engine *base)
{
    struct fail f;

    if (memory_reset(base, &f))
        free(base);
}

struct engine *engine_memory_new(void)
{
    static const struct engine_kind kind = {"memory", memory_load, memory_commit, memory_reset, NULL, memory_close};
    struct memory_engine *engine = calloc(1, sizeof(*engine));

    must(engine != NULL);
    engine->engine.kind = &kind;
    return &engine->engine;
}

void engine_memory_fail(struct engine *base, unsigned count)
{
    ((struct memory_engine *)base)->failures = count;
}
