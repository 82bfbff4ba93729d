#include "plane/vpc/filter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct filter_field fields[] = {
    {"state", "State"},
    {"is-default", "IsDefault"},
    {"block", "CidrBlockAssociationSet.CidrBlock"},
    {"block-state", "CidrBlockAssociationSet.CidrBlockState.State"},
};
static const struct filter_table table = {&ec2_vpc_shape, fields, COUNT_OF(fields), "Tags"};

static bool finds(const struct ec2_vpc *vpc, const char *name, const char *value)
{
    struct str text = str_of(value);
    struct ec2_filter filter = {.name = str_of(name)};

    filter.values.items = &text;
    filter.values.count = 1;
    return filters_match(&table, &(struct ec2_filter_list){&filter, 1}, vpc);
}

static void paths_lead_to_values(void **state)
{
    struct ec2_vpc_cidr_block_state block_state = {.state = EC2_VPC_CIDR_BLOCK_STATE_CODE_ASSOCIATED};
    struct ec2_vpc_cidr_block_association blocks[] = {
        {.cidr_block = STR_INIT("10.0.0.0/16")},
        {.cidr_block = STR_INIT("10.1.0.0/16"), .cidr_block_state = &block_state},
    };
    struct ec2_tag tags[] = {{.key = STR_INIT("Name"), .value = STR_INIT("web")},
                             {.key = STR_INIT("empty"), .value = STR_INIT("")}};
    struct ec2_vpc vpc = {
        .state = EC2_VPC_STATE_AVAILABLE, .cidr_block_association_set = {blocks, 2}, .tags = {tags, 2}};

    (void)state;
    assert_true(finds(&vpc, "state", "available"));
    assert_false(finds(&vpc, "state", "pending"));
    assert_false(finds(&vpc, "is-default", "false")); /* absent is no value */
    SET(&vpc, is_default, false);
    assert_true(finds(&vpc, "is-default", "false"));
    assert_true(finds(&vpc, "block", "10.1.*"));
    assert_true(finds(&vpc, "block-state", "associated"));
    assert_false(finds(&vpc, "block", "10.2.*"));
    assert_true(finds(&vpc, "tag:Name", "w*"));
    assert_true(finds(&vpc, "tag:empty", ""));
    assert_false(finds(&vpc, "tag:name", "web"));
    assert_true(finds(&vpc, "tag-key", "Nam?"));
    assert_false(finds(&vpc, "tag-key", "web"));
}

static void unknown_filters_are_refused(void **state)
{
    struct ec2_filter filter = {.name = STR("colour")};
    struct ec2_filter_list list = {&filter, 1};
    struct filter_table untagged = table;
    struct fail f;

    (void)state;
    assert_false(filters_check(&table, &list, &f));
    assert_string_equal(f.type, "InvalidParameterValue");
    filter.name = STR("tag:x");
    assert_true(filters_check(&table, &list, &f));
    untagged.tags = NULL;
    assert_false(filters_check(&untagged, &list, &f));
    list.count = 51;
    assert_false(filters_check(&table, &list, &f));
    assert_string_equal(f.type, "FilterLimitExceeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(unknown_filters_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
