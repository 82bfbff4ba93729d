#include "node/network/namespace.h"

#include "base/must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

struct path {
    char text[sizeof(NAMESPACE_DIR) + NAMESPACE_NAME_SIZE];
};

static struct path path_of(const char *name)
{
    struct path path;
    int len = snprintf(path.text, sizeof(path.text), NAMESPACE_DIR "/%s", name);

    must(len > 0 && (size_t)len < sizeof(path.text));
    return path;
}

bool namespace_prepare(struct fail *f)
{
    if (mkdir(NAMESPACE_DIR, 0755) < 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "mkdir %s: %s", NAMESPACE_DIR, strerror(errno));
    if (mount("", NAMESPACE_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
        return true;
    /* EINVAL: not a mount point yet, so bind it to itself first. */
    if (errno == EINVAL && mount(NAMESPACE_DIR, NAMESPACE_DIR, "none", MS_BIND | MS_REC, NULL) == 0 &&
        mount("", NAMESPACE_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
        return true;
    return fail(f, FAIL_SYSTEM, "share mount %s: %s", NAMESPACE_DIR, strerror(errno));
}

bool namespace_home(int *ret_fd, struct fail *f)
{
    int fd = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", OWN_NAMESPACE, strerror(errno));
    *ret_fd = fd;
    return true;
}

/* Gives the thread's new namespace its name. */
static bool bind_own(const char *path, int *ret_fd, struct fail *f)
{
    auto_fd file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

    if (file < 0)
        return fail(f, errno == EEXIST ? FAIL_CONFLICT : FAIL_SYSTEM, "create %s: %s", path, strerror(errno));
    if (mount(OWN_NAMESPACE, path, "none", MS_BIND, NULL) < 0) {
        (void)!fail(f, FAIL_SYSTEM, "bind network namespace to %s: %s", path, strerror(errno));
        (void)unlink(path);
        return false;
    }
    return namespace_home(ret_fd, f);
}

bool namespace_create(const char *name, int home_fd, int *ret_fd, struct fail *f)
{
    if (unshare(CLONE_NEWNET) < 0)
        return fail(f, FAIL_SYSTEM, "new network namespace: %s", strerror(errno));
    if (bind_own(path_of(name).text, ret_fd, f))
        return true;
    namespace_leave(home_fd);
    return false;
}

bool namespace_name(const char *name, int fd, int home_fd, struct fail *f)
{
    auto_fd same = -1;

    if (!namespace_enter(fd, f))
        return false;
    if (bind_own(path_of(name).text, &same, f))
        return true;
    namespace_leave(home_fd);
    return false;
}

bool namespace_open(const char *name, int *ret_fd, struct fail *f)
{
    struct path path = path_of(name);
    auto_fd fd = open(path.text, O_RDONLY | O_CLOEXEC);
    struct statfs fs;

    if (fd < 0)
        return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "open %s: %s", path.text, strerror(errno));
    if (fstatfs(fd, &fs) < 0)
        return fail(f, FAIL_SYSTEM, "statfs %s: %s", path.text, strerror(errno));
    if (fs.f_type != NSFS_MAGIC)
        return fail(f, FAIL_NOT_FOUND, "%s is not a namespace", path.text);
    *ret_fd = take_fd(&fd);
    return true;
}

bool namespace_enter(int fd, struct fail *f)
{
    if (setns(fd, CLONE_NEWNET) < 0)
        return fail(f, FAIL_SYSTEM, "enter network namespace: %s", strerror(errno));
    return true;
}

void namespace_leave(int home_fd)
{
    must(setns(home_fd, CLONE_NEWNET) == 0);
}

bool namespace_remove(const char *name, struct fail *f)
{
    struct path path = path_of(name);

    /* EINVAL: no mount point. MNT_DETACH: a reader of the file must not keep the task on the network. */
    if (umount2(path.text, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "unmount %s: %s", path.text, strerror(errno));
    if (unlink(path.text) < 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "unlink %s: %s", path.text, strerror(errno));
    return true;
}

bool namespace_each(const char *prefix, namespace_each_fn *each, void *context, struct fail *f)
{
    DIR *dir = opendir(NAMESPACE_DIR);
    struct dirent *entry;
    bool ok = true;

    if (dir == NULL)
        return fail(f, FAIL_SYSTEM, "open %s: %s", NAMESPACE_DIR, strerror(errno));
    while (ok && (entry = readdir(dir)) != NULL) {
        if (str_starts(str_of(entry->d_name), str_of(prefix)) && strlen(entry->d_name) < NAMESPACE_NAME_SIZE)
            ok = each(entry->d_name, context, f);
    }
    (void)closedir(dir);
    return ok;
}

static bool set_one(const struct namespace_setting *setting, struct fail *f)
{
    char path[128];
    size_t len = strlen(setting->value);
    auto_fd fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/sys/net/%s", setting->path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && setting->optional)
        return true;
    if (fd < 0 || write(fd, setting->value, len) != (ssize_t)len)
        return fail(f, FAIL_SYSTEM, "set %s to %s: %s", path, setting->value, strerror(errno));
    return true;
}

bool namespace_set(const struct namespace_setting *settings, size_t count, struct fail *f)
{
    for (size_t i = 0; i < count; i++) {
        if (!set_one(&settings[i], f))
            return false;
    }
    return true;
}

bool namespace_get(const char *setting, char *buffer, size_t size, struct fail *f)
{
    char path[128];
    auto_fd fd = -1;
    ssize_t len;

    (void)snprintf(path, sizeof(path), "/proc/sys/net/%s", setting);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (len < 0)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    while (len > 0 && buffer[len - 1] == '\n')
        len--;
    buffer[len] = '\0';
    return true;
}
