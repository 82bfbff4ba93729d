/* `berth server`: the composition root of the control plane. */
#include "base/log.h"
#include "base/must.h"
#include "edge/event_feed.h"
#include "edge/event_log.h"
#include "edge/front.h"
#include "edge/host_link.h"
#include "edge/log_keeper.h"
#include "edge/metric_keeper.h"
#include "edge/oidc_keys.h"
#include "edge/registry/registry.h"
#include "edge/registry_records.h"
#include "edge/usage_keeper.h"
#include "main/apis.h"
#include "main/data_dir.h"
#include "main/file_limit.h"
#include "main/listen.h"
#include "main/memory.h"
#include "main/secret_key.h"
#include "main/signals.h"
#include "main/verbs.h"
#include "model/services.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "plane/cloudwatch/cloudwatch.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/task.h"
#include "plane/events/events.h"
#include "plane/iam/iam.h"
#include "plane/iam/oidc_provider.h"

#include <sys/stat.h>

enum { CONNECTIONS_MAX = 2000 };
/* Of a task's role, in seconds: six hours as on AWS; less than ten leave no time to hand the next ones on. */
enum { TASK_CREDENTIALS_MIN = 10, TASK_CREDENTIALS_MAX = 6 * 3600 };

struct server {
    struct data_dir dir;
    struct secret_key secret_key;
    struct settings settings;
    struct clock clock;
    struct clock_fast fast;
    struct engine *engine;
    struct keys *keys;
    struct host_links *links;
    struct session_links *sessions;
    struct session_port session_port;
    struct agent_links *agents;
    struct authenticator authenticator; /* of requests, and of agents */
    struct loop *loop;
    struct oidc_keys *oidc_keys;
    struct event_feed *event_feed;
    struct event_log *event_log;
    struct log_keeper *log_keeper;
    struct metric_keeper *metric_keeper;
    struct usage_keeper *usages;
    struct ports ports;
    struct blob_store *blobs;
    struct registry_records records;
    struct registry *registry;
    struct registry_layers layers;
    struct layer_port layer_port;
    struct collector *collector;
    struct audit *audit;
    struct front *front;
    struct http_server *http;
    int lock_fd;
};

/* ---- what the core tells ---- */

static void release_oidc_keys(struct server *server, struct str target, struct str bytes)
{
    oidc_keys_ask(server->oidc_keys, target, bytes);
}

static void release_complete(struct server *server, struct str target, struct str bytes)
{
    host_links_send(server->links, target, bytes, /* complete= */ true);
}

static void release_difference(struct server *server, struct str target, struct str bytes)
{
    host_links_send(server->links, target, bytes, /* complete= */ false);
}

static void release_session_tokens(struct server *server, struct str target, struct str bytes)
{
    session_links_expect(server->sessions, target, bytes);
}

static void release_session_order(struct server *server, struct str target, struct str bytes)
{
    host_links_tell(server->links, target, bytes);
}

static void release_agent_message(struct server *server, struct str target, struct str bytes)
{
    agent_links_send(server->agents, target, bytes);
}

static void release_agent_end(struct server *server, struct str target, struct str bytes)
{
    agent_links_close(server->agents, target, bytes);
}

static void release_event(struct server *server, struct str target, struct str bytes)
{
    (void)target;
    event_feed_add(server->event_feed, bytes);
}

static void release_event_log(struct server *server, struct str target, struct str bytes)
{
    event_log_ask(server->event_log, target, bytes);
}

static void release_event_lost(struct server *server, struct str target, struct str bytes)
{
    (void)server;
    log_warning("an event did not reach a target of %.*s: %.*s", STR_ARG(target), STR_ARG(bytes));
}

static void release_alarm_question(struct server *server, struct str target, struct str bytes)
{
    (void)target;
    metric_keeper_evaluate(server->metric_keeper, bytes);
}

static void release_metrics(struct server *server, struct str target, struct str bytes)
{
    (void)target;
    metric_keeper_publish(server->metric_keeper, bytes);
}

static const struct {
    const char *kind;
    void (*release)(struct server *server, struct str target, struct str bytes);
} releases[] = {
    {AGENT_MESSAGE, release_agent_message},          {AGENT_END, release_agent_end},
    {ALARM_EVALUATE_EFFECT, release_alarm_question}, {ASSIGNMENT_COMPLETE, release_complete},
    {ASSIGNMENT_DIFFERENCE, release_difference},     {EVENT_EFFECT, release_event},
    {EVENT_LOG_EFFECT, release_event_log},           {EVENT_LOST_EFFECT, release_event_lost},
    {METRIC_PUBLISH_EFFECT, release_metrics},        {OIDC_KEYS_EFFECT, release_oidc_keys},
    {SESSION_TOKENS, release_session_tokens},        {SESSION_ORDER, release_session_order},
};

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    for (size_t i = 0; i < COUNT_OF(releases); i++)
        if (strcmp(kind, releases[i].kind) == 0) {
            releases[i].release(context, target, bytes);
            return;
        }
    must_not_happen("every kind of effect has a row");
}

static void write_env(const struct server *server, const struct access_key_record *key)
{
    const struct settings *settings = &server->settings;
    auto_buf text = {.ptr = NULL};
    struct fail f;

    buf_printf(&text,
               "export AWS_ACCESS_KEY_ID=%.*s\nexport AWS_SECRET_ACCESS_KEY=%.*s\nunset AWS_SESSION_TOKEN AWS_PROFILE\n"
               "export AWS_REGION=%.*s\nexport AWS_DEFAULT_REGION=%.*s\nexport AWS_ENDPOINT_URL=http://%.*s\n"
               "export AWS_EC2_METADATA_DISABLED=true\n"
               "aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n",
               STR_ARG(key->access_key_id), STR_ARG(key->secret), STR_ARG(settings->default_region),
               STR_ARG(settings->default_region), STR_ARG(settings->endpoint));
    if (!data_dir_write(&server->dir, "env", buf_str(&text), &f))
        log_error("the root key could not be written for `berth env`: %s", f.message);
    buf_clear(&text);
    buf_printf(
        &text,
        "[berth]\naws_access_key_id = %.*s\naws_secret_access_key = %.*s\nregion = %.*s\nendpoint_url = http://%.*s\n",
        STR_ARG(key->access_key_id), STR_ARG(key->secret), STR_ARG(settings->default_region),
        STR_ARG(settings->endpoint));
    if (!data_dir_write(&server->dir, "aws-credentials", buf_str(&text), &f))
        log_error("the AWS profile could not be written: %s", f.message);
}

static void changed(void *context, const struct change *change)
{
    struct server *server = context;
    const struct access_key_record *key = change->after;

    keys_changed(server->keys, change);
    if (change->table == &access_key_table && key != NULL && key->kind == ACCESS_KEY_KIND_ROOT &&
        str_eq(key->account_id, server->settings.default_account))
        write_env(server, key);
}

/* ---- starting and stopping ---- */

struct server_options {
    const char *listen, *public_address, *data, *auth, *region, *account, *vpc_cidr;
    unsigned long clock_rate;
    unsigned long task_credentials; /* seconds */
    bool log_json, log_requests;
};

static bool is_loopback(const char *address)
{
    return str_starts(str_of(address), STR("127.")) || strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

static bool choose_settings(struct server *server, const struct server_options *options, const char *address,
                            struct fail *f)
{
    bool auth_open = strcmp(options->auth, "open") == 0;

    if (!auth_open && strcmp(options->auth, "iam") != 0)
        return fail(f, FAIL_INPUT, "--auth takes iam or open, not '%s'", options->auth);
    if (auth_open && !is_loopback(address))
        return fail(f, FAIL_INPUT,
                    "--auth=open lets everybody in, so it is refused unless --listen is a loopback address");
    if (strlen(options->account) != 12 || strspn(options->account, "0123456789") != 12)
        return fail(f, FAIL_INPUT, "--account takes twelve digits, not '%s'", options->account);
    if (options->region[0] == '\0' || strlen(options->region) > 32 ||
        options->region[strspn(options->region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return fail(f, FAIL_INPUT, "--region takes a name like us-east-1, not '%s'", options->region);
    if (options->task_credentials < TASK_CREDENTIALS_MIN || options->task_credentials > TASK_CREDENTIALS_MAX)
        return fail(f, FAIL_INPUT, "--task-credentials takes %d to %d seconds, not %lu", TASK_CREDENTIALS_MIN,
                    TASK_CREDENTIALS_MAX, options->task_credentials);
    server->settings = (struct settings){
        .endpoint = str_of(options->public_address),
        .default_region = str_of(options->region),
        .default_account = str_of(options->account),
        .default_vpc_cidr = str_of(options->vpc_cidr),
        .auth_open = auth_open,
        .task_session_ms = (int64_t)options->task_credentials * SECOND_MS,
        .secret_key = {(const char *)server->secret_key.bytes, sizeof(server->secret_key.bytes)},
    };
    return true;
}

static bool start_loop(struct server *server, const struct server_options *options, struct arena *arena, struct fail *f)
{
    struct loop_options loop = {
        .core = {.domains = api_domains,
                 .domain_count = api_domain_count,
                 .settings = &server->settings,
                 .secret = entropy_fill,
                 .context = server,
                 .release = release,
                 .changed = changed},
        .clock = server->clock,
        .clock_rate = (unsigned)options->clock_rate,
    };
    const char *state_file = data_dir_file(&server->dir, "state.db", arena);
    bool good;

    entropy_fill(&loop.core.seed, sizeof(loop.core.seed));
    if (!engine_sqlite_open(state_file, &server->engine, f))
        return false;
    loop.core.engine = server->engine;
    memory_reserve_for(state_file);
    good = loop_start(&loop, &server->loop, f);
    memory_keep();
    if (!good || !secret_key_settle(&server->dir, &server->secret_key, server->loop, f))
        return false;
    host_links_begin(server->links, server->loop);
    server->authenticator = (struct authenticator){server->keys, &server->settings, server->clock, clock_wall()};
    if (!agent_links_begin(server->agents, server->loop, &server->authenticator, &server->settings, f))
        return false;
    oidc_keys_begin(server->oidc_keys, server->loop);
    return true;
}

/* Before the loop, which may ask from its first turn on. */
static bool open_metrics(struct server *server, struct arena *arena, struct fail *f)
{
    if (!metric_keeper_open(data_dir_file(&server->dir, "metrics.db", arena), server->clock, &server->metric_keeper, f))
        return false;
    server->ports.metrics = metric_keeper_port(server->metric_keeper);
    return true;
}

static bool start_logs(struct server *server, struct arena *arena, struct fail *f)
{
    if (!log_keeper_open(data_dir_file(&server->dir, "logs.db", arena), server->loop, &server->log_keeper, f))
        return false;
    server->ports.logs = log_keeper_port(server->log_keeper);
    event_log_begin(server->event_log, server->loop, server->ports.logs);
    metric_keeper_begin(server->metric_keeper, server->loop);
    usage_keeper_begin(server->usages, server->loop);
    return true;
}

static bool reset(void *context, struct fail *f)
{
    const struct server *server = context;

    return log_keeper_reset(server->log_keeper, f) && metric_keeper_reset(server->metric_keeper, f);
}

static bool start_registry(struct server *server, struct arena *arena, struct fail *f)
{
    struct registry_options options = {.fallback = {server->settings.default_account, server->settings.default_region}};

    if (!blob_store_open(data_dir_file(&server->dir, "blobs", arena), &server->blobs, f))
        return false;
    server->records = (struct registry_records){.loop = server->loop,
                                                .settings = &server->settings,
                                                .keys = server->keys,
                                                .host_token = str_of(server->dir.token),
                                                .audit = server->audit};
    server->layers = (struct registry_layers){.loop = server->loop,
                                              .blobs = server->blobs,
                                              .secret = str_of(server->dir.token),
                                              .endpoint = server->settings.endpoint,
                                              .clock = server->clock};
    server->layer_port = registry_layer_port(&server->layers);
    server->ports.layers = &server->layer_port;
    server->session_port = session_links_port(server->sessions);
    server->ports.sessions = &server->session_port;
    options.blobs = server->blobs;
    options.metadata = registry_records_metadata(&server->records);
    return collector_start(server->loop, server->blobs, &server->collector, f) &&
           registry_start(&options, &server->registry, f);
}

static bool start_front(struct server *server, const char *address, uint16_t port, struct fail *f)
{
    struct front_options front = {
        .loop = server->loop,
        .authenticator = server->authenticator,
        .services = services,
        .service_count = SERVICES_ANSWERED,
        .operations = api_operations,
        .operations_count = api_operations_count,
        .settings = &server->settings,
        .control_token = str_of(server->dir.token),
        .registry = {.context = server->registry,
                     .begin = registry_begin,
                     .data = registry_data,
                     .complete = registry_complete,
                     .replying = registry_replying,
                     .ended = registry_ended},
        .ports = &server->ports,
        .layers = &server->layers,
        .collector = server->collector,
        .host_links = server->links,
        .session_links = server->sessions,
        .event_feed = server->event_feed,
        .agent_links = server->agents,
        .audit = server->audit,
        .reset = reset,
        .reset_context = server,
    };
    struct http_server_options http = {
        .address = address, .port = port, .threads = 2, .connections_max = CONNECTIONS_MAX, .idle_timeout_s = 75};
    struct http_handler handler;

    server->front = front_new(&front);
    handler = front_handler(server->front);
    return http_server_start(&http, &handler, &server->http, f);
}

static void stop(struct server *server)
{
    event_feed_end(server->event_feed);
    if (server->http != NULL)
        http_server_stop(server->http, 5000);
    if (server->front != NULL)
        front_free(server->front);
    if (server->collector != NULL)
        collector_stop(server->collector);
    event_log_stop(server->event_log);
    if (server->log_keeper != NULL)
        log_keeper_stop(server->log_keeper);
    if (server->metric_keeper != NULL)
        metric_keeper_stop(server->metric_keeper);
    if (server->usages != NULL)
        usage_keeper_stop(server->usages);
    if (server->oidc_keys != NULL)
        oidc_keys_stop(server->oidc_keys);
    if (server->loop != NULL) {
        host_links_end(server->links);
        agent_links_end(server->agents);
        loop_stop(server->loop);
    }
    session_links_stop(server->sessions);
    if (server->oidc_keys != NULL)
        oidc_keys_free(server->oidc_keys);
    if (server->links != NULL)
        host_links_free(server->links);
    if (server->agents != NULL)
        agent_links_free(server->agents);
    usage_keeper_free(server->usages);
    if (server->log_keeper != NULL)
        log_keeper_close(server->log_keeper);
    if (server->metric_keeper != NULL)
        metric_keeper_close(server->metric_keeper);
    if (server->registry != NULL)
        registry_stop(server->registry);
    if (server->blobs != NULL)
        blob_store_close(server->blobs);
    if (server->engine != NULL)
        server->engine->kind->close(server->engine);
    if (server->audit != NULL)
        audit_close(server->audit);
    event_log_free(server->event_log);
    event_feed_free(server->event_feed);
    keys_free(server->keys);
}

static bool start(struct server *server, struct server_options *options, struct arena *arena, struct fail *f)
{
    const char *address;
    uint16_t port;

    if (!listen_parse("listen", options->listen, arena, &address, &port, f) ||
        !listen_public(options->public_address, options->listen, arena, &options->public_address, f) ||
        !choose_settings(server, options, address, f) || !data_dir_open(options->data, &server->dir, f) ||
        !data_dir_lock(&server->dir, "server", &server->lock_fd, f) ||
        !secret_key_read(&server->dir, &server->secret_key, f))
        return false;
    server->usages = usage_keeper_new(server->clock, (unsigned)options->clock_rate);
    server->links = host_links_new(str_of(server->dir.token), server->usages);
    server->agents = agent_links_new(server->usages);
    return audit_open(data_dir_file(&server->dir, "audit.log", arena), &server->audit, f) &&
           oidc_keys_start(&server->oidc_keys, f) && session_links_start(&server->sessions, f) &&
           open_metrics(server, arena, f) && start_loop(server, options, arena, f) && start_logs(server, arena, f) &&
           start_registry(server, arena, f) && start_front(server, address, port, f);
}

int verb_server(const struct verb *verb, int argc, char **argv)
{
    struct server_options options = {.listen = "127.0.0.1:4566",
                                     .data = DATA_DIR_DEFAULT,
                                     .auth = "iam",
                                     .region = "us-east-1",
                                     .account = "000000000000",
                                     .vpc_cidr = "172.31.0.0/16",
                                     .clock_rate = 1,
                                     .task_credentials = TASK_CREDENTIALS_MAX};
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the APIs answer (127.0.0.1:4566)", &options.listen},
        {"public-address", OPTION_TEXT, "NAME[:PORT]",
         "what clients are told to call (as --listen; for 0.0.0.0 the machine's)", &options.public_address},
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &options.data},
        {"auth", OPTION_TEXT, "iam|open", "verify signatures, or let any key in (iam)", &options.auth},
        {"region", OPTION_TEXT, "NAME", "the default region (us-east-1)", &options.region},
        {"account", OPTION_TEXT, "ID", "the default account (000000000000)", &options.account},
        {"vpc-cidr", OPTION_TEXT, "CIDR", "range of new default VPCs (172.31.0.0/16)", &options.vpc_cidr},
        {"clock-rate", OPTION_NUMBER, "N", "let time run N times as fast, for tests (1)", &options.clock_rate},
        {"task-credentials", OPTION_NUMBER, "SECONDS",
         "how long the credentials of a task's or an instance's role last (21600)", &options.task_credentials},
        {"log-json", OPTION_FLAG, NULL, "log lines as JSON", &options.log_json},
        {"log-requests", OPTION_FLAG, NULL, "log every API request too", &options.log_requests},
        {0},
    };
    struct server server = {.lock_fd = -1};
    struct arena arena;
    struct fail f;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (options.clock_rate < 1)
        options.clock_rate = 1;
    log_setup(options.log_requests ? LOG_DEBUG : LOG_INFO, options.log_json);
    (void)umask(077); /* records and keys are the owner's alone, in whatever directory they stand */
    signals_block();
    file_limit_raise();
    memory_keep();
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    server.clock = options.clock_rate == 1 ? clock_wall() : clock_fast(&server.fast, (int64_t)options.clock_rate);
    server.keys = keys_new();
    server.event_feed = event_feed_new();
    server.event_log = event_log_new();
    status = EXIT_OK;
    if (start(&server, &options, &arena, &f)) {
        log_info("ready: http://%s, data in %s", options.public_address, options.data);
        signals_wait();
    } else {
        status = verb_failed(verb, &f);
    }
    stop(&server);
    arena_free(&arena);
    return status;
}
