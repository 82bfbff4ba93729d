/* The registry as an HTTP handler: the table of endpoints, and each request's way through it. */
#include "edge/registry/registry.h"

#include "base/must.h"
#include "edge/registry/internal.h"

enum { SMALL_BODY_BYTES = 64 << 10 };

/* Amazon ECR user guide, "Private registry authentication" and the service authorization reference name the actions. */
static const struct registry_method methods[] = {
    {ROUTE_BASE, "GET", NULL, SMALL_BODY_BYTES, false, NULL, base_complete},
    {ROUTE_CATALOG, "GET", "ecr:DescribeRepositories", SMALL_BODY_BYTES, false, NULL, catalog_complete},
    {ROUTE_TAGS, "GET", "ecr:ListImages", SMALL_BODY_BYTES, false, NULL, tags_complete},
    {ROUTE_REFERRERS, "GET", "ecr:ListImageReferrers", SMALL_BODY_BYTES, false, NULL, referrers_complete},
    {ROUTE_MANIFEST, "GET", "ecr:BatchGetImage", SMALL_BODY_BYTES, false, NULL, manifest_get_complete},
    {ROUTE_MANIFEST, "PUT", "ecr:PutImage", MANIFEST_BYTES_MAX, false, NULL, manifest_put_complete},
    {ROUTE_MANIFEST, "DELETE", "ecr:BatchDeleteImage", SMALL_BODY_BYTES, false, NULL, manifest_delete_complete},
    {ROUTE_BLOB, "GET", "ecr:GetDownloadUrlForLayer", SMALL_BODY_BYTES, false, NULL, blob_complete},
    {ROUTE_BLOB, "HEAD", "ecr:BatchCheckLayerAvailability", SMALL_BODY_BYTES, false, NULL, blob_complete},
    {ROUTE_BLOB, "DELETE", "ecr:BatchDeleteImage", SMALL_BODY_BYTES, false, NULL, blob_delete_complete},
    {ROUTE_UPLOADS, "POST", "ecr:InitiateLayerUpload", 0, true, uploads_begin, uploads_complete},
    {ROUTE_UPLOAD, "GET", "ecr:UploadLayerPart", SMALL_BODY_BYTES, false, upload_status_begin, upload_status_complete},
    {ROUTE_UPLOAD, "PATCH", "ecr:UploadLayerPart", 0, true, upload_body_begin, upload_patch_complete},
    {ROUTE_UPLOAD, "PUT", "ecr:CompleteLayerUpload", 0, true, upload_body_begin, upload_put_complete},
    {ROUTE_UPLOAD, "DELETE", "ecr:CompleteLayerUpload", SMALL_BODY_BYTES, false, upload_begin, upload_delete_complete},
};

bool registry_start(const struct registry_options *options, struct registry **ret_registry, struct fail *f)
{
    struct registry *registry = calloc(1, sizeof(*registry));

    if (registry == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    registry->options = *options;
    if (registry->options.blob_bytes_max == 0)
        registry->options.blob_bytes_max = BLOB_BYTES_MAX_DEFAULT;
    *ret_registry = registry;
    return true;
}

void registry_stop(struct registry *registry)
{
    free(registry);
}

bool registry_wants(const struct wire_request *request)
{
    return str_is(request->path, "/v2") || str_starts(request->path, STR("/v2/"));
}

/* --- asking the metadata ---------------------------------------------------------------------------------------- */

struct str request_header(const struct registry_request *r, const char *name)
{
    return wire_header(&r->exchange->request, name);
}

struct str request_parameter(const struct registry_request *r, const char *name)
{
    return route_parameter(r->exchange->request.query, name, r->exchange->arena);
}

void request_prepare(struct registry_request *r, enum registry_operation operation)
{
    struct buf ret_bytes = {.limit = MANIFEST_BYTES_MAX};

    r->call = (struct registry_call){
        .operation = operation,
        .action = r->method->action,
        .authorization = request_header(r, "Authorization"),
        .source_ip = r->exchange->peer_address,
        .repository = r->repository,
        .ret_bytes = ret_bytes,
        .arena = r->exchange->arena,
        .page = &r->page,
        .notes = r->call.notes,
    };
}

static void call_done(struct registry_call *call)
{
    struct registry_request *r = list_item(call, struct registry_request, call);

    r->after(r);
}

void request_submit(struct registry_request *r, void (*after)(struct registry_request *r))
{
    const struct registry_metadata *metadata = &r->registry->options.metadata;

    r->after = after;
    r->call.done = call_done;
    metadata->submit(metadata->context, &r->call);
}

static void wake(struct registry_request *r)
{
    must(pthread_mutex_lock(&r->lock) == 0);
    r->asked = true;
    must(pthread_cond_signal(&r->changed) == 0);
    must(pthread_mutex_unlock(&r->lock) == 0);
}

bool request_ask(struct registry_request *r)
{
    r->asked = false;
    request_submit(r, wake);
    must(pthread_mutex_lock(&r->lock) == 0);
    while (!r->asked)
        must(pthread_cond_wait(&r->changed, &r->lock) == 0);
    must(pthread_mutex_unlock(&r->lock) == 0);
    if (!r->call.good)
        answer_fail(r, &r->call.fail);
    return r->call.good;
}

/* --- the way of a request --------------------------------------------------------------------------------------- */

/* HEAD is GET without a body, which is the server's to leave out. */
static const struct registry_method *find_method(enum route_kind route, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].route == route && str_is(name, methods[i].name))
            return &methods[i];
    return str_is(name, "HEAD") ? find_method(route, STR("GET")) : NULL;
}

static void answer_wrong_method(struct registry_request *r)
{
    struct buf allow = {.limit = 100};

    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].route == r->route.kind)
            buf_printf(&allow, "%s%s", allow.len == 0 ? "" : ", ", methods[i].name);
    answer_header(r, "Allow", arena_str(r->exchange->arena, buf_str(&allow)));
    buf_free(&allow);
    answer_error(r, 405, "UNSUPPORTED", "The operation is unsupported.");
}

/* Finds out what is asked for; false when it has answered. */
static bool find_target(struct registry_request *r)
{
    const struct wire_request *request = &r->exchange->request;
    const struct registry_id *fallback = &r->registry->options.fallback;

    if (!route_parse(request->path, r->exchange->arena, &r->route)) {
        answer_error(r, 404, "UNSUPPORTED", "There is no such endpoint.");
        return false;
    }
    r->method = find_method(r->route.kind, request->method);
    if (r->method == NULL) {
        answer_wrong_method(r);
        return false;
    }
    if (r->route.name.ptr == NULL) {
        if (!registry_id_from_host(request_header(r, "Host"), &r->repository.registry))
            r->repository.registry = *fallback;
        return true;
    }
    if (repository_ref_parse(request_header(r, "Host"), r->route.name, fallback, &r->repository))
        return true;
    answer_error(r, 400, "NAME_INVALID",
                 "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
                 "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''");
    return false;
}

bool registry_begin(void *context, struct http_exchange *exchange)
{
    struct registry_request *r = arena_new(exchange->arena, struct registry_request);

    *r = (struct registry_request){.registry = context, .exchange = exchange, .blob_fd = -1};
    must(pthread_mutex_init(&r->lock, NULL) == 0);
    must(pthread_cond_init(&r->changed, NULL) == 0);
    exchange->user = r;
    if (!find_target(r))
        return false;
    exchange->body_streamed = r->method->streams;
    exchange->body_limit = r->method->streams ? r->registry->options.blob_bytes_max : r->method->body_limit;
    return r->method->begin == NULL || r->method->begin(r);
}

bool registry_data(void *context, struct http_exchange *exchange, struct str bytes)
{
    (void)context;
    return upload_data(exchange->user, bytes);
}

void registry_complete(void *context, struct http_exchange *exchange)
{
    struct registry_request *r = exchange->user;

    (void)context;
    r->method->complete(r);
}

void registry_replying(void *context, struct http_exchange *exchange)
{
    const struct registry *registry = context;
    struct registry_request *r = exchange->user;

    if (r == NULL || r->call.notes == NULL || registry->options.metadata.tell == NULL)
        return;
    registry->options.metadata.tell(registry->options.metadata.context, r->call.notes);
    r->call.notes = NULL;
}

void registry_ended(void *context, struct http_exchange *exchange)
{
    struct registry_request *r = exchange->user;

    if (r == NULL)
        return;
    registry_replying(context, exchange); /* of one whose client is gone */
    upload_drop(r);
    close_fd_at(&r->blob_fd);
    json_decref(r->page.items);
    buf_free(&r->call.ret_bytes);
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
}

/* --- /v2/ ------------------------------------------------------------------------------------------------------- */

static void base_done(struct registry_request *r)
{
    if (r->call.good)
        answer_json(r, "application/json", json_object());
    else
        answer_fail(r, &r->call.fail);
}

void base_complete(struct registry_request *r)
{
    request_prepare(r, REGISTRY_CHECK);
    request_submit(r, base_done);
}
