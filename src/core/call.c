#include "core/call.h"

static const char hex[] = "0123456789abcdef";

static unsigned char check_byte(struct str bytes)
{
    unsigned char sum = 0x5a;

    for (size_t i = 0; i < bytes.len; i++)
        sum = (unsigned char)(sum * 31 + (unsigned char)bytes.ptr[i]);
    return sum;
}

struct str page_token(struct arena *arena, struct str last_key)
{
    char *text = arena_alloc(arena, 2 * last_key.len + 3);
    unsigned char check = check_byte(last_key);

    for (size_t i = 0; i < last_key.len; i++) {
        text[2 * i] = hex[(unsigned char)last_key.ptr[i] >> 4];
        text[2 * i + 1] = hex[(unsigned char)last_key.ptr[i] & 15];
    }
    text[2 * last_key.len] = hex[check >> 4];
    text[2 * last_key.len + 1] = hex[check & 15];
    return (struct str){text, 2 * last_key.len + 2};
}

static bool hex_digit(char c, unsigned *ret_value)
{
    const char *at = c == '\0' ? NULL : strchr(hex, c);

    if (at == NULL)
        return false;
    *ret_value = (unsigned)(at - hex);
    return true;
}

bool page_begin(struct arena *arena, struct str token, const char *error_type, struct str *ret_after, struct fail *f)
{
    struct str key;
    char *bytes;

    if (token.ptr == NULL || token.len == 0) {
        *ret_after = (struct str){NULL, 0};
        return true;
    }
    bytes = arena_alloc(arena, token.len / 2 + 1);
    for (size_t i = 0; i + 1 < token.len; i += 2) {
        unsigned high;
        unsigned low;

        if (!hex_digit(token.ptr[i], &high) || !hex_digit(token.ptr[i + 1], &low))
            return fail_api(f, error_type, "Invalid token: %.*s", STR_ARG(token));
        bytes[i / 2] = (char)(high << 4 | low);
    }
    if (token.len % 2 != 0 || token.len < 4)
        return fail_api(f, error_type, "Invalid token: %.*s", STR_ARG(token));
    key = (struct str){bytes, token.len / 2 - 1};
    if (check_byte(key) != (unsigned char)bytes[key.len])
        return fail_api(f, error_type, "Invalid token: %.*s", STR_ARG(token));
    *ret_after = key;
    return true;
}
