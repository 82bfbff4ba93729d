#include "node/agent/agent_session.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/must.h"
#include "base/random.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/entropy.h"
#include "os/websocket.h"

#include <pthread.h>

enum {
    PAUSE_MS_MIN = 250,
    PAUSE_MS_MAX = 120000,
    INACTIVE_MS = 3600000,
    HEARTBEAT_MS = 60000, /* a message within this and as much again at random, or the connection is given up */
    STEADY_MS = 60000,
    NORMAL_CLOSE = 1000,
    GOING_AWAY = 1001,
    BROKEN = 1006,
    SERVER_ERROR = 1011,
};

struct received {
    struct list link;
    size_t len;
    char text[];
};

struct agent_session {
    struct agent_session_options options;
    struct websockets *sockets;
    char *url; /* of the connection; under `lock` */
    struct random random;
    bool credentials_wanted; /* until the first connection of this process */
    pthread_t thread;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    struct list received;
    uint64_t id;        /* of the connection, also when it has ended; 0: there was none yet */
    uint64_t closed_id; /* of the last that has ended */
    uint16_t close_code;
    bool stopping;
};

/* ---- callbacks: on the sockets' thread ---- */

static void on_message(void *context, uint64_t id, bool text, struct str bytes)
{
    struct agent_session *session = context;
    struct received *received = malloc(sizeof(*received) + bytes.len);

    (void)id;
    (void)text;
    must(received != NULL);
    received->len = bytes.len;
    memcpy(received->text, bytes.ptr, bytes.len);
    (void)pthread_mutex_lock(&session->lock);
    list_add_last(&session->received, &received->link);
    (void)pthread_cond_signal(&session->wake);
    (void)pthread_mutex_unlock(&session->lock);
}

static void on_closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    struct agent_session *session = context;

    (void)pthread_mutex_lock(&session->lock);
    if (id > session->closed_id) { /* an earlier one may say goodbye later */
        session->closed_id = id;
        session->close_code = code;
    }
    (void)pthread_cond_signal(&session->wake);
    (void)pthread_mutex_unlock(&session->lock);
    log_info("the session is closed with %u %.*s", code, STR_ARG(reason));
}

/* ---- messages ---- */

/* The block of headers in front of a message on TCS: a signature of GET with the message as body. */
static bool sign(struct agent_session *session, struct str url, struct str text, struct buf *frame)
{
    struct http_header *headers;
    struct arena arena;
    size_t count;
    struct fail f;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = agent_sign_get(session->options.signer, url, text, &arena, &headers, &count, &f);
    for (size_t i = 0; good && i < count; i++)
        buf_printf(frame, "%.*s: %.*s\r\n", STR_ARG(headers[count - 1 - i].name),
                   STR_ARG(headers[count - 1 - i].value));
    if (good)
        buf_printf(frame, "\r\n%.*s", STR_ARG(text));
    else
        log_warning("telemetry cannot be signed: %s", f.message);
    arena_free(&arena);
    return good;
}

bool agent_session_send(struct agent_session *session, const char *type, json_t *message)
{
    json_t *envelope = json_pack("{s:s,s:o}", "type", type, "message", message);
    char *text = json_dumps(envelope, JSON_COMPACT);
    auto_buf frame = {.ptr = NULL};
    auto_free char *url = NULL;
    uint64_t id;
    bool sent;

    must(text != NULL);
    (void)pthread_mutex_lock(&session->lock);
    id = session->closed_id == session->id ? 0 : session->id;
    url = session->url == NULL ? NULL : strdup(session->url);
    (void)pthread_mutex_unlock(&session->lock);
    sent = id != 0;
    if (sent && session->options.signer != NULL)
        sent = sign(session, str_of(url), str_of(text), &frame);
    else
        buf_add_cstr(&frame, text);
    sent = sent && websocket_send(session->sockets, id, /* text= */ true, buf_str(&frame));
    free(text);
    json_decref(envelope);
    return sent;
}

static void dispatch(struct agent_session *session, struct str text)
{
    json_error_t error;
    json_t *envelope = json_loadb(text.ptr, text.len, 0, &error);
    const char *type = json_string_value(json_object_get(envelope, "type"));
    const json_t *message = json_object_get(envelope, "message");

    if (type == NULL || !json_is_object(message))
        log_warning("the server sends what is no message; it is dropped");
    else if (session->options.channel == AGENT_ACS && strcmp(type, "HeartbeatMessage") == 0)
        (void)agent_session_send(session, "HeartbeatAckRequest",
                                 json_pack("{s:O?}", "messageId", json_object_get(message, "messageId")));
    else
        session->options.message(session->options.context, type, message);
    json_decref(envelope);
}

/* ---- one connection ---- */

static const struct {
    const char *endpoint;            /* of DiscoverPollEndpoint's answer */
    const char *cluster, *container; /* parameters of the URL */
} channels[] = {
    [AGENT_ACS] = {"endpoint", "clusterArn", "containerInstanceArn"},
    [AGENT_TCS] = {"telemetryEndpoint", "cluster", "containerInstance"},
};

static bool discover(struct agent_session *session, struct arena *arena, struct str *ret_endpoint, struct fail *f)
{
    struct agent_api *api = session->options.api;
    json_t *request = json_pack("{s:s%,s:s,s:s}", "cluster", api->config->cluster.ptr, api->config->cluster.len,
                                "containerInstance", session->options.registration->arn, "zoneId", "");
    const char *endpoint;
    json_t *answer;

    if (!agent_call(api, "DiscoverPollEndpoint", request, &answer, f))
        return false;
    endpoint = json_string_value(json_object_get(answer, channels[session->options.channel].endpoint));
    *ret_endpoint = arena_str(arena, str_of(endpoint));
    json_decref(answer);
    return ret_endpoint->ptr != NULL ||
           fail(f, FAIL_INPUT, "DiscoverPollEndpoint names no %s", channels[session->options.channel].endpoint);
}

static void add_escaped(struct buf *url, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL)
            buf_add_char(url, (char)c);
        else
            buf_printf(url, "%%%02X", c);
    }
}

/* In the order of names, as they are signed. */
static struct str url_of(const struct agent_session *session, struct str endpoint, struct arena *arena)
{
    struct str host = str_from(endpoint, str_search(endpoint, STR("://")) + 3);
    auto_buf url = {.ptr = NULL};

    buf_printf(&url, "%s://%.*s%sws?agentHash=berth&agentVersion=" BERTH_VERSION "&%s=",
               str_starts(endpoint, STR("https")) ? "wss" : "ws", STR_ARG(host), str_ends(host, STR("/")) ? "" : "/",
               channels[session->options.channel].cluster);
    add_escaped(&url, session->options.api->config->cluster);
    buf_printf(&url, "&%s=", channels[session->options.channel].container);
    add_escaped(&url, str_of(session->options.registration->arn));
    if (session->options.channel == AGENT_ACS)
        buf_printf(&url, "&protocolVersion=2&sendCredentials=%s&seqNum=1",
                   session->credentials_wanted ? "true" : "false");
    return arena_str(arena, buf_str(&url));
}

static bool connect_once(struct agent_session *session, struct fail *f)
{
    const struct websocket_options options = {.context = session, .message = on_message, .closed = on_closed};
    struct websocket_target target = {.timeout_ms = 30000};
    struct http_header *headers;
    struct arena arena;
    struct str endpoint;
    struct str url;
    uint64_t id;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = discover(session, &arena, &endpoint, f);
    if (good) {
        url = url_of(session, endpoint, &arena);
        target.url = url.ptr;
        good = agent_sign_get(session->options.api, url, STR(""), &arena, &headers, &target.header_count, f);
        target.headers = headers + (good ? 1 : 0); /* the handshake has a Host of its own */
        target.header_count -= good ? 1 : 0;
    }
    good = good && websocket_connect(session->sockets, &target, &options, &id, f);
    if (good) {
        (void)pthread_mutex_lock(&session->lock);
        session->id = id;
        free(session->url);
        session->url = strdup(target.url);
        (void)pthread_mutex_unlock(&session->lock);
    }
    arena_free(&arena);
    if (!good)
        return false;
    session->credentials_wanted = false;
    log_info("connected as %s", session->options.registration->arn);
    if (session->options.opened != NULL)
        session->options.opened(session->options.context);
    return true;
}

/* lock held. */
static void wait_until(struct agent_session *session, int64_t when_ms)
{
    (void)condition_wait(&session->wake, &session->lock, when_ms);
}

/* Hears messages until the connection ends or nothing is heard for too long. */
static void listen(struct agent_session *session)
{
    int64_t quiet_ms = HEARTBEAT_MS + (int64_t)random_below(&session->random, HEARTBEAT_MS);
    int64_t until_ms = clock_monotonic_ms() + quiet_ms;

    (void)pthread_mutex_lock(&session->lock);
    while (!session->stopping && !(session->closed_id == session->id && list_empty(&session->received))) {
        struct received *received;

        if (list_empty(&session->received)) {
            if (clock_monotonic_ms() >= until_ms) {
                log_warning("the server is silent; the session is begun anew");
                session->close_code = BROKEN;
                break;
            }
            wait_until(session, until_ms);
            continue;
        }
        received = list_item(list_take_first(&session->received), struct received, link);
        (void)pthread_mutex_unlock(&session->lock);
        dispatch(session, (struct str){received->text, received->len});
        free(received);
        until_ms = clock_monotonic_ms() + quiet_ms;
        (void)pthread_mutex_lock(&session->lock);
    }
    (void)pthread_mutex_unlock(&session->lock);
    websocket_close(session->sockets, session->id, NORMAL_CLOSE, STR("")); /* a closed one is fine */
}

static bool is_normal(uint16_t code)
{
    return code == NORMAL_CLOSE || code == GOING_AWAY || code == BROKEN || code == SERVER_ERROR;
}

static void pause_for(struct agent_session *session, int64_t ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms + (int64_t)random_below(&session->random, (uint64_t)ms / 5 + 1);

    (void)pthread_mutex_lock(&session->lock);
    while (!session->stopping && clock_monotonic_ms() < until_ms)
        wait_until(session, until_ms);
    (void)pthread_mutex_unlock(&session->lock);
}

static bool is_stopping(struct agent_session *session)
{
    bool stopping;

    (void)pthread_mutex_lock(&session->lock);
    stopping = session->stopping;
    (void)pthread_mutex_unlock(&session->lock);
    return stopping;
}

static void *session_main(void *context)
{
    struct agent_session *session = context;
    int64_t wait_ms = PAUSE_MS_MIN;
    struct fail f;

    while (!is_stopping(session)) {
        int64_t begun_ms = clock_monotonic_ms();

        if (!connect_once(session, &f)) {
            bool inactive = strstr(f.message, "InactiveInstanceException") != NULL;

            log_warning("no session: %s", f.message);
            pause_for(session, inactive ? INACTIVE_MS : wait_ms);
            wait_ms = wait_ms * 3 / 2 < PAUSE_MS_MAX ? wait_ms * 3 / 2 : PAUSE_MS_MAX;
            continue;
        }
        listen(session);
        if (is_normal(session->close_code) || clock_monotonic_ms() - begun_ms > STEADY_MS)
            wait_ms = PAUSE_MS_MIN;
        /* A server that closes at once what it opened is not asked without a pause. */
        if (!is_normal(session->close_code) || clock_monotonic_ms() - begun_ms < PAUSE_MS_MIN)
            pause_for(session, wait_ms);
    }
    return NULL;
}

bool agent_session_start(const struct agent_session_options *options, struct agent_session **ret_session,
                         struct fail *f)
{
    struct agent_session *session = calloc(1, sizeof(*session));
    uint64_t seed;

    must(session != NULL);
    session->options = *options;
    session->credentials_wanted = true;
    entropy_fill(&seed, sizeof(seed));
    random_seed(&session->random, seed);
    list_init(&session->received);
    must(pthread_mutex_init(&session->lock, NULL) == 0);
    condition_init(&session->wake);
    if (!websockets_start(&session->sockets, f)) {
        free(session);
        return false;
    }
    must(pthread_create(&session->thread, NULL, session_main, session) == 0);
    *ret_session = session;
    return true;
}

void agent_session_stop(struct agent_session *session)
{
    (void)pthread_mutex_lock(&session->lock);
    session->stopping = true;
    (void)pthread_cond_broadcast(&session->wake);
    (void)pthread_mutex_unlock(&session->lock);
    (void)pthread_join(session->thread, NULL);
    websockets_stop(session->sockets);
    while (!list_empty(&session->received))
        free(list_item(list_take_first(&session->received), struct received, link));
    (void)pthread_cond_destroy(&session->wake);
    (void)pthread_mutex_destroy(&session->lock);
    free(session->url);
    free(session);
}
