/* struct str: a slice of bytes, passed by value. It owns nothing and need not end in NUL.
 *
 * ptr NULL means absent; an empty string that is present has a non-NULL ptr and len 0. */
#pragma once

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A literal as a str: STR("x"). STR_INIT serves static initialisers. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                                              \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }
/* For printf's "%.*s": printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

static inline struct str str_of(const char *text) /* NULL gives the absent str */
{
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

static inline struct str str_from(struct str s, size_t start) /* the rest from start on; start <= len */
{
    return (struct str){s.ptr + start, s.len - start};
}

static inline struct str str_to(struct str s, size_t end) /* the first end bytes; end <= len */
{
    return (struct str){s.ptr, end};
}

/* Byte order, shorter first among equals: <0, 0, >0. */
int str_compare(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix); /* ASCII only */
bool str_ends(struct str s, struct str suffix);
bool str_is_among(struct str s, const struct str *items, size_t count);
/* Unicode characters, counted without looking whether the bytes are UTF-8: the ones that do not continue another. */
size_t str_characters(struct str s);
/* Index of the first / last byte c, or s.len when there is none. */
size_t str_find(struct str s, char c);
size_t str_find_last(struct str s, char c);
/* Index of the first occurrence of needle, or s.len. */
size_t str_search(struct str s, struct str needle);
struct str str_trim(struct str s); /* without spaces, tabs, CR and LF at both ends */

/* Cuts s at the first byte c: returns what stands before it and leaves in *rest what stands behind. Without c the
 * whole of s is returned and *rest is absent (ptr NULL). */
struct str str_cut(struct str s, char c, struct str *rest);

/* Decimal number, the whole of s, no sign for the unsigned one; false on anything else or overflow. */
checked bool str_to_int64(struct str s, int64_t *ret_value);
checked bool str_to_uint64(struct str s, uint64_t *ret_value);

/* Copies into a NUL-terminated buffer for a system call; false if it does not fit or s holds a NUL byte. */
checked bool str_to_buffer(struct str s, char *buffer, size_t size);

/* Keyed 64-bit hash of bytes (the key chosen once a process), for maps over input from outside. */
uint64_t str_hash(struct str s);
/* Sets that key; call once at start, before the first map. Without it the key is zero (tests, simulation). */
void str_hash_key_set(uint64_t k0, uint64_t k1);
