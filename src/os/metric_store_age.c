/* Ageing of the metric store: points move to longer periods, and go in the end. One slice of time a transaction, so
 * that writers wait for moments only. */
#include "base/attributes.h"
#include "base/when.h"
#include "os/metric_store_private.h"

#define HOUR_S INT64_C(3600)
#define DAY_S  (24 * HOUR_S)

/* "Metrics retention", CloudWatch user guide. */
static const struct tier {
    int64_t resolution; /* seconds, as all here */
    int64_t kept;
    int64_t next;  /* the longer period that follows; 0: none */
    int64_t slice; /* a multiple of next */
    bool keeps_values;
} tiers[] = {
    {1, 3 * HOUR_S, 60, HOUR_S / 4, true},
    {60, 15 * DAY_S, 300, 6 * HOUR_S, false},
    {300, 63 * DAY_S, HOUR_S, DAY_S, false},
    {HOUR_S, 455 * DAY_S, 0, 10 * DAY_S, false},
};

struct ageing {
    int64_t now; /* seconds */
    bool more;
};

static bool first_of(const struct database_connection *writer, const struct tier *tier, int64_t before, bool *ret_there,
                     int64_t *ret_first, struct fail *f)
{
    sqlite3_stmt *first = database_statement(writer, METRIC_AGE_FIRST);

    database_bind_int(first, 1, tier->resolution);
    database_bind_int(first, 2, before);
    return metric_number(writer, first, ret_there, ret_first, f);
}

/* A statement about the points of a tier in [start, end). */
static sqlite3_stmt *slice_of(const struct database_connection *writer, enum metric_statement which,
                              const struct tier *tier, int64_t start, int64_t end)
{
    sqlite3_stmt *statement = database_statement(writer, which);

    database_bind_int(statement, 1, tier->resolution);
    database_bind_int(statement, 2, start);
    database_bind_int(statement, 3, end);
    return statement;
}

static bool move(const struct database_connection *writer, const struct tier *tier, int64_t start, int64_t end,
                 struct fail *f)
{
    sqlite3_stmt *points = slice_of(writer, METRIC_AGE_POINTS, tier, start, end);
    sqlite3_stmt *samples;

    database_bind_int(points, 4, tier->next);
    database_bind_int(points, 5, tier->keeps_values);
    if (!database_run(writer, points, f))
        return false;
    if (!tier->keeps_values)
        return true;
    samples = slice_of(writer, METRIC_AGE_SAMPLES, tier, start, end);
    database_bind_int(samples, 4, tier->next);
    return database_run(writer, samples, f);
}

/* Whole longer periods only: a point that comes late finds its neighbours where they are. */
static bool age_tier(const struct database_connection *writer, const struct tier *tier, struct ageing *ageing,
                     struct fail *f)
{
    int64_t whole = tier->next == 0 ? tier->resolution : tier->next;
    int64_t before = (ageing->now - tier->kept) / whole * whole;
    int64_t start;
    int64_t end;
    bool there;

    if (!first_of(writer, tier, before, &there, &start, f))
        return false;
    if (!there)
        return true;
    start = start / whole * whole;
    end = start + tier->slice < before ? start + tier->slice : before;
    ageing->more = ageing->more || end < before;
    return (tier->next == 0 || move(writer, tier, start, end, f)) &&
           database_run(writer, slice_of(writer, METRIC_FORGET_POINTS, tier, start, end), f) &&
           database_run(writer, slice_of(writer, METRIC_FORGET_SAMPLES, tier, start, end), f);
}

static bool age(struct metric_store *store, void *context, struct fail *f)
{
    struct ageing *ageing = context;
    sqlite3_stmt *series;

    for (size_t i = 0; i < COUNT_OF(tiers); i++)
        if (!age_tier(store->writer, &tiers[i], ageing, f))
            return false;
    series = database_statement(store->writer, METRIC_FORGET_SERIES);
    database_bind_int(series, 1, (ageing->now - tiers[COUNT_OF(tiers) - 1].kept) * SECOND_MS);
    return database_run(store->writer, series, f);
}

bool metric_store_age(struct metric_store *store, int64_t now_ms, bool *ret_more, struct fail *f)
{
    struct ageing ageing = {.now = now_ms / SECOND_MS};

    if (!metric_write_once(store, age, &ageing, f))
        return false;
    *ret_more = ageing.more;
    return true;
}
