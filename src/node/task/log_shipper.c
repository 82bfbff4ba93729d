#include "node/task/log_shipper.h"

#include "base/list.h"
#include "base/log.h"
#include "base/must.h"
#include "node/task/engine.h"
#include "node/task/log_admit.h"
#include "node/task/log_keep.h"
#include "node/task/log_route.h"
#include "os/clock.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

enum {
    AWAY_MS_MIN = 100,
    AWAY_MS_MAX = 5000,
    CUT_EVERY_MS = 5000,   /* files that only grow are looked at so often, */
    TIDY_EVERY_MS = 60000, /* those of ended tasks so often */
    GATHER_MS = 20,        /* lines that are written meanwhile are read at once */
};

/* How long a server is left alone after it was away. */
struct pause {
    int64_t ms;       /* 0: it was there */
    int64_t until_ms; /* monotonic, as all times here */
};

/* One container's log. The thread owns `route`; the flags are protected by the shipper's lock. */
struct shipment {
    struct list link;
    char task_id[65];
    size_t container;
    struct log_route *route; /* NULL: driver json-file */
    int watch;               /* of its folder */
    bool changed, ended, finished;
    /* the thread's own */
    struct pause pause; /* of a foreign server */
    int64_t give_up_ms; /* 0: not yet ended */
};

/* A task without further lines, until its last ones are delivered. */
struct ending {
    struct list link;
    char task_id[65];
    int64_t until_ms;
};

struct log_shipper {
    void (*ended)(void *context, struct str task_id);
    void *context;
    char logs_dir[LOG_PATH_BYTES - 100];
    char address[280];
    struct log_identity identity;
    bool foreign;
    struct log_client *client;
    int inotify_fd, wake_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* protects the lists and the shipments' flags; nothing is locked under it */
    struct list shipments, endings;
    _Atomic bool stopping; /* breaks calls off, too */
    /* the thread's own */
    struct pause pause; /* of our own server */
    int64_t next_cut_ms, next_tidy_ms;
};

static void wake(struct log_shipper *shipper)
{
    (void)eventfd_write(shipper->wake_fd, 1);
}

/* ---- shipments; lock held ---- */

static struct shipment *find(struct log_shipper *shipper, struct str task_id, size_t container)
{
    list_each(link, after, &shipper->shipments)
    {
        struct shipment *shipment = list_item(link, struct shipment, link);

        if (shipment->container == container && str_is(task_id, shipment->task_id))
            return shipment;
    }
    return NULL;
}

static int watch_folder(const struct log_shipper *shipper, struct str task_id)
{
    char path[LOG_PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/%.*s", shipper->logs_dir, STR_ARG(task_id));
    return inotify_add_watch(shipper->inotify_fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

static void add(struct log_shipper *shipper, struct str task_id, size_t container, struct log_route *route)
{
    struct shipment *shipment = calloc(1, sizeof(*shipment));

    must(shipment != NULL);
    (void)snprintf(shipment->task_id, sizeof(shipment->task_id), "%.*s", STR_ARG(task_id));
    shipment->container = container;
    shipment->route = route;
    shipment->changed = true;
    shipment->watch = route == NULL ? -1 : watch_folder(shipper, task_id);
    if (route != NULL && shipment->watch < 0)
        log_error("the log of task %s is not watched: %s", shipment->task_id, strerror(errno));
    list_add_last(&shipper->shipments, &shipment->link);
}

static void remove_shipment(struct log_shipper *shipper, struct shipment *shipment)
{
    bool last = true;

    list_remove(&shipment->link);
    list_each(link, after, &shipper->shipments)
    {
        last = last && list_item(link, struct shipment, link)->watch != shipment->watch;
    }
    if (last && shipment->watch >= 0)
        (void)inotify_rm_watch(shipper->inotify_fd, shipment->watch);
    log_route_close(shipment->route);
    free(shipment);
}

/* ---- before a container starts ---- */

bool log_shipper_begin(struct log_shipper *shipper, const struct host_task_assignment *task,
                       const struct ecs_container_definition *container, size_t i, struct fail *f)
{
    const struct log_admission admission = {.logs_dir = shipper->logs_dir,
                                            .address = shipper->address,
                                            .cancel = &shipper->stopping,
                                            .identity = &shipper->identity};
    struct log_route *route;

    if (!log_admit(&admission, task, container, i, &route, f))
        return false;
    (void)pthread_mutex_lock(&shipper->lock);
    if (find(shipper, task->task_id, i) == NULL)
        add(shipper, task->task_id, i, take_ptr(&route));
    (void)pthread_mutex_unlock(&shipper->lock);
    log_route_close(route); /* left over: it was there */
    wake(shipper);
    return true;
}

void log_shipper_path(const struct log_shipper *shipper, struct str task_id, size_t i, char path[LOG_PATH_BYTES])
{
    log_file_path(shipper->logs_dir, task_id, i, "log", path);
}

/* ---- after the last one has ended ---- */

void log_shipper_end(struct log_shipper *shipper, struct str task_id)
{
    struct ending *ending = calloc(1, sizeof(*ending));

    must(ending != NULL);
    (void)snprintf(ending->task_id, sizeof(ending->task_id), "%.*s", STR_ARG(task_id));
    ending->until_ms = clock_monotonic_ms() + LOG_END_MS;
    (void)pthread_mutex_lock(&shipper->lock);
    list_each(link, after, &shipper->shipments)
    {
        struct shipment *shipment = list_item(link, struct shipment, link);

        shipment->ended = shipment->ended || str_is(task_id, shipment->task_id);
    }
    list_add_last(&shipper->endings, &ending->link);
    (void)pthread_mutex_unlock(&shipper->lock);
    wake(shipper);
}

/* ---- the thread ---- */

static void note_change(struct log_shipper *shipper, int watch)
{
    list_each(link, after, &shipper->shipments)
    {
        struct shipment *shipment = list_item(link, struct shipment, link);

        if (shipment->watch == watch || watch < 0)
            shipment->changed = true;
    }
}

static void read_changes(struct log_shipper *shipper)
{
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    eventfd_t ignored;
    ssize_t got;

    (void)eventfd_read(shipper->wake_fd, &ignored);
    (void)pthread_mutex_lock(&shipper->lock);
    while ((got = read(shipper->inotify_fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);

            if ((event->mask & IN_Q_OVERFLOW) != 0)
                note_change(shipper, -1);
            else if (event->len > 0 && str_ends(str_of(event->name), STR(".log"))) /* positions are our own */
                note_change(shipper, event->wd);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    (void)pthread_mutex_unlock(&shipper->lock);
}

/* The server is away: nobody who sends to it tries before the pause is over. */
static void stay_away(struct pause *pause, const struct fail *f)
{
    if (pause->ms == 0)
        log_warning("log lines wait, trying on: %s", f->message);
    pause->ms = pause->ms == 0 ? AWAY_MS_MIN : pause->ms * 2 < AWAY_MS_MAX ? pause->ms * 2 : AWAY_MS_MAX;
    pause->until_ms = clock_monotonic_ms() + pause->ms;
}

static void finish(struct log_shipper *shipper, struct shipment *shipment)
{
    (void)pthread_mutex_lock(&shipper->lock);
    remove_shipment(shipper, shipment);
    (void)pthread_mutex_unlock(&shipper->lock);
}

/* Of an ended container whose lines a foreign server does not take. */
static bool is_hopeless(const struct log_shipper *shipper, struct shipment *shipment, bool ended)
{
    if (!shipper->foreign || !ended)
        return false;
    if (shipment->give_up_ms == 0)
        shipment->give_up_ms = clock_monotonic_ms() + LOG_KEPT_MS;
    return clock_monotonic_ms() >= shipment->give_up_ms;
}

/* Credentials that have ended since the last step are no reason to lose a line: they are asked for each time. */
static enum log_step take_step(struct log_shipper *shipper, struct shipment *shipment, bool ended, struct fail *f)
{
    enum log_step step = LOG_STEP_AWAY;
    struct arena arena;

    arena_init(&arena, (size_t)1 << 16);
    if (log_route_act(shipment->route, &shipper->identity, &arena, f))
        step = log_route_step(shipment->route, shipper->client, ended, clock_monotonic_ms(), f);
    arena_free(&arena);
    return step;
}

/* One batch of one container. True: it may have more. */
static bool step(struct log_shipper *shipper, struct shipment *shipment, bool ended)
{
    struct fail f = {.message = ""};

    switch (take_step(shipper, shipment, ended, &f)) {
    case LOG_STEP_IDLE:
        return false;
    case LOG_STEP_SENT:
        shipment->pause.ms = 0;
        return true;
    case LOG_STEP_AWAY:
        stay_away(shipper->foreign ? &shipment->pause : &shipper->pause, &f);
        if (!is_hopeless(shipper, shipment, ended))
            return true;
        log_warning("the last log lines of task %s are lost: %s", shipment->task_id, f.message);
        log_route_give_up(shipment->route);
        finish(shipper, shipment);
        return false;
    case LOG_STEP_FINISHED:
        finish(shipper, shipment);
        return false;
    }
    return false;
}

/* A container whose lines only stay here: they are bounded, and complete when it has ended. */
static void step_kept(struct log_shipper *shipper, struct shipment *shipment, bool ended)
{
    char path[LOG_PATH_BYTES];
    struct fail f;

    if (!ended) {
        log_file_path(shipper->logs_dir, str_of(shipment->task_id), shipment->container, "log", path);
        log_keep_cut(path);
        return;
    }
    if (!log_keep_finish(shipper->logs_dir, str_of(shipment->task_id), shipment->container, &f))
        log_error("%s", f.message);
    finish(shipper, shipment);
}

/* Everybody who has something to do gets one step, unless the server is to be left alone. The list only loses items in
 * this thread, and new ones come at its end. */
static void step_all(struct log_shipper *shipper)
{
    int64_t away_before_ms = shipper->pause.until_ms;
    struct list *link;

    (void)pthread_mutex_lock(&shipper->lock);
    link = shipper->shipments.next;
    while (link != &shipper->shipments && !shipper->stopping && clock_monotonic_ms() >= shipper->pause.until_ms) {
        struct shipment *shipment = list_item(link, struct shipment, link);
        bool ended = shipment->ended;
        bool due = shipment->changed || ended ||
                   (shipment->route != NULL && log_route_due_ms(shipment->route) <= clock_monotonic_ms());

        link = link->next;
        if (!due || clock_monotonic_ms() < shipment->pause.until_ms)
            continue;
        shipment->changed = false;
        (void)pthread_mutex_unlock(&shipper->lock);
        if (shipment->route == NULL)
            step_kept(shipper, shipment, ended);
        else if (step(shipper, shipment, ended))
            shipment->changed = true; /* in this thread only */
        (void)pthread_mutex_lock(&shipper->lock);
    }
    (void)pthread_mutex_unlock(&shipper->lock);
    if (shipper->pause.until_ms == away_before_ms && clock_monotonic_ms() >= away_before_ms)
        shipper->pause.ms = 0; /* nobody found it away */
}

static bool has_lines_left(const struct log_shipper *shipper, const struct ending *ending)
{
    list_each(link, after, &shipper->shipments)
    {
        if (strcmp(list_item(link, struct shipment, link)->task_id, ending->task_id) == 0)
            return true;
    }
    return false;
}

/* The endings whose time has come. Time that the server is away does not count: it is not told of the task's end. */
static void take_endings(struct log_shipper *shipper, int64_t now_ms, struct list *ret_taken)
{
    (void)pthread_mutex_lock(&shipper->lock);
    list_each(link, after, &shipper->endings)
    {
        struct ending *ending = list_item(link, struct ending, link);
        bool late = now_ms >= ending->until_ms;
        bool left = has_lines_left(shipper, ending);

        if (left && shipper->pause.ms > 0)
            ending->until_ms = now_ms + LOG_END_MS;
        else if (!left || late) {
            if (left)
                log_warning("task %s ends before all its log lines are delivered", ending->task_id);
            list_remove(link);
            list_add_last(ret_taken, link);
        }
    }
    (void)pthread_mutex_unlock(&shipper->lock);
}

static void tell_endings(struct log_shipper *shipper)
{
    struct list taken;

    list_init(&taken);
    take_endings(shipper, clock_monotonic_ms(), &taken);
    while (!list_empty(&taken)) {
        struct ending *ending = list_item(list_take_first(&taken), struct ending, link);

        shipper->ended(shipper->context, str_of(ending->task_id));
        free(ending);
    }
}

static int64_t next_due_ms(struct log_shipper *shipper)
{
    int64_t due = shipper->next_cut_ms < shipper->next_tidy_ms ? shipper->next_cut_ms : shipper->next_tidy_ms;

    (void)pthread_mutex_lock(&shipper->lock);
    list_each(link, after, &shipper->shipments)
    {
        const struct shipment *shipment = list_item(link, struct shipment, link);
        int64_t wanted = shipment->changed         ? 0
                         : shipment->route == NULL ? WHEN_NEVER
                                                   : log_route_due_ms(shipment->route);

        wanted = wanted > shipment->pause.until_ms ? wanted : shipment->pause.until_ms;
        due = wanted < due ? wanted : due;
    }
    list_each(link, after, &shipper->endings)
    {
        const struct ending *ending = list_item(link, struct ending, link);

        due = ending->until_ms < due ? ending->until_ms : due;
    }
    (void)pthread_mutex_unlock(&shipper->lock);
    return due > shipper->pause.until_ms ? due : shipper->pause.until_ms;
}

/* Files that stay here. Without any, nobody is woken for them but once a minute. */
static void keep(struct log_shipper *shipper, int64_t now_ms)
{
    bool any = false;

    if (now_ms >= shipper->next_tidy_ms) {
        log_keep_tidy(shipper->logs_dir, task_engine_now_ms()); /* files have the time of day */
        shipper->next_tidy_ms = now_ms + TIDY_EVERY_MS;
    }
    if (now_ms < shipper->next_cut_ms)
        return;
    (void)pthread_mutex_lock(&shipper->lock);
    list_each(link, after, &shipper->shipments)
    {
        struct shipment *shipment = list_item(link, struct shipment, link);

        any = any || shipment->route == NULL;
        shipment->changed = shipment->changed || shipment->route == NULL;
    }
    (void)pthread_mutex_unlock(&shipper->lock);
    shipper->next_cut_ms = now_ms + (any ? CUT_EVERY_MS : TIDY_EVERY_MS);
}

static void *shipper_main(void *context)
{
    struct log_shipper *shipper = context;
    struct pollfd fds[] = {{.fd = shipper->inotify_fd, .events = POLLIN}, {.fd = shipper->wake_fd, .events = POLLIN}};

    while (!shipper->stopping) {
        int64_t wait_ms;

        read_changes(shipper);
        step_all(shipper);
        tell_endings(shipper);
        keep(shipper, clock_monotonic_ms());
        wait_ms = next_due_ms(shipper) - clock_monotonic_ms();
        if (wait_ms > 0 && poll(fds, COUNT_OF(fds), (int)(wait_ms < TIDY_EVERY_MS ? wait_ms : TIDY_EVERY_MS)) > 0 &&
            fds[1].revents == 0)
            (void)poll(&fds[1], 1, GATHER_MS);
    }
    return NULL;
}

/* ---- what a former process left ---- */

static void take_up(struct log_shipper *shipper, const struct log_shipper_options *options, struct str task_id,
                    size_t container)
{
    struct log_route_record record;
    struct log_route *route = NULL;
    struct arena arena;
    struct fail f;

    arena_init(&arena, (size_t)4 << 20);
    if (!log_route_read(shipper->logs_dir, task_id, container, &arena, &record, &f) ||
        (!log_route_is_kept_here(record.configuration) &&
         !log_route_open(shipper->logs_dir, &record, container, clock_monotonic_ms(), &route, &f))) {
        log_error("the log of a container of task %.*s cannot go on: %s", STR_ARG(task_id), f.message);
    } else {
        add(shipper, task_id, container, route);
        find(shipper, task_id, container)->ended = !options->lives(options->context, task_id);
    }
    arena_free(&arena);
}

static void take_up_task(struct log_shipper *shipper, const struct log_shipper_options *options, struct str task_id)
{
    char path[LOG_PATH_BYTES];

    for (size_t i = 0; i < LOG_CONTAINERS_MAX; i++) {
        log_file_path(shipper->logs_dir, task_id, i, "route", path);
        if (access(path, F_OK) == 0 && !log_keep_is_finished(shipper->logs_dir, task_id, i))
            take_up(shipper, options, task_id, i);
    }
}

static bool take_up_all(struct log_shipper *shipper, const struct log_shipper_options *options, struct fail *f)
{
    DIR *dir = opendir(shipper->logs_dir);
    const struct dirent *entry;

    if (dir == NULL)
        return fail(f, FAIL_SYSTEM, "read %s: %s", shipper->logs_dir, strerror(errno));
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < sizeof(((struct shipment *)NULL)->task_id))
            take_up_task(shipper, options, str_of(entry->d_name));
    (void)closedir(dir);
    return true;
}

/* ---- life ---- */

static void shipper_free(struct log_shipper *shipper)
{
    while (!list_empty(&shipper->shipments))
        remove_shipment(shipper, list_item(shipper->shipments.next, struct shipment, link));
    while (!list_empty(&shipper->endings))
        free(list_item(list_take_first(&shipper->endings), struct ending, link));
    log_client_free(shipper->client);
    close_fd_at(&shipper->inotify_fd);
    close_fd_at(&shipper->wake_fd);
    (void)pthread_mutex_destroy(&shipper->lock);
    free(shipper);
}

static bool open_ports(struct log_shipper *shipper, struct fail *f)
{
    shipper->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    shipper->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shipper->inotify_fd < 0 || shipper->wake_fd < 0)
        return fail(f, FAIL_SYSTEM, "watch logs: %s", strerror(errno));
    return directory_make(shipper->logs_dir, 0700, f) &&
           log_client_new(shipper->address, &shipper->stopping, &shipper->client, f);
}

bool log_shipper_start(const struct log_shipper_options *options, struct log_shipper **ret_shipper, struct fail *f)
{
    struct log_shipper *shipper = calloc(1, sizeof(*shipper));

    must(shipper != NULL);
    shipper->inotify_fd = shipper->wake_fd = -1;
    list_init(&shipper->shipments);
    list_init(&shipper->endings);
    must(pthread_mutex_init(&shipper->lock, NULL) == 0);
    shipper->ended = options->ended;
    shipper->context = options->context;
    shipper->foreign = options->foreign;
    shipper->identity = options->identity;
    must(str_to_buffer(str_of(options->logs_dir), shipper->logs_dir, sizeof(shipper->logs_dir)));
    must(str_to_buffer(str_of(options->address), shipper->address, sizeof(shipper->address)));
    if (!open_ports(shipper, f) || !take_up_all(shipper, options, f)) {
        shipper_free(shipper);
        return false;
    }
    must(pthread_create(&shipper->thread, NULL, shipper_main, shipper) == 0);
    *ret_shipper = shipper;
    return true;
}

void log_shipper_cancel(struct log_shipper *shipper)
{
    shipper->stopping = true;
    wake(shipper);
}

void log_shipper_stop(struct log_shipper *shipper)
{
    if (shipper == NULL)
        return;
    log_shipper_cancel(shipper);
    (void)pthread_join(shipper->thread, NULL);
    shipper_free(shipper);
}
