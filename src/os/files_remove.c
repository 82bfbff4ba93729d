/* Owns the removal of trees that others have filled: image layers, containers' root file systems, volumes. What is in
 * them is hostile: symbolic links out of the tree, nesting without end, mounts left behind. */
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { DEPTH_MAX = 32 };

struct removal {
    const char *path; /* for messages */
    int top_fd;       /* the tree's first directory */
    unsigned moved;   /* directories too deep were moved up here, so many so far */
    struct fail *f;
};

static bool fail_at(struct removal *removal, const char *name)
{
    if (errno == EXDEV || errno == EBUSY)
        return fail(removal->f, FAIL_CONFLICT, "remove %s: \"%s\" in it is a mount point", removal->path, name);
    return fail(removal->f, FAIL_SYSTEM, "remove %s: \"%s\" in it: %s", removal->path, name, strerror(errno));
}

/* A directory below `parent`: no symbolic link, and on the same mount. */
static int open_below(int parent, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};

    return (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Instead of going deeper: the directory becomes a child of the tree's first one, whose next pass meets it. */
static bool move_up(struct removal *removal, int parent, const char *name)
{
    char target[40];

    do {
        (void)snprintf(target, sizeof(target), ".removed-%u", removal->moved++);
        if (syscall(SYS_renameat2, parent, name, removal->top_fd, target, RENAME_NOREPLACE) == 0)
            return true;
    } while (errno == EEXIST);
    return fail_at(removal, name);
}

static bool empty_directory(struct removal *removal, int fd, unsigned depth);

static bool remove_entry(struct removal *removal, int parent, const char *name, unsigned depth)
{
    auto_fd fd = -1;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return fail_at(removal, name);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return true;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return fail_at(removal, name);
    fd = open_below(parent, name);
    if (fd < 0)
        return fail_at(removal, name);
    if (depth == DEPTH_MAX)
        return move_up(removal, parent, name);
    if (!empty_directory(removal, fd, depth + 1))
        return false;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || fail_at(removal, name);
}

/* Again until a pass finds nothing: removing may make readdir skip entries, and deep directories come up. */
static bool empty_directory(struct removal *removal, int fd, unsigned depth)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *directory = own < 0 ? NULL : fdopendir(own);
    bool good = directory != NULL;
    bool found = true;

    if (directory == NULL) {
        if (own >= 0)
            (void)close(own);
        return fail_at(removal, ".");
    }
    while (good && found) {
        const struct dirent *entry;

        found = false;
        rewinddir(directory);
        while (good && (entry = readdir(directory)) != NULL) {
            if (is_dot(entry->d_name))
                continue;
            found = true;
            good = remove_entry(removal, fd, entry->d_name, depth);
        }
    }
    (void)closedir(directory);
    return good;
}

static bool fail_top(const char *path, struct fail *f)
{
    if (errno == EBUSY)
        return fail(f, FAIL_CONFLICT, "remove %s: it is a mount point", path);
    return fail(f, FAIL_SYSTEM, "remove %s: %s", path, strerror(errno));
}

bool path_remove(const char *path, struct fail *f)
{
    struct removal removal = {.path = path, .f = f};
    auto_fd fd = -1;

    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return fail_top(path, f);
    if (rmdir(path) == 0)
        return true;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return fail_top(path, f);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_top(path, f);
    removal.top_fd = fd;
    if (!empty_directory(&removal, fd, 0))
        return false;
    return rmdir(path) == 0 || fail_top(path, f);
}
