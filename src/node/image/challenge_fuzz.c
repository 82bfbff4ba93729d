/* WWW-Authenticate headers: whatever is read stays within what was given. */
#include "base/must.h"
#include "node/image/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct challenge challenge;
    struct arena arena;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    challenge = challenge_parse(&arena, (struct str){(const char *)data, size});
    must(challenge.scheme != CHALLENGE_BEARER || challenge.realm.len > 0);
    must(challenge.realm.len + challenge.service.len + challenge.scope.len <= size);
    arena_free(&arena);
    return 0;
}
