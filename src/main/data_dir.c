#include "main/data_dir.h"

#include "base/must.h"
#include "edge/api.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { FILE_MAX = 64 << 10 };

const char *data_dir_file(const struct data_dir *dir, const char *name, struct arena *arena)
{
    return arena_printf(arena, "%s/%s", dir->path, name).ptr;
}

/* Every missing folder of the path. */
static bool make_folders(const char *path, struct fail *f)
{
    char copy[4096];

    if (!str_to_buffer(str_of(path), copy, sizeof(copy)))
        return fail(f, FAIL_INPUT, "the path of the data directory is too long");
    for (char *at = copy + 1;; at++) {
        char kept = *at;

        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, kept == '\0' ? 0700 : 0755) != 0 && errno != EEXIST)
            return fail(f, FAIL_SYSTEM, "make %s: %s", copy, strerror(errno));
        *at = kept;
        if (kept == '\0')
            return true;
    }
}

bool data_dir_write(const struct data_dir *dir, const char *name, struct str text, struct fail *f)
{
    char path[4096];
    char temporary[4200];
    auto_fd fd = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || fsync(fd) != 0 || rename(temporary, path) != 0)
        return fail(f, FAIL_SYSTEM, "write %s: %s", path, strerror(errno));
    return true;
}

bool data_dir_read(const struct data_dir *dir, const char *name, struct arena *arena, struct str *ret_text,
                   struct fail *f)
{
    const char *path = data_dir_file(dir, name, arena);
    char *text = arena_alloc(arena, FILE_MAX);
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0)
        return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    len = read(fd, text, FILE_MAX - 1);
    if (len < 0)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    *ret_text = (struct str){text, (size_t)len};
    return true;
}

/* A word of random characters that a file of the directory keeps. */
static bool keep_word(const struct data_dir *dir, const char *name, char *ret_word, size_t len, struct fail *f)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char bytes[64];
    struct arena arena;
    struct str text;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = data_dir_read(dir, name, &arena, &text, f) && text.len == len;
    if (good) {
        memcpy(ret_word, text.ptr, len);
    } else {
        must(len <= sizeof(bytes));
        front_secret(bytes, len);
        for (size_t i = 0; i < len; i++)
            ret_word[i] = alphabet[bytes[i] % 32];
        good = data_dir_write(dir, name, (struct str){ret_word, len}, f);
    }
    ret_word[len] = '\0';
    arena_free(&arena);
    return good;
}

bool data_dir_open(const char *path, struct data_dir *ret_dir, struct fail *f)
{
    struct data_dir dir = {.path = path};

    if (!make_folders(path, f) || !keep_word(&dir, "token", dir.token, sizeof(dir.token) - 1, f) ||
        !keep_word(&dir, "instance", dir.instance, sizeof(dir.instance) - 1, f))
        return false;
    *ret_dir = dir;
    return true;
}

static int open_lock(const struct data_dir *dir, const char *role)
{
    char path[4200];

    (void)snprintf(path, sizeof(path), "%s/%s.lock", dir->path, role);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

int data_dir_holder(const struct data_dir *dir, const char *role)
{
    auto_fd fd = open_lock(dir, role);
    char text[16] = "";
    int64_t pid;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0 || !str_to_int64(str_trim(str_of(text)), &pid))
        return 0;
    return (int)pid;
}

bool data_dir_lock(const struct data_dir *dir, const char *role, int *ret_fd, struct fail *f)
{
    auto_fd fd = open_lock(dir, role);
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s/%s.lock: %s", dir->path, role, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return fail(f, FAIL_CONFLICT,
                    "%s is in use by another berth %s (process %d); end it, or give --data another directory",
                    dir->path, role, data_dir_holder(dir, role));
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return fail(f, FAIL_SYSTEM, "write %s/%s.lock: %s", dir->path, role, strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}
