/* A growing byte buffer with a ceiling: nothing that we build from input can grow without bound.
 *
 * A write past the limit (or without memory) sets `overflowed` and is dropped, as are all later ones; check it once at
 * the end. Not thread-safe. Zero-initialised with only `limit` set is a valid empty buffer. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

struct buf {
    char *ptr; /* malloc'ed; not NUL-terminated */
    size_t len;
    size_t capacity;
    size_t limit; /* 0 means BUF_LIMIT_DEFAULT */
    bool overflowed;
};

#define BUF_LIMIT_DEFAULT ((size_t)64 << 20)

void buf_init(struct buf *buf, size_t limit);
void buf_free(struct buf *buf);
void buf_clear(struct buf *buf); /* empty again, memory kept */

/* Makes room for that many bytes more; false, and overflowed, past the limit. */
bool buf_reserve(struct buf *buf, size_t more);

/* Room for len bytes at the end, which the caller fills before the next call: NULL when over the limit. */
checked static inline char *buf_extend(struct buf *buf, size_t len)
{
    char *at;

    /* Inline, as what follows: encoding a record adds hundreds of small pieces. */
    if ((buf->overflowed || buf->ptr == NULL || len > buf->capacity - buf->len) && !buf_reserve(buf, len))
        return NULL;
    at = buf->ptr + buf->len;
    buf->len += len;
    return at;
}

static inline void buf_add(struct buf *buf, struct str bytes)
{
    char *at = bytes.len == 0 ? NULL : buf_extend(buf, bytes.len);

    if (at != NULL)
        memcpy(at, bytes.ptr, bytes.len);
}

static inline void buf_add_char(struct buf *buf, char c)
{
    char *at = buf_extend(buf, 1);

    if (at != NULL)
        *at = c;
}

void buf_add_cstr(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
/* Removes the first len bytes. */
void buf_consume(struct buf *buf, size_t len);

static inline struct str buf_str(const struct buf *buf) /* valid until the next write; never absent */
{
    return (struct str){buf->ptr == NULL ? "" : buf->ptr, buf->len};
}

static inline void buf_free_at(struct buf *buf)
{
    buf_free(buf);
}
#define auto_buf __attribute__((cleanup(buf_free_at))) struct buf
