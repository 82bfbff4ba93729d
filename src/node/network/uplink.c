#include "node/network/uplink.h"

#include "node/network/eni.h"
#include "node/network/namespace.h"
#include "os/files.h"

#include <stdio.h>

enum { LINK_BITS = 30, LINK_COUNT = 63 * 64 /* without 169.254.255.x */ };

const struct cidr uplink_space = {.address = 0xA9FEC000, .bits = 18};

static uint32_t hash_of(struct str instance, struct str vpc)
{
    uint32_t hash = 0x811c9dc5; /* FNV-1a: the same in every process, other than str_hash */

    for (size_t i = 0; i < instance.len; i++)
        hash = (hash ^ (unsigned char)instance.ptr[i]) * 0x01000193;
    for (size_t i = 0; i < vpc.len; i++)
        hash = (hash ^ (unsigned char)vpc.ptr[i]) * 0x01000193;
    return hash ^ hash >> 15;
}

void uplink_name(struct uplink *uplink, const char *instance, struct str vpc)
{
    (void)snprintf(uplink->name, sizeof(uplink->name), "b%s-%07x", instance,
                   hash_of(str_of(instance), vpc) & 0x0fffffff);
}

static uint32_t machine_end(const struct uplink *uplink)
{
    return uplink->range.address + 1;
}

static uint32_t router_end(const struct uplink *uplink)
{
    return uplink->range.address + 2;
}

/* Which /30s are in use on the machine, and which one the interface `own` has. */
struct survey {
    uint32_t own;
    struct cidr range; /* of own; bits 0: none yet */
    bool taken[LINK_COUNT];
};

static void take_range(struct survey *survey, struct cidr held)
{
    struct cidr candidate = {.bits = LINK_BITS};

    if (held.bits == 0)
        return;
    for (uint32_t i = 0; i < LINK_COUNT; i++) {
        candidate.address = uplink_space.address + 4 * i;
        if (cidr_overlap(candidate, held))
            survey->taken[i] = true;
    }
}

static void see_address(const struct rtnetlink_held_address *held, void *context)
{
    struct survey *survey = context;
    struct cidr range = held->address;

    range.address &= cidr_mask(range);
    if (held->index == survey->own && range.bits == LINK_BITS)
        survey->range = range;
    take_range(survey, range);
}

static void see_route(const struct rtnetlink_held_route *held, void *context)
{
    take_range(context, held->to);
}

static bool choose_range(struct uplink *uplink, uint32_t own, struct rtnetlink *machine, struct fail *f)
{
    struct survey survey = {.own = own};
    uint32_t first = hash_of(str_of(uplink->name), STR("")) % LINK_COUNT;

    if (!rtnetlink_addresses(machine, see_address, &survey, f) || !rtnetlink_routes(machine, see_route, &survey, f))
        return false;
    uplink->range = survey.range;
    for (uint32_t i = 0; i < LINK_COUNT && uplink->range.bits == 0; i++) {
        uint32_t at = (first + i) % LINK_COUNT;

        if (!survey.taken[at])
            uplink->range = (struct cidr){uplink_space.address + 4 * at, LINK_BITS};
    }
    if (uplink->range.bits == 0)
        return fail(f, FAIL_LIMIT, "no link-local range is left for an uplink");
    return true;
}

/* The machine's end: there already, or made with the router's. An end whose other end is gone is of a router that
 * ended a moment ago. */
static bool make_pair(const struct uplink *uplink, const struct uplink_ends *ends, uint32_t *ret_machine,
                      uint32_t *ret_router, struct fail *f)
{
    if (!rtnetlink_link_find(ends->machine, uplink->name, ret_machine, f) ||
        !rtnetlink_link_find(ends->router, UPLINK_INSIDE, ret_router, f))
        return false;
    if (*ret_machine != 0 && *ret_router != 0)
        return true;
    rtnetlink_link_remove(ends->machine, uplink->name);
    if (!rtnetlink_send(ends->machine, f))
        return false;
    rtnetlink_veth(ends->machine, &(struct rtnetlink_veth_end){.name = uplink->name},
                   &(struct rtnetlink_veth_end){.name = UPLINK_INSIDE, .index = UPLINK_INDEX}, ends->router_fd);
    return rtnetlink_send(ends->machine, f) && rtnetlink_link_find(ends->machine, uplink->name, ret_machine, f) &&
           rtnetlink_link_find(ends->router, UPLINK_INSIDE, ret_router, f);
}

static bool configure(const struct uplink *uplink, const struct uplink_ends *ends, uint32_t machine_index,
                      uint32_t router_index, struct fail *f)
{
    rtnetlink_address(ends->machine, machine_index, machine_end(uplink), LINK_BITS, /* without_route= */ false);
    rtnetlink_link_up(ends->machine, machine_index);
    rtnetlink_address(ends->router, router_index, router_end(uplink), LINK_BITS, /* without_route= */ false);
    rtnetlink_link_up(ends->router, router_index);
    rtnetlink_route(ends->router, &(struct rtnetlink_route){.index = router_index, .gateway = machine_end(uplink)});
    return rtnetlink_send(ends->machine, f) && rtnetlink_send(ends->router, f);
}

bool uplink_make(struct uplink *uplink, const struct uplink_ends *ends, struct fail *f)
{
    struct uplink made = *uplink;
    auto_fd turn = -1; /* instances choose their ranges one after the other */
    uint32_t machine_index;
    uint32_t router_index;

    if (!directory_turn(NAMESPACE_DIR, &turn, f) || !make_pair(&made, ends, &machine_index, &router_index, f) ||
        !choose_range(&made, machine_index, ends->machine, f) ||
        !configure(&made, ends, machine_index, router_index, f))
        return fail_in(f, "uplink %s", uplink->name);
    *uplink = made;
    return true;
}

bool uplink_remove(struct uplink *uplink, struct rtnetlink *machine, struct fail *f)
{
    rtnetlink_link_remove(machine, uplink->name);
    if (!rtnetlink_send(machine, f))
        return fail_in(f, "uplink %s", uplink->name);
    uplink->range = (struct cidr){0};
    return true;
}

/* Whether a range is routed by someone else. */

struct conflict {
    const char *prefix; /* of the interfaces that do not count */
    struct cidr cidr;
    uint32_t own[256]; /* their indexes */
    size_t own_count;
    struct rtnetlink_held_route found; /* bits 0: none */
};

static void see_link(const struct rtnetlink_link *link, void *context)
{
    struct conflict *conflict = context;

    if (str_starts(str_of(link->name), str_of(conflict->prefix)) && conflict->own_count < COUNT_OF(conflict->own))
        conflict->own[conflict->own_count++] = link->index;
}

static void see_overlap(const struct rtnetlink_held_route *held, void *context)
{
    struct conflict *conflict = context;

    if (held->to.bits == 0 || !cidr_overlap(held->to, conflict->cidr))
        return;
    for (size_t i = 0; i < conflict->own_count; i++) {
        if (conflict->own[i] == held->index)
            return;
    }
    conflict->found = *held;
}

bool uplink_cidr_free(struct rtnetlink *machine, const char *own_prefix, struct cidr cidr, struct fail *f)
{
    struct conflict conflict = {.prefix = own_prefix, .cidr = cidr};
    char device[IFNAMSIZ] = "no interface";

    if (!rtnetlink_links(machine, see_link, &conflict, f) || !rtnetlink_routes(machine, see_overlap, &conflict, f))
        return false;
    if (conflict.found.to.bits == 0)
        return true;
    if (conflict.found.index != 0)
        (void)if_indextoname(conflict.found.index, device);
    return fail(f, FAIL_CONFLICT, "%s cannot be routed here: this machine already routes %s (%s)", cidr_text(cidr).text,
                cidr_text(conflict.found.to).text, device);
}

/* Adds a route that leads over the uplink, or takes it away. */
static bool change_route(const struct uplink *uplink, struct rtnetlink *machine, struct rtnetlink_route route,
                         bool wanted, struct fail *f)
{
    route.gateway = router_end(uplink);
    route.source = machine_end(uplink);
    if (!rtnetlink_link_find(machine, uplink->name, &route.index, f))
        return false;
    if (route.index == 0)
        return !wanted || fail(f, FAIL_NOT_FOUND, "uplink %s has disappeared", uplink->name);
    if (wanted)
        rtnetlink_route(machine, &route);
    else
        rtnetlink_route_remove(machine, &route);
    return rtnetlink_send(machine, f);
}

bool uplink_route(const struct uplink *uplink, struct rtnetlink *machine, struct cidr vpc, bool wanted, struct fail *f)
{
    if (wanted && !uplink_cidr_free(machine, uplink->name, vpc, f))
        return false;
    return change_route(uplink, machine, (struct rtnetlink_route){.to = vpc}, wanted, f);
}

bool uplink_public(const struct uplink *uplink, struct rtnetlink *machine, uint32_t address, bool wanted,
                   struct fail *f)
{
    /* Routes of different priorities to one address live side by side: two instances that were given the same range by
     * hand do not take it from each other. */
    const struct rtnetlink_route route = {.to = {address, 32},
                                          .priority = 1 + (hash_of(str_of(uplink->name), STR("")) & 0xffff)};

    return change_route(uplink, machine, route, wanted, f);
}

static void put_links(struct buf *out, const struct uplink_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", rows[i].uplink->name);
}

void uplink_table(struct buf *out, const char *instance, const struct uplink_row *rows, size_t count)
{
    buf_printf(out, "table inet berth-%s\ndelete table inet berth-%s\n", instance, instance);
    if (count == 0)
        return;
    /* Only the machine itself opens connections into a VPC by its uplink: not its neighbours, and other VPCs only to
     * public addresses. */
    buf_printf(out,
               "table inet berth-%s {\n"
               " chain forward { type filter hook forward priority filter; policy accept;\n"
               "  iifname { ",
               instance);
    put_links(out, rows, count);
    buf_printf(out, " } oifname { ");
    put_links(out, rows, count);
    buf_printf(out, " } ip daddr %s accept\n  oifname { ", cidr_text(eni_public_space).text);
    put_links(out, rows, count);
    buf_printf(out, " } ct state != { established, related } drop\n }\n"
                    " chain translate { type nat hook postrouting priority srcnat; policy accept;\n");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].exit)
            buf_printf(out, "  ip saddr %s oifname != \"%s\" masquerade\n",
                       address_text(router_end(rows[i].uplink)).text, rows[i].uplink->name);
    }
    buf_add_cstr(out, " }\n}\n");
}
