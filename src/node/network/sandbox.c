#include "node/network/sandbox.h"

#include "node/network/namespace.h"

/* eth0's index, so that all requests fit one batch. Above those of the fallback tunnels (tunl0, sit0 ...) that modules
 * put into every new namespace. */
enum { LOOPBACK_INDEX = 1, ETH0_INDEX = 20 };

const uint8_t sandbox_router_mac[MAC_BYTES] = {0x02, 'b', 'e', 'r', 't', 'h'};

/* As Docker sets them, on whose hosts images are made and the ECS agent's awsvpc tasks run: a process without
 * privileges may bind port 80 and ping. */
static const struct namespace_setting settings[] = {
    {"ipv6/conf/all/disable_ipv6", "1", /* optional= */ true},
    {"ipv6/conf/default/disable_ipv6", "1", /* optional= */ true},
    {"ipv4/ip_unprivileged_port_start", "0", /* optional= */ false},
    {"ipv4/ping_group_range", "0 2147483647", /* optional= */ false},
};

/* A new namespace, or the one that is given; the thread is inside. */
static bool enter_namespace(const struct eni *eni, const struct sandbox_place *place, int *ret_fd, struct fail *f)
{
    if (eni->namespace_fd == 0)
        return namespace_create(place->name, place->home_fd, ret_fd, f);
    if (!namespace_name(place->name, eni->namespace_fd, place->home_fd, f))
        return false;
    *ret_fd = dup(eni->namespace_fd);
    return true;
}

/* The namespace with its settings and a socket to configure it with; the thread is home again. */
static bool make_namespace(const struct eni *eni, const struct sandbox_place *place, int *ret_fd,
                           struct rtnetlink *inside, struct fail *f)
{
    auto_fd fd = -1;
    bool ok;

    if (!enter_namespace(eni, place, &fd, f))
        return false;
    ok = namespace_set(settings, COUNT_OF(settings), f) && rtnetlink_open(inside, f);
    namespace_leave(place->home_fd);
    if (ok)
        *ret_fd = take_fd(&fd);
    return ok;
}

bool sandbox_open(const char *name, int home_fd, int *ret_fd, struct rtnetlink *ret_inside, struct fail *f)
{
    const struct eni none = {.namespace_fd = 0};
    const struct sandbox_place place = {.name = name, .home_fd = home_fd};

    return make_namespace(&none, &place, ret_fd, ret_inside, f);
}

static bool connect_router(const struct eni *eni, const struct sandbox_place *place, int fd, struct fail *f)
{
    struct eni_link link = eni_link(eni);
    struct rtnetlink_veth_end here = {.name = link.name, .index = place->router_index, .mac = sandbox_router_mac};
    struct rtnetlink_veth_end peer = {.name = "eth0", .index = ETH0_INDEX, .mac = eni->mac};

    if (eni->inside.text[0] != '\0')
        peer = (struct rtnetlink_veth_end){.name = link.name, .mac = eni->mac};
    rtnetlink_veth(place->router, &here, &peer, fd);
    rtnetlink_link_up(place->router, place->router_index);
    rtnetlink_neighbour(place->router, place->router_index, eni->address, eni->mac);
    /* Replaces the route to a former ENI of this address whose namespace lingers. */
    rtnetlink_route(place->router, &(struct rtnetlink_route){.to = {eni->address, 32}, .index = place->router_index});
    return rtnetlink_send(place->router, f);
}

/* Our end may linger from a former life of this ENI, whose namespace is kept by a process or still being taken down. */
static bool connect_router_anew(const struct eni *eni, const struct sandbox_place *place, int fd, struct fail *f)
{
    rtnetlink_link_remove(place->router, eni_link(eni).name);
    return rtnetlink_send(place->router, f) && connect_router(eni, place, fd, f);
}

static bool connect_whole(const struct eni *eni, const struct sandbox_place *place, int fd, struct fail *f)
{
    return connect_router(eni, place, fd, f) || (f->code == FAIL_CONFLICT && connect_router_anew(eni, place, fd, f));
}

static bool configure(const struct eni *eni, const struct sandbox_place *place, struct rtnetlink *inside,
                      struct fail *f)
{
    uint32_t gateway = place->subnet.address + 1;

    rtnetlink_link_up(inside, LOOPBACK_INDEX);
    rtnetlink_address(inside, ETH0_INDEX, eni->address, place->subnet.bits, /* without_route= */ true);
    rtnetlink_link_up(inside, ETH0_INDEX);
    rtnetlink_neighbour(inside, ETH0_INDEX, gateway, sandbox_router_mac);
    rtnetlink_route(inside, &(struct rtnetlink_route){.to = {gateway, 32}, .index = ETH0_INDEX});
    rtnetlink_route(inside, &(struct rtnetlink_route){.index = ETH0_INDEX, .gateway = gateway});
    return rtnetlink_send(inside, f);
}

bool sandbox_make(const struct eni *eni, const struct sandbox_place *place, struct fail *f)
{
    struct rtnetlink inside = {.fd = -1};
    struct fail ignored;
    auto_fd fd = -1;
    bool ok = make_namespace(eni, place, &fd, &inside, f);

    ok = ok && connect_whole(eni, place, fd, f) && configure(eni, place, &inside, f);
    rtnetlink_close(&inside);
    if (!ok)
        (void)!sandbox_drop(place->name, &ignored);
    return ok;
}

bool sandbox_join(const struct eni *eni, const struct sandbox_place *place, struct fail *f)
{
    auto_fd fd = -1;

    return namespace_open(place->name, &fd, f) && connect_whole(eni, place, fd, f);
}

bool sandbox_part(const struct eni *eni, struct rtnetlink *router, struct fail *f)
{
    rtnetlink_link_remove(router, eni_link(eni).name);
    return rtnetlink_send(router, f);
}

bool sandbox_drop(const char *name, struct fail *f)
{
    return namespace_remove(name, f);
}
