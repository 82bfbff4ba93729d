#include "edge/metrics.h"

#include "base/must.h"
#include "model/shape.h"
#include "plane/ec2/host.h"
#include "plane/ecr/ecr.h"
#include "plane/ecs/task.h"

#include <pthread.h>

/* Upper bounds of the latency buckets in microseconds, about a factor of three apart, from a read that finds the turn
 * idle to a client that gives up. */
static const int64_t bounds_us[] = {1000, 3000, 10000, 30000, 100000, 300000, 1000000, 3000000, 10000000};

enum { BOUNDS = COUNT_OF(bounds_us), STATUSES_MAX = 12 };

struct status_count {
    uint16_t status;
    uint64_t count;
};

struct series {
    struct status_count statuses[STATUSES_MAX]; /* ends at the first of status 0; the last one takes all others */
    uint64_t buckets[BOUNDS + 1];               /* not yet summed up */
    int64_t sum_us;
};

/* What the registry protocol counts by; the last one stands for all others. */
static const char *const registry_methods[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "other"};

enum { REGISTRY_METHODS = COUNT_OF(registry_methods) };

struct metrics {
    pthread_mutex_t lock; /* protects the series */
    const struct operation *const *operations;
    size_t count;
    struct series *series; /* one for each operation, one for all others, then the registry's */
};

static size_t series_count(const struct metrics *metrics)
{
    return metrics->count + 1 + REGISTRY_METHODS;
}

struct metrics *metrics_new(const struct operation *const *operations, size_t count)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    must(metrics != NULL);
    metrics->operations = operations;
    metrics->count = count;
    metrics->series = calloc(series_count(metrics), sizeof(*metrics->series));
    must(metrics->series != NULL);
    must(pthread_mutex_init(&metrics->lock, NULL) == 0);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics->series);
    free(metrics);
}

static size_t bucket_of(int64_t microseconds)
{
    size_t i = 0;

    while (i < BOUNDS && microseconds > bounds_us[i])
        i++;
    return i;
}

void metrics_count(struct metrics *metrics, size_t number, uint16_t status, int64_t microseconds)
{
    struct series *series = &metrics->series[number == METRICS_OTHER ? metrics->count : number];
    size_t i = 0;

    (void)pthread_mutex_lock(&metrics->lock);
    while (i < STATUSES_MAX - 1 && series->statuses[i].status != status && series->statuses[i].status != 0)
        i++;
    series->statuses[i].status = status;
    series->statuses[i].count++;
    series->buckets[bucket_of(microseconds)]++;
    series->sum_us += microseconds;
    (void)pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_registry(struct metrics *metrics, struct str method, uint16_t status, int64_t microseconds)
{
    size_t i = 0;

    while (i < REGISTRY_METHODS - 1 && !str_is(method, registry_methods[i]))
        i++;
    metrics_count(metrics, metrics->count + 1 + i, status, microseconds);
}

/* ---- text ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *labels(const struct metrics *metrics, size_t number, char buffer[200])
{
    if (number == metrics->count)
        return "service=\"other\",operation=\"other\"";
    if (number > metrics->count) {
        (void)snprintf(buffer, 200, "service=\"registry\",operation=\"%s\"",
                       registry_methods[number - metrics->count - 1]);
        return buffer;
    }
    (void)snprintf(buffer, 200, "service=\"%s\",operation=\"%s\"",
                   service_id(operation_service(metrics->operations[number])),
                   operation_name(metrics->operations[number]));
    return buffer;
}

static void add_requests(const struct metrics *metrics, struct buf *out)
{
    char buffer[200];

    head(out, "berth_requests_total", "counter",
         "Requests answered, by operation (of the registry: method) and HTTP status");
    for (size_t i = 0; i < series_count(metrics); i++)
        for (size_t s = 0; s < STATUSES_MAX && metrics->series[i].statuses[s].status != 0; s++)
            buf_printf(out, "berth_requests_total{%s,status=\"%u\"} %llu\n", labels(metrics, i, buffer),
                       metrics->series[i].statuses[s].status, (unsigned long long)metrics->series[i].statuses[s].count);
}

static void add_latency(const struct metrics *metrics, struct buf *out)
{
    char buffer[200];

    head(out, "berth_request_seconds", "histogram",
         "Time from an API request's last byte to its answer, durable changes included; of the registry: from head to "
         "end");
    for (size_t i = 0; i < series_count(metrics); i++) {
        const struct series *series = &metrics->series[i];
        const char *name = labels(metrics, i, buffer);
        uint64_t sum = 0;

        if (series->statuses[0].status == 0)
            continue;
        for (size_t b = 0; b < BOUNDS; b++) {
            sum += series->buckets[b];
            buf_printf(out, "berth_request_seconds_bucket{%s,le=\"%g\"} %llu\n", name, (double)bounds_us[b] / 1e6,
                       (unsigned long long)sum);
        }
        sum += series->buckets[BOUNDS];
        buf_printf(out,
                   "berth_request_seconds_bucket{%s,le=\"+Inf\"} %llu\nberth_request_seconds_sum{%s} %g\n"
                   "berth_request_seconds_count{%s} %llu\n",
                   name, (unsigned long long)sum, name, (double)series->sum_us / 1e6, name, (unsigned long long)sum);
    }
}

static void add_core(const struct core_counters *counters, uint64_t commits, struct buf *out)
{
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        {"berth_turns_total", "Turns of the core", counters->turns},
        {"berth_jobs_total", "Requests and reports run by the core", counters->jobs},
        {"berth_jobs_rolled_back_total", "Of them, those that changed nothing because they failed",
         counters->rolled_back},
        {"berth_commits_total", "Commits to the disk; several turns may share one", commits},
        {"berth_rows_total", "Rows made durable", counters->rows},
        {"berth_reconciles_total", "Keys looked at by reconcilers", counters->reconciles},
        {"berth_turns_undone_total", "Turns undone because they could not be made durable", counters->undone_turns},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        head(out, rows[i].name, "counter", rows[i].help);
        buf_printf(out, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
    }
}

/* ---- what there is, on the core thread ---- */

static const char *const task_statuses[] = {"PROVISIONING", "PENDING",        "ACTIVATING", "RUNNING", "DEACTIVATING",
                                            "STOPPING",     "DEPROVISIONING", "STOPPED",    "DELETED"};

static void add_tasks(struct transaction *tx, struct buf *out)
{
    struct walk walk = transaction_walk(tx, &task_table, NULL, STR(""));
    uint64_t counts[COUNT_OF(task_statuses)] = {0};
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < COUNT_OF(task_statuses); i++)
            counts[i] += str_is(task->task->last_status, task_statuses[i]);
    head(out, "berth_tasks", "gauge", "Tasks by their last status; stopped ones are kept for an hour");
    for (size_t i = 0; i < COUNT_OF(task_statuses); i++)
        buf_printf(out, "berth_tasks{status=\"%s\"} %llu\n", task_statuses[i], (unsigned long long)counts[i]);
}

static void add_hosts(struct transaction *tx, struct buf *out)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    uint64_t connected = 0;
    uint64_t gone = 0;
    const struct host_record *host;

    while ((host = walk_next(&walk)) != NULL)
        *(host_is_connected(host) ? &connected : &gone) += 1;
    head(out, "berth_hosts", "gauge", "Hosts that lend capacity, by whether they are connected");
    buf_printf(out, "berth_hosts{status=\"CONNECTED\"} %llu\nberth_hosts{status=\"DISCONNECTED\"} %llu\n",
               (unsigned long long)connected, (unsigned long long)gone);
}

static void add_registry(struct transaction *tx, struct buf *out)
{
    struct walk walk = transaction_walk(tx, &repository_blob_table, NULL, STR(""));
    const struct repository_blob_record *blob;
    uint64_t bytes = 0;

    while ((blob = walk_next(&walk)) != NULL)
        bytes += (uint64_t)blob->size;
    head(out, "berth_registry_repositories", "gauge", "Repositories of the registry");
    buf_printf(out, "berth_registry_repositories %zu\n", transaction_count(tx, &repository_table));
    head(out, "berth_registry_images", "gauge", "Images in them");
    buf_printf(out, "berth_registry_images %zu\n", transaction_count(tx, &image_table));
    head(out, "berth_registry_bytes", "gauge",
         "Bytes of the repositories' layers; one that several repositories share counts in each");
    buf_printf(out, "berth_registry_bytes %llu\n", (unsigned long long)bytes);
}

struct metrics_job {
    struct job job;
    struct http_exchange *exchange;
    struct buf text;
};

static bool run(struct job *job, struct transaction *tx)
{
    struct metrics_job *of = list_item(&job->link, struct metrics_job, job.link);

    add_tasks(tx, &of->text);
    add_hosts(tx, &of->text);
    add_registry(tx, &of->text);
    return true;
}

static void done(struct job *job, bool durable)
{
    static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain; version=0.0.4")};
    struct metrics_job *of = list_item(&job->link, struct metrics_job, job.link);

    (void)durable; /* it wrote nothing */
    http_exchange_reply(
        of->exchange,
        &(struct http_reply){
            .status = 200, .headers = &type, .header_count = 1, .kind = HTTP_BODY_BYTES, .owned = &of->text});
    buf_free(&of->text);
    free(of);
}

void metrics_reply(struct metrics *metrics, struct loop *loop, struct http_exchange *exchange)
{
    struct metrics_job *of = calloc(1, sizeof(*of));
    struct core_counters counters = loop_counters(loop);

    must(of != NULL);
    of->job = (struct job){.actor = "metrics", .cause = STR("metrics"), .run = run, .done = done};
    of->exchange = exchange;
    (void)pthread_mutex_lock(&metrics->lock);
    add_requests(metrics, &of->text);
    add_latency(metrics, &of->text);
    (void)pthread_mutex_unlock(&metrics->lock);
    add_core(&counters, loop_commits(loop), &of->text);
    loop_submit(loop, &of->job);
}
