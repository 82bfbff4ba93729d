#include "node/host/host.h"

#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "os/condition.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

enum { NETWORK_CHECK_EVERY_MS = 10000, THREAD_STACK = 512 << 10 };

int64_t host_now_ms(void)
{
    return task_engine_now_ms();
}

void host_report_soon(struct host *host)
{
    (void)pthread_mutex_lock(&host->engine->lock);
    task_engine_wake(host->engine);
    (void)pthread_mutex_unlock(&host->engine->lock);
}

/* Resolvers that died, at once; and now and then, since one that dies again and again has to wait. */
static void *watch_main(void *context)
{
    struct host *host = context;
    struct pollfd fds[] = {{.fd = network_watch_fd(host->network), .events = POLLIN},
                           {.fd = host->stop_fd, .events = POLLIN}};
    struct fail f;

    for (;;) {
        (void)poll(fds, COUNT_OF(fds), NETWORK_CHECK_EVERY_MS);
        if (fds[1].revents != 0)
            return NULL;
        if (!network_check(host->network, &f))
            log_error("resolvers: %s", f.message);
    }
}

/* ---- where images come from ---- */

/* The built-in registry lets a host in by the link's token, and decides by whom it pulls for. */
static bool resolve_registry(void *context, struct str registry, struct str on_behalf,
                             struct image_registry *ret_registry)
{
    struct host *host = context;
    struct str account;
    struct str rest;

    /* "<account>.dkr.ecr.<region>.amazonaws.com" means the built-in registry, as do its own addresses. */
    account = str_cut(registry, '.', &rest);
    if (!str_is(registry, host->options.endpoint) && !str_is(registry, host->options.public_address) &&
        !(account.len == 12 && rest.ptr != NULL && str_starts(rest, STR("dkr.ecr."))))
        return false;
    *ret_registry = (struct image_registry){.tls = false,
                                            .host = str_of(host->options.endpoint),
                                            .user = on_behalf,
                                            .password = str_of(host->options.token),
                                            .basic = true};
    return true;
}

/* repositoryCredentials of the container; NULL: it has none. */
static const struct host_registry_credentials *registry_credentials(const struct task *task, size_t i)
{
    const struct host_registry_credentials_list *all = &task->assignment->registry_credentials;

    for (size_t k = 0; k < all->count; k++)
        if (str_eq(all->items[k].container_name, task->containers[i].definition->name))
            return &all->items[k];
    return NULL;
}

/* The execution role pulls; for a task without one, the account that it belongs to. */
static bool pull_request(void *context, struct hosted *hosted, size_t i, struct arena *arena,
                         struct image_pull_request *request, struct fail *f)
{
    const struct host_registry_credentials *credentials = registry_credentials(hosted->task, i);
    const struct host_credentials *role = hosted->task->assignment->execution_credentials;

    (void)context;
    (void)arena;
    (void)f;
    request->on_behalf = role == NULL ? hosted->task->assignment->account_id : role->access_key_id;
    if (credentials != NULL) {
        request->user = credentials->username;
        request->password = credentials->password;
    }
    return true;
}

/* ---- starting and stopping ---- */

static bool exited(void *context, const struct runtime_exit *exit)
{
    return instances_exited(context, exit);
}

static void changed(void *context)
{
    host_report(context);
}

static bool open_engine(struct host *host, struct fail *f)
{
    struct task_engine_options options = {.dir = host->dir,
                                          .instance = host->options.instance,
                                          .oci_runtime = host->options.oci_runtime,
                                          .log_address = host->options.endpoint,
                                          .api_url = API_URL,
                                          .ecs_url = host->ecs_url,
                                          .s3 = host->options.s3,
                                          .is_fargate = true,
                                          .port = {.context = host,
                                                   .pull_request = pull_request,
                                                   .resolve = resolve_registry,
                                                   .exited = exited,
                                                   .changed = changed}};

    host_network_port(host, &options.port);
    if (!task_engine_open(&options, &host->engine, f))
        return false;
    host->runtime = host->engine->runtime;
    return true;
}

static bool open_rooms(struct host *host, struct fail *f)
{
    char run_dir[HOSTED_PATH];
    struct network_options network_options = {.instance = host->options.instance, .run_dir = run_dir};

    (void)snprintf(run_dir, sizeof(run_dir), "/run/berth-%s", host->options.instance);
    host->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (host->stop_fd < 0)
        return fail(f, FAIL_SYSTEM, "eventfd: %s", strerror(errno));
    return network_open(&network_options, &host->network, f) && open_engine(host, f);
}

static void start_thread(pthread_t *thread, void *(*run)(void *), struct host *host)
{
    pthread_attr_t attributes;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_create(thread, &attributes, run, host) == 0);
    (void)pthread_attr_destroy(&attributes);
}

static struct host *host_new(const struct host_options *options)
{
    struct host *host = calloc(1, sizeof(*host));

    must(host != NULL);
    host->options = *options;
    host->stop_fd = -1;
    (void)snprintf(host->dir, sizeof(host->dir), "%s/host", options->data_dir);
    (void)snprintf(host->ecs_url, sizeof(host->ecs_url), "http://%s", options->endpoint);
    (void)snprintf(host->id, sizeof(host->id), "host-%s", options->instance);
    must(pthread_mutex_init(&host->lock, NULL) == 0);
    must(pthread_mutex_init(&host->assignment_lock, NULL) == 0);
    condition_init(&host->link_changed);
    list_init(&host->instances);
    host->metadata = metadata_new(host);
    return host;
}

static void host_free(struct host *host)
{
    sessions_stop(host->sessions);
    metadata_free(host->metadata);
    if (host->engine != NULL)
        task_engine_free(host->engine);
    if (host->network != NULL)
        network_close(host->network);
    close_fd_at(&host->stop_fd);
    free(host->told);
    free(host);
}

bool host_start(const struct host_options *options, struct host **ret_host, struct fail *f)
{
    struct host *host = host_new(options);

    if (!open_rooms(host, f) || !sessions_start(host->engine, host->ecs_url, &host->sessions, f)) {
        host_free(host);
        return false;
    }
    if (!instances_adopt(host, f)) {
        log_error("instances: %s", f->message);
    }
    task_engine_start(host->engine);
    start_thread(&host->watcher, watch_main, host);
    start_thread(&host->dialer, host_dial_main, host);
    *ret_host = host;
    return true;
}

/* Its thread may be applying what it heard, also of a link that was made while we stopped. */
static void end_link(struct host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    if (host->server != NULL)
        link_shut(host->server);
    while (host->server != NULL)
        (void)pthread_cond_wait(&host->link_changed, &host->lock);
    (void)pthread_mutex_unlock(&host->lock);
}

void host_stop(struct host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    host->stopping = true;
    (void)pthread_cond_signal(&host->link_changed);
    if (host->server != NULL)
        link_shut(host->server);
    (void)pthread_mutex_unlock(&host->lock);
    (void)eventfd_write(host->stop_fd, 1);
    task_engine_stop(host->engine);
    (void)pthread_join(host->watcher, NULL);
    (void)pthread_join(host->dialer, NULL);
    end_link(host);
    instances_stop(host);
    host_free(host);
}
