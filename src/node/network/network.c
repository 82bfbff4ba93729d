#include "node/network/network.h"

#include "base/must.h"
#include "node/network/conntrack.h"
#include "node/network/names.h"
#include "node/network/router.h"
#include "node/network/ruleset.h"
#include "node/network/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>

enum { NAMES_BYTES_MAX = 16 << 20 };

struct network {
    pthread_mutex_t lock; /* everything below but watch; the only lock here */
    int watch;            /* epoll: the pidfds of resolvers */
    struct machine machine;
    struct tree routers;
    struct tree enis;
};

static void unlock_at(pthread_mutex_t **lock)
{
    must(pthread_mutex_unlock(*lock) == 0);
}

/* Holds the network until the end of the block. */
#define locked(network)                                                                                                \
    __attribute__((cleanup(unlock_at))) pthread_mutex_t *held_ = &(network)->lock;                                     \
    must(pthread_mutex_lock(held_) == 0)

static struct router *router_first(const struct network *network)
{
    struct tree_node *node = tree_at(&network->routers, STR(""));

    return node == NULL ? NULL : tree_item(node, struct router, node);
}

static struct router *router_after(const struct network *network, const struct router *router)
{
    struct tree_node *node = tree_after(&network->routers, router->node.key);

    return node == NULL ? NULL : tree_item(node, struct router, node);
}

static struct router *router_at(const struct network *network, struct str id)
{
    struct tree_node *node = tree_find(&network->routers, id);

    return node == NULL ? NULL : tree_item(node, struct router, node);
}

static struct router *router_need(const struct network *network, struct str id, struct fail *f)
{
    struct router *router = router_at(network, id);

    if (router == NULL)
        (void)!fail(f, FAIL_NOT_FOUND, "there is no VPC %.*s", STR_ARG(id));
    return router;
}

static struct eni *eni_first(const struct network *network)
{
    struct tree_node *node = tree_at(&network->enis, STR(""));

    return node == NULL ? NULL : tree_item(node, struct eni, node);
}

static struct eni *eni_after(const struct network *network, const struct eni *eni)
{
    struct tree_node *node = tree_after(&network->enis, eni->node.key);

    return node == NULL ? NULL : tree_item(node, struct eni, node);
}

static struct eni *eni_at(const struct network *network, struct str id)
{
    struct tree_node *node = tree_find(&network->enis, id);

    return node == NULL ? NULL : tree_item(node, struct eni, node);
}

static void eni_keep(struct network *network, struct eni *eni)
{
    must(tree_add(&network->enis, &eni->node, str_of(eni->id.text)));
}

static void eni_drop(struct network *network, struct eni *eni)
{
    must(tree_remove(&network->enis, eni->node.key) == &eni->node);
    free(eni);
}

/* Opening: what a former process left. */

static bool exists(const char *name, bool *ret_exists, struct fail *f)
{
    auto_fd fd = -1;

    *ret_exists = namespace_open(name, &fd, f);
    return *ret_exists || f->code == FAIL_NOT_FOUND;
}

/* A namespace with a record is an ENI that goes on; one without is half-made. So is one whose router is gone. */
static bool adopt(const char *name, void *context, struct fail *f)
{
    struct network *network = context;
    struct str id = str_from(str_of(name), strlen(machine_name(&network->machine, "").text));
    auto_free struct eni *eni = calloc(1, sizeof(*eni));
    bool whole = false;

    if (eni == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    if (eni_load(eni, network->machine.records, id, f)) {
        bool has_router;

        if (!exists(name, &whole, f) || !exists(machine_name(&network->machine, eni->vpc.text).text, &has_router, f))
            return false;
        whole = whole && has_router;
        eni->exposed = eni->public_address != 0; /* it may be: the first network_apply_vpcs puts it right */
    } else if (f->code == FAIL_SYSTEM) {
        return false;
    }
    if (!whole)
        return namespace_remove(name, f);
    eni_keep(network, take_ptr(&eni));
    return true;
}

/* One inside another's namespace goes on with that. */
static bool adopt_inside(struct network *network, const char *id, bool *ret_adopted, struct fail *f)
{
    auto_free struct eni *eni = calloc(1, sizeof(*eni));

    *ret_adopted = false;
    if (eni == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    if (!eni_load(eni, network->machine.records, str_of(id), f))
        return f->code != FAIL_SYSTEM;
    if (eni->inside.text[0] == '\0' || eni_at(network, str_of(eni->inside.text)) == NULL)
        return true;
    eni->exposed = eni->public_address != 0; /* as above */
    eni_keep(network, take_ptr(&eni));
    *ret_adopted = true;
    return true;
}

/* A record without a namespace: the machine was started again, or a crash came in the middle of a removal. */
static bool sweep_record(const char *id, void *context, struct fail *f)
{
    struct network *network = context;
    bool adopted;

    if (eni_at(network, str_of(id)) != NULL)
        return true;
    if (!adopt_inside(network, id, &adopted, f) || adopted)
        return adopted;
    if (unlinkat(network->machine.records, id, 0) < 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove record %s: %s", id, strerror(errno));
    return true;
}

static bool adopt_all(struct network *network, struct fail *f)
{
    struct machine_name prefix = machine_name(&network->machine, "eni-");

    return namespace_each(prefix.text, adopt, network, f) &&
           machine_records(&network->machine, sweep_record, network, f);
}

bool network_open(const struct network_options *options, struct network **ret_network, struct fail *f)
{
    struct network *network = calloc(1, sizeof(*network));

    if (network == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    must(pthread_mutex_init(&network->lock, NULL) == 0);
    network->watch = epoll_create1(EPOLL_CLOEXEC);
    if (network->watch < 0 || !machine_open(&network->machine, options, f)) {
        if (network->watch < 0)
            (void)!fail(f, FAIL_SYSTEM, "epoll_create1: %s", strerror(errno));
        close_fd_at(&network->watch);
        free(network);
        return false;
    }
    if (!adopt_all(network, f)) {
        network_close(network);
        return false;
    }
    *ret_network = network;
    return true;
}

static void forget_all(struct network *network)
{
    struct router *router;
    struct eni *eni;

    while ((eni = eni_first(network)) != NULL)
        eni_drop(network, eni);
    while ((router = router_first(network)) != NULL) {
        must(tree_remove(&network->routers, router->node.key) == &router->node);
        router_close(router);
    }
}

void network_close(struct network *network)
{
    if (network == NULL)
        return;
    forget_all(network);
    machine_close(&network->machine);
    close_fd_at(&network->watch);
    must(pthread_mutex_destroy(&network->lock) == 0);
    free(network);
}

/* Keeps the first of several failures. */
static void note(bool ok, const struct fail *failure, bool *all_ok, struct fail *f)
{
    if (!ok && *all_ok)
        *f = *failure;
    *all_ok = *all_ok && ok;
}

static bool remove_sandbox(const char *name, void *context, struct fail *f)
{
    (void)context;
    return sandbox_drop(name, f);
}

/* Removes the router of that namespace unless it is in the tree. */
static bool remove_router(const char *name, void *context, struct fail *f)
{
    struct network *network = context;
    const char *id = name + strlen(machine_name(&network->machine, "").text);

    return router_at(network, str_of(id)) != NULL || router_remove(&network->machine, id, f);
}

bool network_down(struct network *network, struct fail *f)
{
    struct machine *machine = &network->machine;
    struct fail failure;
    bool ok = true;

    locked(network);
    forget_all(network);
    note(namespace_each(machine_name(machine, "eni-").text, remove_sandbox, NULL, &failure), &failure, &ok, f);
    note(namespace_each(machine_name(machine, "vpc-").text, remove_router, network, &failure), &failure, &ok, f);
    note(machine_clear(machine, &failure), &failure, &ok, f);
    return ok;
}

bool network_cidr_free(struct network *network, struct str text, struct fail *f)
{
    char own_prefix[IFNAMSIZ];
    struct cidr cidr;

    locked(network);
    if (!cidr_parse(text, &cidr))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an IPv4 CIDR", STR_ARG(text));
    (void)snprintf(own_prefix, sizeof(own_prefix), "b%s-", network->machine.instance);
    return uplink_cidr_free(&network->machine.rt, own_prefix, cidr, f);
}

/* VPCs. */

/* Makes the resolver's end readable at the watch. One that is watched already is fine. */
static bool watch(const struct network *network, const struct router *router, struct fail *f)
{
    struct epoll_event event = {.events = EPOLLIN};

    if (!router->has_resolver || router->resolver.pidfd < 0 ||
        epoll_ctl(network->watch, EPOLL_CTL_ADD, router->resolver.pidfd, &event) == 0 || errno == EEXIST)
        return true;
    return fail(f, FAIL_SYSTEM, "watch the resolver of %s: %s", router->vpc.id.text, strerror(errno));
}

/* The machine's way to an ENI's public address; the router's is among its elements in the firewall. */
static bool expose(struct network *network, const struct router *router, const struct eni *eni, struct fail *f)
{
    return !eni->exposed || uplink_public(&router->uplink, &network->machine.rt, eni->public_address, true, f);
}

static bool hide(struct network *network, const struct router *router, const struct eni *eni, struct fail *f)
{
    return !eni->exposed || uplink_public(&router->uplink, &network->machine.rt, eni->public_address, false, f);
}

/* Lets running ENIs out, or no longer. */
static bool apply_exits(struct network *network, struct router *router, struct fail *f)
{
    for (struct eni *eni = eni_first(network); eni != NULL; eni = eni_after(network, eni)) {
        struct eni after = *eni;

        if (strcmp(eni->vpc.text, router->vpc.id.text) != 0)
            continue;
        after.leaves = vpc_lets_out(&router->vpc, eni);
        after.exposed = vpc_exposes(&router->vpc, eni);
        if (router->firewall.current && after.leaves == eni->leaves && after.exposed == eni->exposed)
            continue;
        if ((!after.exposed && !hide(network, router, eni, f)) ||
            (router->firewall.current && !firewall_change(&router->firewall, eni, &after, f)))
            return false;
        eni->leaves = after.leaves;
        eni->exposed = after.exposed;
        eni->combination = after.combination;
        if (!expose(network, router, eni, f))
            return false;
    }
    return true;
}

static bool open_router(struct network *network, const struct vpc *vpc, struct router **ret_router, struct fail *f)
{
    struct router *router;

    if (!router_open(&network->machine, vpc, &router, f))
        return false;
    if (!router_sweep(router, &network->enis, f)) {
        router_close(router);
        return false;
    }
    must(tree_add(&network->routers, &router->node, str_of(router->vpc.id.text)));
    *ret_router = router;
    return true;
}

static bool apply_vpc(struct network *network, const struct network_vpc *wanted, struct fail *f)
{
    struct router *router = router_at(network, wanted->id);
    struct vpc vpc;
    bool ok;

    if (!vpc_set(wanted, &vpc, f))
        return false;
    if (router == NULL && !open_router(network, &vpc, &router, f)) {
        vpc_free(&vpc);
        return false;
    }
    ok = router_apply(router, &network->machine, &vpc, f);
    return apply_exits(network, router, ok ? f : &(struct fail){0}) && ok && watch(network, router, f);
}

static bool is_wanted(const struct router *router, const struct network_vpc *vpcs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(vpcs[i].id, router->vpc.id.text))
            return true;
    }
    return false;
}

static size_t enis_of(const struct network *network, const char *vpc)
{
    size_t count = 0;

    for (const struct eni *eni = eni_first(network); eni != NULL; eni = eni_after(network, eni))
        count += strcmp(eni->vpc.text, vpc) == 0;
    return count;
}

/* Closes routers that are not wanted; those that are not in the tree then go from the machine. */
static bool remove_unwanted(struct network *network, const struct network_vpc *vpcs, size_t count, struct fail *f)
{
    struct router *next;
    bool ok = true;

    for (struct router *router = router_first(network); router != NULL; router = next) {
        const char *id = router->vpc.id.text;
        size_t enis = enis_of(network, id);

        next = router_after(network, router);
        if (is_wanted(router, vpcs, count))
            continue;
        if (enis > 0) {
            ok = ok && fail(f, FAIL_CONFLICT, "%s still has %zu network interfaces", id, enis);
            continue;
        }
        must(tree_remove(&network->routers, router->node.key) == &router->node);
        router_close(router);
    }
    return namespace_each(machine_name(&network->machine, "vpc-").text, remove_router, network,
                          ok ? f : &(struct fail){0}) &&
           ok;
}

static bool apply_translation(struct network *network, struct fail *f)
{
    auto_free struct uplink_row *rows = calloc(network->routers.count + 1, sizeof(*rows));
    size_t count = 0;

    if (rows == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    for (struct router *router = router_first(network); router != NULL; router = router_after(network, router)) {
        if (router->uplink.range.bits != 0)
            rows[count++] = (struct uplink_row){&router->uplink, vpc_has_exit(&router->vpc)};
    }
    return machine_translate(&network->machine, rows, count, f);
}

bool network_apply_vpcs(struct network *network, const struct network_vpc *vpcs, size_t count, struct fail *f)
{
    struct fail failure;
    bool ok = true;

    locked(network);
    for (size_t i = 0; i < count; i++)
        note(apply_vpc(network, &vpcs[i], &failure), &failure, &ok, f);
    note(remove_unwanted(network, vpcs, count, &failure), &failure, &ok, f);
    note(apply_translation(network, &failure), &failure, &ok, f);
    return ok;
}

bool network_apply_groups(struct network *network, const struct network_group *groups, size_t count, struct fail *f)
{
    struct fail failure;
    bool ok = true;

    locked(network);
    for (size_t i = 0; i < count; i++) {
        if (router_need(network, groups[i].vpc, f) == NULL || !ruleset_group_check(&groups[i], f))
            return false;
    }
    for (struct router *router = router_first(network); router != NULL; router = router_after(network, router))
        note(firewall_apply(&router->firewall, str_of(router->vpc.id.text), groups, count, &network->enis, &failure),
             &failure, &ok, f);
    return ok;
}

/* ENIs. */

/* AWS keeps the first four addresses of a subnet and the last to itself. */
static bool check_place(const struct network *network, const struct eni *eni, const struct subnet *subnet,
                        struct fail *f)
{
    uint32_t last = subnet->cidr.address | ~cidr_mask(subnet->cidr);

    if (!cidr_holds(subnet->cidr, eni->address) || eni->address < subnet->cidr.address + 4 || eni->address == last)
        return fail(f, FAIL_INPUT, "%s cannot be an address of %s, %s", address_text(eni->address).text,
                    subnet->id.text, cidr_text(subnet->cidr).text);
    for (const struct eni *other = eni_first(network); other != NULL; other = eni_after(network, other)) {
        if (other->address == eni->address && strcmp(other->vpc.text, eni->vpc.text) == 0)
            return fail(f, FAIL_CONFLICT, "%s is the address of %s", address_text(eni->address).text, other->id.text);
    }
    return true;
}

static bool same_groups(const struct eni *a, const struct eni *b)
{
    if (a->group_count != b->group_count)
        return false;
    for (size_t i = 0; i < a->group_count; i++) {
        if (strcmp(a->groups[i].text, b->groups[i].text) != 0)
            return false;
    }
    return true;
}

static bool change(struct network *network, struct router *router, struct eni *eni, struct eni *wanted, struct fail *f)
{
    if (eni->address != wanted->address || memcmp(eni->mac, wanted->mac, MAC_BYTES) != 0 ||
        strcmp(eni->subnet.text, wanted->subnet.text) != 0 || strcmp(eni->vpc.text, wanted->vpc.text) != 0 ||
        strcmp(eni->inside.text, wanted->inside.text) != 0)
        return fail(f, FAIL_CONFLICT, "%s exists with another address, MAC, subnet, VPC or place", eni->id.text);
    if (eni->public_address == wanted->public_address && eni->leaves == wanted->leaves &&
        eni->exposed == wanted->exposed && same_groups(eni, wanted))
        return true;
    if (!hide(network, router, eni, f) || !firewall_change(&router->firewall, eni, wanted, f))
        return false;
    wanted->node = eni->node;
    *eni = *wanted;
    return expose(network, router, eni, f) && eni_save(eni, network->machine.records, f);
}

/* A namespace of this name that is not in our tree is what is left of a removal that failed. */
static bool make_sandbox(const struct eni *eni, const struct sandbox_place *place, struct fail *f)
{
    if (eni->inside.text[0] != '\0')
        return sandbox_join(eni, place, f);
    return namespace_remove(place->name, f) && sandbox_make(eni, place, f);
}

static bool remove_sandbox_of(struct network *network, struct router *router, const struct eni *eni, struct fail *f)
{
    if (eni->inside.text[0] == '\0')
        return sandbox_drop(machine_name(&network->machine, eni->id.text).text, f);
    return router == NULL || sandbox_part(eni, &router->rt, f);
}

static bool make(struct network *network, struct router *router, const struct subnet *subnet, struct eni *eni,
                 struct fail *f)
{
    const char *home = eni->inside.text[0] != '\0' ? eni->inside.text : eni->id.text;
    struct machine_name name = machine_name(&network->machine, home);
    struct sandbox_place place = {.name = name.text,
                                  .home_fd = network->machine.fd,
                                  .router = &router->rt,
                                  .router_index = router->index_next++,
                                  .subnet = subnet->cidr};
    struct fail ignored;

    if (!check_place(network, eni, subnet, f) || !make_sandbox(eni, &place, f))
        return false;
    if (firewall_add(&router->firewall, eni, f)) {
        if (expose(network, router, eni, f) && eni_save(eni, network->machine.records, f))
            return true;
        (void)!hide(network, router, eni, &ignored);
        (void)!firewall_remove(&router->firewall, eni, &ignored);
    }
    (void)!remove_sandbox_of(network, router, eni, &ignored);
    return false;
}

struct place {
    struct router *router;
    const struct subnet *subnet;
};

/* Finds the ENI's place, and what follows from it for the ENI. */
static bool find_place(const struct network *network, struct eni *eni, struct place *ret_place, struct fail *f)
{
    struct router *router = router_need(network, str_of(eni->vpc.text), f);
    const struct subnet *subnet = router == NULL ? NULL : vpc_subnet(&router->vpc, eni->subnet.text);

    if (router == NULL)
        return false;
    if (subnet == NULL)
        return fail(f, FAIL_NOT_FOUND, "%s has no subnet %s", eni->vpc.text, eni->subnet.text);
    eni->leaves = vpc_lets_out(&router->vpc, eni);
    eni->exposed = vpc_exposes(&router->vpc, eni);
    *ret_place = (struct place){router, subnet};
    return true;
}

static bool update(struct network *network, struct eni *found, struct eni *wanted, struct fail *f)
{
    struct place place;

    return find_place(network, wanted, &place, f) && change(network, place.router, found, wanted, f);
}

static bool add(struct network *network, struct eni *wanted, struct fail *f)
{
    struct eni *found = eni_at(network, str_of(wanted->id.text));
    auto_free struct eni *eni = NULL;
    struct place place;

    if (found != NULL)
        return update(network, found, wanted, f);
    eni = malloc(sizeof(*eni));
    if (eni == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    *eni = *wanted;
    if (!find_place(network, eni, &place, f) || !make(network, place.router, place.subnet, eni, f))
        return false;
    eni_keep(network, take_ptr(&eni));
    return true;
}

bool network_eni_add(struct network *network, const struct network_eni *wanted, char ret_path[NETWORK_PATH_SIZE],
                     struct fail *f)
{
    struct eni eni;

    if (!eni_set(&eni, wanted, f))
        return false;
    locked(network);
    if (!add(network, &eni, f))
        return fail_in(f, "%s", eni.id.text);
    (void)snprintf(ret_path, NETWORK_PATH_SIZE, NAMESPACE_DIR "/%s",
                   machine_name(&network->machine, eni.inside.text[0] != '\0' ? eni.inside.text : eni.id.text).text);
    return true;
}

bool network_eni_update(struct network *network, const struct network_eni *wanted, struct fail *f)
{
    struct eni *found;
    struct eni eni;

    if (!eni_set(&eni, wanted, f))
        return false;
    locked(network);
    found = eni_at(network, str_of(eni.id.text));
    return found == NULL || update(network, found, &eni, f) || fail_in(f, "%s", eni.id.text);
}

/* The router may be gone already, with all it knew. */
static bool disconnect(struct network *network, struct router *router, struct eni *eni, struct fail *f)
{
    return router == NULL || (hide(network, router, eni, f) && firewall_remove(&router->firewall, eni, f));
}

static bool forget_connections(const struct router *router, const struct eni *eni, struct fail *f)
{
    return router == NULL ||
           (conntrack_forget(router->conntrack, eni->address, f) &&
            (eni->public_address == 0 || conntrack_forget(router->conntrack, eni->public_address, f)));
}

bool network_eni_remove(struct network *network, struct str id, struct fail *f)
{
    struct eni *eni;
    struct router *router;

    locked(network);
    eni = eni_at(network, id);
    if (eni == NULL)
        return true;
    router = router_at(network, str_of(eni->vpc.text));
    if (!eni_forget(id, network->machine.records, f) || !disconnect(network, router, eni, f) ||
        !remove_sandbox_of(network, router, eni, f) || !forget_connections(router, eni, f))
        return fail_in(f, "%.*s", STR_ARG(id));
    eni_drop(network, eni);
    return true;
}

/* Listing. */

bool network_list(struct network *network, struct arena *arena, const struct network_eni **ret_enis, size_t *ret_count,
                  struct fail *f)
{
    struct network_eni *enis;
    size_t count = 0;

    locked(network);
    enis = arena_try(arena, network->enis.count * sizeof(*enis));
    for (const struct eni *eni = eni_first(network); eni != NULL; eni = eni_after(network, eni)) {
        if (enis == NULL || !eni_show(eni, arena, &enis[count++]))
            return fail(f, FAIL_LIMIT, "the list of network interfaces is larger than its arena");
    }
    *ret_enis = enis;
    *ret_count = count;
    return true;
}

bool network_socket(struct network *network, struct str vpc, struct str address, uint16_t port, int type, int *ret_fd,
                    struct fail *f)
{
    struct router *router;
    uint32_t number;

    locked(network);
    router = router_need(network, vpc, f);
    if (router == NULL)
        return false;
    if (!address_parse(address, &number) || (type != SOCK_STREAM && type != SOCK_DGRAM))
        return fail(f, FAIL_INPUT, "no socket of type %d at \"%.*s\"", type, STR_ARG(address));
    return router_socket(router, &network->machine, number, port, type, ret_fd, f);
}

/* Names. */

bool network_names_set(struct network *network, struct str vpc, const struct str *zones, size_t zone_count,
                       const struct network_name *names, size_t name_count, struct fail *f)
{
    auto_buf hosts = {.limit = NAMES_BYTES_MAX};
    auto_buf servers = {.limit = NAMES_BYTES_MAX};
    struct router *router;

    if (!names_put_hosts(&hosts, names, name_count, f) || !names_put_zones(&servers, zones, zone_count, f))
        return false;
    locked(network);
    router = router_need(network, vpc, f);
    if (router == NULL)
        return false;
    if (!router->has_resolver)
        return fail(f, FAIL_NOT_FOUND, "%.*s has no resolver yet", STR_ARG(vpc));
    return resolver_names(&router->resolver, &hosts, &servers, f);
}

int network_watch_fd(const struct network *network)
{
    return network->watch;
}

bool network_check(struct network *network, struct fail *f)
{
    struct fail failure;
    bool ok = true;

    locked(network);
    for (struct router *router = router_first(network); router != NULL; router = router_after(network, router))
        note(router_resolve(router, &network->machine, &failure) && watch(network, router, &failure), &failure, &ok, f);
    note(apply_translation(network, &failure), &failure, &ok, f);
    return ok;
}
