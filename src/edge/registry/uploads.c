/* Uploads: POST begins one (or mounts a blob, or takes a whole one), PATCH goes on, PUT ends it as a blob, GET tells
 * how far it is, DELETE gives it up. OCI distribution specification 1.1, "Pushing blobs". */
#include "edge/registry/internal.h"
#include "edge/registry/range.h"

#include <inttypes.h>

/* --- shared ----------------------------------------------------------------------------------------------------- */

struct str registry_upload_owner(const struct repository_ref *ref, struct arena *arena)
{
    return arena_printf(arena, "%.*s/%.*s/%.*s", STR_ARG(ref->registry.account), STR_ARG(ref->registry.region),
                        STR_ARG(ref->name));
}

static struct str owner_of(const struct registry_request *r)
{
    return registry_upload_owner(&r->repository, r->exchange->arena);
}

void upload_drop(struct registry_request *r)
{
    if (r->upload != NULL && r->upload_unknown)
        blob_upload_cancel(r->upload);
    else
        blob_upload_release(r->upload);
    r->upload = NULL;
}

/* Where the session is and how far: headers of 202, 204 and 416. Nothing yet is "0-0", as Docker's registry has it. */
static void add_progress(struct registry_request *r, struct str id, uint64_t offset)
{
    struct arena *arena = r->exchange->arena;

    answer_location(r, "blobs/uploads/%.*s", STR_ARG(id));
    answer_header(r, "Range", arena_printf(arena, "0-%" PRIu64, offset == 0 ? 0 : offset - 1));
    answer_header(r, "Docker-Upload-UUID", id);
}

static void add_progress_of_upload(struct registry_request *r)
{
    add_progress(r, arena_str(r->exchange->arena, blob_upload_id(r->upload)), blob_upload_offset(r->upload));
}

/* Puts the session down before the client hears that it may go on. */
static void answer_accepted(struct registry_request *r)
{
    add_progress_of_upload(r);
    r->upload_unknown = false;
    upload_drop(r);
    answer_empty(r, 202);
}

/* Copies a digest that names the blob to come; false when it has answered. */
static bool take_digest(struct registry_request *r, struct str digest)
{
    if (!manifest_digest_is_valid(digest)) {
        answer_error(r, 400, "DIGEST_INVALID", "The layer digest '%.*s' is not a sha256 digest.", STR_ARG(digest));
        return false;
    }
    memcpy(r->digest, digest.ptr, BLOB_DIGEST_LEN);
    return true;
}

bool upload_data(struct registry_request *r, struct str bytes)
{
    struct fail f;

    if (bytes.len > r->registry->options.blob_bytes_max - blob_upload_offset(r->upload)) {
        r->upload_unknown = true;
        upload_drop(r);
        answer_error(r, 413, "SIZE_INVALID", "A layer may have at most %" PRIu64 " bytes.",
                     r->registry->options.blob_bytes_max);
        return false;
    }
    if (blob_upload_append(r->upload, bytes, &f))
        return true;
    upload_drop(r);
    answer_fail(r, &f);
    return false;
}

static void created_done(struct registry_request *r)
{
    if (!r->call.good) {
        answer_fail(r, &r->call.fail);
        return;
    }
    answer_location(r, "blobs/%s", r->digest);
    answer_header(r, "Docker-Content-Digest", str_of(r->digest));
    answer_empty(r, 201);
}

/* The session becomes a blob, then the blob becomes the repository's: cut off in between it belongs to nobody, and the
 * sweep takes it. */
static void finish(struct registry_request *r)
{
    uint64_t size = blob_upload_offset(r->upload);
    struct blob_upload *upload = r->upload;
    struct fail f;

    r->upload = NULL;
    if (!blob_upload_finish(upload, str_of(r->digest), &f)) {
        if (f.code == FAIL_INPUT)
            answer_error(r, 400, "DIGEST_INVALID", "%s", f.message);
        else
            answer_fail(r, &f);
        return;
    }
    request_prepare(r, REGISTRY_BLOB_ATTACH);
    r->call.digest = str_of(r->digest);
    r->call.size = size;
    request_submit(r, created_done);
}

/* --- POST uploads/ ---------------------------------------------------------------------------------------------- */

/* ?mount=DIGEST&from=NAME, of the same registry or another one here. True when r->call is that question. */
static bool prepare_mount(struct registry_request *r)
{
    struct str digest = request_parameter(r, "mount");
    struct str from = request_parameter(r, "from");
    struct repository_ref ref;

    if (!manifest_digest_is_valid(digest) || from.ptr == NULL ||
        !repository_ref_parse(request_header(r, "Host"), from, &r->registry->options.fallback, &ref))
        return false;
    memcpy(r->digest, digest.ptr, BLOB_DIGEST_LEN);
    request_prepare(r, REGISTRY_BLOB_MOUNT);
    r->call.digest = str_of(r->digest);
    r->call.from = ref;
    return true;
}

bool uploads_begin(struct registry_request *r)
{
    struct str digest = request_parameter(r, "digest");
    struct fail f;

    if (!prepare_mount(r))
        request_prepare(r, REGISTRY_ALLOW);
    if (!request_ask(r))
        return false;
    if (r->call.mounted)
        return true;
    r->digest[0] = '\0';
    if (digest.ptr != NULL && !take_digest(r, digest))
        return false;
    if (!blob_upload_start(r->registry->options.blobs, owner_of(r), &r->upload, &f)) {
        answer_fail(r, &f);
        return false;
    }
    r->upload_unknown = true;
    return true;
}

void uploads_complete(struct registry_request *r)
{
    if (r->upload == NULL)
        created_done(r); /* mounted */
    else if (r->digest[0] != '\0')
        finish(r);
    else
        answer_accepted(r);
}

/* --- /uploads/ID ------------------------------------------------------------------------------------------------ */

static void answer_no_session(struct registry_request *r, const struct fail *f)
{
    switch (f->code) {
    case FAIL_NOT_FOUND:
        answer_error(r, 404, "BLOB_UPLOAD_UNKNOWN",
                     "The upload could not be found. The upload id may be invalid, or "
                     "the upload is no longer valid.");
        break;
    case FAIL_CONFLICT:
        answer_error(r, 409, "BLOB_UPLOAD_INVALID", "%s", f->message);
        break;
    case FAIL_NONE:
    case FAIL_SYSTEM:
    case FAIL_INPUT:
    case FAIL_LIMIT:
    case FAIL_DENIED:
    case FAIL_API:
        answer_fail(r, f);
        break;
    }
}

bool upload_begin(struct registry_request *r)
{
    struct fail f;

    request_prepare(r, REGISTRY_ALLOW);
    if (!request_ask(r))
        return false;
    if (blob_upload_resume(r->registry->options.blobs, owner_of(r), r->route.reference, &r->upload, &f))
        return true;
    answer_no_session(r, &f);
    return false;
}

/* A chunk goes where the session ends, and is as long as it says. */
static bool check_content_range(struct registry_request *r)
{
    struct str text = request_header(r, "Content-Range");
    uint64_t first;
    uint64_t last;
    uint64_t length;

    if (text.ptr == NULL)
        return true;
    if (!content_range_parse(text, &first, &last) ||
        (str_to_uint64(request_header(r, "Content-Length"), &length) && length != last - first + 1)) {
        upload_drop(r);
        answer_error(r, 400, "SIZE_INVALID", "The Content-Range does not fit the request.");
        return false;
    }
    if (first == blob_upload_offset(r->upload))
        return true;
    add_progress_of_upload(r);
    upload_drop(r);
    answer_error(r, 416, "BLOB_UPLOAD_INVALID", "The chunk does not begin where the upload ended.");
    return false;
}

bool upload_body_begin(struct registry_request *r)
{
    if (str_is(r->exchange->request.method, "PUT") && !take_digest(r, request_parameter(r, "digest")))
        return false;
    return upload_begin(r) && check_content_range(r);
}

bool upload_status_begin(struct registry_request *r)
{
    request_prepare(r, REGISTRY_ALLOW);
    return request_ask(r);
}

void upload_status_complete(struct registry_request *r)
{
    uint64_t offset;
    struct fail f;

    if (!blob_upload_look(r->registry->options.blobs, owner_of(r), r->route.reference, &offset, &f)) {
        answer_no_session(r, &f);
        return;
    }
    add_progress(r, r->route.reference, offset);
    answer_empty(r, 204);
}

void upload_patch_complete(struct registry_request *r)
{
    answer_accepted(r);
}

void upload_put_complete(struct registry_request *r)
{
    finish(r);
}

void upload_delete_complete(struct registry_request *r)
{
    r->upload_unknown = true;
    upload_drop(r);
    answer_empty(r, 204);
}
