/* Owns the reading and the strict checking of a request's head. libmicrohttpd is lenient where proxies in front of us
 * may not be (two lengths, odd names, bare CR): what two parsers could read differently is refused here.
 *
 * Sources: RFC 9110 section 5.6.2 (tokens), RFC 9112 sections 3.2 (request target), 5 (fields), 6.3 (body length). */
#include "os/http_internal.h"

struct intake {
    struct exchange *exchange;
    struct http_header *headers;
    size_t count;
    size_t limit;
    bool malformed;
};

static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char((unsigned char)s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0 && (s.ptr[0] == '/' || str_is(s, "*"));
}

void request_set_target(struct http_exchange *shown, struct str target)
{
    struct wire_request *request = &shown->request;

    /* The absolute form, which proxies' clients send: the authority is in Host as well. */
    if (str_starts(target, STR("http://")) || str_starts(target, STR("https://"))) {
        target = str_from(target, str_search(target, STR("://")) + 3);
        target = str_from(target, str_find(target, '/'));
        if (target.len == 0)
            target = STR("/");
    }
    target = arena_str(shown->arena, target);
    request->path = str_cut(target, '?', &request->query);
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t value_len)
{
    struct intake *intake = context;
    struct arena *arena = &intake->exchange->arena;
    struct http_header header = {{name, name_len}, str_trim((struct str){value == NULL ? "" : value, value_len})};

    (void)kind;
    if (intake->count == intake->limit || !is_token(header.name) || !is_field_value(header.value)) {
        intake->malformed = true;
        return MHD_NO;
    }
    intake->headers[intake->count++] =
        (struct http_header){arena_str(arena, header.name), arena_str(arena, header.value)};
    return MHD_YES;
}

static bool read_headers(struct exchange *exchange)
{
    int count = MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, NULL, NULL);
    struct intake intake = {.exchange = exchange, .limit = count < 0 ? 0 : (size_t)count};

    intake.headers = arena_array(&exchange->arena, struct http_header, intake.limit);
    (void)MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, take_header, &intake);
    exchange->shown.request.headers = intake.headers;
    exchange->shown.request.header_count = intake.count;
    return !intake.malformed;
}

static size_t count_header(const struct wire_request *request, const char *name, struct str *ret_last)
{
    size_t count = 0;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_eq_nocase(request->headers[i].name, str_of(name)))
            continue;
        *ret_last = request->headers[i].value;
        count++;
    }
    return count;
}

/* One way to tell the body's length, or none; two are how requests are smuggled past a proxy. */
static bool has_one_length(const struct wire_request *request)
{
    struct str value;
    uint64_t length;
    size_t lengths = count_header(request, "Content-Length", &value);

    if (lengths > 1 || (lengths == 1 && !str_to_uint64(value, &length)))
        return false;
    if (count_header(request, "Transfer-Encoding", &value) == 0)
        return true;
    return lengths == 0 && str_eq_nocase(value, STR("chunked")) &&
           count_header(request, "Transfer-Encoding", &value) == 1;
}

uint64_t request_body_length(const struct wire_request *request)
{
    struct str value;
    uint64_t length;

    if (count_header(request, "Transfer-Encoding", &value) > 0)
        return UINT64_MAX;
    if (count_header(request, "Content-Length", &value) > 0 && str_to_uint64(value, &length))
        return length;
    return 0;
}

bool request_waits_for_leave(const struct wire_request *request)
{
    struct str value;

    return count_header(request, "Expect", &value) > 0 && str_eq_nocase(value, STR("100-continue"));
}

uint16_t request_read_head(struct exchange *exchange, const char *method, const char *version, const char **ret_why)
{
    struct wire_request *request = &exchange->shown.request;
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct str host;

    request->method = arena_str(&exchange->arena, str_of(method));
    if (size != NULL && size->header_size > exchange->server->options.header_bytes_max) {
        *ret_why = "The request's line and headers are too large.\n";
        return 431;
    }
    *ret_why = "The request line or a header is malformed.\n";
    if (!is_token(request->method) || !is_target(request->path) || !read_headers(exchange))
        return 400;
    *ret_why = "The length of the body is not stated in exactly one way.\n";
    if (!has_one_length(request))
        return 400;
    *ret_why = "An HTTP/1.1 request has exactly one Host header.\n";
    if (strcmp(version, "HTTP/1.1") == 0 && count_header(request, "Host", &host) != 1)
        return 400;
    return 0;
}
