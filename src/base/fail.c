#include "base/fail.h"

#include <stdarg.h>
#include <string.h>

static void fill(struct fail *f, enum fail_code code, const char *type, uint16_t status)
{
    f->code = code;
    f->type = type;
    f->status = status;
}

bool fail(struct fail *f, enum fail_code code, const char *format, ...)
{
    va_list args;

    fill(f, code, NULL, 0);
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
    return false;
}

bool fail_api(struct fail *f, const char *type, const char *format, ...)
{
    va_list args;

    fill(f, FAIL_API, type, 0);
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
    return false;
}

bool fail_status(struct fail *f, uint16_t status, const char *type, const char *format, ...)
{
    va_list args;

    fill(f, FAIL_API, type, status);
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
    return false;
}

bool fail_in(struct fail *f, const char *format, ...)
{
    char context[sizeof(f->message)];
    size_t used;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(context, sizeof(context) - 2, format, args);
    va_end(args);
    used = strlen(context);
    memcpy(context + used, ": ", 3);
    used += 2;
    (void)snprintf(context + used, sizeof(context) - used, "%s", f->message);
    memcpy(f->message, context, sizeof(context));
    return false;
}
