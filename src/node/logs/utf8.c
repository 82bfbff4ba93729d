#include "node/logs/utf8.h"

/* Characters by their first byte; the second byte's range rules out overlong forms, surrogates and what is above
 * U+10FFFF (RFC 3629, section 4). */
static const struct {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    uint8_t len;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static uint8_t byte_at(struct str text, size_t at)
{
    return (uint8_t)text.ptr[at];
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t utf8_char_len(struct str text)
{
    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        uint8_t len = forms[i].len;

        if (byte_at(text, 0) < forms[i].first_low || byte_at(text, 0) > forms[i].first_high)
            continue;
        if (text.len < len ||
            (len > 1 && (byte_at(text, 1) < forms[i].second_low || byte_at(text, 1) > forms[i].second_high)))
            return 0;
        for (size_t j = 2; j < len; j++)
            if (!is_continuation(byte_at(text, j)))
                return 0;
        return len;
    }
    return 0;
}

/* The front of text up to its first byte that is not part of a character. */
static size_t valid_len(struct str text)
{
    size_t at = 0;
    size_t len;

    while ((len = utf8_char_len(str_from(text, at))) > 0)
        at += len;
    return at;
}

void utf8_repair(struct str text, struct buf *out)
{
    while (text.len > 0) {
        size_t good = valid_len(text);

        buf_add(out, str_to(text, good));
        text = str_from(text, good);
        if (text.len == 0)
            return;
        buf_add(out, STR("\xef\xbf\xbd"));
        text = str_from(text, 1);
    }
}

size_t utf8_cut(struct str text, size_t max)
{
    size_t at = max;

    if (text.len <= max)
        return text.len;
    while (at > 0 && is_continuation(byte_at(text, at)))
        at--;
    return at;
}
