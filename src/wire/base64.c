/* Before ours: base names an attribute `unused`, which their headers spell out. */
#include <openssl/evp.h>

#include "wire/base64.h"

#include <limits.h>

enum { PIECE_BYTES = 3 * 1024, PIECE_TEXT = 4 * 1024 };

void base64_encode(struct str raw, struct buf *out)
{
    while (raw.len > 0) {
        unsigned char text[PIECE_TEXT + 1];
        size_t taken = raw.len < PIECE_BYTES ? raw.len : PIECE_BYTES;
        int len = EVP_EncodeBlock(text, (const unsigned char *)raw.ptr, (int)taken);

        buf_add(out, (struct str){(const char *)text, (size_t)len});
        raw = str_from(raw, taken);
    }
}

/* EVP_DecodeBlock skips white space at the ends and takes "=" for zero bits anywhere: look first. */
static bool is_alphabet(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

bool base64_decode(struct str text, struct arena *arena, struct str *ret_raw)
{
    char last[4] = {'=', '=', '=', '='};
    unsigned char *raw;
    size_t whole;
    size_t rest;

    if (text.len % 4 == 0)
        for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    whole = text.len / 4 * 4;
    rest = text.len % 4;
    if (rest == 1 || text.len > INT_MAX / 2 || !is_alphabet(text))
        return false;
    raw = arena_try(arena, whole / 4 * 3 + 3);
    if (raw == NULL)
        return false;
    if (whole > 0 && EVP_DecodeBlock(raw, (const unsigned char *)text.ptr, (int)whole) < 0)
        return false;
    if (rest > 0) {
        memcpy(last, text.ptr + whole, rest);
        if (EVP_DecodeBlock(raw + whole / 4 * 3, (const unsigned char *)last, 4) < 0)
            return false;
    }
    *ret_raw = (struct str){(const char *)raw, whole / 4 * 3 + (rest == 0 ? 0 : rest - 1)};
    return true;
}
