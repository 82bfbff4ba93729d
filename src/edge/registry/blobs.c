/* GET and HEAD of a blob, whole or a range of it (RFC 9110, section 14). */
#include "edge/registry/internal.h"

struct range {
    uint64_t offset;
    uint64_t size;
};

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

/* One "bytes=first-last", "bytes=first-" or "bytes=-last". Several ranges, or what is no range, are ignored, as the RFC
 * allows. */
static enum range_kind parse_range(struct str text, uint64_t size, struct range *ret_range)
{
    uint64_t first = 0;
    uint64_t last = size == 0 ? 0 : size - 1;
    struct str end;
    struct str start;

    if (!str_starts(text, STR("bytes=")))
        return RANGE_WHOLE;
    start = str_cut(str_from(text, 6), '-', &end);
    if (end.ptr == NULL || (start.len == 0 && end.len == 0))
        return RANGE_WHOLE;
    if ((start.len > 0 && !str_to_uint64(start, &first)) || (end.len > 0 && !str_to_uint64(end, &last)))
        return RANGE_WHOLE;
    if (start.len == 0) { /* the last so many */
        if (last == 0 || size == 0)
            return RANGE_OUTSIDE;
        first = last >= size ? 0 : size - last;
        last = size - 1;
    }
    if (start.len > 0 && end.len > 0 && last < first)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_OUTSIDE;
    last = last >= size ? size - 1 : last;
    *ret_range = (struct range){first, last - first + 1};
    return RANGE_PART;
}

/* If-Range with another validator than ours asks for the whole (RFC 9110, section 13.1.5). */
static enum range_kind wanted_range(const struct registry_request *r, struct str etag, struct range *ret_range)
{
    struct str condition = request_header(r, "If-Range");

    if (condition.ptr != NULL && !str_eq(condition, etag))
        return RANGE_WHOLE;
    return parse_range(request_header(r, "Range"), r->blob_size, ret_range);
}

static void answer_blob(struct registry_request *r)
{
    struct arena *arena = r->exchange->arena;
    struct str etag = arena_printf(arena, "\"%s\"", r->digest);
    struct range range = {0, r->blob_size};
    enum range_kind kind = wanted_range(r, etag, &range);

    if (kind == RANGE_OUTSIDE) {
        answer_header(r, "Content-Range", arena_printf(arena, "bytes */%lu", r->blob_size));
        answer_error(r, 416, "RANGE_INVALID", "The blob has only %lu bytes.", r->blob_size);
        return;
    }
    answer_header(r, "Docker-Content-Digest", str_of(r->digest));
    answer_header(r, "Accept-Ranges", STR("bytes"));
    answer_header(r, "ETag", etag);
    if (kind == RANGE_PART)
        answer_header(
            r, "Content-Range",
            arena_printf(arena, "bytes %lu-%lu/%lu", range.offset, range.offset + range.size - 1, r->blob_size));
    answer_file(r, kind == RANGE_PART ? 206 : 200, range.offset, range.size);
}

static void blob_done(struct registry_request *r)
{
    if (!r->call.good)
        answer_fail(r, &r->call.fail);
    else if (r->blob_fd < 0)
        /* The repository's, but its file is gone: lost, or not copied here with the records. */
        answer_error(r, 404, "BLOB_UNKNOWN", "The layer with digest '%s' is missing from the blob store.", r->digest);
    else
        answer_blob(r);
}

/* The file is opened before it is known whether the caller may have it, since the call is done where files must not be
 * touched. */
void blob_complete(struct registry_request *r)
{
    struct fail f;

    if (!manifest_digest_is_valid(r->route.reference)) {
        answer_error(r, 400, "DIGEST_INVALID", "The layer digest is not a sha256 digest.");
        return;
    }
    memcpy(r->digest, r->route.reference.ptr, BLOB_DIGEST_LEN);
    if (!blob_open(r->registry->options.blobs, str_of(r->digest), &r->blob_fd, &r->blob_size, &f) &&
        f.code != FAIL_NOT_FOUND) {
        answer_fail(r, &f);
        return;
    }
    request_prepare(r, REGISTRY_BLOB_FIND);
    r->call.digest = str_of(r->digest);
    request_submit(r, blob_done);
}
