#include "base/trace.h"

#include "base/must.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

enum { LINES = 2048, LINE_BYTES = 160 };

static char ring[LINES][LINE_BYTES];
static atomic_uint next_line;

void trace(const char *format, ...)
{
    char *line = ring[atomic_fetch_add(&next_line, 1) % LINES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, LINE_BYTES, format, args);
    va_end(args);
}

static void write_all(int fd, const char *text)
{
    size_t len = strnlen(text, LINE_BYTES);

    if (write(fd, text, len) < 0 || write(fd, "\n", 1) < 0)
        return; /* nowhere left to complain to */
}

void trace_write(int fd)
{
    unsigned end = atomic_load(&next_line);
    unsigned start = end < LINES ? 0 : end - LINES;

    for (unsigned i = start; i != end; i++)
        write_all(fd, ring[i % LINES]);
}

void must_failed(const char *condition, const char *file, int line, const char *function)
{
    (void)fprintf(stderr, "berth: bug: %s:%d: %s: %s does not hold; what happened before:\n", file, line, function,
                  condition);
    (void)fflush(stderr);
    trace_write(STDERR_FILENO);
    abort();
}
