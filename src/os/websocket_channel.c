/* Owns the bytes under a websocket and the client's opening handshake. */
#include "os/websocket_channel.h"

#include "base/must.h"
#include "os/clock.h"
#include "os/websocket_frames.h"
#include "os/websocket_handshake.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    TURN_BYTES_MAX = 1 << 20, /* of one connection before the others get their turn */
    ANSWER_BYTES_MAX = 16 << 10,
    TIMEOUT_MS_DEFAULT = 10000,
    REASON_BYTES_MAX = 300, /* of a refusal that a failure shows */
};

int channel_fd(const struct channel *channel)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (channel->curl == NULL)
        return channel->socket.fd;
    (void)curl_easy_getinfo(channel->curl, CURLINFO_ACTIVESOCKET, &fd);
    return fd;
}

static ssize_t receive_early(struct channel *channel, char *at, size_t size)
{
    size_t len = channel->early.len < size ? channel->early.len : size;

    memcpy(at, channel->early.ptr, len);
    buf_consume(&channel->early, len);
    if (channel->early.len == 0)
        buf_free(&channel->early);
    return (ssize_t)len;
}

static ssize_t receive_curl(CURL *curl, char *at, size_t size)
{
    size_t len = 0;
    CURLcode code = curl_easy_recv(curl, at, size, &len);

    if (code == CURLE_AGAIN)
        return FRAMES_AGAIN;
    return code != CURLE_OK || len == 0 ? FRAMES_END : (ssize_t)len;
}

static ssize_t of_socket(ssize_t result)
{
    if (result > 0)
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? FRAMES_AGAIN : FRAMES_END;
}

ssize_t channel_receive(struct channel *channel, char *at, size_t size)
{
    ssize_t len;

    if (channel->early.len > 0)
        return receive_early(channel, at, size);
    /* libcurl must be read until it has nothing: what TLS has decrypted already, poll does not see. */
    if (channel->curl != NULL)
        return receive_curl(channel->curl, at, size);
    if (channel->turn_bytes > TURN_BYTES_MAX)
        return FRAMES_AGAIN;
    len = of_socket(recv(channel->socket.fd, at, size, 0));
    if (len > 0)
        channel->turn_bytes += (size_t)len;
    return len;
}

ssize_t channel_flush(struct channel *channel)
{
    while (channel->unsent.len > 0) {
        size_t len = 0;
        CURLcode code = curl_easy_send(channel->curl, channel->unsent.ptr, channel->unsent.len, &len);

        if (code == CURLE_AGAIN || (code == CURLE_OK && len == 0))
            return FRAMES_AGAIN;
        if (code != CURLE_OK)
            return FRAMES_END;
        buf_consume(&channel->unsent, len);
    }
    return 0;
}

/* A write that TLS could not finish must be tried again with the same bytes at the same place (SSL_write), and the
 * frames' masked bytes are on a stack: so they are copied first, and count as sent. */
static ssize_t send_curl(struct channel *channel, struct str bytes)
{
    ssize_t left = channel_flush(channel);

    if (left != 0)
        return left;
    buf_add(&channel->unsent, bytes);
    if (channel->unsent.overflowed || channel_flush(channel) == FRAMES_END)
        return FRAMES_END;
    return (ssize_t)bytes.len;
}

ssize_t channel_send(struct channel *channel, struct str bytes, bool more)
{
    if (channel->curl != NULL)
        return send_curl(channel, bytes);
    return of_socket(
        send(channel->socket.fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0)));
}

void channel_close(struct channel *channel)
{
    http_socket_close(&channel->socket);
    if (channel->curl != NULL)
        curl_easy_cleanup(channel->curl);
    channel->curl = NULL;
    buf_free(&channel->early);
    buf_free(&channel->unsent);
}

/* The parts of a ws:// or wss:// URL. */
struct place {
    char url[2048];    /* for libcurl: http:// or https:// */
    char host[300];    /* "host:port" */
    char target[2048]; /* path and query */
};

static bool parse_url(const char *text, struct place *ret_place, struct fail *f)
{
    struct str url = str_of(text);
    bool tls = str_starts(url, STR("wss://"));
    CURLU *parts = curl_url();
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;
    char *query = NULL;
    bool good = parts != NULL && (tls || str_starts(url, STR("ws://"))) && url.len + 3 < sizeof(ret_place->url);

    (void)snprintf(ret_place->url, sizeof(ret_place->url), "%s%.*s", tls ? "https" : "http",
                   good ? (int)(url.len - (tls ? 3 : 2)) : 0, good ? url.ptr + (tls ? 3 : 2) : "");
    good = good && curl_url_set(parts, CURLUPART_URL, ret_place->url, 0) == CURLUE_OK &&
           curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
           curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
           curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    if (good) {
        (void)curl_url_get(parts, CURLUPART_QUERY, &query, 0); /* may be absent */
        (void)snprintf(ret_place->host, sizeof(ret_place->host), "%s:%s", host, port);
        (void)snprintf(ret_place->target, sizeof(ret_place->target), "%s%s%s", path, query == NULL ? "" : "?",
                       query == NULL ? "" : query); /* shorter than the URL */
    }
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(parts);
    return good || fail(f, FAIL_INPUT, "not a URL of the form ws://host or wss://host");
}

static bool connect_to(CURL *curl, const struct websocket_target *target, const struct place *place, int timeout_ms,
                       struct fail *f)
{
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode code;

    (void)curl_easy_setopt(curl, CURLOPT_URL, place->url);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L); /* HTTP/1.1 it must be */
    (void)curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    if (target->ca_file != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca_file);
    if (target->insecure) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    code = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK)
        return true;
    return fail(f, code == CURLE_OPERATION_TIMEDOUT ? FAIL_LIMIT : FAIL_SYSTEM, "%s",
                reason[0] == '\0' ? curl_easy_strerror(code) : reason);
}

static bool wait_for(const struct channel *channel, short events, int64_t deadline_ms, struct fail *f)
{
    struct pollfd ready = {.fd = channel_fd(channel), .events = events};
    int left_ms = clock_left_ms(deadline_ms);

    if (left_ms == 0 || (poll(&ready, 1, left_ms) == 0 && clock_left_ms(deadline_ms) == 0))
        return fail(f, FAIL_LIMIT, "the websocket handshake took too long");
    return true;
}

static bool send_request(struct channel *channel, const struct websocket_target *target, const struct place *place,
                         const char *key, int64_t deadline_ms, struct fail *f)
{
    auto_buf request = {.limit = 64 << 10};

    buf_printf(&request,
               "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
               place->target, place->host, key);
    for (size_t i = 0; i < target->header_count; i++) {
        const struct http_header *header = &target->headers[i];

        if (str_find(header->value, '\r') < header->value.len || str_find(header->value, '\n') < header->value.len)
            return fail(f, FAIL_INPUT, "header %.*s cannot be sent", STR_ARG(header->name));
        buf_printf(&request, "%.*s: %.*s\r\n", STR_ARG(header->name), STR_ARG(header->value));
    }
    buf_add_cstr(&request, "\r\n");
    if (request.overflowed)
        return fail(f, FAIL_LIMIT, "the websocket's request is too large");
    if (channel_send(channel, buf_str(&request), /* more: */ false) == FRAMES_END)
        return fail(f, FAIL_SYSTEM, "the connection broke during the websocket handshake");
    for (;;) {
        ssize_t left = channel_flush(channel);

        if (left == FRAMES_END)
            return fail(f, FAIL_SYSTEM, "the connection broke during the websocket handshake");
        if (left == 0)
            return true;
        if (!wait_for(channel, POLLOUT, deadline_ms, f))
            return false;
    }
}

/* Reads the head of the answer; what comes behind it stays in channel->early. */
static bool read_answer(struct channel *channel, const char *key, int64_t deadline_ms, struct fail *f)
{
    auto_buf answer = {.limit = ANSWER_BYTES_MAX};
    char piece[2048];
    size_t end;

    while ((end = str_search(buf_str(&answer), STR("\r\n\r\n"))) == answer.len) {
        ssize_t len = channel_receive(channel, piece, sizeof(piece));

        if (len == FRAMES_END)
            return fail(f, FAIL_SYSTEM, "the connection ended during the websocket handshake");
        if (len == FRAMES_AGAIN) {
            if (!wait_for(channel, POLLIN, deadline_ms, f))
                return false;
            continue;
        }
        buf_add(&answer, (struct str){piece, (size_t)len});
        if (answer.overflowed)
            return fail(f, FAIL_LIMIT, "the answer to the websocket handshake is too large");
    }
    if (!websocket_check_answer(str_to(buf_str(&answer), end + 4), key, f)) {
        struct fail why = *f;
        struct str body = str_from(buf_str(&answer), end + 4);

        /* What came with it says why: the ECS agent looks for "InactiveInstanceException". */
        return body.len > 0 && fail(f, why.code, "%s: %.*s", why.message,
                                    body.len < REASON_BYTES_MAX ? (int)body.len : REASON_BYTES_MAX, body.ptr);
    }
    buf_add(&channel->early, str_from(buf_str(&answer), end + 4));
    return true;
}

static bool open_as_client(const struct websocket_target *target, const struct place *place, struct channel *channel,
                           struct fail *f)
{
    unsigned timeout_ms = target->timeout_ms == 0 ? TIMEOUT_MS_DEFAULT : target->timeout_ms;
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    char key[WEBSOCKET_KEY_BYTES];

    websocket_new_key(key);
    return connect_to(channel->curl, target, place, (int)timeout_ms, f) &&
           send_request(channel, target, place, key, deadline_ms, f) && read_answer(channel, key, deadline_ms, f);
}

bool channel_connect(const struct websocket_target *target, struct channel *ret_channel, struct fail *f)
{
    struct channel channel = {.socket.fd = -1, .curl = curl_easy_init()};
    struct place place = {0};
    bool good = channel.curl != NULL;

    if (!good)
        return fail(f, FAIL_SYSTEM, "out of memory");
    good = parse_url(target->url, &place, f);
    if (good && !open_as_client(target, &place, &channel, f))
        good = fail_in(f, "%s", place.host);
    if (!good) {
        channel_close(&channel);
        return false;
    }
    *ret_channel = channel;
    return true;
}
