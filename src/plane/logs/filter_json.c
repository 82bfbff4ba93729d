/* Patterns in braces: conditions on the members of a JSON message.
 *
 * A selector is "$" and steps: .name, ['any name'], [3], and at most one .* or [*], which stands for every member or
 * element: the test then holds when it holds of one of them. Comparisons are of strings and numbers only: an object,
 * an array, a boolean, null or nothing at the place satisfies none, != included. */
#include "plane/logs/filter_private.h"

enum step_kind { STEP_MEMBER, STEP_ELEMENT, STEP_ANY_MEMBER, STEP_ANY_ELEMENT };

struct step {
    enum step_kind kind;
    struct str name; /* MEMBER */
    uint64_t index;  /* ELEMENT */
    struct step *next;
};

struct filter_selector {
    struct step *steps; /* NULL: the message itself */
};

struct filter_json {
    const struct filter_condition *condition;
};

/* -- Reading. */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static struct str take_name(struct filter_cursor *at)
{
    size_t len = 0;
    struct str name;

    while (len < at->rest.len && is_name_char(at->rest.ptr[len]))
        len++;
    name = str_to(at->rest, len);
    at->rest = str_from(at->rest, len);
    return name;
}

static bool take_char(struct filter_cursor *at, char c)
{
    if (at->rest.len == 0 || at->rest.ptr[0] != c)
        return false;
    at->rest = str_from(at->rest, 1);
    return true;
}

/* Behind "[": a number, * or 'a name'. */
static bool read_bracket(struct filter_cursor *at, struct step *step, struct fail *f)
{
    struct str inside;
    struct str behind;

    if (take_char(at, '\'')) {
        inside = str_cut(at->rest, '\'', &behind);
        step->kind = STEP_MEMBER;
        step->name = inside;
    } else {
        inside = str_to(at->rest, str_find(at->rest, ']'));
        behind = str_from(at->rest, inside.len);
        step->kind = str_is(inside, "*") ? STEP_ANY_ELEMENT : STEP_ELEMENT;
        if (step->kind == STEP_ELEMENT && !str_to_uint64(inside, &step->index))
            return filter_expected(at, "the number of an array element", f);
    }
    if (behind.ptr == NULL)
        return filter_expected(at, "a closing ' for the name that begins", f);
    at->rest = behind;
    return take_char(at, ']') || filter_expected(at, "\"]\"", f);
}

static bool read_step(struct filter_cursor *at, struct step *step, struct fail *f)
{
    if (take_char(at, '[') || (str_starts(at->rest, STR(".[")) && take_char(at, '.') && take_char(at, '[')))
        return read_bracket(at, step, f);
    (void)take_char(at, '.');
    if (take_char(at, '*')) {
        step->kind = STEP_ANY_MEMBER;
        return true;
    }
    step->kind = STEP_MEMBER;
    step->name = take_name(at);
    return step->name.len > 0 || filter_expected(at, "the name of a property", f);
}

static bool count_wildcard(struct filter_cursor *at, const struct step *step, bool *has_wildcard, struct fail *f)
{
    if (step->kind != STEP_ANY_MEMBER && step->kind != STEP_ANY_ELEMENT)
        return true;
    if (*has_wildcard)
        return fail_api(f, "InvalidParameterException",
                        "Invalid filter pattern: more than one wildcard in a property selector");
    if (++at->wildcards > FILTER_WILDCARDS_MAX)
        return fail_api(f, "InvalidParameterException",
                        "Invalid filter pattern: more than %d property selectors with a wildcard",
                        FILTER_WILDCARDS_MAX);
    *has_wildcard = true;
    return true;
}

static bool read_selector(struct filter_cursor *at, const struct filter_selector **ret_selector, struct fail *f)
{
    struct filter_selector *selector = arena_new(at->arena, struct filter_selector);
    struct step **end = &selector->steps;
    bool has_wildcard = false;

    if (!filter_take(at, "$"))
        return filter_expected(at, "a property selector, which begins with \"$.\"", f);
    while (at->rest.len > 0 && (at->rest.ptr[0] == '.' || at->rest.ptr[0] == '[')) {
        struct step *step = arena_new(at->arena, struct step);

        if (!read_step(at, step, f) || !count_wildcard(at, step, &has_wildcard, f))
            return false;
        *end = step;
        end = &step->next;
    }
    if (selector->steps == NULL)
        return filter_expected(at, "\".\" and the name of a property", f);
    *ret_selector = selector;
    return true;
}

static bool read_subject(struct filter_cursor *at, void *context, struct filter_condition *condition, struct fail *f)
{
    (void)context;
    return read_selector(at, &condition->selector, f);
}

bool filter_json_read(struct filter_cursor *at, const struct filter_json **ret_json, struct fail *f)
{
    struct filter_json *json = arena_new(at->arena, struct filter_json);

    if (!filter_take(at, "{"))
        return filter_expected(at, "\"{\"", f);
    if (!filter_read_condition(at, read_subject, NULL, &json->condition, f))
        return false;
    if (!filter_take(at, "}"))
        return filter_expected(at, "\"&&\", \"||\" or \"}\"", f);
    *ret_json = json;
    return true;
}

/* -- Finding. */

/* The child that a step without wildcard names; of members of one name the last, as JSON parsers do. */
static bool child(struct json_value parent, const struct step *step, struct json_value *ret_child)
{
    bool found = false;
    struct json_text_walk walk;
    struct json_value value;
    struct str key;

    if (parent.kind != (step->kind == STEP_MEMBER ? JSON_OBJECT : JSON_ARRAY))
        return false;
    walk = json_text_walk(parent);
    for (uint64_t i = 0; json_text_next(&walk, &key, &value); i++) {
        if (step->kind == STEP_MEMBER ? !json_text_string_is(key, step->name) : i != step->index)
            continue;
        *ret_child = value;
        found = true;
        if (step->kind == STEP_ELEMENT)
            break;
    }
    return found;
}

/* Follows the steps up to the end or a wildcard, which it leaves in *rest. */
static bool follow(struct json_value *value, const struct step **rest)
{
    const struct step *step = *rest;

    for (; step != NULL && step->kind <= STEP_ELEMENT; step = step->next)
        if (!child(*value, step, value))
            return false;
    *rest = step;
    return true;
}

static bool read_string(struct str raw, struct filter_scratch *scratch, struct str *ret_text)
{
    if (scratch->text_room == NULL && json_text_string_escaped(raw))
        scratch->text_room = arena_try(scratch->arena, scratch->message_len);
    if (scratch->text_room == NULL && json_text_string_escaped(raw)) {
        scratch->exhausted = true;
        return false;
    }
    *ret_text = json_text_string(raw, scratch->text_room);
    return true;
}

static bool holds_of(const struct filter_condition *test, struct json_value value, struct filter_scratch *scratch)
{
    struct str text = value.raw;

    switch (test->test) {
    case TEST_IS_NULL:
        return value.kind == JSON_NULL;
    case TEST_IS_TRUE:
        return value.kind == JSON_TRUE;
    case TEST_IS_FALSE:
        return value.kind == JSON_FALSE;
    case TEST_NOT_EXISTS:
        return true; /* asks whether anything is there: holds() turns it round */
    case TEST_EQUAL:
    case TEST_NOT_EQUAL:
    case TEST_LESS:
    case TEST_LESS_EQUAL:
    case TEST_GREATER:
    case TEST_GREATER_EQUAL:
        break;
    }
    if (value.kind == JSON_STRING && !read_string(value.raw, scratch, &text))
        return false;
    return (value.kind == JSON_STRING || value.kind == JSON_NUMBER) &&
           filter_test_text(test, text, value.kind == JSON_NUMBER, scratch);
}

/* The rest of a selector behind its wildcard, of which there is only one. */
static bool any_holds(const struct filter_condition *test, struct json_value parent, const struct step *wildcard,
                      struct filter_scratch *scratch)
{
    struct json_text_walk walk;
    struct json_value value;
    struct str key;

    if (parent.kind != (wildcard->kind == STEP_ANY_MEMBER ? JSON_OBJECT : JSON_ARRAY))
        return false;
    walk = json_text_walk(parent);
    while (json_text_next(&walk, &key, &value)) {
        const struct step *rest = wildcard->next;

        if (follow(&value, &rest) && holds_of(test, value, scratch))
            return true;
    }
    return false;
}

static bool holds(const void *context, const struct filter_condition *test, struct filter_scratch *scratch)
{
    struct json_value value = *(const struct json_value *)context;
    const struct step *rest = test->selector->steps;
    bool found = follow(&value, &rest);

    if (found)
        found = rest == NULL ? holds_of(test, value, scratch) : any_holds(test, value, rest, scratch);
    return found == (test->test != TEST_NOT_EXISTS);
}

bool filter_json_match(const struct filter_json *json, struct str message, struct filter_scratch *scratch)
{
    struct json_value root;

    return json_text_read(message, &root) && filter_condition_holds(json->condition, holds, &root, scratch);
}

/* -- References. */

static bool read_reference(struct str text, struct arena *arena, const struct filter_selector **ret_selector,
                           struct fail *f)
{
    struct filter_cursor at = {.rest = text, .whole = text, .arena = arena};
    const struct filter_selector *selector = NULL;

    if (!read_selector(&at, &selector, f))
        return false;
    if (at.rest.len > 0)
        return filter_expected(&at, "the end of the property selector", f);
    if (at.wildcards > 0)
        return fail_api(f, "InvalidParameterException", "A wildcard does not name one value: '%.*s'", STR_ARG(text));
    *ret_selector = selector;
    return true;
}

bool filter_json_check_selector(struct str selector, struct arena *arena, struct fail *f)
{
    const struct filter_selector *read;

    return read_reference(selector, arena, &read, f);
}

bool filter_json_value(struct str message, struct str selector, struct arena *arena, struct str *ret_value)
{
    const struct filter_selector *read = NULL;
    struct filter_scratch scratch;
    const struct step *rest;
    struct json_value value;
    struct fail ignored;

    if (!read_reference(selector, arena, &read, &ignored) || !json_text_read(message, &value))
        return false;
    scratch = filter_scratch(arena, message);
    rest = read->steps; /* NOLINT(clang-analyzer-core.NullDereference): read_reference has set it */
    if (!follow(&value, &rest))
        return false;
    if (value.kind == JSON_STRING)
        return read_string(value.raw, &scratch, ret_value);
    if (value.kind != JSON_NUMBER)
        return false;
    *ret_value = value.raw;
    return true;
}
