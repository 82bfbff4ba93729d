#include "edge/log_keeper.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/log_store.h"
#include "plane/logs/logs.h"

#include <pthread.h>

enum {
    TIDY_EVERY_S = 60,
    SLICE_EVENTS = 10000, /* removed at once: a few tens of milliseconds for which writers wait */
    LIST_BYTES_MAX = 1 << 30,
};

struct log_keeper {
    struct log_port port;
    struct loop *loop;
    struct log_store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* protects due and stopping; nothing is locked under it */
    pthread_cond_t wake;
    bool due, stopping;
};

/* ---- the port ---- */

static void tidy(void *context)
{
    struct log_keeper *keeper = context;

    (void)pthread_mutex_lock(&keeper->lock);
    keeper->due = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
}

static struct log_store *store_of(void *context)
{
    return ((struct log_keeper *)context)->store;
}

static bool append(void *context, const struct log_append *batch, uint64_t *ret_ordinal, struct fail *f)
{
    return log_store_append(store_of(context), batch, ret_ordinal, f);
}

static bool get(void *context, const struct log_get *query, struct arena *arena, struct log_page *ret_page,
                struct fail *f)
{
    return log_store_get(store_of(context), query, arena, ret_page, f);
}

static bool filter(void *context, const struct log_filter *query, struct arena *arena, struct log_filter_page *ret_page,
                   struct fail *f)
{
    return log_store_filter(store_of(context), query, arena, ret_page, f);
}

static bool stream_stats(void *context, const struct log_stream_key *stream, struct log_stats *ret_stats,
                         struct fail *f)
{
    return log_store_stream_stats(store_of(context), stream, ret_stats, f);
}

static bool group_streams(void *context, const struct log_group_key *group, struct arena *arena,
                          const struct log_stream_stats **ret_streams, size_t *ret_count, struct fail *f)
{
    return log_store_group_streams(store_of(context), group, arena, ret_streams, ret_count, f);
}

static bool group_bytes(void *context, const struct log_group_key *group, uint64_t *ret_bytes, struct fail *f)
{
    return log_store_group_bytes(store_of(context), group, ret_bytes, f);
}

static bool delete_stream(void *context, const struct log_stream_key *stream, struct fail *f)
{
    bool good = log_store_delete_stream(store_of(context), stream, f);

    tidy(context);
    return good;
}

static bool delete_group(void *context, const struct log_group_key *group, struct fail *f)
{
    bool good = log_store_delete_group(store_of(context), group, f);

    tidy(context);
    return good;
}

/* ---- streams that exist ---- */

struct census {
    struct job job;
    struct arena arena;
    struct map streams; /* by key; the values say nothing */
    struct buf key;
};

static struct str census_key(struct census *census, const struct log_stream_key *stream)
{
    buf_clear(&census->key);
    key_add(&census->key, stream->group.account);
    key_add(&census->key, stream->group.region);
    key_add(&census->key, stream->group.group);
    key_add(&census->key, stream->stream);
    return buf_str(&census->key);
}

static void count_stream(void *context, const struct log_stream_key *stream)
{
    struct census *census = context;

    (void)map_put(&census->streams, arena_str(&census->arena, census_key(census, stream)), census);
}

static bool run_census(struct job *job, struct transaction *tx)
{
    logs_each_stream(tx, count_stream, list_item(&job->link, struct census, job.link));
    return true;
}

static bool exists(void *context, const struct log_stream_key *stream)
{
    struct census *census = context;

    return map_get(&census->streams, census_key(census, stream)) != NULL;
}

static bool forget_orphans(struct log_keeper *keeper, struct fail *f)
{
    struct census census = {.job = {.actor = "logs", .cause = STR("start"), .run = run_census}};
    size_t removed = 0;
    bool good;

    arena_init(&census.arena, LIST_BYTES_MAX);
    good = loop_run(keeper->loop, &census.job) || fail(f, FAIL_SYSTEM, "log streams could not be listed");
    good = good && log_store_keep_only(keeper->store, exists, &census, &removed, f);
    if (removed > 0)
        log_info("forgot the events of %zu log streams that were deleted before the last start", removed);
    buf_free(&census.key);
    map_free(&census.streams);
    arena_free(&census.arena);
    return good;
}

/* ---- retention and space ---- */

struct expiry {
    struct log_group_key group; /* in the list's arena */
    int64_t before_ms;
};

struct expiries {
    struct job job;
    struct arena arena;
    struct buf list; /* struct expiry */
};

static void add_expiry(void *context, const struct log_group_key *group, int64_t before_ms)
{
    struct expiries *expiries = context;
    struct expiry expiry = {{arena_str(&expiries->arena, group->account), arena_str(&expiries->arena, group->region),
                             arena_str(&expiries->arena, group->group)},
                            before_ms};

    buf_add(&expiries->list, (struct str){(const char *)&expiry, sizeof(expiry)});
}

static bool run_expiries(struct job *job, struct transaction *tx)
{
    logs_each_retention(tx, add_expiry, list_item(&job->link, struct expiries, job.link));
    return true;
}

static bool is_stopping(struct log_keeper *keeper)
{
    bool stopping;

    (void)pthread_mutex_lock(&keeper->lock);
    stopping = keeper->stopping;
    (void)pthread_mutex_unlock(&keeper->lock);
    return stopping;
}

static bool expire(struct log_keeper *keeper, struct fail *f)
{
    struct expiries expiries = {.job = {.actor = "logs", .cause = STR("retention"), .run = run_expiries}};
    bool good = true;

    arena_init(&expiries.arena, LIST_BYTES_MAX);
    if (loop_run(keeper->loop, &expiries.job)) /* else the loop is ending */
        for (size_t at = 0; good && at + sizeof(struct expiry) <= expiries.list.len; at += sizeof(struct expiry)) {
            struct expiry expiry;
            size_t removed = SLICE_EVENTS;

            memcpy(&expiry, expiries.list.ptr + at, sizeof(expiry));
            while (good && removed == SLICE_EVENTS && !is_stopping(keeper))
                good = log_store_expire(keeper->store, &expiry.group, expiry.before_ms, SLICE_EVENTS, &removed, f);
        }
    buf_free(&expiries.list);
    arena_free(&expiries.arena);
    return good;
}

static bool reclaim(struct log_keeper *keeper, struct fail *f)
{
    size_t removed = SLICE_EVENTS;
    bool good = true;

    while (good && removed > 0 && !is_stopping(keeper))
        good = log_store_reclaim(keeper->store, SLICE_EVENTS, &removed, f);
    return good;
}

static void *keeper_main(void *context)
{
    struct log_keeper *keeper = context;
    struct fail f;

    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        int64_t until_ms = clock_monotonic_ms() + TIDY_EVERY_S * SECOND_MS;

        while (!keeper->due && !keeper->stopping && condition_wait(&keeper->wake, &keeper->lock, until_ms))
            ;
        keeper->due = false;
        if (keeper->stopping)
            break;
        (void)pthread_mutex_unlock(&keeper->lock);
        if (!expire(keeper, &f) || !reclaim(keeper, &f))
            log_error("old log events stay for now: %s", f.message);
        (void)pthread_mutex_lock(&keeper->lock);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

/* ---- life ---- */

static struct log_keeper *keeper_new(struct loop *loop, struct log_store *store)
{
    struct log_keeper *keeper = calloc(1, sizeof(*keeper));

    must(keeper != NULL);
    keeper->loop = loop;
    keeper->store = store;
    keeper->due = true; /* what a former process left to do */
    keeper->port = (struct log_port){.context = keeper,
                                     .append = append,
                                     .get = get,
                                     .filter = filter,
                                     .event_id = log_event_id,
                                     .stream_stats = stream_stats,
                                     .group_streams = group_streams,
                                     .group_bytes = group_bytes,
                                     .delete_stream = delete_stream,
                                     .delete_group = delete_group,
                                     .tidy = tidy};
    must(pthread_mutex_init(&keeper->lock, NULL) == 0);
    condition_init(&keeper->wake);
    return keeper;
}

bool log_keeper_open(const char *path, struct loop *loop, struct log_keeper **ret_keeper, struct fail *f)
{
    struct log_keeper *keeper;
    struct log_store *store;
    bool set_aside;

    if (!log_store_open(path, &store, &set_aside, f))
        return false;
    if (set_aside)
        log_warning("%s was damaged: it is kept as %s.damaged, and log lines begin anew", path, path);
    keeper = keeper_new(loop, store);
    if (!forget_orphans(keeper, f)) {
        log_keeper_close(keeper);
        return false;
    }
    must(pthread_create(&keeper->thread, NULL, keeper_main, keeper) == 0);
    *ret_keeper = keeper;
    return true;
}

void log_keeper_stop(struct log_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
}

void log_keeper_close(struct log_keeper *keeper)
{
    log_store_close(keeper->store);
    (void)pthread_mutex_destroy(&keeper->lock);
    (void)pthread_cond_destroy(&keeper->wake);
    free(keeper);
}

const struct log_port *log_keeper_port(const struct log_keeper *keeper)
{
    return &keeper->port;
}

bool log_keeper_reset(struct log_keeper *keeper, struct fail *f)
{
    return log_store_reset(keeper->store, f);
}
