#include "node/agent/agent_reports.h"

#include "base/log.h"
#include "base/must.h"
#include "base/when.h"
#include "model/interpret.h"
#include "node/agent/agent_api.h"
#include "node/runtime/small_file.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>

enum { PAUSE_MS_MIN = 1000, PAUSE_MS_MAX = 30000, REASON_MAX = 1024 };

/* What is said of a task. */
struct report {
    struct list link;
    char task_id[65];
    json_t *wish, *said;        /* requests; NULL: nothing */
    int64_t pause_ms, until_ms; /* not said again before: monotonic */
    bool is_end;                /* `wish` says that it has stopped */
    bool is_here;
    bool is_kept;  /* its end stands in a file */
    bool is_alone; /* no task here is behind it: of an attachment, by that one's id, or from a former process */
};

struct agent_reports {
    struct agent_reports_options options;
    struct agent_api api; /* the thread's */
    pthread_t thread;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    struct list reports; /* struct report */
    bool stopping;
};

/* ---- requests ---- */

static json_t *text(struct str value)
{
    return json_stringn(value.ptr == NULL ? "" : value.ptr, value.len);
}

static void add_text(json_t *to, const char *name, struct str value)
{
    if (value.len > 0)
        must(json_object_set_new(to, name, text(value.len > REASON_MAX ? str_to(value, REASON_MAX) : value)) == 0);
}

static void add_time(json_t *to, const char *name, bool is_there, int64_t when_ms)
{
    if (is_there)
        must(json_object_set_new(to, name, json_real((double)when_ms / 1000)) == 0);
}

static json_t *bindings_of(const struct ecs_network_bindings *bindings)
{
    json_t *list = json_array();

    for (size_t i = 0; i < bindings->count; i++)
        must(json_array_append_new(
                 list, json_pack("{s:o,s:i,s:i,s:s}", "bindIP", text(bindings->items[i].bind_ip), "containerPort",
                                 (int)bindings->items[i].container_port, "hostPort", (int)bindings->items[i].host_port,
                                 "protocol",
                                 enum_name(&ecs_transport_protocol_shape, (int)bindings->items[i].protocol))) == 0);
    return list;
}

static json_t *container_of(const struct host_container_report *from)
{
    json_t *to = json_pack("{s:o,s:s,s:o}", "containerName", text(from->name), "status",
                           enum_name(&host_container_status_shape, (int)from->status), "networkBindings",
                           bindings_of(&from->network_bindings));

    must(to != NULL);
    add_text(to, "runtimeId", from->runtime_id);
    add_text(to, "imageDigest", from->image_digest);
    add_text(to, "reason", from->reason);
    if (from->has_exit_code)
        must(json_object_set_new(to, "exitCode", json_integer(from->exit_code)) == 0);
    return to;
}

/* There is no process of ours in the container that could come or go by itself (docs/decisions/0150). */
static void add_managed_agent(json_t *list, const struct host_container_report *container)
{
    if (container->status == HOST_CONTAINER_STATUS_RUNNING || container->status == HOST_CONTAINER_STATUS_STOPPED)
        must(json_array_append_new(list, json_pack("{s:o,s:s,s:s}", "containerName", text(container->name),
                                                   "managedAgentName", "ExecuteCommandAgent", "status",
                                                   enum_name(&host_container_status_shape, (int)container->status))) ==
             0);
}

/* NULL: nothing is said of such a task. */
static const char *status_of(enum host_task_status status)
{
    switch (status) {
    case HOST_TASK_STATUS_ACTIVATING:
        return "PENDING";
    case HOST_TASK_STATUS_RUNNING:
        return "RUNNING";
    case HOST_TASK_STATUS_STOPPED: /* said when it is GONE */
    case HOST_TASK_STATUS_GONE:
        return "STOPPED";
    case HOST_TASK_STATUS_NONE:
    case HOST_TASK_STATUS_PENDING:
    case HOST_TASK_STATUS_STOPPING:
        return NULL;
    }
    return NULL;
}

/* The usual end the server words itself. */
static bool has_reason(const struct host_task_report *from)
{
    return !str_is(from->reason, "Essential container in task exited");
}

static json_t *request_of(const struct agent_reports *reports, const struct host_task_report *from, const char *status)
{
    struct str cluster = reports->options.config->cluster;
    json_t *containers = json_array();
    json_t *agents = json_array();
    json_t *to = json_pack("{s:o,s:o,s:s,s:o}", "cluster", text(cluster), "task", text(from->task_arn), "status",
                           status, "containers", containers);

    must(to != NULL);
    for (size_t i = 0; i < from->containers.count; i++) {
        must(json_array_append_new(containers, container_of(&from->containers.items[i])) == 0);
        if (from->enable_execute_command)
            add_managed_agent(agents, &from->containers.items[i]);
    }
    if (from->enable_execute_command)
        must(json_object_set(to, "managedAgents", agents) == 0);
    json_decref(agents);
    if (has_reason(from))
        add_text(to, "reason", from->reason);
    add_time(to, "pullStartedAt", from->has_pull_started_at, from->pull_started_at);
    add_time(to, "pullStoppedAt", from->has_pull_stopped_at, from->pull_stopped_at);
    add_time(to, "executionStoppedAt", from->has_execution_stopped_at, from->execution_stopped_at);
    return to;
}

/* ---- the ends of tasks, in files: nothing else is left of one that is gone ---- */

static void file_of(const struct agent_reports *reports, const char *id, char path[PATH_BYTES])
{
    path_format(path, "%.*s/reports/%s", STR_ARG(reports->options.config->data_dir), id);
}

static void keep(const struct agent_reports *reports, struct report *report, const json_t *end)
{
    char *request = json_dumps(end, JSON_COMPACT);
    char path[PATH_BYTES];
    struct fail f;

    must(request != NULL);
    file_of(reports, report->task_id, path);
    report->is_kept = file_replace(path, str_of(request), 0600, &f);
    if (!report->is_kept)
        log_warning("the end of task %s: %s", report->task_id, f.message);
    free(request);
}

static void forget(const struct agent_reports *reports, struct report *report)
{
    char path[PATH_BYTES];

    file_of(reports, report->task_id, path);
    if (report->is_kept && unlink(path) != 0)
        log_warning("%s stays: %s", path, strerror(errno));
    report->is_kept = false;
}

/* ---- taking; lock held ---- */

static bool is_due(const struct report *report)
{
    return report->wish != NULL && (report->said == NULL || json_equal(report->wish, report->said) == 0);
}

static struct report *report_of(struct agent_reports *reports, struct str task_id)
{
    struct report *report;

    list_each(at, after, &reports->reports)
    {
        report = list_item(at, struct report, link);
        if (str_is(task_id, report->task_id))
            return report;
    }
    report = calloc(1, sizeof(*report));
    must(report != NULL);
    must(str_to_buffer(task_id, report->task_id, sizeof(report->task_id)));
    list_add_last(&reports->reports, &report->link);
    return report;
}

static void report_free(struct report *report)
{
    list_remove(&report->link);
    json_decref(report->wish);
    json_decref(report->said);
    free(report);
}

static struct str id_of(struct str arn)
{
    size_t slash = str_find_last(arn, '/');

    return slash == arn.len ? arn : str_from(arn, slash + 1);
}

static void take_one(struct agent_reports *reports, const struct host_task_report *from)
{
    struct report *report = report_of(reports, id_of(from->task_arn));
    const char *status = status_of(from->status);
    json_t *request;

    report->is_here = true;
    if (status == NULL)
        return;
    request = request_of(reports, from, status);
    if (from->status >= HOST_TASK_STATUS_STOPPED && !report->is_kept && json_equal(request, report->said) == 0)
        keep(reports, report, request);
    if (from->status == HOST_TASK_STATUS_STOPPED) {
        json_decref(request);
        return;
    }
    json_decref(report->wish);
    report->wish = request;
    report->is_end = from->status == HOST_TASK_STATUS_GONE;
}

void agent_reports_take(struct agent_reports *reports, const struct host_task_reports *now)
{
    (void)pthread_mutex_lock(&reports->lock);
    list_each(at, after, &reports->reports)
    {
        list_item(at, struct report, link)->is_here = false;
    }
    for (size_t i = 0; i < now->count; i++)
        take_one(reports, &now->items[i]);
    list_each(link, next, &reports->reports)
    {
        struct report *report = list_item(link, struct report, link);

        if (!report->is_here && !report->is_alone)
            report_free(report);
    }
    (void)pthread_cond_signal(&reports->wake);
    (void)pthread_mutex_unlock(&reports->lock);
}

void agent_reports_attached(struct agent_reports *reports, struct str task_arn, struct str attachment_arn)
{
    struct report *report;

    if (id_of(attachment_arn).len >= sizeof(report->task_id))
        return;
    (void)pthread_mutex_lock(&reports->lock);
    report = report_of(reports, id_of(attachment_arn));
    report->is_alone = true;
    json_decref(report->wish);
    report->wish =
        json_pack("{s:o,s:o,s:[{s:o,s:s}]}", "cluster", text(reports->options.config->cluster), "task", text(task_arn),
                  "attachments", "attachmentArn", text(attachment_arn), "status", "ATTACHED");
    must(report->wish != NULL);
    (void)pthread_cond_signal(&reports->wake);
    (void)pthread_mutex_unlock(&reports->lock);
}

/* ---- saying ---- */

/* One that is due now, or when the next is; lock held. */
static struct report *next(struct agent_reports *reports, int64_t *ret_until_ms)
{
    *ret_until_ms = WHEN_NEVER;
    list_each(at, after, &reports->reports)
    {
        struct report *report = list_item(at, struct report, link);

        if (!is_due(report))
            continue;
        if (report->until_ms <= clock_monotonic_ms())
            return report;
        *ret_until_ms = report->until_ms < *ret_until_ms ? report->until_ms : *ret_until_ms;
    }
    return NULL;
}

/* Only InvalidParameterException gives a report up. */
static bool submit(struct agent_reports *reports, json_t *request)
{
    const char *task = json_string_value(json_object_get(request, "task"));
    const char *status = json_string_value(json_object_get(request, "status"));
    json_t *answer;
    struct fail f;

    if (agent_call(&reports->api, "SubmitTaskStateChange", json_incref(request), &answer, &f)) {
        json_decref(answer);
        return true;
    }
    log_warning("%s of task %s is not reported: %s", status == NULL ? "an attachment" : status, task, f.message);
    return agent_call_is(&f, "InvalidParameterException");
}

static void settle(const struct agent_reports *reports, struct report *report, json_t *request, bool good)
{
    report->pause_ms = good                                        ? 0
                       : report->pause_ms == 0                     ? PAUSE_MS_MIN
                       : report->pause_ms * 13 / 10 < PAUSE_MS_MAX ? report->pause_ms * 13 / 10
                                                                   : PAUSE_MS_MAX;
    report->until_ms = clock_monotonic_ms() + report->pause_ms;
    if (!good)
        return;
    json_decref(report->said);
    report->said = json_incref(request);
    if (is_due(report)) /* something newer came meanwhile */
        return;
    if (report->is_end)
        forget(reports, report);
    if (report->is_alone)
        report_free(report);
}

/* Says one, with the lock let go of; the task may be forgotten meanwhile, and is when its end is known: by then the
 * file of that is gone. */
static void say(struct agent_reports *reports, struct report *report)
{
    json_t *request = json_incref(report->wish);
    bool is_end = report->is_end;
    struct str task_id;
    char id[65];
    bool good;

    (void)snprintf(id, sizeof(id), "%s", report->task_id);
    task_id = str_of(id);
    (void)pthread_mutex_unlock(&reports->lock);
    good = submit(reports, request);
    (void)pthread_mutex_lock(&reports->lock);
    list_each(at, after, &reports->reports)
    {
        if (str_is(task_id, list_item(at, struct report, link)->task_id))
            settle(reports, list_item(at, struct report, link), request, good);
    }
    json_decref(request);
    if (!good || !is_end)
        return;
    (void)pthread_mutex_unlock(&reports->lock);
    reports->options.ended(reports->options.context, task_id);
    (void)pthread_mutex_lock(&reports->lock);
}

static void *reports_main(void *context)
{
    struct agent_reports *reports = context;

    (void)pthread_mutex_lock(&reports->lock);
    while (!reports->stopping) {
        int64_t until_ms;
        struct report *report = next(reports, &until_ms);

        if (report != NULL)
            say(reports, report);
        else
            (void)condition_wait(&reports->wake, &reports->lock, until_ms);
    }
    (void)pthread_mutex_unlock(&reports->lock);
    return NULL;
}

/* What a former process did not get said. */
static bool recall(struct agent_reports *reports, struct fail *f)
{
    char path[PATH_BYTES];
    struct dirent *entry;
    DIR *dir;

    file_of(reports, "", path);
    if (!directory_make(path, 0700, f))
        return false;
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        json_error_t ignored;
        json_t *wish;
        struct report *report;

        file_of(reports, entry->d_name, path);
        wish = container_id_valid(entry->d_name) ? json_load_file(path, 0, &ignored) : NULL;
        if (!json_is_object(wish)) {
            json_decref(wish);
            continue;
        }
        report = report_of(reports, str_of(entry->d_name));
        report->is_kept = true;
        if (reports->options.lives(reports->options.context, str_of(entry->d_name))) {
            json_decref(wish);
            continue;
        }
        report->wish = wish;
        report->is_end = report->is_alone = true;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return true;
}

bool agent_reports_start(const struct agent_reports_options *options, struct agent_reports **ret_reports,
                         struct fail *f)
{
    struct agent_reports *reports = calloc(1, sizeof(*reports));

    must(reports != NULL);
    reports->options = *options;
    list_init(&reports->reports);
    must(pthread_mutex_init(&reports->lock, NULL) == 0);
    condition_init(&reports->wake);
    if (!agent_api_open(&reports->api, options->config, f) || !recall(reports, f))
        return false; /* the process ends */
    must(pthread_create(&reports->thread, NULL, reports_main, reports) == 0);
    *ret_reports = reports;
    return true;
}

void agent_reports_stop(struct agent_reports *reports)
{
    (void)pthread_mutex_lock(&reports->lock);
    reports->stopping = true;
    (void)pthread_cond_signal(&reports->wake);
    (void)pthread_mutex_unlock(&reports->lock);
    (void)pthread_join(reports->thread, NULL);
    while (!list_empty(&reports->reports))
        report_free(list_item(reports->reports.next, struct report, link));
    agent_api_close(&reports->api);
    free(reports);
}
