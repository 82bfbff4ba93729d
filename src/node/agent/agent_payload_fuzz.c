/* A task of a payload: whatever it is, it is refused with words, or is an assignment that the engine can keep. */
#include "base/must.h"
#include "model/interpret.h"
#include "node/agent/agent_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct host_task_assignment *assignment, struct arena *arena)
{
    struct host_task_assignment again = {.task_arn = {NULL, 0}};
    auto_buf bytes = {.ptr = NULL};
    struct fail f;

    value_encode(&host_task_assignment_shape, assignment, &bytes);
    must(value_decode(&host_task_assignment_shape, buf_str(&bytes), &again, arena, &f));
    if (assignment->desired_status == HOST_DESIRED_STATUS_STOPPED)
        return;
    must(assignment->task_definition != NULL);
    must(assignment->task_definition->container_definitions.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct agent_payload_defaults defaults = {.region = STR("us-east-1"), .stop_timeout_s = 30};
    struct host_task_assignment assignment;
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (agent_payload_read((struct str){(const char *)data, size}, &defaults, &arena, &assignment, &f))
        check(&assignment, &arena);
    else
        must(f.message[0] != '\0');
    arena_free(&arena);
    return 0;
}
