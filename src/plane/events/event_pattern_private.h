/* The inside of an event pattern, for the files that read and match it. */
#pragma once

#include "plane/events/event_pattern.h"
#include "plane/logs/decimal.h"
#include "plane/logs/json_text.h"

enum pattern_test_kind {
    PATTERN_TEXT,
    PATTERN_LITERAL, /* a number, true, false or null, as it is written */
    PATTERN_PREFIX,
    PATTERN_SUFFIX,
    PATTERN_WILDCARD,
    PATTERN_NUMERIC,
    PATTERN_CIDR,
    PATTERN_EXISTS,
    PATTERN_ANYTHING_BUT,
};

struct pattern_bound {
    bool less, greater, equal; /* what the value may be to the limit */
    struct decimal limit;
};

struct pattern_range {
    struct pattern_bound bounds[2];
    size_t bound_count;
};

struct pattern_network {
    int family;
    unsigned char address[16];
    unsigned bits;
};

struct pattern_tests {
    struct pattern_test *items;
    size_t count;
};

struct pattern_test {
    enum pattern_test_kind kind;
    bool nocase;     /* TEXT, PREFIX, SUFFIX */
    bool exists;     /* EXISTS */
    struct str text; /* the texts; WILDCARD: as base/wildcard.h has them */
    const struct pattern_range *range;
    const struct pattern_network *network;
    struct pattern_tests but; /* ANYTHING_BUT: none of these */
};

/* A member: either an object in its turn, or tests of its value. */
struct pattern_field {
    struct str name;
    const struct pattern_object *object; /* NULL: tests */
    struct pattern_tests tests;
};

/* Alternatives of one "$or". */
struct pattern_choice {
    const struct pattern_object **items;
    size_t count;
};

struct pattern_object {
    struct pattern_field *fields; /* by name, in byte order, each once */
    size_t field_count;
    struct pattern_choice choice; /* count 0: no "$or" */
};

struct event_pattern {
    const struct pattern_object *root;
};

/* ---- the parts of reading (event_pattern_comparison.c) ---- */

struct pattern_reader {
    struct arena *arena;
    struct fail *fail;
    size_t depth;
    size_t wildcards;
};

checked bool pattern_fail(const struct pattern_reader *reader, const char *format, ...) printf_like(2, 3);
struct str pattern_string(const struct pattern_reader *reader, struct str raw);
size_t pattern_count(struct json_value container);
/* The only member of an object; false when it has none or more. */
checked bool pattern_only_member(const struct pattern_reader *reader, struct json_value object, struct str *ret_name,
                                 struct json_value *ret_value);
/* Whether a name is that of a comparison. */
bool pattern_is_comparison(struct str name);
/* An element of the array at a leaf. */
checked bool pattern_test_read(struct pattern_reader *reader, struct json_value value, struct pattern_test *ret_test);
