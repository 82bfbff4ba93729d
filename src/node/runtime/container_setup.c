/* Owns the order of things between fork and execve. */
#include "node/runtime/container_setup.h"

#include "node/runtime/device_nodes.h"
#include "node/runtime/kernel_mask.h"
#include "node/runtime/mount_set.h"
#include "node/runtime/program.h"
#include "node/runtime/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* Both processes' view; the first process has entry's by copy. */
struct inside {
    const struct setup *setup;
    const struct native_plan *plan;
    struct child_failure *failure;
    struct mount_set mounts;
    struct device_nodes devices;
};

/* ---- entry: with the host's rights ---- */

static int write_text(const char *path, const char *text)
{
    auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* "0" is the process that writes. */
int container_join_cgroup(const struct native_plan *plan, struct child_failure *failure)
{
    for (size_t i = 0; i < plan->cgroup_procs.count; i++)
        if (write_text(plan->cgroup_procs.items[i], "0") != 0)
            return child_fails(failure, "join the cgroup", plan->cgroup_procs.items[i]);
    return 0;
}

static int join_namespace(const struct inside *inside, enum launch_fd which, const char *name)
{
    int fd = inside->setup->request->fds[which];

    return fd < 0 || setns(fd, 0) == 0 ? 0 : child_fails(inside->failure, "join the namespace", name);
}

/* The host's /proc shows each process the values of its own namespaces. Those of the network are written by entry: the
 * container's user namespace does not own it. Those of ipc are the first process's own. */
static int write_sysctls(const struct inside *inside, bool network)
{
    for (size_t i = 0; i < inside->plan->sysctl_count; i++) {
        const struct container_sysctl *sysctl = &inside->plan->sysctls[i];
        char path[PATH_BYTES] = "/proc/sys/";
        size_t len = strlen(path);

        if ((strncmp(sysctl->name, "net.", 4) == 0) != network)
            continue;
        if (!str_to_buffer(str_of(sysctl->name), path + len, sizeof(path) - len))
            return child_fails(inside->failure, "set the sysctl", sysctl->name);
        for (char *c = path + len; *c != '\0'; c++)
            if (*c == '.')
                *c = '/';
        if (write_text(path, sysctl->value) != 0)
            return child_fails(inside->failure, "set the sysctl", sysctl->name);
    }
    return 0;
}

/* The current directory becomes the root file system here, since a user namespace's root may not pass through the
 * directories that lead to it; the new mount namespace of the first process moves it along. */
static int join_mounts(const struct inside *inside)
{
    if (join_namespace(inside, LAUNCH_MOUNTS, "mnt") != 0)
        return -1;
    return chdir(inside->plan->mount_point) == 0
               ? 0
               : child_fails(inside->failure, "enter the root file system", inside->plan->mount_point);
}

static int enter(struct inside *inside)
{
    if (container_join_cgroup(inside->plan, inside->failure) != 0 || join_mounts(inside) != 0 ||
        join_namespace(inside, LAUNCH_NETWORK, "net") != 0 || write_sysctls(inside, /* network= */ true) != 0 ||
        program_raise_limits(inside->plan, inside->failure) != 0 || program_leave_keyring(inside->failure) != 0)
        return -1;
    if (join_namespace(inside, LAUNCH_IPC, "ipc") != 0 || join_namespace(inside, LAUNCH_PID, "pid") != 0 ||
        mount_set_open_host(&inside->mounts) != 0 || device_nodes_open_host(&inside->devices, &inside->mounts) != 0)
        return -1;
    return join_namespace(inside, LAUNCH_USER, "user"); /* the last: no rights on the host are left */
}

/* ---- the first process ---- */

/* In a user namespace we are nobody as yet, with all capabilities; files that we make shall be root's. */
static int become_root(const struct inside *inside)
{
    if ((inside->plan->flags & NATIVE_USER_NAMESPACE) == 0)
        return 0;
    if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return child_fails(inside->failure, "become root of the user namespace", NULL);
    return 0;
}

static int set_names(const struct inside *inside)
{
    (void)setsid();
    (void)umask(0); /* modes are as given; the program gets 022 */
    if (sethostname(inside->plan->hostname, strlen(inside->plan->hostname)) != 0)
        return child_fails(inside->failure, "set the host name", inside->plan->hostname);
    return write_sysctls(inside, /* network= */ false);
}

/* A mount namespace that a user namespace owns has its mounts locked in their places, and no root is made of a locked
 * one: of a copy of it that is mounted over it. */
static int unlock_root(const struct inside *inside)
{
    auto_fd copy = -1;

    if ((inside->plan->flags & NATIVE_USER_NAMESPACE) == 0)
        return 0;
    copy = open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (copy < 0 || move_mount(copy, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) != 0 || fchdir(copy) != 0)
        return child_fails(inside->failure, "take over the root file system", NULL);
    return 0;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root is on top of the new one for a moment, and taken off. */
static int leave_host(const struct inside *inside)
{
    if (syscall(SYS_pivot_root, ".", ".") != 0)
        return child_fails(inside->failure, "change to the root file system", inside->plan->mount_point);
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return child_fails(inside->failure, "leave the host's files", NULL);
    return 0;
}

int container_open_terminal(const struct setup *setup, int *ret_end)
{
    struct child_failure *failure = &setup->result->failure;
    struct statfs system;
    int unlocked = 0;
    int user = setfsuid((uid_t)setup->plan->uid);
    int group = setfsgid((gid_t)setup->plan->gid);
    auto_fd ours = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);

    (void)setfsuid((uid_t)user);
    (void)setfsgid((gid_t)group);
    if (ours < 0 || fstatfs(ours, &system) != 0 || system.f_type != DEVPTS_SUPER_MAGIC ||
        ioctl(ours, TIOCSPTLCK, &unlocked) != 0)
        return child_fails(failure, "open a terminal", "/dev/pts/ptmx");
    *ret_end = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*ret_end < 0 || !launch_reply_send_terminal(setup->console, ours))
        return child_fails(failure, "hand over a terminal", NULL);
    return 0;
}

/* We lead a session of our own (set_names), whose terminal it becomes. */
static int arrange_terminal(const struct inside *inside)
{
    int end = -1;

    if (container_open_terminal(inside->setup, &end) != 0 || program_keep_stdio(end, end, end, inside->failure) != 0)
        return -1;
    return ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0 ? 0 : child_fails(inside->failure, "take over the terminal", NULL);
}

/* Standard input is the container's own /dev/null, where none shall stay open: through a descriptor of the host's its
 * root could change that. */
static int arrange_stdio(const struct inside *inside)
{
    const struct setup *setup = inside->setup;
    int dev = mount_set_find(&inside->mounts, "/dev", "tmpfs");
    auto_fd null = dev >= 0 ? openat(dev, "null", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
                            : open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (null < 0)
        return child_fails(inside->failure, "open", "/dev/null");
    return program_keep_stdio(setup->in >= 0 ? setup->in : null, setup->out, setup->err, inside->failure);
}

static int set_up(struct inside *inside)
{
    if (become_root(inside) != 0 || set_names(inside) != 0 || mount_set_open_own(&inside->mounts) != 0 ||
        unlock_root(inside) != 0 || leave_host(inside) != 0)
        return -1;
    if (mount_set_attach(&inside->mounts) != 0 || device_nodes_make(&inside->devices, &inside->mounts) != 0 ||
        kernel_mask(&inside->mounts) != 0 || program_enter_directory(inside->plan, inside->failure) != 0 ||
        mount_set_finish(&inside->mounts) != 0)
        return -1;
    if ((inside->setup->console >= 0 ? arrange_terminal(inside) : arrange_stdio(inside)) != 0)
        return -1;
    return program_become(inside->plan, inside->failure);
}

static int be_first_process(void *context)
{
    struct inside *inside = context;
    struct setup_result *result = inside->setup->result;

    if (set_up(inside) == 0) {
        result->executing = true;
        result->exec_error = program_execute(inside->plan);
        result->executing = false;
    }
    return 127;
}

pid_t container_fork(unsigned namespaces)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)(namespaces | CLONE_PARENT | CLONE_VFORK), NULL, NULL, NULL, 0UL);
}

static unsigned own_namespaces(const struct native_plan *plan)
{
    unsigned flags = CLONE_NEWUTS | CLONE_NEWCGROUP;

    if ((plan->flags & NATIVE_JOINS_PID) == 0)
        flags |= CLONE_NEWPID;
    if ((plan->flags & NATIVE_JOINS_IPC) == 0)
        flags |= CLONE_NEWIPC;
    if ((plan->flags & NATIVE_USER_NAMESPACE) != 0)
        flags |= CLONE_NEWNS; /* else the one of rootfs.h is its own already */
    return flags;
}

static pid_t start_first_process(struct inside *inside)
{
    unsigned namespaces = own_namespaces(inside->plan);
    auto_fd pidfd = -1;
    pid_t pid;

    if ((inside->plan->flags & NATIVE_JOINS_PID) == 0)
        return borrowed_child_start(be_first_process, inside, namespaces | CLONE_PARENT, &pidfd);
    pid = container_fork(namespaces);
    if (pid == 0)
        _exit(be_first_process(inside));
    return pid;
}

static int be_entry(void *context)
{
    const struct setup *setup = context;
    struct inside inside = {.setup = setup,
                            .plan = setup->plan,
                            .failure = &setup->result->failure,
                            .mounts = {.plan = setup->plan, .failure = &setup->result->failure}};
    pid_t pid;

    if (enter(&inside) != 0)
        return 1;
    pid = start_first_process(&inside);
    if (pid < 0)
        return child_fails(inside.failure, "make the container's namespaces", NULL);
    setup->result->pid = pid;
    return 0;
}

void container_set_up(const struct setup *setup)
{
    auto_fd pidfd = -1;
    pid_t entry = borrowed_child_start(be_entry, (void *)(uintptr_t)setup, 0, &pidfd);

    if (entry < 0)
        (void)child_fails(&setup->result->failure, "clone", NULL);
    else
        (void)container_reap(entry);
    if (!setup->result->executing && setup->result->pid > 0)
        (void)container_reap(setup->result->pid);
}

int container_reap(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return 128 + SIGKILL;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct setup_result *setup_result_new(void)
{
    void *memory = mmap(NULL, sizeof(struct setup_result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void setup_result_describe(const struct setup_result *result, char *text, size_t size)
{
    const struct child_failure *failure = &result->failure;

    if (failure->step == NULL)
        (void)snprintf(text, size, "the process was killed while it was being set up");
    else
        (void)snprintf(text, size, "%s%s%s: %s", failure->step, failure->object == NULL ? "" : " ",
                       failure->object == NULL ? "" : failure->object, strerror(failure->error));
}
