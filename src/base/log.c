#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum log_level least_level = LOG_INFO;
static bool as_json;

void log_setup(enum log_level least, bool json)
{
    least_level = least;
    as_json = json;
}

/* Control bytes, quotes and backslashes as JSON escapes, so that a line stays one line in both forms. */
static size_t escape(char *out, size_t size, const char *text)
{
    size_t len = 0;

    for (; *text != '\0' && len + 7 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20)
            len += (size_t)snprintf(out + len, size - len, "\\u%04x", c);
        else if (as_json && (c == '"' || c == '\\'))
            len += (size_t)snprintf(out + len, size - len, "\\%c", c);
        else
            out[len++] = (char)c;
    }
    out[len] = '\0';
    return len;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    char message[1400];
    char escaped[2000];
    char line[2200];
    struct timespec now;
    struct tm tm;
    va_list args;
    int len;

    if (level < least_level)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    (void)escape(escaped, sizeof(escaped), message);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    len = snprintf(line, sizeof(line),
                   as_json ? "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\",\"level\":\"%s\",\"message\":\"%s\"}\n"
                           : "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s\n",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   now.tv_nsec / 1000000, names[level], escaped);
    (void)fwrite(line, 1, (size_t)len, stderr);
    (void)fflush(stderr);
}
