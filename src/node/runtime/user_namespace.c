/* Owns the making of user namespaces. A new one needs a process in it while another, outside, writes its map: here a
 * child that does nothing but wait. */
#include "node/runtime/user_namespace.h"

#include "node/runtime/borrowed_child.h"
#include "node/runtime/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STACK_BYTES = 16 << 10 };

/* Both ends, since the child has copies of both. */
struct holding {
    int read_fd;
    int write_fd;
};

/* Shares our memory while we go on, errno included: it makes only calls that cannot fail. Ends when we close the pipe,
 * be it by our own end. */
child_side static int hold(void *context)
{
    const struct holding *holding = context;
    char byte;

    (void)syscall(SYS_close, holding->write_fd);
    (void)syscall(SYS_read, holding->read_fd, &byte, 1);
    return 0;
}

static bool write_maps(pid_t pid, const struct container_id_map *map, struct fail *f)
{
    char path[PATH_BYTES];
    char text[64];

    (void)snprintf(text, sizeof(text), "0 %u %u\n", map->host_first, map->count);
    path_format(path, "/proc/%d/uid_map", pid);
    if (!small_file_write(path, str_of(text), f))
        return false;
    path_format(path, "/proc/%d/gid_map", pid);
    return small_file_write(path, str_of(text), f);
}

static bool open_namespace(pid_t pid, const char *kind, int *ret_fd, struct fail *f)
{
    char path[PATH_BYTES];
    int fd;

    path_format(path, "/proc/%d/ns/%s", pid, kind);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    *ret_fd = fd;
    return true;
}

static pid_t start_holder(struct holding *holding, char *stack, unsigned flags)
{
    sigset_t all;
    sigset_t before;
    pid_t pid;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(hold, stack + STACK_BYTES, (int)(CLONE_VM | CLONE_NEWUSER | flags), holding);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Gives the descriptor of the new namespace of that kind, "user" or "net". */
static bool open_new(const struct container_id_map *map, unsigned flags, const char *kind, int *ret_fd, struct fail *f)
{
    int ends[2];
    struct holding holding;
    auto_free char *stack = malloc(STACK_BYTES);
    pid_t pid;
    bool done;

    if (stack == NULL || pipe2(ends, O_CLOEXEC) != 0)
        return fail(f, FAIL_SYSTEM, "make a user namespace: %s", strerror(errno));
    holding = (struct holding){.read_fd = ends[0], .write_fd = ends[1]};
    pid = start_holder(&holding, stack, flags);
    done = pid < 0 ? fail(f, FAIL_SYSTEM, "make a user namespace: %s", strerror(errno))
                   : write_maps(pid, map, f) && open_namespace(pid, kind, ret_fd, f);
    (void)close(ends[1]);
    (void)close(ends[0]);
    while (pid >= 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return done;
}

bool user_namespace_open(const struct container_id_map *map, int *ret_fd, struct fail *f)
{
    return open_new(map, 0, "user", ret_fd, f);
}

bool user_namespace_open_network(const struct container_id_map *map, int *ret_network_fd, struct fail *f)
{
    return open_new(map, CLONE_NEWNET, "net", ret_network_fd, f);
}

bool user_namespace_of_network(const char *network, int *ret_fd, struct fail *f)
{
    auto_fd network_fd = open(network, O_RDONLY | O_CLOEXEC);
    auto_fd owner = network_fd < 0 ? -1 : ioctl(network_fd, NS_GET_USERNS);
    struct stat theirs;
    struct stat ours;

    if (owner < 0 || fstat(owner, &theirs) != 0 || stat("/proc/self/ns/user", &ours) != 0)
        return fail(f, FAIL_SYSTEM, "user namespace of %s: %s", network, strerror(errno));
    *ret_fd = theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev ? -1 : take_fd(&owner);
    return true;
}
