#include "node/image/image.h"

#include "base/buf.h"

enum { MOUNT_PAGE = 4096 }; /* mount(2) takes one page of options, the NUL included, wherever pages are larger too */

/* Characters that the option parsers of kernels give a meaning, each kernel another. */
static bool path_plain(const char *path)
{
    return path[0] == '/' && strpbrk(path, ",:\\") == NULL;
}

bool image_mount_options(const struct image *image, const char *upper, const char *work, char *buf, size_t size,
                         struct fail *f)
{
    auto_buf text = {.limit = size < MOUNT_PAGE ? size : MOUNT_PAGE};

    if (!path_plain(upper) || !path_plain(work))
        return image_fail(f, IMAGE_MALFORMED,
                          "overlay directories must be absolute paths without commas, colons and backslashes");
    buf_add_cstr(&text, "lowerdir=");
    for (size_t i = image->layer_count; i > 0; i--) {
        buf_add(&text, image->layers[i - 1]);
        buf_add_char(&text, i > 1 ? ':' : ',');
    }
    buf_printf(&text, "upperdir=%s,workdir=%s", upper, work);
    buf_add_char(&text, '\0');
    if (text.overflowed)
        return image_fail(f, IMAGE_OVER_LIMIT, "the mount options of %zu layers do not fit", image->layer_count);
    memcpy(buf, text.ptr, text.len);
    return true;
}
