#include "plane/logs/decimal.h"

/* Exponents beyond this are all alike: no text is long enough to tell them apart. */
#define EXPONENT_MAX (INT64_C(1) << 60)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str take_digits(struct str *text)
{
    size_t len = 0;
    struct str digits;

    while (len < text->len && is_digit(text->ptr[len]))
        len++;
    digits = str_to(*text, len);
    *text = str_from(*text, len);
    return digits;
}

static bool take_one(struct str *text, const char *any_of, char *ret_taken)
{
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(any_of, text->ptr[0]) == NULL)
        return false;
    *ret_taken = text->ptr[0];
    *text = str_from(*text, 1);
    return true;
}

/* [e [+-] digits], 0 when there is none. */
static bool take_exponent(struct str *text, int64_t *ret_exponent)
{
    char sign = '+';
    char e;
    int64_t value = 0;
    struct str digits;

    *ret_exponent = 0;
    if (!take_one(text, "eE", &e))
        return true;
    (void)take_one(text, "+-", &sign);
    digits = take_digits(text);
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++)
        value = value >= EXPONENT_MAX / 10 ? EXPONENT_MAX : value * 10 + (digits.ptr[i] - '0');
    *ret_exponent = sign == '-' ? -value : value;
    return true;
}

/* Drops zeros at both ends of whole + fraction and finds the magnitude. */
static void normalise(struct decimal *number, int64_t exponent)
{
    while (number->whole.len > 0 && number->whole.ptr[0] == '0')
        number->whole = str_from(number->whole, 1);
    while (number->fraction.len > 0 && number->fraction.ptr[number->fraction.len - 1] == '0')
        number->fraction.len--;
    number->magnitude = exponent + (int64_t)number->whole.len;
    if (number->fraction.len == 0)
        while (number->whole.len > 0 && number->whole.ptr[number->whole.len - 1] == '0')
            number->whole.len--;
    while (number->whole.len == 0 && number->fraction.len > 0 && number->fraction.ptr[0] == '0') {
        number->fraction = str_from(number->fraction, 1);
        number->magnitude--;
    }
}

bool decimal_read(struct str text, struct decimal *ret_number)
{
    struct decimal number = {0};
    char sign = '+';
    char point;
    int64_t exponent;

    (void)take_one(&text, "+-", &sign);
    number.whole = take_digits(&text);
    number.fraction = str_to(text, 0);
    if (take_one(&text, ".", &point))
        number.fraction = take_digits(&text);
    if (number.whole.len + number.fraction.len == 0 || !take_exponent(&text, &exponent) || text.len != 0)
        return false;
    number.negative = sign == '-';
    normalise(&number, exponent);
    *ret_number = number;
    return true;
}

static size_t digit_count(const struct decimal *number)
{
    return number->whole.len + number->fraction.len;
}

static char digit(const struct decimal *number, size_t at)
{
    if (at < number->whole.len)
        return number->whole.ptr[at];
    at -= number->whole.len;
    if (at < number->fraction.len)
        return number->fraction.ptr[at];
    return '0';
}

static int compare_size(const struct decimal *a, const struct decimal *b)
{
    size_t count = digit_count(a) > digit_count(b) ? digit_count(a) : digit_count(b);

    if (a->magnitude != b->magnitude)
        return a->magnitude < b->magnitude ? -1 : 1;
    for (size_t i = 0; i < count; i++)
        if (digit(a, i) != digit(b, i))
            return digit(a, i) < digit(b, i) ? -1 : 1;
    return 0;
}

static int sign_of(const struct decimal *number)
{
    if (digit_count(number) == 0)
        return 0;
    return number->negative ? -1 : 1;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    int a_sign = sign_of(a);
    int b_sign = sign_of(b);

    if (a_sign != b_sign)
        return a_sign < b_sign ? -1 : 1;
    return a_sign == 0 ? 0 : a_sign * compare_size(a, b);
}
