/* Owns the entering of running containers.
 *
 *     exec supervisor --fork--> entry    joins all namespaces, gives up all rights that the container has not
 *                     --clone-> command  executes
 *
 * Entry itself stays in our pid namespace, where the container's processes cannot see it; what they can see, and with
 * CAP_SYS_PTRACE take over, has no right more than they have. */
#include "node/runtime/exec_supervisor.h"

#include "node/runtime/container_setup.h"
#include "node/runtime/container_supervisor.h"
#include "node/runtime/program.h"
#include "node/runtime/terminal_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>

static int join(const struct setup *setup)
{
    const struct native_plan *plan = setup->plan;
    struct child_failure *failure = &setup->result->failure;
    int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

    if ((plan->flags & NATIVE_USER_NAMESPACE) != 0)
        namespaces |= CLONE_NEWUSER;
    if (container_join_cgroup(plan, failure) != 0 || program_raise_limits(plan, failure) != 0 ||
        program_leave_keyring(failure) != 0)
        return -1;
    if (setns(setup->request->fds[LAUNCH_CONTAINER], namespaces) != 0)
        return child_fails(failure, "join the container", NULL);
    return 0;
}

/* The container's /dev/null, if it is one; what the image made of it is not asked. */
static int open_null(struct child_failure *failure)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 ? fd : child_fails(failure, "open", "/dev/null");
}

static int prepare_terminal(const struct setup *setup)
{
    struct child_failure *failure = &setup->result->failure;
    int end = -1;

    if (join(setup) != 0 || container_open_terminal(setup, &end) != 0 ||
        program_enter_directory(setup->plan, failure) != 0 || program_keep_stdio(end, end, end, failure) != 0)
        return -1;
    return program_become(setup->plan, failure);
}

static int prepare(const struct setup *setup)
{
    struct child_failure *failure = &setup->result->failure;
    int null = join(setup) != 0 ? -1 : open_null(failure);

    if (null < 0 || program_enter_directory(setup->plan, failure) != 0 ||
        program_keep_stdio(null, setup->out, setup->err, failure) != 0)
        return -1;
    return program_become(setup->plan, failure);
}

static void execute(const struct setup *setup)
{
    (void)setsid();
    if (setup->request->terminal)
        (void)ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    setup->result->executing = true;
    setup->result->exec_error = program_execute(setup->plan);
    setup->result->executing = false;
}

static void enter(const struct setup *setup)
{
    pid_t pid;

    if ((setup->request->terminal ? prepare_terminal(setup) : prepare(setup)) != 0)
        return;
    pid = container_fork(/* namespaces= */ 0);
    if (pid == 0) {
        execute(setup);
        _exit(127);
    }
    if (pid < 0)
        (void)child_fails(&setup->result->failure, "start a process in the container", NULL);
    else
        setup->result->pid = pid;
}

/* ---- the end ---- */

/* Nobody waits for the command any more. */
static void give_up(const struct setup *setup, pid_t pid, int pidfd)
{
    if (setup->request->terminal && setup->plan->cgroup_procs.count > 0)
        terminal_hang_up(pid, pidfd, setup->plan->cgroup_procs.items[0]);
    else
        (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

/* Until the command has ended, or the host has closed its end: nobody waits for the command then. */
static int follow(const struct setup *setup, pid_t pid)
{
    auto_fd pidfd = pidfd_open(pid, 0);
    struct pollfd ready[] = {{.fd = pidfd, .events = POLLIN},
                             {.fd = setup->request->fds[LAUNCH_REPLY], .events = POLLIN}};

    while (poll(ready, COUNT_OF(ready), -1) < 0 && errno == EINTR)
        ;
    if (ready[0].revents == 0)
        give_up(setup, pid, pidfd);
    return container_reap(pid);
}

static struct launch_reply run(const struct setup *setup)
{
    const struct setup_result *result = setup->result;
    struct launch_reply reply = {.outcome = LAUNCH_FAILED};
    pid_t entry = fork();

    if (entry == 0) {
        enter(setup);
        _exit(0);
    }
    close_fd_at(&setup->request->fds[LAUNCH_BUSY]);
    if (entry > 0)
        (void)container_reap(entry);
    if (result->executing)
        return (struct launch_reply){LAUNCH_ENDED, follow(setup, result->pid), ""};
    if (result->pid > 0)
        (void)container_reap(result->pid);
    if (result->exec_error != 0)
        return (struct launch_reply){LAUNCH_NOT_EXECUTED, result->exec_error, ""};
    setup_result_describe(result, reply.text, sizeof(reply.text));
    return reply;
}

void exec_supervise(struct launch_request *request, const struct process_title *title)
{
    struct native_plan plan;
    struct launch_reply reply = {.outcome = LAUNCH_FAILED};
    struct setup setup = {.plan = &plan,
                          .request = request,
                          .in = -1,
                          .out = request->fds[LAUNCH_OUTPUT],
                          .err = request->fds[LAUNCH_OUTPUT],
                          .console = request->fds[LAUNCH_REPLY],
                          .result = setup_result_new()};
    struct fail f = {.message = "out of memory"};

    (void)prctl(PR_SET_NAME, "berth-exec");
    if (setup.result != NULL && supervisor_read_plan(request->fds[LAUNCH_PLAN], &plan, &f)) {
        process_title_set(title, "berth-exec %s %s", plan.id, plan.directory);
        reply = run(&setup);
    } else {
        (void)snprintf(reply.text, sizeof(reply.text), "%s", f.message);
    }
    (void)launch_reply_send(request->fds[LAUNCH_REPLY], &reply);
}
