/* How long one ENI takes: network_bench [COUNT]. Prints min, median, p90 and max in milliseconds of adding and removing
 * COUNT (default 200) ENIs one after the other, first all of one security group, then each with another pair of groups;
 * the floor is what the kernel takes for the namespace and the veth pair alone, with nothing configured. Works on a
 * machine of its own like the tests; needs root. */
#include "node/network/namespace.h"
#include "node/network/rtnetlink.h"
#include "node/network/test_machine.h"
#include "node/network/test_vpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { COUNT_DEFAULT = 200, COUNT_MAX = 3000, GROUPS = 60, VPCS = 20 };

static size_t count = COUNT_DEFAULT;

static double now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

/* Gives the median. */
static double print(const char *what, double *times)
{
    qsort(times, count, sizeof(*times), compare);
    (void)printf("%-34s min %6.2f  median %6.2f  p90 %6.2f  max %6.2f\n", what, times[0], times[count / 2],
                 times[count * 9 / 10], times[count - 1]);
    return times[count / 2];
}

static double measure_floor(void)
{
    static double times[COUNT_MAX];
    struct rtnetlink machine;
    int home;

    must_do(namespace_home(&home, f));
    must_do(rtnetlink_open(&machine, f));
    for (size_t i = 0; i < count; i++) {
        struct rtnetlink_veth_end here = {.name = "floor"};
        struct rtnetlink_veth_end peer = {.name = "eth0"};
        double start = now_ms();
        int fd;

        must_do(namespace_create("floor", home, &fd, f));
        namespace_leave(home);
        rtnetlink_veth(&machine, &here, &peer, fd);
        must_do(rtnetlink_send(&machine, f));
        times[i] = now_ms() - start;
        rtnetlink_link_remove(&machine, "floor");
        must_do(rtnetlink_send(&machine, f));
        must_do(namespace_remove("floor", f));
        (void)close(fd);
    }
    rtnetlink_close(&machine);
    (void)close(home);
    return print("floor: namespace and veth pair", times);
}

/* Gives the median of adding. */
static double measure(struct test_vpc *vpc, const char *what, size_t group_count)
{
    static double times[2][COUNT_MAX];
    char names[GROUPS][16];
    char label[64];
    char path[NETWORK_PATH_SIZE];
    char id[32];
    char address[20];

    for (size_t i = 0; i < GROUPS; i++)
        (void)snprintf(names[i], sizeof(names[i]), "sg-%zu", i);
    for (size_t i = 0; i < count; i++) {
        struct str groups[] = {str_of(names[i % group_count]), str_of(names[i / group_count % group_count])};
        struct network_eni eni = {.id = str_of(id),
                                  .vpc = TEST_VPC,
                                  .subnet = TEST_SUBNET,
                                  .address = str_of(address),
                                  .mac = STR("02:00:00:00:00:0a"),
                                  .groups = groups,
                                  .group_count = 2};
        double start = now_ms();

        (void)snprintf(id, sizeof(id), "eni-%017zx", i);
        (void)snprintf(address, sizeof(address), "10.1.%zu.%zu", 16 + (i + 10) / 256, (i + 10) % 256);
        eni.id = str_of(id);
        eni.address = str_of(address);
        must_do(network_eni_add(vpc->network, &eni, path, f));
        times[0][i] = now_ms() - start;
    }
    for (size_t i = 0; i < count; i++) {
        double start = now_ms();

        (void)snprintf(id, sizeof(id), "eni-%017zx", i);
        must_do(network_eni_remove(vpc->network, str_of(id), f));
        times[1][i] = now_ms() - start;
    }
    (void)snprintf(label, sizeof(label), "remove, %s", what);
    (void)print(label, times[1]);
    (void)snprintf(label, sizeof(label), "add, %s", what);
    return print(label, times[0]);
}

/* What the first task in a VPC waits for besides: router, way out, resolver. */
static void measure_vpc(struct test_vpc *vpc)
{
    struct network_vpc both[] = {vpc->vpc, vpc->vpc};
    size_t all = count;
    double times[2][VPCS];

    both[1].id = STR("vpc-0b");
    both[1].dns_support = true;
    vpc->subnets[0].exit = NETWORK_EXIT_INTERNET_GATEWAY;
    for (count = 0; count < VPCS; count++) {
        double start = now_ms();

        must_do(network_apply_vpcs(vpc->network, both, 2, f));
        times[0][count] = now_ms() - start;
        start = now_ms();
        must_do(network_apply_vpcs(vpc->network, both, 1, f));
        times[1][count] = now_ms() - start;
    }
    (void)print("make a VPC", times[0]);
    (void)print("remove a VPC", times[1]);
    vpc->subnets[0].exit = NETWORK_EXIT_NONE;
    count = all;
}

static int bench(void)
{
    struct network_group groups[GROUPS];
    char names[GROUPS][16];
    struct test_vpc *vpc;
    void *state;
    double start;
    double floor;
    double ours;

    (void)test_vpc_set_up(&state);
    vpc = state;
    for (size_t i = 0; i < GROUPS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "sg-%zu", i);
        groups[i] = test_group(names[i], test_port_80, 1);
    }
    start = now_ms();
    test_apply(vpc, groups, GROUPS);
    (void)printf("apply %d groups                    %6.2f\n", GROUPS, now_ms() - start);
    groups[7].egress_count = 0;
    start = now_ms();
    test_apply(vpc, groups, GROUPS);
    (void)printf("apply again, one changed            %6.2f\n", now_ms() - start);
    measure_vpc(vpc);
    floor = measure_floor();
    (void)measure(vpc, "each of another two", GROUPS);
    ours = measure(vpc, "all of one group", 1);
    (void)printf("ratio to floor: %.2f\n", ours / floor);
    return test_vpc_tear_down(&state);
}

int main(int argc, char **argv)
{
    int64_t wanted;

    if (argc > 1) {
        if (!str_to_int64(str_of(argv[1]), &wanted) || wanted < 1 || wanted > COUNT_MAX) {
            (void)fprintf(stderr, "usage: network_bench [1-%d]\n", COUNT_MAX);
            return EXIT_FAILURE;
        }
        count = (size_t)wanted;
    }
    test_machine_main(bench);
}
