/* Owns the connections and their thread. Frames are websocket_frames.c, bytes and the client's handshake
 * websocket_channel.c. */
#include <uv.h> /* first: it has a member named as base/attributes.h's `unused` */

#include "os/websocket.h"

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "os/clock.h"
#include "os/websocket_channel.h"
#include "os/websocket_frames.h"
#include "os/websocket_handshake.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

enum {
    THREAD_STACK_BYTES = 256 << 10,
    MESSAGE_BYTES_MAX_DEFAULT = 64 << 20,
    QUEUE_BYTES_MAX_DEFAULT = 64 << 20,
    PING_MS_DEFAULT = 30000,
    GOODBYE_MS = 5000, /* how long the peer has to answer ours */
    CODE_GOING_AWAY = 1001,
    CODE_BROKEN = 1006,
    CODE_POLICY = 1008,
};

struct outgoing {
    struct list link;
    bool text;
    size_t len;
    char bytes[];
};

/* A connection. Life: 1 websocket_new, by any thread  2 begin, on the loop  3 finish: closed is told, the id is gone
 * 4 freed when libuv has let go of its two handles. */
struct websocket {
    uint64_t id;
    struct websockets *sockets;
    struct websocket_options options;
    struct channel channel; /* from here: the loop's */
    struct frames *frames;
    struct list link; /* websockets.open */
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles_open;
    int64_t heard_ms;    /* when the last byte came */
    size_t flight_bytes; /* of the message that frames is writing */
    bool began;
    bool finished;
    bool goodbye_queued;

    struct list ready_link; /* from here: under websockets.lock; websockets.ready, or linked to itself */
    struct list queue;      /* struct outgoing */
    size_t queue_bytes;     /* with flight_bytes */
    bool overflowed;
    bool goodbye_wanted;
    uint16_t goodbye_code;
    char goodbye_reason[124];
};

struct websockets {
    uv_loop_t loop; /* the thread's, but for `wake` */
    uv_async_t wake;
    pthread_t thread;
    struct list open;
    pthread_mutex_t lock; /* protects what follows */
    struct map by_id;
    uint64_t last_id;
    struct list ready; /* have something to do that another thread asked for */
    bool stopping;
};

static struct str id_key(const struct websocket *socket)
{
    return (struct str){(const char *)&socket->id, sizeof(socket->id)};
}

/* Under lock; NULL when it is closed. */
static struct websocket *find(struct websockets *sockets, uint64_t id)
{
    return map_get(&sockets->by_id, (struct str){(const char *)&id, sizeof(id)});
}

/* Under lock. */
static void mark_ready(struct websocket *socket)
{
    if (list_empty(&socket->ready_link))
        list_add_last(&socket->sockets->ready, &socket->ready_link);
    (void)uv_async_send(&socket->sockets->wake);
}

static void websocket_free(struct websocket *socket)
{
    while (!list_empty(&socket->queue))
        free(list_item(list_take_first(&socket->queue), struct outgoing, link));
    channel_close(&socket->channel);
    frames_free(socket->frames);
    free(socket);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct websocket *socket = handle->data;

    if (--socket->handles_open == 0)
        websocket_free(socket);
}

/* The last thing that happens to a connection; nobody finds it afterwards. */
static void finish(struct websocket *socket, uint16_t code, struct str reason)
{
    struct websockets *sockets = socket->sockets;

    must(!socket->finished);
    socket->finished = true;
    (void)pthread_mutex_lock(&sockets->lock);
    (void)map_remove(&sockets->by_id, id_key(socket));
    list_remove(&socket->ready_link);
    (void)pthread_mutex_unlock(&sockets->lock);
    list_remove(&socket->link);
    if (socket->began && socket->options.closed != NULL)
        socket->options.closed(socket->options.context, socket->id, code, reason);
    if (socket->handles_open == 0) {
        websocket_free(socket);
        return;
    }
    uv_close((uv_handle_t *)&socket->poll, on_handle_closed);
    uv_close((uv_handle_t *)&socket->timer, on_handle_closed);
}

static void finish_as_framed(struct websocket *socket)
{
    struct frames_end end = frames_end(socket->frames);

    if (socket->goodbye_queued && end.code == CODE_BROKEN) /* it left instead of answering ours */
        finish(socket, socket->goodbye_code, str_of(socket->goodbye_reason));
    else
        finish(socket, end.code, str_of(end.reason));
}

static void on_timer(uv_timer_t *timer);

/* What to write next, moved from the queue into frames; false when there is nothing, or memory is out. */
static bool take_next(struct websocket *socket)
{
    struct outgoing *next = NULL;
    bool goodbye;
    bool queued;

    (void)pthread_mutex_lock(&socket->sockets->lock);
    socket->queue_bytes -= socket->flight_bytes; /* frames has nothing left: it is out */
    socket->flight_bytes = 0;
    if (!list_empty(&socket->queue))
        next = list_item(list_take_first(&socket->queue), struct outgoing, link);
    goodbye = socket->goodbye_wanted && !socket->goodbye_queued;
    (void)pthread_mutex_unlock(&socket->sockets->lock);
    if (next != NULL) {
        socket->flight_bytes = next->len;
        queued = frames_send(socket->frames, next->text, (struct str){next->bytes, next->len});
        free(next);
        return queued;
    }
    if (!goodbye)
        return false;
    socket->goodbye_queued = true;
    (void)uv_timer_start(&socket->timer, on_timer, GOODBYE_MS, /* repeat: */ 0);
    return frames_close(socket->frames, socket->goodbye_code, str_of(socket->goodbye_reason));
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Writes what can be written and waits for the rest. */
static void go_on(struct websocket *socket)
{
    enum frames_state state = FRAMES_BROKEN;
    ssize_t left = channel_flush(&socket->channel);

    if (left != FRAMES_END) {
        do
            state = frames_flush(socket->frames);
        while (state == FRAMES_OPEN && !frames_pending(socket->frames) && take_next(socket));
        left = channel_flush(&socket->channel);
    }
    if (state != FRAMES_OPEN || left == FRAMES_END)
        finish_as_framed(socket);
    else
        (void)uv_poll_start(&socket->poll,
                            UV_READABLE | (left != 0 || frames_pending(socket->frames) ? UV_WRITABLE : 0), on_poll);
}

static void read_and_go_on(struct websocket *socket)
{
    enum frames_state state;

    socket->channel.turn_bytes = 0;
    state = frames_receive(socket->frames);
    if (state == FRAMES_BROKEN)
        finish_as_framed(socket);
    else
        go_on(socket);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct websocket *socket = poll->data;

    (void)status; /* an error shows in the next receive */
    if (events & UV_WRITABLE && !(events & UV_READABLE))
        go_on(socket);
    else
        read_and_go_on(socket);
}

static void on_timer(uv_timer_t *timer)
{
    struct websocket *socket = timer->data;

    if (socket->goodbye_queued) {
        finish(socket, socket->goodbye_code, str_of(socket->goodbye_reason));
    } else if (clock_monotonic_ms() - socket->heard_ms >= socket->options.silence_ms) {
        finish(socket, CODE_BROKEN, STR("the peer does not answer pings"));
    } else {
        (void)frames_ping(socket->frames);
        go_on(socket);
    }
}

static ssize_t on_receive(void *context, char *at, size_t size)
{
    struct websocket *socket = context;
    ssize_t len = channel_receive(&socket->channel, at, size);

    if (len > 0)
        socket->heard_ms = clock_monotonic_ms();
    return len;
}

static ssize_t on_send(void *context, struct str bytes, bool more)
{
    struct websocket *socket = context;

    return channel_send(&socket->channel, bytes, more);
}

static void on_message(void *context, bool text, struct str bytes)
{
    struct websocket *socket = context;

    if (socket->options.message != NULL)
        socket->options.message(socket->options.context, socket->id, text, bytes);
}

/* First turn on the loop. */
static void begin(struct websocket *socket)
{
    struct websockets *sockets = socket->sockets;
    int error;

    list_add_last(&sockets->open, &socket->link);
    socket->began = true;
    socket->heard_ms = clock_monotonic_ms();
    if (socket->options.opened != NULL)
        socket->options.opened(socket->options.context, socket->id);
    error = uv_poll_init(&sockets->loop, &socket->poll, channel_fd(&socket->channel));
    if (error != 0) {
        finish(socket, CODE_BROKEN, str_of(uv_strerror(error)));
        return;
    }
    (void)uv_timer_init(&sockets->loop, &socket->timer);
    socket->handles_open = 2;
    socket->poll.data = socket;
    socket->timer.data = socket;
    (void)uv_timer_start(&socket->timer, on_timer, socket->options.ping_ms, socket->options.ping_ms);
    read_and_go_on(socket); /* early bytes do not show in poll */
}

static struct websocket *take_ready(struct websockets *sockets, bool *ret_overflowed)
{
    struct websocket *socket = NULL;

    (void)pthread_mutex_lock(&sockets->lock);
    if (!list_empty(&sockets->ready)) {
        socket = list_item(list_take_first(&sockets->ready), struct websocket, ready_link);
        *ret_overflowed = socket->overflowed;
    }
    (void)pthread_mutex_unlock(&sockets->lock);
    return socket;
}

static void close_all(struct websockets *sockets)
{
    list_each(link, after, &sockets->open)
    {
        struct websocket *socket = list_item(link, struct websocket, link);

        if (!socket->goodbye_queued && frames_close(socket->frames, CODE_GOING_AWAY, STR("going away")))
            (void)frames_flush(socket->frames);
        finish(socket, CODE_GOING_AWAY, STR("we stop"));
    }
    uv_close((uv_handle_t *)&sockets->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct websockets *sockets = wake->data;
    struct websocket *socket;
    bool overflowed;
    bool stopping;

    while ((socket = take_ready(sockets, &overflowed)) != NULL) {
        if (!socket->began)
            begin(socket);
        else if (overflowed)
            finish(socket, CODE_POLICY, STR("the peer reads too slowly: the queue is full"));
        else
            go_on(socket);
    }
    (void)pthread_mutex_lock(&sockets->lock);
    stopping = sockets->stopping;
    (void)pthread_mutex_unlock(&sockets->lock);
    if (stopping)
        close_all(sockets);
}

static void *run(void *context)
{
    struct websockets *sockets = context;

    (void)uv_run(&sockets->loop, UV_RUN_DEFAULT); /* ends when close_all has closed the last handle */
    return NULL;
}

static int start_thread(struct websockets *sockets)
{
    pthread_attr_t attributes;
    int error;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    error = pthread_create(&sockets->thread, &attributes, run, sockets);
    (void)pthread_attr_destroy(&attributes);
    return error;
}

bool websockets_start(struct websockets **ret_sockets, struct fail *f)
{
    struct websockets *sockets = calloc(1, sizeof(*sockets));
    int error;

    if (sockets == NULL)
        return fail(f, FAIL_SYSTEM, "start the websockets: out of memory");
    list_init(&sockets->open);
    list_init(&sockets->ready);
    error = uv_loop_init(&sockets->loop);
    if (error != 0) {
        free(sockets);
        return fail(f, FAIL_SYSTEM, "start the websockets' event loop: %s", uv_strerror(error));
    }
    must(uv_async_init(&sockets->loop, &sockets->wake, on_wake) == 0);
    sockets->wake.data = sockets;
    (void)pthread_mutex_init(&sockets->lock, NULL);
    error = start_thread(sockets);
    if (error != 0) {
        uv_close((uv_handle_t *)&sockets->wake, NULL);
        (void)uv_run(&sockets->loop, UV_RUN_DEFAULT);
        must(uv_loop_close(&sockets->loop) == 0);
        free(sockets);
        return fail(f, FAIL_SYSTEM, "start a thread: %s", strerror(error));
    }
    *ret_sockets = sockets;
    return true;
}

void websockets_stop(struct websockets *sockets)
{
    (void)pthread_mutex_lock(&sockets->lock);
    sockets->stopping = true;
    (void)uv_async_send(&sockets->wake);
    (void)pthread_mutex_unlock(&sockets->lock);
    (void)pthread_join(sockets->thread, NULL);
    must(uv_loop_close(&sockets->loop) == 0);
    map_free(&sockets->by_id);
    (void)pthread_mutex_destroy(&sockets->lock);
    free(sockets);
}

static void fill_defaults(struct websocket_options *options)
{
    if (options->message_bytes_max == 0)
        options->message_bytes_max = MESSAGE_BYTES_MAX_DEFAULT;
    if (options->queue_bytes_max == 0)
        options->queue_bytes_max = QUEUE_BYTES_MAX_DEFAULT;
    if (options->ping_ms == 0)
        options->ping_ms = PING_MS_DEFAULT;
    if (options->silence_ms == 0)
        options->silence_ms = 3 * options->ping_ms;
}

/* Takes the channel in any case. */
static bool add(struct websockets *sockets, struct channel *channel, const struct websocket_options *options,
                uint64_t *ret_id, struct fail *f)
{
    struct websocket *socket = calloc(1, sizeof(*socket));
    bool client = channel->curl != NULL;
    struct frames_options frames = {
        .client = client, .context = socket, .receive = on_receive, .send = on_send, .message = on_message};
    bool stopping;

    if (socket == NULL) {
        channel_close(channel);
        return fail(f, FAIL_SYSTEM, "open a websocket: out of memory");
    }
    *socket = (struct websocket){.sockets = sockets, .options = *options, .channel = *channel};
    list_init(&socket->link);
    list_init(&socket->ready_link);
    list_init(&socket->queue);
    fill_defaults(&socket->options);
    frames.message_bytes_max = socket->options.message_bytes_max;
    if (!frames_open(&frames, &socket->frames, f)) {
        websocket_free(socket);
        return false;
    }
    (void)pthread_mutex_lock(&sockets->lock);
    stopping = sockets->stopping;
    if (!stopping) {
        socket->id = ++sockets->last_id;
        *ret_id = socket->id;
        (void)map_put(&sockets->by_id, id_key(socket), socket);
        mark_ready(socket);
    }
    (void)pthread_mutex_unlock(&sockets->lock);
    if (!stopping)
        return true;
    websocket_free(socket);
    return fail(f, FAIL_CONFLICT, "open a websocket: the program is stopping");
}

/* What `take` needs once the 101 is out; in the exchange's arena. */
struct handover {
    struct websockets *sockets;
    struct websocket_options options;
};

static void take_over(void *context, struct http_socket socket, struct str early)
{
    const struct handover *handover = context;
    struct channel channel = {.socket = socket};
    const int on = 1;
    uint64_t id;
    struct fail f;

    (void)setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on TLS's inner socket: no matter */
    buf_add(&channel.early, early);
    (void)add(handover->sockets, &channel, &handover->options, &id, &f); /* at worst the client sees it close */
}

static void refuse(struct http_exchange *exchange, const char *why)
{
    bool upgrade_missing = strstr(why, "upgrade") != NULL;
    struct http_header headers[] = {{STR("Content-Type"), STR("text/plain")},
                                    {STR("Sec-WebSocket-Version"), STR("13")},
                                    {STR("Upgrade"), STR("websocket")}};

    http_exchange_reply(exchange, &(struct http_reply){.status = upgrade_missing ? 426 : 400,
                                                       .headers = headers,
                                                       .header_count = upgrade_missing ? 3 : 2,
                                                       .bytes = str_of(why)});
}

void websocket_serve(struct websockets *sockets, struct http_exchange *exchange, struct str protocol,
                     const struct websocket_options *options)
{
    struct handover *handover = arena_new(exchange->arena, struct handover);
    char accept[WEBSOCKET_ACCEPT_BYTES];
    struct fail f;

    if (!websocket_check_request(&exchange->request, accept, &f)) {
        refuse(exchange, f.message);
        return;
    }
    struct http_header headers[] = {{STR("Upgrade"), STR("websocket")},
                                    {STR("Sec-WebSocket-Accept"), str_of(accept)},
                                    {STR("Sec-WebSocket-Protocol"), protocol}};

    *handover = (struct handover){.sockets = sockets, .options = *options};
    http_exchange_upgrade(exchange, headers, protocol.ptr == NULL ? 2 : 3, take_over, handover);
}

bool websocket_connect(struct websockets *sockets, const struct websocket_target *target,
                       const struct websocket_options *options, uint64_t *ret_id, struct fail *f)
{
    struct channel channel;

    return channel_connect(target, &channel, f) && add(sockets, &channel, options, ret_id, f);
}

bool websocket_send(struct websockets *sockets, uint64_t id, bool text, struct str bytes)
{
    struct outgoing *outgoing = malloc(sizeof(*outgoing) + bytes.len);
    struct websocket *socket;
    bool taken = false;

    if (outgoing == NULL)
        return false;
    *outgoing = (struct outgoing){.text = text, .len = bytes.len};
    if (bytes.len > 0)
        memcpy(outgoing->bytes, bytes.ptr, bytes.len);
    (void)pthread_mutex_lock(&sockets->lock);
    socket = find(sockets, id);
    if (socket != NULL && !socket->goodbye_wanted && !socket->overflowed) {
        socket->overflowed = bytes.len > socket->options.queue_bytes_max - socket->queue_bytes;
        taken = !socket->overflowed;
        if (taken) {
            list_add_last(&socket->queue, &outgoing->link);
            socket->queue_bytes += bytes.len;
        }
        mark_ready(socket);
    }
    (void)pthread_mutex_unlock(&sockets->lock);
    if (!taken)
        free(outgoing);
    return taken;
}

void websocket_close(struct websockets *sockets, uint64_t id, uint16_t code, struct str reason)
{
    struct websocket *socket;

    (void)pthread_mutex_lock(&sockets->lock);
    socket = find(sockets, id);
    if (socket != NULL && !socket->goodbye_wanted) {
        socket->goodbye_wanted = true;
        socket->goodbye_code = code;
        (void)snprintf(socket->goodbye_reason, sizeof(socket->goodbye_reason), "%.*s", STR_ARG(reason));
        mark_ready(socket);
    }
    (void)pthread_mutex_unlock(&sockets->lock);
}
