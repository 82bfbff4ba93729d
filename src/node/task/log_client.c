#include "node/task/log_client.h"

#include "base/must.h"
#include "os/aws_call.h"
#include "wire/json.h"

enum { CALL_TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 3000, BODY_BYTES_MAX = 16 << 20, ENDPOINT_BYTES = 300 };

struct log_client {
    struct http_client *http;
    char endpoint[ENDPOINT_BYTES]; /* "http://127.0.0.1:4566" */
    const _Atomic bool *cancel;
};

bool log_client_new(const char *address, const _Atomic bool *cancel, struct log_client **ret_client, struct fail *f)
{
    struct log_client *client = calloc(1, sizeof(*client));

    must(client != NULL);
    (void)snprintf(client->endpoint, sizeof(client->endpoint), "http://%s", address);
    client->cancel = cancel;
    if (!http_client_new(&client->http, f)) {
        free(client);
        return false;
    }
    *ret_client = client;
    return true;
}

void log_client_free(struct log_client *client)
{
    if (client == NULL)
        return;
    http_client_free(client->http);
    free(client);
}

/* ---- one call ---- */

static const struct {
    const char *type;
    enum log_outcome outcome;
} outcomes[] = {
    {LOGS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, LOG_OUTCOME_MISSING},
    {LOGS_ERROR_RESOURCE_ALREADY_EXISTS_EXCEPTION, LOG_OUTCOME_DONE},
    {LOGS_ERROR_THROTTLING_EXCEPTION, LOG_OUTCOME_RETRY},
    {LOGS_ERROR_SERVICE_UNAVAILABLE_EXCEPTION, LOG_OUTCOME_RETRY},
};

/* What became of a call that was answered otherwise than with 200. */
static enum log_outcome refused(const struct http_client_reply *reply, struct fail *f)
{
    json_t *body = aws_reply_body(reply);
    const char *type = aws_error_type(body);
    enum log_outcome outcome = reply->status >= 500 ? LOG_OUTCOME_RETRY : LOG_OUTCOME_REFUSED;

    for (size_t i = 0; type != NULL && i < COUNT_OF(outcomes); i++)
        if (strcmp(type, outcomes[i].type) == 0)
            outcome = outcomes[i].outcome;
    (void)aws_refused(body, reply->status, f);
    json_decref(body);
    return outcome;
}

struct log_call {
    const struct log_place *place;
    const struct operation *operation;
    const void *input;
    const char *name; /* so that it can be repeated; NULL: it has none */
};

static enum log_outcome call(struct log_client *client, const struct log_call *wanted, struct fail *f)
{
    auto_buf body = {.limit = BODY_BYTES_MAX};

    const struct log_place *place = wanted->place;
    struct aws_call aws = {.client = client->http,
                           .operation = wanted->operation,
                           .signer = aws_signer(place->credentials, place->region),
                           .endpoint = str_of(client->endpoint),
                           .invocation_id = str_of(wanted->name),
                           .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                           .total_timeout_ms = CALL_TIMEOUT_MS,
                           .cancel = client->cancel};
    auto_client_reply reply = {0};

    wire_json_write(wanted->operation->input, wanted->input, &body);
    aws.body = buf_str(&body);
    if (!aws_call(&aws, &reply, f))
        return LOG_OUTCOME_RETRY;
    return reply.status == 200 ? LOG_OUTCOME_DONE : refused(&reply, f);
}

/* ---- the three calls ---- */

enum log_outcome log_client_put(struct log_client *client, const struct log_place *place,
                                const struct logs_input_log_events *events, const char *request, struct fail *f)
{
    const struct logs_put_log_events_request input = {
        .log_group_name = place->group, .log_stream_name = place->stream, .log_events = *events};

    return call(client, &(struct log_call){place, &logs_put_log_events_operation, &input, request}, f);
}

static enum log_outcome create_stream(struct log_client *client, const struct log_place *place, struct fail *f)
{
    const struct logs_create_log_stream_request input = {.log_group_name = place->group,
                                                         .log_stream_name = place->stream};

    return call(client, &(struct log_call){place, &logs_create_log_stream_operation, &input, NULL}, f);
}

enum log_outcome log_client_ensure(struct log_client *client, const struct log_place *place, bool create_group,
                                   struct fail *f)
{
    const struct logs_create_log_group_request group = {.log_group_name = place->group};
    enum log_outcome outcome = create_stream(client, place, f);

    if (outcome != LOG_OUTCOME_MISSING || !create_group)
        return outcome;
    outcome = call(client, &(struct log_call){place, &logs_create_log_group_operation, &group, NULL}, f);
    return outcome == LOG_OUTCOME_DONE ? create_stream(client, place, f) : outcome;
}

bool log_client_fetch(struct log_client *client, struct http_client_request *request,
                      struct http_client_reply *ret_reply, struct fail *f)
{
    request->cancel = client->cancel;
    return http_fetch(client->http, request, ret_reply, f);
}
