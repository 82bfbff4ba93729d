#include "node/image/fetch.h"

#include "base/must.h"
#include "node/image/problem.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <strings.h>
#include <time.h>

enum {
    RECEIVE_BYTES = 256 << 10, /* curl's buffer */
    BODY_HIGH = 512 << 10,     /* paused above it */
    HEADER_BYTES_MAX = 64 << 10,
    CHALLENGES_MAX = 8 << 10,
    REDIRECTS_MAX = 5,
    POLL_MS = 250, /* how long a cancel flag may stay unseen */
};

struct fetch_client {
    CURLM *multi;
    const struct image_limits *limits;
    struct fetch_cancel cancel;
};

struct fetch {
    struct fetch_client *client;
    CURL *easy;
    struct curl_slist *headers;
    char *url; /* for failures */
    struct arena arena;
    size_t header_bytes;
    struct fetch_answer answer;
    struct buf body; /* arrived and not given out, or given out by the last read */
    uint64_t received;
    uint64_t waited_ms;
    bool given; /* the body was given out */
    bool paused;
    bool done;
    CURLcode result;
    char error[CURL_ERROR_SIZE];
};

/* --- time and cancelling --- */

bool fetch_cancelled(const struct fetch_cancel *cancel)
{
    for (size_t i = 0; i < COUNT_OF(cancel->flags); i++)
        if (cancel->flags[i] != NULL && atomic_load(cancel->flags[i]))
            return true;
    return false;
}

bool fetch_wait(const struct fetch_cancel *cancel, uint64_t wait_ms)
{
    while (wait_ms > 0 && !fetch_cancelled(cancel)) {
        uint64_t part = wait_ms < POLL_MS ? wait_ms : POLL_MS;

        (void)poll(NULL, 0, (int)part);
        wait_ms -= part;
    }
    return !fetch_cancelled(cancel);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- client --- */

static void set_up_curl(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

bool fetch_client_open(const struct image_limits *limits, struct fetch_client **ret_client, struct fail *f)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct fetch_client *client;

    (void)pthread_once(&once, set_up_curl);
    client = calloc(1, sizeof(*client));
    must(client != NULL);
    client->limits = limits;
    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        free(client);
        return image_fail(f, IMAGE_SYSTEM, "cannot set up an HTTP client");
    }
    *ret_client = client;
    return true;
}

void fetch_client_cancel(struct fetch_client *client, struct fetch_cancel cancel)
{
    client->cancel = cancel;
}

void fetch_client_close(struct fetch_client *client)
{
    (void)curl_multi_cleanup(client->multi);
    free(client);
}

/* --- what curl calls --- */

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;

    if (fetch->body.len >= BODY_HIGH) {
        fetch->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_add(&fetch->body, (struct str){bytes, size * count});
    return fetch->body.overflowed ? 0 : size * count;
}

/* "bytes 500-999/1000" (RFC 9110, section 14.4). */
static uint64_t range_start(struct str value)
{
    struct str rest;
    struct str unit = str_cut(value, ' ', &rest);
    uint64_t start;

    if (!str_eq_nocase(unit, STR("bytes")) || rest.ptr == NULL || !str_to_uint64(str_cut(rest, '-', &rest), &start))
        return 0;
    return start;
}

static void take_field(struct fetch *fetch, struct str name, struct str value)
{
    struct fetch_answer *answer = &fetch->answer;

    if (str_eq_nocase(name, STR("content-type")))
        answer->content_type = arena_str(&fetch->arena, value);
    else if (str_eq_nocase(name, STR("docker-content-digest")))
        answer->content_digest = arena_str(&fetch->arena, value);
    else if (str_eq_nocase(name, STR("content-range")))
        answer->offset = range_start(value);
    else if (str_eq_nocase(name, STR("www-authenticate")) && answer->challenges.len < CHALLENGES_MAX)
        answer->challenges = arena_printf(&fetch->arena, "%.*s%.*s\n", STR_ARG(answer->challenges), STR_ARG(value));
}

/* One line of the header; a status line begins the next answer, after a redirect for instance. */
static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    struct str line = {bytes, size * count};
    struct str value;
    struct str name = str_cut(line, ':', &value);

    fetch->header_bytes += line.len;
    if (fetch->header_bytes > HEADER_BYTES_MAX)
        return 0;
    if (str_starts(line, STR("HTTP/")))
        fetch->answer = (struct fetch_answer){0, STR(""), STR(""), STR(""), 0};
    else if (value.ptr != NULL)
        take_field(fetch, name, str_trim(value));
    return line.len;
}

/* --- a fetch --- */

static void add_header(struct fetch *fetch, const char *name, const char *value)
{
    struct str line = arena_printf(&fetch->arena, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(fetch->headers, line.ptr);

    must(longer != NULL);
    fetch->headers = longer;
}

static void add_headers(struct fetch *fetch, const struct fetch_request *request)
{
    if (request->accept != NULL)
        add_header(fetch, "Accept", request->accept);
    if (request->authorization != NULL)
        add_header(fetch, "Authorization", request->authorization);
    if (request->offset > 0) {
        char range[64];

        (void)snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)request->offset);
        add_header(fetch, "Range", range);
    }
}

/* Options that curl knows cannot be refused but without memory. */
#define SET(option, value) must(curl_easy_setopt(fetch->easy, (option), (value)) == CURLE_OK)

static void set_options(struct fetch *fetch, const struct fetch_request *request)
{
    bool https = strncasecmp(request->url, "https:", 6) == 0;

    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)fetch->client->limits->connect_timeout_ms);
    SET(CURLOPT_ERRORBUFFER, fetch->error);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, fetch);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, fetch);
    SET(CURLOPT_HTTPHEADER, fetch->headers);
    if (request->ca_file != NULL)
        SET(CURLOPT_CAINFO, request->ca_file);
}

static bool broken(const struct fetch *fetch, const char *why, struct fail *f)
{
    return image_fail(f, IMAGE_UNREACHABLE, "failed to do request: Get \"%s\": %s", fetch->url, why);
}

static void take_messages(struct fetch *fetch)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetch->client->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE && message->easy_handle == fetch->easy) {
            fetch->done = true;
            fetch->result = message->data.result;
        }
    }
}

/* A registry that trickles would keep a worker for ever. */
static bool fast_enough(const struct fetch *fetch, uint64_t waited_ms)
{
    const struct image_limits *limits = fetch->client->limits;

    return waited_ms < limits->idle_timeout_ms || fetch->received * 1000 / waited_ms >= limits->slowest_bytes_per_s;
}

/* Lets curl work until bytes have arrived or the transfer is over. Only the time in here counts as waiting: what the
 * reader needs in between is not the registry's fault. */
static bool drive(struct fetch *fetch, struct fail *f)
{
    uint64_t start_ms = now_ms();
    uint64_t waited_ms = 0;
    int running;

    if (fetch->paused) {
        fetch->paused = false;
        (void)curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
    }
    for (;;) {
        if (fetch_cancelled(&fetch->client->cancel))
            return image_fail(f, IMAGE_STOPPED, "the pull was stopped");
        if (curl_multi_perform(fetch->client->multi, &running) != CURLM_OK)
            return broken(fetch, "the HTTP client failed", f);
        take_messages(fetch);
        waited_ms = now_ms() - start_ms;
        if (fetch->done || fetch->body.len > 0)
            break;
        if (waited_ms >= fetch->client->limits->idle_timeout_ms)
            return broken(fetch, "i/o timeout", f);
        (void)curl_multi_poll(fetch->client->multi, NULL, 0, POLL_MS, NULL);
    }
    fetch->received += fetch->body.len;
    fetch->waited_ms += waited_ms;
    return fetch->done || fast_enough(fetch, fetch->waited_ms) || broken(fetch, "the registry is too slow", f);
}

static bool ended_well(const struct fetch *fetch, struct fail *f)
{
    if (!fetch->done || fetch->result == CURLE_OK)
        return true;
    return broken(fetch, fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(fetch->result), f);
}

bool fetch_open(struct fetch_client *client, const struct fetch_request *request, struct fetch **ret_fetch,
                struct fail *f)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    long status = 0;

    must(fetch != NULL);
    fetch->client = client;
    fetch->url = strdup(request->url);
    fetch->easy = curl_easy_init();
    must(fetch->url != NULL);
    must(fetch->easy != NULL);
    arena_init(&fetch->arena, ARENA_LIMIT_DEFAULT);
    buf_init(&fetch->body, BODY_HIGH + (size_t)2 * RECEIVE_BYTES);
    fetch->answer = (struct fetch_answer){0, STR(""), STR(""), STR(""), 0};
    add_headers(fetch, request);
    set_options(fetch, request);
    must(curl_multi_add_handle(client->multi, fetch->easy) == CURLM_OK);
    if (!drive(fetch, f) || (fetch->body.len == 0 && !ended_well(fetch, f))) {
        fetch_close(fetch);
        return false;
    }
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->answer.status = (unsigned)status;
    *ret_fetch = fetch;
    return true;
}

const struct fetch_answer *fetch_answer(const struct fetch *fetch)
{
    return &fetch->answer;
}

bool fetch_read(struct fetch *fetch, struct str *ret_piece, struct fail *f)
{
    if (fetch->given)
        buf_clear(&fetch->body);
    fetch->given = false;
    if (fetch->body.len == 0 && !fetch->done && !drive(fetch, f))
        return false;
    if (fetch->body.len == 0 && !ended_well(fetch, f))
        return false;
    fetch->given = true;
    *ret_piece = buf_str(&fetch->body);
    return true;
}

bool fetch_read_all(struct fetch *fetch, struct buf *body, struct fail *f)
{
    struct str piece;

    do {
        if (!fetch_read(fetch, &piece, f))
            return false;
        buf_add(body, piece);
        if (body->overflowed)
            return image_fail(f, IMAGE_OVER_LIMIT, "the answer to Get \"%s\" is longer than %zu bytes", fetch->url,
                              body->limit);
    } while (piece.len > 0);
    return true;
}

void fetch_close(struct fetch *fetch)
{
    (void)curl_multi_remove_handle(fetch->client->multi, fetch->easy);
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    buf_free(&fetch->body);
    arena_free(&fetch->arena);
    free(fetch->url);
    free(fetch);
}
