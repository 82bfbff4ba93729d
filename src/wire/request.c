/* What all protocols want of a request before it is decoded: a header, the body without its encoding. */
/* Before ours: base names an attribute `unused`, which their headers spell out. */
#include <zlib.h>

#include "base/must.h"
#include "wire/protocol.h"

struct str wire_header(const struct wire_request *request, const char *name)
{
    struct str wanted = str_of(name);

    for (size_t i = 0; i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, wanted))
            return request->headers[i].value;
    return (struct str){NULL, 0};
}

enum { GZIP_WINDOW = 15 + 16, INFLATE_STEP = 16384 };

/* One gzip member to its end; nothing may stand behind it. */
static bool inflate_all(z_stream *stream, size_t limit, struct buf *out, struct fail *f)
{
    int result = Z_OK;

    while (result == Z_OK) {
        size_t before = out->len;
        char *at =
            before < limit ? buf_extend(out, limit - before < INFLATE_STEP ? limit - before : INFLATE_STEP) : NULL;

        if (at == NULL && stream->avail_in == 0)
            break;
        if (at == NULL)
            return fail_status(f, 413, "RequestEntityTooLarge", "The request body is longer than %zu bytes", limit);
        stream->next_out = (Bytef *)at;
        stream->avail_out = (uInt)(out->len - before);
        result = inflate(stream, Z_NO_FLUSH);
        out->len -= stream->avail_out;
    }
    if (result != Z_STREAM_END || stream->avail_in > 0)
        return fail_api(f, "MalformedInput", "The request body is not valid gzip data");
    return true;
}

bool wire_inflate(const struct wire_request *request, size_t limit, struct arena *arena, struct str *ret_body,
                  struct fail *f)
{
    struct str encoding = str_trim(wire_header(request, "content-encoding"));
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)request->body.ptr, .avail_in = (uInt)request->body.len};
    auto_buf plain = {.limit = limit};
    char *copy;
    bool good;

    if (encoding.len == 0 || str_eq_nocase(encoding, STR("identity"))) {
        *ret_body = request->body;
        return true;
    }
    if (!str_eq_nocase(encoding, STR("gzip")) || request->body.len > UINT32_MAX)
        return fail_status(f, 415, "UnsupportedMediaTypeException", "Unsupported Content-Encoding '%.*s'",
                           STR_ARG(encoding));
    must(inflateInit2(&stream, GZIP_WINDOW) == Z_OK);
    good = inflate_all(&stream, limit, &plain, f);
    (void)inflateEnd(&stream);
    if (!good)
        return false;
    copy = arena_try(arena, plain.len);
    if (copy == NULL)
        return fail_status(f, 413, "RequestEntityTooLarge", "The request body is too long");
    if (plain.len > 0)
        memcpy(copy, plain.ptr, plain.len);
    *ret_body = (struct str){copy, plain.len};
    return true;
}
