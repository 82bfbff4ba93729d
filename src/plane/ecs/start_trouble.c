#include "plane/ecs/start_trouble.h"

enum { WAVES_AT_ONCE = 2 }; /* tried again without a wait */

#define FIRST_WAIT_MS (10 * SECOND_MS)

static int64_t wait_ms(int32_t waves)
{
    int64_t wait = FIRST_WAIT_MS;

    if (waves <= WAVES_AT_ONCE)
        return 0;
    for (int32_t i = WAVES_AT_ONCE + 1; i < waves && wait < START_TROUBLE_WAIT_MAX_MS; i++)
        wait *= 2;
    return wait < START_TROUBLE_WAIT_MAX_MS ? wait : START_TROUBLE_WAIT_MAX_MS;
}

bool start_trouble_failed(struct start_trouble *trouble, int64_t created_ms, int64_t now_ms)
{
    SET(trouble, failures, trouble->failures + 1);
    if (trouble->has_last_wave_at && created_ms < trouble->last_wave_at)
        return false;
    SET(trouble, waves, trouble->waves + 1);
    SET(trouble, last_wave_at, now_ms);
    SET(trouble, until, now_ms + wait_ms(trouble->waves));
    return trouble->until > now_ms;
}

void start_trouble_over(struct start_trouble *trouble, bool forget_failures)
{
    int32_t failures = forget_failures ? 0 : trouble->failures;

    *trouble = (struct start_trouble){.has_failures = false};
    SET(trouble, failures, failures);
}

bool start_trouble_waits(const struct start_trouble *trouble, int64_t now_ms)
{
    return trouble->has_until && now_ms < trouble->until;
}
