/* Locks: `lock` protects inbox, committing, committed, reset and the flags; it is never held while the core, the engine
 * or a callback runs. There is no other lock here. */
#include "edge/loop.h"

#include "base/log.h"
#include "base/must.h"
#include "os/clock.h"
#include "os/condition.h"

#include <malloc.h>
#include <pthread.h>

enum { UNSETTLED_MAX = 32, COMMIT_TURNS_MAX = 32 };

/* After a commit failed, what nobody waits for is tried again at this pace; requests are answered at once. */
enum { RETRY_MS = 200 };

/* How long nothing is committed before the engine may tidy up, and memory goes back to the system. */
enum { IDLE_MS = 500 };

struct commit {
    struct turn *turns[COMMIT_TURNS_MAX];
    size_t count;
    bool good;
};

struct reset_request {
    bool asked, done, good;
    struct fail fail;
};

struct loop {
    struct loop_options options;
    struct core *core;
    pthread_t core_thread, store_thread;
    pthread_mutex_t lock;
    pthread_cond_t core_wake, store_wake, caller_wake;
    struct list inbox;       /* jobs submitted */
    struct commit next;      /* turns that wait for the store thread */
    struct commit committed; /* what the store thread has finished and the core thread has not settled */
    /* Whether reconcilers may run: once for all that one commit takes. While not, a turn stands in `next`. */
    bool may_reconcile;
    bool store_failing; /* the store thread's: a failure is said once */
    size_t unsettled;   /* the core thread's, as the next two */
    bool failing;       /* the last commit failed */
    int64_t retry_ms;
    int64_t seen_ms; /* the clock, when it was looked at last */
    struct reset_request reset;
    bool stopping, store_stopping;
    struct core_counters counters;
    uint64_t commits;
};

/* ---- store thread ---- */

static bool commit_rows(struct loop *loop, struct commit *work)
{
    struct engine *engine = loop->options.core.engine;
    struct row *rows;
    size_t total = 0;
    size_t at = 0;
    struct fail f;
    bool good;

    for (size_t i = 0; i < work->count; i++) {
        size_t count;

        (void)turn_rows(work->turns[i], &count);
        total += count;
    }
    if (total == 0)
        return true;
    rows = malloc(total * sizeof(*rows));
    must(rows != NULL);
    for (size_t i = 0; i < work->count; i++) {
        size_t count;
        const struct row *from = turn_rows(work->turns[i], &count);

        memcpy(rows + at, from, count * sizeof(*rows));
        at += count;
    }
    good = engine->kind->commit(engine, rows, total, &f);
    free(rows);
    if (!good && !loop->store_failing)
        log_error("state could not be made durable, requests that change it are refused until it can: %s", f.message);
    if (good && loop->store_failing)
        log_info("state is durable again");
    loop->store_failing = !good;
    return good;
}

/* Waits until there is something to commit, true, or the end, false. Lock held. */
static bool wait_for_turns(struct loop *loop)
{
    struct engine *engine = loop->options.core.engine;
    int64_t until_ms = clock_monotonic_ms() + IDLE_MS;
    bool tidied = false;

    /* The core thread settles one commit before the next is reported. */
    while ((loop->next.count == 0 || loop->committed.count > 0) && !loop->store_stopping) {
        if (tidied) {
            (void)pthread_cond_wait(&loop->store_wake, &loop->lock);
        } else if (!condition_wait(&loop->store_wake, &loop->lock, until_ms)) {
            tidied = true;
            (void)pthread_mutex_unlock(&loop->lock);
            if (engine->kind->tidy != NULL)
                engine->kind->tidy(engine);
            (void)malloc_trim(0);
            (void)pthread_mutex_lock(&loop->lock);
        }
    }
    return loop->next.count > 0;
}

static void *store_main(void *context)
{
    struct loop *loop = context;

    (void)pthread_mutex_lock(&loop->lock);
    while (wait_for_turns(loop)) {
        struct commit work = loop->next;

        loop->next.count = 0;
        loop->may_reconcile = true;
        (void)pthread_cond_signal(&loop->core_wake);
        (void)pthread_mutex_unlock(&loop->lock);
        work.good = commit_rows(loop, &work);
        (void)pthread_mutex_lock(&loop->lock);
        loop->committed = work;
        loop->commits += work.good ? 1 : 0;
        (void)pthread_cond_signal(&loop->core_wake);
    }
    (void)pthread_mutex_unlock(&loop->lock);
    return NULL;
}

/* ---- core thread ---- */

static int64_t now_ms(const struct loop *loop)
{
    return clock_now_ms(&loop->options.clock);
}

static void settle(struct loop *loop, const struct commit *work)
{
    if (work->count == 0)
        return;
    loop->failing = !work->good;
    loop->retry_ms = now_ms(loop) + RETRY_MS * (int64_t)loop->options.clock_rate;
    for (size_t i = 0; i < work->count && loop->unsettled > 0; i++)
        loop->unsettled -= core_settle(loop->core, work->turns[i], work->good);
}

/* When the core may have a turn. */
static int64_t next_turn_ms(const struct loop *loop, bool reconciles)
{
    int64_t next_ms = core_next_ms(loop->core);

    if (loop->unsettled >= UNSETTLED_MAX)
        return WHEN_NEVER;
    if (!reconciles)
        return core_has_jobs(loop->core) ? 0 : WHEN_NEVER;
    if (loop->failing && !core_has_jobs(loop->core) && next_ms < loop->retry_ms)
        return loop->retry_ms;
    return next_ms;
}

/* One that was set back would have every timer wait for as long as it went back. It is seen within a second: the slow
 * clock's rounds end each wait. */
static void look_at_clock(struct loop *loop)
{
    int64_t now = now_ms(loop);

    if (now < loop->seen_ms) {
        core_clock_set_back(loop->core);
        loop->retry_ms = now;
    }
    loop->seen_ms = now;
}

/* Waits for something to do: jobs, a finished commit, a timer, a request to reset or stop. Lock held. */
static void wait_for_work(struct loop *loop)
{
    int64_t now = now_ms(loop);
    int64_t next_ms = loop->reset.asked ? WHEN_NEVER : next_turn_ms(loop, loop->may_reconcile);

    if (!list_empty(&loop->inbox) || loop->committed.count > 0 || next_ms <= now)
        return;
    if ((loop->reset.asked || loop->stopping) && loop->unsettled == 0)
        return;
    if (next_ms != WHEN_NEVER)
        next_ms = clock_monotonic_ms() + (next_ms - now) / loop->options.clock_rate + 1;
    (void)condition_wait(&loop->core_wake, &loop->lock, next_ms);
}

static struct turn *take_turn(struct loop *loop, bool reconciles)
{
    int64_t now = now_ms(loop);

    if (next_turn_ms(loop, reconciles) > now)
        return NULL;
    return reconciles ? core_turn(loop->core, now) : core_turn_jobs(loop->core, now);
}

static void run_turn(struct loop *loop, bool reconciles)
{
    struct turn *turn = take_turn(loop, reconciles);
    size_t rows;

    if (turn == NULL)
        return;
    (void)turn_rows(turn, &rows);
    if (rows == 0 && loop->unsettled == 0) {
        (void)core_settle(loop->core, turn, true);
        return;
    }
    (void)pthread_mutex_lock(&loop->lock);
    loop->unsettled++;
    loop->next.turns[loop->next.count++] = turn;
    if (reconciles)
        loop->may_reconcile = false;
    (void)pthread_cond_signal(&loop->store_wake);
    (void)pthread_mutex_unlock(&loop->lock);
}

/* Whether all that was submitted has been answered; what reconcilers want to write on a full disk waits for the next
 * start. */
static bool is_at_rest(const struct loop *loop)
{
    return loop->unsettled == 0 && (core_next_ms(loop->core) > 0 || (loop->failing && !core_has_jobs(loop->core)));
}

static void reset_now(struct loop *loop)
{
    struct engine *engine = loop->options.core.engine;
    struct fail f;
    struct turn *turn;
    const struct row *rows;
    size_t count;
    bool good = engine->kind->reset(engine, &f);

    if (good) {
        turn = core_reset(loop->core, now_ms(loop));
        rows = turn_rows(turn, &count);
        good = engine->kind->commit(engine, rows, count, &f);
        (void)core_settle(loop->core, turn, good);
    }
    (void)pthread_mutex_lock(&loop->lock);
    loop->reset.good = good;
    loop->reset.fail = f;
    loop->reset.asked = false;
    loop->reset.done = true;
    (void)pthread_cond_broadcast(&loop->caller_wake);
    (void)pthread_mutex_unlock(&loop->lock);
}

static void *core_main(void *context)
{
    struct loop *loop = context;

    for (;;) {
        struct list jobs = LIST_INIT(jobs);
        struct commit finished;
        bool reconciles;
        bool reset;
        bool stopping;

        look_at_clock(loop);
        (void)pthread_mutex_lock(&loop->lock);
        wait_for_work(loop);
        list_move_all(&jobs, &loop->inbox);
        finished = loop->committed;
        loop->committed.count = 0;
        if (finished.count > 0) {
            /* A failed commit takes every later turn with it, those that wait for the store too. */
            if (!finished.good) {
                loop->next.count = 0;
                loop->may_reconcile = true;
            }
            (void)pthread_cond_signal(&loop->store_wake);
        }
        loop->counters = core_count(loop->core);
        reconciles = loop->may_reconcile;
        reset = loop->reset.asked;
        stopping = loop->stopping;
        (void)pthread_mutex_unlock(&loop->lock);

        settle(loop, &finished);
        while (!list_empty(&jobs))
            core_submit(loop->core, list_item(list_take_first(&jobs), struct job, link));
        if (reset && loop->unsettled == 0)
            reset_now(loop);
        else if (!reset)
            run_turn(loop, reconciles);
        if (stopping && !reset && is_at_rest(loop))
            return NULL;
    }
}

/* ---- for everybody ---- */

static void start_threads(struct loop *loop)
{
    (void)pthread_mutex_init(&loop->lock, NULL);
    condition_init(&loop->core_wake);
    condition_init(&loop->store_wake);
    (void)pthread_cond_init(&loop->caller_wake, NULL);
    must(pthread_create(&loop->store_thread, NULL, store_main, loop) == 0);
    must(pthread_create(&loop->core_thread, NULL, core_main, loop) == 0);
}

bool loop_start(const struct loop_options *options, struct loop **ret_loop, struct fail *f)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    must(loop != NULL);
    must(options->clock_rate >= 1);
    loop->options = *options;
    loop->may_reconcile = true;
    list_init(&loop->inbox);
    *ret_loop = loop; /* callbacks during core_open may ask for it */
    if (!core_open(&options->core, clock_now_ms(&options->clock), &loop->core, f)) {
        free(loop);
        *ret_loop = NULL;
        return false;
    }
    start_threads(loop);
    return true;
}

void loop_stop(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    (void)pthread_cond_signal(&loop->core_wake);
    (void)pthread_mutex_unlock(&loop->lock);
    (void)pthread_join(loop->core_thread, NULL);
    (void)pthread_mutex_lock(&loop->lock);
    loop->store_stopping = true;
    (void)pthread_cond_signal(&loop->store_wake);
    (void)pthread_mutex_unlock(&loop->lock);
    (void)pthread_join(loop->store_thread, NULL);
    core_close(loop->core);
    (void)pthread_mutex_destroy(&loop->lock);
    (void)pthread_cond_destroy(&loop->core_wake);
    (void)pthread_cond_destroy(&loop->store_wake);
    (void)pthread_cond_destroy(&loop->caller_wake);
    free(loop);
}

void loop_submit(struct loop *loop, struct job *job)
{
    (void)pthread_mutex_lock(&loop->lock);
    list_add_last(&loop->inbox, &job->link);
    (void)pthread_cond_signal(&loop->core_wake);
    (void)pthread_mutex_unlock(&loop->lock);
}

struct waiting_job {
    struct job job;
    struct job *inner;
    struct loop *loop;
    bool committed, done, durable;
};

static bool waiting_run(struct job *job, struct transaction *tx)
{
    struct waiting_job *waiting = list_item(&job->link, struct waiting_job, job.link);

    waiting->committed = waiting->inner->run(waiting->inner, tx);
    return waiting->committed;
}

static void waiting_done(struct job *job, bool durable)
{
    struct waiting_job *waiting = list_item(&job->link, struct waiting_job, job.link);
    struct loop *loop = waiting->loop;

    (void)pthread_mutex_lock(&loop->lock);
    waiting->durable = durable;
    waiting->done = true;
    (void)pthread_cond_broadcast(&loop->caller_wake);
    (void)pthread_mutex_unlock(&loop->lock);
}

bool loop_run(struct loop *loop, struct job *job)
{
    struct waiting_job waiting = {
        .job = {.actor = job->actor, .cause = job->cause, .run = waiting_run, .done = waiting_done},
        .inner = job,
        .loop = loop,
    };

    must(job->done == NULL);
    loop_submit(loop, &waiting.job);
    (void)pthread_mutex_lock(&loop->lock);
    while (!waiting.done)
        (void)pthread_cond_wait(&loop->caller_wake, &loop->lock);
    (void)pthread_mutex_unlock(&loop->lock);
    return waiting.durable && waiting.committed;
}

bool loop_reset(struct loop *loop, struct fail *f)
{
    bool good;

    (void)pthread_mutex_lock(&loop->lock);
    while (loop->reset.asked)
        (void)pthread_cond_wait(&loop->caller_wake, &loop->lock);
    loop->reset = (struct reset_request){.asked = true};
    (void)pthread_cond_signal(&loop->core_wake);
    while (!loop->reset.done)
        (void)pthread_cond_wait(&loop->caller_wake, &loop->lock);
    good = loop->reset.good;
    if (!good)
        *f = loop->reset.fail;
    (void)pthread_mutex_unlock(&loop->lock);
    return good;
}

struct core *loop_core(struct loop *loop)
{
    return loop->core;
}

struct core_counters loop_counters(struct loop *loop)
{
    struct core_counters counters;

    (void)pthread_mutex_lock(&loop->lock);
    counters = loop->counters;
    (void)pthread_mutex_unlock(&loop->lock);
    return counters;
}

uint64_t loop_commits(struct loop *loop)
{
    uint64_t commits;

    (void)pthread_mutex_lock(&loop->lock);
    commits = loop->commits;
    (void)pthread_mutex_unlock(&loop->lock);
    return commits;
}
