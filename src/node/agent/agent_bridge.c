#include "node/agent/agent_bridge.h"

#include "base/log.h"
#include "base/must.h"
#include "node/agent/agent_eni.h"
#include "node/network/namespace.h"
#include "node/network/nft.h"
#include "node/network/sandbox.h"
#include "node/runtime/small_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#define TABLE  "berth_agent"
#define PREFIX "ecs-"

enum {
    FIRST_ADDRESS = 0xac110002,  /* 172.17.0.2 */
    FIRST_OF_TASKS = 0xa9feac02, /* 169.254.172.2, of the range that the amazon-ecs-agent takes for awsvpc */
    ADDRESSES = 1000,
    FIRST_INDEX = 1000, /* of interfaces, above what the instance has */
    FIRST_PORT = 32768, /* developer guide, "PortMapping": the ephemeral range of dynamic host ports */
    LAST_PORT = 60999,
};

struct agent_bridge {
    pthread_mutex_t lock; /* protects all */
    int home_fd;
    struct rtnetlink router;
    struct nft nft;
    bool taken[ADDRESSES];
    bool ports_taken[2][UINT16_MAX + 1]; /* what the maps hand on: of tcp, of udp */
    uint16_t next_port;
};

/* "ecs-7", unless somebody has it. */
static bool forget_one(const char *name, void *context, struct fail *f)
{
    const struct agent_bridge *bridge = context;
    uint64_t number;

    if (str_to_uint64(str_of(name + strlen(PREFIX)), &number) && number < ADDRESSES && bridge->taken[number])
        return true;
    return namespace_remove(name, f);
}

bool agent_bridge_tidy(struct agent_bridge *bridge, struct fail *f)
{
    return namespace_each(PREFIX, forget_one, bridge, f);
}

/* The instance routes, hides and hands on. Locally made connections to a host port are handed on, too. */
static bool begin_rules(struct agent_bridge *bridge, struct fail *f)
{
    /* The latter so that 127.0.0.1 reaches host ports, too, as ecs-init sets it. */
    static const struct namespace_setting forward[] = {{"ipv4/ip_forward", "1", /* optional= */ false},
                                                       {"ipv4/conf/all/route_localnet", "1", /* optional= */ false}};
    auto_buf rules = {.ptr = NULL};

    buf_add_cstr(&rules, "add table ip " TABLE "\ndelete table ip " TABLE "\ntable ip " TABLE " {\n"
                         " map tcp_ports { type inet_service : ipv4_addr . inet_service; }\n"
                         " map udp_ports { type inet_service : ipv4_addr . inet_service; }\n"
                         " chain pre { type nat hook prerouting priority dstnat;\n"
                         "  fib daddr type local dnat ip to tcp dport map @tcp_ports\n"
                         "  fib daddr type local dnat ip to udp dport map @udp_ports\n }\n"
                         " chain out { type nat hook output priority -100;\n"
                         "  fib daddr type local dnat ip to tcp dport map @tcp_ports\n"
                         "  fib daddr type local dnat ip to udp dport map @udp_ports\n }\n"
                         " chain post { type nat hook postrouting priority srcnat;\n"
                         "  ip saddr 172.17.0.0/16 ip daddr != 172.17.0.0/16 masquerade\n"
                         "  ip saddr 127.0.0.0/8 ip daddr 172.17.0.0/16 masquerade\n }\n}\n");
    return namespace_set(forward, COUNT_OF(forward), f) && nft_run(&bridge->nft, &rules, f);
}

bool agent_bridge_open(struct agent_bridge **ret_bridge, struct fail *f)
{
    struct agent_bridge *bridge = calloc(1, sizeof(*bridge));

    must(bridge != NULL);
    must(pthread_mutex_init(&bridge->lock, NULL) == 0);
    bridge->next_port = FIRST_PORT;
    if (!namespace_prepare(f) || !namespace_home(&bridge->home_fd, f) || !rtnetlink_open(&bridge->router, f) ||
        !nft_open(&bridge->nft, f) || !begin_rules(bridge, f)) {
        free(bridge);
        return false;
    }
    *ret_bridge = bridge;
    return true;
}

void agent_bridge_close(struct agent_bridge *bridge)
{
    nft_close(&bridge->nft);
    rtnetlink_close(&bridge->router);
    close_fd_at(&bridge->home_fd);
    (void)pthread_mutex_destroy(&bridge->lock);
    free(bridge);
}

static bool is_wished(const struct agent_endpoint *endpoint, uint16_t port, bool udp)
{
    for (size_t i = 0; i < endpoint->port_count; i++)
        if (endpoint->ports[i].host == port && endpoint->ports[i].udp == udp)
            return true;
    return false;
}

/* Whether nobody listens there: the kernel says it. It knows of no port that is handed on. */
static bool is_quiet(uint16_t port, bool udp)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    auto_fd fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool choose_port(struct agent_bridge *bridge, const struct agent_endpoint *endpoint, struct agent_port *port,
                        struct fail *f)
{
    for (int tries = 0; tries <= LAST_PORT - FIRST_PORT; tries++) {
        uint16_t candidate = bridge->next_port;

        bridge->next_port = (uint16_t)(candidate == LAST_PORT ? FIRST_PORT : candidate + 1);
        if (bridge->ports_taken[port->udp][candidate] || is_wished(endpoint, candidate, port->udp) ||
            !is_quiet(candidate, port->udp))
            continue;
        port->host = candidate;
        return true;
    }
    return fail(f, FAIL_LIMIT, "none of the host ports %d to %d is free", FIRST_PORT, LAST_PORT);
}

static bool choose_ports(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    for (size_t i = 0; i < endpoint->port_count; i++)
        if (endpoint->ports[i].host == 0 && !choose_port(bridge, endpoint, &endpoint->ports[i], f))
            return false;
    return true;
}

static bool change_ports(struct agent_bridge *bridge, const struct agent_endpoint *endpoint, bool adds, struct fail *f)
{
    auto_buf rules = {.ptr = NULL};

    for (size_t i = 0; i < endpoint->port_count; i++) {
        const struct agent_port *port = &endpoint->ports[i];

        buf_printf(&rules, "%s element ip " TABLE " %s_ports { %u", adds ? "add" : "delete", port->udp ? "udp" : "tcp",
                   port->host);
        if (adds)
            buf_printf(&rules, " : %s . %u", endpoint->text, port->container);
        buf_add_cstr(&rules, " }\n");
    }
    if (!nft_run(&bridge->nft, &rules, f))
        return false;
    for (size_t i = 0; i < endpoint->port_count; i++)
        bridge->ports_taken[endpoint->ports[i].udp][endpoint->ports[i].host] = adds;
    return true;
}

static bool make_sandbox(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    struct eni eni = {.address = FIRST_ADDRESS + endpoint->number};
    const struct sandbox_place place = {.name = endpoint->name,
                                        .home_fd = bridge->home_fd,
                                        .router = &bridge->router,
                                        .router_index = FIRST_INDEX + endpoint->number,
                                        .subnet = {0xac110000, 16}};
    const uint8_t mac[MAC_BYTES] = {0x02, 0x42, 0xac, 0x11, (uint8_t)(eni.address >> 8), (uint8_t)eni.address};

    memcpy(eni.mac, mac, sizeof(mac));
    (void)snprintf(eni.id.text, sizeof(eni.id.text), "eni-%u", endpoint->number);
    return sandbox_make(&eni, &place, f);
}

static bool make_alone(struct agent_bridge *bridge, const struct agent_endpoint *endpoint, struct fail *f)
{
    enum { LOOPBACK_INDEX = 1 };
    struct rtnetlink inside = {.fd = -1};
    struct fail ignored;
    auto_fd fd = -1;
    bool good;

    if (!namespace_create(endpoint->name, bridge->home_fd, &fd, f))
        return false;
    good = rtnetlink_open(&inside, f);
    namespace_leave(bridge->home_fd);
    if (good)
        rtnetlink_link_up(&inside, LOOPBACK_INDEX);
    good = good && rtnetlink_send(&inside, f);
    rtnetlink_close(&inside);
    if (!good)
        (void)!sandbox_drop(endpoint->name, &ignored);
    return good;
}

static void name_endpoint(struct agent_endpoint *endpoint)
{
    (void)snprintf(endpoint->name, sizeof(endpoint->name), PREFIX "%u", endpoint->number);
    (void)snprintf(endpoint->path, sizeof(endpoint->path), NAMESPACE_DIR "/%s", endpoint->name);
    (void)snprintf(
        endpoint->text, sizeof(endpoint->text), "%s",
        address_text((endpoint->interface != NULL ? FIRST_OF_TASKS : FIRST_ADDRESS) + endpoint->number).text);
    endpoint->address = str_of(endpoint->text);
}

static bool make(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    if (endpoint->interface != NULL)
        return agent_eni_make(endpoint, bridge->home_fd, &bridge->router, FIRST_INDEX + endpoint->number, f);
    return endpoint->is_alone ? make_alone(bridge, endpoint, f) : make_sandbox(bridge, endpoint, f);
}

/* Of those that could not be added, one may be somebody else's: they are not taken away with the endpoint. */
static bool add_ports(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    if (change_ports(bridge, endpoint, /* adds= */ true, f))
        return true;
    endpoint->port_count = 0;
    return false;
}

static bool add(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    while (endpoint->number < ADDRESSES && bridge->taken[endpoint->number])
        endpoint->number++;
    if (endpoint->number == ADDRESSES)
        return fail(f, FAIL_LIMIT, "more than %d containers in the network modes bridge and none", ADDRESSES);
    if (!choose_ports(bridge, endpoint, f))
        return false;
    name_endpoint(endpoint);
    if (!make(bridge, endpoint, f)) {
        endpoint->name[0] = '\0'; /* nothing is left of it, and the number is the next one's */
        return false;
    }
    bridge->taken[endpoint->number] = true;
    return add_ports(bridge, endpoint, f);
}

bool agent_bridge_adopt(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    if (endpoint->number >= ADDRESSES || bridge->taken[endpoint->number])
        return fail(f, FAIL_CONFLICT, "address %u is taken", endpoint->number);
    name_endpoint(endpoint);
    bridge->taken[endpoint->number] = true;
    return add_ports(bridge, endpoint, f);
}

bool agent_bridge_add(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f)
{
    bool good;

    (void)pthread_mutex_lock(&bridge->lock);
    good = add(bridge, endpoint, f);
    (void)pthread_mutex_unlock(&bridge->lock);
    return good;
}

void agent_bridge_remove(struct agent_bridge *bridge, struct agent_endpoint *endpoint)
{
    struct fail f;

    if (endpoint->name[0] == '\0')
        return;
    (void)pthread_mutex_lock(&bridge->lock);
    if (!change_ports(bridge, endpoint, /* adds= */ false, &f) || !sandbox_drop(endpoint->name, &f))
        log_warning("network of a container: %s", f.message);
    bridge->taken[endpoint->number] = false;
    (void)pthread_mutex_unlock(&bridge->lock);
    endpoint->name[0] = '\0';
}
