/* Reading the metric store: one connection, one reader at a time. */
#include "base/must.h"
#include "base/when.h"
#include "os/metric_store_private.h"

static struct str column_str(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text == NULL ? STR("") : (struct str){text, (size_t)sqlite3_column_bytes(statement, column)};
}

static void bind_query(sqlite3_stmt *statement, int64_t series, const struct metric_query *query)
{
    database_bind_int(statement, 1, series);
    database_bind_int(statement, 2, query->start_ms / SECOND_MS);
    database_bind_int(statement, 3, (query->end_ms + SECOND_MS - 1) / SECOND_MS);
    database_bind_int(statement, 4, query->period_ms / SECOND_MS);
    database_bind_str(statement, 5, query->unit);
    database_bind_int(statement, 6, query->by_unit);
}

/* A list that grows in the arena: the old piece is left behind, which doubling bounds. */
static void *grown(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    size_t more = *capacity == 0 ? 64 : *capacity * 2;
    void *bigger;

    if (count < *capacity)
        return items;
    bigger = arena_try(arena, more * size);
    if (bigger != NULL && count > 0)
        memcpy(bigger, items, count * size);
    *capacity = more;
    return bigger;
}

static bool too_large(struct fail *f)
{
    return fail(f, FAIL_LIMIT, "the answer is too large");
}

/* A copy that may not fit: then it is absent. */
static struct str copied(struct arena *arena, struct str text)
{
    char *copy = arena_try(arena, text.len + 1);

    if (copy == NULL)
        return (struct str){NULL, 0};
    memcpy(copy, text.ptr, text.len);
    return (struct str){copy, text.len};
}

static struct metric_point point_of(sqlite3_stmt *row, const struct metric_query *query, struct arena *arena)
{
    return (struct metric_point){
        .at_ms = query->start_ms + sqlite3_column_int64(row, 0) * query->period_ms,
        .unit = query->by_unit ? copied(arena, column_str(row, 1)) : STR(""),
        .statistics = {.count = sqlite3_column_double(row, 2),
                       .sum = sqlite3_column_double(row, 3),
                       .min = sqlite3_column_double(row, 4),
                       .max = sqlite3_column_double(row, 5)},
        .values = sqlite3_column_int64(row, 6) != 0 ? (const struct metric_value *)(const void *)"" : NULL,
    };
}

static bool read_points(const struct database_connection *reader, int64_t series, const struct metric_query *query,
                        struct arena *arena, struct metric_points *points, struct fail *f)
{
    sqlite3_stmt *rows = database_statement(reader, METRIC_POINTS);
    size_t capacity = 0;
    int answer;

    bind_query(rows, series, query);
    while ((answer = sqlite3_step(rows)) == SQLITE_ROW) {
        points->items = grown(arena, points->items, points->count, &capacity, sizeof(*points->items));
        if (points->items == NULL)
            return too_large(f);
        points->items[points->count] = point_of(rows, query, arena);
        if (points->items[points->count++].unit.ptr == NULL)
            return too_large(f);
    }
    return answer == SQLITE_DONE || database_fail(reader, "read points", f);
}

/* The values of one point, as long as the rows are its own; *answer is the step behind them. */
static bool read_values_of(sqlite3_stmt *rows, const struct metric_query *query, struct metric_point *point,
                           struct arena *arena, int *answer)
{
    struct metric_value *values = NULL;
    size_t capacity = 0;

    for (; *answer == SQLITE_ROW; *answer = sqlite3_step(rows)) {
        int64_t at_ms = query->start_ms + sqlite3_column_int64(rows, 0) * query->period_ms;

        if (at_ms != point->at_ms || !str_eq(column_str(rows, 1), point->unit))
            break;
        values = grown(arena, values, point->value_count, &capacity, sizeof(*values));
        if (values == NULL)
            return false;
        values[point->value_count++] =
            (struct metric_value){sqlite3_column_double(rows, 2), sqlite3_column_double(rows, 3)};
    }
    point->values = point->values == NULL ? NULL : values;
    return true;
}

/* Both statements give their rows in one order; a point may have no value of its own. */
static bool read_values(const struct database_connection *reader, int64_t series, const struct metric_query *query,
                        struct arena *arena, struct metric_points *points, struct fail *f)
{
    sqlite3_stmt *rows = database_statement(reader, METRIC_SAMPLES);
    int answer;

    bind_query(rows, series, query);
    answer = sqlite3_step(rows);
    for (size_t i = 0; i < points->count; i++)
        if (!read_values_of(rows, query, &points->items[i], arena, &answer))
            return too_large(f);
    return answer == SQLITE_DONE || answer == SQLITE_ROW || database_fail(reader, "read values", f);
}

/* A read transaction, so that points and values are of one moment. */
static bool read_all(const struct database_connection *reader, const struct metric_query *query, struct arena *arena,
                     struct metric_points *points, struct fail *f)
{
    int64_t series;
    bool there;

    if (!metric_series_find(reader, &query->key, &there, &series, f))
        return false;
    if (!there)
        return true;
    if (!read_points(reader, series, query, arena, points, f))
        return false;
    if (query->with_values)
        return read_values(reader, series, query, arena, points, f);
    for (size_t i = 0; i < points->count; i++)
        points->items[i].values = NULL;
    return true;
}

bool metric_store_read(struct metric_store *store, const struct metric_query *query, struct arena *arena,
                       struct metric_points *ret_points, struct fail *f)
{
    const struct database_connection *reader = store->reader;
    struct metric_points points = {.items = NULL};
    bool good;

    (void)pthread_mutex_lock(&store->reading);
    good = sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK || database_fail(reader, "begin", f);
    good = good && read_all(reader, query, arena, &points, f);
    (void)database_statement(reader, METRIC_POINTS);
    (void)database_statement(reader, METRIC_SAMPLES);
    (void)sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL); /* nothing was written */
    (void)pthread_mutex_unlock(&store->reading);
    if (good)
        *ret_points = points;
    return good;
}

static bool list_rows(sqlite3_stmt *rows, const struct metric_listing *listing, struct arena *arena,
                      struct metric_list *list, int *answer)
{
    size_t capacity = 0;

    while ((*answer = sqlite3_step(rows)) == SQLITE_ROW) {
        struct str dimensions = column_str(rows, 3);

        if (listing->match != NULL && !listing->match(listing->context, dimensions))
            continue;
        if (list->count == listing->limit) {
            list->more = true;
            *answer = SQLITE_DONE;
            return true;
        }
        list->items = grown(arena, list->items, list->count, &capacity, sizeof(*list->items));
        if (list->items == NULL)
            return false;
        list->items[list->count++] =
            (struct metric_listed){{listing->account, listing->region, arena_str(arena, column_str(rows, 1)),
                                    arena_str(arena, column_str(rows, 2)), arena_str(arena, dimensions)},
                                   sqlite3_column_int64(rows, 0)};
    }
    return true;
}

bool metric_store_list(struct metric_store *store, const struct metric_listing *listing, struct arena *arena,
                       struct metric_list *ret_list, struct fail *f)
{
    const struct database_connection *reader = store->reader;
    struct metric_list list = {.items = NULL};
    sqlite3_stmt *rows;
    int answer = SQLITE_DONE;
    bool good;

    (void)pthread_mutex_lock(&store->reading);
    rows = database_statement(reader, METRIC_LIST);
    database_bind_str(rows, 1, listing->account);
    database_bind_str(rows, 2, listing->region);
    database_bind_int(rows, 3, listing->after);
    database_bind_int(rows, 4, listing->active_since_ms);
    database_bind_str(rows, 5, listing->namespace);
    database_bind_str(rows, 6, listing->name);
    good = list_rows(rows, listing, arena, &list, &answer) || too_large(f);
    good = good && (answer == SQLITE_DONE || database_fail(reader, "list metrics", f));
    (void)database_statement(reader, METRIC_LIST);
    (void)pthread_mutex_unlock(&store->reading);
    if (good)
        *ret_list = list;
    return good;
}
