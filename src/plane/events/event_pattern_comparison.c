/* Reads what stands in the arrays at the leaves of event patterns: values and comparisons. */
#include "plane/events/event_pattern_private.h"

#include "base/must.h"
#include "model/gen/events.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

bool pattern_fail(const struct pattern_reader *reader, const char *format, ...)
{
    char reason[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return fail_api(reader->fail, EVENTS_ERROR_INVALID_EVENT_PATTERN_EXCEPTION,
                    "Event pattern is not valid. Reason: %s", reason);
}

/* ---- texts ---- */

static bool read_text(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    test->text = pattern_string(reader, value.raw);
    return true;
}

/* Only * is special here, and a backslash takes that from it: the question mark of base/wildcard.h is a plain one. */
static bool read_wildcard(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    struct str text = pattern_string(reader, value.raw);
    char *out = arena_alloc(reader->arena, text.len * 2);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '*' && i > 0 && text.ptr[i - 1] == '*' && (len < 2 || out[len - 2] != '\\'))
            return pattern_fail(reader, "Consecutive wildcard characters at pos %zu", i - 1);
        if (c == '\\' && (i + 1 == text.len || (text.ptr[i + 1] != '*' && text.ptr[i + 1] != '\\')))
            return pattern_fail(reader, "Invalid escape character at pos %zu", i);
        if (c == '*' && ++reader->wildcards > EVENT_PATTERN_WILDCARDS_MAX)
            return pattern_fail(reader, "Rule is too complex - try using fewer wildcard characters or fewer repeating "
                                        "character sequences after a wildcard character");
        if (c == '?')
            out[len++] = '\\';
        out[len++] = c;
        if (c == '\\')
            out[len++] = text.ptr[++i];
    }
    test->text = (struct str){out, len};
    return true;
}

static const struct text_comparison {
    const char *name;
    enum pattern_test_kind kind;
    bool nocase;
    bool inner; /* may hold {"equals-ignore-case": ...} in the place of the text */
    bool (*read)(struct pattern_reader *reader, struct json_value value, struct pattern_test *test);
} text_comparisons[] = {
    {"prefix", PATTERN_PREFIX, false, true, read_text},
    {"suffix", PATTERN_SUFFIX, false, true, read_text},
    {"equals-ignore-case", PATTERN_TEXT, true, false, read_text},
    {"wildcard", PATTERN_WILDCARD, false, false, read_wildcard},
};

static const struct text_comparison *text_comparison(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(text_comparisons); i++)
        if (str_is(name, text_comparisons[i].name))
            return &text_comparisons[i];
    return NULL;
}

static bool read_compared_text(struct pattern_reader *reader, const struct text_comparison *row,
                               struct json_value value, struct pattern_test *test)
{
    struct json_value inner = value;
    struct str name;

    test->kind = row->kind;
    test->nocase = row->nocase;
    if (value.kind == JSON_OBJECT && row->inner) {
        if (!pattern_only_member(reader, value, &name, &inner) || !str_is(name, "equals-ignore-case"))
            return pattern_fail(reader, "Unsupported %s pattern", row->name);
        test->nocase = true;
    }
    if (inner.kind != JSON_STRING)
        return pattern_fail(reader, "%s match pattern must be a string", row->name);
    return row->read(reader, inner, test);
}

/* ---- numbers ---- */

static const struct {
    const char *name;
    bool less, equal, greater;
} numeric_operators[] = {
    {"<", true, false, false}, {"<=", true, true, false}, {"=", false, true, false},
    {">", false, false, true}, {">=", false, true, true},
};

/* Numbers beyond five thousand million are not compared ("Numeric matching"). */
static bool is_comparable(const struct decimal *number)
{
    struct decimal low;
    struct decimal high;

    must(decimal_read(STR("-5e9"), &low));
    must(decimal_read(STR("5e9"), &high));
    return decimal_compare(number, &low) >= 0 && decimal_compare(number, &high) <= 0;
}

static bool read_bound(const struct pattern_reader *reader, struct str operator, struct json_value value,
                       struct pattern_bound *ret_bound)
{
    struct str digits = arena_str(reader->arena, value.raw);

    for (size_t i = 0; i < COUNT_OF(numeric_operators); i++) {
        if (!str_is(operator, numeric_operators[i].name))
            continue;
        if (value.kind != JSON_NUMBER || !decimal_read(digits, &ret_bound->limit))
            return pattern_fail(reader, "Value of %.*s must be numeric", STR_ARG(operator));
        if (!is_comparable(&ret_bound->limit))
            return pattern_fail(reader, "Value must be between -5.0E9 and 5.0E9, inclusive");
        ret_bound->less = numeric_operators[i].less;
        ret_bound->equal = numeric_operators[i].equal;
        ret_bound->greater = numeric_operators[i].greater;
        return true;
    }
    return pattern_fail(reader, "Unrecognized numeric range operator: %.*s", STR_ARG(operator));
}

/* Two bounds are a lower and an upper one, in this order. */
static bool check_range(const struct pattern_reader *reader, const struct pattern_range *range)
{
    if (range->bound_count == 0)
        return pattern_fail(reader, "Invalid member in numeric match: ]");
    if (range->bound_count == 1)
        return true;
    if (!range->bounds[0].greater || !range->bounds[1].less)
        return pattern_fail(reader, "Bad numeric range operator: a lower and an upper bound are expected");
    if (decimal_compare(&range->bounds[0].limit, &range->bounds[1].limit) >= 0)
        return pattern_fail(reader, "Bottom must be less than top");
    return true;
}

static bool read_numeric(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    struct pattern_range *range = arena_new(reader->arena, struct pattern_range);
    struct json_text_walk walk;
    struct json_value operator;
    struct json_value limit;
    struct str key;

    if (value.kind != JSON_ARRAY)
        return pattern_fail(reader, "Value of numeric must be an array.");
    walk = json_text_walk(value);
    while (json_text_next(&walk, &key, &operator)) {
        if (operator.kind != JSON_STRING)
            return pattern_fail(reader, "Invalid member in numeric match: %.*s", STR_ARG(operator.raw));
        if (range->bound_count == COUNT_OF(range->bounds))
            return pattern_fail(reader, "Too many elements in numeric expression");
        if (!json_text_next(&walk, &key, &limit))
            return pattern_fail(reader, "Value of %.*s must be numeric", STR_ARG(pattern_string(reader, operator.raw)));
        if (!read_bound(reader, pattern_string(reader, operator.raw), limit, &range->bounds[range->bound_count++]))
            return false;
    }
    test->kind = PATTERN_NUMERIC;
    test->range = range;
    return check_range(reader, range);
}

/* ---- networks ---- */

static bool read_network(struct str text, struct pattern_network *ret_network)
{
    struct str bits;
    struct str address = str_cut(text, '/', &bits);
    char buffer[64];
    uint64_t count;

    if (bits.ptr == NULL || !str_to_buffer(address, buffer, sizeof(buffer)) || !str_to_uint64(bits, &count))
        return false;
    ret_network->family = str_find(address, ':') < address.len ? AF_INET6 : AF_INET;
    ret_network->bits = (unsigned)count;
    return count <= (ret_network->family == AF_INET6 ? 128u : 32u) &&
           inet_pton(ret_network->family, buffer, ret_network->address) == 1;
}

static bool read_cidr(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    struct pattern_network *network = arena_new(reader->arena, struct pattern_network);
    struct str text;

    if (value.kind != JSON_STRING)
        return pattern_fail(reader, "prefix match pattern must be a string");
    text = pattern_string(reader, value.raw);
    if (!read_network(text, network))
        return pattern_fail(reader, "Malformed CIDR, one '/' required: %.*s", STR_ARG(text));
    test->kind = PATTERN_CIDR;
    test->network = network;
    return true;
}

/* ---- the rest ---- */

static bool read_exists(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    if (value.kind != JSON_TRUE && value.kind != JSON_FALSE)
        return pattern_fail(reader, "exists match pattern must be either true or false.");
    test->kind = PATTERN_EXISTS;
    test->exists = value.kind == JSON_TRUE;
    return true;
}

static bool read_plain(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    if (value.kind == JSON_OBJECT || value.kind == JSON_ARRAY)
        return pattern_fail(reader, "Match value must be String, number, true, false, or null");
    test->kind = value.kind == JSON_STRING ? PATTERN_TEXT : PATTERN_LITERAL;
    test->text = value.kind == JSON_STRING ? pattern_string(reader, value.raw) : arena_str(reader->arena, value.raw);
    return true;
}

/* A value or a list of values, all texts or all numbers. */
static bool read_but_value(struct pattern_reader *reader, struct json_value value, struct pattern_tests *but)
{
    if (value.kind != JSON_STRING && value.kind != JSON_NUMBER)
        return pattern_fail(reader, "Inside anything but list, start|null|boolean is not supported.");
    if (but->count > 0 && (but->items[0].kind == PATTERN_TEXT) != (value.kind == JSON_STRING))
        return pattern_fail(reader, "Inside anything but list, either all values are number or string, mixed type is "
                                    "not supported");
    return read_plain(reader, value, &but->items[but->count++]);
}

static bool read_but(struct pattern_reader *reader, const struct text_comparison *row, struct json_value value,
                     struct pattern_tests *but)
{
    return row == NULL ? read_but_value(reader, value, but)
                       : read_compared_text(reader, row, value, &but->items[but->count++]);
}

static bool read_buts(struct pattern_reader *reader, const struct text_comparison *row, struct json_value value,
                      struct pattern_tests *but)
{
    struct json_text_walk walk;
    struct json_value item;
    struct str key;

    but->items = arena_array(reader->arena, struct pattern_test, value.kind == JSON_ARRAY ? pattern_count(value) : 1);
    if (value.kind != JSON_ARRAY)
        return read_but(reader, row, value, but);
    walk = json_text_walk(value);
    while (json_text_next(&walk, &key, &item))
        if (!read_but(reader, row, item, but))
            return false;
    return but->count > 0 || pattern_fail(reader, "Anything-But list must not be empty.");
}

static bool read_anything_but(struct pattern_reader *reader, struct json_value value, struct pattern_test *test)
{
    const struct text_comparison *row = NULL;
    struct json_value inner = value;
    struct str name;

    test->kind = PATTERN_ANYTHING_BUT;
    if (value.kind == JSON_OBJECT) {
        if (!pattern_only_member(reader, value, &name, &inner))
            return pattern_fail(reader, "Only one key allowed in match expression");
        row = text_comparison(name);
        if (row == NULL)
            return pattern_fail(reader, "Unsupported anything-but pattern: %.*s", STR_ARG(name));
    }
    return read_buts(reader, row, inner, &test->but);
}

static const struct {
    const char *name;
    bool (*read)(struct pattern_reader *reader, struct json_value value, struct pattern_test *test);
} comparisons[] = {
    {"numeric", read_numeric},
    {"cidr", read_cidr},
    {"exists", read_exists},
    {"anything-but", read_anything_but},
};

bool pattern_is_comparison(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(comparisons); i++)
        if (str_is(name, comparisons[i].name))
            return true;
    return text_comparison(name) != NULL;
}

bool pattern_test_read(struct pattern_reader *reader, struct json_value value, struct pattern_test *ret_test)
{
    struct json_value inner;
    struct str name;

    *ret_test = (struct pattern_test){0};
    if (value.kind != JSON_OBJECT)
        return read_plain(reader, value, ret_test);
    if (!pattern_only_member(reader, value, &name, &inner))
        return pattern_fail(reader, "Only one key allowed in match expression");
    if (text_comparison(name) != NULL)
        return read_compared_text(reader, text_comparison(name), inner, ret_test);
    for (size_t i = 0; i < COUNT_OF(comparisons); i++)
        if (str_is(name, comparisons[i].name))
            return comparisons[i].read(reader, inner, ret_test);
    return pattern_fail(reader, "Unrecognized match type %.*s", STR_ARG(name));
}
