/* Percent-encoding (RFC 3986, section 2.1) in the two dialects that AWS requests use. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* Appends raw with all but the unreserved bytes (section 2.3) as %XX in upper case, as SigV4 asks for. */
void percent_encode(struct str raw, bool keep_slash, struct buf *out);

/* Decodes %XX, and "+" as a space where forms are read. false when the text is not well-formed: a broken escape, an
 * escaped NUL, bytes that are not UTF-8; or when the arena is full. Text without escapes is returned as it stands. */
checked bool percent_decode(struct str text, bool plus_is_space, struct arena *arena, struct str *ret_raw);
