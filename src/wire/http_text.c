#include "wire/http_text.h"

static struct str take_line(struct str *text)
{
    return str_trim(str_cut(*text, '\n', text));
}

bool http_text_parse(struct str text, struct http_text *ret_http)
{
    struct str line = take_line(&text);
    struct wire_request request = {0};
    struct str target;

    request.method = str_cut(line, ' ', &target);
    target = str_cut(target, ' ', &line);
    request.path = str_cut(target, '?', &request.query);
    while (text.ptr != NULL && (line = take_line(&text)).len > 0) {
        struct str value;
        struct str name = str_cut(line, ':', &value);

        if (request.header_count == HTTP_TEXT_HEADERS_MAX)
            return false;
        ret_http->headers[request.header_count++] = (struct http_header){name, str_trim(value)};
    }
    if (text.ptr == NULL)
        return false;
    request.headers = ret_http->headers;
    request.body = text;
    ret_http->request = request;
    return true;
}

struct str http_text_file(const char *name, struct arena *arena)
{
    char path[512];
    auto_file file = NULL;
    char *bytes = arena_alloc(arena, 1 << 20);

    (void)snprintf(path, sizeof(path), "%s/%s", getenv("BERTH_CORPUS_WIRE"), name);
    file = fopen(path, "rb");
    if (file == NULL)
        return (struct str){NULL, 0};
    return (struct str){bytes, fread(bytes, 1, 1 << 20, file)};
}
