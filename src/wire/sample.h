/* Tests only: values made up at random for any shape, to send them through codecs. */
#pragma once

#include "base/arena.h"
#include "base/random.h"
#include "model/shape.h"

/* Fills a zeroed structure; about half of its members are left absent. Strings hold what formats must escape, but
 * neither NUL nor other control characters, which XML cannot carry. */
void sample_fill(struct random *random, const struct shape *structure, void *value, struct arena *arena);
