/* Paths of the registry protocol: which endpoint, which repository, which thing in it. Pure text. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

enum route_kind {
    ROUTE_BASE,      /* /v2/ */
    ROUTE_CATALOG,   /* /v2/_catalog */
    ROUTE_TAGS,      /* /v2/NAME/tags/list */
    ROUTE_REFERRERS, /* /v2/NAME/referrers/DIGEST */
    ROUTE_MANIFEST,  /* /v2/NAME/manifests/REFERENCE */
    ROUTE_BLOB,      /* /v2/NAME/blobs/DIGEST */
    ROUTE_UPLOADS,   /* /v2/NAME/blobs/uploads/ */
    ROUTE_UPLOAD,    /* /v2/NAME/blobs/uploads/ID */
};

struct route {
    enum route_kind kind;
    struct str name;      /* not checked; BASE, CATALOG: absent */
    struct str reference; /* digest, tag or id, not checked; absent without */
};

/* Reads a raw path. False when there is no such endpoint or the path is not well-formed. Since a repository may be
 * called a/blobs/uploads, the last components decide. */
checked bool route_parse(struct str path, struct arena *arena, struct route *ret_route);

/* The first parameter of that name in a raw query, decoded; absent when there is none or it is not well-formed. "+" is
 * itself, as media types have it and spaces do not occur. */
struct str route_parameter(struct str query, const char *name, struct arena *arena);
