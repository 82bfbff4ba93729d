/* Owns the start of the launcher process and its loop. Its arguments are "PROGRAM PROCESS_NAME ROOM", and descriptor 3
 * is the socket. */
#include "node/runtime/launcher_process.h"

#include "base/must.h"
#include "node/runtime/container_supervisor.h"
#include "node/runtime/exec_supervisor.h"
#include "node/runtime/launch_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define PROCESS_NAME "berth-launcher"
#define SPARE_NAME   "berth-spare"

enum {
    SOCKET_FD = 3,
    ROOM_BYTES = 1200, /* of ROOM, over which supervisors write their names */
};

/* Our executable on a mount of its own that is read-only: a program in a container that gets hold of it through
 * /proc/PID/exe, be it by having us execute "/proc/self/exe", cannot write to it, as it otherwise could once nothing
 * runs from it (CVE-2019-5736 in other runtimes). */
static bool open_own_program(int *ret_fd, struct fail *f)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    auto_fd fd = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
        return fail(f, FAIL_SYSTEM, "make a read-only view of our own program: %s", strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

bool launcher_process_start(struct process *ret_process, int *ret_socket, struct fail *f)
{
    static const char *const no_environment[] = {NULL};
    char program[64];
    char room[ROOM_BYTES + 1];
    const char *argv[] = {program, PROCESS_NAME, room, NULL};
    struct process_fd socket = {.to = SOCKET_FD};
    struct process_options options = {
        .argv = argv, .env = no_environment, .own_session = true, .directory = "/", .fds = &socket, .fd_count = 1};
    auto_fd own = -1;
    auto_fd ours = -1;
    auto_fd theirs = -1;
    int ends[2];

    if (!open_own_program(&own, f))
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(f, FAIL_SYSTEM, "socketpair: %s", strerror(errno));
    ours = ends[0];
    theirs = ends[1];
    socket.from = theirs;
    (void)snprintf(program, sizeof(program), "/proc/self/fd/%d", own);
    memset(room, '-', ROOM_BYTES);
    room[ROOM_BYTES] = '\0';
    if (!process_start(&options, ret_process, f))
        return fail_in(f, "start the launcher process");
    *ret_socket = take_fd(&ours);
    return true;
}

void process_title_set(const struct process_title *title, const char *format, ...)
{
    va_list args;
    int len;

    memset(title->text, 0, title->size);
    va_start(args, format);
    len = vsnprintf(title->text, title->size, format, args);
    va_end(args);
    must(len > 0);
}

/* A spare: a process that is to be the supervisor of the next request, forked ahead, since that takes milliseconds. In
 * busy_fd it says that it has a request, and by closing it that it has done with its start. */
static void be_spare(int socket, int busy_fd, struct supervisor *supervisor, const struct process_title *title)
{
    struct launch_request request;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* as long as it stands by nothing, it ends with the launcher */
    (void)setsid();
    (void)signal(SIGCHLD, SIG_DFL);
    process_title_set(title, SPARE_NAME);
    if (!launch_request_receive(socket, &request))
        return;
    (void)prctl(PR_SET_PDEATHSIG, 0);
    (void)close(socket);
    (void)!write(busy_fd, "", 1);
    request.fds[LAUNCH_BUSY] = busy_fd;
    if (request.exec)
        exec_supervise(&request, title);
    else
        container_supervise(supervisor, &request, title);
}

/* Until the spare's start is done, or another request waits: before that, the next fork would only slow it down. */
static void wait_for_next(int socket, int busy_fd)
{
    struct pollfd ready[] = {{.fd = busy_fd}, {.fd = socket, .events = POLLIN}};
    char byte;
    ssize_t got;

    do
        got = read(busy_fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    while (got > 0 && poll(ready, COUNT_OF(ready), -1) < 0 && errno == EINTR)
        ;
}

static bool host_is_gone(int socket)
{
    struct pollfd end = {.fd = socket};

    return poll(&end, 1, 0) > 0; /* asked for nothing, it tells of a hang-up only */
}

/* Where no process can be forked, a request is taken and dropped: the host sees its reply socket close. */
static bool refuse_next(int socket)
{
    struct launch_request request;

    if (!launch_request_receive(socket, &request))
        return false;
    launch_request_close(&request);
    return true;
}

/* Forks the next spare and waits until it is none any more. False when the host is gone. */
static bool provide_spare(int socket, struct supervisor *supervisor, const struct process_title *title)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_next(socket);
    pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        be_spare(socket, ends[1], supervisor, title);
        _exit(0);
    }
    (void)close(ends[1]);
    if (pid > 0)
        wait_for_next(socket, ends[0]);
    (void)close(ends[0]);
    return pid > 0 ? !host_is_gone(socket) : refuse_next(socket);
}

/* Not dumpable, and so are all that come from us until they execute a program: nobody in a container that we enter may
 * look at us through /proc or ptrace. Ignored children are reaped by the kernel. */
static void prepare(const struct process_title *title)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGCHLD};

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NAME, PROCESS_NAME);
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    process_title_set(title, PROCESS_NAME);
}

/* A constructor, so that whatever program has the runtime in it (berth, its tests) is a launcher when it is executed as
 * one, before its own main has done anything. */
__attribute__((constructor)) static void launcher_process(int argc, char **argv)
{
    struct process_title title;
    struct supervisor *supervisor;

    if (argc != 3 || strcmp(argv[1], PROCESS_NAME) != 0 || strlen(argv[2]) != ROOM_BYTES)
        return;
    /* The kernel lays arguments out one behind the other. */
    title = (struct process_title){argv[0], (size_t)(argv[2] - argv[0]) + ROOM_BYTES};
    prepare(&title);
    supervisor = container_supervisor_new(); /* of each spare, which has it as its own after the fork */
    while (provide_spare(SOCKET_FD, supervisor, &title))
        ;
    _exit(0);
}
