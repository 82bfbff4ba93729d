#include "node/image/json_read.h"

#include "node/image/problem.h"

static const char *const type_names[] = {
    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string", [JSON_INTEGER] = "an integer"};

bool json_read(struct str bytes, const char *what, json_t **ret_object, struct fail *f)
{
    json_error_t error;
    json_t *document = json_loadb(bytes.ptr == NULL ? "" : bytes.ptr, bytes.len, 0, &error);

    if (document == NULL)
        return image_fail(f, IMAGE_MALFORMED, "%s is not JSON: %s at byte %d", what, error.text, error.position);
    if (!json_is_object(document)) {
        json_decref(document);
        return image_fail(f, IMAGE_MALFORMED, "%s is not a JSON object", what);
    }
    *ret_object = document;
    return true;
}

bool json_read_member(const json_t *object, const char *name, json_type type, json_t **ret_member, struct fail *f)
{
    json_t *member = json_object_get(object, name);

    if (member != NULL && !json_is_null(member) && json_typeof(member) != type)
        return image_fail(f, IMAGE_MALFORMED, "\"%s\" is not %s", name, type_names[type]);
    *ret_member = json_is_null(member) ? NULL : member;
    return true;
}

static struct str copy_string(struct arena *arena, const json_t *string)
{
    return arena_str(arena, (struct str){json_string_value(string), json_string_length(string)});
}

bool json_read_text(const json_t *object, const char *name, struct arena *arena, struct str *ret_text, struct fail *f)
{
    json_t *member;

    if (!json_read_member(object, name, JSON_STRING, &member, f))
        return false;
    *ret_text = member == NULL ? (struct str){NULL, 0} : copy_string(arena, member);
    return true;
}

bool json_read_count(const json_t *object, const char *name, uint64_t *ret_count, struct fail *f)
{
    json_t *member;

    if (!json_read_member(object, name, JSON_INTEGER, &member, f))
        return false;
    if (member != NULL && json_integer_value(member) < 0)
        return image_fail(f, IMAGE_MALFORMED, "\"%s\" is negative", name);
    *ret_count = member == NULL ? 0 : (uint64_t)json_integer_value(member);
    return true;
}

bool json_read_texts(const json_t *object, const char *name, struct arena *arena, struct strs *ret_texts,
                     struct fail *f)
{
    json_t *array;
    struct str *items;
    size_t count;

    if (!json_read_member(object, name, JSON_ARRAY, &array, f))
        return false;
    if (array == NULL) {
        *ret_texts = (struct strs){NULL, 0};
        return true;
    }
    count = json_array_size(array);
    items = arena_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);

        if (!json_is_string(item))
            return image_fail(f, IMAGE_MALFORMED, "\"%s\" holds something that is not a string", name);
        items[i] = copy_string(arena, item);
    }
    *ret_texts = (struct strs){items, count};
    return true;
}

bool json_read_names(const json_t *object, const char *name, struct arena *arena, struct strs *ret_names,
                     struct fail *f)
{
    json_t *member;
    json_t *value;
    const char *key;
    struct str *items;
    size_t count = 0;

    if (!json_read_member(object, name, JSON_OBJECT, &member, f))
        return false;
    if (member == NULL) {
        *ret_names = (struct strs){NULL, 0};
        return true;
    }
    items = arena_array(arena, struct str, json_object_size(member));
    json_object_foreach(member, key, value)
    {
        items[count++] = arena_str(arena, str_of(key));
    }
    *ret_names = (struct strs){items, count};
    return true;
}

bool json_read_pairs(const json_t *object, const char *name, struct arena *arena, struct str_pairs *ret_pairs,
                     struct fail *f)
{
    json_t *member;
    json_t *value;
    const char *key;
    struct str_pair *items;
    size_t count = 0;

    if (!json_read_member(object, name, JSON_OBJECT, &member, f))
        return false;
    if (member == NULL) {
        *ret_pairs = (struct str_pairs){NULL, 0};
        return true;
    }
    items = arena_array(arena, struct str_pair, json_object_size(member));
    json_object_foreach(member, key, value)
    {
        if (!json_is_string(value))
            return image_fail(f, IMAGE_MALFORMED, "\"%s\" holds something that is not a string", name);
        items[count++] = (struct str_pair){arena_str(arena, str_of(key)), copy_string(arena, value)};
    }
    *ret_pairs = (struct str_pairs){items, count};
    return true;
}
