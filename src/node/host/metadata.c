#include "node/host/metadata.h"

#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "node/host/metadata_view.h"
#include "os/files.h"
#include "os/http_server.h"
#include "os/relay.h"

#include <sys/socket.h>

#define METADATA_ADDRESS  "169.254.170.2"
#define INSTANCES_ADDRESS "169.254.169.254"

enum { HTTP_PORT = 80, CONNECTIONS_MAX = 256, IDLE_TIMEOUT_S = 30 };

/* One VPC's server. */
struct station {
    struct list link;
    struct metadata *metadata;
    struct http_server *server;
    struct http_server *instances; /* the Instance Metadata Service of all instances */
    struct relay *api;
    struct str vpc_id; /* in `space` */
    bool wanted;
    char space[];
};

struct metadata {
    struct host *host;
    struct list stations; /* link thread only */
};

/* ---- requests ---- */

/* "/v4/ID/REST": REST is absent where the path ends behind the id. */
static bool parse_path(struct str path, struct str *ret_id, struct str *ret_rest)
{
    if (!str_starts(path, STR("/v4/")) && !str_starts(path, STR("/v3/")))
        return false;
    *ret_id = str_cut(str_from(path, 4), '/', ret_rest);
    return ret_id->len > 0;
}

static bool asks(const struct station *station, struct str peer, const struct hosted *hosted)
{
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;

    return interface != NULL && str_eq(interface->vpc_id, station->vpc_id) && str_eq(interface->address, peer);
}

/* The container of that id, if it is of the task whose interface asks. lock held. */
static struct hosted *find(const struct station *station, struct str peer, struct str id, size_t *ret_container)
{
    struct hosted *hosted = map_get(&station->metadata->host->tasks, str_to(id, str_find(id, '-')));

    if (hosted == NULL || !asks(station, peer, hosted))
        return NULL;
    for (size_t i = 0; i < hosted->task->container_count; i++)
        if (str_eq(hosted->task->containers[i].runtime_id, id)) {
            *ret_container = i;
            return hosted;
        }
    return NULL;
}

/* The machine's CPU time: the first line of /proc/stat, in ticks of 10 ms (proc(5)). */
static uint64_t machine_cpu_ns(void)
{
    auto_buf text = {.limit = (size_t)1 << 20};
    struct fail f;
    struct str line;
    struct str rest;
    uint64_t sum = 0;
    uint64_t ticks;

    if (!file_read("/proc/stat", &text, &f))
        return 0;
    line = str_cut(buf_str(&text), '\n', &rest);
    for (rest = line; rest.ptr != NULL;) {
        struct str word = str_cut(rest, ' ', &rest);

        if (str_to_uint64(word, &ticks))
            sum += ticks;
    }
    return sum * 10000000;
}

/* NULL when the container has no counters (yet, or any more). lock held: reading a cgroup takes microseconds. */
static json_t *stats_of(const struct station *station, struct hosted *hosted, size_t i, uint64_t machine_ns)
{
    const struct task_container *container = &hosted->task->containers[i];
    struct metadata_sample now = {.when_ms = host_now_ms(), .machine_cpu_ns = machine_ns};
    struct fail f;
    json_t *all;

    if (container->phase != CONTAINER_RUNNING ||
        !runtime_stats(station->metadata->host->runtime, container->runtime_id.ptr, &now.stats, &f))
        return NULL;
    all = metadata_stats(container->definition->name, container->runtime_id, &now, &hosted->samples[i]);
    hosted->samples[i] = now;
    return all;
}

static json_t *task_stats(const struct station *station, struct hosted *hosted, uint64_t machine_ns)
{
    json_t *all = json_object();

    for (size_t i = 0; i < hosted->task->container_count; i++) {
        json_t *one = stats_of(station, hosted, i, machine_ns);

        must(json_object_set_new(all, hosted->task->containers[i].runtime_id.ptr, one == NULL ? json_null() : one) ==
             0);
    }
    return all;
}

static json_t *view(const struct station *station, struct hosted *hosted, size_t i, struct str rest,
                    uint64_t machine_ns)
{
    json_t *stats;

    if (rest.len == 0)
        return metadata_container(hosted->task, i, hosted->images[i]);
    if (str_is(rest, "task"))
        return metadata_task(hosted->task, hosted->images);
    if (str_is(rest, "task/stats"))
        return task_stats(station, hosted, machine_ns);
    if (!str_is(rest, "stats"))
        return NULL;
    stats = stats_of(station, hosted, i, machine_ns);
    return stats == NULL ? json_null() : stats;
}

/* The credentials of that id, if they are of the task whose interface asks. */
static bool answer_credentials(const struct station *station, const struct http_exchange *exchange, json_t **ret_answer,
                               struct fail *f)
{
    struct host *host = station->metadata->host;
    struct str id = str_from(exchange->request.path, strlen(CREDENTIALS_PATH));
    struct hosted *hosted;
    json_t *found = NULL;
    size_t at = 0;

    (void)pthread_mutex_lock(&host->lock);
    while (found == NULL && (hosted = map_next(&host->tasks, &at)) != NULL)
        if (hosted->credentials != NULL && str_eq(hosted->task->assignment->credentials_id, id) &&
            asks(station, exchange->peer_address, hosted))
            found = metadata_credentials(hosted->credentials);
    (void)pthread_mutex_unlock(&host->lock);
    if (found == NULL)
        return fail_status(f, 400, "InvalidIdInRequest", "there are no credentials of that id for you");
    *ret_answer = found;
    return true;
}

static bool answer(const struct station *station, const struct http_exchange *exchange, json_t **ret_answer,
                   struct fail *f)
{
    struct host *host = station->metadata->host;
    struct hosted *hosted;
    struct str id;
    struct str rest;
    size_t container;
    uint64_t machine_ns;

    if (!str_is(exchange->request.method, "GET"))
        return fail_status(f, 405, "MethodNotAllowed", "only GET");
    if (str_starts(exchange->request.path, STR(CREDENTIALS_PATH)))
        return answer_credentials(station, exchange, ret_answer, f);
    if (!parse_path(exchange->request.path, &id, &rest))
        return fail_status(f, 404, "NotFound", "there is no %.*s", STR_ARG(exchange->request.path));
    machine_ns = str_ends(rest, STR("stats")) ? machine_cpu_ns() : 0;
    (void)pthread_mutex_lock(&host->lock);
    hosted = find(station, exchange->peer_address, id, &container);
    *ret_answer = hosted == NULL ? NULL : view(station, hosted, container, rest, machine_ns);
    (void)pthread_mutex_unlock(&host->lock);
    if (*ret_answer == NULL)
        return fail_status(f, 404, "NotFound", "unable to generate metadata for %.*s", STR_ARG(exchange->request.path));
    return true;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 0;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    struct http_reply reply = {.status = 200, .headers = headers, .header_count = 1, .kind = HTTP_BODY_BYTES};
    struct fail f;
    json_t *all;
    char *text;

    if (!answer(context, exchange, &all, &f)) {
        all = json_string(f.message);
        reply.status = f.status;
    }
    text = json_dumps(all, JSON_COMPACT | JSON_ENCODE_ANY);
    must(text != NULL);
    reply.bytes = str_of(text);
    http_exchange_reply(exchange, &reply);
    json_decref(all);
    free(text);
}

static void complete_instances(void *context, struct http_exchange *exchange)
{
    const struct station *station = context;

    instances_answer(station->metadata->host, station->vpc_id, exchange);
}

static void ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

/* ---- stations ---- */

struct metadata *metadata_new(struct host *host)
{
    struct metadata *metadata = calloc(1, sizeof(*metadata));

    must(metadata != NULL);
    metadata->host = host;
    list_init(&metadata->stations);
    return metadata;
}

static void station_free(struct station *station)
{
    list_remove(&station->link);
    if (station->server != NULL)
        http_server_stop(station->server, /* grace_ms= */ 0); /* no task is left to be answered */
    if (station->instances != NULL)
        http_server_stop(station->instances, /* grace_ms= */ 0);
    relay_stop(station->api);
    free(station);
}

static bool socket_at(const struct station *station, const char *address, int *ret_fd, struct fail *f)
{
    return network_socket(station->metadata->host->network, station->vpc_id, str_of(address), HTTP_PORT, SOCK_STREAM,
                          ret_fd, f);
}

static bool start_api(struct station *station, struct fail *f)
{
    const struct host_options *options = &station->metadata->host->options;
    int fd;

    return socket_at(station, API_ADDRESS, &fd, f) &&
           relay_start(fd, options->server_address, options->server_port, &station->api, f);
}

static bool start_server(const struct station *station, const char *address, const struct http_handler *handler,
                         struct http_server **ret_server, struct fail *f)
{
    struct http_server_options options = {
        .threads = 1, .connections_max = CONNECTIONS_MAX, .idle_timeout_s = IDLE_TIMEOUT_S};
    auto_fd fd = -1;

    if (!socket_at(station, address, &fd, f))
        return false;
    options.listening_fd = take_fd(&fd);
    return http_server_start(&options, handler, ret_server, f);
}

static bool start_metadata(struct station *station, struct fail *f)
{
    const struct http_handler tasks = {.context = station, .begin = begin, .complete = complete, .ended = ended};
    const struct http_handler instances = {
        .context = station, .begin = begin, .complete = complete_instances, .ended = ended};

    return start_server(station, METADATA_ADDRESS, &tasks, &station->server, f) &&
           start_server(station, INSTANCES_ADDRESS, &instances, &station->instances, f);
}

static void serve(struct metadata *metadata, struct str vpc_id)
{
    struct station *station;
    struct fail f;

    list_each(link, after, &metadata->stations)
    {
        station = list_item(link, struct station, link);
        if (str_eq(station->vpc_id, vpc_id)) {
            station->wanted = true;
            return;
        }
    }
    station = calloc(1, sizeof(*station) + vpc_id.len);
    must(station != NULL);
    memcpy(station->space, vpc_id.ptr, vpc_id.len);
    station->vpc_id = (struct str){station->space, vpc_id.len};
    station->metadata = metadata;
    station->wanted = true;
    list_add_last(&metadata->stations, &station->link);
    if (start_metadata(station, &f) && start_api(station, &f))
        return;
    log_error("what tasks reach in %.*s: %s", STR_ARG(vpc_id), f.message);
    station_free(station);
}

void metadata_serve(struct metadata *metadata, const struct host_networks *networks)
{
    list_each(link, after, &metadata->stations)
    {
        list_item(link, struct station, link)->wanted = false;
    }
    for (size_t i = 0; i < networks->count; i++)
        serve(metadata, networks->items[i].vpc_id);
    list_each(link, after, &metadata->stations)
    {
        struct station *station = list_item(link, struct station, link);

        if (!station->wanted)
            station_free(station);
    }
}

void metadata_free(struct metadata *metadata)
{
    if (metadata == NULL)
        return;
    while (!list_empty(&metadata->stations))
        station_free(list_item(metadata->stations.next, struct station, link));
    free(metadata);
}

struct str metadata_uri(struct arena *arena, const char *version, struct str runtime_id)
{
    return arena_printf(arena, "http://" METADATA_ADDRESS "/%s/%.*s", version, STR_ARG(runtime_id));
}
