/* What of an instance can be read and changed by itself: attributes, and the options of its metadata service. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/ec2/instance_run.h"
#include "plane/ec2/operations.h"

bool ec2_modify_instance_metadata_options(struct call *call,
                                          const struct ec2_modify_instance_metadata_options_request *in,
                                          struct ec2_modify_instance_metadata_options_result *out)
{
    struct ec2_instance_metadata_options_request asked = {.http_tokens = in->http_tokens,
                                                          .http_endpoint = in->http_endpoint,
                                                          .http_protocol_ipv6 = in->http_protocol_ipv6,
                                                          .instance_metadata_tags = in->instance_metadata_tags};
    struct ec2_instance_metadata_options_response *options =
        arena_new(call->arena, struct ec2_instance_metadata_options_response);
    const struct instance_record *instance;
    struct instance_edit *edit;

    if (!instance_find(call, in->instance_id, &instance))
        return false;
    if (instance_state(instance) == EC2_INSTANCE_STATE_NAME_TERMINATED)
        return fail_api(call->fail, "IncorrectInstanceState", "The instance '%.*s' is terminated.",
                        STR_ARG(in->instance_id));
    if (in->has_http_put_response_hop_limit)
        SET(&asked, http_put_response_hop_limit, in->http_put_response_hop_limit);
    *options = *instance->instance->metadata_options;
    if (!metadata_options_apply(call, &asked, options))
        return false;
    edit = instance_edit_begin(call->tx, instance);
    edit->instance.metadata_options = options;
    must(instance_edit_put(call->tx, edit));
    out->instance_id = in->instance_id;
    out->instance_metadata_options = options;
    return true;
}

/* ---- DescribeInstanceAttribute ---- */

static struct ec2_attribute_boolean_value *boolean(const struct call *call, bool value)
{
    struct ec2_attribute_boolean_value *made = arena_new(call->arena, struct ec2_attribute_boolean_value);

    SET(made, value, value);
    return made;
}

static struct ec2_attribute_value *text(const struct call *call, struct str value)
{
    struct ec2_attribute_value *made = arena_new(call->arena, struct ec2_attribute_value);

    made->value = value;
    return made;
}

bool ec2_describe_instance_attribute(struct call *call, const struct ec2_describe_instance_attribute_request *in,
                                     struct ec2_instance_attribute *out)
{
    const struct instance_record *of;

    if (!instance_find(call, in->instance_id, &of))
        return false;
    out->instance_id = in->instance_id;
    switch (in->attribute) {
    case EC2_INSTANCE_ATTRIBUTE_NAME_INSTANCE_TYPE:
        out->instance_type = text(call, str_of(instance_type_name(of->instance->instance_type)));
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_USER_DATA:
        out->user_data = text(call, of->user_data);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_DISABLE_API_TERMINATION:
        out->disable_api_termination = boolean(call, of->disable_api_termination);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_DISABLE_API_STOP:
        out->disable_api_stop = boolean(call, of->disable_api_stop);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_INSTANCE_INITIATED_SHUTDOWN_BEHAVIOR:
        out->instance_initiated_shutdown_behavior =
            text(call, str_of(enum_name(&ec2_shutdown_behavior_shape, (int)of->shutdown_behavior)));
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_ROOT_DEVICE_NAME:
        out->root_device_name = text(call, of->instance->root_device_name);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_SOURCE_DEST_CHECK:
        out->source_dest_check = boolean(call, true);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_EBS_OPTIMIZED:
        out->ebs_optimized = boolean(call, of->instance->ebs_optimized);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_ENA_SUPPORT:
        out->ena_support = boolean(call, of->instance->ena_support);
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_BLOCK_DEVICE_MAPPING:
        out->block_device_mappings = of->instance->block_device_mappings;
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_PRODUCT_CODES:
        out->product_codes = of->instance->product_codes;
        return true;
    case EC2_INSTANCE_ATTRIBUTE_NAME_GROUP_SET: {
        struct ec2_instance shown;

        instance_show(call, of, &shown);
        out->groups = shown.security_groups;
        return true;
    }
    case EC2_INSTANCE_ATTRIBUTE_NAME_NONE:
    case EC2_INSTANCE_ATTRIBUTE_NAME_KERNEL:
    case EC2_INSTANCE_ATTRIBUTE_NAME_RAMDISK:
    case EC2_INSTANCE_ATTRIBUTE_NAME_SRIOV_NET_SUPPORT:
    case EC2_INSTANCE_ATTRIBUTE_NAME_ENCLAVE_OPTIONS:
        return true; /* none of them has a value */
    }
    return true;
}

/* ---- ModifyInstanceAttribute ---- */

static bool is_refused(const struct ec2_modify_instance_attribute_request *in)
{
    return in->source_dest_check != NULL || in->enclave_options != NULL || in->block_device_mappings.count > 0 ||
           in->kernel != NULL || in->ramdisk != NULL || in->ebs_optimized != NULL || in->sriov_net_support != NULL ||
           in->ena_support != NULL || in->groups.count > 0 || in->user_data != NULL || in->instance_type != NULL ||
           in->attribute != EC2_INSTANCE_ATTRIBUTE_NAME_NONE;
}

bool ec2_modify_instance_attribute(struct call *call, const struct ec2_modify_instance_attribute_request *in, void *out)
{
    const struct instance_record *instance;
    struct instance_edit *edit;

    (void)out;
    if (!instance_find(call, in->instance_id, &instance))
        return false;
    if (is_refused(in))
        return fail_api(
            call->fail, "UnsupportedOperation",
            "Berth changes disableApiTermination, disableApiStop and instanceInitiatedShutdownBehavior of an "
            "instance");
    if (!resource_attributes_check(call, (in->disable_api_termination != NULL) + (in->disable_api_stop != NULL) +
                                             (in->instance_initiated_shutdown_behavior != NULL)))
        return false;
    edit = instance_edit_begin(call->tx, instance);
    if (in->disable_api_termination != NULL)
        SET(&edit->record, disable_api_termination, in->disable_api_termination->value);
    if (in->disable_api_stop != NULL)
        SET(&edit->record, disable_api_stop, in->disable_api_stop->value);
    if (in->instance_initiated_shutdown_behavior != NULL) {
        struct str asked = in->instance_initiated_shutdown_behavior->value;

        edit->record.shutdown_behavior = (enum ec2_shutdown_behavior)enum_value(&ec2_shutdown_behavior_shape, asked);
        if (edit->record.shutdown_behavior == EC2_SHUTDOWN_BEHAVIOR_NONE)
            return fail_api(call->fail, "InvalidParameterValue",
                            "Invalid value '%.*s' for instanceInitiatedShutdownBehavior", STR_ARG(asked));
    }
    must(instance_edit_put(call->tx, edit));
    return true;
}
