#include "node/session/sessions.h"

#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "node/runtime/terminal_exec.h"
#include "node/session/command_words.h"
#include "node/session/inbox.h"
#include "node/session/session_log.h"
#include "node/session/terminal_session.h"
#include "node/task/engine.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* How long a terminal may take to show what a command wrote just before it ended, while another process still has it
 * open (so that its end does not show). */
enum { STRAGGLERS_MS = 100, THREAD_STACK = 512 << 10 };

struct sessions {
    struct task_engine *engine;
    const char *server;
    struct websockets *sockets;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t ended;
    struct list running;
    size_t count;
    bool stopping;
};

struct session {
    struct list link;
    struct sessions *sessions;
    struct arena arena;
    struct host_session order;
    const char *container_id; /* of the runtime */
    const char **words;
    size_t word_count;
    struct terminal_session agent;
    uint64_t socket;
    struct inbox inbox; /* of the socket; woken, too, when all are to stop */
    bool running;
    struct terminal_exec exec; /* while it runs; both -1 otherwise */
    bool exited;               /* its end is known, its terminal may have more to show */
    int exit_code;
    int64_t stragglers_ms; /* until when it is waited for that */
    struct buf input;      /* for the terminal */
    int log_fd;            /* -1: no log */
    uint64_t logged;
};

/* ---- what the agent's side asks for ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms();
}

static void send_out(void *context, struct str bytes)
{
    struct session *session = context;

    (void)websocket_send(session->sessions->sockets, session->socket, /* text= */ false, bytes);
}

/* In the agent's words, which are those of Go: a program that is named by its path is not looked for. */
static void could_not_start(struct session *session, const struct fail *f)
{
    const char *program = session->words[0];
    const char *reason = strrchr(f->message, ':');
    bool by_path = f->code != FAIL_SYSTEM && strchr(program, '/') != NULL && reason != NULL;
    struct str text = by_path ? arena_printf(&session->arena, "fork/exec %s%s", program, reason) : str_of(f->message);

    text = arena_printf(&session->arena, SESSION_CLOSED_ERROR "Unable to start command: Failed to start pty: %.*s\n",
                        STR_ARG(text));
    terminal_session_fail(&session->agent, text.ptr, now_ms());
}

static void begin(void *context)
{
    struct session *session = context;
    struct fail f;

    if (!runtime_exec_terminal(session->sessions->engine->runtime, session->container_id, session->words,
                               session->word_count, &session->exec, &f)) {
        could_not_start(session, &f);
        return;
    }
    session->running = true;
}

static bool input(void *context, struct str bytes)
{
    struct session *session = context;

    if (session->input.len + bytes.len > SESSION_INPUT_BYTES_MAX)
        return false;
    buf_add(&session->input, bytes);
    return true;
}

static void size(void *context, const struct session_size *size)
{
    struct session *session = context;
    const struct winsize window = {.ws_row = size->rows, .ws_col = size->columns};

    if (session->running)
        (void)ioctl(session->exec.terminal, TIOCSWINSZ, &window);
}

/* Closed ends are what hangs up on the command. */
static void terminate(void *context)
{
    struct session *session = context;

    if (session->running)
        terminal_exec_close(&session->exec);
    session->running = false;
}

/* ---- the command ---- */

static void log_output(struct session *session, struct str bytes)
{
    uint64_t room = SESSION_LOG_BYTES_MAX - session->logged;

    if (session->log_fd < 0)
        return;
    if (bytes.len > room)
        bytes.len = (size_t)room;
    if (bytes.len == 0 || write(session->log_fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
        return;
    session->logged += bytes.len;
}

/* false: the terminal has nothing more to show, for now or (*ret_end) for ever. */
static bool read_terminal(struct session *session, bool *ret_end)
{
    size_t room = terminal_session_room(&session->agent);
    char piece[CHANNEL_PIECE];
    ssize_t got;

    *ret_end = false;
    if (room == 0)
        return false;
    got = read(session->exec.terminal, piece, room);
    if (got <= 0) {
        *ret_end = got == 0 || (errno != EAGAIN && errno != EINTR);
        return false;
    }
    log_output(session, (struct str){piece, (size_t)got});
    terminal_session_output(&session->agent, (struct str){piece, (size_t)got}, now_ms());
    return true;
}

static void write_terminal(struct session *session)
{
    ssize_t put = write(session->exec.terminal, session->input.ptr, session->input.len);

    if (put > 0)
        buf_consume(&session->input, (size_t)put);
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        buf_clear(&session->input);
}

/* The command has ended; what it wrote last may still be on its way. */
static void observe_end(struct session *session)
{
    struct fail f;

    if (!terminal_exec_ended(&session->exec, session->words[0], &session->exit_code, &f)) {
        could_not_start(session, &f);
        terminate(session);
        return;
    }
    session->exited = true;
    session->stragglers_ms = now_ms() + STRAGGLERS_MS;
}

static void read_and_end(struct session *session)
{
    bool end;

    while (session->running && read_terminal(session, &end))
        session->stragglers_ms = now_ms() + STRAGGLERS_MS;
    if (!session->running || !session->exited || terminal_session_room(&session->agent) == 0)
        return;
    if (!end && now_ms() < session->stragglers_ms)
        return;
    terminal_session_exited(&session->agent, session->exit_code, now_ms());
    terminate(session);
}

/* ---- the session's thread ---- */

static bool is_over(struct session *session)
{
    bool over;

    (void)pthread_mutex_lock(&session->sessions->lock);
    over = session->sessions->stopping;
    (void)pthread_mutex_unlock(&session->sessions->lock);
    return over || inbox_is_gone(&session->inbox) || session->agent.state == SESSION_CLOSED;
}

static void hear(struct session *session)
{
    struct buf bytes;
    struct fail f;

    while (inbox_take(&session->inbox, &bytes)) {
        if (!terminal_session_receive(&session->agent, buf_str(&bytes), now_ms(), &f)) {
            log_warning("session %.*s: the client breaks the protocol: %s", STR_ARG(session->order.session_id),
                        f.message);
            terminal_session_fail(&session->agent, f.message, now_ms());
        }
        buf_free(&bytes);
    }
}

static int wait_ms(const struct session *session)
{
    int64_t due_ms = terminal_session_due_ms(&session->agent);

    if (session->exited && session->running && session->stragglers_ms < due_ms)
        due_ms = session->stragglers_ms;
    return due_ms == WHEN_NEVER ? -1 : clock_left_ms(due_ms);
}

static void wait(struct session *session)
{
    bool reads = session->running && terminal_session_room(&session->agent) > 0;
    bool writes = session->running && session->input.len > 0;
    struct pollfd ready[] = {
        {.fd = session->inbox.wake, .events = POLLIN},
        {.fd = reads || writes ? session->exec.terminal : -1,
         .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))},
        {.fd = session->running && !session->exited ? session->exec.ended : -1, .events = POLLIN},
    };

    if (poll(ready, COUNT_OF(ready), wait_ms(session)) < 0)
        return;
    if (ready[0].revents != 0)
        inbox_calm(&session->inbox);
    if (ready[1].revents & POLLOUT)
        write_terminal(session);
    if (ready[2].revents != 0)
        observe_end(session);
}

static void lead(struct session *session)
{
    while (!is_over(session)) {
        wait(session);
        hear(session);
        read_and_end(session);
        terminal_session_tick(&session->agent, now_ms());
    }
    terminate(session);
}

static bool dial(struct session *session, struct fail *f)
{
    const struct websocket_options options = inbox_websocket_options(&session->inbox);
    struct websocket_target target = {.header_count = 0};
    auto_buf text = {.limit = SESSION_JSON_MAX};

    target.url = arena_printf(&session->arena, "ws%s/v1/data-channel/%.*s?role=publish_subscribe",
                              session->sessions->server + strlen("http"), STR_ARG(session->order.session_id))
                     .ptr;
    session_open_write(session->order.token, entropy_uuid(&session->arena).ptr, "berth-host", &text);
    if (!websocket_connect(session->sessions->sockets, &target, &options, &session->socket, f)) {
        inbox_set_gone(&session->inbox); /* no callback has come, none will */
        return false;
    }
    return websocket_send(session->sessions->sockets, session->socket, /* text= */ true, buf_str(&text)) ||
           fail(f, FAIL_CONFLICT, "the server has closed the channel");
}

static void session_free(struct session *session)
{
    inbox_free(&session->inbox);
    buf_free(&session->input);
    close_fd_at(&session->log_fd);
    terminal_session_free(&session->agent);
    arena_free(&session->arena);
    free(session);
}

static void *session_main(void *context)
{
    struct session *session = context;
    struct sessions *sessions = session->sessions;
    struct fail f;

    if (dial(session, &f)) {
        log_info("session %.*s: \"%.*s\" in container %s", STR_ARG(session->order.session_id),
                 STR_ARG(session->order.command), session->container_id);
        lead(session);
        log_info("session %.*s has ended", STR_ARG(session->order.session_id));
    } else {
        log_warning("session %.*s: no channel to the server: %s", STR_ARG(session->order.session_id), f.message);
    }
    websocket_close(sessions->sockets, session->socket, 1000, STR(""));
    inbox_wait_until_gone(&session->inbox);
    if (session->log_fd >= 0)
        session_log_put(sessions->engine, &session->order, session->log_fd);
    (void)pthread_mutex_lock(&sessions->lock);
    list_remove(&session->link);
    (void)pthread_mutex_unlock(&sessions->lock);
    session_free(session);
    (void)pthread_mutex_lock(&sessions->lock);
    sessions->count--;
    (void)pthread_cond_signal(&sessions->ended);
    (void)pthread_mutex_unlock(&sessions->lock);
    return NULL;
}

/* ---- from outside ---- */

/* Which container is meant; its id is in the arena. */
static bool find_container(struct task_engine *engine, struct session *session, struct fail *f)
{
    const struct hosted *hosted;

    (void)pthread_mutex_lock(&engine->lock);
    hosted = map_get(&engine->tasks, session->order.task_id);
    for (size_t i = 0; hosted != NULL && i < hosted->task->container_count; i++) {
        const struct task_container *container = &hosted->task->containers[i];

        if (str_eq(container->definition->name, session->order.container_name))
            session->container_id = arena_cstr(&session->arena, container->runtime_id);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return session->container_id != NULL || fail(f, FAIL_NOT_FOUND, "there is no such container");
}

static struct session *session_new(struct sessions *sessions, const struct host_session *order)
{
    struct session *session = calloc(1, sizeof(*session));
    const struct clock wall = clock_wall();
    struct terminal_session_options options = {
        .context = session, .send = send_out, .begin = begin, .input = input, .size = size, .terminate = terminate};

    must(session != NULL);
    session->sessions = sessions;
    arena_init(&session->arena, (size_t)1 << 20);
    value_copy(&host_session_shape, &session->order, order, &session->arena);
    inbox_init(&session->inbox);
    session->exec = (struct terminal_exec){-1, -1, NULL};
    session->input.limit = SESSION_INPUT_BYTES_MAX;
    session->log_fd = -1;
    entropy_fill(&options.seed, sizeof(options.seed));
    options.session_id = session->order.session_id;
    options.epoch_ms = clock_now_ms(&wall) - now_ms();
    terminal_session_init(&session->agent, &options, now_ms());
    return session;
}

static bool prepare(struct session *session, struct fail *f)
{
    struct task_engine *engine = session->sessions->engine;

    if (!find_container(engine, session, f))
        return false;
    if (!command_words(session->order.command, &session->arena, &session->words, &session->word_count, f))
        terminal_session_fail(&session->agent, f->message, now_ms()); /* the client is told */
    if (session->order.log_group.ptr == NULL)
        return true;
    session->log_fd = open(engine->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return session->log_fd >= 0 || fail(f, FAIL_SYSTEM, "make a file in %s: %s", engine->dir, strerror(errno));
}

static void start_thread(struct session *session)
{
    pthread_attr_t attributes;
    pthread_t thread;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    must(pthread_create(&thread, &attributes, session_main, session) == 0);
    (void)pthread_attr_destroy(&attributes);
}

static bool take(struct sessions *sessions, struct session *session, struct fail *f)
{
    bool room;

    (void)pthread_mutex_lock(&sessions->lock);
    room = sessions->count < SESSIONS_MAX && !sessions->stopping;
    if (room) {
        list_add_last(&sessions->running, &session->link);
        sessions->count++;
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return room || fail(f, FAIL_LIMIT, "a machine has at most %d sessions", SESSIONS_MAX);
}

void sessions_begin(struct sessions *sessions, const struct host_session *order)
{
    struct session *session = session_new(sessions, order);
    struct fail f;

    if (prepare(session, &f) && take(sessions, session, &f)) {
        start_thread(session);
        return;
    }
    log_error("session %.*s: %s", STR_ARG(order->session_id), f.message);
    session_free(session);
}

bool sessions_start(struct task_engine *engine, const char *server, struct sessions **ret_sessions, struct fail *f)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));

    must(sessions != NULL);
    sessions->engine = engine;
    sessions->server = server;
    list_init(&sessions->running);
    must(pthread_mutex_init(&sessions->lock, NULL) == 0);
    must(pthread_cond_init(&sessions->ended, NULL) == 0);
    if (!websockets_start(&sessions->sockets, f)) {
        free(sessions);
        return false;
    }
    *ret_sessions = sessions;
    return true;
}

void sessions_stop(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    (void)pthread_mutex_lock(&sessions->lock);
    sessions->stopping = true;
    list_each(link, after, &sessions->running) inbox_wake(&list_item(link, struct session, link)->inbox);
    while (sessions->count > 0)
        (void)pthread_cond_wait(&sessions->ended, &sessions->lock);
    (void)pthread_mutex_unlock(&sessions->lock);
    websockets_stop(sessions->sockets);
    (void)pthread_mutex_destroy(&sessions->lock);
    (void)pthread_cond_destroy(&sessions->ended);
    free(sessions);
}
