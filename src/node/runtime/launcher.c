/* Owns the words for a program that cannot be started. */
#include "node/runtime/launcher.h"

#include <errno.h>

bool launch_fails_to_exec(const char *program, int error, struct fail *f)
{
    if (error == ENOENT && strchr(program, '/') == NULL)
        return fail(f, FAIL_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", program);
    if (error == ENOENT)
        return fail(f, FAIL_NOT_FOUND, "exec: \"%s\": stat %s: no such file or directory", program, program);
    if (error == ENOEXEC)
        return fail(f, FAIL_DENIED, "exec: \"%s\": exec format error", program);
    if (error == EACCES)
        return fail(f, FAIL_DENIED, "exec: \"%s\": permission denied", program);
    return fail(f, FAIL_SYSTEM, "exec: \"%s\": %s", program, strerror(error));
}
