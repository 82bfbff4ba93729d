#include "wire/percent.h"

#include "wire/utf8.h"

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void percent_encode(struct str raw, bool keep_slash, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0; /* bytes before i that go out as they are */

    for (size_t i = 0; i < raw.len; i++) {
        unsigned char byte = (unsigned char)raw.ptr[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};

        if (is_unreserved(raw.ptr[i]) || (keep_slash && byte == '/')) {
            plain++;
            continue;
        }
        buf_add(out, (struct str){raw.ptr + i - plain, plain});
        buf_add(out, (struct str){escape, sizeof(escape)});
        plain = 0;
    }
    buf_add(out, (struct str){raw.ptr + raw.len - plain, plain});
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that text starts with and how many bytes tell it, 0 when the escape is broken. */
static size_t decode_one(struct str text, bool plus_is_space, char *byte)
{
    int high;
    int low;

    *byte = text.ptr[0];
    if (plus_is_space && *byte == '+')
        *byte = ' ';
    if (text.ptr[0] != '%')
        return 1;
    if (text.len < 3)
        return 0;
    high = hex_value(text.ptr[1]);
    low = hex_value(text.ptr[2]);
    if (high < 0 || low < 0)
        return 0;
    *byte = (char)(high * 16 + low);
    return 3;
}

bool percent_decode(struct str text, bool plus_is_space, struct arena *arena, struct str *ret_raw)
{
    bool as_it_stands = str_find(text, '%') == text.len && (!plus_is_space || str_find(text, '+') == text.len);
    struct str raw = text;
    char *at;

    if (!as_it_stands) {
        at = arena_try(arena, text.len);
        if (at == NULL)
            return false;
        raw = (struct str){at, 0};
        while (text.len > 0) {
            size_t len = decode_one(text, plus_is_space, &at[raw.len]);

            if (len == 0)
                return false;
            raw.len++;
            text = str_from(text, len);
        }
    }
    if (!utf8_valid(raw) || str_find(raw, '\0') != raw.len)
        return false;
    *ret_raw = raw;
    return true;
}
