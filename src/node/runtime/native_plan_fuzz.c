/* A container's kept plan, damaged: it is refused, or what was read is written and read again as the same. */
#include "base/must.h"
#include "node/runtime/native_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_buf once = {.limit = NATIVE_PLAN_BYTES_MAX};
    auto_buf twice = {.limit = NATIVE_PLAN_BYTES_MAX};
    struct native_plan plan;
    struct native_plan again;
    struct arena arena;
    struct fail f;

    arena_init(&arena, NATIVE_PLAN_BYTES_MAX);
    if (native_plan_read((struct str){(const char *)data, size}, &arena, &plan, &f)) {
        native_plan_write(&plan, &once);
        must(native_plan_read(buf_str(&once), &arena, &again, &f));
        native_plan_write(&again, &twice);
        must(str_eq(buf_str(&once), buf_str(&twice)));
    }
    arena_free(&arena);
    return 0;
}
