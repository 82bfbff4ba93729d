/* A network with one VPC, and short ways to fill it: what most tests of this folder start from. */
#pragma once

#include "node/network/address.h"
#include "node/network/network.h"

#define TEST_VPC    STR("vpc-0a")
#define TEST_ROUTER "/run/netns/berth-t-vpc-0a"
#define TEST_SUBNET STR("subnet-0a")

/* Instance "t": 10.1.0.0/16 with 10.1.16.0/20 and 10.1.32.0/20, no exit, no resolver, not reachable. */
struct test_vpc {
    struct network *network;
    struct network_subnet subnets[2];
    struct network_vpc vpc; /* change it, then test_vpc_apply */
};

int test_vpc_set_up(void **state);    /* *state: struct test_vpc */
int test_vpc_tear_down(void **state); /* network_down */
void test_open(struct network **network, const char *instance);
void test_vpc_apply(struct test_vpc *vpc);

extern const struct network_rule test_all_in[1];  /* everything from everywhere */
extern const struct network_rule test_port_80[1]; /* TCP port 80 from everywhere */

/* A group of the VPC with these ingress rules, and with everything out, as AWS makes new groups. */
struct network_group test_group(const char *id, const struct network_rule *ingress, size_t count);
void test_apply(struct test_vpc *vpc, const struct network_group *groups, size_t count);

struct test_path {
    char text[NETWORK_PATH_SIZE];
};
/* An ENI of TEST_SUBNET with one group; a public one has test_public(address). */
struct test_path test_eni(struct test_vpc *vpc, const char *id, const char *address, const char *group, bool is_public);
/* 198.18.x.y for 10.1.x.y */
struct address_text test_public(const char *address);
