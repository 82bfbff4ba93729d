#include "base/format.h"

#include <string.h>

struct target {
    char *at, *end;
};

static bool add(struct target *target, const char *text, size_t len)
{
    if (text == NULL && len > 0)
        return false;
    if (len > (size_t)(target->end - target->at))
        return false;
    if (len > 0)
        memcpy(target->at, text, len);
    target->at += len;
    return true;
}

static bool add_number(struct target *target, int number)
{
    char digits[12];
    size_t at = sizeof(digits);
    unsigned left = number < 0 ? 0U - (unsigned)number : (unsigned)number;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        digits[--at] = '-';
    return add(target, digits + at, sizeof(digits) - at);
}

/* As printf: at most so many bytes, none behind a NUL. */
static bool add_text(struct target *target, const char *text, int precision)
{
    if (precision < 0 || text == NULL)
        return precision == 0;
    return add(target, text, strnlen(text, (size_t)precision));
}

bool format_pieces(char *space, size_t size, const char *format, va_list args, size_t *ret_len)
{
    struct target target = {space, space + size};

    for (;;) {
        const char *percent = strchrnul(format, '%');

        if (!add(&target, format, (size_t)(percent - format)))
            return false;
        if (*percent == '\0')
            break;
        if (strncmp(percent, "%.*s", 4) == 0) {
            int precision = va_arg(args, int);

            if (!add_text(&target, va_arg(args, const char *), precision))
                return false;
            format = percent + 4;
        } else if (percent[1] == 's' || percent[1] == 'd') {
            const char *text = percent[1] == 's' ? va_arg(args, const char *) : NULL;

            if (percent[1] == 's' ? text == NULL || !add(&target, text, strlen(text))
                                  : !add_number(&target, va_arg(args, int)))
                return false;
            format = percent + 2;
        } else {
            return false;
        }
    }
    *ret_len = (size_t)(target.at - space);
    return true;
}
