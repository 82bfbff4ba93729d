#include "node/image/layer_path.h"

#include "node/image/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum { SYMLINKS_MAX = 40 }; /* as the kernel's own resolution */

bool layer_is_whiteout(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

void layer_path_begin(struct layer_path *path, int root_fd, const struct image_limits *limits)
{
    path->root_fd = root_fd;
    path->limits = limits;
    path->parent_fd = -1;
}

void layer_path_end(struct layer_path *path)
{
    layer_path_changed(path);
}

void layer_path_changed(struct layer_path *path)
{
    if (path->parent_fd >= 0)
        (void)close(path->parent_fd);
    path->parent_fd = -1;
}

int layer_path_open(int root_fd, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };

    return (int)syscall(SYS_openat2, root_fd, path[0] == '\0' ? "." : path, &how, sizeof(how));
}

/* Appends "/component" to a path of PATH_MAX bytes, within the limits. */
static bool append(const struct image_limits *limits, char *path, struct str component, struct fail *f)
{
    size_t len = strlen(path);
    size_t depth = 1;

    for (size_t i = 0; i < len; i++)
        depth += path[i] == '/';
    if (len + component.len + 2 > PATH_MAX || len + component.len + 1 > limits->path_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: a path is longer than %llu bytes",
                          (unsigned long long)limits->path_bytes_max);
    if (depth >= limits->path_depth_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: a path is deeper than %llu directories",
                          (unsigned long long)limits->path_depth_max);
    if (len > 0)
        path[len++] = '/';
    memcpy(path + len, component.ptr, component.len);
    path[len + component.len] = '\0';
    return true;
}

bool layer_name_read(const struct image_limits *limits, const char *text, struct layer_name *ret_name, struct fail *f)
{
    struct str rest = str_of(text);
    char *slash;

    ret_name->text[0] = '\0';
    while (rest.ptr != NULL) {
        struct str component = str_cut(rest, '/', &rest);

        if (component.len == 0 || str_is(component, "."))
            continue;
        if (str_is(component, ".."))
            return image_fail(f, IMAGE_MALFORMED, "archive: path %.200s leaves the layer", text);
        if (component.len > NAME_MAX)
            return image_fail(f, IMAGE_MALFORMED, "archive: a file name is longer than %d bytes", NAME_MAX);
        if (!append(limits, ret_name->text, component, f))
            return false;
    }
    memcpy(ret_name->parent, ret_name->text, sizeof(ret_name->parent));
    slash = strrchr(ret_name->parent, '/');
    ret_name->base = slash == NULL ? ret_name->text : ret_name->text + (slash - ret_name->parent) + 1;
    if (slash == NULL)
        slash = ret_name->parent;
    *slash = '\0';
    return true;
}

/* A walk down from the root: where it stands, and the components still to go. */
struct walk {
    struct layer_path *owner;
    bool create;
    unsigned symlinks;
    char at[PATH_MAX];
    char rest[2 * PATH_MAX];
};

static void leave_last(char *path)
{
    char *slash = strrchr(path, '/');

    *(slash == NULL ? path : slash) = '\0';
}

/* Puts a link's target in front of what is still to go. */
static bool take_target(struct walk *walk, int link_fd, struct fail *f)
{
    char target[PATH_MAX];
    char rest[sizeof(walk->rest)];
    ssize_t len = readlinkat(link_fd, "", target, sizeof(target) - 1);

    if (len < 0)
        return image_fail_errno(f, errno, "read symbolic link %s", walk->at);
    target[len] = '\0';
    if (++walk->symlinks > SYMLINKS_MAX)
        return image_fail_errno(f, ELOOP, "archive: path through %s", walk->at);
    memcpy(rest, walk->rest, sizeof(rest));
    if ((size_t)snprintf(walk->rest, sizeof(walk->rest), "%s/%s", target, rest) >= sizeof(walk->rest))
        return image_fail_errno(f, ENAMETOOLONG, "archive: path through %s", walk->at);
    if (target[0] == '/')
        walk->at[0] = '\0';
    else
        leave_last(walk->at);
    return true;
}

/* Makes walk->at a directory of root's, 0755 whatever the umask. One that stands in for a whiteout hides what lower
 * layers have there. */
static bool make_directory(const struct walk *walk, bool opaque, struct fail *f)
{
    struct str whole = str_of(walk->at);
    size_t slash = str_find_last(whole, '/');
    const char *base = slash == whole.len ? walk->at : walk->at + slash + 1;
    char parent[PATH_MAX] = "";
    auto_fd parent_fd = -1;
    auto_fd fd = -1;

    if (slash != whole.len)
        memcpy(parent, walk->at, slash);
    parent_fd = layer_path_open(walk->owner->root_fd, parent, O_PATH | O_DIRECTORY);
    if (parent_fd < 0 || (opaque && unlinkat(parent_fd, base, 0) != 0) || mkdirat(parent_fd, base, 0755) != 0)
        return image_fail_errno(f, errno, "make directory %s", walk->at);
    fd = openat(parent_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0755) != 0 || (opaque && fsetxattr(fd, LAYER_OPAQUE, "y", 1, 0) != 0))
        return image_fail_errno(f, errno, "make directory %s", walk->at);
    return true;
}

/* Goes one component on. */
static bool step(struct walk *walk, struct str component, struct fail *f)
{
    auto_fd fd = -1;
    struct stat status;

    if (component.len == 0 || str_is(component, "."))
        return true;
    if (str_is(component, "..")) {
        leave_last(walk->at);
        return true;
    }
    if (!append(walk->owner->limits, walk->at, component, f))
        return false;
    fd = layer_path_open(walk->owner->root_fd, walk->at, O_PATH | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        if (!walk->create)
            return image_fail(f, IMAGE_MALFORMED, "archive: %s is not in this layer", walk->at);
        return make_directory(walk, false, f);
    }
    if (fd < 0 || fstat(fd, &status) != 0)
        return image_fail_errno(f, errno, "archive: path %s", walk->at);
    if (S_ISLNK(status.st_mode))
        return take_target(walk, fd, f);
    if (layer_is_whiteout(&status) && walk->create)
        return make_directory(walk, true, f);
    if (!S_ISDIR(status.st_mode))
        return image_fail_errno(f, ENOTDIR, "archive: path %s", walk->at);
    return true;
}

static bool resolve(struct layer_path *path, const char *parent, bool create, char ret_path[PATH_MAX], struct fail *f)
{
    struct walk walk = {.owner = path, .create = create};

    (void)snprintf(walk.rest, sizeof(walk.rest), "%s", parent);
    while (walk.rest[0] != '\0') {
        struct str behind;
        struct str component = str_cut(str_of(walk.rest), '/', &behind);
        char name[PATH_MAX];

        if (!str_to_buffer(component, name, sizeof(name)))
            return image_fail_errno(f, ENAMETOOLONG, "archive: path %s", parent);
        if (behind.ptr == NULL)
            walk.rest[0] = '\0';
        else
            memmove(walk.rest, behind.ptr, behind.len + 1);
        if (!step(&walk, str_of(name), f))
            return false;
    }
    memcpy(ret_path, walk.at, PATH_MAX);
    return true;
}

bool layer_path_parent(struct layer_path *path, const char *parent, bool create, int *ret_fd, struct fail *f)
{
    if (path->parent_fd >= 0 && strcmp(path->parent_name, parent) == 0) {
        *ret_fd = path->parent_fd;
        return true;
    }
    layer_path_changed(path);
    (void)snprintf(path->parent_name, sizeof(path->parent_name), "%s", parent);
    (void)snprintf(path->parent_path, sizeof(path->parent_path), "%s", parent);
    path->parent_fd = layer_path_open(path->root_fd, parent, O_PATH | O_DIRECTORY);
    if (path->parent_fd < 0) {
        if (!resolve(path, parent, create, path->parent_path, f))
            return false;
        path->parent_fd = layer_path_open(path->root_fd, path->parent_path, O_PATH | O_DIRECTORY);
    }
    if (path->parent_fd < 0)
        return image_fail_errno(f, errno, "archive: path %s", parent);
    *ret_fd = path->parent_fd;
    return true;
}
