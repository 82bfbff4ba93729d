/* What lives how long: adoption after a crash, several instances, removal, many at once. */
#include "node/network/test_machine.h"
#include "node/network/test_vpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const struct network_eni *find(const struct network_eni *enis, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(enis[i].id, id))
            return &enis[i];
    }
    return NULL;
}

static const struct network_eni *list(struct network *network, struct arena *arena, size_t *count)
{
    const struct network_eni *enis;

    must_do(network_list(network, arena, &enis, count, f));
    return enis;
}

/* What a process makes before it is killed; it says so with a byte. */
static _Noreturn void build_and_wait(int done)
{
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-client", NULL, 0)};
    struct test_vpc *vpc;
    void *state;

    (void)test_vpc_set_up(&state);
    vpc = state;
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    vpc->vpc.dns_support = true;
    test_vpc_apply(vpc);
    test_apply(vpc, groups, 2);
    (void)test_eni(vpc, "eni-web", "10.1.16.10", "sg-web", true);
    (void)test_eni(vpc, "eni-client", "10.1.16.11", "sg-client", false);
    (void)test_eni(vpc, "eni-gone", "10.1.16.12", "sg-client", false);
    (void)!write(done, "x", 1);
    for (;;)
        (void)pause();
}

static pid_t start_builder(void)
{
    char byte;
    int pipe_fds[2];
    pid_t child;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        build_and_wait(pipe_fds[1]);
    (void)close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    (void)close(pipe_fds[0]);
    return child;
}

static void kill_builder(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static char *resolver_pid(void)
{
    FILE *file = fopen(TEST_RUN_DIR "-t/resolver/vpc-0a/pid", "r");
    char text[32] = "";

    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    return strdup(text);
}

/* One connection lives through the builder's death, the new process's start and each step of its adoption. */
static void a_crash_disturbs_nobody(void **state)
{
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-client", NULL, 0)};
    const char *web = "/run/netns/berth-t-eni-web";
    const char *client = "/run/netns/berth-t-eni-client";
    struct test_vpc vpc = {
        .subnets = {{.id = TEST_SUBNET, .cidr = STR("10.1.16.0/20"), .exit = NETWORK_EXIT_INTERNET_GATEWAY}},
        .vpc = {.id = TEST_VPC, .cidr = STR("10.1.0.0/16"), .dns_support = true, .subnet_count = 1}};
    pid_t builder = start_builder();
    int listening = listen_in(web, "10.1.16.10", 80);
    int here = connect_from(client, "10.1.16.10", 80, REACH_MS);
    char *pids[] = {resolver_pid(), NULL};
    struct network *refused;
    const struct network_eni *enis;
    struct arena arena;
    size_t count;
    char peer[20];
    int there = accept_at(listening, peer);

    arena_init(&arena, 1 << 20);
    vpc.vpc.subnets = vpc.subnets;
    must_fail(network_open(&(struct network_options){"t", TEST_RUN_DIR "-t"}, &refused, f), FAIL_CONFLICT);
    kill_builder(builder);
    assert_true(passes(here, there));
    test_open(&vpc.network, "t");
    assert_true(passes(here, there));
    enis = list(vpc.network, &arena, &count);
    assert_int_equal(count, 3);
    assert_true(str_is(find(enis, count, "eni-web")->address, "10.1.16.10"));
    assert_true(str_is(find(enis, count, "eni-web")->mac, "02:00:00:00:00:0a"));
    assert_true(find(enis, count, "eni-web")->public_address.ptr != NULL);
    assert_true(str_is(find(enis, count, "eni-client")->groups[0], "sg-client"));
    must_do(network_eni_remove(vpc.network, STR("eni-gone"), f));
    test_vpc_apply(&vpc);
    assert_true(passes(there, here));
    assert_true(reaches(client, "10.1.16.10", 80)); /* by the rules of the dead */
    test_apply(&vpc, groups, 2);
    assert_true(passes(here, there));
    assert_true(reaches(client, "10.1.16.10", 80));
    assert_true(is_dropped(client, "10.1.16.10", 81));
    (void)test_eni(&vpc, "eni-web", "10.1.16.10", "sg-web", true); /* exists: nothing happens */
    (void)test_eni(&vpc, "eni-new", "10.1.16.12", "sg-client", false);
    assert_true(passes(there, here));
    assert_true(reaches("/run/netns/berth-t-eni-new", "10.1.16.10", 80));
    pids[1] = resolver_pid();
    assert_string_equal(pids[0], pids[1]); /* the resolver was adopted */
    must_do(network_eni_remove(vpc.network, STR("eni-web"), f));
    assert_true(is_dropped(client, "10.1.16.10", 80));
    must_do(network_down(vpc.network, f));
    network_close(vpc.network);
    arena_free(&arena);
    free(pids[0]);
    free(pids[1]);
    (void)close(here);
    (void)close(there);
    (void)close(listening);
    (void)state;
}

/* The machine's own address on its way to another: it tells which route is taken. */
static uint32_t source_towards(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    socklen_t len = sizeof(to);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
    (void)close(fd);
    return ntohl(to.sin_addr.s_addr);
}

/* The way to a public address goes with the exit, also when that changed while no process was there to see it. */
static void no_way_in_outlives_its_exit(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", test_port_80, 1);
    uint32_t elsewhere = source_towards("198.18.16.10");

    test_apply(vpc, &group, 1);
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    test_vpc_apply(vpc);
    (void)test_eni(vpc, "eni-open", "10.1.16.10", "sg-a", true);
    assert_int_not_equal(source_towards("198.18.16.10"), elsewhere);
    network_close(vpc->network);
    test_open(&vpc->network, "t");
    test_vpc_apply(vpc);
    test_apply(vpc, &group, 1);
    assert_int_not_equal(source_towards("198.18.16.10"), elsewhere);
    network_close(vpc->network);
    vpc->subnets[0].exit = NETWORK_EXIT_NAT_GATEWAY; /* the uplink stays */
    test_open(&vpc->network, "t");
    test_vpc_apply(vpc);
    assert_int_equal(source_towards("198.18.16.10"), elsewhere);
    test_apply(vpc, &group, 1);
}

/* A namespace without a record, a record without a namespace, a record cut short. */
static void what_is_half_made_is_swept(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", NULL, 0);
    struct network *network;
    struct arena arena;
    size_t count;

    test_apply(vpc, &group, 1);
    (void)test_eni(vpc, "eni-whole", "10.1.16.10", "sg-a", false);
    (void)test_eni(vpc, "eni-unrecorded", "10.1.16.11", "sg-a", false);
    (void)test_eni(vpc, "eni-short", "10.1.16.12", "sg-a", false);
    network_close(vpc->network);
    assert_int_equal(unlink(TEST_RUN_DIR "-t/eni/eni-unrecorded"), 0);
    assert_int_equal(truncate(TEST_RUN_DIR "-t/eni/eni-short", 20), 0);
    assert_int_equal(link(TEST_RUN_DIR "-t/eni/eni-whole", TEST_RUN_DIR "-t/eni/eni-ghost"), 0);
    arena_init(&arena, 1 << 20);
    test_open(&network, "t");
    assert_non_null(find(list(network, &arena, &count), 1, "eni-whole"));
    assert_int_equal(count, 1);
    assert_int_equal(access("/run/netns/berth-t-eni-unrecorded", F_OK), -1);
    assert_int_equal(access("/run/netns/berth-t-eni-short", F_OK), -1);
    assert_int_equal(access(TEST_RUN_DIR "-t/eni/eni-ghost", F_OK), -1);
    vpc->network = network;
    test_vpc_apply(vpc);
    test_apply(vpc, &group, 1);
    (void)test_eni(vpc, "eni-unrecorded", "10.1.16.11", "sg-a", false);
    arena_free(&arena);
}

/* Two VPCs with the same range: the same addresses, different worlds, both on the internet. */
static void equal_ranges_do_not_meet(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_vpc vpcs[] = {vpc->vpc, vpc->vpc};
    struct network_group groups[] = {test_group("sg-a", test_all_in, 1), test_group("sg-b", test_all_in, 1)};
    struct str names[] = {STR("sg-b")};
    struct network_eni eni = {.id = STR("eni-b"),
                              .vpc = STR("vpc-0b"),
                              .subnet = TEST_SUBNET,
                              .address = STR("10.1.16.10"),
                              .mac = STR("02:00:00:00:00:0b"),
                              .groups = names,
                              .group_count = 1};
    char twin[NETWORK_PATH_SIZE];
    struct test_path first;
    struct test_path neighbour;
    char peer[20];
    int listening[2];
    int internet = listen_in(INTERNET, "198.51.100.1", 443);
    int client[2];
    int server[2];

    vpc->subnets[0].exit = NETWORK_EXIT_NAT_GATEWAY;
    vpcs[1].id = STR("vpc-0b");
    groups[1].vpc = STR("vpc-0b");
    must_do(network_apply_vpcs(vpc->network, vpcs, 2, f));
    test_apply(vpc, groups, 2);
    first = test_eni(vpc, "eni-a", "10.1.16.10", "sg-a", false);
    neighbour = test_eni(vpc, "eni-c", "10.1.16.11", "sg-a", false);
    must_do(network_eni_add(vpc->network, &eni, twin, f));
    listening[0] = listen_in(first.text, "10.1.16.10", 80);
    listening[1] = listen_in(twin, "10.1.16.10", 81);
    assert_true(reaches(neighbour.text, "10.1.16.10", 80));
    assert_false(reaches(neighbour.text, "10.1.16.10", 81)); /* refused by the first, not taken by its twin */
    assert_true(is_dropped(twin, "10.1.16.11", 80));
    for (size_t i = 0; i < 2; i++) {
        client[i] = connect_from(i == 0 ? first.text : twin, "198.51.100.1", 443, REACH_MS);
        assert_true(client[i] >= 0);
        server[i] = accept_at(internet, peer);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(passes(client[i], server[i]));
        assert_true(passes(server[i], client[i]));
        (void)close(client[i]);
        (void)close(server[i]);
        (void)close(listening[i]);
    }
    (void)close(internet);
    must_do(network_eni_remove(vpc->network, STR("eni-b"), f));
}

static void instances_do_not_touch_each_other(void **state)
{
    struct test_vpc *vpc = *state;
    struct test_vpc other = *vpc;
    struct network_group group = test_group("sg-a", test_all_in, 1);
    struct test_path here;
    int listening;

    vpc->vpc.reachable = true;
    test_vpc_apply(vpc);
    test_apply(vpc, &group, 1);
    here = test_eni(vpc, "eni-a", "10.1.16.10", "sg-a", false);
    listening = listen_in(here.text, "10.1.16.10", 80);
    test_open(&other.network, "t2");
    other.vpc.reachable = true;
    must_fail(network_apply_vpcs(other.network, &other.vpc, 1, f), FAIL_CONFLICT); /* the range is the first's */
    must_fail(network_cidr_free(other.network, other.vpc.cidr, f), FAIL_CONFLICT);
    other.vpc.reachable = false;
    other.subnets[0].exit = NETWORK_EXIT_NAT_GATEWAY;
    other.vpc.subnets = other.subnets;
    test_vpc_apply(&other);
    test_apply(&other, &group, 1);
    assert_string_equal(test_eni(&other, "eni-a", "10.1.16.10", "sg-a", false).text, "/run/netns/berth-t2-eni-a");
    assert_true(is_dropped("/run/netns/berth-t2-eni-a", "10.1.16.11", 80));
    assert_true(reaches(NULL, "10.1.16.10", 80));
    must_do(network_down(other.network, f));
    network_close(other.network);
    assert_true(reaches(NULL, "10.1.16.10", 80));
    (void)close(listening);
}

static size_t count_entries(const char *directory)
{
    char command[128];
    char line[256];
    size_t count = 0;
    FILE *file;

    (void)snprintf(command, sizeof(command), "%s", directory);
    file = fopen(command, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count++;
    (void)fclose(file);
    return count;
}

static char forwarding(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_forward", "r");
    int c;

    assert_non_null(file);
    c = fgetc(file);
    (void)fclose(file);
    return (char)c;
}

/* Whoever goes first leaves the machine's forwarding to the other; the last one takes it along. */
static void forwarding_stays_for_who_needs_it(void **state)
{
    struct test_vpc *first = *state;
    struct test_vpc second = *first;

    assert_int_equal(forwarding(), '0');
    first->subnets[1].exit = NETWORK_EXIT_NAT_GATEWAY;
    test_vpc_apply(first);
    test_open(&second.network, "t2");
    second.vpc.id = STR("vpc-second");
    second.vpc.subnets = second.subnets;
    second.subnets[1].exit = NETWORK_EXIT_NAT_GATEWAY;
    test_vpc_apply(&second);
    assert_int_equal(forwarding(), '1');
    must_do(network_down(first->network, f));
    assert_int_equal(forwarding(), '1');
    must_do(network_down(second.network, f));
    network_close(second.network);
    assert_int_equal(forwarding(), '0');
}

/* After network_down the machine is as it was before network_open. */
static void down_leaves_nothing(void **state)
{
    size_t links = count_entries("/proc/net/dev");
    size_t routes = count_entries("/proc/net/route");
    struct network_group group = test_group("sg-a", test_all_in, 1);
    struct network_vpc unwanted;
    struct test_vpc *vpc;
    void *made;
    char *tables;
    char *pid;
    int socket_fd;

    (void)state;
    assert_int_equal(forwarding(), '0');
    (void)test_vpc_set_up(&made);
    vpc = made;
    vpc->vpc.reachable = true;
    vpc->vpc.dns_support = true;
    vpc->subnets[1].exit = NETWORK_EXIT_NAT_GATEWAY;
    test_vpc_apply(vpc);
    test_apply(vpc, &group, 1);
    (void)test_eni(vpc, "eni-a", "10.1.16.10", "sg-a", false);
    must_do(network_socket(vpc->network, TEST_VPC, STR("169.254.170.2"), 80, SOCK_STREAM, &socket_fd, f));
    assert_int_equal(forwarding(), '1');
    assert_true(count_entries("/proc/net/dev") > links);
    pid = resolver_pid();
    unwanted = vpc->vpc;
    unwanted.id = STR("vpc-0z");
    unwanted.reachable = false;
    must_do(network_apply_vpcs(vpc->network, (struct network_vpc[]){vpc->vpc, unwanted}, 2, f));
    network_close(vpc->network); /* down works without an apply */
    test_open(&vpc->network, "t");
    must_do(network_down(vpc->network, f));
    network_close(vpc->network);
    assert_int_equal(forwarding(), '0');
    assert_int_equal(count_entries("/proc/net/dev"), links);
    assert_int_equal(count_entries("/proc/net/route"), routes);
    assert_int_equal(access(TEST_RUN_DIR "-t", F_OK), -1);
    assert_int_equal(access(TEST_ROUTER, F_OK), -1);
    assert_int_equal(access("/run/netns/berth-t-eni-a", F_OK), -1);
    assert_int_equal(access("/run/netns/berth-t-vpc-0z", F_OK), -1);
    assert_true(waitpid((pid_t)strtol(pid, NULL, 10), NULL, WNOHANG) != 0); /* we are its init: ended, or reaped */
    tables = nft_output(NULL, "list tables");
    assert_string_equal(tables, "");
    free(tables);
    free(pid);
    (void)close(socket_fd);
}

/* An address may be used again at once; what its former owner talked to is forgotten. */
static void an_address_changes_hands_cleanly(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-open", test_all_in, 1), test_group("sg-shut", NULL, 0)};
    struct test_path client;
    struct test_path server;
    struct sockaddr_storage names[2];
    socklen_t len = sizeof(names[0]);
    struct pollfd poll_fd = {.events = POLLIN};
    int held; /* keeps the first owner's namespace alive, as a process that does not end would */
    int from;

    test_apply(vpc, groups, 2);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-shut", false);
    server = test_eni(vpc, "eni-server", "10.1.16.10", "sg-open", false);
    held = socket_in(server.text, SOCK_DGRAM, "10.1.16.10", 53);
    from = socket_in(client.text, SOCK_DGRAM, "10.1.16.11", 1000);
    assert_int_equal(getsockname(held, (struct sockaddr *)&names[0], &len), 0);
    assert_int_equal(getsockname(from, (struct sockaddr *)&names[1], &len), 0);
    assert_int_equal(connect(from, (struct sockaddr *)&names[0], len), 0);
    assert_int_equal(connect(held, (struct sockaddr *)&names[1], len), 0);
    assert_true(passes(from, held));
    assert_true(passes(held, from)); /* now it is an established connection */
    must_do(network_eni_remove(vpc->network, STR("eni-server"), f));
    for (size_t i = 0; i < 2; i++) { /* another ENI; then the first one's id again, whose link lingers */
        server = test_eni(vpc, i == 0 ? "eni-second" : "eni-server", "10.1.16.10", "sg-shut", false);
        poll_fd.fd = socket_in(server.text, SOCK_DGRAM, "10.1.16.10", 53);
        assert_int_equal(send(from, "x", 1, 0), 1);
        assert_int_equal(poll(&poll_fd, 1, DROPPED_MS), 0);
        (void)close(poll_fd.fd);
        if (i == 0)
            must_do(network_eni_remove(vpc->network, STR("eni-second"), f));
    }
    (void)close(held);
    (void)close(from);
}

static size_t count_enis(struct network *network)
{
    struct arena arena;
    size_t count;

    arena_init(&arena, 1 << 20);
    (void)list(network, &arena, &count);
    arena_free(&arena);
    return count;
}

/* Whoever updates may come late: another thread has removed it, and nobody would remove it again. */
static void an_update_makes_nothing(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-shut", NULL, 0), test_group("sg-open", test_port_80, 1)};
    struct str names[] = {STR("sg-open")};
    struct network_eni eni = {.id = STR("eni-a"),
                              .vpc = TEST_VPC,
                              .subnet = TEST_SUBNET,
                              .address = STR("10.1.16.10"),
                              .mac = STR("02:00:00:00:00:0a"),
                              .groups = names,
                              .group_count = 1};
    struct test_path client;
    int listening;

    test_apply(vpc, groups, 2);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-shut", false);
    listening = listen_in(test_eni(vpc, "eni-a", "10.1.16.10", "sg-shut", false).text, "10.1.16.10", 80);
    assert_true(is_dropped(client.text, "10.1.16.10", 80));
    must_do(network_eni_update(vpc->network, &eni, f));
    assert_true(reaches(client.text, "10.1.16.10", 80));
    eni.address = STR("10.1.16.12");
    must_fail(network_eni_update(vpc->network, &eni, f), FAIL_CONFLICT);
    eni.address = STR("10.1.16.10");
    must_do(network_eni_remove(vpc->network, eni.id, f));
    must_do(network_eni_remove(vpc->network, STR("eni-client"), f));
    must_do(network_eni_update(vpc->network, &eni, f));
    assert_int_equal(count_enis(vpc->network), 0);
    assert_int_equal(access("/run/netns/berth-t-eni-a", F_OK), -1);
    assert_int_equal(access(TEST_RUN_DIR "-t/eni/eni-a", F_OK), -1);
    must_do(network_apply_vpcs(vpc->network, NULL, 0, f)); /* nor does it miss the VPC */
    must_do(network_eni_update(vpc->network, &eni, f));
    (void)close(listening);
}

/* Threads that add and remove at the same time. */

enum { THREADS = 5, ENIS_PER_THREAD = 10 };

struct worker {
    struct network *network;
    unsigned number;
};

static struct network_eni nth_eni(unsigned number, char id[20], char address[20], const struct str *group)
{
    (void)snprintf(id, 20, "eni-n%u", number);
    (void)snprintf(address, 20, "10.1.16.%u", 10 + number);
    return (struct network_eni){.id = str_of(id),
                                .vpc = TEST_VPC,
                                .subnet = TEST_SUBNET,
                                .address = str_of(address),
                                .mac = STR("02:00:00:00:00:0a"),
                                .groups = group,
                                .group_count = 1};
}

static void *add_some(void *context)
{
    static const struct str group = STR_INIT("sg-a");
    struct worker *worker = context;
    char path[NETWORK_PATH_SIZE];
    struct fail f;
    char id[20];
    char address[20];

    for (unsigned i = 0; i < ENIS_PER_THREAD; i++) {
        unsigned number = worker->number * ENIS_PER_THREAD + i;
        struct network_eni eni = nth_eni(number, id, address, &group);

        if (!network_eni_add(worker->network, &eni, path, &f))
            return "add failed";
        if (number % 5 == 0 &&
            (!network_eni_remove(worker->network, str_of(id), &f) || !network_eni_add(worker->network, &eni, path, &f)))
            return "remove and add again failed";
    }
    return NULL;
}

static void many_threads_may_add(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group group = test_group("sg-a", test_port_80, 1);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    struct arena arena;
    size_t count;

    test_apply(vpc, &group, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){vpc->network, i};
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *result;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        if (result != NULL)
            fail_msg("thread %u: %s", i, (const char *)result);
    }
    arena_init(&arena, 1 << 20);
    (void)list(vpc->network, &arena, &count);
    assert_int_equal(count, THREADS * ENIS_PER_THREAD);
    arena_free(&arena);
    for (unsigned i = 0; i < THREADS * ENIS_PER_THREAD; i++) {
        char path[64];
        char address[20];
        int listening;

        (void)snprintf(path, sizeof(path), "/run/netns/berth-t-eni-n%u", i);
        (void)snprintf(address, sizeof(address), "10.1.16.%u", 10 + i);
        listening = listen_in(path, address, 80);
        (void)snprintf(path, sizeof(path), "/run/netns/berth-t-eni-n%u", (i + 7) % (THREADS * ENIS_PER_THREAD));
        assert_true(reaches(path, address, 80));
        (void)close(listening);
    }
}

static void ip(const char *arguments)
{
    char text[128];
    char *argv[16] = {"ip"};
    char *rest = text;
    pid_t child;
    int status;

    (void)snprintf(text, sizeof(text), "%s", arguments);
    for (size_t i = 1; rest != NULL && i + 1 < COUNT_OF(argv); i++)
        argv[i] = strsep(&rest, " ");
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("ip %s: %d", arguments, status);
}

static void add_inside(struct test_vpc *vpc, const char *group)
{
    struct str groups[] = {str_of(group)};
    struct network_eni eni = {.id = STR("eni-guest"),
                              .vpc = TEST_VPC,
                              .subnet = TEST_SUBNET,
                              .address = STR("10.1.16.20"),
                              .mac = STR("02:00:00:00:00:14"),
                              .groups = groups,
                              .group_count = 1,
                              .inside = STR("eni-machine")};
    struct test_path path;

    must_do(network_eni_add(vpc->network, &eni, path.text, f));
    assert_string_equal(path.text, "/run/netns/berth-t-eni-machine");
}

/* As an EC2 instance gets one for a task, and its agent moves it on into the task's namespace. */
static void one_inside_another_is_filtered_wherever_it_is(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-none", NULL, 0)};
    const struct network_eni *enis;
    struct arena arena;
    struct test_path client;
    size_t count;
    int listening;

    test_apply(vpc, groups, 2);
    (void)test_eni(vpc, "eni-machine", "10.1.16.10", "sg-none", false);
    client = test_eni(vpc, "eni-client", "10.1.16.11", "sg-none", false);
    add_inside(vpc, "sg-web");
    ip("netns add task");
    ip("-n berth-t-eni-machine link set eniguest netns task");
    ip("-n task address add 10.1.16.20/20 dev eniguest noprefixroute");
    ip("-n task link set eniguest up");
    ip("-n task route add 10.1.16.1 dev eniguest");
    ip("-n task route add default via 10.1.16.1");
    listening = listen_in("/run/netns/task", "10.1.16.20", 80);
    assert_true(reaches(client.text, "10.1.16.20", 80));
    assert_true(is_dropped(client.text, "10.1.16.20", 81));
    network_close(vpc->network);
    test_open(&vpc->network, "t");
    test_vpc_apply(vpc);
    test_apply(vpc, groups, 2);
    arena_init(&arena, 1 << 20);
    enis = list(vpc->network, &arena, &count);
    assert_int_equal(count, 3);
    assert_true(str_is(find(enis, count, "eni-guest")->inside, "eni-machine"));
    assert_true(find(enis, count, "eni-client")->inside.ptr == NULL);
    arena_free(&arena);
    assert_true(reaches(client.text, "10.1.16.20", 80));
    add_inside(vpc, "sg-none");
    assert_true(is_dropped(client.text, "10.1.16.20", 80));
    add_inside(vpc, "sg-web");
    assert_true(reaches(client.text, "10.1.16.20", 80));
    must_do(network_eni_remove(vpc->network, STR("eni-guest"), f));
    assert_false(reaches(client.text, "10.1.16.20", 80));
    ip("netns del task");
    (void)close(listening);
}

/* The one that it is in was gone when we came back: so is it. */
static void one_inside_another_goes_with_it(void **state)
{
    struct test_vpc *vpc = *state;
    struct network_group groups[] = {test_group("sg-web", test_port_80, 1), test_group("sg-none", NULL, 0)};
    struct arena arena;
    size_t count;

    test_apply(vpc, groups, 2);
    must_fail(network_eni_add(vpc->network,
                              &(struct network_eni){.id = STR("eni-lost"),
                                                    .vpc = TEST_VPC,
                                                    .subnet = TEST_SUBNET,
                                                    .address = STR("10.1.16.21"),
                                                    .mac = STR("02:00:00:00:00:15"),
                                                    .groups = &(struct str){STR("sg-web").ptr, 6},
                                                    .group_count = 1,
                                                    .inside = STR("eni-nowhere")},
                              (char[NETWORK_PATH_SIZE]){""}, f),
              FAIL_NOT_FOUND);
    (void)test_eni(vpc, "eni-machine", "10.1.16.10", "sg-none", false);
    add_inside(vpc, "sg-web");
    network_close(vpc->network);
    ip("netns del berth-t-eni-machine");
    test_open(&vpc->network, "t");
    test_vpc_apply(vpc);
    test_apply(vpc, groups, 2);
    arena_init(&arena, 1 << 20);
    (void)list(vpc->network, &arena, &count);
    assert_int_equal(count, 0);
    arena_free(&arena);
}

static int life_tests(void)
{
#define in_vpc(test) cmocka_unit_test_setup_teardown(test, test_vpc_set_up, test_vpc_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_disturbs_nobody),
        cmocka_unit_test(down_leaves_nothing),
        in_vpc(what_is_half_made_is_swept),
        in_vpc(equal_ranges_do_not_meet),
        in_vpc(instances_do_not_touch_each_other),
        in_vpc(forwarding_stays_for_who_needs_it),
        in_vpc(an_address_changes_hands_cleanly),
        in_vpc(an_update_makes_nothing),
        in_vpc(many_threads_may_add),
        in_vpc(no_way_in_outlives_its_exit),
        in_vpc(one_inside_another_is_filtered_wherever_it_is),
        in_vpc(one_inside_another_goes_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    test_machine_main(life_tests);
}
