#include "base/buf.h"

#include <stdarg.h>

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_free(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
}

static bool reserve(struct buf *buf, size_t more)
{
    size_t limit = buf->limit == 0 ? BUF_LIMIT_DEFAULT : buf->limit;
    size_t capacity = buf->capacity < 256 ? 256 : buf->capacity;
    char *grown;

    if (buf->overflowed || more > limit - buf->len) {
        buf->overflowed = true;
        return false;
    }
    if (buf->capacity - buf->len >= more)
        return true;
    while (capacity - buf->len < more)
        capacity *= 2;
    grown = realloc(buf->ptr, capacity);
    if (grown == NULL) {
        buf->overflowed = true;
        return false;
    }
    buf->ptr = grown;
    buf->capacity = capacity;
    return true;
}

void buf_add(struct buf *buf, struct str bytes)
{
    if (bytes.len == 0 || !reserve(buf, bytes.len))
        return;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, (struct str){&c, 1});
}

void buf_add_cstr(struct buf *buf, const char *text)
{
    buf_add(buf, str_of(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len + 1)) {
        buf->overflowed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

char *buf_extend(struct buf *buf, size_t len)
{
    char *at;

    if (!reserve(buf, len == 0 ? 1 : len))
        return NULL;
    at = buf->ptr + buf->len;
    buf->len += len;
    return at;
}

void buf_consume(struct buf *buf, size_t len)
{
    memmove(buf->ptr, buf->ptr + len, buf->len - len);
    buf->len -= len;
}
