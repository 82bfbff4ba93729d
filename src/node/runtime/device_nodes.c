/* Owns the contents of /dev. */
#include "node/runtime/device_nodes.h"

#include "node/runtime/rooted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* OCI runtime specification, "Default Devices". */
static const struct {
    const char *host_path;
    unsigned major;
    unsigned minor;
} usual[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

/* The same, and "Dev symbolic links". */
static const struct {
    const char *name;
    const char *target;
} links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"},
};

_Static_assert(COUNT_OF(usual) + PLAN_DEVICES_MAX <= DEVICE_NODES_MAX, "a place for every node");

/* Devices of both kinds under one number: the usual ones first. */
static struct plan_device device_at(const struct native_plan *plan, size_t i)
{
    if (i >= COUNT_OF(usual))
        return plan->devices[i - COUNT_OF(usual)];
    return (struct plan_device){.path = usual[i].host_path,
                                .host_path = usual[i].host_path,
                                .type = 'c',
                                .major = usual[i].major,
                                .minor = usual[i].minor};
}

static size_t device_count(const struct native_plan *plan)
{
    return COUNT_OF(usual) + plan->device_count;
}

/* A /dev that the user has mounted is left as it is. */
static bool is_ours(const struct mount_set *set, size_t i)
{
    return i >= COUNT_OF(usual) || mount_set_find(set, "/dev", "tmpfs") >= 0;
}

int device_nodes_open_host(struct device_nodes *nodes, const struct mount_set *set)
{
    if (device_count(set->plan) > DEVICE_NODES_MAX) {
        errno = E2BIG;
        return child_fails(set->failure, "make the container's devices", NULL);
    }
    for (size_t i = 0; i < device_count(set->plan) && (set->plan->flags & NATIVE_USER_NAMESPACE) != 0; i++) {
        const char *path = device_at(set->plan, i).host_path;

        nodes->fds[i] = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (nodes->fds[i] < 0)
            return child_fails(set->failure, "open the device", path);
    }
    return 0;
}

/* The directory of a device's path, made if missing, and its name in it. */
static int open_parent(int root, const char *path, const char **ret_name)
{
    char parent[1024];
    const char *slash = strrchr(path, '/');

    errno = EINVAL;
    if (slash == NULL || slash[1] == '\0' ||
        !str_to_buffer((struct str){path, (size_t)(slash - path)}, parent, sizeof(parent)))
        return -1;
    *ret_name = slash + 1;
    return rooted_open(root, parent, ROOTED_DIRECTORY);
}

static int make_node(int root, const struct plan_device *device, mode_t mode)
{
    const char *name = NULL;
    mode_t type = device->type == 'b' ? S_IFBLK : S_IFCHR;
    auto_fd parent = open_parent(root, device->path, &name);

    if (parent < 0)
        return -1;
    if (mknodat(parent, name, type | mode, makedev(device->major, device->minor)) != 0 && errno != EEXIST)
        return -1;
    return 0;
}

static int mount_node(int root, const struct plan_device *device, int node)
{
    auto_fd on = rooted_open(root, device->path, ROOTED_FILE);

    return on < 0 ? -1 : mount_attach(node, on);
}

static int make_links(const struct mount_set *set)
{
    int dev = mount_set_find(set, "/dev", "tmpfs");

    for (size_t i = 0; i < COUNT_OF(links) && dev >= 0; i++)
        if (symlinkat(links[i].target, dev, links[i].name) != 0 && errno != EEXIST)
            return child_fails(set->failure, "make the link in /dev", links[i].name);
    return 0;
}

int device_nodes_make(const struct device_nodes *nodes, const struct mount_set *set)
{
    bool mounted = (set->plan->flags & NATIVE_USER_NAMESPACE) != 0;
    auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < device_count(set->plan); i++) {
        struct plan_device device = device_at(set->plan, i);
        mode_t mode = i < COUNT_OF(usual) ? 0666 : 0660;

        if (!is_ours(set, i))
            continue;
        if ((mounted ? mount_node(root, &device, nodes->fds[i]) : make_node(root, &device, mode)) != 0)
            return child_fails(set->failure, "make the device", device.path);
    }
    return make_links(set);
}
