/* The tags that a request brings, found by its shape, so that no operation has to declare them. */
#include "plane/iam/authorize.h"

struct request_tag {
    struct str key, value; /* value absent where only keys are named: UntagResource */
};

struct request_tags {
    struct request_tag *items;
    size_t count;
    bool present;
};

/* How services call them, without regard to case. */
static const struct str tag_members[] = {STR_INIT("Tags"), STR_INIT("TagKeys"), STR_INIT("TagSpecifications")};

static bool is_tag_member(const struct member *member)
{
    for (size_t i = 0; i < COUNT_OF(tag_members); i++)
        if (str_eq_nocase(str_of(member_name(member)), tag_members[i]))
            return member->kind == SHAPE_LIST || member->kind == SHAPE_MAP;
    return false;
}

static struct str text_member(const struct shape *structure, const void *value, struct str name)
{
    for (size_t i = 0; i < structure->member_count; i++)
        if (shape_members(structure)[i].kind == SHAPE_STRING &&
            str_eq_nocase(str_of(member_name(&shape_members(structure)[i])), name))
            return *(const struct str *)member_at(&shape_members(structure)[i], value);
    return (struct str){NULL, 0};
}

static void collect(const struct shape *structure, const void *value, struct arena *arena, struct request_tags *tags);

static void collect_list(const struct shape *list, const void *value, struct arena *arena, struct request_tags *tags)
{
    const struct list_value *of = value;
    struct request_tag *items = arena_array(arena, struct request_tag, tags->count + of->count);

    if (tags->count > 0)
        memcpy(items, tags->items, tags->count * sizeof(*items));
    tags->items = items;
    tags->present = true;
    for (size_t i = 0; i < of->count; i++) {
        struct request_tag *tag = &items[tags->count];

        if (list->kind == SHAPE_MAP)
            *tag = (struct request_tag){*(const struct str *)map_key_at(list, value, i),
                                        *(const struct str *)map_value_at(list, value, i)};
        else if (shape_element(list)->kind == SHAPE_STRING)
            *tag = (struct request_tag){*(const struct str *)list_at(list, value, i), {NULL, 0}};
        else
            *tag = (struct request_tag){text_member(shape_element(list), list_at(list, value, i), STR("Key")),
                                        text_member(shape_element(list), list_at(list, value, i), STR("Value"))};
        tags->count += tag->key.ptr != NULL;
    }
}

/* EC2's TagSpecifications are structures that have Tags. */
static bool is_specification(const struct shape *list)
{
    return list->kind == SHAPE_LIST && shape_element(list)->kind == SHAPE_STRUCTURE &&
           shape_member(shape_element(list), STR("Tags")) != NULL;
}

static void collect(const struct shape *structure, const void *value, struct arena *arena, struct request_tags *tags)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        const struct list_value *list = member_at(member, value);

        if (!is_tag_member(member) || !member_present(member, value))
            continue;
        if (!is_specification(member_shape(member))) {
            collect_list(member_shape(member), list, arena, tags);
            continue;
        }
        for (size_t k = 0; k < list->count; k++)
            collect(shape_element(member_shape(member)), list_at(member_shape(member), list, k), arena, tags);
    }
}

static struct request_tags tags_of(const struct key_context *context)
{
    struct request_tags tags = {0};

    if (context->operation != NULL && context->in != NULL)
        collect(operation_input(context->operation), context->in, context->call->arena, &tags);
    return tags;
}

bool request_tag_find(const struct key_context *context, struct str key, struct str *ret_value)
{
    struct request_tags tags = tags_of(context);

    for (size_t i = 0; i < tags.count; i++)
        if (tags.items[i].value.ptr != NULL && str_eq_nocase(tags.items[i].key, key)) {
            *ret_value = tags.items[i].value;
            return true;
        }
    return false;
}

bool request_tag_keys(const struct key_context *context, struct policy_values *ret_keys)
{
    struct request_tags tags = tags_of(context);
    struct str *keys = arena_array(context->call->arena, struct str, tags.count);

    for (size_t i = 0; i < tags.count; i++)
        keys[i] = tags.items[i].key;
    *ret_keys = (struct policy_values){keys, tags.count};
    return tags.present;
}
