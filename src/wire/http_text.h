/* Tests only: a request as an HTTP/1.1 text, as the captures in tests/corpus/wire hold it. */
#pragma once

#include "wire/protocol.h"

enum { HTTP_TEXT_HEADERS_MAX = 64 };

struct http_text {
    struct arena arena;
    struct wire_request request;
    struct http_header headers[HTTP_TEXT_HEADERS_MAX];
};

/* Reads text, which must outlive the result; false when it is not a request. The caller frees the arena. */
checked bool http_text_parse(struct str text, struct http_text *ret_http);

/* The whole file tests/corpus/wire/NAME, in the arena; absent when there is none. */
struct str http_text_file(const char *name, struct arena *arena);
