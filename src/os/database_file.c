#include "os/database_file.h"

#include "base/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

bool database_file_make(const char *path, struct fail *f)
{
    auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fd >= 0 || fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
}

/* One of the three files; new_ending NULL: removes it. */
static bool put_away(const char *path, const char *ending, const char *new_ending, struct fail *f)
{
    char from[PATH_BYTES];
    char to[PATH_BYTES];

    if (snprintf(from, sizeof(from), "%s%s", path, ending) >= (int)sizeof(from) ||
        snprintf(to, sizeof(to), "%s%s", path, new_ending == NULL ? "" : new_ending) >= (int)sizeof(to))
        return fail(f, FAIL_SYSTEM, "path too long: %s", path);
    if ((new_ending == NULL ? unlink(from) : rename(from, to)) != 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "%s %s: %s", new_ending == NULL ? "remove" : "rename", from, strerror(errno));
    return true;
}

static bool remove_sidecars(const char *path, struct fail *f)
{
    return put_away(path, "-wal", NULL, f) && put_away(path, "-shm", NULL, f);
}

bool database_file_set_aside(const char *path, struct fail *f)
{
    return put_away(path, "", ".damaged", f) && remove_sidecars(path, f);
}

bool database_file_remove(const char *path, struct fail *f)
{
    return put_away(path, "", NULL, f) && remove_sidecars(path, f);
}
