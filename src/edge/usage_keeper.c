#include "edge/usage_keeper.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "base/when.h"
#include "os/clock.h"
#include "os/condition.h"

#include <pthread.h>

enum { TEXT_LEN_MAX = 512 };

/* Of one task. */
struct used {
    double cpu_sum, memory_sum;
    double cpu, memory; /* as told last */
    unsigned count;     /* told since the last minute's end */
    int64_t told_ms;    /* monotonic */
    bool is_share;
    struct str task_arn, teller;
    char space[];
};

struct usage_keeper {
    struct clock clock;
    unsigned clock_rate;
    struct loop *loop; /* NULL: not begun, or stopped */
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows; nothing is locked under it */
    pthread_cond_t wake;
    struct map by_task; /* struct used */
    bool was_full, stopping;
};

/* What one cluster's job takes along. */
struct usage_job {
    struct job job;
    struct arena arena;
    int64_t minute_ms;
    struct task_usage *usages;
    size_t count;
};

/* ---- what is told ---- */

static struct used *used_new(const struct task_usage *usage)
{
    struct used *used = calloc(1, sizeof(*used) + usage->task_arn.len + usage->teller.len);

    must(used != NULL);
    memcpy(used->space, usage->task_arn.ptr, usage->task_arn.len);
    memcpy(used->space + usage->task_arn.len, usage->teller.ptr, usage->teller.len);
    used->task_arn = (struct str){used->space, usage->task_arn.len};
    used->teller = (struct str){used->space + usage->task_arn.len, usage->teller.len};
    used->is_share = usage->is_share;
    return used;
}

/* NULL: there is no room. A task that somebody else told of before is theirs until that is stale. lock held. */
static struct used *used_of(struct usage_keeper *keeper, const struct task_usage *usage)
{
    struct used *used = map_get(&keeper->by_task, usage->task_arn);

    if (used != NULL)
        return str_eq(used->teller, usage->teller) && used->is_share == usage->is_share ? used : NULL;
    if (keeper->by_task.count >= USAGE_TASKS_MAX) {
        if (!keeper->was_full)
            log_warning("more than %d tasks tell what they use: of some there are no metrics", USAGE_TASKS_MAX);
        keeper->was_full = true;
        return NULL;
    }
    used = used_new(usage);
    must(map_put(&keeper->by_task, used->task_arn, used) == NULL);
    return used;
}

/* Neither negative nor more than any machine has; false for what is no number, too. */
static bool is_possible(double value)
{
    return value >= 0 && value <= 1e12;
}

void usage_keeper_add(struct usage_keeper *keeper, const struct task_usage *usage)
{
    struct used *used;

    if (usage->task_arn.len == 0 || usage->task_arn.len > TEXT_LEN_MAX || usage->teller.len > TEXT_LEN_MAX ||
        !is_possible(usage->cpu) || !is_possible(usage->memory_mib))
        return;
    (void)pthread_mutex_lock(&keeper->lock);
    used = used_of(keeper, usage);
    if (used != NULL) {
        used->cpu = usage->cpu;
        used->memory = usage->memory_mib;
        used->cpu_sum += usage->cpu;
        used->memory_sum += usage->memory_mib;
        used->count++;
        used->told_ms = clock_monotonic_ms();
    }
    (void)pthread_mutex_unlock(&keeper->lock);
}

/* ---- the end of a minute ---- */

static bool run(struct job *job, struct transaction *tx)
{
    const struct usage_job *of = list_item(&job->link, struct usage_job, job.link);

    utilization_publish(tx, of->usages, of->count, of->minute_ms);
    return true;
}

static void done(struct job *job, bool durable)
{
    struct usage_job *of = list_item(&job->link, struct usage_job, job.link);

    (void)durable;
    arena_free(&of->arena);
    free(of);
}

/* "arn:aws:ecs:us-east-1:123456789012:task/web/0123...": all before the last slash says which cluster. */
static struct str cluster_of(struct str task_arn)
{
    return str_to(task_arn, str_find_last(task_arn, '/'));
}

static int by_task_arn(const void *left, const void *right)
{
    const struct used *const *a = left;
    const struct used *const *b = right;

    return str_compare((*a)->task_arn, (*b)->task_arn);
}

static struct task_usage mean_of(const struct used *used, struct arena *arena)
{
    return (struct task_usage){.task_arn = arena_str(arena, used->task_arn),
                               .teller = arena_str(arena, used->teller),
                               .is_share = used->is_share,
                               .cpu = used->count == 0 ? used->cpu : used->cpu_sum / used->count,
                               .memory_mib = used->count == 0 ? used->memory : used->memory_sum / used->count};
}

static struct usage_job *job_new(struct used *const *all, size_t count, int64_t minute_ms)
{
    struct usage_job *of = calloc(1, sizeof(*of));

    must(of != NULL);
    arena_init(&of->arena, (size_t)1 << 30);
    of->minute_ms = minute_ms;
    of->count = count;
    of->usages = arena_array(&of->arena, struct task_usage, count);
    for (size_t i = 0; i < count; i++)
        of->usages[i] = mean_of(all[i], &of->arena);
    of->job = (struct job){.actor = "metrics", .cause = STR("usage of tasks"), .run = run, .done = done};
    return of;
}

/* Takes out what nobody has told for long. Returns the others, by cluster; the caller frees. lock held. */
static struct used **fresh(struct usage_keeper *keeper, size_t *ret_count)
{
    struct used **all = calloc(keeper->by_task.count + 1, sizeof(struct used *));
    int64_t stale_ms = clock_monotonic_ms() - USAGE_STALE_MS;
    struct used *used;
    size_t count = 0;
    size_t kept = 0;
    size_t at = 0;

    must(all != NULL);
    while ((used = map_next(&keeper->by_task, &at)) != NULL)
        all[count++] = used;
    for (size_t i = 0; i < count; i++) {
        if (all[i]->told_ms >= stale_ms) {
            all[kept++] = all[i];
            continue;
        }
        (void)map_remove(&keeper->by_task, all[i]->task_arn);
        free(all[i]);
    }
    qsort(all, kept, sizeof(struct used *), by_task_arn);
    *ret_count = kept;
    return all;
}

/* The jobs of the minute that is over. lock held. */
static void end_minute(struct usage_keeper *keeper, int64_t minute_ms, struct list *ret_jobs)
{
    size_t count;
    struct used **all = fresh(keeper, &count);

    for (size_t from = 0, to = 0; from < count; from = to) {
        while (to < count && str_eq(cluster_of(all[to]->task_arn), cluster_of(all[from]->task_arn)))
            to++;
        list_add_last(ret_jobs, &job_new(&all[from], to - from, minute_ms)->job.link);
    }
    for (size_t i = 0; i < count; i++) {
        all[i]->cpu_sum = all[i]->memory_sum = 0;
        all[i]->count = 0;
    }
    keeper->was_full = false;
    free(all);
}

static int64_t minute_of(const struct usage_keeper *keeper)
{
    return clock_now_ms(&keeper->clock) / MINUTE_MS * MINUTE_MS;
}

/* When to look whether the minute is over, by the monotonic clock. */
static int64_t end_of(const struct usage_keeper *keeper, int64_t minute_ms)
{
    int64_t left_ms = minute_ms + MINUTE_MS - clock_now_ms(&keeper->clock);

    return clock_monotonic_ms() + (left_ms < MINUTE_MS ? left_ms : MINUTE_MS) / keeper->clock_rate + 1;
}

static void submit_all(struct usage_keeper *keeper, struct list *jobs)
{
    while (!list_empty(jobs))
        loop_submit(keeper->loop, list_item(list_take_first(jobs), struct job, link));
}

static void *thread_main(void *context)
{
    struct usage_keeper *keeper = context;
    int64_t minute_ms = minute_of(keeper);
    struct list jobs;

    list_init(&jobs);
    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        if (condition_wait(&keeper->wake, &keeper->lock, end_of(keeper, minute_ms)) || minute_of(keeper) == minute_ms)
            continue;
        end_minute(keeper, minute_ms, &jobs);
        minute_ms = minute_of(keeper);
        (void)pthread_mutex_unlock(&keeper->lock);
        submit_all(keeper, &jobs);
        (void)pthread_mutex_lock(&keeper->lock);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

/* ---- life ---- */

struct usage_keeper *usage_keeper_new(struct clock clock, unsigned clock_rate)
{
    struct usage_keeper *keeper = calloc(1, sizeof(*keeper));

    must(keeper != NULL);
    keeper->clock = clock;
    keeper->clock_rate = clock_rate;
    must(pthread_mutex_init(&keeper->lock, NULL) == 0);
    condition_init(&keeper->wake);
    return keeper;
}

void usage_keeper_begin(struct usage_keeper *keeper, struct loop *loop)
{
    keeper->loop = loop;
    must(pthread_create(&keeper->thread, NULL, thread_main, keeper) == 0);
}

void usage_keeper_stop(struct usage_keeper *keeper)
{
    if (keeper->loop == NULL)
        return;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
    keeper->loop = NULL;
}

void usage_keeper_free(struct usage_keeper *keeper)
{
    struct used *used;

    if (keeper == NULL)
        return;
    for (size_t at = 0; (used = map_next(&keeper->by_task, &at)) != NULL;)
        free(used);
    map_free(&keeper->by_task);
    (void)pthread_mutex_destroy(&keeper->lock);
    (void)pthread_cond_destroy(&keeper->wake);
    free(keeper);
}
