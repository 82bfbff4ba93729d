/* "USER\0PASSWD\0GROUP" as an image may have them: who is found has an id that chown(2) takes for one, a home, and no
 * more groups than there is room for. */
#include "base/must.h"
#include "node/runtime/image_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str user = str_cut(rest, '\0', &rest);
    struct str passwd = rest.ptr == NULL ? rest : str_cut(rest, '\0', &rest);
    struct image_user found;
    struct fail f;

    if (!image_user_find(user, passwd, rest, &found, &f)) {
        must(f.code == FAIL_INPUT);
        return 0;
    }
    must(found.uid != UINT32_MAX);
    must(found.gid != UINT32_MAX);
    must(found.home[0] != '\0');
    must(memchr(found.home, '\0', sizeof(found.home)) != NULL);
    must(found.group_count <= IMAGE_USER_GROUPS_MAX);
    return 0;
}
