#include "node/task/metadata_answer.h"

#include "base/must.h"
#include "model/interpret.h"
#include "node/task/metadata_view.h"
#include "node/task/task_protection.h"
#include "os/files.h"

enum { WISH_BYTES_MAX = 4096 };

/* ---- requests ---- */

/* "/v4/ID/REST": REST is absent where the path ends behind the id. */
static bool parse_path(struct str path, struct str *ret_id, struct str *ret_rest)
{
    if (!str_starts(path, STR("/v4/")) && !str_starts(path, STR("/v3/")))
        return false;
    *ret_id = str_cut(str_from(path, 4), '/', ret_rest);
    return ret_id->len > 0;
}

/* The container of that id, if it is of the task whose interface asks. lock held. */
static struct hosted *find(struct task_engine *engine, const struct metadata_asker *asker, struct str peer,
                           struct str id, size_t *ret_container)
{
    struct hosted *hosted = map_get(&engine->tasks, str_to(id, str_find(id, '-')));

    if (hosted == NULL || !asker->asks(asker->context, hosted, peer))
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
static json_t *stats_of(struct task_engine *engine, struct hosted *hosted, size_t i, uint64_t machine_ns)
{
    const struct task_container *container = &hosted->task->containers[i];
    struct metadata_sample now = {.when_ms = task_engine_now_ms(), .machine_cpu_ns = machine_ns};
    struct fail f;
    json_t *all;

    if (container->phase != CONTAINER_RUNNING ||
        !runtime_stats(engine->runtime, container->runtime_id.ptr, &now.stats, &f))
        return NULL;
    all = metadata_stats(container->definition->name, container->runtime_id, &now, &hosted->samples[i]);
    hosted->samples[i] = now;
    return all;
}

static json_t *task_stats(struct task_engine *engine, struct hosted *hosted, uint64_t machine_ns)
{
    json_t *all = json_object();

    for (size_t i = 0; i < hosted->task->container_count; i++) {
        json_t *one = stats_of(engine, hosted, i, machine_ns);

        must(json_object_set_new(all, hosted->task->containers[i].runtime_id.ptr, one == NULL ? json_null() : one) ==
             0);
    }
    return all;
}

static json_t *view(struct task_engine *engine, struct hosted *hosted, size_t i, struct str rest, uint64_t machine_ns)
{
    json_t *stats;

    if (rest.len == 0)
        return metadata_container(hosted->task, i, hosted->images[i]);
    if (str_is(rest, "task"))
        return metadata_task(hosted->task, hosted->images);
    if (str_is(rest, "task/stats"))
        return task_stats(engine, hosted, machine_ns);
    if (!str_is(rest, "stats"))
        return NULL;
    stats = stats_of(engine, hosted, i, machine_ns);
    return stats == NULL ? json_null() : stats;
}

/* The credentials of that id, if they are of the task whose interface asks. */
static bool answer_credentials(struct task_engine *engine, const struct metadata_asker *asker,
                               const struct http_exchange *exchange, json_t **ret_answer, struct fail *f)
{
    struct str id = str_from(exchange->request.path, strlen(CREDENTIALS_PATH));
    struct hosted *hosted;
    json_t *found = NULL;
    size_t at = 0;

    (void)pthread_mutex_lock(&engine->lock);
    while (found == NULL && (hosted = map_next(&engine->tasks, &at)) != NULL)
        if (hosted->credentials != NULL && str_eq(hosted->task->assignment->credentials_id, id) &&
            asker->asks(asker->context, hosted, exchange->peer_address))
            found = metadata_credentials(hosted->credentials);
    (void)pthread_mutex_unlock(&engine->lock);
    if (found == NULL)
        return fail_status(f, 400, "InvalidIdInRequest", "there are no credentials of that id for you");
    *ret_answer = found;
    return true;
}

/* "/api/ID/task-protection/v1/state" */
static bool is_protection(struct str path, struct str *ret_id)
{
    struct str rest;

    if (!str_starts(path, STR("/api/")))
        return false;
    *ret_id = str_cut(str_from(path, strlen("/api/")), '/', &rest);
    return str_is(rest, "task-protection/v1/state");
}

/* Who asks, in the exchange's arena; NULL: nobody that is here. */
static const struct task_protection *read_protection(struct task_engine *engine, const struct metadata_asker *asker,
                                                     const struct http_exchange *exchange, struct str id)
{
    struct task_protection *of = arena_new(exchange->arena, struct task_protection);
    struct host_credentials *credentials = arena_new(exchange->arena, struct host_credentials);
    const struct hosted *hosted;
    size_t container;

    (void)pthread_mutex_lock(&engine->lock);
    hosted = find(engine, asker, exchange->peer_address, id, &container);
    if (hosted != NULL) {
        const struct host_task_assignment *assignment = hosted->task->assignment;

        *of = (struct task_protection){.endpoint = str_of(engine->options.ecs_url),
                                       .region = arena_str(exchange->arena, assignment->region),
                                       .cluster_arn = arena_str(exchange->arena, assignment->cluster_arn),
                                       .task_arn = arena_str(exchange->arena, assignment->task_arn)};
        if (hosted->credentials != NULL) {
            value_copy(&host_credentials_shape, credentials, hosted->credentials, exchange->arena);
            of->credentials = credentials;
        }
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return hosted == NULL ? NULL : of;
}

static void answer_protection(struct task_engine *engine, const struct metadata_asker *asker,
                              struct http_exchange *exchange, struct str id)
{
    const struct wire_request *request = &exchange->request;
    const struct task_protection *of;
    struct fail f;

    if (!str_is(request->method, "PUT") && !str_is(request->method, "GET")) {
        metadata_reply(exchange, json_string("only GET and PUT"), 405);
        return;
    }
    of = read_protection(engine, asker, exchange, id);
    if (of != NULL) {
        task_protection_answer(engine->protections, of, exchange);
        return;
    }
    (void)fail_status(&f, 404, "NotFound", "unable to find a task for %.*s", STR_ARG(request->path));
    metadata_reply(exchange, json_string(f.message), f.status);
}

static bool answer(struct task_engine *engine, const struct metadata_asker *asker, const struct http_exchange *exchange,
                   json_t **ret_answer, struct fail *f)
{
    struct hosted *hosted;
    struct str id;
    struct str rest;
    json_t *found;
    size_t container;
    uint64_t machine_ns;

    if (!str_is(exchange->request.method, "GET"))
        return fail_status(f, 405, "MethodNotAllowed", "only GET");
    if (str_starts(exchange->request.path, STR(CREDENTIALS_PATH)))
        return answer_credentials(engine, asker, exchange, ret_answer, f);
    if (!parse_path(exchange->request.path, &id, &rest))
        return fail_status(f, 404, "NotFound", "there is no %.*s", STR_ARG(exchange->request.path));
    machine_ns = str_ends(rest, STR("stats")) ? machine_cpu_ns() : 0;
    (void)pthread_mutex_lock(&engine->lock);
    hosted = find(engine, asker, exchange->peer_address, id, &container);
    found = hosted == NULL ? NULL : view(engine, hosted, container, rest, machine_ns);
    (void)pthread_mutex_unlock(&engine->lock);
    if (found == NULL)
        return fail_status(f, 404, "NotFound", "unable to generate metadata for %.*s", STR_ARG(exchange->request.path));
    *ret_answer = found;
    return true;
}

bool metadata_begin(void *context, struct http_exchange *exchange)
{
    struct str id;

    (void)context;
    exchange->body_limit = is_protection(exchange->request.path, &id) ? WISH_BYTES_MAX : 0;
    return true;
}

void metadata_reply(struct http_exchange *exchange, json_t *json, uint16_t status)
{
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    must(text != NULL);
    json_decref(json);
    http_exchange_reply(
        exchange,
        &(struct http_reply){
            .status = status, .headers = headers, .header_count = 1, .kind = HTTP_BODY_BYTES, .bytes = str_of(text)});
    free(text);
}

void metadata_answer(struct task_engine *engine, const struct metadata_asker *asker, struct http_exchange *exchange)
{
    struct str id;
    json_t *found;
    struct fail f;

    if (is_protection(exchange->request.path, &id))
        answer_protection(engine, asker, exchange, id);
    else if (answer(engine, asker, exchange, &found, &f))
        metadata_reply(exchange, found, 200);
    else
        metadata_reply(exchange, json_string(f.message), f.status);
}

struct str metadata_uri(struct arena *arena, const char *version, struct str runtime_id)
{
    return arena_printf(arena, "http://" METADATA_ADDRESS "/%s/%.*s", version, STR_ARG(runtime_id));
}
