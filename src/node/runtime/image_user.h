/* The user a container's program runs as: "name", "uid", each with ":group" or ":gid", looked up in the image's own
 * /etc/passwd and /etc/group, as Docker's USER is. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum { IMAGE_USER_GROUPS_MAX = 64, IMAGE_USER_HOME_BYTES = 256, IMAGE_USER_FILE_BYTES_MAX = 1 << 20 };

struct image_user {
    uint32_t uid;
    uint32_t gid;
    uint32_t groups[IMAGE_USER_GROUPS_MAX]; /* supplementary; none when the group was named */
    size_t group_count;
    char home[IMAGE_USER_HOME_BYTES]; /* from passwd; "/" when the user has no line there */
};

/* Looks `user` up in the texts of the two files (absent: the image has none). Empty or absent user: uid 0. A number
 * without a line is taken as it is, with group 0. FAIL_INPUT, worded as Docker does, for a name without a line. */
checked bool image_user_find(struct str user, struct str passwd, struct str group, struct image_user *ret_user,
                             struct fail *f);

/* The same, from the files below the directory root_fd. Symbolic links in the image resolve inside it: nothing of the
 * host is read. Files over 1 MiB are FAIL_LIMIT. */
checked bool image_user_resolve(int root_fd, struct str user, struct image_user *ret_user, struct fail *f);
