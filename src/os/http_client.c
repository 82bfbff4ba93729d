/* Owns a libcurl handle and the translation of one request into its options and one outcome into a reply. */
#include "os/http_client.h"

#include "base/must.h"

#include <curl/curl.h>
#include <pthread.h>

enum {
    REDIRECTS_MAX = 10,
    HEADERS_MAX = 200,
    CONNECT_TIMEOUT_MS_DEFAULT = 10000,
    STALL_TIMEOUT_MS_DEFAULT = 60000,
    RECEIVE_BYTES = 128 << 10, /* of curl's buffer; 16 KiB, its default, costs a third of the speed on loopback */
};

struct http_client {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

/* One call. */
struct fetch {
    const struct http_client_request *request;
    CURL *curl;
    struct http_client_reply reply;
    bool headers_over;
    bool body_over;
    bool broken_off;
    struct curl_slist *headers;
};

static void library_start(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

bool http_client_new(struct http_client **ret_client, struct fail *f)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *client;

    (void)pthread_once(&once, library_start);
    client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->curl = curl_easy_init();
    if (client == NULL || client->curl == NULL) {
        free(client);
        return fail(f, FAIL_SYSTEM, "start an HTTP client: out of memory");
    }
    *ret_client = client;
    return true;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client);
}

struct str http_client_header(const struct http_client_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_eq_nocase(reply->headers[i].name, str_of(name)))
            return reply->headers[i].value;
    return (struct str){0};
}

void http_client_reply_free(struct http_client_reply *reply)
{
    buf_free(&reply->body);
    arena_free(&reply->arena);
    reply->headers = NULL;
    reply->header_count = 0;
}

/* A status line: of the reply, or first of a redirect or "100 Continue", whose headers do not count. */
static bool start_headers(struct fetch *fetch)
{
    arena_reset(&fetch->reply.arena);
    fetch->reply.header_count = 0;
    fetch->reply.headers = arena_try(&fetch->reply.arena, sizeof(struct http_header) * HEADERS_MAX);
    return fetch->reply.headers != NULL;
}

static bool add_header(struct fetch *fetch, struct str line)
{
    struct http_client_reply *reply = &fetch->reply;
    struct http_header header;
    char *copy;

    header.name = str_cut(line, ':', &header.value);
    if (header.value.ptr == NULL)
        return true; /* the empty line at the end */
    header.value = str_trim(header.value);
    copy = arena_try(&reply->arena, header.name.len + header.value.len + 2);
    if (copy == NULL || reply->headers == NULL || reply->header_count == HEADERS_MAX)
        return false;
    memcpy(copy, header.name.ptr, header.name.len);
    memcpy(copy + header.name.len + 1, header.value.ptr, header.value.len);
    reply->headers[reply->header_count++] = (struct http_header){
        {copy, header.name.len},
        {copy + header.name.len + 1, header.value.len},
    };
    return true;
}

static size_t on_header(char *at, size_t one, size_t len, void *context)
{
    struct fetch *fetch = context;
    struct str line = {at, len};

    (void)one;
    if (str_starts(line, STR("HTTP/")) ? start_headers(fetch) : add_header(fetch, line))
        return len;
    fetch->headers_over = true;
    return 0;
}

static bool is_for_sink(struct fetch *fetch)
{
    long status = 0;

    (void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
    return fetch->request->sink != NULL && status >= 200 && status < 300;
}

static size_t on_body(char *at, size_t one, size_t len, void *context)
{
    struct fetch *fetch = context;
    struct str bytes = {at, len};

    (void)one;
    if (is_for_sink(fetch)) {
        fetch->broken_off = !fetch->request->sink(fetch->request->sink_context, bytes);
        return fetch->broken_off ? 0 : len;
    }
    buf_add(&fetch->reply.body, bytes);
    fetch->body_over = fetch->reply.body.overflowed;
    return fetch->body_over ? 0 : len;
}

static size_t on_source(char *at, size_t one, size_t size, void *context)
{
    struct fetch *fetch = context;
    ssize_t len = fetch->request->source(fetch->request->source_context, at, one * size);

    if (len >= 0)
        return (size_t)len;
    fetch->broken_off = true;
    return CURL_READFUNC_ABORT;
}

static int on_progress(void *context, curl_off_t in_all, curl_off_t in, curl_off_t out_all, curl_off_t out)
{
    struct fetch *fetch = context;

    (void)in_all;
    (void)in;
    (void)out_all;
    (void)out;
    fetch->broken_off = atomic_load(fetch->request->cancel);
    return fetch->broken_off;
}

static bool has_header(const struct http_client_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, str_of(name)))
            return true;
    return false;
}

static bool append(struct fetch *fetch, const char *line, struct fail *f)
{
    struct curl_slist *longer = curl_slist_append(fetch->headers, line);

    if (longer == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    fetch->headers = longer;
    return true;
}

/* curl's own additions are taken out: what is sent is what the request says. An empty value is written with ";". */
static bool set_headers(struct fetch *fetch, struct fail *f)
{
    static const char *const unwanted[] = {"Content-Type", "Expect", "Accept"};
    const struct http_client_request *request = fetch->request;
    auto_buf line = {.limit = HTTP_CLIENT_HEADER_BYTES_MAX};

    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        buf_clear(&line);
        buf_printf(&line, header->value.len == 0 ? "%.*s;%.*s" : "%.*s: %.*s", STR_ARG(header->name),
                   STR_ARG(header->value));
        buf_add_char(&line, '\0');
        if (line.overflowed || strlen(line.ptr) + 1 != line.len || strpbrk(line.ptr, "\r\n") != NULL)
            return fail(f, FAIL_INPUT, "header %.*s cannot be sent", STR_ARG(header->name));
        if (!append(fetch, line.ptr, f))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(unwanted); i++) {
        buf_clear(&line);
        buf_printf(&line, "%s:", unwanted[i]);
        buf_add_char(&line, '\0');
        if (!has_header(request, unwanted[i]) && !append(fetch, line.ptr, f))
            return false;
    }
    (void)curl_easy_setopt(fetch->curl, CURLOPT_HTTPHEADER, fetch->headers);
    return true;
}

static void set_body(struct fetch *fetch)
{
    const struct http_client_request *request = fetch->request;
    const char *method = request->method == NULL ? "GET" : request->method;

    if (request->source != NULL) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_READFUNCTION, on_source);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_READDATA, fetch);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->source_size);
    } else if (request->body.ptr != NULL) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDS, request->body.ptr);
    } else if (strcmp(method, "HEAD") == 0) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_NOBODY, 1L);
        return;
    } else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0); /* Content-Length: 0 */
        (void)curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDS, "");
    }
    (void)curl_easy_setopt(fetch->curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct fetch *fetch)
{
    const struct http_client_request *request = fetch->request;
    unsigned connect_ms = request->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS_DEFAULT : request->connect_timeout_ms;
    unsigned stall_ms = request->stall_timeout_ms == 0 ? STALL_TIMEOUT_MS_DEFAULT : request->stall_timeout_ms;

    (void)curl_easy_setopt(fetch->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    (void)curl_easy_setopt(fetch->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(fetch->curl, CURLOPT_LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
    (void)curl_easy_setopt(fetch->curl, CURLOPT_TIMEOUT_MS, (long)request->total_timeout_ms);
    if (request->cancel != NULL) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_XFERINFODATA, fetch);
    }
}

static void set_trust(struct fetch *fetch)
{
    if (fetch->request->ca_file != NULL)
        (void)curl_easy_setopt(fetch->curl, CURLOPT_CAINFO, fetch->request->ca_file);
    if (fetch->request->insecure) {
        (void)curl_easy_setopt(fetch->curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(fetch->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_options(struct fetch *fetch, char *reason)
{
    CURL *curl = fetch->curl;

    curl_easy_reset(curl); /* options only: connections stay */
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, fetch->request->follow_redirects ? 1L : 0L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)RECEIVE_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    set_body(fetch);
    set_limits(fetch);
    set_trust(fetch);
}

/* "host:port" of a URL, for messages. */
static bool host_of(const char *url, char *out, size_t size, struct fail *f)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    char *port = NULL;
    bool known = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;

    if (known)
        (void)snprintf(out, size, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return known || fail(f, FAIL_INPUT, "not a URL of the form http://host or https://host");
}

static enum fail_code kind_of(CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return FAIL_LIMIT;
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? FAIL_INPUT : FAIL_SYSTEM;
}

static bool explain(const struct fetch *fetch, CURLcode code, const char *host, const char *reason, struct fail *f)
{
    long error = 0;

    if (fetch->broken_off)
        return fail(f, FAIL_CONFLICT, "%s: broken off", host);
    if (fetch->headers_over)
        return fail(f, FAIL_LIMIT, "%s: the reply's headers are too large", host);
    if (fetch->body_over)
        return fail(f, FAIL_LIMIT, "%s: the reply is larger than %zu bytes", host, fetch->reply.body.limit);
    if (reason[0] == '\0')
        reason = curl_easy_strerror(code);
    (void)curl_easy_getinfo(fetch->curl, CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_COULDNT_CONNECT && error != 0)
        return fail(f, FAIL_SYSTEM, "%s: %s: %s", host, reason, strerror((int)error));
    return fail(f, kind_of(code), "%s: %s", host, reason);
}

bool http_fetch(struct http_client *client, const struct http_client_request *request,
                struct http_client_reply *ret_reply, struct fail *f)
{
    struct fetch fetch = {.request = request, .curl = client->curl};
    char host[300];
    CURLcode code;
    long status = 0;

    if (!host_of(request->url, host, sizeof(host), f))
        return false;
    buf_init(&fetch.reply.body, request->body_limit == 0 ? (size_t)HTTP_CLIENT_BODY_BYTES_MAX : request->body_limit);
    arena_init(&fetch.reply.arena, HTTP_CLIENT_HEADER_BYTES_MAX);
    client->reason[0] = '\0';
    set_options(&fetch, client->reason);
    if (!set_headers(&fetch, f)) {
        curl_slist_free_all(fetch.headers);
        return fail_in(f, "%s", host);
    }
    (void)curl_easy_setopt(client->curl, CURLOPT_URL, request->url);
    code = curl_easy_perform(client->curl);
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(fetch.headers);
    if (code != CURLE_OK) {
        http_client_reply_free(&fetch.reply);
        return explain(&fetch, code, host, client->reason, f);
    }
    fetch.reply.status = (uint16_t)status;
    *ret_reply = fetch.reply;
    return true;
}
