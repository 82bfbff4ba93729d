/* Random values of any shape, for tests: of the interpreters, and of the wire codecs. */
#pragma once

#include "base/arena.h"
#include "base/random.h"
#include "model/shape.h"

/* Fills a zeroed value of shape->size bytes. About half of the members are present, lists and maps have up to three
 * items, structures are nested up to `depth` levels. The values are such that every protocol can carry them: strings
 * are UTF-8, doubles are finite and exact in a few decimals, times fall on milliseconds between 1970 and 2100,
 * documents are JSON. They need not satisfy the constraints of the model. Unions have one member. */
void value_fill(const struct shape *shape, void *value, struct random *random, unsigned depth, struct arena *arena);
