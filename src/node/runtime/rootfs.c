/* Owns the making of the mount namespace. What else is mounted in it is the launcher's. */
#include "node/runtime/rootfs.h"

#include "node/runtime/borrowed_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

enum { OPTIONS_BYTES = 8192, LAYERS_MAX = 500 };

/* Shared with the child. The strings are made before it starts. */
struct mounting {
    const struct rootfs_options *options;
    char overlay[OPTIONS_BYTES];
    char lower[CONTAINER_LOWER_BYTES]; /* the layers, each ending in NUL, when they must be mapped */
    size_t layers;                     /* 0: not mapped */
    struct rootfs rootfs;
    struct child_failure failure;
};

/* Layer `number` as an idmapped mount on the directory of that name in the current directory. Overlay does not map its
 * files itself, but takes lower layers that do. */
child_side static int map_layer(struct mounting *mounting, const char *layer, size_t number)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)mounting->options->user_namespace};
    char name[4] = {(char)('0' + number / 100), (char)('0' + number / 10 % 10), (char)('0' + number % 10), '\0'};
    long tree = syscall(SYS_open_tree, AT_FDCWD, layer, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (tree < 0)
        return child_fails(&mounting->failure, "open the layer", layer);
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return child_fails(&mounting->failure, "map the users of the layer (its file system must know idmapped mounts)",
                           layer);
    if (syscall(SYS_mkdirat, AT_FDCWD, name, 0700) < 0 ||
        syscall(SYS_move_mount, tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return child_fails(&mounting->failure, "mount the layer", layer);
    (void)syscall(SYS_close, tree);
    return 0;
}

/* The overlay will cover it. */
child_side static int mount_scratch(struct mounting *mounting)
{
    const char *mount_point = mounting->options->mount_point;

    if (syscall(SYS_mount, "scratch", mount_point, "tmpfs", 0, "mode=700") < 0 || syscall(SYS_chdir, mount_point) < 0)
        return child_fails(&mounting->failure, "mount a scratch directory on", mount_point);
    return 0;
}

child_side static int mount_own_null(struct mounting *mounting)
{
    if (!mounting->options->own_null)
        return 0;
    if (syscall(SYS_mknodat, AT_FDCWD, "null", S_IFCHR, makedev(1, 3)) < 0 ||
        syscall(SYS_fchmodat, AT_FDCWD, "null", 0666) < 0 ||
        syscall(SYS_mount, "null", "/dev/null", NULL, MS_BIND, NULL) < 0)
        return child_fails(&mounting->failure, "mount a null device of its own", NULL);
    return 0;
}

child_side static int map_layers(struct mounting *mounting)
{
    const char *layer = mounting->lower;

    for (size_t i = 0; i < mounting->layers; i++) {
        if (map_layer(mounting, layer, i) < 0)
            return -1;
        while (*layer != '\0')
            layer++;
        layer++;
    }
    return 0;
}

child_side static int mount_in_child(void *context)
{
    struct mounting *mounting = context;
    const struct rootfs_options *options = mounting->options;

    if (syscall(SYS_unshare, CLONE_NEWNS) < 0 || syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return child_fails(&mounting->failure, "make a mount namespace", NULL);
    if (options->shadow != NULL && syscall(SYS_mount, "shadow", options->shadow, "tmpfs", 0, "mode=755") < 0)
        return child_fails(&mounting->failure, "mount an empty directory on", options->shadow);
    if ((mounting->layers > 0 || options->own_null) && mount_scratch(mounting) < 0)
        return -1;
    if (mount_own_null(mounting) < 0 || map_layers(mounting) < 0)
        return -1;
    if (syscall(SYS_mount, "overlay", options->mount_point, "overlay", 0, mounting->overlay) < 0)
        return child_fails(&mounting->failure, "mount the overlay on", options->mount_point);
    mounting->rootfs.root_fd = (int)syscall(SYS_openat, AT_FDCWD, options->mount_point, O_DIRECTORY | O_CLOEXEC);
    if (mounting->rootfs.root_fd < 0)
        return child_fails(&mounting->failure, "open", options->mount_point);
    mounting->rootfs.namespace_fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (mounting->rootfs.namespace_fd < 0)
        return child_fails(&mounting->failure, "open", "/proc/self/ns/mnt");
    return 0;
}

/* With a map the layers are mounted as "000", "001" ... in the current directory, which keeps the option short. */
static bool write_lower(struct mounting *mounting, char *lower, size_t size, struct fail *f)
{
    const struct container_spec *spec = mounting->options->spec;
    struct str rest = str_of(spec->lower_dirs);
    size_t at = 0;

    if (mounting->options->user_namespace < 0) {
        (void)snprintf(lower, size, "%s", spec->lower_dirs);
        return true;
    }
    memcpy(mounting->lower, spec->lower_dirs, rest.len + 1);
    for (char *c = mounting->lower; *c != '\0'; c++)
        if (*c == ':')
            *c = '\0';
    while (rest.ptr != NULL) {
        (void)str_cut(rest, ':', &rest);
        if (mounting->layers == LAYERS_MAX)
            return fail(f, FAIL_LIMIT, "the image has more than %d layers", LAYERS_MAX);
        at += (size_t)snprintf(lower + at, size - at, "%s%03zu", at == 0 ? "" : ":", mounting->layers++);
    }
    return true;
}

bool rootfs_mount(const struct rootfs_options *options, struct rootfs *ret_rootfs, struct fail *f)
{
    const struct container_spec *spec = options->spec;
    struct mounting mounting = {.options = options, .rootfs = {-1, -1}};
    char lower[CONTAINER_LOWER_BYTES];
    int len;

    if (spec->id_map.count > 0 && chown(spec->upper_dir, spec->id_map.host_first, spec->id_map.host_first) != 0)
        return fail(f, FAIL_SYSTEM, "give %s to the container's root: %s", spec->upper_dir, strerror(errno));
    if (!write_lower(&mounting, lower, sizeof(lower), f))
        return false;
    len = snprintf(mounting.overlay, sizeof(mounting.overlay), "lowerdir=%s,upperdir=%s,workdir=%s", lower,
                   spec->upper_dir, spec->work_dir);
    if (len >= sysconf(_SC_PAGESIZE))
        return fail(f, FAIL_LIMIT, "the paths of the image's layers are too long for one mount (%d bytes)", len);
    if (!borrowed_child_run(mount_in_child, &mounting, CLONE_FILES, &mounting.failure, "mount the root file system",
                            f)) {
        rootfs_close(&mounting.rootfs);
        return false;
    }
    *ret_rootfs = mounting.rootfs;
    return true;
}

void rootfs_close(struct rootfs *rootfs)
{
    close_fd_at(&rootfs->root_fd);
    close_fd_at(&rootfs->namespace_fd);
    *rootfs = (struct rootfs){-1, -1};
}
