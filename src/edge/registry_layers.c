#include "edge/registry_layers.h"

#include "base/must.h"
#include "edge/registry/range.h"
#include "edge/registry/registry.h"
#include "os/blob_upload.h"
#include "plane/ecr/ecr.h"
#include "wire/sigv4.h"

#include <inttypes.h>

enum { URL_SECONDS = 3600 }; /* as ECR's are */

/* Names no account: it opens nothing but layers. */
#define URL_KEY "BERTHLAYERS"

/* ---- uploads ---- */

static bool start(void *context, const struct repository_ref *ref, struct arena *arena, struct str *ret_upload_id,
                  struct fail *f)
{
    const struct registry_layers *layers = context;
    struct blob_upload *upload;

    if (!blob_upload_start(layers->blobs, registry_upload_owner(ref, arena), &upload, f))
        return false;
    *ret_upload_id = arena_str(arena, blob_upload_id(upload));
    blob_upload_release(upload);
    return true;
}

static bool resume(const struct registry_layers *layers, const struct repository_ref *ref, struct str upload_id,
                   struct blob_upload **ret_upload, struct fail *f)
{
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)4 << 10);
    good = blob_upload_resume(layers->blobs, registry_upload_owner(ref, &arena), upload_id, ret_upload, f);
    arena_free(&arena);
    if (good)
        return true;
    if (f->code == FAIL_CONFLICT)
        return fail_api(f, ECR_ERROR_INVALID_LAYER_PART_EXCEPTION, "Another part of the upload '%.*s' is under way",
                        STR_ARG(upload_id));
    if (f->code == FAIL_NOT_FOUND || f->code == FAIL_INPUT)
        return fail_api(f, ECR_ERROR_UPLOAD_NOT_FOUND_EXCEPTION,
                        "The upload with id '%.*s' could not be found in the repository with name '%.*s' in registry "
                        "with id '%.*s'",
                        STR_ARG(upload_id), STR_ARG(ref->name), STR_ARG(ref->registry.account));
    return false;
}

static bool append(void *context, const struct layer_part *part, struct fail *f)
{
    const struct registry_layers *layers = context;
    struct blob_upload *upload;
    uint64_t offset;
    bool good;

    if (!resume(layers, part->repository, part->upload_id, &upload, f))
        return false;
    offset = blob_upload_offset(upload);
    if (part->first != offset)
        good = fail_api(f, ECR_ERROR_INVALID_LAYER_PART_EXCEPTION,
                        "The first byte specified, %" PRIu64 ", is not consecutive to the last byte of a previous "
                        "layer part upload: %" PRIu64 " bytes were received",
                        part->first, offset);
    else if (part->bytes.len > BLOB_BYTES_MAX_DEFAULT - offset)
        good = fail_api(f, ECR_ERROR_LIMIT_EXCEEDED_EXCEPTION, "A layer may have at most %" PRIu64 " bytes",
                        BLOB_BYTES_MAX_DEFAULT);
    else
        good = blob_upload_append(upload, part->bytes, f);
    blob_upload_release(upload);
    return good;
}

/* ---- an upload becomes a layer ---- */

struct attach {
    struct job job;
    const struct repository_ref *ref;
    struct str digest;
    uint64_t size;
    struct fail *f;
};

static bool attach_run(struct job *job, struct transaction *tx)
{
    struct attach *attach = list_item(&job->link, struct attach, job.link);
    const struct repository_record *repository;

    if (!repository_find(tx, attach->ref, &repository, attach->f)) /* deleted meanwhile */
        return false;
    repository_attach_blob(tx, attach->ref, attach->digest, attach->size);
    return true;
}

static bool complete(void *context, const struct repository_ref *ref, struct str upload_id, struct str digest,
                     struct fail *f)
{
    const struct registry_layers *layers = context;
    struct attach attach = {
        .job = {.actor = "api", .cause = upload_id, .run = attach_run}, .ref = ref, .digest = digest, .f = f};
    struct blob_upload *upload;

    if (!resume(layers, ref, upload_id, &upload, f))
        return false;
    attach.size = blob_upload_offset(upload);
    if (attach.size == 0) {
        blob_upload_release(upload);
        return fail_api(f, ECR_ERROR_EMPTY_UPLOAD_EXCEPTION,
                        "The specified layer upload does not contain any layer parts.");
    }
    if (!blob_upload_finish(upload, digest, f)) {
        if (f->code != FAIL_INPUT)
            return false;
        return fail_api(f, ECR_ERROR_INVALID_LAYER_EXCEPTION,
                        "The layer digest calculated upon receipt does not match the digest specified, '%.*s'",
                        STR_ARG(digest));
    }
    (void)fail(f, FAIL_SYSTEM, "the change could not be made durable"); /* unless the job says better */
    return loop_run(layers->loop, &attach.job);
}

/* ---- URLs ---- */

static struct sigv4_signer signer_of(const struct registry_layers *layers, struct str region)
{
    return (struct sigv4_signer){
        .access_key = STR(URL_KEY), .secret = layers->secret, .region = region, .service = STR("s3")};
}

static bool url(void *context, const struct repository_ref *ref, struct str digest, struct arena *arena,
                struct str *ret_url, struct fail *f)
{
    const struct registry_layers *layers = context;
    const struct sigv4_signer signer = signer_of(layers, ref->registry.region);
    const struct http_header host = {STR_INIT("host"), layers->endpoint};
    struct wire_request request = {
        .method = STR("GET"),
        .path = arena_printf(arena, LAYER_PATH "%.*s", STR_ARG(digest)),
        .query = {NULL, 0},
        .headers = &host,
        .header_count = 1,
    };
    struct str query;

    if (!sigv4_presign(&request, &signer, clock_now_ms(&layers->clock), URL_SECONDS, arena, &query, f))
        return false;
    *ret_url =
        arena_printf(arena, "http://%.*s%.*s?%.*s", STR_ARG(layers->endpoint), STR_ARG(request.path), STR_ARG(query));
    return true;
}

struct layer_port registry_layer_port(struct registry_layers *layers)
{
    return (struct layer_port){.context = layers, .start = start, .append = append, .complete = complete, .url = url};
}

/* ---- GET ---- */

static void answer_error(struct http_exchange *exchange, uint16_t status, const char *code, const char *message)
{
    const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("application/xml")};

    http_exchange_reply(
        exchange, &(struct http_reply){.status = status,
                                       .headers = &type,
                                       .header_count = 1,
                                       .bytes = arena_printf(exchange->arena,
                                                             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                                             "<Error><Code>%s</Code><Message>%s</Message></Error>",
                                                             code, message)});
}

/* S3 API reference, "Error responses". */
static bool check_url(const struct registry_layers *layers, struct http_exchange *exchange)
{
    const struct wire_request *request = &exchange->request;
    struct sigv4_claim claim;
    struct sigv4_key key;
    struct fail f;
    bool present;

    if (!sigv4_parse(request, exchange->arena, &present, &claim, &f) || !present || !claim.presigned ||
        !str_is(claim.access_key, URL_KEY) || !str_is(claim.service, "s3")) {
        answer_error(exchange, 403, "AccessDenied", "Access Denied");
        return false;
    }
    sigv4_derive_key(&claim, layers->secret, &key);
    if (sigv4_verify(&claim, request, &key, clock_now_ms(&layers->clock), exchange->arena, &f))
        return true;
    if (strcmp(f.type, "RequestExpired") == 0)
        answer_error(exchange, 403, "AccessDenied", "Request has expired");
    else
        answer_error(exchange, 403, "SignatureDoesNotMatch",
                     "The request signature we calculated does not match the signature you provided.");
    return false;
}

static void answer_layer(struct http_exchange *exchange, int fd, uint64_t size)
{
    struct http_header headers[3] = {{STR("Content-Type"), STR("application/octet-stream")},
                                     {STR("Accept-Ranges"), STR("bytes")}};
    struct http_reply reply = {
        .status = 200, .headers = headers, .header_count = 2, .kind = HTTP_BODY_FILE, .fd = fd, .size = size};

    switch (range_parse(wire_header(&exchange->request, "range"), size, &reply.offset, &reply.size)) {
    case RANGE_WHOLE:
        reply.offset = 0;
        reply.size = size;
        break;
    case RANGE_PART:
        reply.status = 206;
        headers[reply.header_count++] = (struct http_header){
            STR("Content-Range"), arena_printf(exchange->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, reply.offset,
                                               reply.offset + reply.size - 1, size)};
        break;
    case RANGE_OUTSIDE:
        (void)close(fd);
        answer_error(exchange, 416, "InvalidRange", "The requested range is not satisfiable");
        return;
    }
    http_exchange_reply(exchange, &reply);
}

void registry_layers_complete(const struct registry_layers *layers, struct http_exchange *exchange)
{
    struct str digest = str_from(exchange->request.path, strlen(LAYER_PATH));
    uint64_t size;
    struct fail f;
    int fd;

    if (!str_is(exchange->request.method, "GET") && !str_is(exchange->request.method, "HEAD")) {
        answer_error(exchange, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        return;
    }
    if (!check_url(layers, exchange))
        return;
    if (blob_open(layers->blobs, digest, &fd, &size, &f))
        answer_layer(exchange, fd, size);
    else
        answer_error(exchange, 404, "NoSuchKey", "The specified key does not exist.");
}
