#include "node/network/forwarding.h"

#include "node/network/namespace.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEEDS "/run/berth/forwarding"
/* Beside the instances' files: it was off before the first of them. No instance has such a name. */
#define WAS_OFF "was-off"

enum { PATH_BYTES = 96 };

static bool make_file(int directory, const char *name, struct fail *f)
{
    auto_fd fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "create " NEEDS "/%s: %s", name, strerror(errno));
    return true;
}

static bool set(const char *value, struct fail *f)
{
    struct namespace_setting setting = {.path = "ipv4/ip_forward", .value = value};

    return namespace_set(&setting, 1, f);
}

bool forwarding_need(const char *instance, struct fail *f)
{
    char value[8];
    auto_fd directory = -1;

    if (!directory_turn(NEEDS, &directory, f) || !namespace_get("ipv4/ip_forward", value, sizeof(value), f) ||
        !make_file(directory, instance, f))
        return false;
    if (strcmp(value, "0") != 0)
        return true;
    /* The mark first: after a crash in between, the last one switches off what is off. */
    return make_file(directory, WAS_OFF, f) && set("1", f);
}

static bool is_needed(void)
{
    DIR *directory = opendir(NEEDS);
    const struct dirent *entry;
    bool needed = false;

    while (directory != NULL && !needed && (entry = readdir(directory)) != NULL)
        needed = entry->d_name[0] != '.' && strcmp(entry->d_name, WAS_OFF) != 0;
    if (directory != NULL)
        (void)closedir(directory);
    return needed;
}

bool forwarding_release(const char *instance, struct fail *f)
{
    auto_fd directory = -1;
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), NEEDS "/%s", instance);
    if (access(path, F_OK) < 0)
        return true;
    if (!directory_turn(NEEDS, &directory, f))
        return false;
    if (unlinkat(directory, instance, 0) < 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove %s: %s", path, strerror(errno));
    if (is_needed() || faccessat(directory, WAS_OFF, F_OK, 0) < 0)
        return true;
    if (!set("0", f))
        return false;
    (void)unlinkat(directory, WAS_OFF, 0);
    return true;
}
