/* Matches events against event patterns: walks the event once, looking up each of its members in the pattern, so that
 * the time is that of reading the event a few times. What would take longer (many "$or" over a large event, wildcards
 * over long texts) uses up its budget, and then the event does not match. */
#include "plane/events/event_pattern_private.h"

#include "base/must.h"
#include "base/wildcard.h"

#include <arpa/inet.h>

/* Bytes that may be looked at beside eight times the event. */
enum { BUDGET_BYTES = 1 << 20, EVENT_LOOKS = 8, WILDCARD_STEPS_A_BYTE = 64 };

struct matching {
    char *room;    /* for one string of the event without its escapes */
    size_t budget; /* bytes that may still be looked at */
    bool exhausted;
};

static bool spend(struct matching *matching, size_t bytes)
{
    if (bytes > matching->budget)
        matching->exhausted = true;
    else
        matching->budget -= bytes;
    return !matching->exhausted;
}

/* ---- values ---- */

static bool is_network(const struct pattern_network *network, struct str text)
{
    unsigned char address[16];
    char buffer[64];
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (!str_to_buffer(text, buffer, sizeof(buffer)) || inet_pton(network->family, buffer, address) != 1)
        return false;
    if (memcmp(address, network->address, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ network->address[whole]) >> (8 - rest)) == 0;
}

static bool is_in_range(const struct pattern_range *range, struct str digits)
{
    struct decimal number;

    if (!decimal_read(digits, &number))
        return false;
    for (size_t i = 0; i < range->bound_count; i++) {
        int order = decimal_compare(&number, &range->bounds[i].limit);

        if (!(order < 0 ? range->bounds[i].less : order > 0 ? range->bounds[i].greater : range->bounds[i].equal))
            return false;
    }
    return true;
}

static bool ends_nocase(struct str text, struct str suffix)
{
    return text.len >= suffix.len && str_eq_nocase(str_from(text, text.len - suffix.len), suffix);
}

static bool is_like(struct str pattern, struct str text, struct matching *matching)
{
    return spend(matching, pattern.len * text.len / WILDCARD_STEPS_A_BYTE) && wildcard_matches(pattern, text);
}

/* text: of a string without its quotes; else absent. */
static bool test_holds(const struct pattern_test *test, struct json_value value, struct str text,
                       struct matching *matching)
{
    bool is_text = value.kind == JSON_STRING;

    switch (test->kind) {
    case PATTERN_TEXT:
        return is_text && (test->nocase ? str_eq_nocase(text, test->text) : str_eq(text, test->text));
    case PATTERN_LITERAL:
        return !is_text && str_eq(value.raw, test->text);
    case PATTERN_PREFIX:
        return is_text && (test->nocase ? str_starts_nocase(text, test->text) : str_starts(text, test->text));
    case PATTERN_SUFFIX:
        return is_text && (test->nocase ? ends_nocase(text, test->text) : str_ends(text, test->text));
    case PATTERN_WILDCARD:
        return is_text && is_like(test->text, text, matching);
    case PATTERN_NUMERIC:
        return value.kind == JSON_NUMBER && is_in_range(test->range, value.raw);
    case PATTERN_CIDR:
        return is_text && is_network(test->network, text);
    case PATTERN_EXISTS:
        return test->exists;
    case PATTERN_ANYTHING_BUT:
        for (size_t i = 0; i < test->but.count; i++)
            if (test_holds(&test->but.items[i], value, text, matching))
                return false;
        return true;
    }
    must_not_happen("every kind has a row");
}

/* Valid until the next. */
static struct str text_of(struct str raw, const struct matching *matching)
{
    return json_text_string(raw, matching->room);
}

static bool next(struct json_text_walk *walk, struct str *ret_key, struct json_value *ret_value,
                 struct matching *matching)
{
    return json_text_next(walk, ret_key, ret_value) && spend(matching, ret_value->raw.len);
}

/* ---- leaves ---- */

static bool absent_holds(const struct pattern_tests *tests)
{
    for (size_t i = 0; i < tests->count; i++)
        if (tests->items[i].kind == PATTERN_EXISTS && !tests->items[i].exists)
            return true;
    return false;
}

enum leaf { LEAF_NONE, LEAF_OTHER, LEAF_MATCHES };

/* Of an array, also one in an array, any element counts. An object is no leaf: "exists" does not see it. */
static enum leaf leaf_of(const struct pattern_tests *tests, struct json_value value, struct matching *matching)
{
    enum leaf leaf = LEAF_NONE;
    struct json_text_walk walk;
    struct json_value item;
    struct str key;

    if (value.kind == JSON_OBJECT)
        return LEAF_NONE;
    if (value.kind != JSON_ARRAY) {
        struct str text = value.kind == JSON_STRING ? text_of(value.raw, matching) : (struct str){NULL, 0};

        for (size_t i = 0; i < tests->count; i++)
            if (test_holds(&tests->items[i], value, text, matching))
                return LEAF_MATCHES;
        return LEAF_OTHER;
    }
    walk = json_text_walk(value);
    while (leaf != LEAF_MATCHES && next(&walk, &key, &item, matching)) {
        enum leaf found = leaf_of(tests, item, matching);

        leaf = found > leaf ? found : leaf;
    }
    return leaf;
}

/* ---- objects ---- */

/* A member with fewer bytes than `"a":[1],` cannot be: so many has no object of a pattern. */
enum { FIELDS_MAX = EVENT_PATTERN_BYTES_MAX / 8 + 1, FIELD_BITS = 64 };

struct seen {
    uint64_t bits[FIELDS_MAX / FIELD_BITS + 1]; /* of the fields that match */
};

static bool object_matches(const struct pattern_object *object, struct json_value value, struct matching *matching);

/* The object at the end of a path whose beginning is missing. */
static bool absent_object_matches(const struct pattern_object *object)
{
    bool any = object->choice.count == 0;

    for (size_t i = 0; i < object->field_count; i++) {
        const struct pattern_field *field = &object->fields[i];

        if (field->object != NULL ? !absent_object_matches(field->object) : !absent_holds(&field->tests))
            return false;
    }
    for (size_t i = 0; i < object->choice.count && !any; i++)
        any = absent_object_matches(object->choice.items[i]);
    return any;
}

static bool field_absent(const struct pattern_field *field)
{
    return field->object != NULL ? absent_object_matches(field->object) : absent_holds(&field->tests);
}

static bool field_matches(const struct pattern_field *field, struct json_value value, struct matching *matching)
{
    enum leaf leaf;

    if (field->object != NULL)
        return object_matches(field->object, value, matching);
    leaf = leaf_of(&field->tests, value, matching);
    return leaf == LEAF_NONE ? absent_holds(&field->tests) : leaf == LEAF_MATCHES;
}

static const struct pattern_field *field_named(const struct pattern_object *object, struct str name)
{
    size_t low = 0;
    size_t high = object->field_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, object->fields[middle].name);

        if (order == 0)
            return &object->fields[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void see(struct seen *seen, size_t number, bool matches)
{
    uint64_t bit = UINT64_C(1) << (number % FIELD_BITS);

    if (matches)
        seen->bits[number / FIELD_BITS] |= bit;
    else
        seen->bits[number / FIELD_BITS] &= ~bit;
}

/* All fields, of an object that is there. */
static bool fields_match(const struct pattern_object *object, struct json_value value, struct matching *matching)
{
    struct json_text_walk walk = json_text_walk(value);
    struct json_value member;
    struct seen seen = {{0}};
    struct str key;

    must(object->field_count <= FIELDS_MAX);
    for (size_t i = 0; i < object->field_count; i++)
        see(&seen, i, field_absent(&object->fields[i]));
    while (next(&walk, &key, &member, matching)) {
        const struct pattern_field *field = field_named(object, text_of(key, matching));

        if (field != NULL)
            see(&seen, (size_t)(field - object->fields), field_matches(field, member, matching));
    }
    for (size_t i = 0; i < object->field_count; i++)
        if ((seen.bits[i / FIELD_BITS] >> (i % FIELD_BITS) & 1) == 0)
            return false;
    return true;
}

static bool choice_matches(const struct pattern_object *object, struct json_value value, struct matching *matching)
{
    bool any = object->choice.count == 0;

    for (size_t i = 0; i < object->choice.count && !any; i++)
        any = object_matches(object->choice.items[i], value, matching);
    return any;
}

static bool object_matches(const struct pattern_object *object, struct json_value value, struct matching *matching)
{
    struct json_text_walk walk;
    struct json_value item;
    struct str key;

    if (value.kind == JSON_OBJECT)
        return fields_match(object, value, matching) && choice_matches(object, value, matching);
    if (value.kind != JSON_ARRAY || pattern_count(value) == 0)
        return absent_object_matches(object);
    walk = json_text_walk(value);
    while (next(&walk, &key, &item, matching))
        if (object_matches(object, item, matching))
            return true;
    return false;
}

bool event_pattern_matches(const struct event_pattern *pattern, struct str event, struct arena *scratch)
{
    struct matching matching = {.budget = BUDGET_BYTES + EVENT_LOOKS * event.len};
    struct json_value root;

    matching.room = arena_alloc(scratch, event.len);
    return json_text_read(event, &root) && root.kind == JSON_OBJECT && object_matches(pattern->root, root, &matching) &&
           !matching.exhausted;
}
