/* DescribeAccountAttributes: what EC2 says of an account as a whole. */
#include "model/interpret.h"
#include "plane/vpc/operations.h"

static struct str default_vpc(const struct call *call)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);

    return vpc == NULL ? STR("none") : vpc->vpc->vpc_id;
}

static struct str platforms(const struct call *call)
{
    (void)call;
    return STR("VPC");
}

static struct str groups_per_interface(const struct call *call)
{
    return arena_printf(call->arena, "%d", SECURITY_GROUPS_PER_INTERFACE_MAX);
}

/* Berth has no Elastic IP addresses. */
static struct str none(const struct call *call)
{
    (void)call;
    return STR("0");
}

static const struct {
    const char *name;
    struct str (*value)(const struct call *call);
} attributes[] = {
    {"supported-platforms", platforms}, {"vpc-max-security-groups-per-interface", groups_per_interface},
    {"max-elastic-ips", none},          {"vpc-max-elastic-ips", none},
    {"default-vpc", default_vpc},
};

static bool is_asked(const struct ec2_describe_account_attributes_request *in, const char *name)
{
    for (size_t i = 0; i < in->attribute_names.count; i++)
        if (strcmp(enum_name(&ec2_account_attribute_name_shape, (int)in->attribute_names.items[i]), name) == 0)
            return true;
    return in->attribute_names.count == 0;
}

bool ec2_describe_account_attributes(struct call *call, const struct ec2_describe_account_attributes_request *in,
                                     struct ec2_describe_account_attributes_result *out)
{
    out->account_attributes.items = arena_array(call->arena, struct ec2_account_attribute, COUNT_OF(attributes));
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        struct ec2_account_attribute *to = &out->account_attributes.items[out->account_attributes.count];

        if (!is_asked(in, attributes[i].name))
            continue;
        to->attribute_name = str_of(attributes[i].name);
        to->attribute_values.items = arena_new(call->arena, struct ec2_account_attribute_value);
        to->attribute_values.items[0].attribute_value = attributes[i].value(call);
        to->attribute_values.count = 1;
        out->account_attributes.count++;
    }
    return true;
}
