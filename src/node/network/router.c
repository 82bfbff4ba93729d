#include "node/network/router.h"

#include "base/must.h"
#include "node/network/conntrack.h"
#include "node/network/namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

enum { LOOPBACK_INDEX = 1, LISTEN_BACKLOG = 256, SUBNETS_MAX = 200 /* AWS: subnets per VPC */ };

static const struct cidr link_local = {.address = 0xA9FE0000, .bits = 16};

/* rp_filter: a packet must come from where its answer would go. The conntrack timeouts keep a busy host's table from
 * filling with connections that are over: at 10,000 a second the default of 120 s fills 262144 entries in half a
 * minute.
 */
static const struct namespace_setting settings[] = {
    {"ipv6/conf/all/disable_ipv6", "1", /* optional= */ true},
    {"ipv6/conf/default/disable_ipv6", "1", /* optional= */ true},
    {"ipv4/ip_forward", "1", /* optional= */ false},
    {"ipv4/conf/all/rp_filter", "1", /* optional= */ false},
    {"ipv4/conf/all/send_redirects", "0", /* optional= */ false},
    {"ipv4/conf/default/send_redirects", "0", /* optional= */ false},
    {"netfilter/nf_conntrack_tcp_timeout_time_wait", "5", /* optional= */ true},
    {"netfilter/nf_conntrack_tcp_timeout_close", "2", /* optional= */ true},
};

/* The VPC as wanted. */

static bool subnet_set(struct subnet *subnet, const struct network_subnet *wanted, struct cidr vpc, struct fail *f)
{
    if (!network_id_set(&subnet->id, wanted->id, "subnet-", f))
        return false;
    if (!cidr_parse(wanted->cidr, &subnet->cidr) || !cidr_within(subnet->cidr, vpc) || subnet->cidr.bits > 28)
        return fail(f, FAIL_INPUT, "%s: \"%.*s\" is not a range of 16 or more addresses inside its VPC",
                    subnet->id.text, STR_ARG(wanted->cidr));
    subnet->exit = wanted->exit;
    return true;
}

bool vpc_set(const struct network_vpc *wanted, struct vpc *ret_vpc, struct fail *f)
{
    struct vpc vpc = {.reachable = wanted->reachable, .dns_support = wanted->dns_support};

    if (!network_id_set(&vpc.id, wanted->id, "vpc-", f))
        return false;
    if (!cidr_parse(wanted->cidr, &vpc.cidr) || vpc.cidr.bits < 16 || vpc.cidr.bits > 28)
        return fail(f, FAIL_INPUT, "%s: \"%.*s\" is not a range of /16 to /28", vpc.id.text, STR_ARG(wanted->cidr));
    if (wanted->subnet_count > SUBNETS_MAX)
        return fail(f, FAIL_LIMIT, "%s: more than %d subnets", vpc.id.text, SUBNETS_MAX);
    vpc.subnets = calloc(wanted->subnet_count + 1, sizeof(*vpc.subnets));
    if (vpc.subnets == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    for (size_t i = 0; i < wanted->subnet_count; i++) {
        if (!subnet_set(&vpc.subnets[i], &wanted->subnets[i], vpc.cidr, f)) {
            vpc_free(&vpc);
            return false;
        }
    }
    vpc.subnet_count = wanted->subnet_count;
    *ret_vpc = vpc;
    return true;
}

void vpc_free(struct vpc *vpc)
{
    free(vpc->subnets);
    *vpc = (struct vpc){0};
}

const struct subnet *vpc_subnet(const struct vpc *vpc, const char *id)
{
    for (size_t i = 0; i < vpc->subnet_count; i++) {
        if (strcmp(vpc->subnets[i].id.text, id) == 0)
            return &vpc->subnets[i];
    }
    return NULL;
}

bool vpc_has_exit(const struct vpc *vpc)
{
    for (size_t i = 0; i < vpc->subnet_count; i++) {
        if (vpc->subnets[i].exit != NETWORK_EXIT_NONE)
            return true;
    }
    return false;
}

bool vpc_exposes(const struct vpc *vpc, const struct eni *eni)
{
    const struct subnet *subnet = vpc_subnet(vpc, eni->subnet.text);

    return subnet != NULL && subnet->exit == NETWORK_EXIT_INTERNET_GATEWAY && eni->public_address != 0;
}

bool vpc_lets_out(const struct vpc *vpc, const struct eni *eni)
{
    const struct subnet *subnet = vpc_subnet(vpc, eni->subnet.text);

    return vpc_exposes(vpc, eni) || (subnet != NULL && subnet->exit == NETWORK_EXIT_NAT_GATEWAY);
}

static uint32_t resolver_address(const struct vpc *vpc)
{
    return vpc->cidr.address + 2;
}

/* The namespace. */

static void see_highest(const struct rtnetlink_link *link, void *context)
{
    uint32_t *next = context;

    if (link->index >= *next)
        *next = link->index + 1;
}

/* Sockets for everything that works inside; the thread is inside. */
static bool open_inside(struct router *router, struct fail *f)
{
    return namespace_set(settings, COUNT_OF(settings), f) && rtnetlink_open(&router->rt, f) &&
           conntrack_open(&router->conntrack, f) && firewall_open(&router->firewall, router->vpc.cidr, f);
}

static bool open_namespace(struct router *router, const struct machine *machine, struct fail *f)
{
    bool fresh = false;
    bool ok = namespace_open(router->name.text, &router->fd, f) && namespace_enter(router->fd, f);

    if (!ok && f->code == FAIL_NOT_FOUND) {
        /* What a crash may have left of the name is no namespace. */
        fresh = true;
        ok = namespace_remove(router->name.text, f) && namespace_create(router->name.text, machine->fd, &router->fd, f);
    }
    if (!ok)
        return false;
    ok = open_inside(router, f);
    namespace_leave(machine->fd);
    router->index_next = UPLINK_INDEX + 1;
    return ok && rtnetlink_links(&router->rt, see_highest, &router->index_next, f) &&
           (!fresh || firewall_start(&router->firewall, f));
}

bool router_open(struct machine *machine, const struct vpc *vpc, struct router **ret_router, struct fail *f)
{
    struct router *router = calloc(1, sizeof(*router));

    if (router == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    router->vpc.id = vpc->id;
    router->vpc.cidr = vpc->cidr;
    router->fd = -1;
    router->conntrack = -1;
    router->rt.fd = -1;
    router->resolver.pidfd = -1;
    router->name = machine_name(machine, router->vpc.id.text);
    uplink_name(&router->uplink, machine->instance, str_of(router->vpc.id.text));
    if (!open_namespace(router, machine, f)) {
        (void)!fail_in(f, "%s", router->vpc.id.text);
        router_close(router);
        return false;
    }
    *ret_router = router;
    return true;
}

void router_close(struct router *router)
{
    firewall_close(&router->firewall);
    rtnetlink_close(&router->rt);
    if (router->conntrack >= 0)
        (void)close(router->conntrack);
    if (router->fd >= 0)
        (void)close(router->fd);
    if (router->has_resolver)
        resolver_close(&router->resolver);
    vpc_free(&router->vpc);
    free(router);
}

/* The router's own addresses, all on lo: the gateway of each subnet, the resolver's two, and those of services. */

static bool is_own_address(const struct router *router, uint32_t address)
{
    if (router->vpc.dns_support && (address == resolver_address(&router->vpc) || address == RESOLVER_LINK_LOCAL))
        return true;
    for (size_t i = 0; i < router->vpc.subnet_count; i++) {
        if (address == router->vpc.subnets[i].cidr.address + 1)
            return true;
    }
    return false;
}

struct strays {
    const struct router *router;
    uint32_t found[RTNETLINK_BATCH_MAX];
    size_t count;
};

/* Addresses of the VPC that are no longer the router's. Services are link-local; nobody takes them back. */
static void see_stray(const struct rtnetlink_held_address *held, void *context)
{
    struct strays *strays = context;
    uint32_t address = held->address.address;

    if (held->index == LOOPBACK_INDEX &&
        (cidr_holds(strays->router->vpc.cidr, address) || address == RESOLVER_LINK_LOCAL) &&
        !is_own_address(strays->router, address) && strays->count < COUNT_OF(strays->found))
        strays->found[strays->count++] = address;
}

static bool remove_strays(struct router *router, struct fail *f)
{
    struct strays strays = {.router = router};

    do {
        strays.count = 0;
        if (!rtnetlink_addresses(&router->rt, see_stray, &strays, f))
            return false;
        for (size_t i = 0; i < strays.count; i++)
            rtnetlink_address_remove(&router->rt, LOOPBACK_INDEX, strays.found[i], 32);
        if (!rtnetlink_send(&router->rt, f))
            return false;
    } while (strays.count > 0);
    return true;
}

static bool add_address(struct router *router, uint32_t address, struct fail *f)
{
    rtnetlink_address(&router->rt, LOOPBACK_INDEX, address, 32, /* without_route= */ false);
    return rtnetlink_send(&router->rt, f);
}

static bool apply_addresses(struct router *router, struct fail *f)
{
    const struct vpc *vpc = &router->vpc;

    if (!remove_strays(router, f))
        return false;
    rtnetlink_link_up(&router->rt, LOOPBACK_INDEX);
    /* Addresses that nobody has must not take the default route. */
    rtnetlink_route(&router->rt, &(struct rtnetlink_route){.to = vpc->cidr, .black_hole = true});
    if (!rtnetlink_send(&router->rt, f))
        return false;
    for (size_t i = 0; i < vpc->subnet_count; i++) {
        if (!add_address(router, vpc->subnets[i].cidr.address + 1, f))
            return false;
    }
    if (!vpc->dns_support)
        return true;
    return add_address(router, resolver_address(vpc), f) && add_address(router, RESOLVER_LINK_LOCAL, f) &&
           firewall_service(&router->firewall, resolver_address(vpc), f) &&
           firewall_service(&router->firewall, RESOLVER_LINK_LOCAL, f);
}

static bool open_resolver(struct resolver *resolver, const struct machine *machine, const char *id, struct fail *f)
{
    char directory[RESOLVER_PATH_SIZE + NETWORK_ID_MAX + 16];

    (void)snprintf(directory, sizeof(directory), "%s/resolver/%s", machine->run_dir, id);
    return resolver_open(resolver, directory, f);
}

bool router_resolve(struct router *router, struct machine *machine, struct fail *f)
{
    if (!router->has_resolver) {
        if (!open_resolver(&router->resolver, machine, router->vpc.id.text, f))
            return false;
        router->has_resolver = true;
    }
    if (router->vpc.dns_support)
        return resolver_exit(&router->resolver, vpc_has_exit(&router->vpc), f) &&
               resolver_run(&router->resolver, router->fd, resolver_address(&router->vpc), f);
    return resolver_stop(&router->resolver, f);
}

static bool apply_uplink(struct router *router, struct machine *machine, struct fail *f)
{
    struct uplink_ends ends = {.machine = &machine->rt, .router = &router->rt, .router_fd = router->fd};

    if (!router->vpc.reachable && !vpc_has_exit(&router->vpc)) {
        /* As in a VPC without a gateway: what leaves it gets no answer. An uplink replaces this route. */
        rtnetlink_route(&router->rt, &(struct rtnetlink_route){.black_hole = true});
        return uplink_remove(&router->uplink, &machine->rt, f) && rtnetlink_send(&router->rt, f);
    }
    return uplink_make(&router->uplink, &ends, f) &&
           uplink_route(&router->uplink, &machine->rt, router->vpc.cidr, router->vpc.reachable, f);
}

bool router_apply(struct router *router, struct machine *machine, struct vpc *vpc, struct fail *f)
{
    bool same_cidr = router->vpc.cidr.address == vpc->cidr.address && router->vpc.cidr.bits == vpc->cidr.bits;

    if (!same_cidr) {
        vpc_free(vpc);
        return fail(f, FAIL_CONFLICT, "%s: the CIDR of a VPC cannot change from %s", router->vpc.id.text,
                    cidr_text(router->vpc.cidr).text);
    }
    vpc_free(&router->vpc);
    router->vpc = *vpc;
    *vpc = (struct vpc){0};
    if (apply_addresses(router, f) && router_resolve(router, machine, f) && apply_uplink(router, machine, f))
        return true;
    return fail_in(f, "%s", router->vpc.id.text);
}

bool router_remove(struct machine *machine, const char *id, struct fail *f)
{
    struct machine_name name = machine_name(machine, id);
    struct resolver resolver;
    struct uplink uplink;
    bool ok;

    if (!open_resolver(&resolver, machine, id, f))
        return false;
    ok = resolver_end(&resolver, f);
    resolver_close(&resolver);
    uplink_name(&uplink, machine->instance, str_of(id));
    /* The uplink explicitly: a process inside could keep the namespace, and with it the machine's route. */
    return ok && uplink_remove(&uplink, &machine->rt, f) && namespace_remove(name.text, f);
}

static bool open_socket(uint32_t address, uint16_t port, int type, int *ret_fd, struct fail *f)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    auto_fd fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    int on = 1;

    /* SO_REUSEADDR: connections of a former process must not keep us from listening again. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0))
        return fail(f, errno == EADDRINUSE ? FAIL_CONFLICT : FAIL_SYSTEM, "listen on %s port %u: %s",
                    address_text(address).text, port, strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

bool router_socket(struct router *router, const struct machine *machine, uint32_t address, uint16_t port, int type,
                   int *ret_fd, struct fail *f)
{
    bool ok;

    if (!cidr_holds(link_local, address) || address == RESOLVER_LINK_LOCAL || cidr_holds(uplink_space, address))
        return fail(f, FAIL_INPUT, "%s is not a link-local address for services", address_text(address).text);
    if (!add_address(router, address, f) || !firewall_service(&router->firewall, address, f) ||
        !namespace_enter(router->fd, f))
        return false;
    ok = open_socket(address, port, type, ret_fd, f);
    namespace_leave(machine->fd);
    return ok;
}

struct sweep {
    const struct tree *enis;
    const char *vpc;
    char found[RTNETLINK_BATCH_MAX][IFNAMSIZ];
    size_t count;
};

static void see_orphan(const struct rtnetlink_link *link, void *context)
{
    struct sweep *sweep = context;

    if (!str_starts(str_of(link->name), STR("eni")) || sweep->count == COUNT_OF(sweep->found))
        return;
    for (struct tree_node *node = tree_at(sweep->enis, STR("")); node != NULL;
         node = tree_after(sweep->enis, node->key)) {
        const struct eni *eni = tree_item(node, struct eni, node);

        if (strcmp(eni->vpc.text, sweep->vpc) == 0 && strcmp(eni_link(eni).name, link->name) == 0)
            return;
    }
    memcpy(sweep->found[sweep->count++], link->name, IFNAMSIZ);
}

bool router_sweep(struct router *router, const struct tree *enis, struct fail *f)
{
    struct sweep sweep = {.enis = enis, .vpc = router->vpc.id.text};

    do {
        sweep.count = 0;
        if (!rtnetlink_links(&router->rt, see_orphan, &sweep, f))
            return false;
        for (size_t i = 0; i < sweep.count; i++)
            rtnetlink_link_remove(&router->rt, sweep.found[i]);
        if (!rtnetlink_send(&router->rt, f))
            return false;
    } while (sweep.count > 0);
    return true;
}
