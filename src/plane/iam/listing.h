/* One page of a List operation: Marker, MaxItems, IsTruncated (IAM API reference, "Common parameters" of the List
 * operations: 100 items unless MaxItems says otherwise). A marker is where the walk stood, without the prefix that the
 * request itself says. */
#pragma once

#include "core/call.h"

struct listing {
    struct walk walk;
    struct arena *arena;
    size_t limit, count;
    struct str last;
    bool truncated;
};

struct listing_request {
    const struct table_spec *table;
    const char *index;
    struct str prefix;
    struct str marker;
    bool has_max_items;
    int32_t max_items;
};

/* The members of a request that every List operation has. */
#define LISTING_PAGE(in) .marker = (in)->marker, .has_max_items = (in)->has_max_items, .max_items = (in)->max_items

/* Fails on a marker that we did not make. */
checked bool listing_begin(const struct call *call, const struct listing_request *request, struct listing *ret_listing);
/* The record that the walk stands at goes into the page: its place there, or false when the page is full. */
checked bool listing_take(struct listing *listing, size_t *ret_at);
/* A place for `limit` items, and what a response says of the page. */
#define LISTING_ITEMS(listing, list)                                                                                   \
    ((list)->items = arena_alloc((listing)->arena, sizeof(*(list)->items) * (listing)->limit))
#define LISTING_END(listing, list, out)                                                                                \
    do {                                                                                                               \
        (list)->count = (listing)->count;                                                                              \
        SET(out, is_truncated, (listing)->truncated);                                                                  \
        (out)->marker = listing_marker(listing);                                                                       \
    } while (0)
/* Absent when there is no further page. */
struct str listing_marker(const struct listing *listing);
