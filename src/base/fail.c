#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fail_fill(struct fail *f, enum fail_code code, const char *format, ...)
{
    va_list args;

    f->code = code;
    f->type = NULL;
    f->status = 0;
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
}

void fail_fill_api(struct fail *f, uint16_t status, const char *type, const char *format, ...)
{
    va_list args;

    f->code = FAIL_API;
    f->type = type;
    f->status = status;
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
}

void fail_prefix(struct fail *f, const char *format, ...)
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
}
