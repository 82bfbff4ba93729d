#include "edge/session_link.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "core/table.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/entropy.h"
#include "os/websocket.h"
#include "wire/session_json.h"
#include "wire/sigv4_canonical.h"

#include <pthread.h>

/* Both ends of every session, and some that have not shown a token yet. */
enum { GUESTS_MAX = 2 * SESSION_LINKS_MAX + 256 };

enum { CODE_NORMAL = 1000, CODE_GOING_AWAY = 1001, CODE_POLICY = 1008, CODE_TRY_LATER = 1013 };
enum { LOOK_EVERY_MS = 1000, SESSION_KEY_MAX = 160 };

enum side_name { SIDE_CLIENT, SIDE_AGENT, SIDES };

struct session_link;

struct side {
    struct session_link *session;
    enum side_name name;
    struct sigv4_hex hash; /* of its token */
    bool used;             /* the token */
    bool open;             /* the socket is there */
    uint64_t socket;
};

struct session_link {
    struct list link;
    int64_t deadline_ms; /* for both to be open */
    bool farewell;       /* the agent has said channel_closed */
    char key[SESSION_KEY_MAX];
    struct side sides[SIDES];
};

/* A websocket. */
struct guest {
    struct list link;
    uint64_t socket;
    int64_t deadline_ms; /* for it to show a token */
    struct side *side;   /* NULL: it has not yet */
};

struct session_links {
    struct websockets *sockets;
    pthread_t looker;
    pthread_mutex_t lock; /* protects what follows; that of `sockets` is taken under it, never the other way round */
    pthread_cond_t changed;
    struct map by_key;    /* struct session_link */
    struct map by_token;  /* struct side by its hash, until it is used */
    struct map by_socket; /* struct guest by the socket's id */
    struct list sessions, guests;
    size_t count; /* of sessions */
    size_t guest_count;
    bool stopping;
};

static struct str socket_key(const uint64_t *socket)
{
    return (struct str){(const char *)socket, sizeof(*socket)};
}

static struct str session_id(const struct session_link *session)
{
    struct str key = str_of(session->key);

    return str_from(key, str_find_last(key, KEY_SEPARATOR) + 1);
}

static bool is_paired(const struct session_link *session)
{
    return session->sides[SIDE_CLIENT].open && session->sides[SIDE_AGENT].open;
}

/* ---- saying something ourselves ---- */

/* lock held. */
static void say(struct session_links *links, const struct side *side, enum channel_message_type type, struct str output)
{
    const struct session_closed closed = {.session_id = session_id(side->session), .output = output};
    const struct clock wall = clock_wall();
    struct channel_message message = {.type = type, .schema_version = 1, .created_ms = (uint64_t)clock_now_ms(&wall)};
    auto_buf payload = {.limit = SESSION_JSON_MAX};
    auto_buf bytes = {.limit = CHANNEL_MESSAGE_MAX};

    entropy_fill(message.id, sizeof(message.id));
    if (type == CHANNEL_MESSAGE_CLOSED)
        session_closed_write(&closed, &message, &payload);
    message.payload = buf_str(&payload);
    channel_message_write(&message, &bytes);
    (void)websocket_send(links->sockets, side->socket, /* text= */ false, buf_str(&bytes));
}

/* ---- the end of a session ---- */

/* Lets go of both ends and forgets it; who is still there is told why. lock held. */
static void session_end(struct session_links *links, struct session_link *session, const char *why)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct side *side = &session->sides[i];
        struct guest *guest = side->open ? map_get(&links->by_socket, socket_key(&side->socket)) : NULL;

        if (!side->used)
            (void)map_remove(&links->by_token, sigv4_hex_str(&side->hash));
        if (guest == NULL)
            continue;
        guest->side = NULL; /* it stays a guest until its socket is closed */
        if (!session->farewell)
            say(links, side, CHANNEL_MESSAGE_CLOSED, str_of(why));
        websocket_close(links->sockets, side->socket, CODE_NORMAL, STR(""));
    }
    (void)map_remove(&links->by_key, str_of(session->key));
    list_remove(&session->link);
    links->count--;
    free(session);
}

/* ---- tokens ---- */

/* lock held. */
static void expect(struct session_links *links, struct side *side, struct str token)
{
    side->hash = sigv4_hash(token);
    side->used = false;
    must(map_put(&links->by_token, sigv4_hex_str(&side->hash), side) == NULL);
}

/* ---- callbacks: the thread of the sockets ---- */

static void opened(void *context, uint64_t id)
{
    struct session_links *links = context;
    struct guest *guest = calloc(1, sizeof(*guest));

    must(guest != NULL);
    guest->socket = id;
    guest->deadline_ms = clock_monotonic_ms() + SESSION_OPEN_MS;
    (void)pthread_mutex_lock(&links->lock);
    list_add_last(&links->guests, &guest->link);
    (void)map_put(&links->by_socket, socket_key(&guest->socket), guest);
    if (++links->guest_count > GUESTS_MAX)
        websocket_close(links->sockets, id, CODE_TRY_LATER, STR("There are too many data channels."));
    (void)pthread_cond_signal(&links->changed);
    (void)pthread_mutex_unlock(&links->lock);
}

/* The side that has this token, which it cannot show again; NULL: nobody's. lock held. */
static struct side *take_token(struct session_links *links, struct str text)
{
    struct side *side = NULL;
    struct sigv4_hex hash;
    struct arena arena;
    struct str token;
    struct fail f;

    arena_init(&arena, (size_t)2 * SESSION_JSON_MAX);
    if (session_open_read(text, &arena, &token, &f)) {
        hash = sigv4_hash(token);
        side = map_remove(&links->by_token, sigv4_hex_str(&hash));
    }
    arena_free(&arena);
    if (side != NULL)
        side->used = true;
    return side;
}

/* lock held. */
static void let_in(struct session_links *links, struct guest *guest, struct str text)
{
    struct side *side = take_token(links, text);

    if (side == NULL) {
        log_warning("a data channel is refused: its token is wrong or was used before");
        websocket_close(links->sockets, guest->socket, CODE_POLICY, STR("The token is not valid."));
        return;
    }
    guest->side = side;
    side->open = true;
    side->socket = guest->socket;
    if (is_paired(side->session))
        say(links, &side->session->sides[SIDE_AGENT], CHANNEL_MESSAGE_START, STR(""));
}

/* lock held. */
static void carry(struct session_links *links, struct side *from, struct str bytes)
{
    struct side *to = &from->session->sides[from->name == SIDE_CLIENT ? SIDE_AGENT : SIDE_CLIENT];
    struct channel_message message;
    struct fail f;

    if (!to->open)
        return; /* it comes again: nobody has acknowledged it */
    if (from->name == SIDE_AGENT && channel_message_read(bytes, &message, &f) && message.type == CHANNEL_MESSAGE_CLOSED)
        from->session->farewell = true;
    (void)websocket_send(links->sockets, to->socket, /* text= */ false, bytes);
}

static void message(void *context, uint64_t id, bool text, struct str bytes)
{
    struct session_links *links = context;
    struct guest *guest;

    (void)pthread_mutex_lock(&links->lock);
    guest = map_get(&links->by_socket, socket_key(&id));
    must(guest != NULL);
    if (guest->side != NULL && !text)
        carry(links, guest->side, bytes);
    else if (guest->side == NULL && text)
        let_in(links, guest, bytes);
    (void)pthread_mutex_unlock(&links->lock);
}

/* Its connection broke, as far as we know. The agent may not be there yet. lock held. */
static void client_lost(struct session_links *links, struct session_link *session, int64_t wait_ms)
{
    if (session->sides[SIDE_AGENT].open)
        say(links, &session->sides[SIDE_AGENT], CHANNEL_MESSAGE_PAUSE, STR(""));
    session->deadline_ms = clock_monotonic_ms() + wait_ms;
    (void)pthread_cond_signal(&links->changed);
}

static void closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    struct session_links *links = context;
    struct guest *guest;

    (void)reason;
    (void)pthread_mutex_lock(&links->lock);
    guest = map_remove(&links->by_socket, socket_key(&id));
    must(guest != NULL);
    list_remove(&guest->link);
    links->guest_count--;
    if (guest->side != NULL) {
        guest->side->open = false;
        if (guest->side->name == SIDE_AGENT)
            session_end(links, guest->side->session, "The container's host is gone.");
        else if (code == CODE_NORMAL || code == CODE_GOING_AWAY || guest->side->session->farewell)
            session_end(links, guest->side->session, "The client is gone.");
        else
            client_lost(links, guest->side->session, SESSION_RESUME_MS);
    }
    (void)pthread_mutex_unlock(&links->lock);
    free(guest);
}

/* ---- those who do not come ---- */

/* What is late by now; false: nothing waits. lock held. */
static bool look(struct session_links *links, int64_t now_ms)
{
    bool waits = false;

    list_each(link, after, &links->sessions)
    {
        struct session_link *session = list_item(link, struct session_link, link);

        if (is_paired(session))
            continue;
        waits = true;
        if (session->deadline_ms <= now_ms)
            session_end(links, session, "The other end of the session has not come in time.");
    }
    list_each(link, after, &links->guests)
    {
        struct guest *guest = list_item(link, struct guest, link);

        if (guest->side != NULL)
            continue;
        waits = true;
        if (guest->deadline_ms <= now_ms)
            websocket_close(links->sockets, guest->socket, CODE_POLICY, STR("No token was shown."));
    }
    return waits;
}

static void wait_ms(struct session_links *links, long ms)
{
    (void)condition_wait(&links->changed, &links->lock, clock_monotonic_ms() + ms);
}

static void *look_main(void *context)
{
    struct session_links *links = context;

    (void)pthread_mutex_lock(&links->lock);
    while (!links->stopping) {
        if (look(links, clock_monotonic_ms()))
            wait_ms(links, LOOK_EVERY_MS);
        else
            (void)pthread_cond_wait(&links->changed, &links->lock);
    }
    (void)pthread_mutex_unlock(&links->lock);
    return NULL;
}

/* ---- from outside ---- */

void session_links_expect(struct session_links *links, struct str key, struct str tokens)
{
    struct session_link *session = calloc(1, sizeof(*session));

    must(session != NULL);
    must(tokens.len == (size_t)2 * CHANNEL_TOKEN_LEN);
    must(str_to_buffer(key, session->key, sizeof(session->key)));
    session->deadline_ms = clock_monotonic_ms() + SESSION_OPEN_MS;
    (void)pthread_mutex_lock(&links->lock);
    if (links->count == SESSION_LINKS_MAX) {
        (void)pthread_mutex_unlock(&links->lock);
        log_error("more than %d sessions; one is refused", SESSION_LINKS_MAX);
        free(session);
        return;
    }
    for (size_t i = 0; i < SIDES; i++) {
        session->sides[i] = (struct side){.session = session, .name = (enum side_name)i};
        expect(links, &session->sides[i], str_to(str_from(tokens, i * (size_t)CHANNEL_TOKEN_LEN), CHANNEL_TOKEN_LEN));
    }
    must(map_put(&links->by_key, str_of(session->key), session) == NULL);
    list_add_last(&links->sessions, &session->link);
    links->count++;
    (void)pthread_cond_signal(&links->changed);
    (void)pthread_mutex_unlock(&links->lock);
}

/* Also while the old connection seems to live: the client knows better. lock held. */
static void resume(struct session_links *links, struct session_link *session, struct str token)
{
    struct side *client = &session->sides[SIDE_CLIENT];
    struct guest *guest = client->open ? map_get(&links->by_socket, socket_key(&client->socket)) : NULL;

    if (!client->used)
        (void)map_remove(&links->by_token, sigv4_hex_str(&client->hash));
    if (guest != NULL) {
        guest->side = NULL;
        websocket_close(links->sockets, client->socket, CODE_POLICY, STR("The session was resumed elsewhere."));
    }
    client->open = false;
    expect(links, client, token);
    client_lost(links, session, SESSION_RESUME_MS);
}

static bool port_resume(void *context, struct str key, struct str token)
{
    struct session_links *links = context;
    struct session_link *session;

    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_key, key);
    if (session != NULL && !session->farewell)
        resume(links, session, token);
    else
        session = NULL;
    (void)pthread_mutex_unlock(&links->lock);
    return session != NULL;
}

static bool port_has(void *context, struct str key)
{
    struct session_links *links = context;
    bool has;

    (void)pthread_mutex_lock(&links->lock);
    has = map_get(&links->by_key, key) != NULL;
    (void)pthread_mutex_unlock(&links->lock);
    return has;
}

static void port_terminate(void *context, struct str key)
{
    struct session_links *links = context;
    struct session_link *session;

    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_key, key);
    if (session != NULL)
        session_end(links, session, "The session was terminated.");
    (void)pthread_mutex_unlock(&links->lock);
}

struct session_port session_links_port(struct session_links *links)
{
    return (struct session_port){.context = links, .has = port_has, .resume = port_resume, .terminate = port_terminate};
}

void session_links_complete(struct session_links *links, struct http_exchange *exchange)
{
    const struct websocket_options options = {.context = links,
                                              .opened = opened,
                                              .message = message,
                                              .closed = closed,
                                              .message_bytes_max = CHANNEL_MESSAGE_MAX,
                                              .queue_bytes_max = SESSION_QUEUE_BYTES_MAX};

    websocket_serve(links->sockets, exchange, (struct str){NULL, 0}, &options);
}

bool session_links_start(struct session_links **ret_links, struct fail *f)
{
    struct session_links *links = calloc(1, sizeof(*links));

    must(links != NULL);
    list_init(&links->sessions);
    list_init(&links->guests);
    must(pthread_mutex_init(&links->lock, NULL) == 0);
    condition_init(&links->changed);
    if (!websockets_start(&links->sockets, f)) {
        (void)pthread_mutex_destroy(&links->lock);
        (void)pthread_cond_destroy(&links->changed);
        free(links);
        return false;
    }
    must(pthread_create(&links->looker, NULL, look_main, links) == 0);
    *ret_links = links;
    return true;
}

void session_links_stop(struct session_links *links)
{
    if (links == NULL)
        return;
    (void)pthread_mutex_lock(&links->lock);
    links->stopping = true;
    while (!list_empty(&links->sessions))
        session_end(links, list_item(links->sessions.next, struct session_link, link), "The server ends.");
    (void)pthread_cond_signal(&links->changed);
    (void)pthread_mutex_unlock(&links->lock);
    (void)pthread_join(links->looker, NULL);
    websockets_stop(links->sockets);
    map_free(&links->by_key);
    map_free(&links->by_token);
    map_free(&links->by_socket);
    (void)pthread_mutex_destroy(&links->lock);
    (void)pthread_cond_destroy(&links->changed);
    free(links);
}
