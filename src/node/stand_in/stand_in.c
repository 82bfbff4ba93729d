#include "node/stand_in/stand_in.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "base/when.h"
#include "model/interpret.h"
#include "node/stand_in/internal.h"
#include "os/clock.h"
#include "os/link.h"

#include <pthread.h>
#include <time.h>

enum { DIAL_PAUSE_MS = 100, REPORT_EVERY_MS = 10000 };

/* One host: its link's thread hears assignments, its own thread leads the tasks and reports. */
struct stand_in_host {
    struct stand_in *all;
    char id[64];
    pthread_t thread;
    pthread_mutex_t lock; /* protects everything below */
    pthread_cond_t wake;
    struct link *link;  /* NULL: not connected */
    struct list moving; /* tasks that have a step before them, or news to report */
    struct list resting;
    struct map by_arn;
    struct host_instance_reports instances;
    struct arena instances_arena;
    int64_t generation; /* of the newest assignment heard over this link; 0: none */
    int64_t heard_all;  /* of the newest complete one; 0: none */
    bool complete_due;  /* all tasks are to be reported */
    bool stopping;
};

struct stand_in {
    struct stand_in_options options;
    struct clock clock;
    struct stand_in_host *hosts;
};

/* ---- assignments ---- */

static void add_task(struct stand_in_host *host, const struct host_task_assignment *assignment, int64_t now_ms)
{
    struct stand_in_task *task = stand_in_task_new(assignment, now_ms);

    list_add_last(&host->moving, &task->link);
    must(map_put(&host->by_arn, task->arn, task) == NULL);
}

static void drop_task(struct stand_in_host *host, struct stand_in_task *task)
{
    (void)map_remove(&host->by_arn, task->arn);
    list_remove(&task->link);
    stand_in_task_free(task);
}

static void end_task(struct stand_in_host *host, struct stand_in_task *task, int64_t now_ms)
{
    list_remove(&task->link);
    list_add_last(&host->moving, &task->link);
    stand_in_task_unwanted(task, now_ms);
}

/* What is not assigned any more ends, and is forgotten once it is gone. */
static void forget(struct stand_in_host *host, struct stand_in_task *task, int64_t now_ms)
{
    if (task == NULL)
        return;
    if (task->status == HOST_TASK_STATUS_GONE)
        drop_task(host, task);
    else
        end_task(host, task, now_ms);
}

/* What a complete assignment does not name. */
static void drop_unassigned(struct stand_in_host *host, const struct host_assignment *assignment, int64_t now_ms)
{
    struct map assigned = {0};
    struct list all = LIST_INIT(all);

    for (size_t i = 0; i < assignment->tasks.count; i++)
        (void)map_put(&assigned, assignment->tasks.items[i].task_arn, &assignment->tasks.items[i]);
    list_move_all(&all, &host->moving);
    list_move_all(&all, &host->resting);
    while (!list_empty(&all)) {
        struct stand_in_task *task = list_item(list_take_first(&all), struct stand_in_task, link);

        list_add_last(&host->moving, &task->link);
        if (map_get(&assigned, task->arn) == NULL)
            forget(host, task, now_ms);
    }
    map_free(&assigned);
}

/* They are at once what they shall be. */
static void apply_instances(struct stand_in_host *host, const struct host_instance_assignments *assigned)
{
    static const enum host_instance_status statuses[] = {
        [HOST_INSTANCE_DESIRED_STATE_RUNNING] = HOST_INSTANCE_STATUS_RUNNING,
        [HOST_INSTANCE_DESIRED_STATE_STOPPED] = HOST_INSTANCE_STATUS_STOPPED,
        [HOST_INSTANCE_DESIRED_STATE_TERMINATED] = HOST_INSTANCE_STATUS_GONE,
    };

    arena_reset(&host->instances_arena);
    host->instances.items = arena_array(&host->instances_arena, struct host_instance_report, assigned->count + 1);
    host->instances.count = assigned->count;
    for (size_t i = 0; i < assigned->count; i++) {
        struct host_instance_report *report = &host->instances.items[i];

        report->instance_id = arena_str(&host->instances_arena, assigned->items[i].instance_id);
        report->status = statuses[assigned->items[i].desired_state];
        SET(report, launch_number, assigned->items[i].launch_number);
    }
    host->complete_due = true;
}

static void apply(struct stand_in_host *host, const struct host_assignment *assignment)
{
    int64_t now_ms = clock_now_ms(&host->all->clock);

    if (assignment->generation <= host->generation || (!assignment->complete && host->heard_all == 0))
        return; /* overtaken, or a difference from what is not known */
    host->generation = assignment->generation;
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        struct host_task_assignment *row = &assignment->tasks.items[i];
        struct stand_in_task *task = map_get(&host->by_arn, row->task_arn);

        if (task != NULL && row->desired_status == HOST_DESIRED_STATUS_STOPPED)
            end_task(host, task, now_ms);
        else if (task == NULL && (row->desired_status == HOST_DESIRED_STATUS_STOPPED || row->task_definition != NULL))
            add_task(host, row, now_ms);
        /* Without its definition the server believes that we have it: the complete report tells otherwise. */
    }
    for (size_t i = 0; i < assignment->forgotten.count; i++)
        forget(host, map_get(&host->by_arn, assignment->forgotten.items[i]), now_ms);
    if (assignment->complete) {
        drop_unassigned(host, assignment, now_ms);
        apply_instances(host, &assignment->instances);
        host->heard_all = assignment->generation;
    }
}

static void message(void *context, struct link *link, struct str bytes)
{
    struct stand_in_host *host = context;
    struct host_from_server from_server = {0};
    struct arena arena;
    struct fail f;

    arena_init(&arena, (size_t)LINK_MESSAGE_MAX * 2);
    if (!value_decode(&host_from_server_shape, bytes, &from_server, &arena, &f)) {
        log_error("%s: the server sends what cannot be read: %s", host->id, f.message);
        link_shut(link);
    } else if (from_server.assignment != NULL) { /* sessions: there is nothing to look into */
        (void)pthread_mutex_lock(&host->lock);
        apply(host, from_server.assignment);
        (void)pthread_cond_signal(&host->wake);
        (void)pthread_mutex_unlock(&host->lock);
    }
    arena_free(&arena);
}

static void closed(void *context, struct link *link)
{
    struct stand_in_host *host = context;

    (void)pthread_mutex_lock(&host->lock);
    host->link = NULL;
    (void)pthread_cond_broadcast(&host->wake);
    (void)pthread_mutex_unlock(&host->lock);
    link_free(link);
}

/* ---- reports ---- */

static void say(struct stand_in_host *host, const struct host_from_host *message)
{
    auto_buf bytes = {.limit = LINK_MESSAGE_MAX};

    value_encode(&host_from_host_shape, message, &bytes);
    must(!bytes.overflowed);
    (void)link_send(host->link, buf_str(&bytes)); /* a broken link is dialled again, then all is reported */
}

static size_t count(const struct list *tasks)
{
    size_t count = 0;

    for (const struct list *at = tasks->next; at != tasks; at = at->next)
        count++;
    return count;
}

/* What moves, and all in a complete report. What is at its end for now goes to rest. */
static void report(struct stand_in_host *host)
{
    struct host_report report = {0};
    struct host_from_host message = {.report = &report};
    struct arena arena;

    arena_init(&arena, (size_t)LINK_MESSAGE_MAX * 2);
    if (host->complete_due)
        list_move_all(&host->moving, &host->resting);
    report.tasks.items = arena_array(&arena, struct host_task_report, count(&host->moving) + 1);
    list_each(at, after, &host->moving)
    {
        struct stand_in_task *task = list_item(at, struct stand_in_task, link);

        if (task->news || host->complete_due)
            report.tasks.items[report.tasks.count++] = stand_in_task_report(task, &arena);
        task->news = false;
        if (task->next_ms == WHEN_NEVER) {
            list_remove(at);
            list_add_last(&host->resting, at);
        }
    }
    report.instances = host->instances;
    SET(&report, complete, host->complete_due);
    if (host->heard_all != 0)
        SET(&report, generation, host->heard_all);
    if (report.tasks.count > 0 || host->complete_due)
        say(host, &message);
    host->complete_due = false;
    arena_free(&arena);
}

/* ---- the host's thread ---- */

static bool dial(struct stand_in_host *host, struct fail *f)
{
    const struct stand_in_options *options = &host->all->options;
    struct link_handler handler = {.context = host, .message = message, .closed = closed};
    struct host_hello hello = {.host_id = str_of(host->id), .name = str_of(host->id), .version = STR(BERTH_VERSION)};
    struct host_from_host first = {.hello = &hello};
    int fd;

    if (!link_dial(options->server_address, options->server_port, "/_berth/host", options->token, &fd, f))
        return false;
    SET(&hello, cpu_units, options->cpu_units);
    SET(&hello, memory_mib, options->memory_mib);
    (void)pthread_mutex_lock(&host->lock);
    host->link = link_start((struct http_socket){.fd = fd}, STR(""), &handler, NULL);
    say(host, &first);
    host->generation = host->heard_all = 0;
    host->complete_due = true;
    (void)pthread_mutex_unlock(&host->lock);
    return true;
}

static void wait_until(struct stand_in_host *host, int64_t when_ms)
{
    struct timespec until = {.tv_sec = when_ms / 1000, .tv_nsec = (when_ms % 1000) * 1000000};

    (void)pthread_cond_timedwait(&host->wake, &host->lock, &until);
}

/* Leads every task on that moves; when the next one is due. */
static int64_t advance(struct stand_in_host *host, int64_t now_ms)
{
    int64_t next_ms = WHEN_NEVER;

    list_each(at, after, &host->moving)
    {
        struct stand_in_task *task = list_item(at, struct stand_in_task, link);

        stand_in_task_advance(task, now_ms, host->all->options.step_ms);
        next_ms = task->next_ms < next_ms ? task->next_ms : next_ms;
    }
    return next_ms;
}

static void *host_main(void *context)
{
    struct stand_in_host *host = context;
    int64_t complete_ms = 0;
    struct fail f;

    (void)pthread_mutex_lock(&host->lock);
    while (!host->stopping) {
        int64_t now_ms = clock_now_ms(&host->all->clock);
        int64_t next_ms;

        if (host->link == NULL) {
            (void)pthread_mutex_unlock(&host->lock);
            bool good = dial(host, &f);
            (void)pthread_mutex_lock(&host->lock);
            if (!good && !host->stopping)
                wait_until(host, now_ms + DIAL_PAUSE_MS);
            continue;
        }
        host->complete_due = host->complete_due || now_ms >= complete_ms;
        if (host->complete_due)
            complete_ms = now_ms + REPORT_EVERY_MS;
        next_ms = advance(host, now_ms);
        report(host);
        if (next_ms > now_ms && !host->stopping)
            wait_until(host, next_ms < complete_ms ? next_ms : complete_ms);
    }
    (void)pthread_mutex_unlock(&host->lock);
    return NULL;
}

/* ---- all of them ---- */

static void host_begin(struct stand_in *stand_in, unsigned number)
{
    struct stand_in_host *host = &stand_in->hosts[number];

    host->all = stand_in;
    list_init(&host->moving);
    list_init(&host->resting);
    arena_init(&host->instances_arena, ARENA_LIMIT_DEFAULT);
    (void)snprintf(host->id, sizeof(host->id), "%.40s-%u", stand_in->options.name, number);
    must(pthread_mutex_init(&host->lock, NULL) == 0);
    must(pthread_cond_init(&host->wake, NULL) == 0);
}

static void host_end(struct stand_in_host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    if (host->link != NULL)
        link_shut(host->link);
    while (host->link != NULL)
        (void)pthread_cond_wait(&host->wake, &host->lock);
    (void)pthread_mutex_unlock(&host->lock);
    list_move_all(&host->moving, &host->resting);
    while (!list_empty(&host->moving))
        drop_task(host, list_item(host->moving.next, struct stand_in_task, link));
    map_free(&host->by_arn);
    arena_free(&host->instances_arena);
    (void)pthread_cond_destroy(&host->wake);
    (void)pthread_mutex_destroy(&host->lock);
}

bool stand_in_start(const struct stand_in_options *options, struct stand_in **ret_stand_in, struct fail *f)
{
    struct stand_in *stand_in = calloc(1, sizeof(*stand_in));
    bool good = true;

    must(stand_in != NULL);
    stand_in->options = *options;
    stand_in->clock = clock_wall();
    stand_in->hosts = calloc(options->hosts, sizeof(*stand_in->hosts));
    must(stand_in->hosts != NULL);
    for (unsigned i = 0; i < options->hosts; i++)
        host_begin(stand_in, i);
    for (unsigned i = 0; i < options->hosts && good; i++)
        good = dial(&stand_in->hosts[i], f);
    if (!good) {
        for (unsigned i = 0; i < options->hosts; i++)
            host_end(&stand_in->hosts[i]);
        free(stand_in->hosts);
        free(stand_in);
        return false;
    }
    for (unsigned i = 0; i < options->hosts; i++)
        must(pthread_create(&stand_in->hosts[i].thread, NULL, host_main, &stand_in->hosts[i]) == 0);
    *ret_stand_in = stand_in;
    return true;
}

void stand_in_stop(struct stand_in *stand_in)
{
    for (unsigned i = 0; i < stand_in->options.hosts; i++) {
        struct stand_in_host *host = &stand_in->hosts[i];

        (void)pthread_mutex_lock(&host->lock);
        host->stopping = true;
        (void)pthread_cond_broadcast(&host->wake);
        (void)pthread_mutex_unlock(&host->lock);
        (void)pthread_join(host->thread, NULL);
        host_end(host);
    }
    free(stand_in->hosts);
    free(stand_in);
}
