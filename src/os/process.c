/* Owns the birth and death of child processes. Does not collect output (process_run.c) and keeps no list of children:
 * whoever starts one holds its pidfd. */
#include "os/process.h"

#include "base/must.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
    STACK_BYTES = 64 << 10, /* of the child until execve; it calls nothing deep */
    STEPS_FDS = PROCESS_FDS_MAX + 3,
    SIGNAL_COUNT = 64,
    KERNEL_SIGSET_BYTES = 8,
    EXIT_NOT_STARTED = 127,
};

/* What the child works from and reports into. It lies in the parent's stack frame: the child shares our memory and we
 * sleep until it has executed or ended, so `failed` and `error` need no pipe. */
struct birth {
    const struct process_options *options;
    const char *path;
    const char *const *env;
    struct process_fd fds[STEPS_FDS];
    size_t fd_count;
    const char *failed; /* the step that failed, NULL: none */
    const char *object; /* what it failed on, may be NULL */
    int error;
};

/* The child runs on a stack of its own in our address space: sanitizers must not keep books on it. Functions marked so
 * run between clone and execve: system calls only, no lock, no allocation. System calls that sanitizers or libc shadow
 * in memory (signal actions, descriptors) go straight to the kernel, since that memory is the parent's too. */
#define child_side __attribute__((no_sanitize("address", "thread", "undefined")))

child_side static bool child_fails(struct birth *birth, const char *step, const char *object)
{
    birth->error = errno;
    birth->failed = step;
    birth->object = object;
    return false;
}

/* Before the signal mask is opened: no handler of ours may run in the child, and an ignored SIGPIPE must not be
 * inherited. Zeroes are SIG_DFL in the kernel's own struct. */
child_side static void reset_signals(void)
{
    const unsigned long defaults[4] = {0};

    for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
        (void)syscall(SYS_rt_sigaction, signal, defaults, NULL, KERNEL_SIGSET_BYTES);
}

child_side static void open_signal_mask(void)
{
    const unsigned long none = 0;

    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_BYTES);
}

child_side static bool enter_session(struct birth *birth)
{
    if (birth->options->own_session && syscall(SYS_setsid) < 0)
        return child_fails(birth, "setsid", NULL);
    if (birth->options->own_group && !birth->options->own_session && syscall(SYS_setpgid, 0, 0) < 0)
        return child_fails(birth, "setpgid", NULL);
    return true;
}

child_side static bool join_namespaces(struct birth *birth)
{
    for (size_t i = 0; i < birth->options->namespace_count; i++)
        if (syscall(SYS_setns, birth->options->namespaces[i], 0) < 0)
            return child_fails(birth, "join a namespace", NULL);
    return true;
}

child_side static bool change_mounts(struct birth *birth)
{
    const struct process_options *options = birth->options;

    if (!options->own_mounts)
        return true;
    if (syscall(SYS_unshare, CLONE_NEWNS) < 0)
        return child_fails(birth, "unshare the mount namespace", NULL);
    if (syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return child_fails(birth, "make mounts private below", "/");
    for (const char *const *path = options->unmount; path != NULL && *path != NULL; path++)
        if (syscall(SYS_umount2, *path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
            return child_fails(birth, "unmount", *path);
    for (size_t i = 0; i < options->mount_count; i++) {
        const struct process_mount *mount = &options->mounts[i];

        if (syscall(SYS_mount, mount->source, mount->target, mount->type, mount->flags, mount->options) < 0)
            return child_fails(birth, "mount on", mount->target);
    }
    return true;
}

/* Copies first go above every number asked for, so that {3,4} and {4,3} can be swapped. */
child_side static bool place_descriptors(struct birth *birth)
{
    int above = 2;

    for (size_t i = 0; i < birth->fd_count; i++)
        if (birth->fds[i].to > above)
            above = birth->fds[i].to;
    for (size_t i = 0; i < birth->fd_count; i++) {
        long copy = syscall(SYS_fcntl, birth->fds[i].from, F_DUPFD_CLOEXEC, above + 1);

        if (copy < 0)
            return child_fails(birth, "pass a descriptor", NULL);
        birth->fds[i].from = (int)copy;
    }
    if (syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return child_fails(birth, "close inherited descriptors", NULL);
    for (size_t i = 0; i < birth->fd_count; i++)
        if (syscall(SYS_dup3, birth->fds[i].from, birth->fds[i].to, 0) < 0)
            return child_fails(birth, "pass a descriptor", NULL);
    return true;
}

child_side static int child_main(void *context)
{
    struct birth *birth = context;

    reset_signals();
    if (enter_session(birth) && join_namespaces(birth) && change_mounts(birth)) {
        if (birth->options->directory != NULL && syscall(SYS_chdir, birth->options->directory) < 0) {
            (void)child_fails(birth, "chdir to", birth->options->directory);
        } else if (place_descriptors(birth)) {
            open_signal_mask();
            (void)syscall(SYS_execve, birth->path, birth->options->argv, birth->env);
            (void)child_fails(birth, "execute", birth->path);
        }
    }
    syscall(SYS_exit, EXIT_NOT_STARTED);
    __builtin_unreachable();
}

/* As execvp looks a program up, but in the parent, where it may take its time. */
static bool find_program(const char *name, char *path, size_t size, struct fail *f)
{
    struct str directories = str_of(getenv("PATH"));

    if (strchr(name, '/') != NULL) {
        if (!str_to_buffer(str_of(name), path, size))
            return fail(f, FAIL_INPUT, "start %.100s...: name too long", name);
        if (access(path, X_OK) != 0)
            return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "start %s: %s", name, strerror(errno));
        return true;
    }
    while (directories.ptr != NULL) {
        struct str directory = str_cut(directories, ':', &directories);
        int len = snprintf(path, size, "%.*s/%s", STR_ARG(directory), name);

        if (directory.len > 0 && len > 0 && (size_t)len < size && access(path, X_OK) == 0)
            return true;
    }
    return fail(f, FAIL_NOT_FOUND, "start %s: no such program in PATH", name);
}

static bool names_target(const struct birth *birth, int to)
{
    for (size_t i = 0; i < birth->fd_count; i++)
        if (birth->fds[i].to == to)
            return true;
    return false;
}

static void list_descriptors(struct birth *birth, int null_fd)
{
    const struct process_options *options = birth->options;

    must(options->fd_count <= PROCESS_FDS_MAX);
    for (size_t i = 0; i < options->fd_count; i++)
        birth->fds[birth->fd_count++] = options->fds[i];
    for (int to = 0; to <= 2; to++)
        if (!names_target(birth, to))
            birth->fds[birth->fd_count++] = (struct process_fd){.from = null_fd, .to = to};
}

/* clone on a stack of its own with all signals blocked, so that none of our handlers runs in the child. */
static pid_t give_birth(struct birth *birth, int *ret_pidfd)
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
    pid = clone(child_main, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, birth, ret_pidfd);
    error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)munmap(stack, STACK_BYTES);
    errno = error;
    return pid;
}

bool process_start(const struct process_options *options, struct process *ret_process, struct fail *f)
{
    char path[4096];
    struct birth birth = {.options = options, .path = path, .env = options->env};
    struct process process = {.pidfd = -1, .leads_group = options->own_group || options->own_session};
    struct process_exit exit;
    auto_fd null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    must(options->own_mounts || (options->unmount == NULL && options->mount_count == 0));
    if (null_fd < 0)
        return fail(f, FAIL_SYSTEM, "open /dev/null: %s", strerror(errno));
    if (!find_program(options->argv[0], path, sizeof(path), f))
        return false;
    if (birth.env == NULL)
        birth.env = (const char *const *)environ;
    list_descriptors(&birth, null_fd);
    process.pid = give_birth(&birth, &process.pidfd);
    if (process.pid < 0)
        return fail(f, FAIL_SYSTEM, "start %s: clone: %s", options->argv[0], strerror(errno));
    if (birth.failed != NULL) {
        if (!process_wait(&process, -1, &exit, f))
            return false;
        return fail(f, FAIL_SYSTEM, "start %s: %s%s%s: %s", options->argv[0], birth.failed,
                    birth.object == NULL ? "" : " ", birth.object == NULL ? "" : birth.object, strerror(birth.error));
    }
    *ret_process = process;
    return true;
}

bool process_signal(const struct process *process, int signal, struct fail *f)
{
    if (pidfd_send_signal(process->pidfd, signal, NULL, 0) != 0 && errno != ESRCH)
        return fail(f, FAIL_SYSTEM, "signal %d to process %d: %s", signal, process->pid, strerror(errno));
    return true;
}

static int poll_end(int pidfd, int timeout_ms)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    int ready;

    do
        ready = poll(&end, 1, timeout_ms < 0 ? -1 : clock_left_ms(deadline_ms));
    while (ready < 0 && errno == EINTR);
    return ready;
}

bool process_wait(struct process *process, int timeout_ms, struct process_exit *ret_exit, struct fail *f)
{
    siginfo_t info = {0};
    int ready = poll_end(process->pidfd, timeout_ms);

    if (ready == 0)
        return fail(f, FAIL_LIMIT, "process %d has not ended within %d ms", process->pid, timeout_ms);
    if (ready < 0 || waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED) != 0)
        return fail(f, FAIL_SYSTEM, "wait for process %d: %s", process->pid, strerror(errno));
    (void)close(take_fd(&process->pidfd));
    *ret_exit = (struct process_exit){.signaled = info.si_code != CLD_EXITED, .code = info.si_status};
    return true;
}

void process_end(struct process *process)
{
    struct process_exit exit;
    struct fail f;

    if (process->pidfd < 0)
        return;
    /* Not reaped yet, so the number is still its own, and that of its group. */
    if (process->leads_group)
        (void)kill(-process->pid, SIGKILL);
    (void)pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
    if (!process_wait(process, -1, &exit, &f)) /* already reaped by another: nothing is left to do */
        (void)close(take_fd(&process->pidfd));
}

bool process_succeeded(const char *name, struct process_exit exit, struct str err, struct fail *f)
{
    err = str_trim(err);
    if (exit.signaled)
        return fail(f, FAIL_SYSTEM, "%s: killed by signal %d: %.*s", name, exit.code, STR_ARG(err));
    if (exit.code != 0)
        return fail(f, FAIL_SYSTEM, "%s: exit status %d: %.*s", name, exit.code, STR_ARG(err));
    return true;
}
