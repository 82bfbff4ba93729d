/* Owns the cloning of children that share our memory; os/process.h starts ordinary programs. */
#include "node/runtime/borrowed_child.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { STACK_BYTES = 128 << 10 };

child_side int child_fails(struct child_failure *failure, const char *step, const char *object)
{
    failure->error = errno;
    failure->step = step;
    failure->object = object;
    return -1;
}

/* All signals are blocked around the clone, so that none of our handlers runs in the child. */
child_side pid_t borrowed_child_start(child_fn *body, void *context, unsigned flags, int *ret_pidfd)
{
    sigset_t all;
    sigset_t before;
    pid_t pid;
    int error;
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return -1;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(body, stack + STACK_BYTES, (int)(flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD), context, ret_pidfd);
    error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)munmap(stack, STACK_BYTES);
    errno = error;
    return pid;
}

bool borrowed_child_run(child_fn *body, void *context, unsigned flags, const struct child_failure *failure,
                        const char *what, struct fail *f)
{
    auto_fd pidfd = -1;
    int status;
    pid_t pid = borrowed_child_start(body, context, flags, &pidfd);

    if (pid < 0)
        return fail(f, FAIL_SYSTEM, "%s: clone: %s", what, strerror(errno));
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return fail(f, FAIL_SYSTEM, "%s: wait: %s", what, strerror(errno));
    if (failure->step != NULL)
        return fail(f, FAIL_SYSTEM, "%s: %s%s%s: %s", what, failure->step, failure->object == NULL ? "" : " ",
                    failure->object == NULL ? "" : failure->object, strerror(failure->error));
    if (!WIFEXITED(status))
        return fail(f, FAIL_SYSTEM, "%s: the helper was killed by signal %d", what, WTERMSIG(status));
    return true;
}
