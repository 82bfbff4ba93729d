/* Base64 (RFC 4648, section 4), over OpenSSL. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

void base64_encode(struct str raw, struct buf *out);
/* Padding may be missing, as AWS accepts it; anything else outside the alphabet is refused. false too when the arena is
 * full. */
checked bool base64_decode(struct str text, struct arena *arena, struct str *ret_raw);
