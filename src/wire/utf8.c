#include "wire/utf8.h"

/* RFC 3629, section 4: what a lead byte asks of the byte behind it; the others are 80..BF. */
static const struct {
    unsigned char lead_min, lead_max;
    unsigned char second_min, second_max;
    size_t len;
} rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t utf8_sequence(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    size_t row = 0;

    if (at[0] < 0x80)
        return 1;
    while (row < COUNT_OF(rows) && (at[0] < rows[row].lead_min || at[0] > rows[row].lead_max))
        row++;
    if (row == COUNT_OF(rows) || text.len < rows[row].len)
        return 0;
    if (at[1] < rows[row].second_min || at[1] > rows[row].second_max)
        return 0;
    for (size_t i = 2; i < rows[row].len; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return rows[row].len;
}

bool utf8_valid(struct str text)
{
    while (text.len > 0) {
        size_t len = utf8_sequence(text);

        if (len == 0)
            return false;
        text = str_from(text, len);
    }
    return true;
}
