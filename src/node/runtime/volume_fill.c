/* Owns the copying. Other containers of the task may be at work in the volume meanwhile, with all the rights that their
 * root has in it: nothing is opened by more than one component, and no link is followed. */
#include "node/runtime/volume_fill.h"

#include "base/str.h"
#include "node/runtime/rooted_path.h"
#include "node/runtime/small_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 256, PIECE_BYTES_MAX = 1 << 30 };

/* Two directories, one the other's copy. */
struct pair {
    int from;
    int to;
    unsigned depth;
};

static bool copy_directory(const struct pair *pair, struct fail *f);

static bool failed(const char *name, struct fail *f)
{
    return fail(f, FAIL_SYSTEM, "copy %s from the image into the volume: %s", name, strerror(errno));
}

static bool same_times(int fd, const struct stat *st)
{
    const struct timespec times[] = {st->st_atim, st->st_mtim};

    return futimens(fd, times) == 0;
}

/* The owner first: a change of it takes set-user-id away. */
static bool same_attributes(int fd, const struct stat *st)
{
    return fchown(fd, st->st_uid, st->st_gid) == 0 && fchmod(fd, st->st_mode & 07777) == 0 && same_times(fd, st);
}

static bool copy_bytes(int from, int to)
{
    ssize_t got;

    do
        got = sendfile(to, from, NULL, PIECE_BYTES_MAX);
    while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

static bool copy_file(const struct pair *pair, const char *name, const struct stat *st, struct fail *f)
{
    auto_fd from = openat(pair->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_fd to = from < 0 ? -1 : openat(pair->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    return (to >= 0 && copy_bytes(from, to) && same_attributes(to, st)) || failed(name, f);
}

static bool copy_link(const struct pair *pair, const char *name, const struct stat *st, struct fail *f)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(pair->from, name, text, sizeof(text) - 1);

    if (len < 0)
        return failed(name, f);
    text[len] = '\0';
    return (symlinkat(text, pair->to, name) == 0 &&
            fchownat(pair->to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) == 0) ||
           failed(name, f);
}

static bool copy_fifo(const struct pair *pair, const char *name, const struct stat *st, struct fail *f)
{
    auto_fd to = mkfifoat(pair->to, name, 0600) == 0
                     ? openat(pair->to, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
                     : -1;

    return (to >= 0 && same_attributes(to, st)) || failed(name, f);
}

static bool copy_below(const struct pair *pair, const char *name, struct fail *f)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    auto_fd from = openat(pair->from, name, FLAGS);
    auto_fd to = -1;

    if (from >= 0 && (mkdirat(pair->to, name, 0700) == 0 || errno == EEXIST))
        to = openat(pair->to, name, FLAGS);
    if (to < 0)
        return failed(name, f);
    return copy_directory(&(struct pair){from, to, pair->depth + 1}, f);
}

/* What an interrupted copy left of the name goes first, but directories. */
static bool copy_entry(const struct pair *pair, const char *name, struct fail *f)
{
    struct stat st;

    if (fstatat(pair->from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return failed(name, f);
    if (S_ISDIR(st.st_mode))
        return copy_below(pair, name, f);
    (void)unlinkat(pair->to, name, 0);
    if (S_ISREG(st.st_mode))
        return copy_file(pair, name, &st, f);
    if (S_ISLNK(st.st_mode))
        return copy_link(pair, name, &st, f);
    return !S_ISFIFO(st.st_mode) || copy_fifo(pair, name, &st, f);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_listing(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (listing == NULL)
        close_fd_at(&fd);
    return listing;
}

static bool copy_entries(const struct pair *pair, struct fail *f)
{
    DIR *listing = open_listing(pair->from);
    bool good = true;

    if (listing == NULL)
        return failed("a directory", f);
    for (struct dirent *entry = readdir(listing); entry != NULL && good; entry = readdir(listing))
        good = is_dots(entry->d_name) || copy_entry(pair, entry->d_name, f);
    (void)closedir(listing);
    return good;
}

static bool copy_directory(const struct pair *pair, struct fail *f)
{
    struct stat st;

    if (pair->depth == DEPTH_MAX)
        return fail(f, FAIL_LIMIT, "the image's directories in the volume are deeper than %d", DEPTH_MAX);
    if (fstat(pair->from, &st) != 0)
        return failed("a directory", f);
    return copy_entries(pair, f) && (same_attributes(pair->to, &st) || failed("a directory", f));
}

static bool is_empty(int directory)
{
    DIR *listing = open_listing(directory);
    bool empty = listing != NULL;

    for (struct dirent *entry = empty ? readdir(listing) : NULL; entry != NULL && empty; entry = readdir(listing))
        empty = is_dots(entry->d_name);
    if (listing != NULL)
        (void)closedir(listing);
    return empty;
}

/* The image's directory; *ret_fd is -1 when it has none. */
static bool open_source(int root_fd, const char *target, int *ret_fd, struct fail *f)
{
    auto_fd place = rooted_open(root_fd, target, ROOTED_EXISTING);
    auto_fd fd = place < 0 ? -1 : openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return failed(target, f);
    *ret_fd = take_fd(&fd);
    return true;
}

/* A file beside the volume says that a copy has begun and not ended. */
static bool copy(const char *unfinished, const struct pair *pair, struct fail *f)
{
    auto_fd mark = open(unfinished, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (mark < 0)
        return fail(f, FAIL_SYSTEM, "create %s: %s", unfinished, strerror(errno));
    return copy_directory(pair, f) &&
           (unlink(unfinished) == 0 || fail(f, FAIL_SYSTEM, "remove %s: %s", unfinished, strerror(errno)));
}

bool volume_fill(const char *volume, int root_fd, const char *target, struct fail *f)
{
    auto_fd to = open(volume, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_fd from = -1;
    char unfinished[PATH_BYTES];

    path_format(unfinished, "%s~", volume);
    if (to < 0 || flock(to, LOCK_EX) != 0)
        return fail(f, FAIL_SYSTEM, "open the volume %s: %s", volume, strerror(errno));
    if (!is_empty(to) && access(unfinished, F_OK) != 0)
        return true;
    return open_source(root_fd, target, &from, f) && (from < 0 || copy(unfinished, &(struct pair){from, to, 0}, f));
}
