/* Reads an expression and walks its first times: each is later than the one before, and a whole minute. */
#include "base/must.h"
#include "base/when.h"
#include "plane/events/schedule.h"

enum { TIMES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schedule schedule;
    int64_t now_ms = INT64_C(1800000000000);

    if (!schedule_read((struct str){(const char *)data, size}, &schedule))
        return 0;
    for (int i = 0; i < TIMES; i++) {
        int64_t next_ms = schedule_next(&schedule, INT64_C(1800000000000), now_ms);

        if (next_ms == WHEN_NEVER)
            return 0;
        must(next_ms > now_ms);
        must(next_ms % MINUTE_MS == 0);
        now_ms = next_ms;
    }
    return 0;
}
