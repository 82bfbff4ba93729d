/* PutAttributes, DeleteAttributes, ListAttributes. */
#include "base/must.h"
#include "plane/ecs/attribute.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"

enum { LISTED_MAX = 100 };

/* ---- targets ---- */

static bool check_targets(const struct call *call, const struct ecs_attributes *attributes)
{
    if (attributes->count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Attributes cannot be empty.");
    if (attributes->count > ATTRIBUTES_IN_A_REQUEST_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "attributes can have at most %d items.",
                        ATTRIBUTES_IN_A_REQUEST_MAX);
    for (size_t i = 0; i < attributes->count; i++) {
        const struct ecs_attribute *attribute = &attributes->items[i];

        if (!attribute_check(attribute, call->fail))
            return false;
        if (!attribute_is_custom(attribute->name))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Attribute '%.*s' is reserved: it belongs to Amazon ECS.", STR_ARG(attribute->name));
        if (attribute->target_id.len == 0)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Attribute '%.*s' has no targetId: the ID or ARN of a container instance.",
                            STR_ARG(attribute->name));
    }
    return true;
}

static bool find_target(const struct call *call, const struct cluster_record *cluster, struct str target,
                        const struct container_instance_record **ret_instance)
{
    if (!container_instance_find(call, cluster, target, ret_instance))
        return false;
    if (*ret_instance == NULL || container_instance_is_gone(*ret_instance))
        return fail_api(call->fail, ECS_ERROR_TARGET_NOT_FOUND_EXCEPTION,
                        "The specified target wasn't found: %.*s. You can view your available container instances with "
                        "ListContainerInstances.",
                        STR_ARG(target));
    return true;
}

static struct ecs_attribute shown(const struct ecs_attribute *attribute,
                                  const struct container_instance_record *instance)
{
    return (struct ecs_attribute){.name = attribute->name,
                                  .value = attribute->value,
                                  .target_type = ECS_TARGET_TYPE_CONTAINER_INSTANCE,
                                  .target_id = instance->instance->container_instance_arn};
}

/* ---- PutAttributes and DeleteAttributes ---- */

typedef bool change_fn(const struct call *call, struct container_instance_edit *edit,
                       const struct ecs_attribute *attribute);

static bool put_attribute(const struct call *call, struct container_instance_edit *edit,
                          const struct ecs_attribute *attribute)
{
    struct ecs_attributes *attributes = &edit->instance.attributes;

    *attributes = attributes_sorted(call->arena, attributes, 1);
    attributes_put(attributes, attribute);
    return attributes_custom_count(attributes) <= CUSTOM_ATTRIBUTES_MAX ||
           fail_api(call->fail, ECS_ERROR_ATTRIBUTE_LIMIT_EXCEEDED_EXCEPTION,
                    "You can apply up to %d custom attributes for each resource. You can view the attributes of a "
                    "resource with ListAttributes.",
                    CUSTOM_ATTRIBUTES_MAX);
}

static bool remove_attribute(const struct call *call, struct container_instance_edit *edit,
                             const struct ecs_attribute *attribute)
{
    edit->instance.attributes = attributes_sorted(call->arena, &edit->instance.attributes, 0);
    attributes_remove(&edit->instance.attributes, attribute->name);
    return true;
}

static bool change_all(const struct call *call, struct str cluster_name, const struct ecs_attributes *in,
                       change_fn *change, struct ecs_attributes *out)
{
    const struct cluster_record *cluster;

    if (!check_targets(call, in) || !cluster_find(call, cluster_name, &cluster))
        return false;
    out->items = arena_array(call->arena, struct ecs_attribute, in->count);
    for (size_t i = 0; i < in->count; i++) {
        const struct container_instance_record *instance;
        struct container_instance_edit *edit;

        if (!find_target(call, cluster, in->items[i].target_id, &instance))
            return false;
        edit = container_instance_edit_begin(call->tx, instance);
        if (!change(call, edit, &in->items[i]))
            return false;
        must(container_instance_edit_put(call->tx, edit));
        out->items[out->count++] = shown(&in->items[i], instance);
    }
    return true;
}

bool ecs_put_attributes(struct call *call, const struct ecs_put_attributes_request *in,
                        struct ecs_put_attributes_response *out)
{
    return change_all(call, in->cluster, &in->attributes, put_attribute, &out->attributes);
}

bool ecs_delete_attributes(struct call *call, const struct ecs_delete_attributes_request *in,
                           struct ecs_delete_attributes_response *out)
{
    return change_all(call, in->cluster, &in->attributes, remove_attribute, &out->attributes);
}

/* ---- ListAttributes ---- */

/* "instance key / attribute name": where a page goes on. */
static struct str place_of(const struct call *call, const struct container_instance_record *instance, struct str name)
{
    return arena_printf(call->arena, "%.*s/%.*s", STR_ARG(instance->instance_id), STR_ARG(name));
}

static bool passes(const struct ecs_list_attributes_request *in, const struct ecs_attribute *attribute)
{
    return (in->attribute_name.ptr == NULL || str_eq(in->attribute_name, attribute->name)) &&
           (in->attribute_value.ptr == NULL || str_eq(in->attribute_value, attribute->value));
}

static bool add_of(const struct call *call, const struct ecs_list_attributes_request *in, const struct page *page,
                   const struct container_instance_record *instance, struct ecs_list_attributes_response *out)
{
    const struct ecs_attributes *attributes = &instance->instance->attributes;

    for (size_t i = 0; i < attributes->count; i++) {
        const struct ecs_attribute *attribute = &attributes->items[i];

        if (!passes(in, attribute) ||
            (page->after.ptr != NULL && str_compare(place_of(call, instance, attribute->name), page->after) <= 0))
            continue;
        if (out->attributes.count == page->limit) {
            const struct ecs_attribute *last = &out->attributes.items[out->attributes.count - 1];

            out->next_token = page_next(
                call, arena_printf(call->arena, "%.*s/%.*s", STR_ARG(ecs_name(last->target_id)), STR_ARG(last->name)));
            return false;
        }
        out->attributes.items[out->attributes.count++] = shown(attribute, instance);
    }
    return true;
}

bool ecs_list_attributes(struct call *call, const struct ecs_list_attributes_request *in,
                         struct ecs_list_attributes_response *out)
{
    const struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    const struct container_instance_record *instance;
    const struct cluster_record *cluster;
    struct walk walk;
    struct page page;

    if (in->attribute_value.ptr != NULL && in->attribute_name.ptr == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "attributeValue can only be given with attributeName.");
    if (!page_open(call, &request, &page) || !cluster_find(call, in->cluster, &cluster))
        return false;
    walk = container_instances_of(call->tx, cluster);
    out->attributes.items = arena_array(call->arena, struct ecs_attribute, page.limit);
    while ((instance = walk_next(&walk)) != NULL)
        if (!add_of(call, in, &page, instance, out))
            break;
    return true;
}
