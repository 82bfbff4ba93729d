#include "main/api_call.h"

#include "base/must.h"
#include "os/aws_call.h"
#include "wire/json.h"

#include <stdlib.h>

enum { CALL_TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 5000 };

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
static bool find_signer(struct installation *in, struct sigv4_signer *ret_signer, struct fail *f)
{
    struct sigv4_signer signer = {.access_key = str_of(getenv("AWS_ACCESS_KEY_ID")),
                                  .secret = str_of(getenv("AWS_SECRET_ACCESS_KEY")),
                                  .security_token = str_of(getenv("AWS_SESSION_TOKEN")),
                                  .region = str_of(getenv("AWS_REGION"))};
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

bool api_call(struct installation *in, const struct operation *operation, const void *input, json_t **ret_answer,
              struct fail *f)
{
    auto_client_reply reply = {0};
    auto_buf body = {.ptr = NULL};
    struct aws_call call = {.operation = operation,
                            .endpoint = arena_printf(&in->arena, "http://%s", in->listen),
                            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                            .total_timeout_ms = CALL_TIMEOUT_MS};
    json_t *answer;

    wire_json_write(operation->input, input, &body);
    call.body = buf_str(&body);
    if (!find_signer(in, &call.signer, f) || !aws_call(&call, &reply, f))
        return false;
    answer = aws_reply_body(&reply);
    if (reply.status != 200) {
        (void)aws_refused(answer, reply.status, f);
        json_decref(answer);
        return false;
    }
    if (answer == NULL)
        return fail(f, FAIL_INPUT, "the server's answer cannot be read");
    *ret_answer = answer;
    return true;
}
