#include "plane/ecs/instance_identity.h"

#include "model/gen/ecs.h"
#include "model/interpret.h"
#include "plane/ec2/instance_type.h"
#include "plane/logs/json_text.h"

int32_t instance_eni_limit(struct str type_name)
{
    const struct instance_type *type =
        instance_type_of((enum ec2_instance_type)enum_value(&ec2_instance_type_shape, type_name));

    return type == NULL ? 0 : type->interfaces_max - 1;
}

static struct str text_of(const struct call *call, struct json_value document, const char *name)
{
    struct json_text_walk walk = json_text_walk(document);
    struct json_value value;
    struct str key;

    while (json_text_next(&walk, &key, &value))
        if (json_text_string_is(key, str_of(name)) && value.kind == JSON_STRING)
            return json_text_string(value.raw, arena_alloc(call->arena, value.raw.len));
    return STR("");
}

/* ".../mi-0123456789abcdef0": the session of an activated machine. */
static struct str activated_id(const struct call *call)
{
    struct str arn = call->principal->arn;
    size_t slash = str_find_last(arn, '/');
    struct str name = slash == arn.len ? STR("") : str_from(arn, slash + 1);

    return str_starts(name, STR("mi-")) ? name : (struct str){NULL, 0};
}

static bool is_own(const struct call *call, struct str what, struct str given, struct str own)
{
    return given.len == 0 || str_eq(given, own) ||
           fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION,
                    "The instance identity document is of %.*s %.*s, the request of %.*s.", STR_ARG(what),
                    STR_ARG(given), STR_ARG(own));
}

bool instance_identity_read(const struct call *call, struct str document, struct instance_identity *ret_identity)
{
    struct instance_identity identity = {.instance_id = activated_id(call)};
    struct json_value root;

    if (document.len == 0) {
        *ret_identity = identity;
        return true;
    }
    if (!json_text_read(document, &root) || root.kind != JSON_OBJECT)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "The instance identity document is not valid JSON.");
    if (!is_own(call, STR("account"), text_of(call, root, "accountId"), call->principal->account) ||
        !is_own(call, STR("region"), text_of(call, root, "region"), call->region))
        return false;
    identity.instance_id = text_of(call, root, "instanceId");
    identity.availability_zone = text_of(call, root, "availabilityZone");
    identity.instance_type = text_of(call, root, "instanceType");
    identity.image_id = text_of(call, root, "imageId");
    identity.architecture = text_of(call, root, "architecture");
    if (identity.instance_id.len == 0)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "The instance identity document has no instanceId.");
    *ret_identity = identity;
    return true;
}
