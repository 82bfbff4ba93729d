/* Manifests: GET, PUT and DELETE by tag or digest. */
#include "edge/registry/internal.h"

/* A reference is a digest when it has a colon, which no tag has. Sets call.digest or call.tag; false when it has
 * answered. */
static bool take_reference(struct registry_request *r)
{
    struct str reference = r->route.reference;

    if (str_find(reference, ':') < reference.len) {
        r->call.digest = reference;
        if (manifest_digest_is_valid(reference))
            return true;
        answer_error(r, 400, "DIGEST_INVALID",
                     "Invalid parameter at 'imageDigest' failed to satisfy constraint: 'must be a sha256 digest'");
        return false;
    }
    r->call.tag = reference;
    if (manifest_tag_is_valid(reference))
        return true;
    answer_error(r, 400, "TAG_INVALID",
                 "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression "
                 "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''");
    return false;
}

/* --- GET -------------------------------------------------------------------------------------------------------- */

static bool range_accepts(struct str range, struct str media_type)
{
    struct str parameters;

    range = str_trim(str_cut(range, ';', &parameters));
    return str_is(range, "*/*") || str_is(range, "application/*") || str_eq_nocase(range, media_type);
}

static bool header_accepts(struct str accept, struct str media_type)
{
    while (accept.ptr != NULL)
        if (range_accepts(str_cut(accept, ',', &accept), media_type))
            return true;
    return false;
}

/* Clients name what they can read in one Accept header or in several; none means anything. */
static bool accepts(const struct registry_request *r, struct str media_type)
{
    const struct wire_request *request = &r->exchange->request;
    bool any = true;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_eq_nocase(request->headers[i].name, STR("Accept")))
            continue;
        if (header_accepts(request->headers[i].value, media_type))
            return true;
        any = false;
    }
    return any;
}

/* By digest there is no choice: the document is what the digest names. By tag, an image of a form that the client
 * cannot read is as good as none; it is not translated, since the translation would have another digest. */
static void manifest_get_done(struct registry_request *r)
{
    const struct registry_call *call = &r->call;

    if (!call->good) {
        answer_fail(r, &call->fail);
        return;
    }
    if (call->tag.ptr != NULL && !accepts(r, call->ret_media_type)) {
        answer_error(r, 404, "MANIFEST_UNKNOWN",
                     "The image is of media type '%.*s', which the Accept header of the request does not name.",
                     STR_ARG(call->ret_media_type));
        return;
    }
    answer_header(r, "Docker-Content-Digest", call->ret_digest);
    answer_header(r, "ETag", arena_printf(r->exchange->arena, "\"%.*s\"", STR_ARG(call->ret_digest)));
    answer_bytes(r, 200, arena_cstr(r->exchange->arena, call->ret_media_type), &r->call.ret_bytes);
}

void manifest_get_complete(struct registry_request *r)
{
    request_prepare(r, REGISTRY_MANIFEST_GET);
    r->call.head = str_is(r->exchange->request.method, "HEAD");
    if (take_reference(r))
        request_submit(r, manifest_get_done);
}

/* --- PUT -------------------------------------------------------------------------------------------------------- */

static void manifest_put_done(struct registry_request *r)
{
    const struct fail *fail = &r->call.fail;

    if (!r->call.good && fail->code == FAIL_API && strcmp(fail->type, "LayersNotFoundException") == 0) {
        answer_error(r, 404, "MANIFEST_BLOB_UNKNOWN", "%s", fail->message);
        return;
    }
    if (!r->call.good) {
        answer_fail(r, fail);
        return;
    }
    answer_location(r, "manifests/%s", r->digest);
    answer_header(r, "Docker-Content-Digest", str_of(r->digest));
    if (r->manifest.has_subject)
        answer_header(r, "OCI-Subject", r->manifest.subject.digest);
    answer_empty(r, 201);
}

/* "application/json; charset=utf-8" without its parameters. */
static struct str content_type(const struct registry_request *r)
{
    struct str parameters;

    return str_trim(str_cut(request_header(r, "Content-Type"), ';', &parameters));
}

void manifest_put_complete(struct registry_request *r)
{
    struct str bytes = r->exchange->request.body;
    struct fail f;

    request_prepare(r, REGISTRY_MANIFEST_PUT);
    if (!take_reference(r))
        return;
    blob_digest(bytes, r->digest);
    if (r->call.digest.ptr != NULL && !str_is(r->call.digest, r->digest)) {
        answer_error(r, 400, "DIGEST_INVALID", "The manifest has the digest '%s', not '%.*s'.", r->digest,
                     STR_ARG(r->call.digest));
        return;
    }
    if (!manifest_parse(bytes, content_type(r), r->exchange->arena, &r->manifest, &f)) {
        answer_error(r, 400, "MANIFEST_INVALID", "%s", f.message);
        return;
    }
    r->call.digest = str_of(r->digest);
    r->call.bytes = bytes;
    r->call.manifest = &r->manifest;
    request_submit(r, manifest_put_done);
}

/* --- DELETE ----------------------------------------------------------------------------------------------------- */

static void manifest_delete_done(struct registry_request *r)
{
    if (r->call.good)
        answer_empty(r, 202);
    else
        answer_fail(r, &r->call.fail);
}

void manifest_delete_complete(struct registry_request *r)
{
    request_prepare(r, REGISTRY_MANIFEST_DELETE);
    if (take_reference(r))
        request_submit(r, manifest_delete_done);
}
