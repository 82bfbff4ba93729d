/* Owns the reading of the machine's clocks; nothing else in the program calls clock_gettime for a decision. */
#include "os/clock.h"

#include "base/must.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;

    must(clock_gettime(id, &now) == 0); /* fails only for a clock that does not exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_now_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME);
}

struct clock clock_wall(void)
{
    return (struct clock){.now_ms = wall_now_ms};
}

static int64_t fast_now_ms(void *context)
{
    const struct clock_fast *state = context;

    return state->start_wall_ms + (clock_monotonic_ms() - state->start_monotonic_ms) * state->rate;
}

struct clock clock_fast(struct clock_fast *state, int64_t rate)
{
    must(rate >= 1);
    *state = (struct clock_fast){
        .start_wall_ms = read_ms(CLOCK_REALTIME), .start_monotonic_ms = clock_monotonic_ms(), .rate = rate};
    return (struct clock){.now_ms = fast_now_ms, .context = state};
}

static int64_t virtual_now_ms(void *context)
{
    return atomic_load(&((struct clock_virtual *)context)->now_ms);
}

struct clock clock_virtual(struct clock_virtual *state, int64_t now_ms)
{
    atomic_init(&state->now_ms, now_ms);
    return (struct clock){.now_ms = virtual_now_ms, .context = state};
}

void clock_virtual_advance(struct clock_virtual *state, int64_t by_ms)
{
    must(by_ms >= 0);
    atomic_fetch_add(&state->now_ms, by_ms);
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

struct moment clock_moment(void)
{
    return (struct moment){read_ms(CLOCK_REALTIME), clock_monotonic_ms()};
}

struct moment clock_moment_of(int64_t wall_ms)
{
    struct moment now = clock_moment();
    int64_t ago_ms = now.wall_ms > wall_ms ? now.wall_ms - wall_ms : 0;

    return (struct moment){wall_ms, now.monotonic_ms - ago_ms};
}

int clock_left_ms(int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_monotonic_ms();

    if (left_ms < 0)
        return 0;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}
