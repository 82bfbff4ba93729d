/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#pragma once

#include "base/str.h"

/* Bytes of the well-formed sequence at the start of text (1 to 4), 0 when there is none. text is not empty. */
size_t utf8_sequence(struct str text);
bool utf8_valid(struct str text);

/* What stands for a byte that is not UTF-8: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"
