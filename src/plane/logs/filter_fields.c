/* Patterns in brackets: names and conditions for the words of a line.
 *
 * Words are parted by spaces and tabs; "..." and [...] are one word each, without the signs around it. A pattern needs
 * at least as many words as it has fields; its last field takes all that is left of the line ([timestamp, id, event]).
 * One "..." in the pattern stands for any number of words, none included, and then the last fields are the last words.
 * "[]" matches every line. */
#include "plane/logs/filter_private.h"

#include <stdio.h>

struct field {
    struct str name;                          /* empty: unnamed */
    const struct filter_condition *condition; /* NULL: any value */
    struct field *next;
};

struct filter_fields {
    struct field *first;
    size_t before; /* fields up to the ellipsis, or all */
    size_t behind; /* fields behind it */
    bool ellipsis;
};

/* -- Reading. */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct str take_name(struct filter_cursor *at)
{
    size_t len = 0;
    struct str name;

    filter_skip_spaces(at);
    while (len < at->rest.len &&
           (is_letter(at->rest.ptr[len]) ||
            (len > 0 && ((at->rest.ptr[len] >= '0' && at->rest.ptr[len] <= '9') || at->rest.ptr[len] == '-'))))
        len++;
    name = str_to(at->rest, len);
    at->rest = str_from(at->rest, len);
    return name;
}

/* All tests of a field name that field, in any case: AWS's own examples have [w1=ERROR || W1=WARNING, w2]. */
static bool read_subject(struct filter_cursor *at, void *context, struct filter_condition *condition, struct fail *f)
{
    struct field *field = context;
    struct str name = take_name(at);

    (void)condition;
    if (name.len == 0)
        return filter_expected(at, "the name of a field", f);
    if (field->name.len == 0)
        field->name = name;
    if (!str_eq_nocase(field->name, name))
        return fail_api(f, "InvalidParameterException",
                        "Invalid filter pattern: conditions on '%.*s' stand in the place of field '%.*s'",
                        STR_ARG(name), STR_ARG(field->name));
    return true;
}

static bool read_field(struct filter_cursor *at, struct field *field, struct fail *f)
{
    struct filter_cursor ahead = *at;

    (void)take_name(&ahead);
    if (strchr(",]", filter_peek(&ahead)) != NULL) { /* the end of the pattern, too: the caller misses the "]" */
        field->name = take_name(at);
        return true;
    }
    return filter_read_condition(at, read_subject, field, &field->condition, f);
}

static bool name_is_new(const struct filter_fields *fields, const struct field *field, struct fail *f)
{
    for (const struct field *other = fields->first; other != NULL; other = other->next)
        if (other != field && field->name.len > 0 && str_eq(other->name, field->name))
            return fail_api(f, "InvalidParameterException", "Invalid filter pattern: two fields are named '%.*s'",
                            STR_ARG(field->name));
    return true;
}

static bool read_next(struct filter_cursor *at, struct filter_fields *fields, struct field ***end, struct fail *f)
{
    struct field *field;

    if (filter_take(at, "...")) {
        if (fields->ellipsis)
            return fail_api(f, "InvalidParameterException", "Invalid filter pattern: more than one \"...\"");
        fields->ellipsis = true;
        return true;
    }
    field = arena_new(at->arena, struct field);
    if (!read_field(at, field, f) || !name_is_new(fields, field, f))
        return false;
    **end = field; /* NOLINT(clang-analyzer-core.NullDereference): *end is the last field's next, or the first */
    *end = &field->next;
    if (fields->ellipsis)
        fields->behind++;
    else
        fields->before++;
    return true;
}

bool filter_fields_read(struct filter_cursor *at, const struct filter_fields **ret_fields, struct fail *f)
{
    struct filter_fields *fields = arena_new(at->arena, struct filter_fields);
    struct field **end = &fields->first;

    if (!filter_take(at, "["))
        return filter_expected(at, "\"[\"", f);
    if (filter_take(at, "]")) {
        fields->ellipsis = true;
        *ret_fields = fields;
        return true;
    }
    do {
        if (!read_next(at, fields, &end, f))
            return false;
    } while (filter_take(at, ","));
    if (!filter_take(at, "]"))
        return filter_expected(at, "\",\" or \"]\"", f);
    *ret_fields = fields;
    return true;
}

/* -- Words. */

struct words {
    struct str *items; /* without the signs around them */
    size_t *starts;    /* where each begins in the line, its sign included */
    size_t count;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The length of "..." or [...] at the front of the line, 0 when nothing closes it. */
static size_t enclosed_len(struct str line)
{
    char close = line.ptr[0] == '"' ? '"' : ']';

    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] == close)
            return i + 1;
        if (line.ptr[i] == '\\' && close == '"')
            i++;
    }
    return 0;
}

static size_t bare_len(struct str line)
{
    size_t len = 0;

    while (len < line.len && !is_space(line.ptr[len]))
        len++;
    return len;
}

/* Counts the words, and keeps them when there is room for them. */
static size_t walk_words(struct str line, struct words *words)
{
    size_t last_close = str_find_last(line, ']'); /* no need to look for one behind it, word for word */
    size_t count = 0;
    size_t at = 0;

    for (;;) {
        size_t len = 0;
        size_t signs = 0; /* around the word */

        while (at < line.len && is_space(line.ptr[at]))
            at++;
        if (at == line.len)
            return count;
        if (line.ptr[at] == '"' || (line.ptr[at] == '[' && at < last_close && last_close < line.len))
            len = enclosed_len(str_from(line, at));
        if (len > 0)
            signs = 1;
        else
            len = bare_len(str_from(line, at));
        if (words != NULL) {
            words->items[count] = (struct str){line.ptr + at + signs, len - 2 * signs};
            words->starts[count] = at;
        }
        count++;
        at += len;
    }
}

static bool split(struct str line, struct arena *arena, struct words *ret_words)
{
    struct words words = {.count = walk_words(line, NULL)};

    words.items = arena_try(arena, words.count * sizeof(*words.items));
    words.starts = arena_try(arena, words.count * sizeof(*words.starts));
    if (words.items == NULL || words.starts == NULL)
        return false;
    (void)walk_words(line, &words);
    *ret_words = words;
    return true;
}

/* -- Matching. */

static bool holds(const void *context, const struct filter_condition *test, struct filter_scratch *scratch)
{
    return filter_test_text(test, *(const struct str *)context, /* is_number= */ true, scratch);
}

/* The words of a line as the pattern sees them: without an ellipsis the last field takes what is left. False when
 * there are too few. */
static bool read_line(const struct filter_fields *fields, struct str message, struct filter_scratch *scratch,
                      struct words *ret_words)
{
    struct str line = str_trim(message);
    struct words words;

    if (!split(line, scratch->arena, &words)) {
        scratch->exhausted = true;
        return false;
    }
    if (words.count < fields->before + fields->behind)
        return false;
    if (!fields->ellipsis && words.count > fields->before) {
        words.items[fields->before - 1] = str_from(line, words.starts[fields->before - 1]);
        words.count = fields->before;
    }
    *ret_words = words;
    return true;
}

/* The field that stands for word number at, NULL for one under the ellipsis. `at` only grows: *field walks along. */
static const struct field *field_of(const struct filter_fields *fields, size_t count, size_t at,
                                    const struct field **field)
{
    const struct field *current = *field;

    if (at >= fields->before && at < count - fields->behind)
        return NULL;
    *field = current->next;
    return current;
}

static bool words_match(const struct filter_fields *fields, const struct words *words, struct filter_scratch *scratch)
{
    const struct field *next = fields->first;

    for (size_t i = 0; i < words->count; i++) {
        const struct field *field = field_of(fields, words->count, i, &next);

        if (field != NULL && field->condition != NULL &&
            !filter_condition_holds(field->condition, holds, &words->items[i], scratch))
            return false;
    }
    return true;
}

bool filter_fields_match(const struct filter_fields *fields, struct str message, struct filter_scratch *scratch)
{
    struct words words;

    return read_line(fields, message, scratch, &words) && words_match(fields, &words, scratch);
}

/* "$name" or "$number"; false when the arena is full. */
static bool value_name(struct str name, size_t number, struct arena *arena, struct str *ret_name)
{
    size_t size = name.len + 24;
    char *text = arena_try(arena, size);

    if (text == NULL)
        return false;
    *ret_name = (struct str){text, 0};
    ret_name->len =
        (size_t)(name.len > 0 ? snprintf(text, size, "$%.*s", STR_ARG(name)) : snprintf(text, size, "$%zu", number));
    return true;
}

size_t filter_fields_values(const struct filter_fields *fields, struct str message, struct arena *arena,
                            const struct filter_value **ret_values)
{
    struct filter_scratch scratch = filter_scratch(arena, message);
    const struct field *next = fields->first;
    struct filter_value *values;
    struct words words;

    if (!read_line(fields, message, &scratch, &words) || !words_match(fields, &words, &scratch) || scratch.exhausted)
        return 0;
    values = arena_try(arena, sizeof(*values) * words.count);
    for (size_t i = 0; values != NULL && i < words.count; i++) {
        const struct field *field = field_of(fields, words.count, i, &next);

        values[i].value = words.items[i];
        if (!value_name(field == NULL ? STR("") : field->name, i + 1, arena, &values[i].name))
            return 0;
    }
    *ret_values = values;
    return values == NULL ? 0 : words.count;
}

bool filter_fields_has(const struct filter_fields *fields, struct str name)
{
    for (const struct field *field = fields->first; field != NULL; field = field->next)
        if (name.len > 0 && str_eq(field->name, name))
            return true;
    return false;
}
