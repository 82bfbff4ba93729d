/* Owns the change from us to the container's program. */
#include "node/runtime/program.h"

#include "node/runtime/rooted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { CAPABILITIES_MAX = 64, STDIO_ABOVE = 10 };

/* Lowering a limit needs no right, so that can wait until nothing of ours is in its way any more; raising does. */
int program_raise_limits(const struct native_plan *plan, struct child_failure *failure)
{
    for (size_t i = 0; i < plan->rlimit_count; i++) {
        __rlimit_resource_t resource = (__rlimit_resource_t)plan->rlimits[i].resource;
        struct rlimit ours;

        if (getrlimit(resource, &ours) != 0)
            return child_fails(failure, "read a resource limit", NULL);
        if (plan->rlimits[i].limit.rlim_max <= ours.rlim_max)
            continue;
        ours.rlim_max = plan->rlimits[i].limit.rlim_max;
        if (setrlimit(resource, &ours) != 0)
            return child_fails(failure, "raise a resource limit", NULL);
    }
    return 0;
}

static int set_limits(const struct native_plan *plan, struct child_failure *failure)
{
    for (size_t i = 0; i < plan->rlimit_count; i++)
        if (setrlimit((__rlimit_resource_t)plan->rlimits[i].resource, &plan->rlimits[i].limit) != 0)
            return child_fails(failure, "set a resource limit", NULL);
    return 0;
}

/* By rooted_open, since "/proc/self/fd/7" would else be a way out to whatever descriptor 7 is (CVE-2024-21626). */
int program_enter_directory(const struct native_plan *plan, struct child_failure *failure)
{
    auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd directory = rooted_open(root, plan->working_directory, ROOTED_DIRECTORY);

    if (directory < 0 || fchdir(directory) != 0)
        return child_fails(failure, "enter the working directory", plan->working_directory);
    return 0;
}

int program_keep_stdio(int in, int out, int err, struct child_failure *failure)
{
    int from[] = {in, out, err};

    for (int i = 0; i <= 2; i++)
        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, STDIO_ABOVE);
    for (int i = 0; i <= 2; i++)
        if (from[i] < 0 || dup2(from[i], i) < 0)
            return child_fails(failure, "set up standard input and output", NULL);
    if (close_range(3, ~0U, 0) != 0)
        return child_fails(failure, "close inherited descriptors", NULL);
    return 0;
}

/* While we still have CAP_SYS_ADMIN, without which the kernel takes a filter only with no_new_privs. What follows must
 * be permitted by it, and is, for whatever capabilities: see seccomp_profile.c. */
static int set_filter(const struct native_plan *plan, struct child_failure *failure)
{
    struct sock_fprog program = {.len = (unsigned short)(plan->filter.len / sizeof(struct sock_filter)),
                                 .filter = (struct sock_filter *)(uintptr_t)plan->filter.ptr};

    if (program.len > 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return child_fails(failure, "set the seccomp filter", NULL);
    return 0;
}

/* Before the user changes: it needs CAP_SETPCAP. */
static int bound_capabilities(const struct native_plan *plan, struct child_failure *failure)
{
    for (unsigned long number = 0; number < CAPABILITIES_MAX; number++) {
        if ((plan->capabilities >> number & 1) != 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return errno == EINVAL ? 0 : child_fails(failure, "drop a capability", NULL); /* beyond the last one */
    }
    return 0;
}

static int set_user(const struct native_plan *plan, struct child_failure *failure)
{
    gid_t groups[IMAGE_USER_GROUPS_MAX];
    gid_t gid = (gid_t)plan->gid;
    uid_t uid = (uid_t)plan->uid;

    for (size_t i = 0; i < plan->group_count && i < COUNT_OF(groups); i++)
        groups[i] = (gid_t)plan->groups[i];
    if (plan->group_count > COUNT_OF(groups) || setgroups(plan->group_count, groups) != 0)
        return child_fails(failure, "set the supplementary groups", NULL);
    if (setresgid(gid, gid, gid) != 0)
        return child_fails(failure, "set the group", NULL);
    if (setresuid(uid, uid, uid) != 0)
        return child_fails(failure, "set the user", NULL);
    return 0;
}

/* As Docker: a program that is not root has capabilities only in the bounding set, for set-user-id programs. */
static int set_capabilities(const struct native_plan *plan, struct child_failure *failure)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    uint64_t held = plan->uid == 0 ? plan->capabilities : 0;
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)held, .permitted = (uint32_t)held},
        {.effective = (uint32_t)(held >> 32), .permitted = (uint32_t)(held >> 32)},
    };

    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || syscall(SYS_capset, &header, data) != 0)
        return child_fails(failure, "set the capabilities", NULL);
    if ((plan->flags & NATIVE_NO_NEW_PRIVILEGES) != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return child_fails(failure, "set no_new_privs", NULL);
    return 0;
}

int program_become(const struct native_plan *plan, struct child_failure *failure)
{
    if (set_filter(plan, failure) != 0 || bound_capabilities(plan, failure) != 0 || set_user(plan, failure) != 0 ||
        set_capabilities(plan, failure) != 0)
        return -1;
    return set_limits(plan, failure);
}

static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static struct str container_path(const struct native_plan *plan)
{
    for (size_t i = 0; i < plan->env.count; i++)
        if (strncmp(plan->env.items[i], "PATH=", 5) == 0)
            return str_of(plan->env.items[i] + 5);
    return STR("");
}

static void execute(const struct native_plan *plan, const char *path)
{
    (void)execve(path, (char *const *)(uintptr_t)plan->argv.items, (char *const *)(uintptr_t)plan->env.items);
}

/* As execvp(3): a program that is there and may not be executed is remembered, and the search goes on. */
static int execute_from_path(const struct native_plan *plan)
{
    struct str rest = container_path(plan);
    int error = ENOENT;

    while (rest.ptr != NULL) {
        struct str directory = str_cut(rest, ':', &rest);
        char path[PATH_MAX];
        int len = snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(directory), plan->argv.items[0]);

        if (directory.len == 0 || len < 0 || (size_t)len >= sizeof(path))
            continue;
        execute(plan, path);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return errno;
        if (errno == EACCES)
            error = EACCES;
    }
    return error;
}

int program_execute(const struct native_plan *plan)
{
    reset_signals();
    (void)umask(022);
    if (strchr(plan->argv.items[0], '/') == NULL)
        return execute_from_path(plan);
    execute(plan, plan->argv.items[0]);
    return errno;
}
