/* Reads and matches: the input is a pattern, a NUL byte, an event. */
#include "base/must.h"
#include "plane/events/event_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str event;
    struct str text = str_cut((struct str){(const char *)data, size}, '\0', &event);
    const struct event_pattern *pattern;
    struct arena arena;
    struct arena scratch;
    struct fail f;

    if (event.ptr == NULL)
        event = STR("");
    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
    arena_init(&scratch, EVENT_PATTERN_SCRATCH_BYTES(event.len));
    if (event_pattern_read(text, &arena, &pattern, &f)) {
        (void)event_pattern_matches(pattern, event, &scratch);
    } else {
        must(f.code == FAIL_API);
        must(f.message[0] != '\0');
    }
    arena_free(&scratch);
    arena_free(&arena);
    return 0;
}
