#include "node/agent/agent_eni.h"

#include "node/network/namespace.h"
#include "node/network/sandbox.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

enum {
    LOOPBACK_INDEX = 1,
    LINK_INDEX = 21,               /* ecs-eth0's in the task's namespace */
    METADATA_ADDRESS = 0xa9feaa02, /* 169.254.170.2 */
};

bool agent_eni_find(struct str mac, uint32_t *ret_index, struct fail *f)
{
    uint8_t wanted[MAC_BYTES];
    struct ifaddrs *all;
    uint32_t index = 0;

    if (!mac_parse(mac, wanted))
        return fail(f, FAIL_INPUT, "'%.*s' is no MAC address", STR_ARG(mac));
    if (getifaddrs(&all) != 0)
        return fail(f, FAIL_SYSTEM, "list interfaces: %s", strerror(errno));
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        const struct sockaddr_ll *link = (const void *)one->ifa_addr;

        if (link != NULL && link->sll_family == AF_PACKET && link->sll_halen == MAC_BYTES &&
            memcmp(link->sll_addr, wanted, MAC_BYTES) == 0)
            index = (uint32_t)link->sll_ifindex;
    }
    freeifaddrs(all);
    *ret_index = index;
    return index != 0 || fail(f, FAIL_NOT_FOUND, "no interface has the MAC %.*s", STR_ARG(mac));
}

/* The instance's ends: the interface goes, a pair for the metadata comes. */
static bool connect_machine(const struct agent_endpoint *endpoint, struct rtnetlink *machine, uint32_t link_index,
                            int fd, struct fail *f)
{
    const uint8_t mac[MAC_BYTES] = {
        0x02, 0x42, 0xa9, 0xfe, (uint8_t)(endpoint->number >> 8), (uint8_t)endpoint->number};
    const struct rtnetlink_veth_end here = {.name = endpoint->name, .index = link_index, .mac = sandbox_router_mac};
    const struct rtnetlink_veth_end peer = {.name = "ecs-eth0", .index = LINK_INDEX, .mac = mac};
    struct cidr own;
    uint32_t index;

    if (!agent_eni_find(endpoint->interface->mac_address, &index, f))
        return false;
    if (!address_parse(endpoint->address, &own.address))
        return fail(f, FAIL_INPUT, "'%s' is no address", endpoint->text);
    own.bits = 32;
    rtnetlink_link_move(machine, index, fd, "eth0");
    rtnetlink_veth(machine, &here, &peer, fd);
    rtnetlink_link_up(machine, link_index);
    rtnetlink_neighbour(machine, link_index, own.address, mac);
    rtnetlink_route(machine, &(struct rtnetlink_route){.to = own, .index = link_index});
    return rtnetlink_send(machine, f);
}

/* As sandbox.h has it: no neighbour is on the link, everything passes the gateway. */
static bool configure(const struct agent_endpoint *endpoint, struct rtnetlink *inside, struct fail *f)
{
    const struct host_network_interface *interface = endpoint->interface;
    uint32_t link_address;
    uint32_t address;
    struct cidr subnet;
    uint32_t index;

    if (!cidr_parse(interface->subnet_cidr, &subnet) || !address_parse(interface->address, &address) ||
        !address_parse(endpoint->address, &link_address))
        return fail(f, FAIL_INPUT, "the addresses of the interface cannot be read");
    if (!rtnetlink_link_find(inside, "eth0", &index, f))
        return false;
    rtnetlink_link_up(inside, LOOPBACK_INDEX);
    rtnetlink_address(inside, index, address, subnet.bits, /* without_route= */ true);
    rtnetlink_link_up(inside, index);
    rtnetlink_route(inside, &(struct rtnetlink_route){.to = {subnet.address + 1, 32}, .index = index});
    rtnetlink_route(inside, &(struct rtnetlink_route){.index = index, .gateway = subnet.address + 1});
    rtnetlink_address(inside, LINK_INDEX, link_address, 32, /* without_route= */ true);
    rtnetlink_link_up(inside, LINK_INDEX);
    rtnetlink_neighbour(inside, LINK_INDEX, METADATA_ADDRESS, sandbox_router_mac);
    rtnetlink_route(
        inside, &(struct rtnetlink_route){.to = {METADATA_ADDRESS, 32}, .index = LINK_INDEX, .source = link_address});
    return rtnetlink_send(inside, f);
}

bool agent_eni_make(const struct agent_endpoint *endpoint, int home_fd, struct rtnetlink *machine, uint32_t link_index,
                    struct fail *f)
{
    struct rtnetlink inside = {.fd = -1};
    struct fail ignored;
    auto_fd fd = -1;
    bool good = sandbox_open(endpoint->name, home_fd, &fd, &inside, f) &&
                connect_machine(endpoint, machine, link_index, fd, f) && configure(endpoint, &inside, f);

    rtnetlink_close(&inside);
    if (!good)
        (void)!sandbox_drop(endpoint->name, &ignored);
    return good;
}
