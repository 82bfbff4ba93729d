/* Feeds tokens and key sets: up to the first newline a token, behind it a set. */
#include "base/must.h"
#include "plane/iam/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest;
    struct str token = str_cut((struct str){(const char *)data, size}, '\n', &rest);
    struct arena arena;
    struct jwt jwt;
    struct fail f;

    arena_init(&arena, (size_t)8 << 20);
    if (jwt_read(token, &arena, &jwt, &f))
        must(!jwt_verify(&jwt, rest.ptr == NULL ? STR("{}") : rest, &arena, &f) || jwt.signature.len > 0);
    else
        must(f.code == FAIL_INPUT);
    arena_free(&arena);
    return 0;
}
