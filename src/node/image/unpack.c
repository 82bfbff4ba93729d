#include "node/image/unpack.h"

#include "base/arena.h"
#include "base/must.h"
#include "node/image/layer_path.h"
#include "node/image/problem.h"
#include "node/image/tar.h"
#include "node/image/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define WHITEOUT      ".wh."
#define WHITEOUT_META ".wh..wh."
#define OPAQUE        ".wh..wh..opq"

/* A directory whose times are set when everything is in it. */
struct directory {
    struct directory *next;
    struct timespec times[2];
    char path[];
};

struct unpacking {
    struct tar_reader tar;
    const struct image_limits *limits;
    struct layer_path path;
    bool parent_stale;             /* something was removed since the path's parent was found */
    struct arena arena;            /* of directories */
    struct directory *directories; /* oldest first: the last entry of a name decides */
    struct directory **directories_end;
    struct unpack_result result;
    uint64_t look_at_bytes; /* unpacked, when the disk is looked at next */
};

/* One entry under way. */
struct place {
    const struct tar_entry *entry;
    struct layer_name name;
    int parent_fd; /* O_PATH, the path's */
    const char *base;
};

/* --- attributes --- */

static bool os_trouble(const struct place *place, const char *what, struct fail *f)
{
    return image_fail_errno(f, errno, "%s /%s", what, place->name.text);
}

static void times_of(const struct tar_entry *entry, struct timespec times[2])
{
    times[0] = entry->atime;
    times[1] = entry->mtime;
}

static mode_t mode_of(const struct tar_entry *entry)
{
    return entry->mode & 07777;
}

static bool owner_valid(const struct place *place, struct fail *f)
{
    int64_t uid = place->entry->uid;
    int64_t gid = place->entry->gid;

    if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
        return image_fail(f, IMAGE_MALFORMED, "archive: /%s belongs to %lld:%lld", place->name.text, (long long)uid,
                          (long long)gid);
    return true;
}

static bool xattr_kept(const char *name)
{
    return strcmp(name, "security.capability") == 0 ||
           (str_starts(str_of(name), STR("user.")) && !str_starts(str_of(name), STR("user.overlay.")));
}

static bool set_xattrs(const struct place *place, int fd, struct fail *f)
{
    for (size_t i = 0; i < place->entry->xattr_count; i++) {
        const struct tar_xattr *xattr = &place->entry->xattrs[i];

        if (xattr_kept(xattr->name) && fsetxattr(fd, xattr->name, xattr->value.ptr, xattr->value.len, 0) != 0)
            return image_fail_errno(f, errno, "set %.100s of /%s", xattr->name, place->name.text);
    }
    return true;
}

/* Owner before mode and capabilities: a change of owner takes set-user-id bits and capabilities away. */
static bool set_attributes(const struct place *place, int fd, struct fail *f)
{
    if (fchown(fd, (uid_t)place->entry->uid, (gid_t)place->entry->gid) != 0)
        return os_trouble(place, "change the owner of", f);
    if (fchmod(fd, mode_of(place->entry)) != 0)
        return os_trouble(place, "change the mode of", f);
    return set_xattrs(place, fd, f);
}

/* Of what has no descriptor of its own: devices and symbolic links, which have no mode either. */
static bool set_attributes_at(const struct place *place, bool link, struct fail *f)
{
    struct timespec times[2];

    times_of(place->entry, times);
    if (fchownat(place->parent_fd, place->base, (uid_t)place->entry->uid, (gid_t)place->entry->gid,
                 AT_SYMLINK_NOFOLLOW) != 0)
        return os_trouble(place, "change the owner of", f);
    if (!link && fchmodat(place->parent_fd, place->base, mode_of(place->entry), 0) != 0)
        return os_trouble(place, "change the mode of", f);
    if (utimensat(place->parent_fd, place->base, times, AT_SYMLINK_NOFOLLOW) != 0)
        return os_trouble(place, "change the times of", f);
    return true;
}

/* --- making entries --- */

/* What stands at the place already; ret_status->st_mode is 0 when nothing does. */
static bool look(const struct place *place, struct stat *ret_status, struct fail *f)
{
    if (fstatat(place->parent_fd, place->base, ret_status, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    if (errno != ENOENT)
        return os_trouble(place, "look at", f);
    ret_status->st_mode = 0;
    return true;
}

/* A later entry replaces an earlier one of the same name. */
static bool vacate(struct unpacking *u, const struct place *place, struct fail *f)
{
    struct stat status;

    if (!look(place, &status, f))
        return false;
    if (status.st_mode == 0)
        return true;
    u->parent_stale = true;
    return image_tree_remove(place->parent_fd, place->base, f);
}

static bool write_at(const struct place *place, int fd, struct str bytes, uint64_t offset, struct fail *f)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return os_trouble(place, "write", f);
        bytes = str_from(bytes, (size_t)written);
        offset += (size_t)written;
    }
    return true;
}

/* Where the disk ends before any other limit, it ends early. */
static bool disk_has_room(struct unpacking *u, struct fail *f)
{
    struct statvfs disk;

    if (u->result.bytes < u->look_at_bytes)
        return true;
    u->look_at_bytes = u->result.bytes + u->limits->disk_look_bytes;
    if (fstatvfs(u->path.root_fd, &disk) != 0)
        return image_fail_errno(f, errno, "look at the disk");
    return disk.f_bavail >= disk.f_blocks / u->limits->disk_reserve_parts || image_fail_errno(f, ENOSPC, "write");
}

static bool count_bytes(struct unpacking *u, size_t len, struct fail *f)
{
    if (!disk_has_room(u, f))
        return false;
    u->result.bytes += len;
    if (u->result.bytes > u->limits->layer_unpacked_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: more than %llu bytes unpacked",
                          (unsigned long long)u->limits->layer_unpacked_bytes_max);
    return true;
}

/* Holes of sparse entries stay holes: pieces carry their offset. */
static bool write_content(struct unpacking *u, const struct place *place, int fd, struct fail *f)
{
    struct str bytes;
    uint64_t offset;

    for (;;) {
        if (!tar_read(&u->tar, &bytes, &offset, f))
            return false;
        if (bytes.len == 0)
            break;
        if (!count_bytes(u, bytes.len, f) || !write_at(place, fd, bytes, offset, f))
            return false;
    }
    if (place->entry->sparse && ftruncate(fd, (off_t)place->entry->size) != 0)
        return os_trouble(place, "set the size of", f);
    return true;
}

static bool make_file(struct unpacking *u, const struct place *place, struct fail *f)
{
    struct timespec times[2];
    auto_fd fd = -1;

    if (place->entry->size > u->limits->layer_unpacked_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: /%s has %llu bytes", place->name.text,
                          (unsigned long long)place->entry->size);
    if (!vacate(u, place, f))
        return false;
    fd = openat(place->parent_fd, place->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return os_trouble(place, "create", f);
    if (!write_content(u, place, fd, f) || !set_attributes(place, fd, f))
        return false;
    times_of(place->entry, times);
    if (futimens(fd, times) != 0)
        return os_trouble(place, "change the times of", f);
    return true;
}

static bool remember_directory(struct unpacking *u, const struct place *place, struct fail *f)
{
    const char *parent = u->path.parent_path;
    size_t size = strlen(parent) + strlen(place->base) + 2;
    struct directory *directory = arena_try(&u->arena, sizeof(*directory) + size);

    if (directory == NULL)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: too many directories (more than %llu bytes of names)",
                          (unsigned long long)u->limits->directory_bytes_max);
    (void)snprintf(directory->path, size, "%s%s%s", parent, parent[0] == '\0' ? "" : "/", place->base);
    times_of(place->entry, directory->times);
    directory->next = NULL;
    *u->directories_end = directory;
    u->directories_end = &directory->next;
    return true;
}

/* Opens the directory of the entry, making it where there is none. Where one replaces something else of this layer,
 * a whiteout for instance, nothing of lower layers shows through it. */
static bool open_directory(struct unpacking *u, const struct place *place, int *ret_fd, struct fail *f)
{
    struct stat status;
    auto_fd fd = -1;
    bool opaque;

    if (!look(place, &status, f))
        return false;
    opaque = status.st_mode != 0 && !S_ISDIR(status.st_mode);
    if (opaque && !vacate(u, place, f))
        return false;
    if (!S_ISDIR(status.st_mode) && mkdirat(place->parent_fd, place->base, 0700) != 0)
        return os_trouble(place, "make directory", f);
    fd = openat(place->parent_fd, place->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (opaque && fsetxattr(fd, LAYER_OPAQUE, "y", 1, 0) != 0))
        return os_trouble(place, "make directory", f);
    *ret_fd = take_fd(&fd);
    return true;
}

static bool make_directory(struct unpacking *u, const struct place *place, struct fail *f)
{
    auto_fd fd = -1;

    return open_directory(u, place, &fd, f) && set_attributes(place, fd, f) && remember_directory(u, place, f);
}

static bool make_symlink(struct unpacking *u, const struct place *place, struct fail *f)
{
    if (place->entry->link[0] == '\0')
        return image_fail(f, IMAGE_MALFORMED, "archive: symbolic link /%s has no target", place->name.text);
    if (!vacate(u, place, f))
        return false;
    if (symlinkat(place->entry->link, place->parent_fd, place->base) != 0)
        return os_trouble(place, "make symbolic link", f);
    return set_attributes_at(place, /* link= */ true, f);
}

static mode_t device_mode(enum tar_type type)
{
    return type == TAR_CHARACTER_DEVICE ? S_IFCHR : type == TAR_BLOCK_DEVICE ? S_IFBLK : S_IFIFO;
}

static bool make_device(struct unpacking *u, const struct place *place, struct fail *f)
{
    if (!vacate(u, place, f))
        return false;
    if (mknodat(place->parent_fd, place->base, device_mode(place->entry->type) | 0600,
                makedev(place->entry->major, place->entry->minor)) != 0)
        return os_trouble(place, "make device", f);
    return set_attributes_at(place, /* link= */ false, f);
}

/* A second name of a file of this layer. The target's parent is looked up first and kept, since the lookup of the
 * place's own may close it. */
static bool make_hard_link(struct unpacking *u, struct place *place, struct fail *f)
{
    struct layer_name target;
    auto_fd target_fd = -1;
    int fd;

    if (!layer_name_read(u->limits, place->entry->link, &target, f))
        return false;
    if (!layer_path_parent(&u->path, target.parent, /* create= */ false, &fd, f))
        return fail_in(f, "hard link /%s", place->name.text);
    target_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (target_fd < 0)
        return os_trouble(place, "make hard link", f);
    if (!layer_path_parent(&u->path, place->name.parent, /* create= */ true, &place->parent_fd, f) ||
        !vacate(u, place, f))
        return false;
    if (linkat(target_fd, target.base, place->parent_fd, place->base, 0) == 0)
        return true;
    if (errno == ENOENT || errno == EPERM)
        return image_fail(f, IMAGE_MALFORMED, "archive: hard link /%s to /%s, which is no file of this layer",
                          place->name.text, target.text);
    return os_trouble(place, "make hard link", f);
}

static bool make_entry(struct unpacking *u, struct place *place, struct fail *f)
{
    if (place->entry->type == TAR_HARD_LINK)
        return make_hard_link(u, place, f);
    if (!owner_valid(place, f))
        return false;
    switch (place->entry->type) {
    case TAR_FILE:
        return make_file(u, place, f);
    case TAR_DIRECTORY:
        return make_directory(u, place, f);
    case TAR_SYMLINK:
        return make_symlink(u, place, f);
    case TAR_CHARACTER_DEVICE:
    case TAR_BLOCK_DEVICE:
    case TAR_FIFO:
        return make_device(u, place, f);
    case TAR_HARD_LINK:
        break;
    }
    return false;
}

/* The entry "./": the attributes of the layer's root directory. */
static bool make_root(struct unpacking *u, struct place *place, struct fail *f)
{
    if (place->entry->type != TAR_DIRECTORY)
        return image_fail(f, IMAGE_MALFORMED, "archive: the root is not a directory");
    place->base = ".";
    return owner_valid(place, f) && make_directory(u, place, f);
}

/* --- whiteouts (OCI Image Spec 1.1, Image Layer Filesystem Changeset, Whiteouts) --- */

static bool set_opaque(const struct place *place, const char *name, struct fail *f)
{
    auto_fd fd = openat(place->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fsetxattr(fd, LAYER_OPAQUE, "y", 1, 0) != 0)
        return os_trouble(place, "make opaque", f);
    return true;
}

/* A whiteout hides what lower layers have by that name, not what this layer has. */
static bool make_whiteout(struct place *place, struct fail *f)
{
    struct stat status;

    place->base += sizeof(WHITEOUT) - 1;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an archive's name has a base, be it empty */
    if (place->base[0] == '\0' || strcmp(place->base, ".") == 0 || strcmp(place->base, "..") == 0)
        return image_fail(f, IMAGE_MALFORMED, "archive: whiteout /%s names nothing", place->name.text);
    if (!look(place, &status, f))
        return false;
    if (S_ISDIR(status.st_mode))
        return set_opaque(place, place->base, f);
    if (status.st_mode == 0 && mknodat(place->parent_fd, place->base, S_IFCHR, makedev(0, 0)) != 0)
        return os_trouble(place, "make whiteout", f);
    return true;
}

/* Is a directory on the way to this name a whiteout, or one of aufs' own? */
static bool below(const char *parent, struct str prefix)
{
    struct str rest = str_of(parent);

    while (rest.ptr != NULL)
        if (str_starts(str_cut(rest, '/', &rest), prefix))
            return true;
    return false;
}

static bool unpack_entry(struct unpacking *u, struct place *place, struct fail *f)
{
    struct str base;

    if (!layer_name_read(u->limits, place->entry->name, &place->name, f))
        return false;
    base = str_of(place->name.base);
    if ((str_starts(base, STR(WHITEOUT_META)) && !str_is(base, OPAQUE)) ||
        below(place->name.parent, STR(WHITEOUT_META)))
        return true;
    if (below(place->name.parent, STR(WHITEOUT)))
        return image_fail(f, IMAGE_MALFORMED, "archive: /%s lies below a whiteout", place->name.text);
    if (!layer_path_parent(&u->path, place->name.parent, /* create= */ true, &place->parent_fd, f))
        return false;
    place->base = place->name.base;
    if (str_is(base, OPAQUE))
        return set_opaque(place, ".", f);
    if (str_starts(base, STR(WHITEOUT)))
        return make_whiteout(place, f);
    return base.len == 0 ? make_root(u, place, f) : make_entry(u, place, f);
}

/* --- the whole --- */

static bool unpack_entries(struct unpacking *u, struct fail *f)
{
    struct place place;

    for (;;) {
        if (!tar_next(&u->tar, &place.entry, f))
            return false;
        if (place.entry == NULL)
            return true;
        if (++u->result.entries > u->limits->layer_entries_max)
            return image_fail(f, IMAGE_OVER_LIMIT, "archive: more than %llu entries",
                              (unsigned long long)u->limits->layer_entries_max);
        if (u->parent_stale)
            layer_path_changed(&u->path);
        u->parent_stale = false;
        if (!unpack_entry(u, &place, f))
            return false;
    }
}

/* A directory that is no longer there, or now a link, was replaced by a later entry. */
static bool set_directory_times(const struct unpacking *u, struct fail *f)
{
    for (const struct directory *directory = u->directories; directory != NULL; directory = directory->next) {
        auto_fd fd = layer_path_open(u->path.root_fd, directory->path, O_RDONLY | O_DIRECTORY);

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            continue;
        if (fd < 0 || futimens(fd, directory->times) != 0)
            return image_fail_errno(f, errno, "change the times of /%s", directory->path);
    }
    return true;
}

bool image_unpack(struct stream *tar, int root_fd, const struct image_limits *limits, struct unpack_result *ret_result,
                  struct fail *f)
{
    auto_free struct unpacking *u = calloc(1, sizeof(*u));
    bool good;

    must(u != NULL);
    u->limits = limits;
    u->directories_end = &u->directories;
    arena_init(&u->arena, limits->directory_bytes_max);
    tar_begin(&u->tar, tar, limits);
    layer_path_begin(&u->path, root_fd, limits);
    good = unpack_entries(u, f) && set_directory_times(u, f);
    if (good)
        *ret_result = u->result;
    layer_path_end(&u->path);
    tar_end(&u->tar);
    arena_free(&u->arena);
    return good;
}
