/* Networks of containers, in a machine of the test's own (node/network/test_machine.h): needs root. */
#include "node/agent/agent_bridge.h"

#include "node/network/test_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int open_bridge(void **state)
{
    struct fail f;

    return agent_bridge_open((struct agent_bridge **)state, &f) ? 0 : -1;
}

static int close_bridge(void **state)
{
    struct fail f;

    if (!agent_bridge_tidy(*state, &f))
        return -1;
    agent_bridge_close(*state);
    return 0;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The number of one that could not be made is the next one's, long before its task is removed. */
static void who_failed_takes_nothing_of_who_came_after(void **state)
{
    const struct host_network_interface nowhere = {
        .mac_address = STR("02:00:00:00:00:99"), .address = STR("10.0.0.9"), .subnet_cidr = STR("10.0.0.0/24")};
    struct agent_endpoint failed = {.interface = &nowhere};
    struct agent_endpoint after = {.is_alone = true};
    struct agent_endpoint last = {.is_alone = true};
    struct fail f;

    assert_false(agent_bridge_add(*state, &failed, &f));
    assert_true(agent_bridge_add(*state, &after, &f));
    assert_int_equal(after.number, failed.number);
    agent_bridge_remove(*state, &failed);
    assert_true(is_there(after.path));
    assert_true(agent_bridge_add(*state, &last, &f));
    assert_int_not_equal(last.number, after.number);
    agent_bridge_remove(*state, &after);
    agent_bridge_remove(*state, &last);
}

static struct agent_endpoint with_port(uint16_t container)
{
    return (struct agent_endpoint){.ports = {{.container = container, .host = 8080}}, .port_count = 1};
}

static bool is_handed_to(const struct agent_endpoint *endpoint)
{
    char *map = nft_output("/proc/self/ns/net", "list map ip berth_agent tcp_ports");
    char wanted[64];
    bool found;

    (void)snprintf(wanted, sizeof(wanted), "8080 : %s . %u", endpoint->text, endpoint->ports[0].container);
    found = strstr(map, wanted) != NULL;
    free(map);
    return found;
}

static void a_port_stays_with_who_has_it(void **state)
{
    struct agent_endpoint owner = with_port(80);
    struct agent_endpoint other = with_port(81);
    struct fail f;

    assert_true(agent_bridge_add(*state, &owner, &f));
    assert_true(is_handed_to(&owner));
    assert_false(agent_bridge_add(*state, &other, &f));
    assert_true(is_there(other.path));
    agent_bridge_remove(*state, &other);
    assert_false(is_there(other.path));
    assert_true(is_handed_to(&owner));
    agent_bridge_remove(*state, &owner);
    assert_false(is_there(owner.path));
    assert_false(is_handed_to(&owner));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_failed_takes_nothing_of_who_came_after, open_bridge, close_bridge),
        cmocka_unit_test_setup_teardown(a_port_stays_with_who_has_it, open_bridge, close_bridge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    test_machine_main(run);
}
