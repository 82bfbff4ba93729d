/* Fuzzes the reading of public keys that users import. */
#include "plane/ec2/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct ssh_key key;
    struct fail f;

    arena_init(&arena, (size_t)1 << 20);
    if (ssh_key_import((struct str){(const char *)data, size}, &arena, &key, &f) && key.fingerprint.len == 0)
        abort();
    arena_free(&arena);
    return 0;
}
