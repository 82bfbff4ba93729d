/* DHCP options: Berth has the default set of each region, which all its VPCs name (VPC user guide, "Default DHCP option
 * set"). It is no record: it follows from the VPCs. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/place.h"

static const struct filter_field fields[] = {
    {"dhcp-options-id", "DhcpOptionsId"},
    {"key", "DhcpConfigurations.Key"},
    {"owner-id", "OwnerId"},
    {"value", "DhcpConfigurations.Values.Value"},
};
static const struct filter_table filters = {&ec2_dhcp_options_shape, fields, COUNT_OF(fields), "Tags"};

static struct ec2_dhcp_configuration configuration(const struct call *call, struct str key, struct str value)
{
    struct ec2_dhcp_configuration made = {.key = key};

    made.values.items = arena_new(call->arena, struct ec2_attribute_value);
    made.values.items[0].value = value;
    made.values.count = 1;
    return made;
}

static struct ec2_dhcp_options options_of(const struct call *call, const struct vpc_record *vpc)
{
    struct ec2_dhcp_options options = {.owner_id = vpc->account_id, .dhcp_options_id = vpc->vpc->dhcp_options_id};

    options.dhcp_configurations.items = arena_array(call->arena, struct ec2_dhcp_configuration, 2);
    options.dhcp_configurations.items[0] =
        configuration(call, STR("domain-name"), private_domain(call->arena, vpc->region));
    options.dhcp_configurations.items[1] = configuration(call, STR("domain-name-servers"), STR("AmazonProvidedDNS"));
    options.dhcp_configurations.count = 2;
    options.tags.items = arena_array(call->arena, struct ec2_tag, 0);
    return options;
}

bool ec2_describe_dhcp_options(struct call *call, const struct ec2_describe_dhcp_options_request *in,
                               struct ec2_describe_dhcp_options_result *out)
{
    struct walk walk =
        transaction_walk(call->tx, &vpc_table, NULL, KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct vpc_record *vpc = walk_next(&walk); /* all name the same set */
    struct ec2_dhcp_options *options = arena_new(call->arena, struct ec2_dhcp_options);
    const struct ec2_dhcp_options_id_string_list *ids = &in->dhcp_options_ids;
    struct str after;

    if (!filters_check(&filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &after, call->fail))
        return false;
    if (vpc != NULL)
        *options = options_of(call, vpc);
    for (size_t i = 0; i < ids->count; i++)
        if (!str_eq(ids->items[i], options->dhcp_options_id))
            return fail_api(call->fail, "InvalidDhcpOptionID.NotFound", "The dhcpOption ID '%.*s' does not exist",
                            STR_ARG(ids->items[i]));
    out->dhcp_options.items = options;
    out->dhcp_options.count = vpc != NULL && filters_match(&filters, &in->filters, options);
    return true;
}
