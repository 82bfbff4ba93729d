#include "wire/scalar.h"

#include "base/must.h"
#include "model/interpret.h"

#include <math.h>
#include <time.h>

void scalar_whole(int64_t number, struct buf *out)
{
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (number < 0)
        digits[--at] = '-';
    buf_add(out, (struct str){digits + at, sizeof(digits) - at});
}

void scalar_double(double number, struct buf *out)
{
    char text[40];

    if (isnan(number)) {
        buf_add_cstr(out, "NaN");
        return;
    }
    if (isinf(number)) {
        buf_add_cstr(out, number < 0 ? "-Infinity" : "Infinity");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    buf_add_cstr(out, text);
    if (text[strspn(text, "-0123456789")] == '\0') /* "1" is an integer to some readers */
        buf_add_cstr(out, ".0");
}

/* Seconds and the rest, which is never negative. */
static int64_t split(int64_t when_ms, unsigned *ret_ms)
{
    int64_t ms = when_ms % 1000;

    if (ms < 0)
        ms += 1000;
    *ret_ms = (unsigned)ms;
    return (when_ms - ms) / 1000;
}

void scalar_epoch(int64_t when_ms, struct buf *out)
{
    unsigned ms = (unsigned)llabs(when_ms % 1000);

    if (when_ms < 0 && when_ms > -1000)
        buf_add_char(out, '-');
    scalar_whole(when_ms / 1000, out);
    if (ms != 0)
        buf_printf(out, ".%03u", ms);
}

void scalar_iso8601(int64_t when_ms, struct buf *out)
{
    unsigned ms;
    time_t seconds = (time_t)split(when_ms, &ms);
    struct tm tm;

    must(gmtime_r(&seconds, &tm) != NULL);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec);
    if (ms != 0)
        buf_printf(out, ".%03u", ms);
    buf_add_char(out, 'Z');
}

struct str scalar_key(const struct shape *map, const void *value, size_t index)
{
    const void *key = map_key_at(map, value, index);

    if (shape_key(map)->kind == SHAPE_ENUM)
        return str_of(enum_name(shape_key(map), *(const int *)key));
    return *(const struct str *)key;
}

void scalar_add(const struct shape *shape, const void *at, enum timestamp_format format, struct buf *out)
{
    switch (shape->kind) {
    case SHAPE_BOOLEAN:
        buf_add_cstr(out, *(const bool *)at ? "true" : "false");
        return;
    case SHAPE_INTEGER:
        scalar_whole(*(const int32_t *)at, out);
        return;
    case SHAPE_LONG:
        scalar_whole(*(const int64_t *)at, out);
        return;
    case SHAPE_DOUBLE:
        scalar_double(*(const double *)at, out);
        return;
    case SHAPE_TIMESTAMP:
        if (format == TIMESTAMP_EPOCH)
            scalar_epoch(*(const int64_t *)at, out);
        else
            scalar_iso8601(*(const int64_t *)at, out);
        return;
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        break;
    }
    must(shape->kind == SHAPE_TIMESTAMP); /* the rest is not scalar */
}
