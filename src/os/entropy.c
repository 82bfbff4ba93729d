/* Owns the one place where the program asks for randomness. */
#include "os/entropy.h"

#include "base/must.h"

#include <errno.h>
#include <sys/random.h>

void entropy_fill(void *at, size_t len)
{
    char *next = at;

    while (len > 0) {
        ssize_t got = getrandom(next, len, 0);

        must(got > 0 || errno == EINTR); /* it has no other error on memory of ours */
        if (got > 0) {
            next += got;
            len -= (size_t)got;
        }
    }
}

void entropy_seed(struct random *random)
{
    entropy_fill(random->state, sizeof(random->state));
}

struct str entropy_uuid(struct arena *arena)
{
    struct random random;

    entropy_seed(&random);
    return random_uuid(&random, arena);
}
