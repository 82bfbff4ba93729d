/* Owns the supervisor's life: start, stand by, tell the end. */
#include "node/runtime/container_supervisor.h"

#include "node/runtime/cgroup.h"
#include "node/runtime/container_log_writer.h"
#include "node/runtime/container_setup.h"
#include "os/clock.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
    DRAIN_TIMEOUT_MS = 5000, /* after its end, for what is still in the pipes */
    KILL_TIMEOUT_MS = 5000,
    CONSOLE_TIMEOUT_MS = 5000,
    CODE_BYTES = 16, /* of the exit file: the code in decimal, and spaces */
};

struct supervisor {
    struct native_plan plan;
    struct container_log_writer log;
    int pipes[2]; /* by enum container_log_stream: what the container writes, a terminal the first; -1: at its end */
    int in;       /* the container's standard input ends when we do; -1: it is none that stays open */
    int console;  /* a socket, for the terminal; -1: none */
    int exit_fd;  /* what becomes the exit file */
    int pidfd;
    pid_t pid;
    bool ended;
};

bool supervisor_read_plan(int fd, struct native_plan *ret_plan, struct fail *f)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    struct stat st;
    void *flat;

    if (arena == NULL || fstat(fd, &st) != 0 || st.st_size == 0 || st.st_size > NATIVE_PLAN_BYTES_MAX)
        return fail(f, FAIL_SYSTEM, "read the container's plan: %s", strerror(errno));
    flat = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (flat == MAP_FAILED)
        return fail(f, FAIL_SYSTEM, "map the container's plan: %s", strerror(errno));
    arena_init(arena, NATIVE_PLAN_BYTES_MAX);
    return native_plan_read((struct str){flat, (size_t)st.st_size}, arena, ret_plan, f);
}

/* ---- start ---- */

static bool write_pid(const struct supervisor *supervisor, const char *name, pid_t pid, struct fail *f)
{
    char path[PATH_BYTES];
    char text[16];

    path_format(path, "%s/%s", supervisor->plan.directory, name);
    (void)snprintf(text, sizeof(text), "%d", pid);
    return file_replace(path, str_of(text), 0600, f);
}

/* The exit file is made beforehand, so that a disk that is full by then does not hide the code. */
static void exit_file_path(const struct supervisor *supervisor, char path[PATH_BYTES])
{
    path_format(path, "%s~", supervisor->plan.exits_path);
}

static bool write_code(int fd, const char *text)
{
    char line[CODE_BYTES + 1];

    (void)snprintf(line, sizeof(line), "%-*s", CODE_BYTES, text);
    return pwrite(fd, line, CODE_BYTES, 0) == CODE_BYTES;
}

static bool make_exit_file(struct supervisor *supervisor, struct fail *f)
{
    char path[PATH_BYTES];

    exit_file_path(supervisor, path);
    supervisor->exit_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (supervisor->exit_fd < 0 || !write_code(supervisor->exit_fd, ""))
        return fail(f, FAIL_SYSTEM, "write %s: %s", path, strerror(errno));
    return true;
}

/* The end for the container belongs to its user, who may open /dev/stdout, which leads to it, anew. */
static bool make_pipe(const struct supervisor *supervisor, int theirs, int *ret_ours, int *ret_theirs, struct fail *f)
{
    uint64_t first = supervisor->plan.host_uid_first;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(f, FAIL_SYSTEM, "pipe: %s", strerror(errno));
    *ret_ours = ends[1 - theirs];
    *ret_theirs = ends[theirs];
    if (fchown(*ret_theirs, (uid_t)(first + supervisor->plan.uid), (gid_t)(first + supervisor->plan.gid)) != 0)
        return fail(f, FAIL_SYSTEM, "make the container's output: %s", strerror(errno));
    return true;
}

static bool make_ends(struct supervisor *supervisor, struct setup *setup, struct fail *f)
{
    enum { READ, WRITE };
    int ends[2];

    if ((supervisor->plan.flags & NATIVE_TERMINAL) != 0) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            return fail(f, FAIL_SYSTEM, "socketpair: %s", strerror(errno));
        supervisor->console = ends[0];
        setup->console = ends[1];
        return true;
    }
    if ((supervisor->plan.flags & NATIVE_OPEN_STDIN) != 0 &&
        !make_pipe(supervisor, READ, &supervisor->in, &setup->in, f))
        return false;
    return make_pipe(supervisor, WRITE, &supervisor->pipes[CONTAINER_LOG_STDOUT], &setup->out, f) &&
           make_pipe(supervisor, WRITE, &supervisor->pipes[CONTAINER_LOG_STDERR], &setup->err, f);
}

static void close_their_ends(struct setup *setup)
{
    close_fd_at(&setup->in);
    close_fd_at(&setup->out);
    close_fd_at(&setup->err);
    close_fd_at(&setup->console);
}

static bool run_setup(struct supervisor *supervisor, const struct setup *setup, struct fail *f)
{
    char why[512];

    container_set_up(setup);
    supervisor->pid = setup->result->pid;
    if (setup->result->executing)
        return true;
    setup_result_describe(setup->result, why, sizeof(why));
    return fail(f, FAIL_SYSTEM, "%s", why);
}

/* Ends a container that would be nobody's. Our child, not yet reaped: the number is its own. */
static void abandon(const struct supervisor *supervisor)
{
    (void)kill(supervisor->pid, SIGKILL);
    (void)container_reap(supervisor->pid);
}

/* The first process sent it before it became the program. */
static bool take_terminal(struct supervisor *supervisor, struct fail *f)
{
    struct launch_reply reply;

    if (supervisor->console < 0 || launch_reply_receive(supervisor->console, CONSOLE_TIMEOUT_MS, &reply,
                                                        &supervisor->pipes[CONTAINER_LOG_STDOUT], f)) {
        close_fd_at(&supervisor->console);
        return true;
    }
    abandon(supervisor);
    return false;
}

/* From here on the host finds the container in its files, and we see its end. */
static bool enter(struct supervisor *supervisor, struct fail *f)
{
    supervisor->pidfd = pidfd_open(supervisor->pid, 0);
    if (supervisor->pidfd >= 0 && write_pid(supervisor, "pid", supervisor->pid, f))
        return true;
    if (supervisor->pidfd < 0)
        (void)fail(f, FAIL_SYSTEM, "watch the container's first process: %s", strerror(errno));
    abandon(supervisor);
    return false;
}

/* False with *ret_reply filled. */
static bool start(struct supervisor *supervisor, const struct launch_request *request, struct launch_reply *ret_reply)
{
    struct setup setup = {.plan = &supervisor->plan,
                          .request = request,
                          .in = -1,
                          .out = -1,
                          .err = -1,
                          .console = -1,
                          .result = setup_result_new()};
    bool good;
    struct fail f = {.message = "out of memory"};

    good = setup.result != NULL &&
           container_log_writer_open(&supervisor->log, supervisor->plan.log_path, supervisor->plan.log_max_bytes, &f) &&
           make_exit_file(supervisor, &f) && make_ends(supervisor, &setup, &f) &&
           write_pid(supervisor, "supervisor", getpid(), &f) && run_setup(supervisor, &setup, &f) &&
           take_terminal(supervisor, &f) && enter(supervisor, &f);
    close_their_ends(&setup);
    *ret_reply = (struct launch_reply){.outcome = good ? LAUNCH_STARTED : LAUNCH_FAILED};
    (void)snprintf(ret_reply->text, sizeof(ret_reply->text), "%s", f.message);
    if (setup.result != NULL && setup.result->exec_error != 0)
        *ret_reply = (struct launch_reply){.outcome = LAUNCH_NOT_EXECUTED, .number = setup.result->exec_error};
    return good;
}

/* ---- stand by ---- */

static void copy_output(struct supervisor *supervisor, enum container_log_stream stream)
{
    char piece[LOG_PIECE_BYTES];
    ssize_t got = read(supervisor->pipes[stream], piece, sizeof(piece));

    if (got > 0)
        container_log_writer_add(&supervisor->log, stream, (struct str){piece, (size_t)got});
    if (got > 0 || (got < 0 && errno == EINTR))
        return;
    (void)close(supervisor->pipes[stream]);
    supervisor->pipes[stream] = -1;
}

/* One wait for output, or the end. */
static void stand_by(struct supervisor *supervisor, int timeout_ms)
{
    struct pollfd ready[] = {
        {.fd = supervisor->pipes[0], .events = POLLIN},
        {.fd = supervisor->pipes[1], .events = POLLIN},
        {.fd = supervisor->ended ? -1 : supervisor->pidfd, .events = POLLIN},
    };
    int count = poll(ready, COUNT_OF(ready), timeout_ms);

    for (int i = 0; i < 2 && count > 0; i++)
        if (ready[i].revents != 0)
            copy_output(supervisor, (enum container_log_stream)i);
    if (count > 0 && ready[2].revents != 0)
        supervisor->ended = true;
}

/* The end of the first process is the end of the container. In a pid namespace of its own the kernel has killed the
 * others by now; in a shared one that is our work, as it is Docker's. */
static void end_others(const struct supervisor *supervisor)
{
    struct cgroup_host cgroups;
    struct fail f;

    if ((supervisor->plan.flags & NATIVE_JOINS_PID) == 0 || !cgroup_detect("/proc/self/mountinfo", &cgroups, &f))
        return;
    (void)!cgroup_kill(&cgroups, supervisor->plan.cgroup, KILL_TIMEOUT_MS, &f); /* runtime_delete tries again */
}

static int follow(struct supervisor *supervisor)
{
    int64_t deadline_ms;
    int code;

    while (!supervisor->ended)
        stand_by(supervisor, -1);
    code = container_reap(supervisor->pid);
    end_others(supervisor);
    /* Ends with the pipes: all who had them are gone, unless one was handed to another container. */
    deadline_ms = clock_monotonic_ms() + DRAIN_TIMEOUT_MS;
    while ((supervisor->pipes[0] >= 0 || supervisor->pipes[1] >= 0) && clock_left_ms(deadline_ms) > 0)
        stand_by(supervisor, clock_left_ms(deadline_ms));
    return code;
}

/* Where that fails the container is lost. */
static void tell_end(const struct supervisor *supervisor, int code)
{
    char path[PATH_BYTES];
    char text[CODE_BYTES];

    exit_file_path(supervisor, path);
    (void)snprintf(text, sizeof(text), "%d", code);
    if (write_code(supervisor->exit_fd, text))
        (void)rename(path, supervisor->plan.exits_path);
}

struct supervisor *container_supervisor_new(void)
{
    struct supervisor *supervisor = calloc(1, sizeof(*supervisor));

    if (supervisor != NULL)
        supervisor->pipes[0] = supervisor->pipes[1] = supervisor->in = supervisor->console = supervisor->exit_fd =
            supervisor->pidfd = -1;
    return supervisor;
}

void container_supervise(struct supervisor *supervisor, struct launch_request *request,
                         const struct process_title *title)
{
    struct launch_reply reply = {.outcome = LAUNCH_FAILED, .text = "out of memory"};
    struct fail f = {0};
    bool started = false;
    bool heard;

    (void)prctl(PR_SET_NAME, "berth-superv.");
    if (supervisor != NULL) {
        if (supervisor_read_plan(request->fds[LAUNCH_PLAN], &supervisor->plan, &f)) {
            process_title_set(title, "berth-supervisor %s %s", supervisor->plan.id, supervisor->plan.directory);
            started = start(supervisor, request, &reply);
        } else {
            (void)snprintf(reply.text, sizeof(reply.text), "%s", f.message);
        }
    }
    heard = launch_reply_send(request->fds[LAUNCH_REPLY], &reply);
    if (!started)
        return; /* with the reply socket open: that our end closes it is what the host waits for */
    /* Descriptors of the container's namespaces, too, which shall end with it. */
    launch_request_close(request);
    if (heard)
        tell_end(supervisor, follow(supervisor));
    else
        abandon(supervisor); /* the host is gone, or has given up on us */
}
