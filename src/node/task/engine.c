#include "node/task/engine.h"

#include "base/log.h"
#include "base/must.h"
#include "node/task/log_route.h"
#include "node/task/task_protection.h"
#include "node/task/users.h"
#include "os/condition.h"
#include "os/files.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

enum { REPORT_EVERY_MS = 10000, THREAD_STACK = 512 << 10 };

int64_t task_engine_now_ms(void)
{
    return clock_moment().wall_ms;
}

void task_engine_wake(struct task_engine *engine)
{
    engine->plan_due = true;
    engine->report_due = true;
    (void)pthread_cond_signal(&engine->planner_wake);
}

/* ---- workers ---- */

struct work {
    struct list link;
    struct hosted *hosted;
    struct action action;
};

static void *work_loop(struct task_engine *engine, struct queue *queue)
{
    for (;;) {
        struct work *work;

        (void)pthread_mutex_lock(&engine->lock);
        while (list_empty(&queue->items) && !engine->stopping)
            (void)pthread_cond_wait(&queue->wake, &engine->lock);
        if (engine->stopping) {
            (void)pthread_mutex_unlock(&engine->lock);
            return NULL;
        }
        work = list_item(list_take_first(&queue->items), struct work, link);
        (void)pthread_mutex_unlock(&engine->lock);
        task_engine_work(engine, work->hosted, work->action);
        (void)pthread_mutex_lock(&engine->lock);
        work->hosted->in_flight--;
        task_engine_wake(engine);
        (void)pthread_mutex_unlock(&engine->lock);
        free(work);
    }
}

static void *worker_main(void *context)
{
    struct task_engine *engine = context;

    return work_loop(engine, &engine->works);
}

static void *pull_worker_main(void *context)
{
    struct task_engine *engine = context;

    return work_loop(engine, &engine->pulls);
}

static void hand_out(struct task_engine *engine, struct hosted *hosted, struct action action)
{
    struct queue *queue = action.kind == ACTION_PULL ? &engine->pulls : &engine->works;
    struct work *work = calloc(1, sizeof(*work));

    must(work != NULL);
    *work = (struct work){.hosted = hosted, .action = action};
    hosted->in_flight++;
    list_add_last(&queue->items, &work->link);
    (void)pthread_cond_signal(&queue->wake);
}

/* ---- planner ---- */

/* Every task's next actions; returns when to look again. lock held. */
static int64_t plan_all(struct task_engine *engine)
{
    struct moment now = clock_moment();
    int64_t again_ms = WHEN_NEVER;
    struct hosted *hosted;
    size_t at = 0;

    while ((hosted = map_next(&engine->tasks, &at)) != NULL) {
        struct action actions[64];
        enum task_phase before = hosted->task->phase;
        int64_t task_again_ms;
        size_t count;

        if (hosted->waits)
            continue;
        must(task_actions_max(hosted->task) <= COUNT_OF(actions));
        count = task_plan(hosted->task, now, actions, &task_again_ms);
        if (before < TASK_CLEANING && hosted->task->phase == TASK_CLEANING)
            hosted_keep_end(hosted); /* before the first action that takes something of it away */
        for (size_t i = 0; i < count; i++)
            hand_out(engine, hosted, actions[i]);
        again_ms = task_again_ms < again_ms ? task_again_ms : again_ms;
        engine->report_due = engine->report_due || hosted->task->phase != before;
    }
    return again_ms;
}

/* Tasks that are gone, that the server no longer names and nobody works on. lock held. */
static void drop_gone(struct task_engine *engine)
{
    struct hosted *gone;

    do {
        struct hosted *hosted;
        size_t at = 0;

        gone = NULL;
        while (gone == NULL && (hosted = map_next(&engine->tasks, &at)) != NULL)
            if (hosted->task->phase == TASK_GONE && !hosted->assigned && hosted->in_flight == 0)
                gone = hosted;
        if (gone != NULL)
            hosted_drop(engine, gone);
    } while (gone != NULL);
}

static void wait_until(struct task_engine *engine, int64_t when_ms)
{
    if (!engine->plan_due && !engine->report_due && !engine->stopping)
        (void)condition_wait(&engine->planner_wake, &engine->lock, when_ms);
}

static void *planner_main(void *context)
{
    struct task_engine *engine = context;
    const struct task_engine_port *port = &engine->options.port;
    int64_t next_report_ms = 0;

    (void)pthread_mutex_lock(&engine->lock);
    while (!engine->stopping) {
        int64_t now_ms = clock_monotonic_ms();
        int64_t again_ms;

        engine->plan_due = false;
        again_ms = plan_all(engine);
        drop_gone(engine);
        if (engine->report_due || now_ms >= next_report_ms) {
            engine->report_due = false;
            next_report_ms = now_ms + REPORT_EVERY_MS;
            (void)pthread_mutex_unlock(&engine->lock);
            port->changed(port->context);
            (void)pthread_mutex_lock(&engine->lock);
        }
        wait_until(engine, again_ms < next_report_ms ? again_ms : next_report_ms);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return NULL;
}

/* ---- what the runtime tells ---- */

static void container_exited(void *context, const struct runtime_exit *exit)
{
    struct task_engine *engine = context;
    const struct task_engine_port *port = &engine->options.port;
    struct hosted *hosted;
    struct str index_text;
    uint64_t index;

    if (port->exited != NULL && port->exited(port->context, exit))
        return;
    (void)str_cut(str_of(exit->id), '-', &index_text);
    (void)pthread_mutex_lock(&engine->lock);
    hosted = map_get(&engine->tasks, str_of(exit->task_id));
    if (hosted != NULL && index_text.ptr != NULL && str_to_uint64(index_text, &index) &&
        index < hosted->task->container_count) {
        task_exited(hosted->task, (size_t)index, exit->code, exit->oom_killed, clock_moment_of(exit->when_ms));
        task_engine_wake(engine);
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

static void *dispatch_main(void *context)
{
    struct task_engine *engine = context;
    struct pollfd fds[] = {{.fd = runtime_fd(engine->runtime), .events = POLLIN},
                           {.fd = engine->stop_fd, .events = POLLIN}};
    struct fail f;

    for (;;) {
        (void)poll(fds, COUNT_OF(fds), -1);
        if (fds[1].revents != 0)
            return NULL;
        if (!runtime_dispatch(engine->runtime, &f))
            log_error("ends of containers: %s", f.message);
    }
}

/* ---- logs ---- */

/* Asked while nothing runs yet: no lock. */
static bool is_hosted(void *context, struct str task_id)
{
    const struct task_engine *engine = context;

    return map_get(&engine->tasks, task_id) != NULL;
}

/* The last lines of a task are delivered: what is left of it may go. Shipping thread. */
static void logs_ended(void *context, struct str task_id)
{
    struct task_engine *engine = context;
    struct hosted *hosted;

    (void)pthread_mutex_lock(&engine->lock);
    hosted = map_get(&engine->tasks, task_id);
    if (hosted != NULL && !hosted->logs_ended) {
        hosted->logs_ended = true;
        hand_out(engine, hosted, (struct action){ACTION_REMOVE_NETWORK, 0});
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Then come the lines of the task's other containers. Shipping thread. */
static void splunk_logs_ended(void *context, struct str task_id)
{
    const struct task_engine *engine = context;

    log_shipper_end(engine->logs, task_id);
}

static bool start_logs(struct task_engine *engine, struct fail *f)
{
    char path[TASK_PATH + 16];
    struct log_shipper_options options = {.logs_dir = path,
                                          .address = engine->options.log_address,
                                          .lives = is_hosted,
                                          .identity = engine->options.log_identity,
                                          .ended = logs_ended,
                                          .context = engine};

    (void)snprintf(path, sizeof(path), "%s/logs", engine->dir);
    if (!log_shipper_start(&options, &engine->logs, f))
        return false;
    (void)snprintf(path, sizeof(path), "%s/splunk", engine->dir);
    options.ended = splunk_logs_ended;
    options.foreign = true;
    return log_shipper_start(&options, &engine->splunk_logs, f);
}

struct log_shipper *task_engine_shipper(const struct task_engine *engine, const struct task *task, size_t i)
{
    return log_route_is_splunk(task->containers[i].definition->log_configuration) ? engine->splunk_logs : engine->logs;
}

void task_engine_end_logs(const struct task_engine *engine, const struct task *task)
{
    bool any = false;

    for (size_t i = 0; i < task->container_count; i++)
        any = any || task_engine_shipper(engine, task, i) == engine->splunk_logs;
    log_shipper_end(any ? engine->splunk_logs : engine->logs, task->assignment->task_id);
}

/* ---- opening and closing ---- */

static void look_at_users(struct task_engine *engine)
{
    struct fail f;

    if (!engine->options.is_fargate)
        return;
    users_give_unknown(engine->options.instance, is_hosted, engine);
    engine->maps_users = users_possible(engine->dir, &f);
    if (!engine->maps_users)
        log_warning("tasks run as the machine's own users, without a user namespace: %s", f.message);
}

static bool open_rooms(struct task_engine *engine, struct fail *f)
{
    const struct task_engine_options *options = &engine->options;
    char images[TASK_PATH + 16];
    char tasks[TASK_PATH + 16];
    char runtime_dir[TASK_PATH + 16];
    struct image_store_options image_options = {.resolve = options->port.resolve, .context = options->port.context};
    struct runtime_options runtime_options = {.state_dir = runtime_dir,
                                              .instance = options->instance,
                                              .oci_runtime = options->oci_runtime,
                                              .exited = container_exited,
                                              .context = engine};

    (void)snprintf(images, sizeof(images), "%s/images", engine->dir);
    (void)snprintf(tasks, sizeof(tasks), "%s/tasks", engine->dir);
    (void)snprintf(runtime_dir, sizeof(runtime_dir), "%s/runtime", engine->dir);
    engine->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (engine->stop_fd < 0)
        return fail(f, FAIL_SYSTEM, "eventfd: %s", strerror(errno));
    return directory_make(engine->dir, 0700, f) && directory_make(tasks, 0700, f) &&
           image_store_open(images, &image_options, &engine->images, f) &&
           runtime_open(&runtime_options, &engine->runtime, f);
}

bool task_engine_open(const struct task_engine_options *options, struct task_engine **ret_engine, struct fail *f)
{
    struct task_engine *engine = calloc(1, sizeof(*engine));

    must(engine != NULL);
    engine->options = *options;
    engine->stop_fd = -1;
    (void)snprintf(engine->dir, sizeof(engine->dir), "%s", options->dir);
    must(pthread_mutex_init(&engine->lock, NULL) == 0);
    condition_init(&engine->planner_wake);
    must(pthread_cond_init(&engine->pulls.wake, NULL) == 0);
    must(pthread_cond_init(&engine->works.wake, NULL) == 0);
    list_init(&engine->pulls.items);
    list_init(&engine->works.items);
    engine->protections = protection_calls_new();
    if (!open_rooms(engine, f) || !hosted_adopt_all(engine, f) || !start_logs(engine, f)) {
        task_engine_free(engine);
        return false;
    }
    look_at_users(engine);
    *ret_engine = engine;
    return true;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), struct task_engine *engine)
{
    pthread_attr_t attributes;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_create(thread, &attributes, run, engine) == 0);
    (void)pthread_attr_destroy(&attributes);
}

void task_engine_start(struct task_engine *engine)
{
    for (size_t i = 0; i < WORKERS; i++)
        start_thread(&engine->workers[i], worker_main, engine);
    for (size_t i = 0; i < PULL_WORKERS; i++)
        start_thread(&engine->pull_workers[i], pull_worker_main, engine);
    start_thread(&engine->dispatcher, dispatch_main, engine);
    start_thread(&engine->planner, planner_main, engine);
}

void task_engine_stop(struct task_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    (void)pthread_cond_signal(&engine->planner_wake);
    (void)pthread_cond_broadcast(&engine->pulls.wake);
    (void)pthread_cond_broadcast(&engine->works.wake);
    (void)pthread_mutex_unlock(&engine->lock);
    (void)eventfd_write(engine->stop_fd, 1);
    image_store_stop(engine->images);
    log_shipper_cancel(engine->logs);
    log_shipper_cancel(engine->splunk_logs);
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(engine->workers[i], NULL);
    for (size_t i = 0; i < PULL_WORKERS; i++)
        (void)pthread_join(engine->pull_workers[i], NULL);
    (void)pthread_join(engine->dispatcher, NULL);
    (void)pthread_join(engine->planner, NULL);
}

void task_engine_free(struct task_engine *engine)
{
    struct hosted *hosted;
    size_t at = 0;

    protection_calls_free(engine->protections);
    log_shipper_stop(engine->splunk_logs); /* first: it tells the other */
    log_shipper_stop(engine->logs);
    while ((hosted = map_next(&engine->tasks, &at)) != NULL)
        hosted_free(hosted);
    map_free(&engine->tasks);
    if (engine->runtime != NULL)
        runtime_close(engine->runtime);
    if (engine->images != NULL)
        image_store_close(engine->images);
    close_fd_at(&engine->stop_fd);
    free(engine);
}

/* ---- what others ask ---- */

void task_engine_report(struct task_engine *engine, struct arena *arena, struct host_task_reports *ret_reports)
{
    struct host_task_reports reports;
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&engine->lock);
    reports.items = arena_array(arena, struct host_task_report, engine->tasks.count + 1);
    reports.count = 0;
    while ((hosted = map_next(&engine->tasks, &at)) != NULL)
        reports.items[reports.count++] = task_report(hosted->task, arena);
    (void)pthread_mutex_unlock(&engine->lock);
    *ret_reports = reports;
}
