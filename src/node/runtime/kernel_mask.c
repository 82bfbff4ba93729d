/* Owns the covering of kernel files. They are reached from the mounts we made ourselves and not by their path, in which
 * an image, or another container with the same volume, may have put a link meanwhile (CVE-2019-19921 of runc). */
#include "node/runtime/kernel_mask.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The file below the mount it is in; -1 with ENOENT when there is no such mount or file. */
static int open_kernel_file(const struct mount_set *set, const char *path)
{
    static const char *const targets[] = {"/proc", "/sys"};
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

    errno = ENOENT;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        size_t len = strlen(targets[i]);
        int fd = mount_set_find(set, targets[i], NULL);

        if (fd >= 0 && strncmp(path, targets[i], len) == 0 && path[len] == '/')
            return (int)syscall(SYS_openat2, fd, path + len + 1, &how, sizeof(how));
    }
    errno = ENOENT;
    return -1;
}

/* An empty directory, or the container's own /dev/null. */
static int open_cover(const struct mount_set *set, bool directory)
{
    int dev = mount_set_find(set, "/dev", "tmpfs");

    if (directory)
        return mount_open("tmpfs", "tmpfs", "nosuid,nodev,noexec,size=0k");
    return dev < 0 ? open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW)
                   : open_tree(dev, "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
}

static int cover(int cover_fd, int on)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};

    if (cover_fd < 0 || mount_setattr(cover_fd, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) != 0)
        return -1;
    return mount_attach(cover_fd, on);
}

static int hide(const struct mount_set *set, const char *path)
{
    auto_fd fd = open_kernel_file(set, path);
    auto_fd cover_fd = -1;
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? 0 : child_fails(set->failure, "hide", path);
    if (fstat(fd, &st) == 0)
        cover_fd = open_cover(set, S_ISDIR(st.st_mode));
    return cover(cover_fd, fd) == 0 ? 0 : child_fails(set->failure, "hide", path);
}

static int protect(const struct mount_set *set, const char *path)
{
    auto_fd fd = open_kernel_file(set, path);
    auto_fd copy = -1;

    if (fd < 0)
        return errno == ENOENT ? 0 : child_fails(set->failure, "write-protect", path);
    copy = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    return cover(copy, fd) == 0 ? 0 : child_fails(set->failure, "write-protect", path);
}

int kernel_mask(const struct mount_set *set)
{
    if ((set->plan->flags & NATIVE_MASKED) == 0)
        return 0;
    for (const char *const *path = plan_masked_paths; *path != NULL; path++)
        if (hide(set, *path) != 0)
            return -1;
    for (const char *const *path = plan_readonly_paths; *path != NULL; path++)
        if (protect(set, *path) != 0)
            return -1;
    return 0;
}
