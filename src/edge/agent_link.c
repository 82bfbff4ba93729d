#include "edge/agent_link.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "edge/agent_message.h"
#include "edge/usage_keeper.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/entropy.h"
#include "os/websocket.h"
#include "plane/ecs/agent.h"
#include "wire/form.h"
#include "wire/json.h"

#include <pthread.h>

enum {
    HEARTBEAT_S = 20,            /* agents leave after a minute without a message */
    PING_MS = 10000,             /* answered by every agent's websocket */
    SILENCE_MS = 30000,          /* without even that its machine is cut off, as a host is (host_link.c) */
    UNOPENED_BEATS_MAX = 30,     /* a session whose client left before it was opened */
    MESSAGE_BYTES_MAX = 4 << 20, /* agents send at most 1 MiB of metrics */
    TYPICAL_MESSAGE_BYTES = 4096,
    WAITING_MAX = 4096,           /* messages of one session that the core has not taken yet, */
    WAITING_BYTES_MAX = 16 << 20, /* and their bytes: whose agent says more, its session ends with 1008 */
};

enum session_kind { SESSION_ACS, SESSION_TCS };

/* Where and what for: paths, and the names of the parameters that say which instance. */
static const struct session_row {
    const char *path, *cluster, *instance, *action;
} rows[] = {
    [SESSION_ACS] = {"/acs/ws", "clusterArn", "containerInstanceArn", "ecs:Poll"},
    [SESSION_TCS] = {"/tcs/ws", "cluster", "containerInstance", "ecs:StartTelemetrySession"},
};

/* One websocket, from the decision that it may be until it is closed. */
struct session {
    struct list link; /* in agent_links.sessions */
    struct agent_links *links;
    enum session_kind kind;
    struct arena arena;
    struct agent_hello hello;
    uint64_t id;     /* 0: not opened yet */
    uint64_t number; /* of an ACS session, when it is opened: above those of all before */
    unsigned unopened_beats;
    size_t waiting, waiting_bytes; /* links->lock */
};

/* What the core thread knows of an instance's ACS sessions: by the newest of each, jobs that a full disk undid and that
 * come again in any order are told from those that still count. */
struct agent_said {
    uint64_t opened, closed; /* numbers; 0: none */
    struct str instance_arn;
    char space[];
};

struct agent_links {
    struct usage_keeper *usages;
    struct websockets *sockets;
    struct loop *loop;
    const struct authenticator *authenticator;
    const struct settings *settings;
    pthread_t heart;
    struct map said;      /* struct agent_said by instance; the core thread's */
    pthread_mutex_t lock; /* protects what follows; websocket's own lock may be taken while it is held */
    pthread_cond_t wake;
    struct list sessions;
    struct map by_instance; /* the ACS sessions that count */
    struct map by_id;       /* all that are opened */
    uint64_t number;        /* the last that one was given */
    bool ending;
};

/* ---- jobs ---- */

enum job_kind { JOB_OPENED, JOB_CLOSED, JOB_HEARD, JOB_TELEMETRY };

struct agent_job {
    struct job job;
    struct agent_links *links;
    enum job_kind kind;
    uint64_t number; /* of the session that was opened or closed */
    struct arena arena;
    struct agent_hello hello; /* instance_arn of all kinds */
    struct agent_from_agent message;
    struct agent_from_telemetry telemetry;
    uint64_t session_id; /* who gets the acknowledgement of telemetry; 0: no message */
    size_t bytes;        /* of the message */
};

static struct agent_job *job_new(struct agent_links *links, enum job_kind kind, struct str instance_arn)
{
    struct agent_job *agent_job = calloc(1, sizeof(*agent_job));

    must(agent_job != NULL);
    arena_init(&agent_job->arena, ARENA_LIMIT_DEFAULT);
    agent_job->links = links;
    agent_job->kind = kind;
    agent_job->hello.instance_arn = arena_str(&agent_job->arena, instance_arn);
    return agent_job;
}

static void job_free(struct agent_job *agent_job)
{
    arena_free(&agent_job->arena);
    free(agent_job);
}

static bool is_ending(struct agent_links *links)
{
    bool ending;

    (void)pthread_mutex_lock(&links->lock);
    ending = links->ending;
    (void)pthread_mutex_unlock(&links->lock);
    return ending;
}

static struct agent_said *said_by(struct agent_links *links, struct str instance_arn)
{
    struct agent_said *said = map_get(&links->said, instance_arn);

    if (said != NULL)
        return said;
    said = calloc(1, sizeof(*said) + instance_arn.len);
    must(said != NULL);
    memcpy(said->space, instance_arn.ptr, instance_arn.len);
    said->instance_arn = (struct str){said->space, instance_arn.len};
    must(map_put(&links->said, said->instance_arn, said) == NULL);
    return said;
}

static void run_opened(struct agent_job *agent_job, struct transaction *tx)
{
    struct agent_said *said = said_by(agent_job->links, agent_job->hello.instance_arn);

    if (agent_job->number > said->opened)
        said->opened = agent_job->number;
    if (agent_job->number == said->opened && said->opened > said->closed)
        agent_connected(tx, &agent_job->hello);
}

static void run_closed(struct agent_job *agent_job, struct transaction *tx)
{
    struct agent_said *said = said_by(agent_job->links, agent_job->hello.instance_arn);

    if (agent_job->number > said->closed)
        said->closed = agent_job->number;
    if (said->opened <= said->closed)
        container_instance_disconnected(tx, said->instance_arn);
}

static bool job_run(struct job *job, struct transaction *tx)
{
    struct agent_job *agent_job = list_item(&job->link, struct agent_job, job.link);
    struct str instance = agent_job->hello.instance_arn;

    switch (agent_job->kind) {
    case JOB_OPENED:
        run_opened(agent_job, tx);
        break;
    case JOB_CLOSED:
        run_closed(agent_job, tx);
        break;
    case JOB_HEARD:
        agent_heard(tx, instance, &agent_job->message);
        break;
    case JOB_TELEMETRY:
        agent_telemetry_heard(tx, instance, &agent_job->telemetry);
        break;
    }
    return true;
}

/* Not after agent_links_end: the lock is held, or the heart sends. */
static void send_message(struct agent_links *links, uint64_t id, const struct shape *messages, const void *value)
{
    auto_buf text = {.ptr = NULL};

    (void)buf_reserve(&text, TYPICAL_MESSAGE_BYTES);
    agent_message_write(messages, value, &text);
    if (!text.overflowed)
        (void)websocket_send(links->sockets, id, true, buf_str(&text));
}

static void acknowledge(const struct agent_job *agent_job)
{
    struct agent_ack_publish_metric metric = {.message = STR("ok")};
    struct agent_ack_publish_health health = {.message = STR("ok")};
    struct agent_ack_publish_instance_status status = {.message = STR("ok")};
    struct agent_to_telemetry ack = {0};

    if (agent_job->telemetry.metrics != NULL)
        ack.metric_ack = &metric;
    else if (agent_job->telemetry.health != NULL)
        ack.health_ack = &health;
    else
        ack.instance_status_ack = &status;
    (void)pthread_mutex_lock(&agent_job->links->lock);
    if (!agent_job->links->ending)
        send_message(agent_job->links, agent_job->session_id, &agent_to_telemetry_shape, &ack);
    (void)pthread_mutex_unlock(&agent_job->links->lock);
}

static struct str id_key(const uint64_t *id)
{
    return (struct str){(const char *)id, sizeof(*id)};
}

/* Takes a place in the line for a message; false: the session has too many there already. */
static bool stand_in_line(const struct agent_job *agent_job)
{
    struct agent_links *links = agent_job->links;
    struct session *session;
    bool room;

    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_id, id_key(&agent_job->session_id));
    room = session != NULL && session->waiting < WAITING_MAX &&
           agent_job->bytes <= WAITING_BYTES_MAX - session->waiting_bytes;
    if (room) {
        session->waiting++;
        session->waiting_bytes += agent_job->bytes;
    }
    (void)pthread_mutex_unlock(&links->lock);
    return room;
}

static void leave_line(const struct agent_job *agent_job)
{
    struct agent_links *links = agent_job->links;
    struct session *session;

    if (agent_job->session_id == 0)
        return;
    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_id, id_key(&agent_job->session_id));
    if (session != NULL) {
        session->waiting--;
        session->waiting_bytes -= agent_job->bytes;
    }
    (void)pthread_mutex_unlock(&links->lock);
}

/* By the agent: all else comes again until it is acknowledged. */
static bool is_said_once(const struct agent_job *agent_job)
{
    return agent_job->kind == JOB_OPENED || agent_job->kind == JOB_CLOSED ||
           agent_job->message.stop_verification != NULL;
}

static void job_done(struct job *job, bool durable)
{
    struct agent_job *agent_job = list_item(&job->link, struct agent_job, job.link);

    if (!durable && is_said_once(agent_job) && !is_ending(agent_job->links)) {
        loop_submit(agent_job->links->loop, job);
        return;
    }
    leave_line(agent_job);
    if (durable && agent_job->kind == JOB_TELEMETRY)
        acknowledge(agent_job);
    job_free(agent_job);
}

static void submit(struct agent_job *agent_job)
{
    struct loop *loop = agent_job->links->loop;

    agent_job->job =
        (struct job){.actor = "host", .cause = agent_job->hello.instance_arn, .run = job_run, .done = job_done};
    loop_submit(loop, &agent_job->job);
}

/* ---- a session ---- */

static void session_free(struct session *session)
{
    arena_free(&session->arena);
    free(session);
}

static void copy_hello(struct arena *arena, const struct agent_hello *from, struct agent_hello *to)
{
    *to = *from;
    to->instance_arn = arena_str(arena, from->instance_arn);
    to->version.agent_version = arena_str(arena, from->version.agent_version);
    to->version.agent_hash = arena_str(arena, from->version.agent_hash);
    to->version.docker_version = arena_str(arena, from->version.docker_version);
}

static struct session *session_new(struct agent_links *links, enum session_kind kind, const struct agent_hello *hello)
{
    struct session *session = calloc(1, sizeof(*session));

    must(session != NULL);
    session->links = links;
    session->kind = kind;
    arena_init(&session->arena, ARENA_LIMIT_DEFAULT);
    copy_hello(&session->arena, hello, &session->hello);
    (void)pthread_mutex_lock(&links->lock);
    list_add_last(&links->sessions, &session->link);
    (void)pthread_mutex_unlock(&links->lock);
    return session;
}

static void opened(void *context, uint64_t id)
{
    struct session *session = context;
    struct agent_links *links = session->links;
    struct session *older = NULL;
    struct agent_job *agent_job;

    (void)pthread_mutex_lock(&links->lock);
    session->id = id;
    session->number = ++links->number;
    must(map_put(&links->by_id, id_key(&session->id), session) == NULL);
    if (session->kind == SESSION_ACS)
        older = map_put(&links->by_instance, session->hello.instance_arn, session);
    if (older != NULL)
        websocket_close(links->sockets, older->id, 1008, STR("another agent has connected as this container instance"));
    (void)pthread_mutex_unlock(&links->lock);
    if (session->kind != SESSION_ACS)
        return;
    log_info("agent of %.*s is connected", STR_ARG(session->hello.instance_arn));
    agent_job = job_new(links, JOB_OPENED, session->hello.instance_arn);
    agent_job->number = session->number;
    copy_hello(&agent_job->arena, &session->hello, &agent_job->hello);
    submit(agent_job);
}

static void closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    struct session *session = context;
    struct agent_links *links = session->links;
    struct str instance = session->hello.instance_arn;
    struct agent_job *agent_job;
    bool current;

    (void)id;
    (void)reason;
    (void)pthread_mutex_lock(&links->lock);
    current = map_get(&links->by_instance, instance) == session;
    if (current)
        (void)map_remove(&links->by_instance, instance);
    (void)map_remove(&links->by_id, id_key(&session->id));
    list_remove(&session->link);
    (void)pthread_mutex_unlock(&links->lock);
    if (current) {
        log_info("agent of %.*s is disconnected (%u)", STR_ARG(instance), code);
        agent_job = job_new(links, JOB_CLOSED, instance);
        agent_job->number = session->number;
        submit(agent_job);
    }
    session_free(session);
}

/* ---- messages ---- */

static bool read_frame(const struct session *session, struct str bytes, struct agent_job *agent_job, struct fail *f)
{
    if (session->kind == SESSION_ACS)
        return agent_message_read(&agent_from_agent_shape, bytes, &agent_job->arena, &agent_job->message, f);
    return agent_telemetry_body(bytes, &bytes, f) &&
           agent_message_read(&agent_from_telemetry_shape, bytes, &agent_job->arena, &agent_job->telemetry, f);
}

/* The mean of what was sampled since the last message; 0: nothing was. */
static double mean_of(const struct agent_stats_set *set)
{
    return set == NULL || !(set->sample_count > 0) ? 0 : set->sum / set->sample_count;
}

static void take_usage(const struct session *session, const struct agent_publish_metrics_request *metrics)
{
    for (size_t i = 0; i < metrics->task_metrics.count; i++) {
        const struct agent_task_metric *task = &metrics->task_metrics.items[i];
        struct task_usage usage = {.task_arn = task->task_arn, .teller = session->hello.instance_arn, .is_share = true};
        bool any = false;

        for (size_t k = 0; k < task->container_metrics.count; k++) {
            any = any || task->container_metrics.items[k].cpu_stats_set != NULL;
            usage.cpu += mean_of(task->container_metrics.items[k].cpu_stats_set);
            usage.memory_mib += mean_of(task->container_metrics.items[k].memory_stats_set);
        }
        if (any)
            usage_keeper_add(session->links->usages, &usage);
    }
}

static void message(void *context, uint64_t id, bool text, struct str bytes)
{
    struct session *session = context;
    struct agent_job *agent_job =
        job_new(session->links, session->kind == SESSION_ACS ? JOB_HEARD : JOB_TELEMETRY, session->hello.instance_arn);
    struct fail f;

    (void)text;
    if (!read_frame(session, bytes, agent_job, &f)) {
        log_warning("agent of %.*s sends a message that is dropped: %s", STR_ARG(session->hello.instance_arn),
                    f.message);
        job_free(agent_job);
        return;
    }
    if (agent_job->message.heartbeat_ack != NULL) { /* says nothing that the connection does not say */
        job_free(agent_job);
        return;
    }
    if (agent_job->message.nack != NULL)
        log_warning("agent of %.*s refuses message %.*s: %.*s", STR_ARG(session->hello.instance_arn),
                    STR_ARG(agent_job->message.nack->message_id), STR_ARG(agent_job->message.nack->reason));
    if (agent_job->telemetry.metrics != NULL)
        take_usage(session, agent_job->telemetry.metrics);
    agent_job->session_id = id;
    agent_job->bytes = bytes.len;
    if (stand_in_line(agent_job)) {
        submit(agent_job);
        return;
    }
    websocket_close(session->links->sockets, id, 1008, STR("more messages than can be taken"));
    job_free(agent_job);
}

/* ---- the door ---- */

struct opening {
    struct job job;
    struct agent_links *links;
    struct http_exchange *exchange;
    enum session_kind kind;
    struct call call;
    struct caller caller;
    struct agent_opening wanted;
    struct agent_hello hello;
    struct fail fail;
    bool good;
};

/* {"InactiveInstanceException": "..."}: the form that agents look for. */
static void refuse(const struct opening *opening)
{
    static const struct http_header headers[] = {{STR_INIT("Content-Type"), STR_INIT("application/json")}};
    const char *type = opening->fail.type == NULL ? "ServerException" : opening->fail.type;
    bool denied = strcmp(type, "AccessDeniedException") == 0;
    struct buf text = {.ptr = NULL};

    buf_printf(&text, "{\"%s\":", type);
    wire_json_write_string(str_of(opening->fail.message), &text);
    buf_add_char(&text, '}');
    http_exchange_reply(opening->exchange, &(struct http_reply){.status = denied ? 403 : 400,
                                                                .headers = headers,
                                                                .header_count = COUNT_OF(headers),
                                                                .kind = HTTP_BODY_BYTES,
                                                                .owned = &text});
}

static bool opening_run(struct job *job, struct transaction *tx)
{
    struct opening *opening = list_item(&job->link, struct opening, job.link);

    opening->call.tx = tx;
    opening->good = agent_may_connect(&opening->call, rows[opening->kind].action, &opening->wanted);
    return opening->good;
}

static void opening_done(struct job *job, bool durable)
{
    struct opening *opening = list_item(&job->link, struct opening, job.link);
    struct websocket_options options = {.opened = opened,
                                        .message = message,
                                        .closed = closed,
                                        .message_bytes_max = MESSAGE_BYTES_MAX,
                                        .ping_ms = PING_MS,
                                        .silence_ms = SILENCE_MS};

    if (opening->good && !durable)
        (void)fail(&opening->fail, FAIL_SYSTEM, "the store cannot be written");
    if (!opening->good || !durable) {
        refuse(opening);
        return;
    }
    options.context = session_new(opening->links, opening->kind, &opening->hello);
    websocket_serve(opening->links->sockets, opening->exchange, (struct str){NULL, 0}, &options);
}

/* "DockerVersion: 20.10.24": what the agent puts before it on one of its sessions. */
static struct str docker_version(struct str text)
{
    static const struct str prefix = STR_INIT("DockerVersion: ");

    return str_starts(text, prefix) ? str_from(text, prefix.len) : text;
}

static bool prepare(struct opening *opening)
{
    const struct authenticator *authenticator = opening->links->authenticator;
    const struct session_row *row = &rows[opening->kind];
    struct http_exchange *exchange = opening->exchange;
    struct sigv4_claim claim;
    struct form form;
    bool is_signed;

    if (!form_decode(exchange->request.query, exchange->arena, &form, &opening->fail))
        return fail_api(&opening->fail, "BadRequestException", "The query string cannot be read.");
    if (!sigv4_parse(&exchange->request, exchange->arena, &is_signed, &claim, &opening->fail) ||
        !authenticate(authenticator, &exchange->request, is_signed ? &claim : NULL, exchange->arena, &opening->caller,
                      &opening->fail)) {
        opening->fail.type = "AccessDeniedException";
        return false;
    }
    opening->wanted.cluster = form_get(&form, row->cluster);
    opening->wanted.instance_arn = form_get(&form, row->instance);
    opening->hello = (struct agent_hello){
        .instance_arn = opening->wanted.instance_arn,
        .version = {.agent_version = form_get(&form, "agentVersion"),
                    .agent_hash = form_get(&form, "agentHash"),
                    .docker_version = docker_version(form_get(&form, "dockerVersion"))},
        .send_credentials = str_is(form_get(&form, "sendCredentials"), "true"),
    };
    if (opening->wanted.cluster.len == 0 || opening->wanted.instance_arn.len == 0)
        return fail_api(&opening->fail, "BadRequestException", "%s and %s are required.", row->cluster, row->instance);
    return true;
}

static enum session_kind kind_of(struct str path)
{
    return str_is(path, rows[SESSION_ACS].path) ? SESSION_ACS : SESSION_TCS;
}

bool agent_links_serves(struct str path)
{
    return str_is(path, rows[SESSION_ACS].path) || str_is(path, rows[SESSION_TCS].path);
}

void agent_links_complete(struct agent_links *links, struct http_exchange *exchange)
{
    struct opening *opening = arena_new(exchange->arena, struct opening);

    opening->links = links;
    opening->exchange = exchange;
    opening->kind = kind_of(exchange->request.path);
    if (!prepare(opening)) {
        refuse(opening);
        return;
    }
    opening->call = (struct call){.arena = exchange->arena,
                                  .fail = &opening->fail,
                                  .principal = &opening->caller.principal,
                                  .settings = links->settings,
                                  .region = opening->caller.region,
                                  .source_ip = exchange->peer_address,
                                  .secure = exchange->tls};
    opening->job =
        (struct job){.actor = "host", .cause = opening->wanted.instance_arn, .run = opening_run, .done = opening_done};
    loop_submit(links->loop, &opening->job);
}

/* ---- effects ---- */

void agent_links_send(struct agent_links *links, struct str instance_arn, struct str bytes)
{
    struct agent_to_agent value = {0};
    const struct session *session;
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    must(value_decode(&agent_to_agent_shape, bytes, &value, &arena, &f));
    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_instance, instance_arn);
    if (session != NULL && !links->ending)
        send_message(links, session->id, &agent_to_agent_shape, &value);
    (void)pthread_mutex_unlock(&links->lock);
    arena_free(&arena);
}

void agent_links_close(struct agent_links *links, struct str instance_arn, struct str reason)
{
    const struct session *session;

    (void)pthread_mutex_lock(&links->lock);
    session = map_get(&links->by_instance, instance_arn);
    if (session != NULL && !links->ending)
        websocket_close(links->sockets, session->id, 1008, reason);
    (void)pthread_mutex_unlock(&links->lock);
}

/* ---- heartbeats ---- */

/* Who gets one in this round. The core thread waits for the lock with what it has to send, so that nothing is written
 * while it is held. */
struct beat {
    enum session_kind kind;
    uint64_t id;
};

/* lock held. */
static size_t beats_of(struct agent_links *links, struct beat **ret_beats)
{
    size_t count = 0;

    list_each(at, after, &links->sessions)
    {
        count++;
    }
    *ret_beats = calloc(count + 1, sizeof(**ret_beats));
    must(*ret_beats != NULL);
    count = 0;
    list_each(at, after, &links->sessions)
    {
        struct session *session = list_item(at, struct session, link);

        if (session->id != 0) {
            (*ret_beats)[count++] = (struct beat){session->kind, session->id};
        } else if (++session->unopened_beats > UNOPENED_BEATS_MAX) {
            list_remove(&session->link);
            session_free(session);
        }
    }
    return count;
}

/* The heart ends before the sockets do. */
static void beat_all(struct agent_links *links, const struct beat *beats, size_t count)
{
    struct agent_heartbeat_message heartbeat = {0};
    struct arena arena;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    SET(&heartbeat, healthy, true);
    for (size_t i = 0; i < count; i++) {
        arena_reset(&arena);
        heartbeat.message_id = beats[i].kind == SESSION_ACS ? entropy_uuid(&arena) : (struct str){NULL, 0};
        if (beats[i].kind == SESSION_ACS)
            send_message(links, beats[i].id, &agent_to_agent_shape, &(struct agent_to_agent){.heartbeat = &heartbeat});
        else
            send_message(links, beats[i].id, &agent_to_telemetry_shape,
                         &(struct agent_to_telemetry){.heartbeat = &heartbeat});
    }
    arena_free(&arena);
}

static void *heart_main(void *context)
{
    struct agent_links *links = context;
    struct beat *beats;
    size_t count;

    (void)pthread_mutex_lock(&links->lock);
    while (!links->ending) {
        if (condition_wait(&links->wake, &links->lock, clock_monotonic_ms() + HEARTBEAT_S * SECOND_MS))
            continue;
        count = beats_of(links, &beats);
        (void)pthread_mutex_unlock(&links->lock);
        beat_all(links, beats, count);
        free(beats);
        (void)pthread_mutex_lock(&links->lock);
    }
    (void)pthread_mutex_unlock(&links->lock);
    return NULL;
}

/* ---- life ---- */

struct agent_links *agent_links_new(struct usage_keeper *usages)
{
    struct agent_links *links = calloc(1, sizeof(*links));

    must(links != NULL);
    links->usages = usages;
    list_init(&links->sessions);
    must(pthread_mutex_init(&links->lock, NULL) == 0);
    condition_init(&links->wake);
    return links;
}

static bool begin_run(struct job *job, struct transaction *tx)
{
    (void)job;
    container_instances_disconnected(tx);
    return true;
}

bool agent_links_begin(struct agent_links *links, struct loop *loop, const struct authenticator *authenticator,
                       const struct settings *settings, struct fail *f)
{
    struct job job = {.actor = "host", .cause = STR("the server starts"), .run = begin_run};

    links->loop = loop;
    links->authenticator = authenticator;
    links->settings = settings;
    if (!websockets_start(&links->sockets, f))
        return false;
    if (!loop_run(loop, &job))
        log_error("what the records say of agents may be old: the store cannot be written");
    must(pthread_create(&links->heart, NULL, heart_main, links) == 0);
    return true;
}

void agent_links_end(struct agent_links *links)
{
    if (links->sockets == NULL)
        return;
    (void)pthread_mutex_lock(&links->lock);
    links->ending = true;
    (void)pthread_cond_signal(&links->wake);
    (void)pthread_mutex_unlock(&links->lock);
    (void)pthread_join(links->heart, NULL);
    websockets_stop(links->sockets);
}

void agent_links_free(struct agent_links *links)
{
    struct agent_said *said;

    while (!list_empty(&links->sessions))
        session_free(list_item(list_take_first(&links->sessions), struct session, link));
    for (size_t at = 0; (said = map_next(&links->said, &at)) != NULL;)
        free(said);
    map_free(&links->said);
    map_free(&links->by_instance);
    map_free(&links->by_id);
    (void)pthread_mutex_destroy(&links->lock);
    (void)pthread_cond_destroy(&links->wake);
    free(links);
}
