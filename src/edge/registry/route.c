/* Paths and queries of the registry protocol. */
#include "edge/registry/route.h"

#include "wire/percent.h"

static const struct str prefix = STR_INIT("/v2/");

/* Takes the last component off: "a/b" becomes "a" and returns "b". Without a slash the whole is returned and *path is
 * absent. */
static struct str take_last(struct str *path)
{
    size_t slash = str_find_last(*path, '/');
    struct str last = slash == path->len ? *path : str_from(*path, slash + 1);

    *path = slash == path->len ? (struct str){NULL, 0} : str_to(*path, slash);
    return last;
}

/* PREFIX/collection/reference; a reference may not be empty, but that of blobs/uploads/ is. */
static bool parse_member(struct str rest, struct route *route)
{
    static const struct {
        const char *collection;
        enum route_kind kind;
    } collections[] = {
        {"manifests", ROUTE_MANIFEST},
        {"blobs", ROUTE_BLOB},
        {"referrers", ROUTE_REFERRERS},
    };
    struct str reference = take_last(&rest);
    struct str collection = take_last(&rest);

    for (size_t i = 0; i < COUNT_OF(collections); i++)
        if (str_is(collection, collections[i].collection) && reference.len > 0) {
            *route = (struct route){collections[i].kind, rest, reference};
            return true;
        }
    if (!str_is(collection, "tags") || !str_is(reference, "list"))
        return false;
    *route = (struct route){.kind = ROUTE_TAGS, .name = rest};
    return true;
}

static bool parse_upload(struct str rest, struct route *route)
{
    struct str id = take_last(&rest);

    if (str_is(id, "uploads")) {
        if (!str_is(take_last(&rest), "blobs"))
            return false;
        *route = (struct route){.kind = ROUTE_UPLOADS, .name = rest};
        return true;
    }
    if (!str_is(take_last(&rest), "uploads") || !str_is(take_last(&rest), "blobs"))
        return false;
    *route = (struct route){id.len == 0 ? ROUTE_UPLOADS : ROUTE_UPLOAD, rest, id};
    return true;
}

bool route_parse(struct str path, struct arena *arena, struct route *ret_route)
{
    struct route route = {0};
    struct str decoded;

    if (!percent_decode(path, /* plus_is_space= */ false, arena, &decoded))
        return false;
    if (str_is(decoded, "/v2") || str_eq(decoded, prefix)) {
        *ret_route = (struct route){.kind = ROUTE_BASE};
        return true;
    }
    if (!str_starts(decoded, prefix))
        return false;
    decoded = str_from(decoded, prefix.len);
    if (str_is(decoded, "_catalog"))
        route.kind = ROUTE_CATALOG;
    else if ((!parse_upload(decoded, &route) && !parse_member(decoded, &route)) || route.name.len == 0)
        return false;
    *ret_route = route;
    return true;
}

struct str route_parameter(struct str query, const char *name, struct arena *arena)
{
    struct str value;

    while (query.ptr != NULL) {
        struct str pair = str_cut(query, '&', &query);

        if (!str_is(str_cut(pair, '=', &value), name))
            continue;
        if (value.ptr == NULL || !percent_decode(value, /* plus_is_space= */ false, arena, &value))
            break;
        return value;
    }
    return (struct str){NULL, 0};
}
