/* Owns reading, writing, making and locking; path_remove is in files_remove.c. */
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { DIRECTORY_ABOVE_MODE = 0755 };

static bool fail_path(struct fail *f, const char *what, const char *path)
{
    return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "%s %s: %s", what, path, strerror(errno));
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

/* The rename itself must survive, so the directory is synchronised too. */
static bool sync_directory_of(const char *path, struct fail *f)
{
    struct str whole = str_of(path);
    size_t end = str_find_last(whole, '/');
    char directory[PATH_MAX];
    auto_fd fd = -1;

    if (end == whole.len)
        whole = STR(".");
    else
        whole = end == 0 ? STR("/") : str_to(whole, end);
    if (!str_to_buffer(whole, directory, sizeof(directory)))
        return fail(f, FAIL_INPUT, "%s: path too long", path);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail_path(f, "sync", directory);
    return true;
}

bool file_write(const char *path, struct str bytes, mode_t mode, struct fail *f)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    auto_fd fd = -1;

    if (len < 0 || (size_t)len >= sizeof(beside))
        return fail(f, FAIL_INPUT, "%s: path too long", path);
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return fail_path(f, "create a file beside", path);
    if (!write_all(fd, bytes) || fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(beside, path) != 0) {
        int error = errno;

        (void)unlink(beside);
        errno = error;
        return fail_path(f, "write", path);
    }
    return sync_directory_of(path, f);
}

bool file_replace(const char *path, struct str bytes, mode_t mode, struct fail *f)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof(beside), "%s~", path);
    auto_fd fd = -1;

    if (len < 0 || (size_t)len >= sizeof(beside))
        return fail(f, FAIL_INPUT, "%s: path too long", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_path(f, "create", beside);
    if (!write_all(fd, bytes))
        return fail_path(f, "write", beside);
    return rename(beside, path) == 0 || fail_path(f, "rename", beside);
}

bool file_read(const char *path, struct buf *out, struct fail *f)
{
    char piece[16384];
    ssize_t len;
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_path(f, "open", path);
    for (;;) {
        len = read(fd, piece, sizeof(piece));
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            break;
        buf_add(out, (struct str){piece, (size_t)len});
        if (out->overflowed)
            return fail(f, FAIL_LIMIT, "%s: larger than %zu bytes", path,
                        out->limit == 0 ? BUF_LIMIT_DEFAULT : out->limit);
    }
    return len == 0 || fail_path(f, "read", path);
}

static bool make_one(const char *path, mode_t mode, struct fail *f)
{
    struct stat status;

    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 || fail_path(f, "set the mode of", path); /* whatever the umask is */
    if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    if (errno == EEXIST || errno == 0)
        errno = ENOTDIR;
    return fail_path(f, "make the directory", path);
}

bool directory_make(const char *path, mode_t mode, struct fail *f)
{
    char part[PATH_MAX];

    if (!str_to_buffer(str_of(path), part, sizeof(part)))
        return fail(f, FAIL_INPUT, "%s: path too long", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_one(part, DIRECTORY_ABOVE_MODE, f))
            return false;
        *slash = '/';
    }
    return make_one(part, mode, f);
}

bool directory_turn(const char *path, int *ret_fd, struct fail *f)
{
    auto_fd fd = -1;

    if (!directory_make(path, 0755, f))
        return false;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_path(f, "open", path);
    if (flock(fd, LOCK_EX) != 0)
        return fail_path(f, "lock", path);
    *ret_fd = take_fd(&fd);
    return true;
}

static bool fail_locked(const char *path, int fd, struct fail *f)
{
    char text[32] = "";
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    uint64_t pid;

    if (len > 0 && str_to_uint64(str_trim((struct str){text, (size_t)len}), &pid))
        return fail(f, FAIL_CONFLICT, "%s is in use by process %ju", path, (uintmax_t)pid);
    return fail(f, FAIL_CONFLICT, "%s is in use by another process", path);
}

bool directory_lock(const char *path, int *ret_fd, struct fail *f)
{
    char name[PATH_MAX];
    char pid[32];
    int len = snprintf(name, sizeof(name), "%s/lock", path);
    int pid_len = snprintf(pid, sizeof(pid), "%d\n", getpid());
    auto_fd fd = -1;

    if (len < 0 || (size_t)len >= sizeof(name))
        return fail(f, FAIL_INPUT, "%s: path too long", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_path(f, "open", name);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? fail_locked(path, fd, f) : fail_path(f, "lock", name);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)pid_len, 0) != pid_len)
        return fail_path(f, "write", name);
    *ret_fd = take_fd(&fd);
    return true;
}
