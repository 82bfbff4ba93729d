#include "edge/front.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "edge/api.h"
#include "edge/status.h"

#include <pthread.h>

enum { WORKERS = 4, API_BODY_MAX = 32 << 20, CONTROL_BODY_MAX = 64 << 10 };

struct work {
    struct list link;
    void (*run)(void *context);
    void *context;
};

struct front {
    struct front_options options;
    struct map specs;                    /* const struct operation_spec *, by the bytes of the operation's address */
    const struct operation **operations; /* those addresses, as keys */
    pthread_t workers[WORKERS];
    pthread_mutex_t lock; /* protects queue and stopping */
    pthread_cond_t wake;
    struct list queue;
    bool stopping;
};

/* ---- workers ---- */

static void *worker_main(void *context)
{
    struct front *front = context;

    for (;;) {
        struct work *work;

        (void)pthread_mutex_lock(&front->lock);
        while (list_empty(&front->queue) && !front->stopping)
            (void)pthread_cond_wait(&front->wake, &front->lock);
        if (list_empty(&front->queue)) {
            (void)pthread_mutex_unlock(&front->lock);
            return NULL;
        }
        work = list_item(list_take_first(&front->queue), struct work, link);
        (void)pthread_mutex_unlock(&front->lock);
        work->run(work->context);
        free(work);
    }
}

void front_work(struct front *front, void (*run)(void *context), void *context)
{
    struct work *work = calloc(1, sizeof(*work));

    must(work != NULL);
    work->run = run;
    work->context = context;
    (void)pthread_mutex_lock(&front->lock);
    list_add_last(&front->queue, &work->link);
    (void)pthread_cond_signal(&front->wake);
    (void)pthread_mutex_unlock(&front->lock);
}

/* ---- what api.c asks ---- */

const struct front_options *front_options_of(const struct front *front)
{
    return &front->options;
}

const struct ports *front_ports(const struct front *front)
{
    return front->options.ports;
}

static struct str address_key(const struct operation *const *operation)
{
    return (struct str){(const char *)operation, sizeof(*operation)};
}

const struct operation_spec *front_operation(const struct front *front, const struct operation *operation)
{
    return map_get(&front->specs, address_key(&operation));
}

/* ---- /_berth/ ---- */

static void reply_text(struct http_exchange *exchange, uint16_t status, struct str type, struct str text)
{
    const struct http_header headers[] = {{STR("Content-Type"), type}};
    const struct http_reply reply = {
        .status = status, .headers = headers, .header_count = 1, .kind = HTTP_BODY_BYTES, .bytes = text};

    http_exchange_reply(exchange, &reply);
}

static void reply_error(struct http_exchange *exchange, uint16_t status, const char *message)
{
    reply_text(exchange, status, STR("application/json"),
               arena_printf(exchange->arena, "{\"message\":\"%s\"}\n", message));
}

static void health(struct front *front, struct http_exchange *exchange)
{
    (void)front;
    reply_text(exchange, 200, STR("application/json"), STR("{\"status\":\"ok\",\"version\":\"" BERTH_VERSION "\"}\n"));
}

static void metrics(struct front *front, struct http_exchange *exchange)
{
    struct core_counters counters = loop_counters(front->options.loop);
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        {"berth_turns_total", "Turns of the core", counters.turns},
        {"berth_jobs_total", "Requests and reports run by the core", counters.jobs},
        {"berth_jobs_rolled_back_total", "Of them, those that changed nothing because they failed",
         counters.rolled_back},
        {"berth_rows_total", "Rows made durable", counters.rows},
        {"berth_reconciles_total", "Keys looked at by reconcilers", counters.reconciles},
        {"berth_turns_undone_total", "Turns undone because they could not be made durable", counters.undone_turns},
    };
    auto_buf text = {.ptr = NULL};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        buf_printf(&text, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", rows[i].name, rows[i].help, rows[i].name,
                   rows[i].name, (unsigned long long)rows[i].value);
    reply_text(exchange, 200, STR("text/plain; version=0.0.4"), buf_str(&text));
}

static void reset_on_worker(void *context)
{
    struct http_exchange *exchange = context;
    struct front *front = exchange->user;
    struct fail f;

    if (!loop_reset(front->options.loop, &f) ||
        (front->options.reset != NULL && !front->options.reset(front->options.ports, &f))) {
        log_error("reset: %s", f.message);
        reply_error(exchange, 500, "the installation could not be reset; the server's log says why");
        return;
    }
    reply_text(exchange, 200, STR("application/json"), STR("{\"status\":\"reset\"}\n"));
}

static void reset(struct front *front, struct http_exchange *exchange)
{
    if (!front->options.settings->auth_open) {
        reply_error(exchange, 403, "only an installation that runs with --auth=open can be reset");
        return;
    }
    exchange->user = front;
    front_work(front, reset_on_worker, exchange);
}

static bool bears_token(const struct front *front, const struct http_exchange *exchange)
{
    struct str sent = wire_header(&exchange->request, "authorization");

    return str_starts(sent, STR("Bearer ")) && str_eq(str_from(sent, 7), front->options.control_token);
}

static void status(struct front *front, struct http_exchange *exchange)
{
    if (bears_token(front, exchange))
        status_reply(front->options.loop, exchange);
    else
        reply_error(exchange, 403, "the token is wrong");
}

static const struct {
    const char *method, *path;
    void (*handle)(struct front *front, struct http_exchange *exchange);
} control_routes[] = {
    {"GET", "/_berth/health", health},
    {"GET", "/_berth/metrics", metrics},
    {"GET", "/_berth/status", status},
    {"POST", "/_berth/reset", reset},
};

static void control(struct front *front, struct http_exchange *exchange)
{
    for (size_t i = 0; i < COUNT_OF(control_routes); i++) {
        if (!str_is(exchange->request.path, control_routes[i].path))
            continue;
        if (str_is(exchange->request.method, control_routes[i].method))
            control_routes[i].handle(front, exchange);
        else
            reply_error(exchange, 405, "this path does not take that method");
        return;
    }
    reply_error(exchange, 404, "there is nothing at this path");
}

/* ---- the handler ---- */

enum door { DOOR_API, DOOR_REGISTRY, DOOR_HOST_LINK, DOOR_CONTROL };

static enum door door_of(const struct front *front, const struct http_exchange *exchange)
{
    struct str path = exchange->request.path;

    if (str_is(path, "/_berth/host"))
        return DOOR_HOST_LINK;
    if (str_starts(path, STR("/_berth/")))
        return DOOR_CONTROL;
    if (front->options.registry.begin != NULL && (str_is(path, "/v2") || str_starts(path, STR("/v2/"))))
        return DOOR_REGISTRY;
    return DOOR_API;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    struct front *front = context;

    switch (door_of(front, exchange)) {
    case DOOR_REGISTRY:
        return front->options.registry.begin(front->options.registry.context, exchange);
    case DOOR_HOST_LINK:
        return front->options.host_link.begin(front->options.host_link.context, exchange);
    case DOOR_CONTROL:
        exchange->body_limit = CONTROL_BODY_MAX;
        return true;
    case DOOR_API:
        exchange->body_limit = API_BODY_MAX;
        return true;
    }
    return true;
}

static bool data(void *context, struct http_exchange *exchange, struct str bytes)
{
    struct front *front = context;

    /* Only the registry streams. */
    return front->options.registry.data(front->options.registry.context, exchange, bytes);
}

static void complete(void *context, struct http_exchange *exchange)
{
    struct front *front = context;

    switch (door_of(front, exchange)) {
    case DOOR_REGISTRY:
        front->options.registry.complete(front->options.registry.context, exchange);
        break;
    case DOOR_HOST_LINK:
        front->options.host_link.complete(front->options.host_link.context, exchange);
        break;
    case DOOR_CONTROL:
        control(front, exchange);
        break;
    case DOOR_API:
        api_complete(front, exchange);
        break;
    }
}

static void ended(void *context, struct http_exchange *exchange)
{
    struct front *front = context;

    if (door_of(front, exchange) == DOOR_REGISTRY)
        front->options.registry.ended(front->options.registry.context, exchange);
}

struct http_handler front_handler(struct front *front)
{
    return (struct http_handler){.context = front, .begin = begin, .data = data, .complete = complete, .ended = ended};
}

struct front *front_new(const struct front_options *options)
{
    struct front *front = calloc(1, sizeof(*front));
    size_t total = 0;
    size_t at = 0;

    must(front != NULL);
    front->options = *options;
    for (size_t i = 0; i < options->operations_count; i++)
        total += *options->operations[i].count;
    front->operations = calloc(total + 1, sizeof(*front->operations));
    must(front->operations != NULL);
    for (size_t i = 0; i < options->operations_count; i++)
        for (size_t k = 0; k < *options->operations[i].count; k++, at++) {
            const struct operation_spec *spec = &options->operations[i].rows[k];

            front->operations[at] = spec->operation;
            must(map_put(&front->specs, address_key(&front->operations[at]), (void *)(uintptr_t)spec) == NULL);
        }
    list_init(&front->queue);
    must(pthread_mutex_init(&front->lock, NULL) == 0);
    must(pthread_cond_init(&front->wake, NULL) == 0);
    for (size_t i = 0; i < WORKERS; i++)
        must(pthread_create(&front->workers[i], NULL, worker_main, front) == 0);
    return front;
}

void front_free(struct front *front)
{
    (void)pthread_mutex_lock(&front->lock);
    front->stopping = true;
    (void)pthread_cond_broadcast(&front->wake);
    (void)pthread_mutex_unlock(&front->lock);
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(front->workers[i], NULL);
    (void)pthread_mutex_destroy(&front->lock);
    (void)pthread_cond_destroy(&front->wake);
    map_free(&front->specs);
    free(front->operations);
    free(front);
}
