/* Base 64 as tokens and authorization messages have it. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"

/* Base 64 for URLs without padding (RFC 4648, section 5); false for anything else, or when the arena is full. */
checked bool base64_url_read(struct str text, struct arena *arena, struct str *ret_raw);
/* The other way, in the arena. */
struct str base64_url_write(struct str raw, struct arena *arena);
