#include "node/task/s3_object.h"

#include "base/must.h"
#include "os/aws_call.h"
#include "wire/percent.h"
#include "wire/sigv4_canonical.h"

enum { CONNECT_TIMEOUT_MS = 5000, TOTAL_TIMEOUT_MS = 30000, ERROR_TEXT_MAX = 300, ARENA_BYTES = 1 << 20 };

#define OPERATION "operation error S3: GetObject, "

static struct str path_of(const struct s3_object *object, struct arena *arena)
{
    auto_buf path = {.ptr = NULL};

    buf_add_char(&path, '/');
    percent_encode(object->bucket, false, &path);
    buf_add_char(&path, '/');
    percent_encode(object->key, true, &path);
    return arena_str(arena, buf_str(&path));
}

static bool sign(const struct s3_object *object, struct arena *arena, struct aws_request *request, struct fail *f)
{
    const struct sigv4_signer signer = {.access_key = object->access_key,
                                        .secret = object->secret,
                                        .security_token = object->session_token,
                                        .region = object->region,
                                        .service = STR("s3")};
    struct sigv4_hex nothing = sigv4_hash(STR(""));

    aws_request_add(request, "Host", aws_url_host(str_of(object->endpoint)));
    aws_request_add(request, "X-Amz-Content-Sha256", arena_str(arena, sigv4_hex_str(&nothing)));
    return aws_request_sign(request, &signer, arena, f);
}

/* The text of an element of S3's error document; only what can be shown anywhere: visible ASCII. */
static struct str element(struct str document, const char *open, const char *close)
{
    struct str text = str_from(document, str_search(document, str_of(open)));

    if (text.len == 0)
        return STR("");
    text = str_from(text, strlen(open));
    text = str_to(text, str_search(text, str_of(close)));
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return STR("");
    return text.len > ERROR_TEXT_MAX ? str_to(text, ERROR_TEXT_MAX) : text;
}

static bool refused(const struct http_client_reply *reply, struct fail *f)
{
    struct str document = buf_str(&reply->body);
    struct str code = element(document, "<Code>", "</Code>");
    struct str message = element(document, "<Message>", "</Message>");

    return fail(f, reply->status >= 500 ? FAIL_SYSTEM : FAIL_DENIED,
                OPERATION "https response error StatusCode: %u, api error %.*s: %.*s", reply->status,
                STR_ARG(code.len > 0 ? code : STR("Unknown")),
                STR_ARG(message.len > 0 ? message : STR("the server gave no reason")));
}

static bool fetch(struct http_client *client, const struct http_client_request *request, struct buf *body,
                  struct fail *f)
{
    auto_client_reply reply = {0};

    if (!http_fetch(client, request, &reply, f))
        return fail_in(f, "operation error S3: GetObject");
    if (reply.status != 200)
        return refused(&reply, f);
    buf_add(body, buf_str(&reply.body));
    return !body->overflowed || fail(f, FAIL_LIMIT, OPERATION "the object is larger than %zu bytes", body->limit);
}

bool s3_object_get(const struct s3_object *object, struct buf *body, struct fail *f)
{
    struct http_client_request request = {
        .body_limit = body->limit, .connect_timeout_ms = CONNECT_TIMEOUT_MS, .total_timeout_ms = TOTAL_TIMEOUT_MS};
    struct aws_request asked = {.wire = {.method = STR("GET")}};
    struct http_client *client;
    struct arena arena;
    bool good;

    if (!http_client_new(&client, f))
        return false;
    arena_init(&arena, ARENA_BYTES);
    asked.wire.path = path_of(object, &arena);
    good = sign(object, &arena, &asked, f);
    request.url = arena_printf(&arena, "%s%.*s", object->endpoint, STR_ARG(asked.wire.path)).ptr;
    request.headers = asked.headers;
    request.header_count = asked.wire.header_count;
    good = good && fetch(client, &request, body, f);
    arena_free(&arena);
    http_client_free(client);
    return good;
}
