/* Owns the lookup of a user in an image. Input is hostile: any bytes may stand in the two files. */
#include "node/runtime/image_user.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };

/* Cuts "a:b:c" into exactly `count` fields; false for a line that has fewer. The last field takes the rest. */
static bool cut_fields(struct str line, struct str *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (line.ptr == NULL)
            return false;
        fields[i] = i + 1 == count ? line : str_cut(line, ':', &line);
    }
    return true;
}

static bool to_id(struct str text, uint32_t *ret_id)
{
    uint64_t value;

    if (!str_to_uint64(text, &value) || value >= UINT32_MAX) /* the last one means "leave as it is" to chown(2) */
        return false;
    *ret_id = (uint32_t)value;
    return true;
}

/* The first line whose name is `who` or whose number is it. */
static bool find_passwd(struct str passwd, struct str who, struct image_user *user, struct str *ret_name)
{
    uint32_t number = UINT32_MAX;
    bool numeric = to_id(who, &number);

    while (passwd.ptr != NULL) {
        struct str fields[PASSWD_FIELDS];
        uint32_t uid;
        uint32_t gid;

        if (!cut_fields(str_cut(passwd, '\n', &passwd), fields, PASSWD_FIELDS) || !to_id(fields[2], &uid) ||
            !to_id(fields[3], &gid))
            continue;
        if (!str_eq(fields[0], who) && !(numeric && uid == number))
            continue;
        user->uid = uid;
        user->gid = gid;
        if (fields[5].len == 0 || !str_to_buffer(fields[5], user->home, sizeof(user->home)))
            memcpy(user->home, "/", 2);
        *ret_name = fields[0];
        return true;
    }
    return false;
}

static bool lists_member(struct str members, struct str name)
{
    while (members.ptr != NULL)
        if (str_eq(str_trim(str_cut(members, ',', &members)), name))
            return true;
    return false;
}

static void add_groups(struct str group, struct str name, struct image_user *user)
{
    while (group.ptr != NULL && user->group_count < IMAGE_USER_GROUPS_MAX) {
        struct str fields[GROUP_FIELDS];

        if (cut_fields(str_cut(group, '\n', &group), fields, GROUP_FIELDS) && lists_member(fields[3], name) &&
            to_id(fields[2], &user->groups[user->group_count]))
            user->group_count++;
    }
}

static bool find_group(struct str group, struct str who, uint32_t *ret_gid)
{
    uint32_t number = UINT32_MAX;
    bool numeric = to_id(who, &number);

    while (group.ptr != NULL) {
        struct str fields[GROUP_FIELDS];
        uint32_t gid;

        if (!cut_fields(str_cut(group, '\n', &group), fields, GROUP_FIELDS) || !to_id(fields[2], &gid))
            continue;
        if (str_eq(fields[0], who) || (numeric && gid == number)) {
            *ret_gid = gid;
            return true;
        }
    }
    *ret_gid = number;
    return numeric;
}

bool image_user_find(struct str user, struct str passwd, struct str group, struct image_user *ret_user, struct fail *f)
{
    struct image_user found = {.home = "/"};
    struct str group_name;
    struct str user_name = str_cut(user.ptr == NULL ? STR("") : user, ':', &group_name);
    struct str name = {0};

    if (user_name.len == 0)
        user_name = STR("0");
    if (!find_passwd(passwd, user_name, &found, &name) && !to_id(user_name, &found.uid))
        return fail(f, FAIL_INPUT, "unable to find user %.*s: no matching entries in passwd file", STR_ARG(user_name));
    if (group_name.len > 0) {
        if (!find_group(group, group_name, &found.gid))
            return fail(f, FAIL_INPUT, "unable to find group %.*s: no matching entries in group file",
                        STR_ARG(group_name));
    } else if (name.ptr != NULL) {
        add_groups(group, name, &found);
    }
    *ret_user = found;
    return true;
}

/* Reads a regular file of the image; one that does not exist is empty. */
static bool read_image_file(int root_fd, const char *path, struct buf *text, struct fail *f)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT};
    auto_fd fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    struct stat st;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ||
               fail(f, FAIL_SYSTEM, "open /%s of the image: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(f, FAIL_INPUT, "/%s of the image is no regular file", path);
    for (;;) {
        char piece[4096];
        ssize_t got = read(fd, piece, sizeof(piece));

        if (got < 0)
            return fail(f, FAIL_SYSTEM, "read /%s of the image: %s", path, strerror(errno));
        if (got == 0)
            return true;
        buf_add(text, (struct str){piece, (size_t)got});
        if (text->overflowed)
            return fail(f, FAIL_LIMIT, "/%s of the image has more than %d bytes", path, IMAGE_USER_FILE_BYTES_MAX);
    }
}

bool image_user_resolve(int root_fd, struct str user, struct image_user *ret_user, struct fail *f)
{
    auto_buf passwd = {.limit = IMAGE_USER_FILE_BYTES_MAX};
    auto_buf group = {.limit = IMAGE_USER_FILE_BYTES_MAX};

    return read_image_file(root_fd, "etc/passwd", &passwd, f) && read_image_file(root_fd, "etc/group", &group, f) &&
           image_user_find(user, buf_str(&passwd), buf_str(&group), ret_user, f);
}
