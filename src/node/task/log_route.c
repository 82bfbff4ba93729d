#include "node/task/log_route.h"

#include "base/log.h"
#include "base/must.h"
#include "base/when.h"
#include "model/interpret.h"
#include "os/entropy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUNCH_BYTES = 1 << 20 }; /* delivered bytes are given back in pieces of about this size */

/* ---- opening ---- */

bool log_route_is_kept_here(const struct ecs_log_configuration *configuration)
{
    return configuration == NULL || configuration->log_driver == ECS_LOG_DRIVER_JSON_FILE;
}

bool log_route_is_splunk(const struct ecs_log_configuration *configuration)
{
    return configuration != NULL && configuration->log_driver == ECS_LOG_DRIVER_SPLUNK;
}

/* The caller frees them. */
static struct log_option *options_of(const struct ecs_log_configuration *configuration)
{
    struct log_option *options = calloc(configuration->options.count + 1, sizeof(*options));

    must(options != NULL);
    for (size_t i = 0; i < configuration->options.count; i++)
        options[i] = (struct log_option){configuration->options.items[i].key, configuration->options.items[i].value};
    return options;
}

bool log_route_options(const struct ecs_log_configuration *configuration, struct awslogs_options *ret_options,
                       struct fail *f)
{
    static const struct awslogs_defaults defaults = {.mode = LOG_MODE_BLOCKING};
    auto_free struct log_option *options = options_of(configuration);

    return awslogs_options_read(options, configuration->options.count, &defaults, ret_options, f);
}

bool log_route_splunk_options(const struct ecs_log_configuration *configuration, struct splunk_options *ret_options,
                              struct fail *f)
{
    auto_free struct log_option *options = options_of(configuration);

    return splunk_options_read(options, configuration->options.count, ret_options, f);
}

/* Docker's tag is the container's id; a task's, here, and the container's name. */
static bool read_splunk(struct log_route *route, struct fail *f)
{
    struct splunk_options *options = &route->splunk_options;
    char host[256];

    if (!log_route_splunk_options(route->record.configuration, options, f))
        return false;
    must(gethostname(host, sizeof(host)) == 0);
    route->splunk = (struct splunk_place){.options = options,
                                          .host = arena_str(&route->arena, str_of(host)),
                                          .tag = options->tag.ptr != NULL ? options->tag : route->record.log_stream};
    route->options = (struct awslogs_options){.mode = options->mode,
                                              .max_buffer_bytes = options->max_buffer_bytes,
                                              .flush_interval_s = AWSLOGS_FLUSH_INTERVAL_DEFAULT,
                                              .buffered_events_max = AWSLOGS_BUFFERED_EVENTS_DEFAULT};
    return true;
}

static bool read_options(struct log_route *route, struct fail *f)
{
    route->is_splunk = log_route_is_splunk(route->record.configuration);
    return route->is_splunk ? read_splunk(route, f)
                            : log_route_options(route->record.configuration, &route->options, f);
}

static bool compile_pattern(struct log_route *route, struct fail *f)
{
    if (route->options.multiline_pattern.ptr != NULL)
        return line_pattern_from_regex(route->options.multiline_pattern, &route->pattern, f);
    if (route->options.datetime_format.ptr != NULL)
        return line_pattern_from_datetime(route->options.datetime_format, &route->pattern, f);
    return true;
}

static bool open_files(struct log_route *route, const char *logs_dir, size_t container, struct fail *f)
{
    struct str task_id = route->record.task_id;

    log_file_path(logs_dir, task_id, container, "log", route->path);
    if (!log_position_open(logs_dir, task_id, container, &route->position_fd, &route->position, f) ||
        !log_source_open(route->path, route->position.inode, route->position.delivered, &route->source, f))
        return false;
    route->lines_mark = route->events_mark = route->sealed_mark = route->position.delivered;
    return true;
}

bool log_route_open(const char *logs_dir, const struct log_route_record *record, size_t container, int64_t now_ms,
                    struct log_route **ret_route, struct fail *f)
{
    struct log_route *route = calloc(1, sizeof(*route));

    must(route != NULL);
    route->position_fd = -1;
    arena_init(&route->arena, ARENA_LIMIT_DEFAULT);
    value_copy(&log_route_record_shape, &route->record, record, &route->arena);
    line_joiner_init(&route->joiner, NULL);
    if (!read_options(route, f) || !compile_pattern(route, f) || !open_files(route, logs_dir, container, f)) {
        log_route_close(route);
        return false;
    }
    line_joiner_init(&route->joiner, route->pattern);
    log_batcher_init(&route->batcher, (int64_t)route->options.flush_interval_s * SECOND_MS,
                     route->options.buffered_events_max, now_ms);
    route->place = (struct log_place){.credentials = route->record.credentials,
                                      .region = route->options.region,
                                      .group = route->options.group,
                                      .stream = route->record.log_stream};
    *ret_route = route;
    return true;
}

void log_route_close(struct log_route *route)
{
    if (route == NULL)
        return;
    log_batch_free(route->batch);
    if (route->batcher.sealed.next != NULL)
        log_batcher_free(&route->batcher);
    line_joiner_free(&route->joiner);
    line_pattern_free(route->pattern);
    log_source_close(&route->source);
    close_fd_at(&route->position_fd);
    arena_free(&route->arena);
    free(route);
}

bool log_route_act(struct log_route *route, const struct log_identity *identity, struct arena *arena, struct fail *f)
{
    struct host_credentials *own;

    if (route->record.credentials != NULL || route->is_splunk)
        return true;
    if (identity == NULL || identity->get == NULL)
        return fail(f, FAIL_INPUT, "the task has no execution role to log with");
    own = arena_new(arena, struct host_credentials);
    route->place.credentials = own;
    return identity->get(identity->context, arena, own, f);
}

/* ---- reading ---- */

/* A batch that a former process had under way ends where it ended then. */
static bool is_repeating(const struct log_route *route)
{
    return route->position.request[0] != '\0' && route->batch == NULL;
}

static bool has_sealed(const struct log_route *route)
{
    return !list_empty(&route->batcher.sealed) || route->batcher.events >= route->batcher.events_max;
}

static void add_event(struct log_route *route, struct line event, struct log_mark mark)
{
    bool sealed_before = !list_empty(&route->batcher.sealed);

    must(log_batcher_add(&route->batcher, event.when_ms, event.text)); /* has_sealed was false */
    if (!sealed_before && !list_empty(&route->batcher.sealed))
        route->sealed_mark = route->events_mark;
    route->events_mark = mark;
}

static void add_line(struct log_route *route, const struct log_source_line *line, int64_t now_ms)
{
    struct log_mark before = route->lines_mark;
    struct line event;

    route->lines_mark = line->mark;
    if (line_joiner_add(&route->joiner, line->line, now_ms, &event))
        add_event(route, event, route->pattern == NULL ? line->mark : before);
}

static void flush_joiner(struct log_route *route, int64_t now_ms, bool force)
{
    struct line event;

    if (!has_sealed(route) && line_joiner_take(&route->joiner, now_ms, force, &event))
        add_event(route, event, route->lines_mark);
}

/* What waits beyond the limit is passed over: the oldest lines. */
static bool drop_backlog(struct log_route *route, struct fail *f)
{
    uint64_t max = route->options.mode == LOG_MODE_BLOCKING ? LOG_BACKLOG_MAX : route->options.max_buffer_bytes;
    uint64_t at = log_source_offset(&route->source);
    struct log_mark mark;
    struct stat st;

    if (stat(route->path, &st) != 0 || st.st_ino != log_source_inode(&route->source) ||
        (uint64_t)st.st_size <= at + max)
        return true;
    mark.from = mark.complete = (uint64_t)st.st_size - max;
    log_warning("container %.*s of task %.*s: %llu bytes of its log are dropped, it writes faster than they can be "
                "delivered",
                STR_ARG(route->record.container_name), STR_ARG(route->record.task_id),
                (unsigned long long)(mark.from - at));
    log_source_close(&route->source);
    route->lines_mark = mark;
    return log_source_open(route->path, st.st_ino, mark, &route->source, f);
}

/* Until a batch is full or there is nothing more: what lies behind a full one waits for the server. */
static bool read_lines(struct log_route *route, bool ended, int64_t now_ms, struct fail *f)
{
    bool repeating = is_repeating(route);

    route->at_end = false;
    while (!has_sealed(route)) {
        struct log_source_line line;
        bool there;

        if (repeating && route->lines_mark.complete >= route->position.asked.complete)
            return true;
        if (!log_source_next(&route->source, &there, &line, f))
            return false;
        if (!there && ended)
            log_source_rest(&route->source, &there, &line);
        if (!there) {
            route->at_end = true;
            return true;
        }
        add_line(route, &line, now_ms);
    }
    return repeating || drop_backlog(route, f);
}

/* ---- sending ---- */

static void name_request(struct log_route *route)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[(LOG_REQUEST_BYTES - 1) / 2];

    entropy_fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        route->position.request[2 * i] = hex[bytes[i] >> 4];
        route->position.request[2 * i + 1] = hex[bytes[i] & 15];
    }
    route->position.request[2 * sizeof(bytes)] = '\0';
}

/* The next batch, with what is to be known of it if we are killed now. False: there is none (or *f is filled). */
static bool take_batch(struct log_route *route, int64_t now_ms, bool force, bool *ret_there, struct fail *f)
{
    bool repeating = is_repeating(route);
    bool sealed = !list_empty(&route->batcher.sealed);

    *ret_there = log_batcher_take(&route->batcher, now_ms, force || repeating || has_sealed(route), &route->batch);
    if (!*ret_there)
        return true;
    route->position.asked = sealed ? route->sealed_mark : route->events_mark;
    route->position.inode = log_source_inode(&route->source);
    if (!repeating)
        name_request(route);
    return log_position_write(route->position_fd, &route->position, f);
}

static void punch(const struct log_route *route, uint64_t before)
{
    auto_fd fd = -1;

    if (before / PUNCH_BYTES == route->position.delivered.from / PUNCH_BYTES)
        return;
    fd = open(route->path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        log_file_punch(fd, route->position.delivered.from);
}

static bool settle(struct log_route *route, struct log_mark mark, struct fail *f)
{
    uint64_t before = route->position.delivered.from;

    log_batch_free(route->batch);
    route->batch = NULL;
    route->position.delivered = mark;
    route->position.request[0] = '\0';
    if (!log_position_write(route->position_fd, &route->position, f))
        return false;
    punch(route, before);
    return true;
}

static enum log_outcome put_events(struct log_route *route, struct log_client *client, struct fail *f)
{
    struct logs_input_log_events events = {calloc(route->batch->count, sizeof(struct logs_input_log_event)),
                                           route->batch->count};
    enum log_outcome outcome;

    must(events.items != NULL);
    for (size_t i = 0; i < events.count; i++) {
        SET(&events.items[i], timestamp, route->batch->events[i].when_ms);
        events.items[i].message = route->batch->events[i].text;
    }
    outcome = log_client_put(client, &route->place, &events, route->position.request, f);
    free(events.items);
    return outcome;
}

static enum log_outcome put(struct log_route *route, struct log_client *client, struct fail *f)
{
    return route->is_splunk ? splunk_client_put(client, &route->splunk, route->batch, f) : put_events(route, client, f);
}

static void complain(const struct log_route *route, const struct fail *f)
{
    log_error("%zu log lines of container %.*s of task %.*s are lost: %s", route->batch->count,
              STR_ARG(route->record.container_name), STR_ARG(route->record.task_id), f->message);
}

/* A stream that somebody deleted is made again, once for each batch that finds it missing. */
static enum log_outcome put_somehow(struct log_route *route, struct log_client *client, struct fail *f)
{
    enum log_outcome outcome = put(route, client, f);
    struct fail why;

    if (outcome != LOG_OUTCOME_MISSING)
        return outcome;
    outcome = log_client_ensure(client, &route->place, route->options.create_group, &why);
    return outcome == LOG_OUTCOME_DONE ? put(route, client, f) : outcome;
}

static enum log_step send(struct log_route *route, struct log_client *client, struct fail *f)
{
    switch (put_somehow(route, client, f)) {
    case LOG_OUTCOME_RETRY:
        return LOG_STEP_AWAY;
    case LOG_OUTCOME_MISSING:
    case LOG_OUTCOME_REFUSED:
        complain(route, f);
        break;
    case LOG_OUTCOME_DONE:
        break;
    }
    return settle(route, route->position.asked, f) ? LOG_STEP_SENT : LOG_STEP_AWAY;
}

/* ---- steps ---- */

static enum log_step rest(struct log_route *route, bool ended, struct fail *f)
{
    if (is_repeating(route)) { /* its lines are gone from the file, or were all empty */
        if (!settle(route, route->position.asked, f))
            return LOG_STEP_AWAY;
        return LOG_STEP_SENT;
    }
    if (!ended || !route->at_end || route->joiner.has_open || route->batcher.open != NULL)
        return LOG_STEP_IDLE;
    route->position.finished = true;
    if (!settle(route, route->lines_mark, f))
        return LOG_STEP_AWAY;
    return LOG_STEP_FINISHED;
}

enum log_step log_route_step(struct log_route *route, struct log_client *client, bool ended, int64_t now_ms,
                             struct fail *f)
{
    bool force = ended || is_repeating(route);
    bool there = true;

    if (route->batch == NULL) {
        if (!read_lines(route, ended, now_ms, f))
            return LOG_STEP_AWAY;
        flush_joiner(route, now_ms, force && (route->at_end || is_repeating(route)));
        if (!take_batch(route, now_ms, force, &there, f))
            return LOG_STEP_AWAY;
    }
    return there ? send(route, client, f) : rest(route, ended, f);
}

int64_t log_route_due_ms(const struct log_route *route)
{
    int64_t joiner = line_joiner_due_ms(&route->joiner);
    int64_t batcher = log_batcher_due_ms(&route->batcher);

    return joiner < batcher ? joiner : batcher;
}

void log_route_give_up(struct log_route *route)
{
    struct fail ignored;

    route->position.finished = true;
    if (!settle(route, route->position.delivered, &ignored))
        log_error("%s", ignored.message);
}
