#include "plane/vpc/access.h"

#include "model/interpret.h"
#include "plane/vpc/resource.h"

static struct str arn_of(const struct call *call, const char *type, struct str id)
{
    return arena_printf(call->arena, "arn:aws:ec2:%.*s:%.*s:%s/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), type, STR_ARG(id));
}

static const char *type_name(enum ec2_resource_type type)
{
    return enum_name(&ec2_resource_type_shape, (int)type);
}

/* ---- what is asked for ---- */

/* Nothing for ids that are none: the handler refuses them. */
static void add_id(const struct call *call, const char *action, struct str id, struct asks *asks)
{
    const struct resource_kind *kind = resource_kind_of(id);

    if (kind != NULL)
        asks_add(asks, action, arn_of(call, type_name(kind->type), id));
}

static void add_member(const struct call *call, const void *in, const char *name, const char *action, struct asks *asks)
{
    const struct member *member = shape_member(operation_input(call->operation), str_of(name));
    const struct list_value *list;

    if (member == NULL || !member_present(member, in))
        return;
    if (member->kind == SHAPE_STRING) {
        add_id(call, action, *(const struct str *)member_at(member, in), asks);
        return;
    }
    list = member_at(member, in);
    for (size_t i = 0; i < list->count; i++)
        add_id(call, action, *(const struct str *)list_at(member_shape(member), list, i), asks);
}

static bool brings_tags(const struct call *call, const void *in)
{
    const struct member *tags = shape_member(operation_input(call->operation), STR("TagSpecifications"));

    return tags != NULL && member_present(tags, in);
}

void network_asks_add(const struct call *call, const void *in, const struct network_asks *about, struct asks *asks)
{
    if (about->made != EC2_RESOURCE_TYPE_NONE)
        asks_add(asks, about->action, arn_of(call, type_name(about->made), STR("*")));
    for (size_t i = 0; i < NETWORK_MEMBERS_MAX && about->members[i] != NULL; i++)
        add_member(call, in, about->members[i], about->action, asks);
    if (asks->count == 0)
        asks_add(asks, about->action, STR("*"));
    if (about->made != EC2_RESOURCE_TYPE_NONE && brings_tags(call, in))
        asks_add(asks, "ec2:CreateTags", arn_of(call, type_name(about->made), STR("*")));
}

/* ---- condition keys ---- */

static struct str region_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)operation;
    (void)in;
    return call->region;
}

static struct str create_action_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)call;
    (void)in;
    return operation == &ec2_create_tags_operation ? (struct str){NULL, 0} : str_of(operation_name(operation));
}

static struct str arn_key(const struct call *call, struct str id, const char *type)
{
    return id.ptr == NULL ? id : arn_of(call, type, id);
}

static struct str vpc_key(const struct call *call, const struct operation *operation, const void *in)
{
    return arn_key(call, request_member(call, operation, in, "VpcId"), "vpc");
}

static struct str subnet_key(const struct call *call, const struct operation *operation, const void *in)
{
    return arn_key(call, request_member(call, operation, in, "SubnetId"), "subnet");
}

static const struct condition_key keys[] = {
    {"ec2:Region", NULL, region_key}, {"ec2:CreateAction", NULL, create_action_key}, {"ec2:Vpc", NULL, vpc_key},
    {"ec2:Subnet", NULL, subnet_key}, {"ec2:InstanceType", "InstanceType", NULL},
};

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    struct str id = str_from(arn, str_find_last(arn, '/') == arn.len ? arn.len : str_find_last(arn, '/') + 1);
    const struct resource_kind *kind = resource_kind_of(id);
    struct fail unanswered;
    struct call asking = *call;
    const struct ec2_tag_list *tags;
    const void *record;

    asking.fail = &unanswered;
    if (kind == NULL || !resource_find(&asking, kind, id, &record))
        return (struct str){NULL, 0};
    tags = kind->tags(record);
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return tags->items[i].value;
    return (struct str){NULL, 0};
}

const struct access_spec network_access = {.keys = keys, .key_count = COUNT_OF(keys), .tag = tag_of};
