#include "plane/iam/jwt_private.h"

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool jwt_base64(struct str text, struct arena *arena, struct str *ret_raw)
{
    char *raw = arena_try(arena, text.len / 4 * 3 + 3);
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;

    if (raw == NULL || text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);

        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            raw[len++] = (char)(bits >> count & 255);
        }
    }
    *ret_raw = (struct str){raw, len};
    return true;
}
