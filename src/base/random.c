#include "base/random.h"

#include "base/must.h"

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* splitmix64, as the authors of xoshiro advise for seeding. */
void random_seed(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(random->state); i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15U;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        random->state[i] = z ^ (z >> 31);
    }
}

/* xoshiro256** (Blackman and Vigna). */
uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    uint64_t floor;
    uint64_t value;

    must(bound > 0);
    floor = (0 - bound) % bound; /* values below it would favour small results */
    do {
        value = random_next(random);
    } while (value < floor);
    return value % bound;
}

bool random_chance(struct random *random, unsigned permille)
{
    return random_below(random, 1000) < permille;
}

struct str random_hex(struct random *random, struct arena *arena, size_t digits)
{
    char *text = arena_alloc(arena, digits + 1);
    uint64_t bits = 0;

    for (size_t i = 0; i < digits; i++) {
        if (i % 16 == 0)
            bits = random_next(random);
        text[i] = "0123456789abcdef"[bits & 15];
        bits >>= 4;
    }
    return (struct str){text, digits};
}

struct str random_uuid(struct random *random, struct arena *arena)
{
    enum { LEN = 36, VERSION = 14, VARIANT = 19 };
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *hex = random_hex(random, arena, 32).ptr;
    char *text = arena_alloc(arena, LEN + 1);

    for (size_t i = 0; i < LEN; i++) {
        text[i] = form[i];
        if (form[i] != '-')
            text[i] = *hex++;
    }
    text[VERSION] = '4';
    text[VARIANT] = "89ab"[(unsigned char)text[VARIANT] % 4];
    return (struct str){text, LEN};
}
