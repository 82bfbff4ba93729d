#include "node/host/instances.h"

#include "base/log.h"
#include "base/must.h"
#include "node/host/instance_machine.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/files.h"
#include "os/http_server.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { LOOK_MS = 1000, STOP_MS = 15000, THREAD_STACK = 512 << 10 };

struct host_instance {
    struct list link; /* in host->instances */
    struct host *host;
    pthread_t thread;
    pthread_cond_t wake, answered;
    struct instance_machine machine; /* its thread's */

    /* host->lock protects what follows. */
    struct host_instance_assignment *assignment; /* a block of its own */
    bool assigned;                               /* the newest assignment names it */
    bool heard;                                  /* an assignment has come; until then its own is a former process's */
    bool changed;                                /* since its thread looked */
    bool exited;                                 /* its container, since the last start */
    bool ended;                                  /* its thread */
    enum host_instance_status status;
    int64_t launch; /* the number of what runs, or ran last, or was not to run */
    char reason[400];
    struct imds *imds;
    size_t answering; /* requests under way */
    struct instance_console console;
    bool console_news;
};

/* ---- what to do next: a pure decision ---- */

enum step { STEP_NONE, STEP_START, STEP_PASS, STEP_STOP, STEP_CLEAN, STEP_REMOVE, STEP_UPDATE, STEP_END };

static enum step next_step(const struct host_instance *of)
{
    const struct host_instance_assignment *wish = of->assignment;
    bool unwanted = !of->assigned || wish->desired_state == HOST_INSTANCE_DESIRED_STATE_TERMINATED;
    bool runs = of->status == HOST_INSTANCE_STATUS_RUNNING;

    if (!of->heard)
        return STEP_NONE; /* it may be wished otherwise by now, and its VPC is not known yet */
    if (runs && of->exited)
        return STEP_CLEAN;
    if (runs &&
        (unwanted || wish->desired_state != HOST_INSTANCE_DESIRED_STATE_RUNNING || wish->launch_number != of->launch))
        return STEP_STOP;
    if (runs)
        return of->changed ? STEP_UPDATE : STEP_NONE;
    if (of->status == HOST_INSTANCE_STATUS_GONE)
        return of->assigned ? STEP_NONE : STEP_END;
    if (unwanted)
        return STEP_REMOVE;
    if (wish->launch_number <= of->launch)
        return STEP_NONE;
    return wish->desired_state == HOST_INSTANCE_DESIRED_STATE_RUNNING ? STEP_START : STEP_PASS;
}

/* ---- carrying it out; lock held before and after, not meanwhile ---- */

static struct host_instance_assignment *copy_of(const struct host_instance_assignment *assignment)
{
    size_t size;

    return value_block(&host_instance_assignment_shape, assignment, &size);
}

static void set_status(struct host_instance *of, enum host_instance_status status, const char *reason)
{
    of->status = status;
    (void)snprintf(of->reason, sizeof(of->reason), "%s", reason);
    host_report_soon(of->host);
}

static void start(struct host_instance *of)
{
    struct host_instance_assignment *wish = copy_of(of->assignment);
    struct fail f = {.code = FAIL_NONE};
    bool good;

    of->launch = wish->launch_number;
    of->exited = false;
    of->changed = false;
    set_status(of, HOST_INSTANCE_STATUS_PENDING, "");
    (void)pthread_mutex_unlock(&of->host->lock);
    instance_machine_tell(wish, of->imds);
    good = instance_machine_start(&of->machine, wish, &f);
    if (!good)
        log_error("instance %s: %s", of->machine.id, f.message);
    (void)pthread_mutex_lock(&of->host->lock);
    set_status(of, good ? HOST_INSTANCE_STATUS_RUNNING : HOST_INSTANCE_STATUS_FAILED, good ? "" : f.message);
    free(wish);
}

/* A reboot that became a stop before it was begun: the server waits for the end of that launch. */
static void pass(struct host_instance *of)
{
    of->launch = of->assignment->launch_number;
    set_status(of, HOST_INSTANCE_STATUS_STOPPED, "");
}

static void wait_ms(struct host_instance *of, int64_t ms)
{
    (void)condition_wait(&of->wake, &of->host->lock, clock_monotonic_ms() + ms);
}

/* An address may still be that of an interface on its way out. */
static void update(struct host_instance *of)
{
    struct host_instance_assignment *wish = copy_of(of->assignment);
    struct fail f;
    bool good;

    of->changed = false;
    (void)pthread_mutex_unlock(&of->host->lock);
    instance_machine_tell(wish, of->imds);
    good = instance_machine_update(&of->machine, wish, &f);
    if (!good)
        log_error("instance %s: %s", of->machine.id, f.message);
    (void)pthread_mutex_lock(&of->host->lock);
    free(wish);
    if (good)
        return;
    of->changed = true;
    wait_ms(of, LOOK_MS);
}

/* Its end comes as an exit. */
static void stop(struct host_instance *of)
{
    int64_t kill_ms = host_now_ms() + STOP_MS;
    bool killed = false;

    (void)pthread_mutex_unlock(&of->host->lock);
    instance_machine_signal(&of->machine, /* kill= */ false);
    (void)pthread_mutex_lock(&of->host->lock);
    while (!of->exited && !of->host->stopping) {
        if (!killed && host_now_ms() >= kill_ms) {
            killed = true;
            (void)pthread_mutex_unlock(&of->host->lock);
            instance_machine_signal(&of->machine, /* kill= */ true);
            (void)pthread_mutex_lock(&of->host->lock);
        }
        wait_ms(of, LOOK_MS);
    }
}

static void take_console(struct host_instance *of)
{
    struct instance_console console = {.text = {.ptr = NULL}};
    bool news;

    (void)pthread_mutex_unlock(&of->host->lock);
    news = instance_machine_console(&of->machine, &console);
    (void)pthread_mutex_lock(&of->host->lock);
    if (!news)
        return;
    buf_free(&of->console.text);
    of->console = console;
    of->console_news = true;
    host_report_soon(of->host);
}

static void clean(struct host_instance *of)
{
    take_console(of);
    (void)pthread_mutex_unlock(&of->host->lock);
    instance_machine_clean(&of->machine);
    (void)pthread_mutex_lock(&of->host->lock);
    set_status(of, HOST_INSTANCE_STATUS_STOPPED, "");
}

static void remove_all(struct host_instance *of)
{
    (void)pthread_mutex_unlock(&of->host->lock);
    instance_machine_remove(&of->machine);
    (void)pthread_mutex_lock(&of->host->lock);
    set_status(of, HOST_INSTANCE_STATUS_GONE, "");
}

static void *lead(void *context)
{
    struct host_instance *of = context;
    struct host *host = of->host;

    (void)pthread_mutex_lock(&host->lock);
    while (!host->stopping && !of->ended) {
        switch (next_step(of)) {
        case STEP_NONE:
            wait_ms(of, LOOK_MS);
            if (of->status == HOST_INSTANCE_STATUS_RUNNING)
                take_console(of);
            break;
        case STEP_START:
            start(of);
            break;
        case STEP_PASS:
            pass(of);
            break;
        case STEP_STOP:
            stop(of);
            break;
        case STEP_CLEAN:
            clean(of);
            break;
        case STEP_REMOVE:
            remove_all(of);
            break;
        case STEP_UPDATE:
            update(of);
            break;
        case STEP_END:
            of->ended = true;
            break;
        }
    }
    (void)pthread_mutex_unlock(&host->lock);
    return NULL;
}

/* ---- coming and going ---- */

static bool is_instance_id(struct str id)
{
    if (!str_starts(id, STR("i-")) || id.len > INSTANCE_ID_BYTES - 1)
        return false;
    for (size_t i = 2; i < id.len; i++)
        if (id.ptr[i] == '\0' || strchr("0123456789abcdef", id.ptr[i]) == NULL)
            return false;
    return true;
}

/* Its thread is started by the caller. */
static struct host_instance *instance_new(struct host *host, const struct host_instance_assignment *assignment)
{
    static const struct imds_options closed = {.enabled = false, .hop_limit = 1};
    struct host_instance *of = calloc(1, sizeof(*of));

    must(of != NULL);
    of->host = host;
    of->assignment = copy_of(assignment);
    of->assigned = true;
    of->changed = true;
    of->status = HOST_INSTANCE_STATUS_PENDING;
    of->imds = imds_new(&closed);
    instance_machine_init(&of->machine, host, assignment);
    condition_init(&of->wake);
    must(pthread_cond_init(&of->answered, NULL) == 0);
    list_add_last(&host->instances, &of->link);
    return of;
}

static void start_thread(struct host_instance *of)
{
    pthread_attr_t attributes;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_create(&of->thread, &attributes, lead, of) == 0);
    (void)pthread_attr_destroy(&attributes);
}

/* Its thread has ended; lock held, let go of while requests are under way. */
static void instance_free(struct host_instance *of)
{
    list_remove(&of->link);
    while (of->answering > 0)
        (void)pthread_cond_wait(&of->answered, &of->host->lock);
    imds_stop(of->imds);
    buf_free(&of->console.text);
    (void)pthread_cond_destroy(&of->wake);
    (void)pthread_cond_destroy(&of->answered);
    free(of->assignment);
    free(of);
}

static struct host_instance *find(struct host *host, struct str id)
{
    list_each(at, after, &host->instances)
    {
        struct host_instance *of = list_item(at, struct host_instance, link);

        if (str_is(id, of->machine.id))
            return of;
    }
    return NULL;
}

static void apply_one(struct host *host, const struct host_instance_assignment *assignment)
{
    struct host_instance *of = find(host, assignment->instance_id);

    if (!is_instance_id(assignment->instance_id) || assignment->network_interface == NULL ||
        assignment->metadata == NULL) {
        log_error("the server assigns an instance that is not one: %.*s", STR_ARG(assignment->instance_id));
        return;
    }
    if (of == NULL) {
        of = instance_new(host, assignment);
        if (assignment->desired_state == HOST_INSTANCE_DESIRED_STATE_TERMINATED)
            of->status = HOST_INSTANCE_STATUS_STOPPED; /* it never came here: there is little to remove */
        start_thread(of);
        return;
    }
    of->assigned = true;
    if (value_equal(&host_instance_assignment_shape, of->assignment, assignment))
        return;
    free(of->assignment);
    of->assignment = copy_of(assignment);
    of->changed = true;
    (void)pthread_cond_signal(&of->wake);
}

/* Those whose threads have ended. lock held, let go of to join. */
static void drop_ended(struct host *host)
{
    list_each(link, after, &host->instances)
    {
        struct host_instance *of = list_item(link, struct host_instance, link);

        if (!of->ended)
            continue;
        (void)pthread_mutex_unlock(&host->lock);
        (void)pthread_join(of->thread, NULL);
        (void)pthread_mutex_lock(&host->lock);
        instance_free(of);
    }
}

void instances_apply(struct host *host, const struct host_instance_assignments *assigned)
{
    (void)pthread_mutex_lock(&host->lock);
    list_each(at, after, &host->instances)
    {
        list_item(at, struct host_instance, link)->assigned = false;
    }
    for (size_t i = 0; i < assigned->count; i++)
        apply_one(host, &assigned->items[i]);
    list_each(at, after, &host->instances)
    {
        struct host_instance *of = list_item(at, struct host_instance, link);

        of->heard = true;
        (void)pthread_cond_signal(&of->wake);
    }
    drop_ended(host);
    (void)pthread_mutex_unlock(&host->lock);
}

void instances_stop(struct host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    while (!list_empty(&host->instances)) {
        struct host_instance *of = list_item(host->instances.next, struct host_instance, link);

        (void)pthread_cond_signal(&of->wake);
        (void)pthread_mutex_unlock(&host->lock);
        (void)pthread_join(of->thread, NULL);
        (void)pthread_mutex_lock(&host->lock);
        instance_free(of);
    }
    (void)pthread_mutex_unlock(&host->lock);
}

/* ---- adoption ---- */

static const struct runtime_container *container_of(const char *id, const struct runtime_container *containers,
                                                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(containers[i].id, id) == 0)
            return &containers[i];
    return NULL;
}

/* The former process may not have come to keep the number of a launch that runs. Any other launch that it had not kept
 * was cut short: what is there of it goes as after an end, and the server, whose number is higher, has it started
 * again. */
static void adopt_launch(struct host_instance *of, const struct runtime_container *container)
{
    int64_t assigned = of->assignment->launch_number;
    struct fail f;

    of->launch = instance_machine_launch(&of->machine);
    of->status = HOST_INSTANCE_STATUS_RUNNING;
    of->exited = container == NULL; /* the end of one that is listed is told by the runtime */
    if (of->launch == assigned)
        return;
    if (container == NULL) { /* or its start was taken back (runtime_open) */
        log_info("instance %s: its launch was cut short", of->machine.id);
        return;
    }
    of->launch = assigned;
    if (!instance_machine_keep_launch(&of->machine, assigned, &f))
        log_error("instance %s: %s", of->machine.id, f.message);
}

static void adopt_one(struct host *host, const char *name, const struct runtime_container *containers, size_t count)
{
    struct host_instance_assignment *assignment;
    struct fail f;

    if (!instance_machine_recall(host->dir, name, &assignment, &f)) {
        log_error("an instance of a former process cannot be adopted: %s", f.message);
        return;
    }
    adopt_launch(instance_new(host, assignment), container_of(name, containers, count));
    free(assignment);
}

bool instances_adopt(struct host *host, struct fail *f)
{
    char path[HOSTED_PATH + 16];
    struct runtime_container *containers;
    struct dirent *entry;
    size_t count;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "%s/instances", host->dir);
    if (mkdir(path, 0711) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", path, strerror(errno));
    if (!runtime_list(host->runtime, &containers, &count, f))
        return false;
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (is_instance_id(str_of(entry->d_name)))
            adopt_one(host, entry->d_name, containers, count);
    if (dir != NULL)
        (void)closedir(dir);
    free(containers);
    list_each(at, after, &host->instances)
    {
        start_thread(list_item(at, struct host_instance, link));
    }
    return true;
}

bool instances_remove_all(const char *host_dir, struct fail *f)
{
    char path[HOSTED_PATH + 16];
    bool good = true;
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "%s/instances", host_dir);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (is_instance_id(str_of(entry->d_name)))
            good = instance_machine_remove_files(host_dir, entry->d_name, good ? f : &(struct fail){0}) && good;
    if (dir != NULL)
        (void)closedir(dir);
    return good;
}

/* ---- what others ask ---- */

void instances_report(struct host *host, struct arena *arena, struct host_instance_reports *ret_reports)
{
    size_t count = 0;

    list_each(at, after, &host->instances)
    {
        count++;
    }
    *ret_reports = (struct host_instance_reports){arena_array(arena, struct host_instance_report, count + 1), 0};
    list_each(at, after, &host->instances)
    {
        struct host_instance *of = list_item(at, struct host_instance, link);
        struct host_instance_report *report = &ret_reports->items[ret_reports->count++];

        report->instance_id = str_of(of->machine.id);
        report->status = of->status;
        report->reason = arena_str(arena, str_of(of->reason));
        SET(report, launch_number, of->launch);
        if (!of->console_news || of->console.text.ptr == NULL)
            continue;
        report->console = arena_str(arena, buf_str(&of->console.text));
        SET(report, console_at, of->console.when_ms);
        of->console_news = false;
    }
}

void instances_say_all(struct host *host)
{
    list_each(at, after, &host->instances)
    {
        list_item(at, struct host_instance, link)->console_news = true;
    }
}

size_t instances_interfaces(struct host *host, const struct host_network_interface **items)
{
    size_t count = 0;

    list_each(at, after, &host->instances)
    {
        struct host_instance *of = list_item(at, struct host_instance, link);

        if (!of->assigned)
            continue;
        if (items != NULL)
            items[count] = of->assignment->network_interface;
        count++;
        for (size_t i = 0; i < of->assignment->task_interfaces.count; i++, count++)
            if (items != NULL)
                items[count] = &of->assignment->task_interfaces.items[i];
    }
    return count;
}

bool instances_exited(struct host *host, const struct runtime_exit *exit)
{
    struct host_instance *of;

    (void)pthread_mutex_lock(&host->lock);
    of = find(host, str_of(exit->id));
    if (of != NULL) {
        of->exited = true;
        (void)pthread_cond_signal(&of->wake);
    }
    (void)pthread_mutex_unlock(&host->lock);
    return of != NULL;
}

static bool has_address(const struct host_instance_assignment *assignment, struct str vpc_id, struct str address)
{
    const struct host_network_interface *interface = assignment->network_interface;

    if (str_eq(interface->vpc_id, vpc_id) && str_eq(interface->address, address))
        return true;
    for (size_t i = 0; i < assignment->task_interfaces.count; i++) {
        interface = &assignment->task_interfaces.items[i];
        if (str_eq(interface->vpc_id, vpc_id) && str_eq(interface->address, address))
            return true;
    }
    return false;
}

static struct host_instance *who_asks(struct host *host, struct str vpc_id, struct str address)
{
    list_each(at, after, &host->instances)
    {
        struct host_instance *of = list_item(at, struct host_instance, link);

        if (has_address(of->assignment, vpc_id, address))
            return of;
    }
    return NULL;
}

void instances_answer(struct host *host, struct str vpc_id, struct http_exchange *exchange)
{
    const struct http_reply nothing = {.status = 404, .kind = HTTP_BODY_BYTES, .bytes = STR("404 - Not Found\n")};
    struct host_instance *of;

    (void)pthread_mutex_lock(&host->lock);
    of = who_asks(host, vpc_id, exchange->peer_address);
    if (of != NULL)
        of->answering++;
    (void)pthread_mutex_unlock(&host->lock);
    if (of == NULL) {
        http_exchange_reply(exchange, &nothing);
        return;
    }
    imds_answer(of->imds, exchange);
    (void)pthread_mutex_lock(&host->lock);
    of->answering--;
    (void)pthread_cond_signal(&of->answered);
    (void)pthread_mutex_unlock(&host->lock);
}
