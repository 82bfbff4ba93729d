/* The resolver of a VPC: names, zones, forwarding, life. Real dnsmasq, queries made by hand (RFC 1035, section 4). */
#include "node/network/resolver.h"
#include "node/network/test_machine.h"
#include "node/network/test_vpc.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { HEADER_BYTES = 12, PACKET_BYTES = 512, NXDOMAIN = 3, REFUSED = 5, NO_ANSWER = -1, RETRY_MS = 20 };

static int set_up(void **state)
{
    struct network_group group = test_group("sg-none", NULL, 0);
    struct test_vpc *vpc;

    (void)test_vpc_set_up(state);
    vpc = *state;
    vpc->vpc.dns_support = true;
    test_vpc_apply(vpc);
    group.egress_count = 0; /* security groups do not filter the resolver */
    test_apply(vpc, &group, 1);
    (void)test_eni(vpc, "eni-a", "10.1.16.10", "sg-none", false);
    return 0;
}

static const char *const task = "/run/netns/berth-t-eni-a";

/* A question for the A records of name. */
static size_t put_question(uint8_t packet[PACKET_BYTES], const char *name)
{
    static const uint8_t head[HEADER_BYTES] = {0x12, 0x34, 1 /* recursion desired */, 0, 0, 1 /* question */};
    size_t at = HEADER_BYTES;
    struct str rest = str_of(name);

    memcpy(packet, head, sizeof(head));
    while (rest.ptr != NULL) {
        struct str label = str_cut(rest, '.', &rest);

        packet[at++] = (uint8_t)label.len;
        memcpy(packet + at, label.ptr, label.len);
        at += label.len;
    }
    memcpy(packet + at, (const uint8_t[]){0, 0, 1, 0, 1}, 5); /* root label, type A, class IN */
    return at + 5;
}

static int ask(const char *server, const char *name)
{
    uint8_t packet[PACKET_BYTES];
    size_t len = put_question(packet, name);
    int fd = socket_in(task, SOCK_DGRAM, NULL, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};

    assert_int_equal(inet_pton(AF_INET, server, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, packet, len, 0), (ssize_t)len);
    return fd;
}

/* The answer: its code when that is not 0, NO_ANSWER, or 0 with the last four bytes, which are the last address. */
static int answer(int fd, uint32_t *address)
{
    uint8_t packet[PACKET_BYTES];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    ssize_t len = poll(&poll_fd, 1, REACH_MS) == 1 ? recv(fd, packet, sizeof(packet), 0) : -1;

    (void)close(fd);
    if (len < HEADER_BYTES + 4)
        return NO_ANSWER;
    memcpy(address, packet + len - 4, 4);
    *address = ntohl(*address);
    return packet[3] & 15;
}

static int resolve(const char *server, const char *name, uint32_t *address)
{
    return answer(ask(server, name), address);
}

/* dnsmasq reads new files a moment after it was told: asks until the answer is the expected one. */
static bool becomes(const char *name, int code, uint32_t address)
{
    struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};

    for (size_t tries = 0; tries < REACH_MS / RETRY_MS; tries++) {
        uint32_t found = 0;

        if (resolve("10.1.0.2", name, &found) == code && (code != 0 || found == address))
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void names_are_answered_on_both_addresses(void **state)
{
    static const struct network_name names[] = {{STR_INIT("ip-10-1-16-10.ec2.internal"), STR_INIT("10.1.16.10")},
                                                {STR_INIT("web.svc.local"), STR_INIT("10.1.16.11")}};
    static const struct str zones[] = {STR_INIT("svc.local"), STR_INIT("ec2.internal")};
    struct test_vpc *vpc = *state;
    uint32_t address = 0;

    must_do(network_names_set(vpc->network, TEST_VPC, zones, 2, names, 2, f));
    assert_true(becomes("web.svc.local", 0, 0x0a01100b));
    assert_int_equal(resolve("169.254.169.253", "ip-10-1-16-10.ec2.internal", &address), 0);
    assert_int_equal(address, 0x0a01100a);
    assert_int_equal(resolve("10.1.0.2", "other.svc.local", &address), NXDOMAIN);
    assert_int_equal(resolve("10.1.0.2", "example.com", &address), REFUSED); /* no exit: nobody to ask */
    must_do(network_names_set(vpc->network, TEST_VPC, zones, 1, names, 1, f));
    assert_true(becomes("web.svc.local", NXDOMAIN, 0));
}

static void bad_names_are_refused(void **state)
{
    static const struct str bad[] = {STR_INIT("a\nb"), STR_INIT("a b"), STR_INIT(""),
                                     STR_INIT("a..b"), STR_INIT("a/b"), STR_INIT(".a")};
    struct test_vpc *vpc = *state;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct network_name name = {bad[i], STR("10.1.16.1")};

        must_fail(network_names_set(vpc->network, TEST_VPC, NULL, 0, &name, 1, f), FAIL_INPUT);
        must_fail(network_names_set(vpc->network, TEST_VPC, &bad[i], 1, NULL, 0, f), FAIL_INPUT);
    }
}

/* Asks until the question arrives at the name server: before dnsmasq knows of it, it refuses. */
static int ask_server(int server, const char *name)
{
    struct pollfd poll_fd = {.fd = server, .events = POLLIN};

    for (size_t tries = 0; tries < REACH_MS / RETRY_MS; tries++) {
        int asked = ask("10.1.0.2", name);

        if (poll(&poll_fd, 1, RETRY_MS) == 1)
            return asked;
        (void)close(asked);
    }
    fail_msg("%s was not asked of the name server", name);
    return -1;
}

/* The machine's own name server (of the two in its resolv.conf, the one that is not loopback) plays along by hand. */
static void other_names_are_asked_of_the_machines_servers(void **state)
{
    static const uint8_t record[] = {0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 5};
    struct test_vpc *vpc = *state;
    int server = socket_in(INTERNET, SOCK_DGRAM, "198.51.100.1", 53);
    uint8_t packet[PACKET_BYTES];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    uint32_t address = 0;
    ssize_t len;
    int asked;

    vpc->subnets[1].exit = NETWORK_EXIT_NAT_GATEWAY;
    test_vpc_apply(vpc);
    asked = ask_server(server, "example.com");
    len = recvfrom(server, packet, sizeof(packet) - sizeof(record), 0, (struct sockaddr *)&from, &from_len);
    assert_true(len > HEADER_BYTES);
    len = HEADER_BYTES + 13 + 4; /* without EDNS */
    packet[2] |= 0x80;           /* response */
    packet[7] = 1;               /* one answer */
    packet[11] = 0;              /* no additional record */
    memcpy(packet + len, record, sizeof(record));
    len += (ssize_t)sizeof(record);
    assert_int_equal(sendto(server, packet, (size_t)len, 0, (struct sockaddr *)&from, from_len), len);
    assert_int_equal(answer(asked, &address), 0);
    assert_int_equal(address, 0xcb007105);
    (void)close(server);
}

static pid_t resolver_pid(void)
{
    FILE *file = fopen(TEST_RUN_DIR "-t/resolver/vpc-0a/pid", "r");
    char text[32] = "";

    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

static void one_that_dies_is_started_again(void **state)
{
    static const struct network_name name = {STR_INIT("web.svc.local"), STR_INIT("10.1.16.11")};
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-none", NULL, 0);
    struct pollfd poll_fd = {.events = POLLIN};
    pid_t first = resolver_pid();
    uint32_t address = 0;

    must_do(network_names_set(vpc->network, TEST_VPC, NULL, 0, &name, 1, f));
    network_close(vpc->network); /* it goes on, and is known to the next process */
    test_open(&vpc->network, "t");
    test_vpc_apply(vpc);
    test_apply(vpc, &group, 1);
    assert_int_equal(resolver_pid(), first);
    must_do(network_check(vpc->network, f));
    poll_fd.fd = network_watch_fd(vpc->network);
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    must_do(network_check(vpc->network, f));
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    assert_int_not_equal(resolver_pid(), first);
    assert_int_equal(resolve("10.1.0.2", "web.svc.local", &address), 0);
    assert_int_equal(address, 0x0a01100b);
    assert_int_equal(kill(resolver_pid(), SIGKILL), 0);
    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    must_fail(network_check(vpc->network, f), FAIL_LIMIT); /* not again and again */
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
}

static void without_dns_support_there_is_none(void **state)
{
    struct test_vpc *vpc = *state;
    pid_t pid = resolver_pid();
    int fd;

    assert_int_equal(kill(pid, 0), 0);
    vpc->vpc.dns_support = false;
    test_vpc_apply(vpc);
    assert_true(is_dropped(task, "10.1.0.2", 53));
    assert_true(is_dropped(task, "169.254.169.253", 53));
    assert_int_equal(waitpid(pid, NULL, WNOHANG), pid); /* ended; we are its init */
    vpc->vpc.dns_support = true;
    test_vpc_apply(vpc);
    fd = connect_from(task, "169.254.169.253", 53, REACH_MS);
    assert_true(fd >= 0);
    (void)close(fd);
}

static int names_tests(void)
{
#define in_vpc(test) cmocka_unit_test_setup_teardown(test, set_up, test_vpc_tear_down)
    const struct CMUnitTest tests[] = {
        in_vpc(names_are_answered_on_both_addresses),
        in_vpc(bad_names_are_refused),
        in_vpc(other_names_are_asked_of_the_machines_servers),
        in_vpc(one_that_dies_is_started_again),
        in_vpc(without_dns_support_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    test_machine_main(names_tests);
}
