#include "main/api_call.h"

#include "base/must.h"
#include "os/clock.h"
#include "os/http_client.h"
#include "wire/json.h"
#include "wire/sigv4.h"
#include "wire/sigv4_canonical.h"

#include <stdlib.h>

enum { CALL_TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 5000, HEADERS = 6 };

/* ---- who calls ---- */

static struct str line_value(struct str lines, const char *name)
{
    struct str prefix = str_of(name);

    while (lines.ptr != NULL) {
        struct str line = str_cut(lines, '\n', &lines);

        if (str_starts(line, STR("export ")) && str_starts(str_from(line, 7), prefix) && line.len > 7 + prefix.len &&
            line.ptr[7 + prefix.len] == '=')
            return str_from(line, 8 + prefix.len);
    }
    return (struct str){NULL, 0};
}

/* The caller's environment as a whole, or the file of `berth env` as a whole: a key of one goes with no secret of the
 * other. */
static bool find_signer(struct installation *in, const struct service *service, struct sigv4_signer *ret_signer,
                        struct fail *f)
{
    struct sigv4_signer signer = {.access_key = str_of(getenv("AWS_ACCESS_KEY_ID")),
                                  .secret = str_of(getenv("AWS_SECRET_ACCESS_KEY")),
                                  .security_token = str_of(getenv("AWS_SESSION_TOKEN")),
                                  .region = str_of(getenv("AWS_REGION")),
                                  .service = str_of(service_signing_name(service))};
    struct str lines;

    if (!data_dir_read(&in->dir, "env", &in->arena, &lines, f))
        return false;
    if (signer.access_key.len == 0 || signer.secret.len == 0) {
        signer.access_key = line_value(lines, "AWS_ACCESS_KEY_ID");
        signer.secret = line_value(lines, "AWS_SECRET_ACCESS_KEY");
        signer.security_token = (struct str){NULL, 0};
    }
    if (signer.security_token.len == 0)
        signer.security_token = (struct str){NULL, 0};
    if (signer.region.len == 0)
        signer.region = line_value(lines, "AWS_REGION");
    *ret_signer = signer;
    return true;
}

/* ---- the call ---- */

static bool send(struct installation *in, const struct operation *operation, struct str body,
                 struct http_client_reply *ret_reply, struct fail *f)
{
    const struct service *service = operation_service(operation);
    struct arena *arena = &in->arena;
    const struct clock wall = clock_wall();
    struct http_header headers[HEADERS] = {
        {STR("Host"), str_of(in->listen)},
        {STR("X-Amz-Date"), sigv4_date_time(arena, clock_now_ms(&wall))},
        {STR("X-Amz-Target"), arena_printf(arena, "%s.%s", service_target_prefix(service), operation_name(operation))},
        {STR("Content-Type"), arena_printf(arena, "application/x-amz-json-%s", service_json_version(service))},
    };
    struct wire_request request = {
        .method = STR("POST"), .path = STR("/"), .headers = headers, .header_count = 4, .body = body};
    struct http_client_request http = {.method = "POST",
                                       .url = arena_printf(arena, "http://%s/", in->listen).ptr,
                                       .body = body,
                                       .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                       .total_timeout_ms = CALL_TIMEOUT_MS};
    struct sigv4_signer signer;
    struct http_client *client;
    bool good;

    if (!find_signer(in, service, &signer, f))
        return false;
    if (signer.security_token.ptr != NULL)
        headers[request.header_count++] = (struct http_header){STR("X-Amz-Security-Token"), signer.security_token};
    if (!sigv4_sign(&request, &signer, arena, &headers[request.header_count].value, f))
        return false;
    headers[request.header_count++].name = STR("Authorization");
    http.headers = headers;
    http.header_count = request.header_count;
    if (!http_client_new(&client, f))
        return false;
    good = http_fetch(client, &http, ret_reply, f);
    http_client_free(client);
    return good;
}

/* "ClientException: why", as SDKs show errors. */
static void read_error(const json_t *answer, uint16_t status, struct fail *f)
{
    const char *type = json_string_value(json_object_get(answer, "__type"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    const char *hash = type == NULL ? NULL : strrchr(type, '#');

    if (message == NULL)
        message = json_string_value(json_object_get(answer, "Message"));
    if (type == NULL)
        (void)fail(f, FAIL_DENIED, "the server answers with HTTP status %u", status);
    else
        (void)fail(f, FAIL_DENIED, "%s: %s", hash != NULL ? hash + 1 : type, message == NULL ? "" : message);
}

bool api_call(struct installation *in, const struct operation *operation, const void *input, json_t **ret_answer,
              struct fail *f)
{
    auto_client_reply reply = {0};
    auto_buf body = {.ptr = NULL};
    json_error_t ignored;
    json_t *answer;

    wire_json_write(operation_input(operation), input, &body);
    if (!send(in, operation, buf_str(&body), &reply, f))
        return false;
    answer = json_loadb(reply.body.ptr == NULL ? "" : reply.body.ptr, reply.body.len, 0, &ignored);
    if (reply.status != 200) {
        read_error(answer, reply.status, f);
        json_decref(answer);
        return false;
    }
    if (answer == NULL)
        return fail(f, FAIL_INPUT, "the server's answer cannot be read");
    *ret_answer = answer;
    return true;
}
