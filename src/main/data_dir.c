#include "main/data_dir.h"

#include "base/must.h"
#include "os/entropy.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

enum { FILE_MAX = 64 << 10 };

const char *data_dir_file(const struct data_dir *dir, const char *name, struct arena *arena)
{
    return arena_printf(arena, "%s/%s", dir->path, name).ptr;
}

bool data_dir_write(const struct data_dir *dir, const char *name, struct str text, struct fail *f)
{
    char path[4200];

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    return file_write(path, text, 0600, f);
}

bool data_dir_read(const struct data_dir *dir, const char *name, struct arena *arena, struct str *ret_text,
                   struct fail *f)
{
    auto_buf text = {.limit = FILE_MAX};

    if (!file_read(data_dir_file(dir, name, arena), &text, f))
        return false;
    *ret_text = arena_str(arena, buf_str(&text));
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
        entropy_fill(bytes, len);
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

    if (!directory_make(path, 0700, f) || !keep_word(&dir, "token", dir.token, sizeof(dir.token) - 1, f) ||
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
