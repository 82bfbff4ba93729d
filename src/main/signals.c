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

void signals_wait(void)
{
    sigset_t set = ending();
    int signal;

    must(sigwait(&set, &signal) == 0);
    log_info("ending on signal %d", signal);
}
