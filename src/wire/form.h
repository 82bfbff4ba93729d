/* application/x-www-form-urlencoded text, of request bodies and of query strings: names and values in the order sent.
 *
 * Source: WHATWG URL standard, "application/x-www-form-urlencoded parsing"; stricter in that broken escapes and bytes
 * that are not UTF-8 are refused. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

struct form_pair {
    struct str name;
    struct str value; /* empty, not absent, when there was no "=" */
};

struct form {
    struct form_pair *pairs;
    size_t count;
};

/* Fails with MalformedQueryString. Strs point into text or the arena. An absent text is an empty form. */
checked bool form_decode(struct str text, struct arena *arena, struct form *ret_form, struct fail *f);

/* The value of the first pair of that name, absent when there is none. */
struct str form_get(const struct form *form, const char *name);
