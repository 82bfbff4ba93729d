/* Networks of containers, in a machine of the test's own (node/network/test_machine.h): needs root. */
#include "node/agent/agent_bridge.h"

#include "node/network/test_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_PORT = 32768, LAST_PORT = 60999 }; /* as the developer guide has them, "PortMapping" */

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

static struct agent_endpoint with_port(uint16_t container, uint16_t host)
{
    return (struct agent_endpoint){.ports = {{.container = container, .host = host}}, .port_count = 1};
}

static bool is_handed_to(const struct agent_endpoint *endpoint)
{
    char *map = nft_output("/proc/self/ns/net", "list map ip berth_agent tcp_ports");
    char wanted[64];
    bool found;

    (void)snprintf(wanted, sizeof(wanted), "%u : %s . %u", endpoint->ports[0].host, endpoint->text,
                   endpoint->ports[0].container);
    found = strstr(map, wanted) != NULL;
    free(map);
    return found;
}

static void a_port_stays_with_who_has_it(void **state)
{
    struct agent_endpoint owner = with_port(80, 8080);
    struct agent_endpoint other = with_port(81, 8080);
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

/* A port that is handed on has no listening socket here: the kernel would give it out again. */
static void a_chosen_port_is_nobody_elses(void **state)
{
    struct agent_endpoint before = with_port(80, FIRST_PORT);
    struct agent_endpoint fixed = with_port(81, FIRST_PORT + 1);
    struct agent_endpoint chosen = {
        .ports = {{.container = 82}, {.container = 83, .host = FIRST_PORT + 2}, {.container = 84, .udp = true}},
        .port_count = 3};
    struct fail f;

    before.number = 7;
    assert_true(agent_bridge_adopt(*state, &before, &f));
    assert_true(agent_bridge_add(*state, &fixed, &f));
    if (!agent_bridge_add(*state, &chosen, &f))
        fail_msg("%s", f.message);
    assert_true(chosen.ports[0].host > FIRST_PORT + 2);
    assert_in_range(chosen.ports[2].host, FIRST_PORT, LAST_PORT);
    assert_true(is_handed_to(&before));
    assert_true(is_handed_to(&fixed));
    assert_true(is_handed_to(&chosen));
    agent_bridge_remove(*state, &before);
    agent_bridge_remove(*state, &fixed);
    agent_bridge_remove(*state, &chosen);
}

/* The nth hundred of the ports that are given out, but for the last. */
static void adopt_hundred(struct agent_bridge *bridge, uint32_t n)
{
    struct agent_endpoint endpoint = {.number = n};
    struct fail f;

    for (uint32_t port = FIRST_PORT + n * 100; port < FIRST_PORT + n * 100 + 100 && port < LAST_PORT; port++)
        endpoint.ports[endpoint.port_count++] = (struct agent_port){.container = 80, .host = (uint16_t)port};
    assert_true(agent_bridge_adopt(bridge, &endpoint, &f));
}

static void the_last_port_is_given_out_again_and_again(void **state)
{
    struct agent_endpoint last = with_port(80, LAST_PORT);
    struct agent_endpoint other = with_port(81, 0);
    struct fail f;

    last.number = 999;
    assert_true(agent_bridge_adopt(*state, &last, &f));
    for (uint32_t n = 0; FIRST_PORT + n * 100 < LAST_PORT; n++)
        adopt_hundred(*state, n);
    assert_false(agent_bridge_add(*state, &other, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    agent_bridge_remove(*state, &other);
    agent_bridge_remove(*state, &last);
    for (int round = 0; round < 2; round++) {
        other = with_port(81, 0);
        assert_true(agent_bridge_add(*state, &other, &f));
        assert_int_equal(other.ports[0].host, LAST_PORT);
        assert_true(is_handed_to(&other));
        agent_bridge_remove(*state, &other);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_failed_takes_nothing_of_who_came_after, open_bridge, close_bridge),
        cmocka_unit_test_setup_teardown(a_port_stays_with_who_has_it, open_bridge, close_bridge),
        cmocka_unit_test_setup_teardown(a_chosen_port_is_nobody_elses, open_bridge, close_bridge),
        cmocka_unit_test_setup_teardown(the_last_port_is_given_out_again_and_again, open_bridge, close_bridge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    test_machine_main(run);
}
