/* Owns reading and writing of small files by path. Not for logs or image data. */
#include "node/runtime/small_file.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

void path_format(char path[PATH_BYTES], const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(path, PATH_BYTES, format, args);
    va_end(args);
    must(len > 0 && len < PATH_BYTES);
}

static enum fail_code code_of(int error)
{
    return error == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM;
}

bool small_file_read(const char *path, char *buffer, size_t size, struct str *ret_text, struct fail *f)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    if (fd < 0)
        return fail(f, code_of(errno), "open %s: %s", path, strerror(errno));
    while (len < size) {
        ssize_t got = read(fd, buffer + len, size - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (len == size)
        return fail(f, FAIL_LIMIT, "read %s: %zu bytes or more", path, size);
    while (len > 0 && strchr(" \t\r\n", buffer[len - 1]) != NULL)
        len--;
    buffer[len] = '\0';
    *ret_text = (struct str){buffer, len};
    return true;
}

bool small_file_read_number(const char *path, uint64_t *ret_value, struct fail *f)
{
    char buffer[64];
    struct str text;
    uint64_t value = UINT64_MAX;

    if (!small_file_read(path, buffer, sizeof(buffer), &text, f))
        return false;
    if (!str_is(text, "max") && !str_to_uint64(text, &value))
        return fail(f, FAIL_INPUT, "%s: \"%s\" is not a number", path, buffer);
    *ret_value = value;
    return true;
}

bool small_file_write(const char *path, struct str text, struct fail *f)
{
    auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(f, code_of(errno), "open %s: %s", path, strerror(errno));
    if (write(fd, text.ptr, text.len) != (ssize_t)text.len)
        return fail(f, FAIL_SYSTEM, "write \"%.*s\" to %s: %s", STR_ARG(text), path, strerror(errno));
    return true;
}
