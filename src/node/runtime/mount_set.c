/* Owns the reading of mount options and the order of mounting. */
#include "node/runtime/mount_set.h"

#include "node/runtime/rooted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { OPTION_BYTES = 256 };

/* Options that mount(2) has as flags of the mount; a later one overrides an earlier one (mount(8), "FILESYSTEM-
 * INDEPENDENT MOUNT OPTIONS"). */
static const struct {
    const char *name;
    uint64_t set;
    uint64_t clear;
} attribute_options[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    /* Words that say nothing about a new mount. */
    {"defaults", 0, 0},
    {"bind", 0, 0},
    {"rbind", 0, 0},
    {"remount", 0, 0},
};

static const struct {
    const char *name;
    uint64_t propagation;
} propagation_options[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE},       {"slave", MS_SLAVE},   {"rslave", MS_SLAVE},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE}, {"shared", MS_SHARED}, {"rshared", MS_SHARED},
};

/* True for an option of the mount itself; others are the file system's. */
static bool read_attribute(struct str option, struct mount_attr *attr)
{
    for (size_t i = 0; i < COUNT_OF(attribute_options); i++)
        if (str_is(option, attribute_options[i].name)) {
            attr->attr_set &= ~attribute_options[i].clear;
            attr->attr_set |= attribute_options[i].set;
            return true;
        }
    for (size_t i = 0; i < COUNT_OF(propagation_options); i++)
        if (str_is(option, propagation_options[i].name)) {
            attr->propagation = propagation_options[i].propagation;
            return true;
        }
    return option.len == 0;
}

static struct mount_attr attributes_of(const char *options)
{
    struct mount_attr attr = {0};
    struct str rest = str_of(options);

    while (rest.ptr != NULL)
        (void)read_attribute(str_cut(rest, ',', &rest), &attr);
    return attr;
}

static int set_option(int context, struct str option)
{
    char key[OPTION_BYTES];
    char value[OPTION_BYTES];
    struct str rest;
    struct str name = str_cut(option, '=', &rest);

    errno = EINVAL;
    if (!str_to_buffer(name, key, sizeof(key)) || !str_to_buffer(rest, value, sizeof(value)))
        return -1;
    if (rest.ptr == NULL)
        return fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
    return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
}

/* Read-only is left to mount_set_finish. */
int mount_open(const char *type, const char *source, const char *options)
{
    struct mount_attr attr = {0};
    struct str rest = str_of(options);
    auto_fd context = fsopen(type, FSOPEN_CLOEXEC);
    auto_fd mount = -1;

    if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) != 0)
        return -1;
    while (rest.ptr != NULL) {
        struct str option = str_cut(rest, ',', &rest);

        if (!read_attribute(option, &attr) && set_option(context, option) != 0)
            return -1;
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return -1;
    mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)(attr.attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY));
    attr.attr_set = 0;
    if (mount < 0 || (attr.propagation != 0 && mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0))
        return -1;
    return take_fd(&mount);
}

/* A copy of the host's tree at `source`. Only the flags that take rights away are applied: in a user namespace the
 * others are the host's to keep. */
static int open_bind(const struct plan_mount *mount)
{
    static const uint64_t restricting = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    struct mount_attr attr = attributes_of(mount->options);
    auto_fd fd = open_tree(AT_FDCWD, mount->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

    attr.attr_set &= restricting;
    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) != 0)
        return -1;
    return take_fd(&fd);
}

static bool is_host(const struct native_plan *plan, const struct plan_mount *mount)
{
    return strcmp(mount->type, "bind") == 0 || strcmp(mount->type, "sysfs") == 0 ||
           (strcmp(mount->type, "mqueue") == 0 && (plan->flags & NATIVE_JOINS_IPC) != 0);
}

static int open_all(struct mount_set *set, bool host)
{
    for (size_t i = 0; i < set->plan->mount_count; i++) {
        const struct plan_mount *mount = &set->plan->mounts[i];

        if (is_host(set->plan, mount) != host)
            continue;
        set->fds[i] = strcmp(mount->type, "bind") == 0 ? open_bind(mount)
                                                       : mount_open(mount->type, mount->source, mount->options);
        if (set->fds[i] < 0)
            return child_fails(set->failure, host ? "make the mount of" : "make the mount for",
                               host ? mount->source : mount->target);
    }
    return 0;
}

int mount_set_open_host(struct mount_set *set)
{
    if (set->plan->mount_count > MOUNT_SET_MAX) {
        errno = E2BIG;
        return child_fails(set->failure, "make the container's mounts", NULL);
    }
    return open_all(set, /* host= */ true);
}

int mount_set_open_own(struct mount_set *set)
{
    return open_all(set, /* host= */ false);
}

int mount_attach(int mount, int on)
{
    return move_mount(mount, "", on, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mount_set_attach(struct mount_set *set)
{
    auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < set->plan->mount_count; i++) {
        const char *target = set->plan->mounts[i].target;
        struct stat st = {0};
        auto_fd on = -1;

        if (fstat(set->fds[i], &st) == 0)
            on = rooted_open(root, target, S_ISDIR(st.st_mode) ? ROOTED_DIRECTORY : ROOTED_FILE);
        if (on < 0)
            return child_fails(set->failure, "make the mount point", target);
        if (mount_attach(set->fds[i], on) != 0)
            return child_fails(set->failure, "mount on", target);
    }
    return 0;
}

int mount_set_finish(struct mount_set *set)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};

    for (size_t i = 0; i < set->plan->mount_count; i++) {
        const struct plan_mount *mount = &set->plan->mounts[i];

        if (strcmp(mount->type, "bind") == 0 || (attributes_of(mount->options).attr_set & MOUNT_ATTR_RDONLY) == 0)
            continue;
        if (mount_setattr(set->fds[i], "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) != 0)
            return child_fails(set->failure, "make read-only", mount->target);
    }
    if ((set->plan->flags & NATIVE_READ_ONLY_ROOT) != 0 &&
        mount_setattr(AT_FDCWD, "/", 0, &read_only, sizeof(read_only)) != 0)
        return child_fails(set->failure, "make read-only", "/");
    return 0;
}

int mount_set_find(const struct mount_set *set, const char *target, const char *type)
{
    for (size_t i = set->plan->mount_count; i-- > 0;)
        if (strcmp(set->plan->mounts[i].target, target) == 0)
            return type == NULL || strcmp(set->plan->mounts[i].type, type) == 0 ? set->fds[i] : -1;
    return -1;
}
