#include "base/when.h"

#include "base/must.h"

#include <time.h>

static struct tm utc(int64_t when_ms)
{
    time_t seconds = (time_t)(when_ms / 1000 - (when_ms % 1000 < 0 ? 1 : 0));
    struct tm tm;

    must(gmtime_r(&seconds, &tm) != NULL);
    return tm;
}

struct str when_to_iso8601(struct arena *arena, int64_t when_ms)
{
    struct tm tm = utc(when_ms);
    int ms = (int)(((when_ms % 1000) + 1000) % 1000);

    if (ms == 0)
        return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
    return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

struct str when_to_http(struct arena *arena, int64_t when_ms)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = utc(when_ms);

    return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                        tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Takes exactly `digits` digits from the front of *text. */
static bool take_number(struct str *text, size_t digits, int *ret_value)
{
    uint64_t value;

    if (text->len < digits || !str_to_uint64(str_to(*text, digits), &value))
        return false;
    *text = str_from(*text, digits);
    *ret_value = (int)value;
    return true;
}

static bool take_char(struct str *text, const char *any_of)
{
    if (text->len == 0 || strchr(any_of, text->ptr[0]) == NULL || text->ptr[0] == '\0')
        return false;
    *text = str_from(*text, 1);
    return true;
}

static bool to_ms(struct tm *tm, int64_t *ret_when_ms)
{
    struct tm asked;
    time_t seconds;

    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    asked = *tm;
    seconds = timegm(tm);
    /* timegm folds 31 February into March: such a date is refused. */
    if (tm->tm_mday != asked.tm_mday || tm->tm_mon != asked.tm_mon || tm->tm_hour != asked.tm_hour ||
        tm->tm_min != asked.tm_min)
        return false;
    *ret_when_ms = (int64_t)seconds * 1000;
    return true;
}

static bool take_fraction(struct str *text, int *ret_ms)
{
    int scale = 100;

    *ret_ms = 0;
    if (!take_char(text, "."))
        return true;
    if (text->len == 0 || text->ptr[0] < '0' || text->ptr[0] > '9')
        return false;
    while (text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        *ret_ms += (text->ptr[0] - '0') * scale;
        scale /= 10;
        *text = str_from(*text, 1);
    }
    return true;
}

static bool take_offset(struct str *text, int *ret_minutes)
{
    int hours;
    int minutes;
    bool west;

    *ret_minutes = 0;
    if (take_char(text, "Zz"))
        return true;
    west = text->len > 0 && text->ptr[0] == '-';
    if (!take_char(text, "+-") || !take_number(text, 2, &hours))
        return false;
    (void)take_char(text, ":");
    if (!take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool when_from_iso8601(struct str text, int64_t *ret_when_ms)
{
    struct tm tm = {0};
    int64_t when;
    int ms;
    int offset;

    if (!take_number(&text, 4, &tm.tm_year) || !take_char(&text, "-") || !take_number(&text, 2, &tm.tm_mon) ||
        !take_char(&text, "-") || !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, "Tt "))
        return false;
    if (!take_number(&text, 2, &tm.tm_hour) || !take_char(&text, ":") || !take_number(&text, 2, &tm.tm_min) ||
        !take_char(&text, ":") || !take_number(&text, 2, &tm.tm_sec))
        return false;
    if (!take_fraction(&text, &ms) || !take_offset(&text, &offset) || text.len != 0 || !to_ms(&tm, &when))
        return false;
    *ret_when_ms = when + ms - (int64_t)offset * MINUTE_MS;
    return true;
}

bool when_from_amz_date(struct str text, int64_t *ret_when_ms)
{
    struct tm tm = {0};

    if (!take_number(&text, 4, &tm.tm_year) || !take_number(&text, 2, &tm.tm_mon) ||
        !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, "T"))
        return false;
    if (!take_number(&text, 2, &tm.tm_hour) || !take_number(&text, 2, &tm.tm_min) ||
        !take_number(&text, 2, &tm.tm_sec) || !take_char(&text, "Z") || text.len != 0)
        return false;
    return to_ms(&tm, ret_when_ms);
}
