#include "node/image/tree_remove.h"

#include "node/image/problem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void close_dir_at(DIR *const *dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool remove_contents(int fd, struct fail *f)
{
    __attribute__((cleanup(close_dir_at))) DIR *dir = fdopendir(fd);
    const struct dirent *entry;

    if (dir == NULL) {
        (void)close(fd);
        return image_fail_errno(f, errno, "read a directory to remove it");
    }
    for (;;) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            break;
        if (!is_dots(entry->d_name) && !image_tree_remove(dirfd(dir), entry->d_name, f))
            return false;
    }
    return errno == 0 || image_fail_errno(f, errno, "read a directory to remove it");
}

bool image_tree_remove(int parent_fd, const char *name, struct fail *f)
{
    int fd;

    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return image_fail_errno(f, errno, "remove %s", name);
    fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return image_fail_errno(f, errno, "remove %s", name);
    if (!remove_contents(fd, f))
        return false;
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) != 0)
        return image_fail_errno(f, errno, "remove %s", name);
    return true;
}
