#include "node/session/session_log.h"

#include "base/log.h"
#include "model/interpret.h"
#include "node/task/log_client.h"

#include <errno.h>
#include <stdio.h>

/* What PutLogEvents takes at once (API reference: 1,048,576 bytes with 26 for each event, 10,000 events). */
enum { BATCH_BYTES_MAX = 1 << 20, BATCH_EVENTS_MAX = 10000, EVENT_OVERHEAD = 26, LINE_BYTES_MAX = 256 << 10 };

struct session_log {
    struct log_client *client;
    struct log_place place;
    FILE *file;
    char *line; /* getline's */
    size_t line_capacity;
    int64_t now_ms;
};

/* The newest credentials of the task's role, with which the agent in the container would write the log. */
static bool read_credentials(struct task_engine *engine, struct str task_id, struct arena *arena,
                             const struct host_credentials **ret_credentials, struct fail *f)
{
    const struct hosted *hosted;
    struct host_credentials *copy = arena_new(arena, struct host_credentials);
    bool found;

    (void)pthread_mutex_lock(&engine->lock);
    hosted = map_get(&engine->tasks, task_id);
    found = hosted != NULL && hosted->credentials != NULL;
    if (found)
        value_copy(&host_credentials_shape, copy, hosted->credentials, arena);
    (void)pthread_mutex_unlock(&engine->lock);
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

void session_log_put(struct task_engine *engine, const struct host_session *session, int fd)
{
    static const _Atomic bool never;
    struct session_log log = {
        .place = {.region = session->region, .group = session->log_group, .stream = session->session_id},
        .now_ms = task_engine_now_ms()};
    struct arena arena;
    struct fail f;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = read_credentials(engine, session->task_id, &arena, &log.place.credentials, &f) &&
           open_file(fd, &log.file, &f) && log_client_new(engine->options.log_address, &never, &log.client, &f) &&
           put_all(&log, &f);
    if (!good)
        log_warning("session %.*s is not logged in %.*s: %s", STR_ARG(session->session_id), STR_ARG(session->log_group),
                    f.message);
    log_client_free(log.client);
    if (log.file != NULL)
        (void)fclose(log.file);
    free(log.line);
    arena_free(&arena);
}
