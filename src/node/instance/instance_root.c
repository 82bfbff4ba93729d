#include "node/instance/instance_root.h"

#include "base/attributes.h"
#include "base/buf.h"
#include "node/runtime/small_file.h"
#include "os/files.h"
#include "wire/base64.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Directories of which only these entries are seen; the rest is hidden. */
static const struct {
    const char *path;
    const char *shown[12];
} shown_of[] = {
    {"/", {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "var", NULL}},
    {"/usr", {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "share", "include", "libexec", NULL}},
    {"/var", {"lib", NULL}},
    {"/var/lib", {"dpkg", "pam", "ucf", NULL}},
};

/* What an empty system has of its own. */
static const struct {
    const char *path;
    mode_t mode;
} made[] = {
    {"/root", 0700},        {"/root/.ssh", 0700},     {"/home", 0755},
    {"/opt", 0755},         {"/srv", 0755},           {"/mnt", 0755},
    {"/media", 0755},       {"/tmp", 01777},          {"/run", 0755},
    {"/proc", 0555},        {"/sys", 0555},           {"/dev", 0755},
    {"/usr/local", 0755},   {"/usr/local/bin", 0755}, {"/usr/local/sbin", 0755},
    {"/var/log", 0755},     {"/var/log/ecs", 0755},   {"/var/cache", 0755},
    {"/var/tmp", 01777},    {"/var/spool", 0755},     {"/var/lib/cloud", 0755},
    {"/var/lib/ecs", 0755}, {"/var/lib/berth", 0755}, {"/etc/ecs", 0755},
};

enum { NAMES_DEPTH_MAX = 16, USER_DATA_BYTES_MAX = 1 << 20 };

/* ---- hiding ---- */

/* As it is below: an overlay shows a directory with the owner and the mode of its uppermost layer. */
static bool mirror(const char *upper, const char *path, struct fail *f)
{
    char at[PATH_BYTES];
    struct stat st;

    path_format(at, "%s%s", upper, path);
    if (mkdir(at, 0755) != 0)
        return errno == EEXIST || fail(f, FAIL_SYSTEM, "make %s: %s", at, strerror(errno));
    if (stat(path, &st) == 0 && (chmod(at, st.st_mode & 07777) != 0 || chown(at, st.st_uid, st.st_gid) != 0))
        return fail(f, FAIL_SYSTEM, "own %s: %s", at, strerror(errno));
    return true;
}

/* A whiteout (kernel documentation, "Overlay Filesystem"). What the instance has put there itself stays. */
static bool hide(const char *upper, const char *directory, const char *name, struct fail *f)
{
    char at[PATH_BYTES];

    path_format(at, "%s%s%s%s", upper, directory, strcmp(directory, "/") == 0 ? "" : "/", name);
    return mknod(at, S_IFCHR, makedev(0, 0)) == 0 || errno == EEXIST ||
           fail(f, FAIL_SYSTEM, "hide %s: %s", at, strerror(errno));
}

/* The directory and all above it. */
static bool mirror_path(const char *upper, const char *path, struct fail *f)
{
    char part[PATH_BYTES];

    path_format(part, "%s", path);
    for (char *slash = part + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (!mirror(upper, part, f))
            return false;
        *slash = '/';
    }
    return mirror(upper, path, f);
}

static bool is_shown(const char *const *shown, const char *name)
{
    for (; *shown != NULL; shown++)
        if (strcmp(*shown, name) == 0)
            return true;
    return false;
}

static bool hide_others(const char *upper, const char *path, const char *const *shown, struct fail *f)
{
    DIR *dir = opendir(path);
    bool good = mirror(upper, path, f);
    struct dirent *entry;

    while (dir != NULL && good && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && !is_shown(shown, entry->d_name))
            good = hide(upper, path, entry->d_name, f);
    if (dir != NULL)
        (void)closedir(dir);
    return good;
}

/* Below `path` what only some of the host's users may read, the shadow passwords and host keys among it. A directory is
 * mirrored only when something in it has to be hidden. */
static bool hide_unreadable(const char *upper, const char *path, int depth, struct fail *f)
{
    DIR *dir = opendir(path);
    bool good = dir != NULL || fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    struct dirent *entry;

    while (good && (entry = readdir(dir)) != NULL) {
        char below[PATH_BYTES];
        struct stat st;
        mode_t needed;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        path_format(below, "%s/%.255s", path, entry->d_name);
        if (lstat(below, &st) != 0 || S_ISLNK(st.st_mode))
            continue;
        needed = S_ISDIR(st.st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
        if ((st.st_mode & needed) != needed || depth == NAMES_DEPTH_MAX)
            good = mirror_path(upper, path, f) && hide(upper, path, entry->d_name, f);
        else if (S_ISDIR(st.st_mode))
            good = hide_unreadable(upper, below, depth + 1, f);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return good;
}

/* ---- what is its own ---- */

/* Nothing of the host's shines through. */
static bool make_opaque(const char *path, struct fail *f)
{
    return setxattr(path, "trusted.overlay.opaque", "y", 1, 0) == 0 ||
           fail(f, FAIL_SYSTEM, "make %s opaque: %s", path, strerror(errno));
}

/* In the place of a whiteout, or of what was there at the last start, which may have been cut short right here. */
static bool put_directory(const char *upper, const char *path, mode_t mode, struct fail *f)
{
    char at[PATH_BYTES];
    struct stat st;

    path_format(at, "%s%s", upper, path);
    if (lstat(at, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return make_opaque(at, f);
        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(0, 0))
            return true; /* the instance has made something else of it */
        if (unlink(at) != 0)
            return fail(f, FAIL_SYSTEM, "remove %s: %s", at, strerror(errno));
    }
    if (mkdir(at, mode) != 0 || chmod(at, mode) != 0)
        return fail(f, FAIL_SYSTEM, "make %s: %s", at, strerror(errno));
    return make_opaque(at, f);
}

static bool put_file(const char *upper, const char *path, struct str text, mode_t mode, struct fail *f)
{
    char at[PATH_BYTES];

    path_format(at, "%s%s", upper, path);
    if (unlink(at) != 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove %s: %s", at, strerror(errno));
    return file_replace(at, text, mode, f);
}

/* Once: the instance's own changes of it stay. */
static bool put_file_once(const char *upper, const char *path, struct str text, mode_t mode, struct fail *f)
{
    char at[PATH_BYTES];
    struct stat st;

    path_format(at, "%s%s", upper, path);
    return (lstat(at, &st) == 0 && !S_ISCHR(st.st_mode)) || put_file(upper, path, text, mode, f);
}

static struct str short_name(struct str dns_name)
{
    return str_to(dns_name, str_find(dns_name, '.'));
}

static bool put_names(const char *upper, const struct host_network_interface *interface, struct fail *f)
{
    struct str name = interface->private_dns_name;
    auto_buf hosts = {.ptr = NULL};
    auto_buf resolv = {.ptr = NULL};
    auto_buf host_name = {.ptr = NULL};
    struct str domain;

    (void)str_cut(name, '.', &domain);
    buf_printf(&hosts, "127.0.0.1\tlocalhost\n%.*s\t%.*s %.*s\n", STR_ARG(interface->address), STR_ARG(name),
               STR_ARG(short_name(name)));
    if (domain.len > 0)
        buf_printf(&resolv, "search %.*s\n", STR_ARG(domain));
    if (interface->resolver_address.ptr != NULL)
        buf_printf(&resolv, "nameserver %.*s\n", STR_ARG(interface->resolver_address));
    buf_printf(&host_name, "%.*s\n", STR_ARG(name));
    return put_file(upper, "/etc/hosts", buf_str(&hosts), 0644, f) &&
           put_file(upper, "/etc/resolv.conf", buf_str(&resolv), 0644, f) &&
           put_file(upper, "/etc/hostname", buf_str(&host_name), 0644, f);
}

/* Nobody has a password. */
static bool put_shadow(const char *upper, struct fail *f)
{
    auto_file passwd = fopen("/etc/passwd", "re");
    auto_buf text = {.ptr = NULL};
    char line[1024];

    while (passwd != NULL && fgets(line, sizeof(line), passwd) != NULL) {
        struct str name = str_to(str_of(line), str_find(str_of(line), ':'));

        buf_printf(&text, "%.*s:*:19000:0:99999:7:::\n", STR_ARG(name));
    }
    return put_file_once(upper, "/etc/shadow", buf_str(&text), 0600, f);
}

static bool put_user_data(const char *upper, struct str encoded, struct fail *f)
{
    struct str text = STR("");
    struct arena arena;
    bool good;

    arena_init(&arena, USER_DATA_BYTES_MAX);
    good = (encoded.len == 0 || base64_decode(encoded, &arena, &text) ||
            fail(f, FAIL_INPUT, "the user data is not base64")) &&
           put_file(upper, "/var/lib/cloud/user-data", text, 0600, f);
    arena_free(&arena);
    return good;
}

static bool put_own(const char *upper, const struct host_instance_assignment *assignment, struct fail *f)
{
    auto_buf keys = {.ptr = NULL};
    auto_buf id = {.ptr = NULL};

    buf_printf(&keys, "%.*s %.*s\n", STR_ARG(assignment->public_key), STR_ARG(assignment->key_name));
    buf_printf(&id, "%.*s\n", STR_ARG(assignment->instance_id));
    if (assignment->public_key.len > 0 && !put_file_once(upper, "/root/.ssh/authorized_keys", buf_str(&keys), 0600, f))
        return false;
    return put_names(upper, assignment->network_interface, f) && put_shadow(upper, f) &&
           put_file_once(upper, "/etc/ecs/ecs.config", STR(""), 0644, f) &&
           put_file_once(upper, "/var/lib/cloud/instance-id", buf_str(&id), 0644, f) &&
           put_user_data(upper, assignment->user_data, f);
}

bool instance_root_prepare(const char *upper, const struct host_instance_assignment *assignment, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(shown_of); i++)
        if (!hide_others(upper, shown_of[i].path, shown_of[i].shown, f))
            return false;
    if (!mirror(upper, "/etc", f) || !hide_unreadable(upper, "/etc", 0, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(made); i++)
        if (!put_directory(upper, made[i].path, made[i].mode, f))
            return false;
    return put_own(upper, assignment, f);
}
