#include "main/signals.h"

#include "base/log.h"
#include "base/must.h"

#include <pthread.h>
#include <signal.h>

static sigset_t ending(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return set;
}

void signals_block(void)
{
    sigset_t set = ending();

    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool signals_wait_for(int64_t ms)
{
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    sigset_t set = ending();
    int signal = sigtimedwait(&set, NULL, &span);

    if (signal >= 0)
        log_info("ending on signal %d", signal);
    return signal >= 0;
}

void signals_wait(void)
{
    sigset_t set = ending();
    int signal;

    must(sigwait(&set, &signal) == 0);
    log_info("ending on signal %d", signal);
}
