#include "base/buf.h"

#include "base/format.h"

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

bool buf_reserve(struct buf *buf, size_t more)
{
    size_t limit = buf->limit == 0 ? BUF_LIMIT_DEFAULT : buf->limit;
    size_t capacity = buf->capacity < 256 ? 256 : buf->capacity;
    char *grown;

    if (buf->overflowed || more > limit - buf->len) {
        buf->overflowed = true;
        return false;
    }
    if (buf->ptr != NULL && buf->capacity - buf->len >= more)
        return true;
    while (capacity - buf->len < more)
        capacity *= 2;
    /* Never more than the limit: what fits into the capacity fits the limit. */
    capacity = capacity < limit ? capacity : limit;
    grown = realloc(buf->ptr, capacity == 0 ? 1 : capacity);
    if (grown == NULL) {
        buf->overflowed = true;
        return false;
    }
    buf->ptr = grown;
    buf->capacity = capacity;
    return true;
}

void buf_add_cstr(struct buf *buf, const char *text)
{
    buf_add(buf, str_of(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    char text[256]; /* most are short: one pass over the format */
    va_list args;
    va_list again;
    size_t simple;
    int len;
    char *at;

    va_start(args, format);
    if (format_pieces(text, sizeof(text), format, args, &simple)) {
        va_end(args);
        buf_add(buf, (struct str){text, simple});
        return;
    }
    va_end(args);
    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) {
        buf->overflowed = true;
    } else if ((size_t)len < sizeof(text)) {
        buf_add(buf, (struct str){text, (size_t)len});
    } else if ((at = buf_extend(buf, (size_t)len + 1)) != NULL) {
        (void)vsnprintf(at, (size_t)len + 1, format, again);
        buf->len--; /* its NUL */
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t len)
{
    memmove(buf->ptr, buf->ptr + len, buf->len - len);
    buf->len -= len;
}
