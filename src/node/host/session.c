/* Sessions of ECS Exec: which container of ours is meant, and where the output of an ended one is logged. */
#include "base/log.h"
#include "base/must.h"
#include "node/host/internal.h"
#include "node/task/log_client.h"

#include <errno.h>
#include <stdio.h>

/* What PutLogEvents takes at once (API reference: 1,048,576 bytes with 26 for each event, 10,000 events). */
enum { BATCH_BYTES_MAX = 1 << 20, BATCH_EVENTS_MAX = 10000, EVENT_OVERHEAD = 26, LINE_BYTES_MAX = 256 << 10 };

/* ---- the log ---- */

struct session_log {
    struct log_client *client;
    struct log_place place;
    FILE *file;
    char *line; /* getline's */
    size_t line_capacity;
    int64_t now_ms;
};

/* The newest credentials of the task's role, with which the agent in the container would write the log. */
static bool read_credentials(struct host *host, struct str task_id, struct arena *arena,
                             const struct host_credentials **ret_credentials, struct fail *f)
{
    const struct hosted *hosted;
    struct host_credentials *copy = arena_new(arena, struct host_credentials);
    bool found;

    (void)pthread_mutex_lock(&host->engine->lock);
    hosted = map_get(&host->engine->tasks, task_id);
    found = hosted != NULL && hosted->credentials != NULL;
    if (found)
        value_copy(&host_credentials_shape, copy, hosted->credentials, arena);
    (void)pthread_mutex_unlock(&host->engine->lock);
    *ret_credentials = copy;
    return found || fail(f, FAIL_NOT_FOUND, "the task has no role, or is gone");
}

/* The next line without its end; false at the end of the file. Empty lines are no events. */
static bool next_line(struct session_log *log, struct arena *arena, struct str *ret_line)
{
    ssize_t got;

    while ((got = getline(&log->line, &log->line_capacity, log->file)) > 0) {
        struct str line = {log->line, (size_t)got};

        while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
            line.len--;
        if (line.len > LINE_BYTES_MAX - EVENT_OVERHEAD)
            line.len = LINE_BYTES_MAX - EVENT_OVERHEAD;
        if (line.len == 0)
            continue;
        *ret_line = arena_str(arena, line);
        return true;
    }
    return false;
}

/* Reads and sends a batch; *ret_more: there may be another. */
static bool put_batch(struct session_log *log, bool *ret_more, struct fail *f)
{
    struct logs_input_log_events events = {.count = 0};
    size_t bytes = 0;
    struct str line;
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)4 << 20);
    events.items = arena_array(&arena, struct logs_input_log_event, BATCH_EVENTS_MAX);
    while (events.count < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX - LINE_BYTES_MAX &&
           next_line(log, &arena, &line)) {
        struct logs_input_log_event *event = &events.items[events.count++];

        event->message = line;
        SET(event, timestamp, log->now_ms);
        bytes += line.len + EVENT_OVERHEAD;
    }
    good = events.count == 0 || log_client_put(log->client, &log->place, &events, NULL, f) == LOG_OUTCOME_DONE;
    *ret_more = events.count > 0;
    arena_free(&arena);
    return good;
}

static bool put_all(struct session_log *log, struct fail *f)
{
    bool more = true;

    if (log_client_ensure(log->client, &log->place, /* create_group= */ false, f) != LOG_OUTCOME_DONE)
        return false;
    while (more)
        if (!put_batch(log, &more, f))
            return false;
    return true;
}

static bool open_file(int fd, FILE **ret_file, struct fail *f)
{
    int copy = lseek(fd, 0, SEEK_SET) == 0 ? dup(fd) : -1;

    *ret_file = copy < 0 ? NULL : fdopen(copy, "r");
    return *ret_file != NULL || fail(f, FAIL_SYSTEM, "read the session's output: %s", strerror(errno));
}

/* One stream a session, called like it, when it has ended, as the agent does it. */
static void log_session(void *context, const struct session_order *order, int fd)
{
    static const _Atomic bool never;
    struct host *host = context;
    struct session_log log = {
        .place = {.region = order->region, .group = order->log_group, .stream = order->session_id},
        .now_ms = host_now_ms()};
    struct arena arena;
    struct fail f;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = read_credentials(host, order->task_id, &arena, &log.place.credentials, &f) && open_file(fd, &log.file, &f) &&
           log_client_new(host->options.endpoint, &never, &log.client, &f) && put_all(&log, &f);
    if (!good)
        log_warning("session %.*s is not logged in %.*s: %s", STR_ARG(order->session_id), STR_ARG(order->log_group),
                    f.message);
    log_client_free(log.client);
    if (log.file != NULL)
        (void)fclose(log.file);
    free(log.line);
    arena_free(&arena);
}

/* ---- beginning ---- */

static bool find_container(struct host *host, const struct host_session *session, struct arena *arena,
                           struct str *ret_id)
{
    const struct hosted *hosted;
    bool found = false;

    (void)pthread_mutex_lock(&host->engine->lock);
    hosted = map_get(&host->engine->tasks, session->task_id);
    for (size_t i = 0; hosted != NULL && !found && i < hosted->task->container_count; i++) {
        const struct task_container *container = &hosted->task->containers[i];

        found = str_eq(container->definition->name, session->container_name);
        if (found)
            *ret_id = arena_str(arena, container->runtime_id);
    }
    (void)pthread_mutex_unlock(&host->engine->lock);
    return found;
}

void host_session_begin(struct host *host, const struct host_session *session)
{
    struct session_order order = {
        .session_id = session->session_id,
        .token = session->token,
        .task_id = session->task_id,
        .command = session->command,
        .log_group = session->log_group,
        .region = session->region,
    };
    struct arena arena;
    struct fail f;

    arena_init(&arena, (size_t)1 << 20);
    if (!find_container(host, session, &arena, &order.container_id))
        log_warning("session %.*s: there is no such container", STR_ARG(session->session_id));
    else if (!sessions_begin(host->sessions, &order, &f))
        log_error("session %.*s: %s", STR_ARG(session->session_id), f.message);
    arena_free(&arena);
}

bool host_sessions_start(struct host *host, struct fail *f)
{
    struct sessions_options options = {.runtime = host->runtime,
                                       .server = host->options.endpoint,
                                       .spool = host->dir,
                                       .context = host,
                                       .log = log_session};

    return sessions_start(&options, &host->sessions, f);
}
