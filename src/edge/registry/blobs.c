/* GET and HEAD of a blob, whole or a range of it (RFC 9110, section 14), and DELETE. */
#include "edge/registry/internal.h"
#include "edge/registry/range.h"

#include <inttypes.h>

/* If-Range with another validator than ours asks for the whole (RFC 9110, section 13.1.5). */
static enum range_kind wanted_range(const struct registry_request *r, struct str etag, uint64_t *ret_offset,
                                    uint64_t *ret_count)
{
    struct str condition = request_header(r, "If-Range");

    if (condition.ptr != NULL && !str_eq(condition, etag))
        return RANGE_WHOLE;
    return range_parse(request_header(r, "Range"), r->blob_size, ret_offset, ret_count);
}

static void answer_blob(struct registry_request *r)
{
    struct arena *arena = r->exchange->arena;
    struct str etag = arena_printf(arena, "\"%s\"", r->digest);
    uint64_t offset = 0;
    uint64_t count = r->blob_size;
    enum range_kind kind = wanted_range(r, etag, &offset, &count);

    if (kind == RANGE_OUTSIDE) {
        answer_header(r, "Content-Range", arena_printf(arena, "bytes */%" PRIu64, r->blob_size));
        answer_error(r, 416, "RANGE_INVALID", "The blob has only %" PRIu64 " bytes.", r->blob_size);
        return;
    }
    answer_header(r, "Docker-Content-Digest", str_of(r->digest));
    answer_header(r, "Accept-Ranges", STR("bytes"));
    answer_header(r, "ETag", etag);
    if (kind == RANGE_PART)
        answer_header(
            r, "Content-Range",
            arena_printf(arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, offset, offset + count - 1, r->blob_size));
    answer_file(r, kind == RANGE_PART ? 206 : 200, offset, count);
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

/* False when it has answered. */
static bool take_digest(struct registry_request *r)
{
    if (!manifest_digest_is_valid(r->route.reference)) {
        answer_error(r, 400, "DIGEST_INVALID", "The layer digest is not a sha256 digest.");
        return false;
    }
    memcpy(r->digest, r->route.reference.ptr, BLOB_DIGEST_LEN);
    return true;
}

/* The file is opened before it is known whether the caller may have it, since the call is done where files must not be
 * touched. */
void blob_complete(struct registry_request *r)
{
    struct fail f;

    if (!take_digest(r))
        return;
    if (!blob_open(r->registry->options.blobs, str_of(r->digest), &r->blob_fd, &r->blob_size, &f) &&
        f.code != FAIL_NOT_FOUND) {
        answer_fail(r, &f);
        return;
    }
    request_prepare(r, REGISTRY_BLOB_FIND);
    r->call.digest = str_of(r->digest);
    request_submit(r, blob_done);
}

static void blob_delete_done(struct registry_request *r)
{
    if (r->call.good)
        answer_empty(r, 202);
    else
        answer_fail(r, &r->call.fail);
}

/* The repository lets go of it; its bytes go when no repository has it any more. */
void blob_delete_complete(struct registry_request *r)
{
    if (!take_digest(r))
        return;
    request_prepare(r, REGISTRY_BLOB_DELETE);
    r->call.digest = str_of(r->digest);
    request_submit(r, blob_delete_done);
}
