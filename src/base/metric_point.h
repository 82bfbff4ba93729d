/* Points of metrics, as those who keep them (os/metric_store.h) and those who answer for them (plane/cloudwatch) both
 * know them. All times are milliseconds since 1970. */
#pragma once

#include "base/str.h"

/* Dimensions are one text, sorted by name: each name and value ends in METRIC_TEXT_END, which neither may hold. */
#define METRIC_TEXT_END '\x1f'

struct metric_key {
    struct str account, region;
    struct str namespace, name;
    struct str dimensions;
};

/* A value, and how often it was seen. */
struct metric_value {
    double value, count;
};

struct metric_statistics {
    double count, sum, min, max;
};

/* -- Writing. */

struct metric_sample {
    struct metric_key key;
    struct str unit; /* "None" where the client named none */
    int64_t at_ms;
    bool high_resolution; /* kept by the second, not by the minute */
    struct metric_statistics statistics;
    const struct metric_value *values; /* what the statistics are of; NULL: nobody said */
    size_t value_count;
};

/* -- Reading. */

struct metric_query {
    struct metric_key key;
    struct str unit;  /* only points of it; absent: of all */
    int64_t start_ms; /* inclusive, a multiple of the second */
    int64_t end_ms;   /* exclusive */
    int64_t period_ms;
    bool by_unit;     /* points of units apart; else added up */
    bool with_values; /* also metric_point.values */
};

/* What came in a period: periods begin at the query's start. */
struct metric_point {
    int64_t at_ms; /* its beginning */
    struct str unit;
    struct metric_statistics statistics;
    const struct metric_value *values; /* ascending; NULL: not asked for, or not known of all that came in */
    size_t value_count;
};

struct metric_points {
    struct metric_point *items; /* ascending by time, then unit */
    size_t count;
};

/* Which metrics there are. */
struct metric_listing {
    struct str account, region;
    struct str namespace, name; /* absent: all */
    int64_t active_since_ms;    /* with a point put since */
    int64_t after;              /* number of the last one of the page before; 0: from the beginning */
    size_t limit;
    bool (*match)(const void *context, struct str dimensions); /* NULL: any */
    const void *context;
};

struct metric_listed {
    struct metric_key key;
    int64_t number;
};

struct metric_list {
    struct metric_listed *items;
    size_t count;
    bool more;
};
