#include "node/task/splunk_client.h"

#include "base/must.h"
#include "os/http_client.h"

#include <jansson.h>

enum {
    CONNECT_TIMEOUT_MS = 3000,
    CALL_TIMEOUT_MS = 10000,
    BODY_BYTES_MAX = 16 << 20,
    ARENA_BYTES = 1 << 16,
    REASON_MAX = 200
};

/* ---- events ---- */

static void set(json_t *object, const char *name, struct str text)
{
    if (text.len > 0)
        must(json_object_set_new(object, name, json_stringn(text.ptr, text.len)) == 0);
}

/* A line that is a JSON object or list, in the format for that; else NULL. */
static json_t *parsed(const struct splunk_options *options, struct str line)
{
    return options->format == SPLUNK_FORMAT_JSON ? json_loadb(line.ptr, line.len, 0, NULL) : NULL;
}

static json_t *event_of(const struct splunk_place *place, struct str line)
{
    json_t *event;
    json_t *value;
    auto_buf raw = {.ptr = NULL};

    if (place->options->format == SPLUNK_FORMAT_RAW) {
        buf_printf(&raw, "%.*s%s", STR_ARG(place->tag), place->tag.len == 0 ? "" : " ");
        buf_add(&raw, line);
        return json_stringn(raw.ptr, raw.len);
    }
    event = json_object();
    value = parsed(place->options, line);
    must(json_object_set_new(event, "line", value != NULL ? value : json_stringn(line.ptr, line.len)) == 0);
    set(event, "tag", place->tag);
    return event;
}

static void add_event(const struct splunk_place *place, const struct line *line, struct buf *body)
{
    json_t *message = json_object();
    char time[32];
    char *text;

    (void)snprintf(time, sizeof(time), "%lld.%03d", (long long)(line->when_ms / 1000), (int)(line->when_ms % 1000));
    must(json_object_set_new(message, "event", event_of(place, line->text)) == 0);
    set(message, "time", str_of(time));
    set(message, "host", place->host);
    set(message, "source", place->options->source);
    set(message, "sourcetype", place->options->sourcetype);
    set(message, "index", place->options->index);
    text = json_dumps(message, JSON_COMPACT);
    must(text != NULL);
    buf_add_cstr(body, text);
    free(text);
    json_decref(message);
}

/* ---- calls ---- */

/* "Invalid token", as the collector says it: only what can be shown anywhere. */
static void reason_of(const struct http_client_reply *reply, char reason[REASON_MAX])
{
    json_t *body = json_loadb(reply->body.ptr == NULL ? "" : reply->body.ptr, reply->body.len, 0, NULL);
    const char *text = json_string_value(json_object_get(body, "text"));

    (void)snprintf(reason, REASON_MAX, "%s", text == NULL ? "no reason given" : text);
    for (char *c = reason; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    json_decref(body);
}

static enum log_outcome call(struct log_client *client, const struct splunk_options *options,
                             struct http_client_request *request, struct fail *f)
{
    auto_client_reply reply = {0};
    char reason[REASON_MAX];

    request->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    request->total_timeout_ms = CALL_TIMEOUT_MS;
    request->insecure = options->insecure;
    if (!log_client_fetch(client, request, &reply, f))
        return LOG_OUTCOME_RETRY;
    if (reply.status == 200)
        return LOG_OUTCOME_DONE;
    reason_of(&reply, reason);
    (void)fail(f, FAIL_SYSTEM, "splunk: HTTP status %u: %s", reply.status, reason);
    return reply.status >= 500 || reply.status == 429 ? LOG_OUTCOME_RETRY : LOG_OUTCOME_REFUSED;
}

enum log_outcome splunk_client_put(struct log_client *client, const struct splunk_place *place,
                                   const struct log_batch *batch, struct fail *f)
{
    struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}, {STR("Authorization"), STR("")}};
    struct http_client_request request = {.method = "POST", .headers = headers, .header_count = COUNT_OF(headers)};
    auto_buf body = {.limit = BODY_BYTES_MAX};
    enum log_outcome outcome;
    struct arena arena;

    for (size_t i = 0; i < batch->count; i++)
        add_event(place, &batch->events[i], &body);
    if (body.overflowed) {
        (void)fail(f, FAIL_LIMIT, "splunk: %zu lines are more than %d bytes", batch->count, BODY_BYTES_MAX);
        return LOG_OUTCOME_REFUSED;
    }
    arena_init(&arena, ARENA_BYTES);
    headers[1].value = arena_printf(&arena, "Splunk %.*s", STR_ARG(place->options->token));
    request.url = splunk_collector(place->options, &arena).ptr;
    request.body = buf_str(&body);
    outcome = call(client, place->options, &request, f);
    arena_free(&arena);
    return outcome;
}

enum log_outcome splunk_client_verify(struct log_client *client, const struct splunk_options *options, struct fail *f)
{
    struct http_client_request request = {.method = "OPTIONS"};
    enum log_outcome outcome;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    request.url = splunk_collector(options, &arena).ptr;
    outcome = call(client, options, &request, f);
    arena_free(&arena);
    return outcome;
}
