#include "edge/front.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "edge/api.h"
#include "edge/control.h"
#include "os/clock.h"

#include <pthread.h>

enum { WORKERS = 4, CONTROL_BODY_MAX = 64 << 10 };

struct work {
    struct list link;
    void (*run)(void *context);
    void *context;
};

struct front {
    struct front_options options;
    struct map numbers;                  /* const struct operation **, by the bytes of the operation's address */
    const struct operation **operations; /* those addresses, in the order of their numbers */
    const struct operation_spec **specs; /* likewise */
    struct metrics *metrics;
    struct key_use *key_use;
    pthread_t workers[WORKERS];
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    pthread_cond_t idle;
    struct list queue;
    size_t under_way; /* API calls, from front_enter to front_leave */
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

const struct operation_spec *front_operation(const struct front *front, const struct operation *operation,
                                             size_t *ret_number)
{
    const struct operation **at = map_get(&front->numbers, address_key(&operation));

    if (at == NULL)
        return NULL;
    *ret_number = (size_t)(at - front->operations);
    return front->specs[*ret_number];
}

struct metrics *front_metrics(const struct front *front)
{
    return front->metrics;
}

struct key_use *front_key_use(const struct front *front)
{
    return front->key_use;
}

void front_enter(struct front *front)
{
    (void)pthread_mutex_lock(&front->lock);
    front->under_way++;
    (void)pthread_mutex_unlock(&front->lock);
}

void front_leave(struct front *front)
{
    (void)pthread_mutex_lock(&front->lock);
    front->under_way--;
    (void)pthread_cond_broadcast(&front->idle);
    (void)pthread_mutex_unlock(&front->lock);
}

/* ---- the handler ---- */

enum door { DOOR_API, DOOR_REGISTRY, DOOR_LAYER, DOOR_HOST_LINK, DOOR_AGENT_LINK, DOOR_DATA_CHANNEL, DOOR_CONTROL };

static enum door door_of(const struct front *front, const struct http_exchange *exchange)
{
    struct str path = exchange->request.path;

    if (str_is(path, "/_berth/host"))
        return DOOR_HOST_LINK;
    if (agent_links_serves(path))
        return DOOR_AGENT_LINK;
    if (str_starts(path, STR(LAYER_PATH)))
        return DOOR_LAYER;
    if (str_starts(path, STR(DATA_CHANNEL_PATH)))
        return DOOR_DATA_CHANNEL;
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
    case DOOR_DATA_CHANNEL:
    case DOOR_AGENT_LINK:
    case DOOR_LAYER:
        exchange->body_limit = 0;
        return true;
    case DOOR_CONTROL:
        exchange->body_limit = CONTROL_BODY_MAX;
        return true;
    case DOOR_API:
        return api_begin(front, exchange);
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
        host_links_complete(front->options.host_links, exchange);
        break;
    case DOOR_DATA_CHANNEL:
        session_links_complete(front->options.session_links, exchange);
        break;
    case DOOR_AGENT_LINK:
        agent_links_complete(front->options.agent_links, exchange);
        break;
    case DOOR_LAYER:
        registry_layers_complete(front->options.layers, exchange);
        break;
    case DOOR_CONTROL:
        control_complete(front, exchange);
        break;
    case DOOR_API:
        api_complete(front, exchange);
        break;
    }
}

static void replying(void *context, struct http_exchange *exchange)
{
    const struct front *front = context;

    switch (door_of(front, exchange)) {
    case DOOR_API:
        api_audit(exchange);
        break;
    case DOOR_REGISTRY:
        front->options.registry.replying(front->options.registry.context, exchange);
        break;
    case DOOR_LAYER:
    case DOOR_HOST_LINK:
    case DOOR_AGENT_LINK:
    case DOOR_DATA_CHANNEL:
    case DOOR_CONTROL:
        break;
    }
}

static void ended(void *context, struct http_exchange *exchange)
{
    struct front *front = context;

    enum door door = door_of(front, exchange);
    int64_t took_us = clock_monotonic_us() - exchange->begun_us;

    if (door == DOOR_API) { /* counts and logs itself */
        api_audit(exchange);
        return;
    }
    if (door == DOOR_CONTROL)
        control_ended(front, exchange);
    if (door == DOOR_REGISTRY) {
        front->options.registry.ended(front->options.registry.context, exchange);
        metrics_count_registry(front->metrics, exchange->request.method, exchange->status, took_us);
    }
    log_debug("%.*s %.*s from %.*s: %u in %lld us", STR_ARG(exchange->request.method), STR_ARG(exchange->request.path),
              STR_ARG(exchange->peer_address), exchange->status, (long long)took_us);
}

struct http_handler front_handler(struct front *front)
{
    return (struct http_handler){
        .context = front, .begin = begin, .data = data, .complete = complete, .replying = replying, .ended = ended};
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
    front->specs = calloc(total + 1, sizeof(*front->specs));
    must(front->operations != NULL);
    must(front->specs != NULL);
    for (size_t i = 0; i < options->operations_count; i++)
        for (size_t k = 0; k < *options->operations[i].count; k++, at++) {
            const struct operation_spec *spec = &options->operations[i].rows[k];

            front->operations[at] = spec->operation;
            front->specs[at] = spec;
            must(map_put(&front->numbers, address_key(&front->operations[at]), &front->operations[at]) == NULL);
        }
    front->metrics = metrics_new(front->operations, total);
    front->key_use = key_use_new(options->loop);
    list_init(&front->queue);
    must(pthread_mutex_init(&front->lock, NULL) == 0);
    must(pthread_cond_init(&front->wake, NULL) == 0);
    must(pthread_cond_init(&front->idle, NULL) == 0);
    for (size_t i = 0; i < WORKERS; i++)
        must(pthread_create(&front->workers[i], NULL, worker_main, front) == 0);
    return front;
}

void front_free(struct front *front)
{
    (void)pthread_mutex_lock(&front->lock);
    while (front->under_way > 0)
        (void)pthread_cond_wait(&front->idle, &front->lock);
    front->stopping = true;
    (void)pthread_cond_broadcast(&front->wake);
    (void)pthread_mutex_unlock(&front->lock);
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(front->workers[i], NULL);
    (void)pthread_mutex_destroy(&front->lock);
    (void)pthread_cond_destroy(&front->wake);
    (void)pthread_cond_destroy(&front->idle);
    map_free(&front->numbers);
    metrics_free(front->metrics);
    key_use_free(front->key_use);
    free(front->operations);
    free(front->specs);
    free(front);
}
