/* Any request whatever, in the store encoding: judged without a crash, and what is accepted can be made. */
#include "base/arena.h"
#include "model/interpret.h"
#include "plane/ecs/task_definition_check.h"
#include "plane/ecs/task_definition_new.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ecs_register_task_definition_request in = {.family = {NULL, 0}};
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (value_decode(&ecs_register_task_definition_request_shape, (struct str){(const char *)bytes, len}, &in, &arena,
                     &f) &&
        value_check(&ecs_register_task_definition_request_shape, &in, &f) && task_definition_check(&in, &f))
        (void)task_definition_new(&in, STR("111122223333"), &arena);
    arena_free(&arena);
    return 0;
}
