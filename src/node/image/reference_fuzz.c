/* Image references: what parses, parses to itself again. */
#include "base/must.h"
#include "node/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_reference first, again;
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (image_reference_parse(&arena, (struct str){(const char *)data, size}, &first, &f)) {
        must(first.registry.len > 0);
        must(first.repository.len > 0);
        must(image_reference_parse(&arena, first.text, &again, &f));
        must(str_eq(first.text, again.text));
        must(str_eq(first.repository, again.repository));
    }
    arena_free(&arena);
    return 0;
}
