/* Any frame of an agent: read as either session would. */
#include "edge/agent_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str frame = {(const char *)bytes, len};
    struct agent_from_telemetry telemetry = {0};
    struct agent_from_agent message = {0};
    struct arena arena;
    struct str body;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    (void)!agent_message_read(&agent_from_agent_shape, frame, &arena, &message, &f);
    if (agent_telemetry_body(frame, &body, &f))
        (void)!agent_message_read(&agent_from_telemetry_shape, body, &arena, &telemetry, &f);
    arena_free(&arena);
    return 0;
}
