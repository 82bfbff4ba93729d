#include "node/task/log_admit.h"

#include "model/interpret.h"
#include "node/task/engine.h"
#include "node/task/log_keep.h"
#include "os/clock.h"

#include <poll.h>

enum { PAUSE_MS = 100 /* doubled up to a second */, ENSURE_TRIES = 20 };

/* secretOptions become options: the record is for root's eyes only. */
static struct ecs_log_configuration *with_secrets(const struct host_task_assignment *task,
                                                  const struct ecs_container_definition *container, struct arena *arena)
{
    const struct ecs_log_configuration *from = container->log_configuration;
    const struct host_container_secrets *secrets = &task->log_secrets;
    struct ecs_log_configuration *to = arena_new(arena, struct ecs_log_configuration);
    size_t count = from->options.count;

    *to = *from;
    to->secret_options.items = NULL;
    to->secret_options.count = 0;
    to->options.items = arena_alloc(arena, (count + secrets->count + 1) * sizeof(*to->options.items));
    for (size_t i = 0; i < count; i++)
        to->options.items[i] = from->options.items[i];
    for (size_t i = 0; i < secrets->count; i++)
        if (str_eq(secrets->items[i].container_name, container->name)) {
            to->options.items[count].key = secrets->items[i].name;
            to->options.items[count++].value = secrets->items[i].value;
        }
    to->options.count = count;
    return to;
}

static bool make_splunk(const struct host_task_assignment *task, const struct ecs_container_definition *container,
                        struct arena *arena, struct log_route_record *record, struct fail *f)
{
    struct ecs_log_configuration *configuration = with_secrets(task, container, arena);
    struct splunk_options options;

    record->configuration = configuration;
    record->log_stream = arena_printf(arena, "%.*s/%.*s", STR_ARG(task->task_id), STR_ARG(container->name));
    return log_route_splunk_options(configuration, &options, f);
}

static bool make_awslogs(const struct host_task_assignment *task, const struct ecs_container_definition *container,
                         struct arena *arena, struct log_route_record *record, struct fail *f)
{
    struct awslogs_options options;

    if (record->configuration->secret_options.count > 0)
        return fail(f, FAIL_INPUT, "log driver awslogs takes no secretOptions");
    if (!log_route_options(record->configuration, &options, f))
        return false;
    record->log_stream = awslogs_stream_name(&options, container->name, task->task_id, task->task_id, arena);
    return true;
}

static bool make_record(const struct host_task_assignment *task, const struct ecs_container_definition *container,
                        struct arena *arena, struct log_route_record *ret_record, struct fail *f)
{
    struct log_route_record record = {.task_id = task->task_id,
                                      .container_name = container->name,
                                      .configuration = container->log_configuration,
                                      .credentials = task->execution_credentials};
    bool good = true;

    if (log_route_is_splunk(record.configuration))
        good = make_splunk(task, container, arena, &record, f);
    else if (!log_route_is_kept_here(record.configuration))
        good = record.configuration->log_driver == ECS_LOG_DRIVER_AWSLOGS
                   ? make_awslogs(task, container, arena, &record, f)
                   : fail(f, FAIL_INPUT, "Berth does not support log driver '%s'",
                          enum_name(&ecs_log_driver_shape, (int)record.configuration->log_driver));
    if (good)
        *ret_record = record;
    return good;
}

/* Once: who starts a task waits for it. */
static bool verify_splunk(const struct log_admission *admission, const struct log_route *route, struct fail *f)
{
    enum log_outcome outcome;
    struct log_client *client;
    struct fail why;

    if (!route->splunk_options.verify_connection)
        return true;
    if (!log_client_new(admission->address, admission->cancel, &client, f))
        return false;
    outcome = splunk_client_verify(client, &route->splunk_options, &why);
    log_client_free(client);
    return outcome == LOG_OUTCOME_DONE || fail(f, FAIL_INPUT, "splunk: failed to verify connection: %s", why.message);
}

static bool make_stream(const struct log_admission *admission, const struct log_route *route, struct fail *f)
{
    enum log_outcome outcome = LOG_OUTCOME_RETRY;
    struct log_client *client;
    struct fail why = {.message = "the host is stopping"};
    int64_t pause_ms = PAUSE_MS;

    if (!log_client_new(admission->address, admission->cancel, &client, f))
        return false;
    for (int i = 0; i < ENSURE_TRIES && outcome == LOG_OUTCOME_RETRY && !*admission->cancel; i++) {
        if (i > 0)
            (void)poll(NULL, 0, (int)pause_ms);
        if (i > 0 && pause_ms < SECOND_MS)
            pause_ms *= 2;
        outcome = log_client_ensure(client, &route->place, route->options.create_group, &why);
    }
    log_client_free(client);
    if (outcome == LOG_OUTCOME_DONE)
        return true;
    return fail(f, FAIL_INPUT, "create stream has been retried 1 times: failed to create Cloudwatch log stream: %s",
                why.message);
}

static bool ensure_stream(const struct log_admission *admission, struct log_route *route, struct fail *f)
{
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)1 << 16);
    good = log_route_act(route, admission->identity, &arena, f) && make_stream(admission, route, f);
    arena_free(&arena);
    return good;
}

static bool admit(const struct log_admission *admission, const struct log_route_record *record, size_t i,
                  struct log_route **ret_route, struct fail *f)
{
    struct log_route *route = NULL;

    if (!log_route_write(admission->logs_dir, i, record, f))
        return false;
    if (!log_route_is_kept_here(record->configuration) &&
        (!log_route_open(admission->logs_dir, record, i, clock_monotonic_ms(), &route, f) ||
         !(route->is_splunk ? verify_splunk(admission, route, f) : ensure_stream(admission, route, f)))) {
        struct fail ignored;

        log_route_close(route);
        (void)!log_keep_finish(admission->logs_dir, record->task_id, i, &ignored); /* its files may go with time */
        return false;
    }
    *ret_route = route;
    return true;
}

bool log_admit(const struct log_admission *admission, const struct host_task_assignment *task,
               const struct ecs_container_definition *container, size_t i, struct log_route **ret_route, struct fail *f)
{
    struct log_route_record record;
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = make_record(task, container, &arena, &record, f) && admit(admission, &record, i, ret_route, f);
    arena_free(&arena);
    return good || fail_in(f, "failed to validate logger args");
}
