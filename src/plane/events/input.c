#include "plane/events/input.h"

#include "base/buf.h"
#include "base/must.h"
#include "model/interpret.h"
#include "plane/events/rule.h"
#include "plane/logs/json_text.h"

/* Of a text made from a template, which may name the event again and again; a longer one is "null". */
enum { INPUT_BYTES_MAX = 1 << 20 };

/* ---- paths ---- */

struct step {
    struct str name; /* absent: a place in an array */
    uint64_t place;
};

static bool is_name_end(char c)
{
    return c == '.' || c == '[';
}

/* Takes ".name" or "[3]" from the front. */
static bool take_step(struct str *path, struct step *ret_step)
{
    size_t len = 1;

    if (path->ptr[0] == '[') {
        size_t end = str_find(*path, ']');
        struct str digits = end < path->len ? str_from(str_to(*path, end), 1) : STR("");

        if (!str_to_uint64(digits, &ret_step->place))
            return false;
        ret_step->name = (struct str){NULL, 0};
        *path = str_from(*path, end + 1);
        return true;
    }
    while (len < path->len && !is_name_end(path->ptr[len]))
        len++;
    if (path->ptr[0] != '.' || len == 1)
        return false;
    ret_step->name = str_from(str_to(*path, len), 1);
    *path = str_from(*path, len);
    return true;
}

bool event_path_is_valid(struct str path)
{
    struct step step;

    if (path.len == 0 || path.ptr[0] != '$')
        return false;
    for (path = str_from(path, 1); path.len > 0;)
        if (!take_step(&path, &step))
            return false;
    return true;
}

static bool go(struct json_value from, const struct step *step, struct json_value *ret_to)
{
    struct json_text_walk walk;
    struct str key;

    if (from.kind != (step->name.ptr == NULL ? JSON_ARRAY : JSON_OBJECT))
        return false;
    walk = json_text_walk(from);
    for (uint64_t place = 0; json_text_next(&walk, &key, ret_to); place++)
        if (step->name.ptr == NULL ? place == step->place : json_text_string_is(key, step->name))
            return true;
    return false;
}

static bool find(struct str event, struct str path, struct json_value *ret_value)
{
    struct json_value value;
    struct step step;

    if (path.len == 0 || !json_text_read(event, &value))
        return false;
    for (path = str_from(path, 1); path.len > 0;)
        if (!take_step(&path, &step) || !go(value, &step, &value))
            return false;
    *ret_value = value;
    return true;
}

/* ---- templates ---- */

enum own_name { OWN_NONE, OWN_RULE_ARN, OWN_RULE_NAME, OWN_INGESTION_TIME, OWN_EVENT, OWN_EVENT_JSON };

static const struct {
    const char *name;
    enum own_name own;
} own_names[] = {
    {"aws.events.rule-arn", OWN_RULE_ARN},
    {"aws.events.rule-name", OWN_RULE_NAME},
    {"aws.events.event.ingestion-time", OWN_INGESTION_TIME},
    {"aws.events.event", OWN_EVENT},
    {"aws.events.event.json", OWN_EVENT_JSON},
};

static enum own_name own_name_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(own_names); i++)
        if (str_is(name, own_names[i].name))
            return own_names[i].own;
    return OWN_NONE;
}

static const struct events_transformer_paths_entry *path_named(const struct events_input_transformer *transformer,
                                                               struct str name)
{
    for (size_t i = 0; i < transformer->input_paths_map.count; i++)
        if (str_eq(transformer->input_paths_map.items[i].key, name))
            return &transformer->input_paths_map.items[i];
    return NULL;
}

/* A piece of a template: text, then perhaps "<name>". */
struct piece {
    struct str text, name; /* name absent: the end */
};

static struct piece take_piece(struct str *rest)
{
    size_t open = str_find(*rest, '<');
    size_t close = str_find(*rest, '>');
    struct piece piece = {str_to(*rest, open), {NULL, 0}};

    if (open == rest->len || close == rest->len || close < open) {
        piece.text = *rest;
        *rest = (struct str){NULL, 0};
        return piece;
    }
    piece.name = str_from(str_to(*rest, close), open + 1);
    *rest = str_from(*rest, close + 1);
    return piece;
}

/* Whether the text leaves a JSON string open that it found as `quoted` says. */
static bool quoted_after(struct str text, bool quoted)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            quoted = !quoted;
    }
    return quoted;
}

/* Inside of a string the value's text, escaped as a string has it; else the JSON value. */
static void add_json(struct json_value value, bool quoted, struct buf *out)
{
    auto_buf text = {.ptr = NULL};

    if (!quoted) {
        buf_add(out, value.raw);
    } else if (value.kind == JSON_STRING) {
        buf_add(out, str_from(str_to(value.raw, value.raw.len - 1), 1));
    } else {
        value_json_text(value.raw, &text);
        buf_add(out, str_from(str_to(buf_str(&text), text.len - 1), 1));
    }
}

static void add_text(struct str text, bool quoted, struct buf *out)
{
    auto_buf json = {.ptr = NULL};
    struct json_value value;

    value_json_text(text, &json);
    must(json_text_read(buf_str(&json), &value));
    add_json(value, quoted, out);
}

static void add_own(enum own_name own, const struct input_context *context, bool quoted, struct buf *out)
{
    struct json_value event;

    switch (own) {
    case OWN_RULE_ARN:
        add_text(context->rule_arn, quoted, out);
        return;
    case OWN_RULE_NAME:
        add_text(context->rule_name, quoted, out);
        return;
    case OWN_INGESTION_TIME:
        add_text(context->ingested, quoted, out);
        return;
    case OWN_EVENT:
    case OWN_EVENT_JSON:
        must(json_text_read(context->event, &event));
        add_json(event, quoted, out);
        return;
    case OWN_NONE:
        break;
    }
    must_not_happen("the name is one of ours");
}

static void add_variable(const struct events_input_transformer *transformer, struct str name,
                         const struct input_context *context, bool quoted, struct buf *out)
{
    const struct events_transformer_paths_entry *path = path_named(transformer, name);
    struct json_value value;

    if (path == NULL)
        add_own(own_name_of(name), context, quoted, out);
    else if (find(context->event, path->value, &value))
        add_json(value, quoted, out);
    else if (!quoted)
        buf_add_cstr(out, "null");
}

static bool is_known(const struct events_input_transformer *transformer, struct str name)
{
    return path_named(transformer, name) != NULL || own_name_of(name) != OWN_NONE;
}

static struct str transformed(const struct events_input_transformer *transformer, const struct input_context *context,
                              struct arena *arena)
{
    auto_buf out = {.limit = INPUT_BYTES_MAX};
    struct str rest = transformer->input_template;
    bool quoted = false;

    while (rest.ptr != NULL) {
        struct piece piece = take_piece(&rest);

        buf_add(&out, piece.text);
        quoted = quoted_after(piece.text, quoted);
        if (piece.name.ptr != NULL && is_known(transformer, piece.name))
            add_variable(transformer, piece.name, context, quoted, &out);
    }
    return out.overflowed ? STR("null") : arena_str(arena, buf_str(&out));
}

struct str target_input(const struct events_target *target, const struct input_context *context, struct arena *arena)
{
    struct json_value value;

    if (target->input.ptr != NULL)
        return target->input;
    if (target->input_transformer != NULL)
        return transformed(target->input_transformer, context, arena);
    if (target->input_path.ptr == NULL)
        return context->event;
    return find(context->event, target->input_path, &value) ? value.raw : STR("null");
}

/* ---- checks ---- */

static bool check_transformer(const struct events_target *target, struct fail *f)
{
    const struct events_input_transformer *transformer = target->input_transformer;
    struct str rest = transformer->input_template;

    for (size_t i = 0; i < transformer->input_paths_map.count; i++)
        if (!event_path_is_valid(transformer->input_paths_map.items[i].value))
            return fail_api(f, EVENTS_VALIDATION, "Invalid InputPathsMap for target %.*s : '%.*s' is not a JSON path.",
                            STR_ARG(target->id), STR_ARG(transformer->input_paths_map.items[i].value));
    while (rest.ptr != NULL) {
        struct piece piece = take_piece(&rest);

        if (piece.name.ptr != NULL && !is_known(transformer, piece.name))
            return fail_api(f, EVENTS_VALIDATION, "InputTemplate for target %.*s contains invalid placeholder %.*s.",
                            STR_ARG(target->id), STR_ARG(piece.name));
    }
    return true;
}

bool target_input_check(const struct events_target *target, struct fail *f)
{
    struct json_value value;
    int given = (target->input.ptr != NULL) + (target->input_path.ptr != NULL) + (target->input_transformer != NULL);

    if (given > 1)
        return fail_api(f, EVENTS_VALIDATION,
                        "Only one of Input, InputPath, or InputTransformer must be provided for target %.*s.",
                        STR_ARG(target->id));
    if (target->input.ptr != NULL && !json_text_read(target->input, &value))
        return fail_api(f, EVENTS_VALIDATION, "JSON syntax error in input for target %.*s.", STR_ARG(target->id));
    if (target->input_path.ptr != NULL && !event_path_is_valid(target->input_path))
        return fail_api(f, EVENTS_VALIDATION, "Invalid InputPath for target %.*s.", STR_ARG(target->id));
    return target->input_transformer == NULL || check_transformer(target, f);
}
