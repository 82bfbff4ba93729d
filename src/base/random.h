/* Random numbers as a value that is handed in: seeded from the OS in the product, from a number in the simulation. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct random {
    uint64_t state[4]; /* xoshiro256** */
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Evenly in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* true with a chance of permille in 1000. */
bool random_chance(struct random *random, unsigned permille);

/* `digits` lower-case hexadecimal digits, as AWS's ids have: 32 for a task, 17 for "eni-...". */
struct str random_hex(struct random *random, struct arena *arena, size_t digits);
/* A version 4 UUID in its usual form (RFC 9562, section 5.4). */
struct str random_uuid(struct random *random, struct arena *arena);
