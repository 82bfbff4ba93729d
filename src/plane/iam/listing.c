#include "plane/iam/listing.h"

enum { ITEMS_DEFAULT = 100 };

bool listing_begin(const struct call *call, const struct listing_request *request, struct listing *ret_listing)
{
    struct listing listing = {.walk = transaction_walk(call->tx, request->table, request->index, request->prefix),
                              .arena = call->arena,
                              .limit = request->has_max_items ? (size_t)request->max_items : ITEMS_DEFAULT};
    struct str after;

    if (!page_begin(call->arena, request->marker, "ValidationError", &after, call->fail))
        return fail_api(call->fail, "ValidationError", "Invalid Marker.");
    if (after.ptr != NULL)
        listing.walk.at = arena_printf(call->arena, "%.*s%.*s", STR_ARG(request->prefix), STR_ARG(after));
    *ret_listing = listing;
    return true;
}

bool listing_take(struct listing *listing, size_t *ret_at)
{
    listing->truncated = listing->count == listing->limit;
    if (listing->truncated)
        return false;
    listing->last = str_from(listing->walk.at, listing->walk.prefix.len);
    *ret_at = listing->count++;
    return true;
}

struct str listing_marker(const struct listing *listing)
{
    return listing->truncated ? page_token(listing->arena, listing->last) : (struct str){NULL, 0};
}
