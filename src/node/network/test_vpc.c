#include "node/network/test_vpc.h"

#include "node/network/test_machine.h"

#include <stdio.h>

const struct network_rule test_all_in[1] = {{.protocol = -1, .cidr = STR_INIT("0.0.0.0/0")}};
const struct network_rule test_port_80[1] = {
    {.protocol = 6, .from_port = 80, .to_port = 80, .cidr = STR_INIT("0.0.0.0/0")}};

void test_open(struct network **network, const char *instance)
{
    char run_dir[64];
    struct network_options options = {.instance = instance, .run_dir = run_dir};

    (void)snprintf(run_dir, sizeof(run_dir), TEST_RUN_DIR "-%s", instance);
    must_do(network_open(&options, network, f));
}

void test_vpc_apply(struct test_vpc *vpc)
{
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
}

int test_vpc_set_up(void **state)
{
    static struct test_vpc vpc;

    vpc = (struct test_vpc){
        .subnets = {{.id = TEST_SUBNET, .cidr = STR("10.1.16.0/20")},
                    {.id = STR("subnet-0b"), .cidr = STR("10.1.32.0/20")}},
        .vpc = {
            .id = TEST_VPC, .cidr = STR("10.1.0.0/16"), .subnets = vpc.subnets, .subnet_count = COUNT_OF(vpc.subnets)}};
    test_open(&vpc.network, "t");
    test_vpc_apply(&vpc);
    *state = &vpc;
    return 0;
}

int test_vpc_tear_down(void **state)
{
    struct test_vpc *vpc = *state;

    must_do(network_down(vpc->network, f));
    network_close(vpc->network);
    return 0;
}

struct network_group test_group(const char *id, const struct network_rule *ingress, size_t count)
{
    return (struct network_group){.id = str_of(id),
                                  .vpc = TEST_VPC,
                                  .ingress = ingress,
                                  .ingress_count = count,
                                  .egress = test_all_in,
                                  .egress_count = 1};
}

void test_apply(struct test_vpc *vpc, const struct network_group *groups, size_t count)
{
    must_do(network_apply_groups(vpc->network, groups, count, f));
}

struct address_text test_public(const char *address)
{
    uint32_t number = 0;

    assert_true(address_parse(str_of(address), &number));
    return address_text(0xC6120000 | (number & 0xffff));
}

struct test_path test_eni(struct test_vpc *vpc, const char *id, const char *address, const char *group, bool is_public)
{
    struct str groups[] = {str_of(group)};
    struct address_text public_address = test_public(address);
    struct network_eni eni = {.id = str_of(id),
                              .vpc = TEST_VPC,
                              .subnet = TEST_SUBNET,
                              .address = str_of(address),
                              .mac = STR("02:00:00:00:00:0a"),
                              .public_address = str_of(is_public ? public_address.text : NULL),
                              .groups = groups,
                              .group_count = 1};
    struct test_path path = {0};

    must_do(network_eni_add(vpc->network, &eni, path.text, f));
    return path;
}
