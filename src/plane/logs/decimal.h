/* Decimal numbers as text, compared exactly: no rounding, no locale, no overflow. Filter patterns promise "precise
 * matching on numeric comparisons", and a decision must not hang on a float. */
#pragma once

#include "base/str.h"

/* The value 0.DIGITS x 10^magnitude, where DIGITS are `whole` then `fraction` without zeros at either end of the two
 * together; both slices of the text it was read from. */
struct decimal {
    bool negative;
    struct str whole;
    struct str fraction;
    int64_t magnitude;
};

/* [+-] digits [. digits] [e [+-] digits], the whole of text, at least one digit before the exponent. */
checked bool decimal_read(struct str text, struct decimal *ret_number);
/* <0, 0, >0. */
int decimal_compare(const struct decimal *a, const struct decimal *b);
