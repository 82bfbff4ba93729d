#include "edge/metric_keeper.h"

#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/metric_store.h"
#include "plane/cloudwatch/alarm_evaluation.h"
#include "plane/cloudwatch/metric_sample.h"

#include <pthread.h>

enum { ASKS_MAX = 20000, ASK_BYTES_MAX = 64 << 20, AGE_EVERY_S = 60 };

enum ask_kind { ASK_EVALUATE, ASK_PUBLISH, ASK_LOOK };

/* Something to be done on the thread, and the job that tells the core of it. */
struct ask {
    struct list link;
    struct job job;
    struct arena arena;
    enum ask_kind kind;
    struct str bytes;               /* a stored question or publication; the key of an alarm to look at */
    struct alarm_measured measured; /* the answer of a question */
};

struct metric_keeper {
    struct metric_port port;
    struct metric_store *store;
    struct clock clock;
    struct loop *loop; /* NULL: not begun, or stopped */
    pthread_t thread;
    pthread_mutex_t lock; /* protects asks, count and stopping; nothing else is locked under it */
    pthread_cond_t wake;
    struct list asks;
    size_t count;
    bool stopping;
};

/* ---- the queue ---- */

static void ask_free(struct ask *ask)
{
    arena_free(&ask->arena);
    free(ask);
}

static void add(struct metric_keeper *keeper, enum ask_kind kind, struct str bytes)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    bool room;

    must(ask != NULL);
    arena_init(&ask->arena, ASK_BYTES_MAX);
    ask->kind = kind;
    ask->bytes = arena_str(&ask->arena, bytes);
    (void)pthread_mutex_lock(&keeper->lock);
    room = keeper->count < ASKS_MAX && !keeper->stopping;
    if (room) {
        list_add_last(&keeper->asks, &ask->link);
        keeper->count++;
        (void)pthread_cond_signal(&keeper->wake);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    if (room)
        return;
    if (kind == ASK_PUBLISH)
        log_warning("metrics that were published are lost: too much waits for the metric store");
    ask_free(ask);
}

void metric_keeper_evaluate(struct metric_keeper *keeper, struct str question)
{
    add(keeper, ASK_EVALUATE, question);
}

void metric_keeper_publish(struct metric_keeper *keeper, struct str published)
{
    add(keeper, ASK_PUBLISH, published);
}

/* ---- the port ---- */

static struct metric_store *store_of(void *context)
{
    return ((struct metric_keeper *)context)->store;
}

static bool append(void *context, const struct metric_sample *samples, size_t count, int64_t now_ms, struct fail *f)
{
    return metric_store_append(store_of(context), samples, count, now_ms, f);
}

static bool read_points(void *context, const struct metric_query *query, struct arena *arena,
                        struct metric_points *ret_points, struct fail *f)
{
    return metric_store_read(store_of(context), query, arena, ret_points, f);
}

static bool list(void *context, const struct metric_listing *listing, struct arena *arena, struct metric_list *ret_list,
                 struct fail *f)
{
    return metric_store_list(store_of(context), listing, arena, ret_list, f);
}

static void came(void *context, const struct str *alarms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(context, ASK_LOOK, alarms[i]);
}

/* ---- what is done on the thread ---- */

static bool publish(struct metric_keeper *keeper, struct ask *ask, struct fail *f)
{
    struct published_metrics *of = arena_new(&ask->arena, struct published_metrics);
    struct metric_sample *samples;
    struct metric_scope scope;

    if (!value_decode(&published_metrics_shape, ask->bytes, of, &ask->arena, f))
        return false;
    scope = (struct metric_scope){of->account_id, of->region, of->published_at};
    return metric_samples_make(&scope, of->namespace, &of->metric_data, &ask->arena, &samples, f) &&
           metric_store_append(keeper->store, samples, of->metric_data.count, of->published_at, f);
}

/* Whether the core has to hear of it. */
static bool act(struct metric_keeper *keeper, struct ask *ask)
{
    struct fail f;

    switch (ask->kind) {
    case ASK_EVALUATE:
        if (alarm_measure(&keeper->port, ask->bytes, &ask->arena, &ask->measured, &f))
            return true;
        log_warning("an alarm could not be evaluated: %s", f.message);
        return false;
    case ASK_PUBLISH:
        if (!publish(keeper, ask, &f))
            log_warning("metrics that were published are lost: %s", f.message);
        return false;
    case ASK_LOOK:
        break;
    }
    return true;
}

static bool run(struct job *job, struct transaction *tx)
{
    const struct ask *ask = list_item(&job->link, struct ask, job.link);

    if (ask->kind == ASK_LOOK)
        alarm_look(tx, ask->bytes);
    else
        alarm_answer(tx, &ask->measured);
    return true;
}

static void done(struct job *job, bool durable)
{
    (void)durable; /* it is asked again */
    ask_free(list_item(&job->link, struct ask, job.link));
}

static void age(struct metric_keeper *keeper)
{
    struct fail f;
    bool more;

    if (!metric_store_age(keeper->store, clock_now_ms(&keeper->clock), &more, &f))
        log_error("old metrics stay as they are for now: %s", f.message);
}

/* Waits for an ask; NULL: the time is over, or it ends. */
static struct ask *next(struct metric_keeper *keeper, int64_t until_ms, bool *ret_stopping)
{
    struct ask *ask = NULL;

    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping && list_empty(&keeper->asks) && condition_wait(&keeper->wake, &keeper->lock, until_ms))
        ;
    *ret_stopping = keeper->stopping;
    if (!keeper->stopping && !list_empty(&keeper->asks)) {
        ask = list_item(list_take_first(&keeper->asks), struct ask, link);
        keeper->count--;
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return ask;
}

static void handle(struct metric_keeper *keeper, struct ask *ask)
{
    if (!act(keeper, ask)) {
        ask_free(ask);
        return;
    }
    ask->job = (struct job){.actor = "alarm", .cause = STR("alarm evaluation"), .run = run, .done = done};
    loop_submit(keeper->loop, &ask->job);
}

static void *thread_main(void *context)
{
    struct metric_keeper *keeper = context;
    int64_t until_ms = clock_monotonic_ms();
    bool stopping = false;

    while (!stopping) {
        struct ask *ask = next(keeper, until_ms, &stopping);

        if (ask != NULL)
            handle(keeper, ask);
        if (stopping || clock_monotonic_ms() < until_ms)
            continue;
        age(keeper);
        until_ms = clock_monotonic_ms() + AGE_EVERY_S * SECOND_MS;
    }
    return NULL;
}

/* ---- life ---- */

static struct metric_keeper *keeper_new(struct metric_store *store, struct clock clock)
{
    struct metric_keeper *keeper = calloc(1, sizeof(*keeper));

    must(keeper != NULL);
    keeper->store = store;
    keeper->clock = clock;
    keeper->port =
        (struct metric_port){.context = keeper, .append = append, .read = read_points, .list = list, .came = came};
    list_init(&keeper->asks);
    must(pthread_mutex_init(&keeper->lock, NULL) == 0);
    condition_init(&keeper->wake);
    return keeper;
}

bool metric_keeper_open(const char *path, struct clock clock, struct metric_keeper **ret_keeper, struct fail *f)
{
    struct metric_store *store;
    bool set_aside;

    if (!metric_store_open(path, &store, &set_aside, f))
        return false;
    if (set_aside)
        log_warning("%s was damaged: it is kept as %s.damaged, and metrics begin anew", path, path);
    *ret_keeper = keeper_new(store, clock);
    return true;
}

void metric_keeper_begin(struct metric_keeper *keeper, struct loop *loop)
{
    keeper->loop = loop;
    must(pthread_create(&keeper->thread, NULL, thread_main, keeper) == 0);
}

void metric_keeper_stop(struct metric_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    (void)pthread_cond_broadcast(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    if (keeper->loop != NULL)
        (void)pthread_join(keeper->thread, NULL);
    keeper->loop = NULL;
}

void metric_keeper_close(struct metric_keeper *keeper)
{
    list_each(link, after, &keeper->asks) ask_free(list_item(link, struct ask, link));
    metric_store_close(keeper->store);
    (void)pthread_mutex_destroy(&keeper->lock);
    (void)pthread_cond_destroy(&keeper->wake);
    free(keeper);
}

const struct metric_port *metric_keeper_port(const struct metric_keeper *keeper)
{
    return &keeper->port;
}

bool metric_keeper_reset(struct metric_keeper *keeper, struct fail *f)
{
    return metric_store_reset(keeper->store, f);
}
