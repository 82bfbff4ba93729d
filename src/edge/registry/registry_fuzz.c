/* Feeds what the registry reads of a request's head: path, query, host and ranges, one a line. */
#include "edge/registry/range.h"
#include "edge/registry/route.h"

#include "base/must.h"
#include "plane/ecr/repository_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_route(struct str path, struct str host, struct arena *arena)
{
    static const struct registry_id fallback = {STR_INIT("000000000000"), STR_INIT("us-east-1")};
    struct repository_ref ref;
    struct route route;

    if (!route_parse(path, arena, &route))
        return;
    must((route.kind <= ROUTE_CATALOG) == (route.name.ptr == NULL));
    if (route.name.ptr == NULL || !repository_ref_parse(host, route.name, &fallback, &ref))
        return;
    must(repository_name_is_valid(ref.name));
    must(str_search(ref.name, STR("..")) == ref.name.len);
    must(ref.registry.account.len == 12);
}

static void feed_ranges(struct str range, struct str content_range)
{
    enum { BLOB_BYTES = 1000 };
    uint64_t offset;
    uint64_t count;
    uint64_t first;
    uint64_t last;

    if (range_parse(range, BLOB_BYTES, &offset, &count) == RANGE_PART) {
        must(count > 0);
        must(offset < BLOB_BYTES && count <= BLOB_BYTES - offset);
    }
    must(range_parse(range, 0, &offset, &count) != RANGE_PART);
    if (content_range_parse(content_range, &first, &last))
        must(first <= last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str lines[5];
    struct arena arena;

    for (size_t i = 0; i < COUNT_OF(lines); i++)
        lines[i] = str_cut(rest, '\n', &rest);
    arena_init(&arena, 1 << 20);
    feed_route(lines[0], lines[1], &arena);
    (void)route_parameter(lines[2], "last", &arena);
    feed_ranges(lines[3], lines[4]);
    arena_free(&arena);
    return 0;
}
