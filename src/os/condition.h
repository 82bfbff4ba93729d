/* Condition variables whose waits end by the monotonic clock, so that nobody who sets the time of day delays them or
 * cuts them short (pthread_condattr_setclock(3)). */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition);
/* Waits until it is signalled, or until clock_monotonic_ms (os/clock.h) says that time: false. WHEN_NEVER waits for the
 * signal alone. May return true without a signal, as pthread_cond_wait(3) may. The lock is held. Any thread. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms);
