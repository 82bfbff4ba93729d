#include "node/agent/introspection.h"

#include "base/must.h"
#include "os/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

enum { PORT = 51678, BACKLOG = 16, CONNECTIONS_MAX = 32, IDLE_TIMEOUT_S = 10 };

struct introspection {
    struct instance_tasks *tasks;
    const struct agent_config *config;
    const struct agent_registration *registration;
    struct http_server *server;
};

static json_t *metadata(const struct introspection *of)
{
    return json_pack("{s:s%,s:s,s:s}", "Cluster", of->config->cluster.ptr, of->config->cluster.len,
                     "ContainerInstanceArn", of->registration->arn, "Version", "Berth agent " BERTH_VERSION);
}

static bool has_container(const json_t *task, struct str id)
{
    const json_t *container;
    size_t i;

    json_array_foreach(
        json_object_get(task, "Containers"), i,
        container) if (str_is(id, json_string_value(json_object_get(container, "DockerId")))) return true;
    return false;
}

/* "taskarn=..." or "dockerid=...": that one; else all. NULL: there is none. */
static json_t *show_tasks(const struct introspection *of, struct str query)
{
    json_t *all = instance_tasks_show(of->tasks);
    struct str value;
    struct str name = str_cut(query, '=', &value);
    json_t *found = NULL;
    const json_t *task;
    size_t i;

    if (!str_is(name, "taskarn") && !str_is(name, "dockerid"))
        return json_pack("{s:o}", "Tasks", all);
    json_array_foreach(all, i, task) if (str_is(name, "taskarn")
                                             ? str_is(value, json_string_value(json_object_get(task, "Arn")))
                                             : has_container(task, value)) found = json_deep_copy(task);
    json_decref(all);
    return found;
}

static json_t *answer(const struct introspection *of, const struct wire_request *request)
{
    if (str_is(request->path, "/"))
        return json_pack("{s:[s,s]}", "AvailableCommands", "/v1/metadata", "/v1/tasks");
    if (str_is(request->path, "/v1/metadata"))
        return metadata(of);
    return str_is(request->path, "/v1/tasks") ? show_tasks(of, request->query) : NULL;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 0;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("application/json")};
    struct http_reply reply = {.status = 200, .headers = &type, .header_count = 1, .kind = HTTP_BODY_BYTES};
    json_t *found = answer(context, &exchange->request);
    char *text = json_dumps(found, JSON_COMPACT);

    if (found == NULL)
        reply.status = 404;
    reply.bytes = text == NULL ? STR("{}") : str_of(text);
    http_exchange_reply(exchange, &reply);
    json_decref(found);
    free(text);
}

static void ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static bool listen_there(int *ret_fd, struct fail *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0)
        return fail(f, FAIL_SYSTEM, "listen at port %d: %s", PORT, strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

bool introspection_start(struct instance_tasks *tasks, const struct agent_config *config,
                         const struct agent_registration *registration, struct introspection **ret, struct fail *f)
{
    struct introspection *of = calloc(1, sizeof(*of));
    const struct http_handler handler = {.context = of, .begin = begin, .complete = complete, .ended = ended};
    struct http_server_options options = {
        .threads = 1, .connections_max = CONNECTIONS_MAX, .idle_timeout_s = IDLE_TIMEOUT_S};

    must(of != NULL);
    of->tasks = tasks;
    of->config = config;
    of->registration = registration;
    if (listen_there(&options.listening_fd, f) && http_server_start(&options, &handler, &of->server, f)) {
        *ret = of;
        return true;
    }
    free(of);
    return false;
}

void introspection_stop(struct introspection *of)
{
    http_server_stop(of->server, /* grace_ms= */ 0);
    free(of);
}
