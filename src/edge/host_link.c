#include "edge/host_link.h"

#include "base/log.h"
#include "base/map.h"
#include "base/must.h"
#include "edge/authenticate.h"
#include "edge/usage_keeper.h"
#include "os/link.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/task.h"

#include <pthread.h>

enum {
    HOST_SILENCE_MS_MAX = 30000, /* hosts report every ten seconds */
    QUEUE_BYTES_MAX = LINK_MESSAGE_MAX,
};

/* A message under way to a host: with `bytes` of its own behind it. */
struct outgoing {
    struct list link;
    bool assignment; /* else it stands for itself */
    struct str bytes;
    char space[];
};

/* One link. Sends go through its own queue and thread, so that a slow host never holds up the core. */
struct host_peer {
    struct host_links *links;
    struct link *link;
    uint64_t number;    /* after hello: above those of all that said hello before */
    struct str host_id; /* after hello; in `space` */
    pthread_t sender;
    pthread_cond_t wake;
    struct list queue; /* struct outgoing, oldest first; no assignment stands before a complete one */
    size_t queued;     /* bytes in it; at most QUEUE_BYTES_MAX, or one message */
    bool ending;
    char space[128];
};

/* What the core thread knows of a host's links: by the newest of each, jobs that a full disk undid and that come again
 * in any order are told from those that still count. */
struct host_said {
    uint64_t hello, closed; /* numbers of links; 0: none */
    struct str host_id;
    char space[];
};

struct host_links {
    struct str token;
    struct usage_keeper *usages;
    struct loop *loop;
    struct map said;      /* struct host_said by host; the core thread's */
    pthread_mutex_t lock; /* protects by_host, number, count, ending and every peer's queue and ending */
    pthread_cond_t gone;
    struct map by_host;
    uint64_t number; /* the last that a link was given */
    size_t count;
    bool ending; /* what a full disk undoes is not tried again */
    struct host_peer *peers[1024];
};

/* ---- jobs ---- */

enum job_kind { JOB_HELLO, JOB_REPORT, JOB_CLOSED };

struct link_job {
    struct job job;
    struct host_links *links;
    enum job_kind kind;
    uint64_t number; /* of the link */
    struct str host_id;
    struct arena arena;
    struct host_from_host message;
};

static bool is_ending(struct host_links *links)
{
    bool ending;

    (void)pthread_mutex_lock(&links->lock);
    ending = links->ending;
    (void)pthread_mutex_unlock(&links->lock);
    return ending;
}

static struct host_said *said_by(struct host_links *links, struct str host_id)
{
    struct host_said *said = map_get(&links->said, host_id);

    if (said != NULL)
        return said;
    said = calloc(1, sizeof(*said) + host_id.len);
    must(said != NULL);
    memcpy(said->space, host_id.ptr, host_id.len);
    said->host_id = (struct str){said->space, host_id.len};
    must(map_put(&links->said, said->host_id, said) == NULL);
    return said;
}

static void run_hello(struct link_job *link_job, struct transaction *tx)
{
    struct host_said *said = said_by(link_job->links, link_job->host_id);

    if (link_job->number > said->hello)
        said->hello = link_job->number;
    if (link_job->number == said->hello && said->hello > said->closed)
        host_connected(tx, link_job->message.hello);
}

static void run_closed(struct link_job *link_job, struct transaction *tx)
{
    struct host_said *said = said_by(link_job->links, link_job->host_id);

    if (link_job->number > said->closed)
        said->closed = link_job->number;
    if (said->hello <= said->closed)
        host_disconnected(tx, link_job->host_id);
}

/* One that was left of an earlier link knows nothing of what the host was told since. */
static void run_report(struct link_job *link_job, struct transaction *tx)
{
    if (link_job->number < said_by(link_job->links, link_job->host_id)->hello)
        return;
    tasks_observe(tx, link_job->host_id, link_job->message.report);
    instances_observe(tx, link_job->host_id, link_job->message.report);
}

static bool job_run(struct job *job, struct transaction *tx)
{
    struct link_job *link_job = list_item(&job->link, struct link_job, job.link);

    switch (link_job->kind) {
    case JOB_HELLO:
        run_hello(link_job, tx);
        break;
    case JOB_CLOSED:
        run_closed(link_job, tx);
        break;
    case JOB_REPORT:
        run_report(link_job, tx);
        break;
    }
    return true;
}

static void job_done(struct job *job, bool durable)
{
    struct link_job *link_job = list_item(&job->link, struct link_job, job.link);

    if (!durable && link_job->kind != JOB_REPORT && !is_ending(link_job->links)) {
        loop_submit(link_job->links->loop, job); /* reports come again by themselves */
        return;
    }
    arena_free(&link_job->arena);
    free(link_job);
}

static void submit(struct host_peer *peer, enum job_kind kind, struct link_job *link_job)
{
    link_job->job = (struct job){.actor = "host", .run = job_run, .done = job_done};
    link_job->links = peer->links;
    link_job->kind = kind;
    link_job->number = peer->number;
    link_job->host_id = arena_str(&link_job->arena, peer->host_id);
    link_job->job.cause = link_job->host_id;
    loop_submit(peer->links->loop, &link_job->job);
}

static struct link_job *job_new(void)
{
    struct link_job *link_job = calloc(1, sizeof(*link_job));

    must(link_job != NULL);
    arena_init(&link_job->arena, ARENA_LIMIT_DEFAULT);
    return link_job;
}

/* ---- one link ---- */

/* lock held, or the only one who knows the peer. */
static void queue_clear(struct host_peer *peer)
{
    while (!list_empty(&peer->queue))
        free(list_item(list_take_first(&peer->queue), struct outgoing, link));
    peer->queued = 0;
}

/* What a complete assignment takes the place of. lock held. */
static void queue_clear_assignments(struct host_peer *peer)
{
    list_each(link, after, &peer->queue)
    {
        struct outgoing *outgoing = list_item(link, struct outgoing, link);

        if (!outgoing->assignment)
            continue;
        list_remove(&outgoing->link);
        peer->queued -= outgoing->bytes.len;
        free(outgoing);
    }
}

/* Takes the oldest messages out of the queue, as many as are sent together. lock held. */
static size_t take_queued(struct host_peer *peer, struct outgoing **ret_taken)
{
    size_t count = 0;

    while (count < LINK_SENT_TOGETHER_MAX && !list_empty(&peer->queue)) {
        ret_taken[count] = list_item(list_take_first(&peer->queue), struct outgoing, link);
        peer->queued -= ret_taken[count++]->bytes.len;
    }
    return count;
}

static void send_taken(struct host_peer *peer, struct outgoing **taken, size_t count)
{
    struct str messages[LINK_SENT_TOGETHER_MAX];

    for (size_t i = 0; i < count; i++)
        messages[i] = taken[i]->bytes;
    (void)link_send_all(peer->link, messages, count);
    for (size_t i = 0; i < count; i++)
        free(taken[i]);
}

static void *send_main(void *context)
{
    struct host_peer *peer = context;
    struct host_links *links = peer->links;

    (void)pthread_mutex_lock(&links->lock);
    while (!peer->ending) {
        struct outgoing *taken[LINK_SENT_TOGETHER_MAX];
        size_t count = take_queued(peer, taken);

        if (count == 0) {
            (void)pthread_cond_wait(&peer->wake, &links->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&links->lock);
        send_taken(peer, taken, count);
        (void)pthread_mutex_lock(&links->lock);
    }
    (void)pthread_mutex_unlock(&links->lock);
    return NULL;
}

static void hello(struct host_peer *peer, struct link_job *link_job)
{
    struct host_links *links = peer->links;
    struct str host_id = link_job->message.hello->host_id;
    struct host_peer *older;

    memcpy(peer->space, host_id.ptr, host_id.len);
    (void)pthread_mutex_lock(&links->lock);
    peer->host_id = (struct str){peer->space, host_id.len};
    peer->number = ++links->number;
    older = map_put(&links->by_host, peer->host_id, peer);
    if (older != NULL)
        link_shut(older->link);
    (void)pthread_mutex_unlock(&links->lock);
    log_info("host %.*s is connected", STR_ARG(peer->host_id));
    submit(peer, JOB_HELLO, link_job);
}

static bool hello_is_good(const struct host_hello *hello)
{
    return hello != NULL && hello->host_id.len > 0 && hello->host_id.len < 128 && hello->has_cpu_units &&
           hello->has_memory_mib;
}

static void take_usage(const struct host_peer *peer, const struct host_usage *usage)
{
    for (size_t i = 0; i < usage->tasks.count; i++)
        usage_keeper_add(peer->links->usages, &(struct task_usage){.task_arn = usage->tasks.items[i].task_arn,
                                                                   .teller = peer->host_id,
                                                                   .cpu = usage->tasks.items[i].cpu_units,
                                                                   .memory_mib = usage->tasks.items[i].memory_mib});
}

static void message(void *context, struct link *link, struct str bytes)
{
    struct host_peer *peer = link_user(link);
    struct link_job *link_job = job_new();
    struct fail f;

    (void)context;
    if (!value_decode(&host_from_host_shape, bytes, &link_job->message, &link_job->arena, &f)) {
        log_warning("host %.*s sends what cannot be read, its link is cut: %s", STR_ARG(peer->host_id), f.message);
        link_shut(link);
    } else if (peer->host_id.ptr == NULL && hello_is_good(link_job->message.hello)) {
        hello(peer, link_job);
        return;
    } else if (peer->host_id.ptr != NULL && link_job->message.report != NULL) {
        submit(peer, JOB_REPORT, link_job);
        return;
    } else if (peer->host_id.ptr != NULL && link_job->message.usage != NULL) {
        take_usage(peer, link_job->message.usage);
    }
    arena_free(&link_job->arena);
    free(link_job);
}

static void closed(void *context, struct link *link)
{
    struct host_peer *peer = link_user(link);
    struct host_links *links = peer->links;
    bool current;

    (void)context;
    (void)pthread_mutex_lock(&links->lock);
    current = peer->host_id.ptr != NULL && map_get(&links->by_host, peer->host_id) == peer;
    if (current)
        (void)map_remove(&links->by_host, peer->host_id);
    peer->ending = true;
    (void)pthread_cond_signal(&peer->wake);
    (void)pthread_mutex_unlock(&links->lock);
    (void)pthread_join(peer->sender, NULL);
    if (current) {
        log_warning("host %.*s is disconnected", STR_ARG(peer->host_id));
        submit(peer, JOB_CLOSED, job_new());
    }
    link_free(link);
    queue_clear(peer);
    (void)pthread_cond_destroy(&peer->wake);
    (void)pthread_mutex_lock(&links->lock);
    for (size_t i = 0; i < COUNT_OF(links->peers); i++)
        if (links->peers[i] == peer)
            links->peers[i] = NULL;
    links->count--;
    (void)pthread_cond_broadcast(&links->gone);
    (void)pthread_mutex_unlock(&links->lock);
    free(peer);
}

/* The upgraded connection. */
static void take(void *context, struct http_socket socket, struct str early)
{
    static const struct link_handler handler = {
        .silence_ms_max = HOST_SILENCE_MS_MAX, .message = message, .closed = closed};
    struct host_links *links = context;
    struct host_peer *peer = calloc(1, sizeof(*peer));
    size_t at = 0;

    must(peer != NULL);
    peer->links = links;
    list_init(&peer->queue);
    must(pthread_cond_init(&peer->wake, NULL) == 0);
    (void)pthread_mutex_lock(&links->lock);
    while (at < COUNT_OF(links->peers) && links->peers[at] != NULL)
        at++;
    if (at == COUNT_OF(links->peers)) {
        (void)pthread_mutex_unlock(&links->lock);
        log_error("more than %zu hosts want a link; one is refused", COUNT_OF(links->peers));
        http_socket_close(&socket);
        free(peer);
        return;
    }
    links->peers[at] = peer;
    links->count++;
    peer->link = link_start(socket, early, &handler, peer);
    must(pthread_create(&peer->sender, NULL, send_main, peer) == 0);
    (void)pthread_mutex_unlock(&links->lock);
}

/* ---- the door ---- */

void host_links_complete(struct host_links *links, struct http_exchange *exchange)
{
    static const struct http_header headers[] = {{STR_INIT("Upgrade"), STR_INIT("berth-host")}};
    struct http_reply refusal = {.status = 403, .kind = HTTP_BODY_BYTES, .bytes = STR("the token is wrong\n")};

    if (!authenticate_bearer(&exchange->request, links->token)) {
        http_exchange_reply(exchange, &refusal);
        return;
    }
    http_exchange_upgrade(exchange, headers, COUNT_OF(headers), take, links);
}

static struct outgoing *outgoing_new(struct str bytes, bool assignment)
{
    struct outgoing *outgoing = malloc(sizeof(*outgoing) + bytes.len);

    must(outgoing != NULL);
    outgoing->assignment = assignment;
    memcpy(outgoing->space, bytes.ptr, bytes.len);
    outgoing->bytes = (struct str){outgoing->space, bytes.len};
    return outgoing;
}

/* A host that does not take what it is told says hello again when it can, and is told all. lock held. */
static void enqueue(struct host_peer *peer, struct outgoing *outgoing)
{
    if (!list_empty(&peer->queue) && peer->queued + outgoing->bytes.len > QUEUE_BYTES_MAX) {
        log_warning("host %.*s does not take what it is told, its link is cut", STR_ARG(peer->host_id));
        queue_clear(peer);
        link_shut(peer->link);
        free(outgoing);
        return;
    }
    if (list_empty(&peer->queue))
        (void)pthread_cond_signal(&peer->wake);
    list_add_last(&peer->queue, &outgoing->link);
    peer->queued += outgoing->bytes.len;
}

void host_links_send(struct host_links *links, struct str host_id, struct str bytes, bool complete)
{
    struct outgoing *outgoing = outgoing_new(bytes, /* assignment= */ true);
    struct host_peer *peer;

    (void)pthread_mutex_lock(&links->lock);
    peer = map_get(&links->by_host, host_id);
    if (peer != NULL && complete)
        queue_clear_assignments(peer);
    if (peer != NULL)
        enqueue(peer, outgoing);
    else
        free(outgoing);
    (void)pthread_mutex_unlock(&links->lock);
}

void host_links_tell(struct host_links *links, struct str host_id, struct str bytes)
{
    struct outgoing *outgoing = outgoing_new(bytes, /* assignment= */ false);
    struct host_peer *peer;

    (void)pthread_mutex_lock(&links->lock);
    peer = map_get(&links->by_host, host_id);
    if (peer != NULL)
        enqueue(peer, outgoing);
    else
        free(outgoing);
    (void)pthread_mutex_unlock(&links->lock);
}

struct host_links *host_links_new(struct str token, struct usage_keeper *usages)
{
    struct host_links *links = calloc(1, sizeof(*links));

    must(links != NULL);
    links->token = token;
    links->usages = usages;
    must(pthread_mutex_init(&links->lock, NULL) == 0);
    must(pthread_cond_init(&links->gone, NULL) == 0);
    return links;
}

static bool begin_run(struct job *job, struct transaction *tx)
{
    (void)job;
    host_disconnected_all(tx);
    return true;
}

void host_links_begin(struct host_links *links, struct loop *loop)
{
    struct job job = {.actor = "host", .cause = STR("the server starts"), .run = begin_run};

    links->loop = loop;
    if (!loop_run(loop, &job))
        log_error("what the records say of hosts may be old: the store cannot be written");
}

static void shut_all(struct host_links *links)
{
    for (size_t i = 0; i < COUNT_OF(links->peers); i++)
        if (links->peers[i] != NULL)
            link_shut(links->peers[i]->link);
}

void host_links_cut(struct host_links *links)
{
    (void)pthread_mutex_lock(&links->lock);
    shut_all(links);
    (void)pthread_mutex_unlock(&links->lock);
}

void host_links_end(struct host_links *links)
{
    (void)pthread_mutex_lock(&links->lock);
    links->ending = true;
    shut_all(links);
    while (links->count > 0)
        (void)pthread_cond_wait(&links->gone, &links->lock);
    (void)pthread_mutex_unlock(&links->lock);
}

void host_links_free(struct host_links *links)
{
    struct host_said *said;

    for (size_t at = 0; (said = map_next(&links->said, &at)) != NULL;)
        free(said);
    map_free(&links->said);
    map_free(&links->by_host);
    (void)pthread_mutex_destroy(&links->lock);
    (void)pthread_cond_destroy(&links->gone);
    free(links);
}
