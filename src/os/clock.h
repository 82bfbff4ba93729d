/* Clocks. The wall clock is a port: core/ and plane/ are handed its time, and a test or a simulation hands in a clock
 * of its own. The monotonic clock is for waiting (timeouts of the OS layer) and is never stored. */
#pragma once

#include "base/attributes.h"

#include <stdint.h>

/* The port: milliseconds since 1970-01-01T00:00:00Z. now_ms is safe from any thread. */
struct clock {
    int64_t (*now_ms)(void *context);
    void *context;
};

static inline int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->context);
}

/* The machine's wall clock. It may step when someone sets it. */
struct clock clock_wall(void);

/* A clock that starts at the machine's time and runs `rate` times as fast (--clock-rate 60: a minute a second), by the
 * monotonic clock, so that it never steps. rate >= 1. The struct outlives every user of the clock. */
struct clock_fast {
    int64_t start_wall_ms;
    int64_t start_monotonic_ms;
    int64_t rate;
};
struct clock clock_fast(struct clock_fast *state, int64_t rate);

/* A clock that stands still until it is moved: for tests and the simulation. Moving and reading may be on different
 * threads. */
struct clock_virtual {
    _Atomic int64_t now_ms;
};
struct clock clock_virtual(struct clock_virtual *state, int64_t now_ms);
void clock_virtual_advance(struct clock_virtual *state, int64_t by_ms);

/* Milliseconds since some fixed point; never goes back, does not count time asleep (CLOCK_MONOTONIC). */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void); /* the same in microseconds, for measuring */

/* When something happened: by the wall clock, which is shown, and by the monotonic one, which timeouts are counted by,
 * as someone may set the other. */
struct moment {
    int64_t wall_ms, monotonic_ms;
};
struct moment clock_moment(void); /* now */
/* Of what has only a wall clock's time, and is past: that of a clock set back since counts as now. */
struct moment clock_moment_of(int64_t wall_ms);

/* What is left until a monotonic deadline, as poll(2) takes it: 0 once it has passed, never negative. */
int clock_left_ms(int64_t deadline_ms);
