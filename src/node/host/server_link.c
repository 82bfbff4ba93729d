/* The host's end of the host link: dials, says hello, hears assignments, reports. */
#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "os/clock.h"
#include "os/condition.h"

#include <sys/utsname.h>

enum { DIAL_PAUSE_MS_MIN = 100, DIAL_PAUSE_MS_MAX = 5000, USAGE_EVERY_MS = 20000 };

static void message(void *context, struct link *link, struct str bytes)
{
    struct host *host = context;
    struct host_from_server message = {0};
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (!value_decode(&host_from_server_shape, bytes, &message, &arena, &f)) {
        log_error("the server sends what cannot be read, the link is cut: %s", f.message);
        link_shut(link);
    } else if (message.assignment != NULL) {
        host_apply(host, message.assignment);
    } else if (message.session != NULL) {
        sessions_begin(host->sessions, message.session);
    }
    arena_free(&arena);
}

static void closed(void *context, struct link *link)
{
    struct host *host = context;

    (void)pthread_mutex_lock(&host->lock);
    if (host->server == link)
        host->server = NULL;
    if (!host->stopping)
        log_warning("the link to the server is lost; everything goes on as it was last told");
    (void)pthread_cond_signal(&host->link_changed);
    (void)pthread_mutex_unlock(&host->lock);
    link_free(link);
}

static bool say(struct link *link, const struct host_from_host *message)
{
    auto_buf bytes = {.limit = LINK_MESSAGE_MAX};

    value_encode(&host_from_host_shape, message, &bytes);
    return !bytes.overflowed && link_send(link, buf_str(&bytes));
}

static bool dial(struct host *host, struct fail *f)
{
    static const struct link_handler handler_rows = {.message = message, .closed = closed};
    struct link_handler handler = handler_rows;
    struct host_hello hello = {
        .host_id = str_of(host->id), .name = str_of(host->options.name), .version = STR(BERTH_VERSION)};
    struct host_from_host first = {.hello = &hello};
    struct utsname machine;
    struct link *link;
    int fd;

    if (!link_dial(host->options.server_address, host->options.server_port, "/_berth/host", host->options.token, &fd,
                   f))
        return false;
    (void)uname(&machine);
    hello.architecture = strcmp(machine.machine, "aarch64") == 0 ? STR("arm64") : str_of(machine.machine);
    SET(&hello, cpu_units, host->options.cpu_units);
    SET(&hello, memory_mib, host->options.memory_mib);
    handler.context = host;
    (void)pthread_mutex_lock(&host->lock);
    link = link_start((struct http_socket){.fd = fd}, STR(""), &handler, NULL);
    host->server = link;
    host->generation = host->heard_all = 0;
    instances_say_all(host);
    (void)say(link, &first);
    host_report_soon(host);
    (void)pthread_mutex_unlock(&host->lock);
    log_info("connected to the server at %s:%u", host->options.server_address, host->options.server_port);
    return true;
}

/* Waits for a change of link or the end; lock held. */
static void pause_ms(struct host *host, int64_t ms)
{
    (void)condition_wait(&host->link_changed, &host->lock, clock_monotonic_ms() + ms);
}

void *host_dial_main(void *context)
{
    struct host *host = context;
    int64_t pause = DIAL_PAUSE_MS_MIN;
    bool said = false;

    (void)pthread_mutex_lock(&host->lock);
    while (!host->stopping) {
        struct fail f;
        bool good;

        if (host->server != NULL) {
            pause_ms(host, DIAL_PAUSE_MS_MAX);
            continue;
        }
        (void)pthread_mutex_unlock(&host->lock);
        good = dial(host, &f);
        (void)pthread_mutex_lock(&host->lock);
        if (good) {
            pause = DIAL_PAUSE_MS_MIN;
            said = false;
            continue;
        }
        if (!said)
            log_warning("no link to the server, trying on: %s", f.message);
        said = true;
        pause_ms(host, pause);
        pause = 2 * pause < DIAL_PAUSE_MS_MAX ? 2 * pause : DIAL_PAUSE_MS_MAX;
    }
    (void)pthread_mutex_unlock(&host->lock);
    return NULL;
}

/* What was applied is known before the tasks are looked at: a report never says that it has what came meanwhile. */
static int64_t heard_all(struct host *host)
{
    int64_t generation;

    (void)pthread_mutex_lock(&host->lock);
    generation = host->heard_all;
    (void)pthread_mutex_unlock(&host->lock);
    return generation;
}

/* As often as ECS agents do. Planner thread. */
static void report_usage(struct host *host)
{
    struct host_usage usage;
    struct host_from_host message = {.usage = &usage};
    struct arena arena;
    auto_buf bytes = {.limit = LINK_MESSAGE_MAX};

    if (clock_monotonic_ms() < host->next_usage_ms)
        return;
    host->next_usage_ms = clock_monotonic_ms() + USAGE_EVERY_MS;
    arena_init(&arena, (size_t)LINK_MESSAGE_MAX);
    task_engine_usage(host->engine, &arena, &usage);
    value_encode(&host_from_host_shape, &message, &bytes);
    (void)pthread_mutex_lock(&host->lock);
    if (host->server != NULL && usage.tasks.count > 0)
        (void)link_send(host->server, buf_str(&bytes));
    (void)pthread_mutex_unlock(&host->lock);
    arena_free(&arena);
}

void host_report(struct host *host)
{
    struct host_report report = {0};
    struct host_from_host message = {.report = &report};
    int64_t generation = heard_all(host);
    struct arena arena;
    auto_buf bytes = {.limit = LINK_MESSAGE_MAX};

    arena_init(&arena, (size_t)LINK_MESSAGE_MAX);
    task_engine_report(host->engine, &arena, &report.tasks);
    SET(&report, complete, true);
    if (generation != 0)
        SET(&report, generation, generation);
    (void)pthread_mutex_lock(&host->lock);
    if (host->server != NULL && host->heard_all >= generation) { /* else the link is another: it is said again there */
        instances_report(host, &arena, &report.instances);
        value_encode(&host_from_host_shape, &message, &bytes);
        (void)link_send(host->server, buf_str(&bytes));
    }
    (void)pthread_mutex_unlock(&host->lock);
    arena_free(&arena);
    report_usage(host);
}
