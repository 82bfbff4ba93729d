#include "edge/registry_collect.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "os/blob_upload.h"
#include "os/clock.h"
#include "os/condition.h"
#include "plane/ecr/ecr.h"

#include <inttypes.h>
#include <pthread.h>

enum { COLLECT_EVERY_S = 3600, STACK_BYTES = 256 << 10 };

struct collector {
    struct loop *loop;
    struct blob_store *blobs;
    pthread_t thread;
    pthread_mutex_t lock; /* protects stopping */
    pthread_cond_t wake;
    bool stopping;
    pthread_mutex_t running; /* one collection at a time; taken before everything else */
};

/* One transaction of a collection. */
struct collect_job {
    struct job job;
    int64_t grace_ms;
    struct arena *arena;       /* what is found out stays here */
    struct repository_ref *at; /* the repository to look at; name absent: before the first */
    bool found;                /* there was one more */
    struct map *used;          /* digests */
};

static struct repository_ref copy_ref(struct arena *arena, const struct repository_record *record)
{
    return (struct repository_ref){.registry = {arena_str(arena, record->account_id), arena_str(arena, record->region)},
                                   .name = arena_str(arena, record->repository->repository_name)};
}

/* The next repository forgets what it does not need. */
static bool drop(struct job *job, struct transaction *tx)
{
    struct collect_job *collect = list_item(&job->link, struct collect_job, job.link);
    struct repository_ref *at = collect->at;
    struct walk walk = transaction_walk(tx, &repository_table, NULL, STR(""));
    const struct repository_record *record;

    if (at->name.ptr != NULL)
        walk.at = KEY(tx->arena, at->registry.account, at->registry.region, at->name);
    record = walk_next(&walk);
    collect->found = record != NULL;
    if (record == NULL)
        return true;
    *at = copy_ref(collect->arena, record);
    repository_drop_blobs(tx, at, tx->now_ms - collect->grace_ms);
    return true;
}

static bool mark(struct job *job, struct transaction *tx)
{
    struct collect_job *collect = list_item(&job->link, struct collect_job, job.link);
    struct walk walk = transaction_walk(tx, &repository_blob_table, NULL, STR(""));
    const struct repository_blob_record *blob;

    while ((blob = walk_next(&walk)) != NULL)
        if (map_get(collect->used, blob->digest) == NULL)
            (void)map_put(collect->used, arena_str(collect->arena, blob->digest), collect->used);
    return true;
}

static bool ask(struct collector *collector, struct collect_job *collect,
                bool (*run)(struct job *, struct transaction *))
{
    collect->job = (struct job){.actor = "collector", .cause = STR("collection"), .run = run};
    return loop_run(collector->loop, &collect->job);
}

static bool is_used(void *context, struct str digest)
{
    const struct map *used = context;

    return map_get(used, digest) != NULL;
}

static bool collect(struct collector *collector, struct collect_job *job, struct blob_sweep_result *ret_result,
                    struct fail *f)
{
    const struct blob_sweep sweep = {.is_used = is_used, .context = job->used, .grace_ms = job->grace_ms};

    (void)blob_upload_expire(collector->blobs, job->grace_ms);
    do
        if (!ask(collector, job, drop))
            return fail(f, FAIL_SYSTEM, "the collection could not be made durable");
    while (job->found);
    if (!ask(collector, job, mark))
        return fail(f, FAIL_SYSTEM, "the collection could not read the records");
    return blob_sweep(collector->blobs, &sweep, ret_result, f);
}

bool collector_run(struct collector *collector, int64_t grace_ms, struct blob_sweep_result *ret_result, struct fail *f)
{
    struct arena arena;
    struct map used = {0};
    struct repository_ref at = {.name = {NULL, 0}};
    struct collect_job job = {.grace_ms = grace_ms, .arena = &arena, .at = &at, .used = &used};
    bool good;

    arena_init(&arena, (size_t)1 << 30);
    (void)pthread_mutex_lock(&collector->running);
    good = collect(collector, &job, ret_result, f);
    (void)pthread_mutex_unlock(&collector->running);
    map_free(&used);
    arena_free(&arena);
    return good;
}

/* True when it is time to collect, false when the collector ends. */
static bool wait_an_hour(struct collector *collector)
{
    int64_t until_ms = clock_monotonic_ms() + COLLECT_EVERY_S * SECOND_MS;
    bool stopping;

    (void)pthread_mutex_lock(&collector->lock);
    while (!collector->stopping && condition_wait(&collector->wake, &collector->lock, until_ms))
        ;
    stopping = collector->stopping;
    (void)pthread_mutex_unlock(&collector->lock);
    return !stopping;
}

static void *run(void *context)
{
    struct collector *collector = context;

    while (wait_an_hour(collector)) {
        struct blob_sweep_result result;
        struct fail f;

        if (!collector_run(collector, COLLECT_GRACE_MS, &result, &f))
            log_error("registry: garbage collection: %s", f.message);
        else if (result.removed_count > 0)
            log_info("registry: removed %" PRIu64 " unused blobs of %" PRIu64 " bytes", result.removed_count,
                     result.removed_bytes);
    }
    return NULL;
}

static void collector_free(struct collector *collector)
{
    (void)pthread_mutex_destroy(&collector->running);
    (void)pthread_mutex_destroy(&collector->lock);
    (void)pthread_cond_destroy(&collector->wake);
    free(collector);
}

bool collector_start(struct loop *loop, struct blob_store *blobs, struct collector **ret_collector, struct fail *f)
{
    struct collector *collector = calloc(1, sizeof(*collector));
    pthread_attr_t attributes;
    int error;

    must(collector != NULL);
    collector->loop = loop;
    collector->blobs = blobs;
    condition_init(&collector->wake);
    (void)pthread_mutex_init(&collector->lock, NULL);
    (void)pthread_mutex_init(&collector->running, NULL);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = pthread_create(&collector->thread, &attributes, run, collector);
    (void)pthread_attr_destroy(&attributes);
    if (error != 0) {
        collector_free(collector);
        return fail(f, FAIL_SYSTEM, "start a thread: %s", strerror(error));
    }
    *ret_collector = collector;
    return true;
}

void collector_stop(struct collector *collector)
{
    (void)pthread_mutex_lock(&collector->lock);
    collector->stopping = true;
    (void)pthread_cond_signal(&collector->wake);
    (void)pthread_mutex_unlock(&collector->lock);
    (void)pthread_join(collector->thread, NULL);
    collector_free(collector);
}
