/* UTF-8 (RFC 3629), which log messages must be: containers write what they like. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Bytes of the character at the front of text: 1 to 4, or 0 when it is none (cut short, overlong, a surrogate). */
size_t utf8_char_len(struct str text);
/* Appends text, each byte that is not part of a character replaced with U+FFFD. */
void utf8_repair(struct str text, struct buf *out);
/* The most bytes, up to max, that cut no character of a valid text in two. */
size_t utf8_cut(struct str text, size_t max);
