/* Answers: headers that all have, error bodies, and the table from ECR's exceptions to the protocol's codes. */
#include "edge/registry/internal.h"

#include "base/log.h"
#include "base/must.h"

#include <stdarg.h>

/* Status and code of a failure: OCI distribution specification 1.1, "Error Codes"; where ECR's registries were seen to
 * answer otherwise (UNSUPPORTED for parameters, TAG_INVALID for immutable tags, DENIED for an expired token), theirs.
 */
static const struct {
    const char *type;
    const char *code;
    uint16_t status;
} failures[] = {
    {REGISTRY_NO_IDENTITY, "UNAUTHORIZED", 401},
    {REGISTRY_EXPIRED_IDENTITY, "DENIED", 403},
    {"AccessDeniedException", "DENIED", 403},
    {"RepositoryNotFoundException", "NAME_UNKNOWN", 404},
    {"ImageNotFoundException", "MANIFEST_UNKNOWN", 404},
    {"LayersNotFoundException", "BLOB_UNKNOWN", 404},
    {"ReferencedImagesNotFoundException", "MANIFEST_BLOB_UNKNOWN", 404},
    {"ImageTagAlreadyExistsException", "TAG_INVALID", 400},
    {"InvalidParameterException", "UNSUPPORTED", 405},
    {"LimitExceededException", "DENIED", 403},
};

/* --- headers ---------------------------------------------------------------------------------------------------- */

void answer_header(struct registry_request *r, const char *name, struct str value)
{
    must(r->header_count < REPLY_HEADERS_MAX);
    r->headers[r->header_count++] = (struct http_header){str_of(name), value};
}

void answer_location(struct registry_request *r, const char *format, ...)
{
    char rest[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(rest, sizeof(rest), format, args);
    va_end(args);
    /* Relative: nothing has to be known of the names and schemes that proxies in front of us go by. */
    answer_header(r, "Location", arena_printf(r->exchange->arena, "/v2/%.*s/%s", STR_ARG(r->route.name), rest));
}

/* Docker's clients look for this one to know a registry. */
static void reply(struct registry_request *r, struct http_reply *answer)
{
    answer_header(r, "Docker-Distribution-Api-Version", STR("registry/2.0"));
    answer->headers = r->headers;
    answer->header_count = r->header_count;
    http_exchange_reply(r->exchange, answer);
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */

void answer_empty(struct registry_request *r, uint16_t status)
{
    reply(r, &(struct http_reply){.status = status, .bytes = STR("")});
}

void answer_bytes(struct registry_request *r, uint16_t status, const char *content_type, struct buf *bytes)
{
    answer_header(r, "Content-Type", str_of(content_type));
    reply(r, &(struct http_reply){.status = status, .owned = bytes});
}

void answer_file(struct registry_request *r, uint16_t status, uint64_t offset, uint64_t size)
{
    answer_header(r, "Content-Type", STR("application/octet-stream"));
    reply(r, &(struct http_reply){
                 .status = status, .kind = HTTP_BODY_FILE, .fd = take_fd(&r->blob_fd), .offset = offset, .size = size});
}

static void answer_json_status(struct registry_request *r, uint16_t status, const char *content_type, json_t *json)
{
    auto_free char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    answer_header(r, "Content-Type", str_of(content_type));
    reply(r, &(struct http_reply){.status = text == NULL ? 500 : status, .bytes = str_of(text == NULL ? "" : text)});
}

void answer_json(struct registry_request *r, const char *content_type, json_t *json)
{
    answer_json_status(r, 200, content_type, json);
}

/* --- failures --------------------------------------------------------------------------------------------------- */

/* A message may repeat what the client sent, which need not be UTF-8. */
static json_t *message_json(const char *message)
{
    json_t *json = json_string(message);

    return json != NULL ? json : json_string("The request is not valid.");
}

static void answer_code(struct registry_request *r, uint16_t status, const char *code, const char *message)
{
    json_t *error = json_pack("{s:s, s:o, s:n}", "code", code, "message", message_json(message), "detail");

    answer_json_status(r, status, "application/json", json_pack("{s:[o]}", "errors", error));
}

void answer_error(struct registry_request *r, uint16_t status, const char *code, const char *format, ...)
{
    char message[1000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    answer_code(r, status, code, message);
}

/* Where the challenge says to go is of no use with Basic; clients only look for the scheme. */
static void add_challenge(struct registry_request *r)
{
    answer_header(r, "WWW-Authenticate",
                  arena_printf(r->exchange->arena, "Basic realm=\"%s://%.*s/\",service=\"ecr.amazonaws.com\"",
                               r->exchange->tls ? "https" : "http", STR_ARG(request_header(r, "Host"))));
}

static void answer_internal(struct registry_request *r, const struct fail *fail)
{
    log_error("registry: %.*s %.*s: %s", STR_ARG(r->exchange->request.method), STR_ARG(r->exchange->request.path),
              fail->message);
    if (fail->code == FAIL_LIMIT)
        answer_code(r, 507, "UNAVAILABLE", fail->message);
    else
        answer_code(r, 500, "UNKNOWN", "The registry failed to serve the request.");
}

void answer_fail(struct registry_request *r, const struct fail *fail)
{
    for (size_t i = 0; fail->code == FAIL_API && i < COUNT_OF(failures); i++) {
        if (strcmp(fail->type, failures[i].type) != 0)
            continue;
        if (failures[i].status == 401)
            add_challenge(r);
        answer_code(r, failures[i].status, failures[i].code, fail->message);
        return;
    }
    answer_internal(r, fail);
}
