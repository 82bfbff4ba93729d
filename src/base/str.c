#include "base/str.h"

#include <limits.h>

static uint64_t hash_key[2];

int str_compare(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static char lower(char c)
{
    if (c < 'A' || c > 'Z')
        return c;
    return (char)(c + ('a' - 'A'));
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_to(s, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_to(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_is_among(struct str s, const struct str *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, items[i]))
            return true;
    return false;
}

size_t str_characters(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return count;
}

size_t str_find(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

size_t str_find_last(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memrchr(s.ptr, c, s.len);

    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

size_t str_search(struct str s, struct str needle)
{
    const char *at = s.len == 0 ? NULL : memmem(s.ptr, s.len, needle.ptr, needle.len);

    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = str_from(s, 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_cut(struct str s, char c, struct str *rest)
{
    size_t at = str_find(s, c);

    *rest = at == s.len ? (struct str){NULL, 0} : str_from(s, at + 1);
    return str_to(s, at);
}

bool str_to_uint64(struct str s, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool str_to_int64(struct str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude;

    if (!str_to_uint64(negative ? str_from(s, 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool str_to_buffer(struct str s, char *buffer, size_t size)
{
    if (s.len >= size || str_find(s, '\0') != s.len)
        return false;
    if (s.len > 0)
        memcpy(buffer, s.ptr, s.len);
    buffer[s.len] = '\0';
    return true;
}

void str_hash_key_set(uint64_t k0, uint64_t k1)
{
    hash_key[0] = k0;
    hash_key[1] = k1;
}

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed: hash tables over names that strangers choose must not be made to collide. Sixteen bytes a step, each half
 * mixed with what nobody outside knows before the two are multiplied and the product is folded, as wyhash does it; keys
 * of the core are long, and are looked up dozens of times for a task. */
uint64_t str_hash(struct str s)
{
    uint64_t state = hash_key[0] ^ UINT64_C(0x243f6a8885a308d3); /* digits of pi */
    uint64_t secret = hash_key[1] ^ UINT64_C(0x13198a2e03707344);
    char tail[16] = {0};
    const char *last = tail;

    for (size_t at = 0; s.len - at > sizeof(tail) && at < s.len; at += sizeof(tail))
        state = fold(word_at(s.ptr + at) ^ secret, word_at(s.ptr + at + 8) ^ state);
    if (s.len >= sizeof(tail))
        last = s.ptr + s.len - sizeof(tail);
    else if (s.len > 0)
        memcpy(tail, s.ptr, s.len);
    state = fold(word_at(last) ^ secret, word_at(last + 8) ^ state);
    return fold(state ^ s.len, secret ^ UINT64_C(0xa4093822299f31d0));
}
