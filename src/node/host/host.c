#include "node/host/host.h"

#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "node/host/log_route.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>

enum { REPORT_EVERY_MS = 10000, DISPATCH_LOOK_MS = 500, NETWORK_CHECK_EVERY_MS = 5000, THREAD_STACK = 512 << 10 };

int64_t host_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- workers ---- */

static void *work_loop(struct host *host, struct queue *queue)
{
    for (;;) {
        struct work *work;

        (void)pthread_mutex_lock(&host->lock);
        while (list_empty(&queue->items) && !host->stopping)
            (void)pthread_cond_wait(&queue->wake, &host->lock);
        if (host->stopping) {
            (void)pthread_mutex_unlock(&host->lock);
            return NULL;
        }
        work = list_item(list_take_first(&queue->items), struct work, link);
        (void)pthread_mutex_unlock(&host->lock);
        host_work(host, work->hosted, work->action);
        (void)pthread_mutex_lock(&host->lock);
        work->hosted->in_flight--;
        host->plan_due = true;
        host->report_due = true;
        (void)pthread_cond_signal(&host->planner_wake);
        (void)pthread_mutex_unlock(&host->lock);
        free(work);
    }
}

static void *worker_main(void *context)
{
    struct host *host = context;

    return work_loop(host, &host->works);
}

static void *pull_worker_main(void *context)
{
    struct host *host = context;

    return work_loop(host, &host->pulls);
}

static void hand_out(struct host *host, struct hosted *hosted, struct action action)
{
    struct queue *queue = action.kind == ACTION_PULL ? &host->pulls : &host->works;
    struct work *work = calloc(1, sizeof(*work));

    must(work != NULL);
    *work = (struct work){.host = host, .hosted = hosted, .action = action};
    hosted->in_flight++;
    list_add_last(&queue->items, &work->link);
    (void)pthread_cond_signal(&queue->wake);
}

/* ---- planner ---- */

/* Every task's next actions; returns when to look again. lock held. */
static int64_t plan_all(struct host *host, int64_t now_ms)
{
    int64_t again_ms = WHEN_NEVER;
    struct hosted *hosted;
    size_t at = 0;

    while ((hosted = map_next(&host->tasks, &at)) != NULL) {
        struct action actions[64];
        enum task_phase before = hosted->task->phase;
        int64_t task_again_ms;
        size_t count;

        if (hosted->waits)
            continue;
        must(task_actions_max(hosted->task) <= COUNT_OF(actions));
        count = task_plan(hosted->task, now_ms, actions, &task_again_ms);
        for (size_t i = 0; i < count; i++)
            hand_out(host, hosted, actions[i]);
        again_ms = task_again_ms < again_ms ? task_again_ms : again_ms;
        host->report_due = host->report_due || hosted->task->phase != before;
    }
    return again_ms;
}

/* Tasks that are gone, that the server no longer names and nobody works on. lock held. */
static void drop_gone(struct host *host)
{
    struct hosted *gone;

    do {
        struct hosted *hosted;
        size_t at = 0;

        gone = NULL;
        while (gone == NULL && (hosted = map_next(&host->tasks, &at)) != NULL)
            if (hosted->task->phase == TASK_GONE && !hosted->assigned && hosted->in_flight == 0)
                gone = hosted;
        if (gone != NULL)
            host_task_drop(host, gone);
    } while (gone != NULL);
}

static void wait_until(struct host *host, int64_t when_ms)
{
    struct timespec until = {.tv_sec = when_ms / 1000, .tv_nsec = (when_ms % 1000) * 1000000};

    if (!host->plan_due && !host->report_due && !host->stopping)
        (void)pthread_cond_timedwait(&host->planner_wake, &host->lock, &until);
}

static void *planner_main(void *context)
{
    struct host *host = context;
    int64_t next_report_ms = 0;

    (void)pthread_mutex_lock(&host->lock);
    while (!host->stopping) {
        int64_t now_ms = host_now_ms();
        int64_t again_ms;

        host->plan_due = false;
        again_ms = plan_all(host, now_ms);
        drop_gone(host);
        if (host->report_due || now_ms >= next_report_ms) {
            host->report_due = false;
            next_report_ms = now_ms + REPORT_EVERY_MS;
            host_report(host); /* lets go of the lock while it sends */
        }
        wait_until(host, again_ms < next_report_ms ? again_ms : next_report_ms);
    }
    (void)pthread_mutex_unlock(&host->lock);
    return NULL;
}

/* ---- what the runtime and the network tell ---- */

static void container_exited(void *context, const struct runtime_exit *exit)
{
    struct host *host = context;
    struct hosted *hosted;
    struct str index_text;
    uint64_t index;

    if (instances_exited(host, exit))
        return;
    (void)str_cut(str_of(exit->id), '-', &index_text);
    (void)pthread_mutex_lock(&host->lock);
    hosted = map_get(&host->tasks, str_of(exit->task_id));
    if (hosted != NULL && index_text.ptr != NULL && str_to_uint64(index_text, &index) &&
        index < hosted->task->container_count) {
        task_exited(hosted->task, (size_t)index, exit->code, exit->oom_killed, exit->when_ms);
        host->plan_due = true;
        host->report_due = true;
        (void)pthread_cond_signal(&host->planner_wake);
    }
    (void)pthread_mutex_unlock(&host->lock);
}

static void *dispatch_main(void *context)
{
    struct host *host = context;
    struct pollfd fd = {.fd = runtime_fd(host->runtime), .events = POLLIN};
    int64_t next_check_ms = 0;
    struct fail f;

    for (;;) {
        bool stopping;

        (void)poll(&fd, 1, DISPATCH_LOOK_MS);
        (void)pthread_mutex_lock(&host->lock);
        stopping = host->stopping;
        (void)pthread_mutex_unlock(&host->lock);
        if (stopping)
            return NULL;
        if (!runtime_dispatch(host->runtime, &f))
            log_error("ends of containers: %s", f.message);
        if (host_now_ms() < next_check_ms)
            continue;
        next_check_ms = host_now_ms() + NETWORK_CHECK_EVERY_MS;
        if (!network_check(host->network, &f))
            log_error("resolvers: %s", f.message);
    }
}

/* ---- where images come from ---- */

/* The built-in registry lets a host in by the link's token, and decides by whom it pulls for. */
static bool resolve_registry(void *context, struct str registry, struct str on_behalf,
                             struct image_registry *ret_registry)
{
    struct host *host = context;
    struct str account;
    struct str rest;

    /* "<account>.dkr.ecr.<region>.amazonaws.com" means the built-in registry, as do its own addresses. */
    account = str_cut(registry, '.', &rest);
    if (!str_is(registry, host->options.endpoint) && !str_is(registry, host->options.public_address) &&
        !(account.len == 12 && rest.ptr != NULL && str_starts(rest, STR("dkr.ecr."))))
        return false;
    *ret_registry = (struct image_registry){.tls = false,
                                            .host = str_of(host->options.endpoint),
                                            .user = on_behalf,
                                            .password = str_of(host->options.token),
                                            .basic = true};
    return true;
}

/* ---- starting and stopping ---- */

static void start_thread(pthread_t *thread, void *(*run)(void *), struct host *host)
{
    pthread_attr_t attributes;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_create(thread, &attributes, run, host) == 0);
    (void)pthread_attr_destroy(&attributes);
}

static bool make_dir(const char *path, struct fail *f)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", path, strerror(errno));
    return true;
}

static bool open_rooms(struct host *host, struct fail *f)
{
    char images[HOSTED_PATH + 16];
    char tasks[HOSTED_PATH + 16];
    char runtime_dir[HOSTED_PATH + 16];
    char run_dir[HOSTED_PATH];
    struct image_store_options image_options = {.resolve = resolve_registry, .context = host};
    struct network_options network_options = {.instance = host->options.instance, .run_dir = run_dir};
    struct runtime_options runtime_options = {.state_dir = runtime_dir,
                                              .instance = host->options.instance,
                                              .oci_runtime = host->options.oci_runtime,
                                              .exited = container_exited,
                                              .context = host};

    (void)snprintf(images, sizeof(images), "%s/images", host->dir);
    (void)snprintf(tasks, sizeof(tasks), "%s/tasks", host->dir);
    (void)snprintf(runtime_dir, sizeof(runtime_dir), "%s/runtime", host->dir);
    (void)snprintf(run_dir, sizeof(run_dir), "/run/berth-%s", host->options.instance);
    return make_dir(host->dir, f) && make_dir(tasks, f) && image_store_open(images, &image_options, &host->images, f) &&
           network_open(&network_options, &host->network, f) && runtime_open(&runtime_options, &host->runtime, f);
}

/* Asked while nothing runs yet: no lock. */
static bool is_hosted(void *context, struct str task_id)
{
    const struct host *host = context;

    return map_get(&host->tasks, task_id) != NULL;
}

/* The last lines of a task are delivered: what is left of it may go. Shipping thread. */
static void logs_ended(void *context, struct str task_id)
{
    struct host *host = context;
    struct hosted *hosted;

    (void)pthread_mutex_lock(&host->lock);
    hosted = map_get(&host->tasks, task_id);
    if (hosted != NULL && !hosted->logs_ended) {
        hosted->logs_ended = true;
        hand_out(host, hosted, (struct action){ACTION_REMOVE_NETWORK, 0});
    }
    (void)pthread_mutex_unlock(&host->lock);
}

/* Then come the lines of the task's other containers. Shipping thread. */
static void splunk_logs_ended(void *context, struct str task_id)
{
    const struct host *host = context;

    log_shipper_end(host->logs, task_id);
}

static bool start_logs(struct host *host, struct fail *f)
{
    char path[HOSTED_PATH + 16];
    struct log_shipper_options options = {
        .logs_dir = path, .address = host->options.endpoint, .lives = is_hosted, .ended = logs_ended, .context = host};

    (void)snprintf(path, sizeof(path), "%s/logs", host->dir);
    if (!log_shipper_start(&options, &host->logs, f))
        return false;
    (void)snprintf(path, sizeof(path), "%s/splunk", host->dir);
    options.ended = splunk_logs_ended;
    options.foreign = true;
    return log_shipper_start(&options, &host->splunk_logs, f);
}

struct log_shipper *host_shipper(const struct host *host, const struct task *task, size_t i)
{
    return log_route_is_splunk(task->containers[i].definition->log_configuration) ? host->splunk_logs : host->logs;
}

void host_end_logs(const struct host *host, const struct task *task)
{
    bool any = false;

    for (size_t i = 0; i < task->container_count; i++)
        any = any || host_shipper(host, task, i) == host->splunk_logs;
    log_shipper_end(any ? host->splunk_logs : host->logs, task->assignment->task_id);
}

static void look_at_users(struct host *host)
{
    struct fail f;

    users_give_unknown(host->options.instance, is_hosted, host);
    host->maps_users = users_possible(host->dir, &f);
    if (!host->maps_users)
        log_warning("tasks run as the machine's own users, without a user namespace: %s", f.message);
}

static void close_rooms(struct host *host)
{
    if (host->runtime != NULL)
        runtime_close(host->runtime);
    if (host->network != NULL)
        network_close(host->network);
    if (host->images != NULL)
        image_store_close(host->images);
}

static struct host *host_new(const struct host_options *options)
{
    struct host *host = calloc(1, sizeof(*host));

    must(host != NULL);
    host->options = *options;
    (void)snprintf(host->dir, sizeof(host->dir), "%s/host", options->data_dir);
    (void)snprintf(host->id, sizeof(host->id), "host-%s", options->instance);
    must(pthread_mutex_init(&host->lock, NULL) == 0);
    must(pthread_mutex_init(&host->assignment_lock, NULL) == 0);
    must(pthread_cond_init(&host->planner_wake, NULL) == 0);
    must(pthread_cond_init(&host->link_changed, NULL) == 0);
    must(pthread_cond_init(&host->pulls.wake, NULL) == 0);
    must(pthread_cond_init(&host->works.wake, NULL) == 0);
    list_init(&host->instances);
    list_init(&host->pulls.items);
    list_init(&host->works.items);
    host->metadata = metadata_new(host);
    return host;
}

static void host_free(struct host *host)
{
    size_t at = 0;
    struct hosted *hosted;

    sessions_stop(host->sessions);
    metadata_free(host->metadata);
    log_shipper_stop(host->splunk_logs); /* first: it tells the other */
    log_shipper_stop(host->logs);
    while ((hosted = map_next(&host->tasks, &at)) != NULL)
        hosted_free(hosted);
    map_free(&host->tasks);
    close_rooms(host);
    free(host->told);
    free(host);
}

bool host_start(const struct host_options *options, struct host **ret_host, struct fail *f)
{
    struct host *host = host_new(options);

    if (!open_rooms(host, f) || !host_adopt(host, f) || !start_logs(host, f) || !host_sessions_start(host, f)) {
        host_free(host);
        return false;
    }
    look_at_users(host);
    for (size_t i = 0; i < WORKERS; i++)
        start_thread(&host->workers[i], worker_main, host);
    for (size_t i = 0; i < PULL_WORKERS; i++)
        start_thread(&host->pull_workers[i], pull_worker_main, host);
    if (!instances_adopt(host, f)) {
        log_error("instances: %s", f->message);
    }
    start_thread(&host->dispatcher, dispatch_main, host);
    start_thread(&host->planner, planner_main, host);
    start_thread(&host->dialer, host_dial_main, host);
    *ret_host = host;
    return true;
}

void host_stop(struct host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    host->stopping = true;
    (void)pthread_cond_signal(&host->planner_wake);
    (void)pthread_cond_signal(&host->link_changed);
    (void)pthread_cond_broadcast(&host->pulls.wake);
    (void)pthread_cond_broadcast(&host->works.wake);
    if (host->server != NULL)
        link_shut(host->server);
    (void)pthread_mutex_unlock(&host->lock);
    image_store_stop(host->images);
    log_shipper_cancel(host->logs);
    log_shipper_cancel(host->splunk_logs);
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(host->workers[i], NULL);
    for (size_t i = 0; i < PULL_WORKERS; i++)
        (void)pthread_join(host->pull_workers[i], NULL);
    (void)pthread_join(host->dispatcher, NULL);
    (void)pthread_join(host->planner, NULL);
    (void)pthread_join(host->dialer, NULL);
    instances_stop(host);
    host_free(host);
}
