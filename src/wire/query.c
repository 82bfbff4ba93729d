#include "wire/query.h"

#include <limits.h>

/* All pairs whose names begin with the same segments: a node of the tree that the names spell. Sorted, a node is a run.
 *
 * pairs[0] may be the node's own value: then its name ends where the children's segments would start. */
struct node {
    const struct form_pair *pairs;
    size_t count;
    size_t start; /* in every name: where the segment of the child stands */
};

struct reading {
    struct decoder *decoder;
    bool ec2;
};

static bool read_item(const struct reading *reading, const struct shape *shape, const struct node *node, void *at);

static bool is_number(struct str segment)
{
    for (size_t i = 0; i < segment.len; i++)
        if (segment.ptr[i] < '0' || segment.ptr[i] > '9')
            return false;
    return segment.len > 0;
}

static struct str without_zeros(struct str digits)
{
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits = str_from(digits, 1);
    return digits;
}

/* Numbers first, by value; equal only if spelled alike. */
static int compare_segments(struct str a, struct str b)
{
    bool a_number = is_number(a);
    struct str a_digits = without_zeros(a);
    struct str b_digits = without_zeros(b);
    int order;

    if (a_number != is_number(b))
        return a_number ? -1 : 1;
    if (!a_number)
        return str_compare(a, b);
    if (a_digits.len != b_digits.len)
        return a_digits.len < b_digits.len ? -1 : 1;
    order = str_compare(a_digits, b_digits);
    return order != 0 ? order : str_compare(a, b);
}

static int compare_names(const void *left, const void *right)
{
    struct str a = ((const struct form_pair *)left)->name;
    struct str b = ((const struct form_pair *)right)->name;

    while (a.ptr != NULL && b.ptr != NULL) {
        int order = compare_segments(str_cut(a, '.', &a), str_cut(b, '.', &b));

        if (order != 0)
            return order;
    }
    return (a.ptr != NULL) - (b.ptr != NULL);
}

static struct str segment_at(struct str name, size_t start)
{
    struct str rest;

    return str_cut(str_from(name, start), '.', &rest);
}

static bool has_own_value(const struct node *node)
{
    return node->count > 0 && node->pairs[0].name.len < node->start;
}

/* Takes the next child off the front of *rest; false at the end. */
static bool next_child(struct node *rest, struct str *ret_segment, struct node *ret_child)
{
    struct str segment;
    size_t count = 1;

    while (has_own_value(rest)) {
        rest->pairs++;
        rest->count--;
    }
    if (rest->count == 0)
        return false;
    segment = segment_at(rest->pairs[0].name, rest->start);
    while (count < rest->count && str_eq(segment_at(rest->pairs[count].name, rest->start), segment))
        count++;
    *ret_segment = segment;
    *ret_child = (struct node){rest->pairs, count, rest->start + segment.len + 1};
    rest->pairs += count;
    rest->count -= count;
    return true;
}

static bool find_child(struct node node, const char *name, struct node *ret_child)
{
    struct str segment;

    while (next_child(&node, &segment, ret_child))
        if (str_is(segment, name))
            return true;
    return false;
}

static size_t count_items(struct node node)
{
    struct node child;
    struct str segment;
    size_t count = 0;

    while (next_child(&node, &segment, &child))
        count += is_number(segment);
    return count;
}

/* Where the numbered items of a list or map stand: under the node itself or under "member" or "entry". An own value
 * that is empty says "empty list"; that is how botocore sends one. */
static bool find_items(const struct reading *reading, const struct shape *shape, const struct node *node,
                       struct node *ret_items)
{
    const char *wrapper = shape->kind == SHAPE_MAP ? "entry" : "member";

    *ret_items = *node;
    if (reading->ec2 || shape->flattened)
        return true;
    if (shape_element_name(shape) != NULL)
        wrapper = shape_element_name(shape);
    if (!find_child(*node, wrapper, ret_items))
        *ret_items = (struct node){0};
    return ret_items->count > 0 || has_own_value(node);
}

static bool read_list(const struct reading *reading, const struct shape *shape, const struct node *node,
                      struct list_value *list)
{
    struct node rest;
    struct node child;
    struct str segment;

    if (!find_items(reading, shape, node, &rest))
        return true;
    if (!decode_alloc(reading->decoder, count_items(rest), shape_element(shape)->size, &list->items))
        return false;
    while (next_child(&rest, &segment, &child)) {

        if (!is_number(segment))
            continue;
        if (!read_item(reading, shape_element(shape), &child, list_at(shape, list, list->count)))
            return false;
        list->count++;
    }
    return true;
}

/* One "key" and "value", put behind the entries there are. */
static bool read_entry(const struct reading *reading, const struct shape *shape, const struct node *node,
                       struct list_value *map)
{
    struct node key;
    struct node value;

    if (!find_child(*node, shape_key_name(shape) != NULL ? shape_key_name(shape) : "key", &key) || !has_own_value(&key))
        return decode_refuse(reading->decoder, "An entry of a map has no key");
    if (!find_child(*node, shape_value_name(shape) != NULL ? shape_value_name(shape) : "value", &value))
        return decode_refuse(reading->decoder, "An entry of a map has no value");
    if (!decode_key(reading->decoder, shape, map, key.pairs[0].value))
        return false;
    return read_item(reading, shape_element(shape), &value, map_value_at(shape, map, map->count));
}

static bool read_map(const struct reading *reading, const struct shape *shape, const struct node *node,
                     struct list_value *map)
{
    struct node rest;
    struct node child;
    struct str segment;

    if (!find_items(reading, shape, node, &rest))
        return true;
    if (!decode_alloc(reading->decoder, count_items(rest), shape->entry_size, &map->items))
        return false;
    while (next_child(&rest, &segment, &child)) {

        if (!is_number(segment))
            continue;
        if (!read_entry(reading, shape, &child, map))
            return false;
        map->count++;
    }
    return true;
}

struct str query_name(const struct member *member, bool ec2, char buffer[static 128])
{
    struct str name = str_of(wire_name(member));

    if (ec2 && member_query_name(member) != NULL)
        return str_of(member_query_name(member));
    if (member_shape(member)->kind == SHAPE_LIST && member_shape(member)->flattened &&
        shape_element_name(member_shape(member)) != NULL)
        return str_of(shape_element_name(member_shape(member)));
    if (!ec2 || member_location_name(member) == NULL || !str_to_buffer(name, buffer, 128))
        return name;
    if (buffer[0] >= 'a' && buffer[0] <= 'z')
        buffer[0] = (char)(buffer[0] - ('a' - 'A'));
    return (struct str){buffer, name.len};
}

static const struct member *find_member(const struct reading *reading, const struct shape *shape, struct str segment)
{
    char buffer[128];

    for (size_t i = 0; i < shape->member_count; i++)
        if (str_eq(query_name(&shape_members(shape)[i], reading->ec2, buffer), segment))
            return &shape_members(shape)[i];
    return NULL;
}

static bool read_structure(const struct reading *reading, const struct shape *shape, const struct node *node,
                           void *value)
{
    struct node rest = *node;
    struct node child;
    struct str segment;

    while (next_child(&rest, &segment, &child)) {
        const struct member *member = find_member(reading, shape, segment);
        void *at;

        if (member == NULL)
            continue;
        if (!decode_place(reading->decoder, member, value, &at))
            return false;
        if (!read_item(reading, member_shape(member), &child, at))
            return false;
        member_mark(member, value);
    }
    return true;
}

static bool read_nested(const struct reading *reading, const struct shape *shape, const struct node *node, void *at)
{
    bool good;

    if (!decode_enter(reading->decoder))
        return false;
    good = shape->kind == SHAPE_STRUCTURE ? read_structure(reading, shape, node, at)
           : shape->kind == SHAPE_LIST    ? read_list(reading, shape, node, at)
                                          : read_map(reading, shape, node, at);
    decode_leave(reading->decoder);
    return good;
}

static bool read_item(const struct reading *reading, const struct shape *shape, const struct node *node, void *at)
{
    if (shape->kind == SHAPE_STRUCTURE || shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP)
        return read_nested(reading, shape, node, at);
    if (!has_own_value(node))
        return decode_refuse(reading->decoder, "Unexpected complex element");
    return decode_text(reading->decoder, shape, node->pairs[0].value, at);
}

bool query_read(struct decoder *decoder, const struct shape *structure, bool ec2, struct form *form, void *ret_value)
{
    const struct reading reading = {decoder, ec2};
    struct node root = {form->pairs, form->count, 0};

    if (form->count > 0)
        qsort(form->pairs, form->count, sizeof(*form->pairs), compare_names);
    return read_nested(&reading, structure, &root, ret_value);
}
