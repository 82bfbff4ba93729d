#include "wire/rest.h"

#include "wire/form.h"
#include "wire/json.h"
#include "wire/percent.h"

/* A walk along template and path at once. */
struct walk {
    struct str template;
    struct str path;
};

static struct str without_slashes(struct str path)
{
    if (path.len > 0 && path.ptr[0] == '/')
        path = str_from(path, 1);
    if (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static struct walk walk_start(const char *template, struct str path)
{
    return (struct walk){without_slashes(str_of(template)), without_slashes(path)};
}

/* One segment of the template and what stands for it in the path; "{name+}" takes the rest. false at the end of either.
 * ret_label is absent for a literal. */
static bool walk_next(struct walk *walk, struct str *ret_label, struct str *ret_part, struct str *ret_literal)
{
    struct str segment;

    if (walk->template.ptr == NULL || walk->path.ptr == NULL)
        return false;
    segment = str_cut(walk->template, '/', &walk->template);
    *ret_label = (struct str){NULL, 0};
    *ret_literal = segment;
    if (segment.len > 2 && segment.ptr[0] == '{')
        *ret_label = str_to(str_from(segment, 1), segment.len - 2);
    if (str_ends(*ret_label, STR("+"))) {
        ret_label->len--;
        *ret_part = walk->path;
        walk->path = (struct str){NULL, 0};
    } else {
        *ret_part = str_cut(walk->path, '/', &walk->path);
    }
    return true;
}

size_t rest_match(const char *template, struct str path)
{
    struct walk walk = walk_start(template, path);
    struct str label;
    struct str part;
    struct str literal;
    size_t literals = 0;

    while (walk_next(&walk, &label, &part, &literal)) {
        if (label.ptr == NULL ? !str_eq(literal, part) : part.len == 0)
            return 0;
        literals += label.ptr == NULL;
    }
    return walk.template.ptr == NULL && walk.path.ptr == NULL ? literals + 1 : 0;
}

static const struct member *located(const struct shape *structure, enum member_location location, struct str name)
{
    for (size_t i = 0; i < structure->member_count; i++)
        if (shape_members(structure)[i].location == location && str_is(name, wire_name(&shape_members(structure)[i])))
            return &shape_members(structure)[i];
    return NULL;
}

static bool read_labels(struct decoder *decoder, const struct operation *operation, struct str path, void *value)
{
    struct walk walk = walk_start(operation_uri(operation), path);
    struct str label;
    struct str part;
    struct str literal;

    while (walk_next(&walk, &label, &part, &literal)) {
        const struct member *member =
            label.ptr == NULL ? NULL : located(operation_input(operation), LOCATION_URI, label);

        if (member == NULL)
            continue;
        if (!percent_decode(part, false, decoder->arena, &part))
            return decode_refuse(decoder, "The path contains a malformed escape");
        if (!decode_text(decoder, member_shape(member), part, member_at(member, value)))
            return false;
        member_mark(member, value);
    }
    return true;
}

/* name=a&name=b */
static bool read_repeated(struct decoder *decoder, const struct member *member, const struct form *form, void *value)
{
    const struct shape *element = shape_element(member_shape(member));
    struct list_value *list = member_at(member, value);

    if (list->items != NULL)
        return true; /* already read at its first parameter */
    if (!decode_alloc(decoder, form->count, element->size, &list->items))
        return false;
    for (size_t i = 0; i < form->count; i++) {

        if (!str_is(form->pairs[i].name, wire_name(member)))
            continue;
        if (!decode_text(decoder, element, form->pairs[i].value, list_at(member_shape(member), list, list->count)))
            return false;
        list->count++;
    }
    return true;
}

static bool read_query(struct decoder *decoder, const struct shape *structure, struct str query, void *value)
{
    struct form form;

    if (!form_decode(query, decoder->arena, &form, decoder->f))
        return false;
    for (size_t i = 0; i < form.count; i++) {
        const struct member *member = located(structure, LOCATION_QUERY, form.pairs[i].name);

        if (member == NULL)
            continue;
        if (member_shape(member)->kind == SHAPE_LIST
                ? !read_repeated(decoder, member, &form, value)
                : !decode_text(decoder, member_shape(member), form.pairs[i].value, member_at(member, value)))
            return false;
        member_mark(member, value);
    }
    return true;
}

bool rest_read(struct decoder *decoder, const struct operation *operation, const struct wire_request *request,
               void *ret_value)
{
    if (!read_labels(decoder, operation, request->path, ret_value))
        return false;
    if (!read_query(decoder, operation_input(operation), request->query, ret_value))
        return false;
    return wire_json_read(decoder, operation_input(operation), request->body, ret_value);
}
