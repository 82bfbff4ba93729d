/* Constraints of the models, in AWS's words.
 *
 * The form of the messages is what the services send for such input (no page of theirs documents it): violations in the
 * order of the members, paths with members in lower camel case and ".1.member" for items of lists, the constraints of
 * items and of map keys and values reported once for the whole list or map. */
#include "model/interpret.h"
#include "model/pattern.h"

#include <stdarg.h>

enum {
    VIOLATIONS_LISTED_MAX = 10,
    SHOWN_LEN_MAX = 200, /* bytes of a value in a message; our limit, AWS's is unknown */
};

/* Where a value stands: a chain from the value up to the root, on the stack. */
struct path {
    const struct path *parent; /* NULL: the root */
    const char *member;        /* a member of a structure; NULL for items */
    size_t index;              /* an item of a list, from 1 on; 0 for entries of maps */
    struct str key;            /* an entry of a map */
};

struct check {
    const struct unknown_enums *unknown;
    size_t violations;
    struct buf text;
};

/* Paths and values */

static void write_path(const struct path *path, struct buf *out)
{
    if (path->parent != NULL) {
        write_path(path->parent, out);
        if (out->len > 0)
            buf_add_char(out, '.');
    }
    if (path->member != NULL) {
        char first = path->member[0];

        if (first >= 'A' && first <= 'Z')
            first = (char)(first - 'A' + 'a');
        buf_add_char(out, first);
        buf_add_cstr(out, path->member + 1);
    } else if (path->index > 0) {
        buf_printf(out, "%zu.member", path->index);
    } else if (path->parent != NULL) {
        buf_add(out, path->key);
        buf_add_cstr(out, ".member");
    }
}

static struct str enum_text(const struct check *check, const struct shape *enumeration, int value)
{
    const char *name = enum_name(enumeration, value);

    if (value < 0 && check->unknown != NULL && value >= -(int)check->unknown->count)
        return check->unknown->names[-value - 1];
    return name == NULL ? STR("...") : str_of(name);
}

static void show(const struct check *check, const struct shape *shape, const void *value, struct buf *out);

/* As Java prints collections: [a, b] and {k=v}. */
static void show_items(const struct check *check, const struct shape *shape, const struct list_value *items,
                       struct buf *out)
{
    bool is_map = shape->kind == SHAPE_MAP;

    buf_add_char(out, is_map ? '{' : '[');
    for (size_t i = 0; i < items->count && out->len < SHOWN_LEN_MAX; i++) {
        buf_add_cstr(out, i == 0 ? "" : ", ");
        if (is_map) {
            show(check, shape_key(shape), map_key_at(shape, items, i), out);
            buf_add_char(out, '=');
        }
        show(check, shape_element(shape), is_map ? map_value_at(shape, items, i) : list_at(shape, items, i), out);
    }
    buf_add_char(out, is_map ? '}' : ']');
}

static void show(const struct check *check, const struct shape *shape, const void *value, struct buf *out)
{
    if (shape->sensitive) {
        buf_add_cstr(out, "***");
        return;
    }
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        buf_add_cstr(out, shape_name(shape));
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        show_items(check, shape, value, out);
        break;
    case SHAPE_STRING:
        buf_add(out, ((const struct str *)value)->ptr == NULL ? STR("null") : *(const struct str *)value);
        break;
    case SHAPE_ENUM:
        buf_add(out, *(const int *)value == 0 ? STR("null") : enum_text(check, shape, *(const int *)value));
        break;
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        value_dump(shape, value, out);
        break;
    }
}

/* Cuts text that is too long, not within a UTF-8 character. */
static struct str cut(struct str text)
{
    size_t len = SHOWN_LEN_MAX;

    if (text.len <= len)
        return text;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_to(text, len);
}

/* Reporting */

/* value NULL: null; sensitive values are left out altogether. */
static void begin_violation(struct check *check, const struct path *path, const struct shape *shape, const void *value)
{
    struct buf *text = &check->text;
    auto_buf shown = {0};
    auto_buf where = {0};
    bool cut_short;

    write_path(path, &where);
    buf_add_cstr(text, check->violations == 1 ? "Value " : "; Value ");
    if (value == NULL) {
        buf_add_cstr(text, "null ");
    } else if (!shape->sensitive) {
        show(check, shape, value, &shown);
        cut_short = shown.len > SHOWN_LEN_MAX;
        buf_printf(text, "'%.*s%s' ", STR_ARG(cut(buf_str(&shown))), cut_short ? "..." : "");
    }
    buf_printf(text, "at '%.*s' failed to satisfy constraint: ", STR_ARG(buf_str(&where)));
}

/* Counts a violation and says whether it is still to be listed. */
static bool report(struct check *check, const struct path *path, const struct shape *shape, const void *value)
{
    check->violations++;
    if (check->violations > VIOLATIONS_LISTED_MAX)
        return false;
    begin_violation(check, path, shape, value);
    return true;
}

static void say_bound(struct buf *out, const struct shape *shape, const char *which, int64_t bound)
{
    bool is_number = shape->kind == SHAPE_INTEGER || shape->kind == SHAPE_LONG || shape->kind == SHAPE_DOUBLE;

    buf_printf(out, "Member must have %s %s than or equal to %lld%s", is_number ? "value" : "length", which,
               (long long)bound, shape->kind == SHAPE_DOUBLE ? ".0" : "");
}

static void say_enum(struct buf *out, const struct shape *enumeration)
{
    buf_add_cstr(out, "Member must satisfy enum value set: [");
    for (size_t i = 0; i < enumeration->enum_count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", enum_name_at(enumeration, i));
    buf_add_char(out, ']');
}

/* The constraints of one value. They are told apart because each is a violation of its own at a member, and one of a
 * list within brackets for items. */
enum constraint { CONSTRAINT_MAX, CONSTRAINT_MIN, CONSTRAINT_PATTERN, CONSTRAINT_ENUM, CONSTRAINT_PRESENT };

static void say(struct buf *out, const struct shape *shape, enum constraint constraint)
{
    switch (constraint) {
    case CONSTRAINT_MAX:
        say_bound(out, shape, "less", shape->max);
        break;
    case CONSTRAINT_MIN:
        say_bound(out, shape, "greater", shape->min);
        break;
    case CONSTRAINT_PATTERN:
        buf_printf(out, "Member must satisfy regular expression pattern: %s", shape_pattern(shape));
        break;
    case CONSTRAINT_ENUM:
        say_enum(out, shape);
        break;
    case CONSTRAINT_PRESENT:
        buf_add_cstr(out, "Member must not be null");
        break;
    }
}

/* Checking */

/* -1, 0, 1: under the minimum, within, over the maximum. */
static int compare_bounds(const struct shape *shape, int64_t measure)
{
    if (shape->has_min && measure < shape->min)
        return -1;
    return shape->has_max && measure > shape->max ? 1 : 0;
}

static int compare_double(const struct shape *shape, double value)
{
    if (shape->has_min && !(value >= (double)shape->min)) /* a NaN is not within either */
        return -1;
    return shape->has_max && !(value <= (double)shape->max) ? 1 : 0;
}

static int within_bounds(const struct shape *shape, const void *value)
{
    switch (shape->kind) {
    case SHAPE_STRING:
        return compare_bounds(shape, (int64_t)str_characters(*(const struct str *)value));
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        return compare_bounds(shape, (int64_t)((const struct str *)value)->len);
    case SHAPE_LIST:
    case SHAPE_MAP:
        return compare_bounds(shape, (int64_t)((const struct list_value *)value)->count);
    case SHAPE_INTEGER:
        return compare_bounds(shape, *(const int32_t *)value);
    case SHAPE_LONG:
        return compare_bounds(shape, *(const int64_t *)value);
    case SHAPE_DOUBLE:
        return compare_double(shape, *(const double *)value);
    case SHAPE_STRUCTURE:
    case SHAPE_ENUM:
    case SHAPE_BOOLEAN:
    case SHAPE_TIMESTAMP:
        return 0;
    }
    return 0;
}

static bool has_constraint(const struct shape *shape, enum constraint constraint)
{
    switch (constraint) {
    case CONSTRAINT_MAX:
        return shape->has_max;
    case CONSTRAINT_MIN:
        return shape->has_min;
    case CONSTRAINT_PATTERN:
        return shape->pattern != 0;
    case CONSTRAINT_ENUM:
        return shape->kind == SHAPE_ENUM;
    case CONSTRAINT_PRESENT:
        return true;
    }
    return false;
}

/* A present member or an item; only an item can be a null that the wire let through. */
static bool satisfies(const struct shape *shape, const void *value, enum constraint constraint)
{
    if (!has_constraint(shape, constraint))
        return true;
    switch (constraint) {
    case CONSTRAINT_MAX:
        return within_bounds(shape, value) <= 0;
    case CONSTRAINT_MIN:
        return within_bounds(shape, value) >= 0;
    case CONSTRAINT_PATTERN:
        return pattern_matches(shape, *(const struct str *)value);
    case CONSTRAINT_ENUM:
        return enum_name(shape, *(const int *)value) != NULL || *(const int *)value == 0;
    case CONSTRAINT_PRESENT:
        if (shape->kind == SHAPE_ENUM)
            return *(const int *)value != 0;
        return shape->kind != SHAPE_STRING || ((const struct str *)value)->ptr != NULL;
    }
    return true;
}

static bool satisfies_all(const struct shape *shape, const void *value)
{
    if (!satisfies(shape, value, CONSTRAINT_PRESENT))
        return false;
    for (enum constraint constraint = 0; constraint < CONSTRAINT_PRESENT; constraint++)
        if (!satisfies(shape, value, constraint))
            return false;
    return true;
}

/* AWS reports the pattern first, then the length. */
static void check_constraints(struct check *check, const struct shape *shape, const void *value,
                              const struct path *path)
{
    static const enum constraint order[] = {CONSTRAINT_ENUM, CONSTRAINT_PATTERN, CONSTRAINT_MIN, CONSTRAINT_MAX};

    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (!satisfies(shape, value, order[i]) && report(check, path, shape, value))
            say(&check->text, shape, order[i]);
}

/* One violation for all items, keys or values that break a constraint; it names all constraints they have. `of` is the
 * list or map that holds them. */
static void report_items(struct check *check, const struct shape *of, const void *value, const struct path *path,
                         const char *whose, const struct shape *items)
{
    const char *separator = "";

    if (!report(check, path, of, value))
        return;
    buf_printf(&check->text, "%s must satisfy constraint: [", whose);
    for (enum constraint constraint = 0; constraint <= CONSTRAINT_PRESENT; constraint++) {
        if (!has_constraint(items, constraint))
            continue;
        buf_add_cstr(&check->text, separator);
        say(&check->text, items, constraint);
        separator = ", ";
    }
    buf_add_char(&check->text, ']');
}

static void check_inside(struct check *check, const struct shape *shape, const void *value, const struct path *path);

static void check_list(struct check *check, const struct shape *list, const struct list_value *items,
                       const struct path *path)
{
    for (size_t i = 0; i < items->count; i++) {
        if (satisfies_all(shape_element(list), list_at(list, items, i)))
            continue;
        report_items(check, list, items, path, "Member", shape_element(list));
        break;
    }
    for (size_t i = 0; i < items->count; i++) {
        struct path inner = {.parent = path, .index = i + 1};

        check_inside(check, shape_element(list), list_at(list, items, i), &inner);
    }
}

static void check_map(struct check *check, const struct shape *map, const struct list_value *items,
                      const struct path *path)
{
    bool keys = true;
    bool values = true;

    for (size_t i = 0; i < items->count; i++) {
        keys = keys && satisfies_all(shape_key(map), map_key_at(map, items, i));
        values = values && satisfies_all(shape_element(map), map_value_at(map, items, i));
    }
    if (!keys)
        report_items(check, map, items, path, "Map keys", shape_key(map));
    if (!values)
        report_items(check, map, items, path, "Map value", shape_element(map));
    for (size_t i = 0; i < items->count; i++) {
        const void *key = map_key_at(map, items, i);
        struct path inner = {.parent = path};

        inner.key = shape_key(map)->kind == SHAPE_ENUM ? enum_text(check, shape_key(map), *(const int *)key)
                                                       : *(const struct str *)key;
        check_inside(check, shape_element(map), map_value_at(map, items, i), &inner);
    }
}

static void check_members(struct check *check, const struct shape *structure, const void *value,
                          const struct path *path)
{
    size_t present = 0;

    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        struct path inner = {.parent = path, .member = member_name(member)};

        if (member_present(member, value)) {
            present++;
            check_constraints(check, member_shape(member), member_value(member, value), &inner);
            check_inside(check, member_shape(member), member_value(member, value), &inner);
        } else if (member->required && !member->idempotency_token) {
            if (report(check, &inner, member_shape(member), NULL))
                say(&check->text, member_shape(member), CONSTRAINT_PRESENT);
        }
    }
    if (structure->is_union && present != 1 && report(check, path, structure, value))
        buf_add_cstr(&check->text, "Member must have exactly one of its members set");
}

/* What the value contains; its own constraints have been checked. */
static void check_inside(struct check *check, const struct shape *shape, const void *value, const struct path *path)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        check_members(check, shape, value, path);
        break;
    case SHAPE_LIST:
        check_list(check, shape, value, path);
        break;
    case SHAPE_MAP:
        check_map(check, shape, value, path);
        break;
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
}

bool value_check_input(const struct shape *shape, const void *value, const struct unknown_enums *unknown,
                       struct fail *f)
{
    struct check check = {.unknown = unknown};
    struct path root = {0};
    bool answer;

    check_constraints(&check, shape, value, &root);
    check_inside(&check, shape, value, &root);
    if (check.violations == 0)
        return true;
    answer = fail_api(f, "ValidationException", "%zu validation error%s detected: %.*s", check.violations,
                      check.violations == 1 ? "" : "s", STR_ARG(buf_str(&check.text)));
    buf_free(&check.text);
    return answer;
}

bool value_check(const struct shape *shape, const void *value, struct fail *f)
{
    return value_check_input(shape, value, NULL, f);
}
