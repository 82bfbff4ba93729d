/* For the files of jwt.h only. */
#pragma once

#include "plane/iam/jwt.h"

/* Base 64 for URLs without padding (RFC 4648, section 5); false for anything else, or when the arena is full. */
checked bool jwt_base64(struct str text, struct arena *arena, struct str *ret_raw);
