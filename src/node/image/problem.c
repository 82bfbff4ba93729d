#include "node/image/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct {
    const char *type;
    enum fail_code code;
} problems[] = {
    [IMAGE_NO_PROBLEM] = {NULL, FAIL_NONE},
    [IMAGE_NOT_FOUND] = {"ImageNotFound", FAIL_NOT_FOUND},
    [IMAGE_NO_PLATFORM] = {"ImageNoPlatform", FAIL_NOT_FOUND},
    [IMAGE_DENIED] = {"ImageDenied", FAIL_DENIED},
    [IMAGE_UNREACHABLE] = {"ImageRegistryUnreachable", FAIL_SYSTEM},
    [IMAGE_REGISTRY] = {"ImageRegistryError", FAIL_SYSTEM},
    [IMAGE_MISMATCH] = {"ImageMismatch", FAIL_INPUT},
    [IMAGE_MALFORMED] = {"ImageMalformed", FAIL_INPUT},
    [IMAGE_UNSUPPORTED] = {"ImageUnsupported", FAIL_INPUT},
    [IMAGE_OVER_LIMIT] = {"ImageOverLimit", FAIL_LIMIT},
    [IMAGE_DISK_FULL] = {"ImageDiskFull", FAIL_LIMIT},
    [IMAGE_STOPPED] = {"ImageStopped", FAIL_CONFLICT},
    [IMAGE_SYSTEM] = {"ImageSystem", FAIL_SYSTEM},
};

/* What an error of the kernel means when it is an archive that made us ask. */
static const struct {
    int error;
    enum image_problem problem;
    const char *text;
} errors[] = {
    {ENOSPC, IMAGE_DISK_FULL, "no space left on device"}, /* the words ECS shows */
    {EDQUOT, IMAGE_DISK_FULL, "disk quota exceeded"},     {ENAMETOOLONG, IMAGE_MALFORMED, "file name too long"},
    {ENOTDIR, IMAGE_MALFORMED, "not a directory"},        {ELOOP, IMAGE_MALFORMED, "too many levels of symbolic links"},
    {EMLINK, IMAGE_MALFORMED, "too many hard links"},
};

static void fill(struct fail *f, enum image_problem problem, const char *text, const char *why)
{
    fail_fill(f, problems[problem].code, "%s%s", text, why);
    f->type = problems[problem].type;
}

void image_fail_fill(struct fail *f, enum image_problem problem, const char *format, ...)
{
    char text[sizeof(f->message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fill(f, problem, text, "");
}

void image_fail_fill_errno(struct fail *f, int error, const char *format, ...)
{
    char text[sizeof(f->message)];
    char why[128];
    enum image_problem problem = IMAGE_SYSTEM;
    const char *reason = strerrordesc_np(error);
    va_list args;

    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (errors[i].error == error) {
            problem = errors[i].problem;
            reason = errors[i].text;
        }
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(why, sizeof(why), ": %s", reason == NULL ? "unknown error" : reason);
    fill(f, problem, text, why);
}

enum image_problem image_problem_of(const struct fail *f)
{
    for (size_t i = 1; i < COUNT_OF(problems); i++)
        if (f->type != NULL && strcmp(f->type, problems[i].type) == 0)
            return (enum image_problem)i;
    return IMAGE_NO_PROBLEM;
}
