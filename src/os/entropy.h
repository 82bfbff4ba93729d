/* Random bytes of the kernel (getrandom): for keys, tokens, and to seed the generators of base/random.h, which are
 * what decisions use. Safe from any thread; blocks only early in the boot of the machine. */
#pragma once

#include "base/random.h"

void entropy_fill(void *at, size_t len);
/* A generator that nobody can predict. */
void entropy_seed(struct random *random);
/* A version 4 UUID that nobody can predict, in the arena. */
struct str entropy_uuid(struct arena *arena);
