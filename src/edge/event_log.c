#include "edge/event_log.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/events/delivery.h"

#include <pthread.h>

enum { ASKS_MAX = 10000, ASK_BYTES_MAX = 8 << 20 };

struct ask {
    struct list link;
    struct job job;
    struct arena arena;
    struct str delivery, line;
    bool good;
    struct fail fail; /* why not */
};

struct event_log {
    pthread_t thread;
    pthread_mutex_t lock; /* protects asks, count and stopping; nothing else is locked under it */
    pthread_cond_t wake;
    struct list asks;
    size_t count;
    bool stopping;
    struct loop *loop;
    const struct log_port *logs;
};

static void ask_free(struct ask *ask)
{
    arena_free(&ask->arena);
    free(ask);
}

/* ---- one line, on the thread ---- */

static bool write_line(const struct event_log *log, struct ask *ask)
{
    struct event_log_line line = {.at = 0};
    struct log_input input;
    struct log_append batch = {.events = &input, .count = 1, .request = ask->delivery};
    uint64_t ordinal;

    if (!value_decode(&event_log_line_shape, ask->line, &line, &ask->arena, &ask->fail))
        return false;
    input = (struct log_input){line.at, line.message};
    batch.stream = (struct log_stream_key){{line.account_id, line.region, line.group}, line.stream};
    batch.ingestion_ms = line.ingested_at;
    return log->logs->append(log->logs->context, &batch, &ordinal, &ask->fail);
}

/* ---- the answer, on the core thread ---- */

static bool run(struct job *job, struct transaction *tx)
{
    const struct ask *ask = list_item(&job->link, struct ask, job.link);

    if (ask->good)
        delivery_done(tx, ask->delivery);
    else
        delivery_failed(tx, ask->delivery, str_of(ask->fail.message), /* final= */ false);
    return true;
}

static void done(struct job *job, bool durable)
{
    (void)durable; /* it is asked again */
    ask_free(list_item(&job->link, struct ask, job.link));
}

/* ---- the thread ---- */

static struct ask *next(struct event_log *log)
{
    struct ask *ask = NULL;

    (void)pthread_mutex_lock(&log->lock);
    while (!log->stopping && list_empty(&log->asks))
        (void)pthread_cond_wait(&log->wake, &log->lock);
    if (!log->stopping) {
        ask = list_item(list_take_first(&log->asks), struct ask, link);
        log->count--;
    }
    (void)pthread_mutex_unlock(&log->lock);
    return ask;
}

static void *thread_main(void *context)
{
    struct event_log *log = context;
    struct ask *ask;

    while ((ask = next(log)) != NULL) {
        ask->good = write_line(log, ask);
        ask->job = (struct job){.actor = "event log", .cause = STR("delivery"), .run = run, .done = done};
        loop_submit(log->loop, &ask->job);
    }
    return NULL;
}

struct event_log *event_log_new(void)
{
    struct event_log *log = calloc(1, sizeof(*log));

    must(log != NULL);
    list_init(&log->asks);
    must(pthread_mutex_init(&log->lock, NULL) == 0);
    must(pthread_cond_init(&log->wake, NULL) == 0);
    return log;
}

void event_log_begin(struct event_log *log, struct loop *loop, const struct log_port *logs)
{
    log->loop = loop;
    log->logs = logs;
    must(pthread_create(&log->thread, NULL, thread_main, log) == 0);
}

static bool add(struct event_log *log, struct ask *ask)
{
    bool room;

    (void)pthread_mutex_lock(&log->lock);
    room = log->count < ASKS_MAX;
    if (room) {
        list_add_last(&log->asks, &ask->link);
        log->count++;
        (void)pthread_cond_signal(&log->wake);
    }
    (void)pthread_mutex_unlock(&log->lock);
    return room;
}

void event_log_ask(struct event_log *log, struct str delivery, struct str line)
{
    struct ask *ask = calloc(1, sizeof(*ask));

    must(ask != NULL);
    arena_init(&ask->arena, ASK_BYTES_MAX);
    ask->delivery = arena_str(&ask->arena, delivery);
    ask->line = arena_str(&ask->arena, line);
    if (!add(log, ask))
        ask_free(ask);
}

void event_log_stop(struct event_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    log->stopping = true;
    (void)pthread_cond_broadcast(&log->wake);
    (void)pthread_mutex_unlock(&log->lock);
    if (log->loop != NULL)
        (void)pthread_join(log->thread, NULL);
    log->loop = NULL;
}

void event_log_free(struct event_log *log)
{
    list_each(link, after, &log->asks) ask_free(list_item(link, struct ask, link));
    (void)pthread_mutex_destroy(&log->lock);
    (void)pthread_cond_destroy(&log->wake);
    free(log);
}
