/* What packets may do: security groups, routing, exits, services. Real namespaces, real sockets. */
#include "node/network/test_machine.h"
#include "node/network/test_vpc.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

static void rules_decide_which_ports_are_open(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-client", NULL, 0)};
    struct test_path web;
    struct test_path client;
    int on_80;
    int on_81;

    test_apply(vpc, groups, 2);
    web = test_eni(vpc, "eni-web", "10.1.16.10", "sg-web", false);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-client", false);
    on_80 = listen_in(web.text, "10.1.16.10", 80);
    on_81 = listen_in(web.text, "10.1.16.10", 81);
    assert_true(reaches(client.text, "10.1.16.10", 80));
    assert_true(is_dropped(client.text, "10.1.16.10", 81));
    assert_true(is_dropped(web.text, "10.1.16.11", 80));    /* no rule: nothing comes in */
    assert_true(is_dropped(client.text, "10.1.16.99", 80)); /* nobody */
    assert_true(is_dropped(client.text, "10.1.16.1", 80));  /* the gateway answers nothing */
    (void)close(on_80);
    (void)close(on_81);
}

/* A new rule counts at once; one that goes does not cut a connection that is established. */
static void a_changed_rule_takes_effect_at_once(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-web", NULL, 0), test_group("sg-client", NULL, 0)};
    struct test_path web;
    struct test_path client;
    char peer[20];
    int listening;
    int here;
    int there;

    test_apply(vpc, groups, 2);
    web = test_eni(vpc, "eni-web", "10.1.16.10", "sg-web", false);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-client", false);
    listening = listen_in(web.text, "10.1.16.10", 80);
    assert_true(is_dropped(client.text, "10.1.16.10", 80));
    groups[0] = test_group("sg-web", test_port_80, 1);
    test_apply(vpc, groups, 2);
    here = connect_from(client.text, "10.1.16.10", 80, REACH_MS);
    assert_true(here >= 0);
    there = accept_at(listening, peer);
    assert_string_equal(peer, "10.1.16.11");
    groups[0] = test_group("sg-web", NULL, 0);
    test_apply(vpc, groups, 2);
    assert_true(is_dropped(client.text, "10.1.16.10", 80));
    assert_true(passes(here, there));
    assert_true(passes(there, here));
    (void)close(here);
    (void)close(there);
    (void)close(listening);
}

static void egress_rules_count_too(void **state)
{
    static const struct network_rule only_81[] = {
        {.protocol = 6, .from_port = 81, .to_port = 90, .cidr = STR_INIT("10.1.0.0/16")}};
    static const struct network_rule all_in[] = {{.protocol = -1, .cidr = STR_INIT("0.0.0.0/0")}};
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-open", all_in, 1), test_group("sg-tight", NULL, 0)};
    struct test_path open;
    struct test_path tight;
    int on_80;
    int on_85;

    groups[1].egress = only_81;
    test_apply(vpc, groups, 2);
    open = test_eni(vpc, "eni-open", "10.1.16.10", "sg-open", false);
    tight = test_eni(vpc, "eni-tight", "10.1.16.11", "sg-tight", false);
    on_80 = listen_in(open.text, "0.0.0.0", 80);
    on_85 = listen_in(open.text, "0.0.0.0", 85);
    assert_true(is_dropped(tight.text, "10.1.16.10", 80));
    assert_true(reaches(tight.text, "10.1.16.10", 85));
    (void)close(on_80);
    (void)close(on_85);
}

/* Members of a group come and go with their ENIs, and with the groups an ENI wears. */
static void a_rule_may_name_a_group(void **state)
{
    static const struct network_rule from_front[] = {
        {.protocol = 6, .from_port = 80, .to_port = 80, .group = STR_INIT("sg-front")},
        {.protocol = 6, .from_port = 80, .to_port = 80, .group = STR_INIT("sg-unknown")}};
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-back", from_front, 2), test_group("sg-front", NULL, 0),
                                     test_group("sg-other", NULL, 0)};
    struct test_path back;
    struct test_path front;
    struct test_path other;
    int listening;

    test_apply(vpc, groups, 3);
    back = test_eni(vpc, "eni-back", "10.1.16.10", "sg-back", false);
    front = test_eni(vpc, "eni-front", "10.1.16.11", "sg-front", false);
    other = test_eni(vpc, "eni-other", "10.1.16.12", "sg-other", false);
    listening = listen_in(back.text, "10.1.16.10", 80);
    assert_true(reaches(front.text, "10.1.16.10", 80));
    assert_true(is_dropped(other.text, "10.1.16.10", 80));
    (void)test_eni(vpc, "eni-other", "10.1.16.12", "sg-front", false);
    assert_true(reaches(other.text, "10.1.16.10", 80));
    (void)test_eni(vpc, "eni-other", "10.1.16.12", "sg-other", false);
    assert_true(is_dropped(other.text, "10.1.16.10", 80));
    must_do(network_eni_remove(vpc->network, STR("eni-front"), f));
    (void)test_eni(vpc, "eni-new", "10.1.16.11", "sg-other", false);
    assert_true(is_dropped("/run/netns/berth-t-eni-new", "10.1.16.10", 80));
    (void)close(listening);
}

/* Several groups allow what any of them allows. */
static void groups_add_up(void **state)
{
    static const struct network_rule port_90[] = {
        {.protocol = 6, .from_port = 90, .to_port = 90, .cidr = STR_INIT("10.1.0.0/16")}};
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-a", test_port_80, 1), test_group("sg-b", port_90, 1),
                                     test_group("sg-client", NULL, 0)};
    struct str both[] = {STR("sg-b"), STR("sg-a"), STR("sg-b")};
    struct network_eni eni = {.id = STR("eni-both"),
                              .vpc = TEST_VPC,
                              .subnet = TEST_SUBNET,
                              .address = STR("10.1.16.10"),
                              .mac = STR("02:00:00:00:00:0a"),
                              .groups = both,
                              .group_count = 3};
    char path[NETWORK_PATH_SIZE];
    struct test_path client;
    int on_80;
    int on_90;

    test_apply(vpc, groups, 3);
    must_do(network_eni_add(vpc->network, &eni, path, f));
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-client", false);
    on_80 = listen_in(path, "10.1.16.10", 80);
    on_90 = listen_in(path, "10.1.16.10", 90);
    assert_true(reaches(client.text, "10.1.16.10", 80));
    assert_true(reaches(client.text, "10.1.16.10", 90));
    groups[1] = groups[2]; /* sg-b is gone from the list, but worn: it keeps its rules */
    test_apply(vpc, groups, 2);
    assert_true(reaches(client.text, "10.1.16.10", 90));
    eni.group_count = 2;
    both[0] = STR("sg-a");
    must_do(network_eni_add(vpc->network, &eni, path, f));
    assert_true(is_dropped(client.text, "10.1.16.10", 90));
    test_apply(vpc, groups, 2);
    must_fail(network_eni_add(vpc->network,
                              &(struct network_eni){.id = STR("eni-late"),
                                                    .vpc = TEST_VPC,
                                                    .subnet = TEST_SUBNET,
                                                    .address = STR("10.1.16.50"),
                                                    .mac = STR("02:00:00:00:00:0a"),
                                                    .groups = (struct str[]){STR("sg-b")},
                                                    .group_count = 1},
                              path, f),
              FAIL_NOT_FOUND);
    (void)close(on_80);
    (void)close(on_90);
}

static void protocols_are_told_apart(void **state)
{
    static const struct network_rule echo[] = {
        {.protocol = 1, .from_port = 8, .to_port = -1, .cidr = STR_INIT("0.0.0.0/0")},
        {.protocol = 17, .from_port = 53, .to_port = 53, .cidr = STR_INIT("10.1.16.0/24")}};
    static const uint8_t request[8] = {8, 0, 0, 0, 0, 0, 0, 1}; /* the kernel fills in checksum and identifier */
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-a", echo, 2), test_group("sg-client", NULL, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct pollfd poll_fd = {.events = POLLIN};
    struct test_path path;
    struct test_path client;
    int udp;

    test_apply(vpc, groups, 2);
    path = test_eni(vpc, "eni-a", "10.1.16.10", "sg-a", false);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-client", false);
    assert_int_equal(inet_pton(AF_INET, "10.1.16.10", &to.sin_addr), 1);
    poll_fd.fd = ping_socket_in(client.text);
    assert_int_equal(sendto(poll_fd.fd, request, sizeof(request), 0, (struct sockaddr *)&to, sizeof(to)), 8);
    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    (void)close(poll_fd.fd);
    poll_fd.fd = socket_in(path.text, SOCK_DGRAM, "10.1.16.10", 53);
    udp = socket_in(client.text, SOCK_DGRAM, NULL, 0);
    to.sin_port = htons(53);
    assert_int_equal(sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    assert_true(is_dropped(client.text, "10.1.16.10", 53)); /* TCP */
    (void)close(udp);
    (void)close(poll_fd.fd);
}

static void send_udp_as(const char *path, const char *source, const char *destination)
{
    struct {
        struct iphdr ip;
        struct udphdr udp;
        char text;
    } __attribute__((packed)) packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
                                        .udp = {.source = htons(1000), .dest = htons(53), .len = htons(9)}};
    struct sockaddr_in to = {.sin_family = AF_INET};
    int raw = socket_in(path, SOCK_RAW, NULL, 0);

    packet.text = source[strlen(source) - 1];
    packet.ip.tot_len = htons(sizeof(packet));
    assert_int_equal(inet_pton(AF_INET, source, &packet.ip.saddr), 1);
    assert_int_equal(inet_pton(AF_INET, destination, &packet.ip.daddr), 1);
    to.sin_addr.s_addr = packet.ip.daddr;
    assert_int_equal(sendto(raw, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)),
                     (ssize_t)sizeof(packet));
    (void)close(raw);
}

/* The true packet is sent behind the forged one on the same path: when it is the first that arrives, the other was
 * dropped. */
static void a_forged_source_is_dropped(void **state)
{
    static const struct network_rule all_in[] = {{.protocol = -1, .cidr = STR_INIT("0.0.0.0/0")}};
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", all_in, 1);
    struct pollfd poll_fd = {.events = POLLIN};
    struct test_path victim;
    struct test_path forger;
    char text = 0;

    test_apply(vpc, &group, 1);
    victim = test_eni(vpc, "eni-victim", "10.1.16.10", "sg-a", false);
    forger = test_eni(vpc, "eni-forger", "10.1.16.15", "sg-a", false);
    (void)test_eni(vpc, "eni-other", "10.1.16.17", "sg-a", false);
    poll_fd.fd = socket_in(victim.text, SOCK_DGRAM, "10.1.16.10", 53);
    send_udp_as(forger.text, "10.1.16.17", "10.1.16.10"); /* another ENI's */
    send_udp_as(forger.text, "198.51.100.9", "10.1.16.10");
    send_udp_as(forger.text, "10.1.16.15", "10.1.16.10");
    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    assert_int_equal(recv(poll_fd.fd, &text, 1, 0), 1);
    assert_int_equal(text, '5');
    (void)close(poll_fd.fd);
}

/* `ip address` inside shows what the API shows. */
static void inside_looks_like_the_api_says(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", NULL, 0);
    struct ifreq request = {.ifr_name = "eth0"};
    struct sockaddr_in *name = (struct sockaddr_in *)(void *)&request.ifr_addr;
    static const uint8_t mac[] = {0x02, 0, 0, 0, 0, 0x0a};
    struct test_path path;
    int fd;

    test_apply(vpc, &group, 1);
    path = test_eni(vpc, "eni-0123456789abcdef0", "10.1.16.10", "sg-a", false);
    assert_string_equal(path.text, "/run/netns/berth-t-eni-0123456789abcdef0");
    fd = socket_in(path.text, SOCK_DGRAM, NULL, 0);
    assert_int_equal(ioctl(fd, SIOCGIFADDR, &request), 0);
    assert_int_equal(ntohl(name->sin_addr.s_addr), 0x0a01100a);
    assert_int_equal(ioctl(fd, SIOCGIFNETMASK, &request), 0);
    assert_int_equal(ntohl(name->sin_addr.s_addr), 0xfffff000);
    assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
    assert_memory_equal(request.ifr_hwaddr.sa_data, mac, sizeof(mac));
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    assert_true((request.ifr_flags & IFF_UP) != 0);
    (void)close(fd);
}

/* Only the group that differs is written again: handles of the others' rules stay. */
static void groups_that_are_equal_are_left_alone(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-a", test_port_80, 1), test_group("sg-b", test_port_80, 1)};
    const char *router = "/run/netns/berth-t-vpc-0a";
    char *before[2];
    char *after[2];

    test_apply(vpc, groups, 2);
    before[0] = nft_output(router, "list chain inet vpc i-sg-a");
    before[1] = nft_output(router, "list chain inet vpc i-sg-b");
    groups[1].egress_count = 0;
    test_apply(vpc, groups, 2);
    after[0] = nft_output(router, "list chain inet vpc i-sg-a");
    after[1] = nft_output(router, "list chain inet vpc i-sg-b");
    assert_string_equal(before[0], after[0]);
    assert_string_not_equal(before[1], after[1]);
    for (size_t i = 0; i < 2; i++) {
        free(before[i]);
        free(after[i]);
    }
}

static void the_machine_reaches_a_reachable_vpc(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-closed", NULL, 0)};
    struct test_path web;
    struct test_path closed;
    char peer[20];
    int listening[2];
    int client;
    int server;

    test_apply(vpc, groups, 2);
    web = test_eni(vpc, "eni-web", "10.1.16.10", "sg-web", false);
    closed = test_eni(vpc, "eni-closed", "10.1.16.11", "sg-closed", false);
    listening[0] = listen_in(web.text, "10.1.16.10", 80);
    listening[1] = listen_in(closed.text, "10.1.16.11", 80);
    assert_true(is_dropped(NULL, "10.1.16.10", 80)); /* takes the default route into the void */
    vpc->vpc.reachable = true;
    must_do(network_cidr_free(vpc->network, STR("10.1.0.0/16"), f));
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
    client = connect_from(NULL, "10.1.16.10", 80, REACH_MS);
    assert_true(client >= 0);
    server = accept_at(listening[0], peer);
    assert_memory_equal(peer, "169.254.", 8);
    assert_true(is_dropped(NULL, "10.1.16.11", 80));
    must_do(network_cidr_free(vpc->network, STR("10.1.0.0/16"), f)); /* it is ours */
    vpc->vpc.reachable = false;
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
    assert_true(is_dropped(NULL, "10.1.16.10", 80));
    (void)close(client);
    (void)close(server);
    (void)close(listening[0]);
    (void)close(listening[1]);
}

static void a_range_that_is_routed_already_is_refused(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_subnet subnet = {.id = TEST_SUBNET, .cidr = STR("192.0.2.0/24")};
    struct network_vpc vpcs[] = {
        vpc->vpc,
        {.id = STR("vpc-0c"), .cidr = STR("192.0.2.0/24"), .reachable = true, .subnets = &subnet, .subnet_count = 1}};

    must_fail(network_cidr_free(vpc->network, STR("192.0.0.0/16"), f), FAIL_CONFLICT);
    must_fail(network_apply_vpcs(vpc->network, vpcs, 2, f), FAIL_CONFLICT);
    vpcs[1].reachable = false;
    must_do(network_apply_vpcs(vpc->network, vpcs, 2, f));
}

static void exits_decide_who_reaches_the_internet(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", NULL, 0);
    struct test_path exposed;
    struct test_path private_ip;
    char peer[20];
    int listening = listen_in(INTERNET, "0.0.0.0", 443);
    int client;
    int server;

    test_apply(vpc, &group, 1);
    exposed = test_eni(vpc, "eni-public", "10.1.16.10", "sg-a", true);
    private_ip = test_eni(vpc, "eni-private", "10.1.16.11", "sg-a", false);
    assert_true(is_dropped(exposed.text, "198.51.100.1", 443));
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
    client = connect_from(exposed.text, "198.51.100.1", 443, REACH_MS);
    assert_true(client >= 0);
    server = accept_at(listening, peer);
    assert_string_equal(peer, "192.0.2.2"); /* the machine's own */
    assert_true(passes(server, client));
    assert_true(is_dropped(private_ip.text, "198.51.100.1", 443));
    assert_true(is_dropped(exposed.text, "169.254.169.254", 443));
    assert_true(is_dropped(exposed.text, "10.1.99.99", 443));
    vpc->subnets[0].exit = NETWORK_EXIT_NAT_GATEWAY;
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
    assert_true(reaches(private_ip.text, "198.51.100.1", 443));
    vpc->subnets[0].exit = NETWORK_EXIT_NONE;
    must_do(network_apply_vpcs(vpc->network, &vpc->vpc, 1, f));
    assert_true(is_dropped(private_ip.text, "198.51.100.1", 443));
    (void)close(client);
    (void)close(server);
    (void)close(listening);
}

/* At its public address an ENI is reached as its groups let, while its subnet's exit is an internet gateway. */
static void a_public_address_is_reached(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-a", test_port_80, 1), test_group("sg-b", NULL, 0)};
    struct test_path open;
    struct test_path neighbour;
    int listening;

    test_apply(vpc, groups, COUNT_OF(groups));
    open = test_eni(vpc, "eni-open", "10.1.16.10", "sg-a", true);
    (void)test_eni(vpc, "eni-shut", "10.1.16.11", "sg-b", true);
    neighbour = test_eni(vpc, "eni-next", "10.1.16.12", "sg-b", true);
    listening = listen_in(open.text, "0.0.0.0", 80);
    (void)listen_in(open.text, "0.0.0.0", 81);
    assert_false(reaches(NULL, "198.18.16.10", 80)); /* no exit yet */
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    test_vpc_apply(vpc);
    assert_true(reaches(NULL, "198.18.16.10", 80));
    assert_true(is_dropped(NULL, "198.18.16.10", 81));
    assert_true(is_dropped(NULL, "198.18.16.11", 80));
    assert_true(reaches(neighbour.text, "198.18.16.10", 80)); /* without leaving the VPC */
    assert_false(reaches(INTERNET, "198.18.16.10", 80));
    vpc->subnets[0].exit = NETWORK_EXIT_NAT_GATEWAY; /* a way out is none in */
    test_vpc_apply(vpc);
    assert_false(reaches(NULL, "198.18.16.10", 80));
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    test_vpc_apply(vpc);
    assert_true(reaches(NULL, "198.18.16.10", 80));
    must_do(network_eni_remove(vpc->network, STR("eni-open"), f));
    assert_false(reaches(NULL, "198.18.16.10", 80));
    (void)close(listening);
}

/* A public address is reached from other VPCs, as from the internet; the private one behind it is not. */
static void vpcs_meet_at_public_addresses(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-a", test_port_80, 1), test_group("sg-b", NULL, 0)};
    struct network_subnet subnet = {
        .id = STR("subnet-0c"), .cidr = STR("10.2.0.0/24"), .exit = NETWORK_EXIT_INTERNET_GATEWAY};
    struct network_vpc vpcs[] = {
        vpc->vpc, {.id = STR("vpc-0b"), .cidr = STR("10.2.0.0/16"), .subnets = &subnet, .subnet_count = 1}};
    struct str group = STR("sg-b");
    struct network_eni other = {.id = STR("eni-other"),
                                .vpc = STR("vpc-0b"),
                                .subnet = subnet.id,
                                .address = STR("10.2.0.10"),
                                .public_address = STR("198.18.200.10"),
                                .mac = STR("02:00:00:00:00:0b"),
                                .groups = &group,
                                .group_count = 1};
    struct test_path open;
    char from[NETWORK_PATH_SIZE];

    groups[1].vpc = STR("vpc-0b");
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    must_do(network_apply_vpcs(vpc->network, vpcs, COUNT_OF(vpcs), f));
    test_apply(vpc, groups, COUNT_OF(groups));
    open = test_eni(vpc, "eni-open", "10.1.16.10", "sg-a", true);
    must_do(network_eni_add(vpc->network, &other, from, f));
    (void)listen_in(open.text, "0.0.0.0", 80);
    assert_true(reaches(from, "198.18.16.10", 80));
    assert_true(is_dropped(from, "10.1.16.10", 80));
    must_do(network_eni_remove(vpc->network, STR("eni-other"), f));
}

/* The machine routes to one VPC and out of another: that makes no way from one to the other. */
static void no_vpc_is_reached_through_the_machine(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_subnet subnet = {
        .id = STR("subnet-0f"), .cidr = STR("10.2.16.0/20"), .exit = NETWORK_EXIT_NAT_GATEWAY};
    struct network_vpc vpcs[] = {
        vpc->vpc, {.id = STR("vpc-0f"), .cidr = STR("10.2.0.0/16"), .subnets = &subnet, .subnet_count = 1}};
    struct network_group groups[] = {test_group("sg-a", test_all_in, 1), test_group("sg-f", test_all_in, 1)};
    struct str names[] = {STR("sg-f")};
    struct network_eni eni = {.id = STR("eni-f"),
                              .vpc = STR("vpc-0f"),
                              .subnet = subnet.id,
                              .address = STR("10.2.16.10"),
                              .mac = STR("02:00:00:00:00:0f"),
                              .groups = names,
                              .group_count = 1};
    char stranger[NETWORK_PATH_SIZE];
    struct test_path web;
    int listening[2];

    vpcs[0].reachable = true;
    groups[1].vpc = STR("vpc-0f");
    must_do(network_apply_vpcs(vpc->network, vpcs, 2, f));
    test_apply(vpc, groups, 2);
    web = test_eni(vpc, "eni-web", "10.1.16.10", "sg-a", false);
    must_do(network_eni_add(vpc->network, &eni, stranger, f));
    listening[0] = listen_in(web.text, "0.0.0.0", 80);
    listening[1] = listen_in(INTERNET, "0.0.0.0", 80);
    assert_true(reaches(NULL, "10.1.16.10", 80));
    assert_true(reaches(stranger, "198.51.100.1", 80));
    assert_true(is_dropped(stranger, "10.1.16.10", 80));
    (void)close(listening[0]);
    (void)close(listening[1]);
    must_do(network_eni_remove(vpc->network, STR("eni-f"), f));
}

/* Link-local services are reached without any rule, and know who asks. */
static void a_service_knows_who_asks(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-none", NULL, 0);
    struct test_path path;
    char peer[20];
    int listening;
    int again;
    int client;
    int server;

    group.egress_count = 0;
    test_apply(vpc, &group, 1);
    path = test_eni(vpc, "eni-a", "10.1.16.10", "sg-none", false);
    must_do(network_socket(vpc->network, TEST_VPC, STR("169.254.170.2"), 80, SOCK_STREAM, &listening, f));
    must_fail(network_socket(vpc->network, TEST_VPC, STR("169.254.170.2"), 80, SOCK_STREAM, &again, f), FAIL_CONFLICT);
    must_fail(network_socket(vpc->network, TEST_VPC, STR("10.1.16.1"), 80, SOCK_STREAM, &again, f), FAIL_INPUT);
    must_fail(network_socket(vpc->network, STR("vpc-x"), STR("169.254.170.2"), 80, SOCK_STREAM, &again, f),
              FAIL_NOT_FOUND);
    client = connect_from(path.text, "169.254.170.2", 80, REACH_MS);
    assert_true(client >= 0);
    server = accept_at(listening, peer);
    assert_string_equal(peer, "10.1.16.10");
    (void)close(client);
    (void)close(server);
    (void)close(listening);
}

static void what_is_malformed_is_refused(void **state)
{
    struct test_vpc *vpc = *state;
    struct str groups[] = {STR("sg-a")};
    const struct network_eni good = {.id = STR("eni-a"),
                                     .vpc = TEST_VPC,
                                     .subnet = TEST_SUBNET,
                                     .address = STR("10.1.16.10"),
                                     .mac = STR("02:00:00:00:00:0a"),
                                     .groups = groups,
                                     .group_count = 1};
    struct network_group group = test_group("sg-a", NULL, 0);
    struct network_eni eni = good;
    char path[NETWORK_PATH_SIZE];

    must_fail(network_eni_add(vpc->network, &good, path, f), FAIL_NOT_FOUND); /* no group yet */
    test_apply(vpc, &group, 1);
    eni.id = STR("eni-../x");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_INPUT);
    eni = good;
    eni.address = STR("10.1.32.10");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_INPUT);
    eni.address = STR("10.1.16.1");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_INPUT);
    eni = good;
    eni.subnet = STR("subnet-0x");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_NOT_FOUND);
    eni = good;
    eni.vpc = STR("vpc-0x");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_NOT_FOUND);
    must_do(network_eni_add(vpc->network, &good, path, f));
    eni = good;
    eni.id = STR("eni-b");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_CONFLICT); /* the address is taken */
    eni = good;
    eni.mac = STR("02:00:00:00:00:0b");
    must_fail(network_eni_add(vpc->network, &eni, path, f), FAIL_CONFLICT);
    must_fail(network_apply_vpcs(vpc->network, NULL, 0, f), FAIL_CONFLICT); /* the VPC is in use */
    must_do(network_eni_remove(vpc->network, STR("eni-a"), f));
    must_do(network_eni_remove(vpc->network, STR("eni-a"), f));
    must_do(network_apply_vpcs(vpc->network, NULL, 0, f));
    assert_int_equal(access("/run/netns/berth-t-vpc-0a", F_OK), -1);
}

static int network_tests(void)
{
#define in_vpc(test) cmocka_unit_test_setup_teardown(test, test_vpc_set_up, test_vpc_tear_down)
    const struct CMUnitTest tests[] = {
        in_vpc(rules_decide_which_ports_are_open),
        in_vpc(a_changed_rule_takes_effect_at_once),
        in_vpc(egress_rules_count_too),
        in_vpc(a_rule_may_name_a_group),
        in_vpc(groups_add_up),
        in_vpc(protocols_are_told_apart),
        in_vpc(a_forged_source_is_dropped),
        in_vpc(inside_looks_like_the_api_says),
        in_vpc(groups_that_are_equal_are_left_alone),
        in_vpc(the_machine_reaches_a_reachable_vpc),
        in_vpc(a_range_that_is_routed_already_is_refused),
        in_vpc(exits_decide_who_reaches_the_internet),
        in_vpc(a_public_address_is_reached),
        in_vpc(vpcs_meet_at_public_addresses),
        in_vpc(no_vpc_is_reached_through_the_machine),
        in_vpc(a_service_knows_who_asks),
        in_vpc(what_is_malformed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    test_machine_main(network_tests);
}
