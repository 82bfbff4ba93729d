/* The table of Parameter Store's operations. Resources as "Actions, resources, and condition keys for AWS Systems
 * Manager" (service authorization reference) has them. Any other operation of Systems Manager is refused by name. */
#include "plane/ssm/operations.h"

static struct str resource_of(const struct call *call, struct str text)
{
    struct parameter_ref ref;

    if (!parameter_ref_parse(text, &ref))
        return STR("*");
    return parameter_arn(call->arena, ref.account.ptr == NULL ? call->principal->account : ref.account,
                         ref.region.ptr == NULL ? call->region : ref.region, ref.name);
}

#define NAMED_RESOURCE(operation, member)                                                                              \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return resource_of(call, ((const struct ssm_##operation##_request *)in)->member);                              \
    }
/* Of several at once everything has to be allowed. */
#define NAMES_RESOURCE(operation)                                                                                      \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct ssm_##operation##_request *of = in;                                                               \
                                                                                                                       \
        return of->names.count == 1 ? resource_of(call, of->names.items[0]) : STR("*");                                \
    }

NAMED_RESOURCE(put_parameter, name)
NAMED_RESOURCE(get_parameter, name)
NAMED_RESOURCE(get_parameters_by_path, path)
NAMED_RESOURCE(get_parameter_history, name)
NAMED_RESOURCE(delete_parameter, name)
NAMED_RESOURCE(label_parameter_version, name)
NAMED_RESOURCE(unlabel_parameter_version, name)
NAMED_RESOURCE(add_tags_to_resource, resource_id)
NAMED_RESOURCE(remove_tags_from_resource, resource_id)
NAMED_RESOURCE(list_tags_for_resource, resource_id)
NAMES_RESOURCE(get_parameters)
NAMES_RESOURCE(delete_parameters)

#define ROW(name, action) OPERATION(ssm, name, "ssm:" action, name##_resource)

const struct operation_spec ssm_handlers[] = {
    ROW(put_parameter, "PutParameter"),
    ROW(get_parameter, "GetParameter"),
    ROW(get_parameters, "GetParameters"),
    ROW(get_parameters_by_path, "GetParametersByPath"),
    ROW(get_parameter_history, "GetParameterHistory"),
    OPERATION(ssm, describe_parameters, "ssm:DescribeParameters", NULL),
    ROW(delete_parameter, "DeleteParameter"),
    ROW(delete_parameters, "DeleteParameters"),
    ROW(label_parameter_version, "LabelParameterVersion"),
    ROW(unlabel_parameter_version, "UnlabelParameterVersion"),
    ROW(add_tags_to_resource, "AddTagsToResource"),
    ROW(remove_tags_from_resource, "RemoveTagsFromResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
};
const size_t ssm_handler_count = COUNT_OF(ssm_handlers);
