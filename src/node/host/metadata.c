#include "node/host/metadata.h"

#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "node/task/metadata_answer.h"
#include "os/http_server.h"
#include "os/relay.h"

#include <sys/socket.h>

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

/* A task's interface, at the end of which its containers are. */
static bool asks(const void *context, const struct hosted *hosted, struct str peer)
{
    const struct station *station = context;
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;

    return interface != NULL && str_eq(interface->vpc_id, station->vpc_id) && str_eq(interface->address, peer);
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 0;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    const struct station *station = context;
    const struct metadata_asker asker = {.asks = asks, .context = station};

    metadata_answer(station->metadata->host->engine, &asker, exchange);
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
    const struct http_handler tasks = {
        .context = station, .begin = metadata_begin, .complete = complete, .ended = ended};
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
