/* Compiles and matches: the input is a pattern, a NUL byte, a message. Checks what must hold of any of them. */
#include "base/must.h"
#include "plane/logs/filter_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message;
    struct str text = str_cut((struct str){(const char *)data, size}, '\0', &message);
    const struct filter_pattern *pattern;
    const struct filter_value *values;
    struct arena arena;
    struct arena scratch;
    struct fail f;

    if (message.ptr == NULL)
        message = STR("");
    arena_init(&arena, FILTER_COMPILE_ARENA_BYTES);
    arena_init(&scratch, FILTER_SCRATCH_BYTES(message.len));
    if (filter_pattern_compile(text, &arena, &pattern, &f)) {
        bool matches = filter_pattern_match(pattern, message, &scratch);
        struct str value;

        arena_reset(&scratch);
        must(matches || filter_pattern_values(pattern, message, &scratch, &values) == 0);
        arena_reset(&scratch);
        if (filter_pattern_value(pattern, message, STR("$.a"), &scratch, &value))
            must(filter_pattern_kind(pattern) == FILTER_JSON);
    } else {
        must(f.code == FAIL_API);
        must(f.message[0] != '\0');
    }
    arena_free(&scratch);
    arena_free(&arena);
    return 0;
}
