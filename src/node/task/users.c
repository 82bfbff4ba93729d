/* Owns /run/berth-users. */
#include "node/task/users.h"

#include "base/log.h"
#include "node/runtime/rootfs.h"
#include "node/runtime/user_namespace.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define USERS_DIR "/run/berth-users"

enum {
    RANGE_FIRST = 0x80000 / USERS_COUNT,
    RANGE_END = 0x70000000 / USERS_COUNT,
    OWNER_BYTES = 128,
    SUBIDS_BYTES = 1 << 20,
    PATH_BYTES_MAX = 400,
};

struct path {
    char text[sizeof(USERS_DIR) + 16];
};

static struct path path_of(uint32_t first)
{
    struct path path;

    (void)snprintf(path.text, sizeof(path.text), USERS_DIR "/%u", first);
    return path;
}

/* Whether a line "NAME:FIRST:COUNT" (subuid(5)) has a part of the range. */
static bool line_overlaps(struct str line, uint32_t range)
{
    uint64_t from = (uint64_t)range * USERS_COUNT;
    uint64_t first;
    uint64_t count;
    struct str rest;

    (void)str_cut(line, ':', &rest);
    return str_to_uint64(str_cut(rest, ':', &rest), &first) && str_to_uint64(str_trim(rest), &count) &&
           first < from + USERS_COUNT && (first >= from || count > from - first);
}

static bool is_given_away(struct str subids, uint32_t range)
{
    while (subids.ptr != NULL)
        if (line_overlaps(str_cut(subids, '\n', &subids), range))
            return true;
    return false;
}

/* Both files, one behind the other; what cannot be read gives nothing away. */
static void read_subids(struct buf *out)
{
    struct fail ignored;

    (void)!file_read("/etc/subuid", out, &ignored);
    buf_add_char(out, '\n');
    (void)!file_read("/etc/subgid", out, &ignored);
}

static bool is_owner(uint32_t first, const char *owner)
{
    char text[OWNER_BYTES];
    ssize_t len = readlink(path_of(first).text, text, sizeof(text));

    return len > 0 && str_is((struct str){text, (size_t)len}, owner);
}

/* FAIL_CONFLICT: another's. */
static bool claim(uint32_t first, const char *owner, struct container_id_map *ret_users, struct fail *f)
{
    int error = symlink(owner, path_of(first).text) == 0 ? 0 : errno;

    if (error != 0 && !(error == EEXIST && is_owner(first, owner)))
        return fail(f, error == EEXIST ? FAIL_CONFLICT : FAIL_SYSTEM, "take the users from %u on: %s", first,
                    strerror(error));
    *ret_users = (struct container_id_map){.host_first = first, .count = USERS_COUNT};
    return true;
}

/* From a place that depends on the task on, so that a search is short and a range is not soon used again. */
static bool claim_any(const char *owner, uint64_t start, struct container_id_map *ret_users, struct fail *f)
{
    enum { RANGES = RANGE_END - RANGE_FIRST };
    auto_buf subids = {.limit = SUBIDS_BYTES};

    read_subids(&subids);
    for (uint64_t i = 0; i < RANGES; i++) {
        uint32_t range = RANGE_FIRST + (uint32_t)((start + i) % RANGES);

        if (is_given_away(buf_str(&subids), range))
            continue;
        if (claim(range * USERS_COUNT, owner, ret_users, f))
            return true;
        if (f->code != FAIL_CONFLICT)
            return false;
    }
    return fail(f, FAIL_LIMIT, "all %d ranges of users are taken", RANGES);
}

bool users_take(const char *instance, struct str task_id, uint32_t first, struct container_id_map *ret_users,
                struct fail *f)
{
    char owner[OWNER_BYTES];

    (void)snprintf(owner, sizeof(owner), "%s/%.*s", instance, STR_ARG(task_id));
    if (mkdir(USERS_DIR, 0755) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make " USERS_DIR ": %s", strerror(errno));
    return first != 0 ? claim(first, owner, ret_users, f) : claim_any(owner, str_hash(task_id), ret_users, f);
}

void users_give(const struct container_id_map *users)
{
    if (users->count > 0 && unlink(path_of(users->host_first).text) != 0 && errno != ENOENT)
        log_warning("the users from %u on stay taken: %s", users->host_first, strerror(errno));
}

static bool is_unknown(struct str owner, const char *instance, bool (*known)(void *context, struct str task_id),
                       void *context)
{
    struct str task_id;

    return str_is(str_cut(owner, '/', &task_id), instance) && (known == NULL || !known(context, task_id));
}

void users_give_unknown(const char *instance, bool (*known)(void *context, struct str task_id), void *context)
{
    char owner[OWNER_BYTES];
    struct dirent *entry;
    DIR *dir = opendir(USERS_DIR);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, owner, sizeof(owner));

        if (len > 0 && is_unknown((struct str){owner, (size_t)len}, instance, known, context) &&
            unlinkat(dirfd(dir), entry->d_name, 0) != 0 && errno != ENOENT)
            log_warning(USERS_DIR "/%s stays: %s", entry->d_name, strerror(errno));
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* ---- whether this machine can ---- */

/* Mounts a root file system of no files as a container's is mounted. */
static bool try_mount(const char *directory, struct fail *f)
{
    static const char *const names[] = {"lower", "upper", "work", "root"};
    char paths[COUNT_OF(names)][PATH_BYTES_MAX];
    const struct container_spec spec = {.lower_dirs = paths[0],
                                        .upper_dir = paths[1],
                                        .work_dir = paths[2],
                                        .id_map = {RANGE_FIRST * USERS_COUNT, USERS_COUNT}};
    auto_fd user_namespace = -1;
    struct rootfs rootfs;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(paths[i], PATH_BYTES_MAX, "%s/%s", directory, names[i]);
        if (mkdir(paths[i], 0700) != 0)
            return fail(f, FAIL_SYSTEM, "make %s: %s", paths[i], strerror(errno));
    }
    if (!user_namespace_open(&spec.id_map, &user_namespace, f) ||
        !rootfs_mount(
            &(struct rootfs_options){.spec = &spec, .mount_point = paths[3], .user_namespace = user_namespace}, &rootfs,
            f))
        return false;
    rootfs_close(&rootfs);
    return true;
}

bool users_possible(const char *directory, struct fail *f)
{
    char path[PATH_BYTES_MAX - 16];
    struct fail ignored;
    bool possible;

    (void)snprintf(path, sizeof(path), "%s/probe-XXXXXX", directory);
    if (mkdtemp(path) == NULL)
        return fail(f, FAIL_SYSTEM, "make %s: %s", path, strerror(errno));
    possible = try_mount(path, f);
    (void)!path_remove(path, &ignored);
    return possible;
}
