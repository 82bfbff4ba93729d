#include "node/network/rtnetlink.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>
#include <time.h>

enum { REPLY_BYTES = 32768, REQUEST_BYTES = RTNETLINK_BATCH_BYTES / 8, DUMP_TRIES_MAX = 20 };

bool rtnetlink_open(struct rtnetlink *rt, struct fail *f)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int on = 1;

    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        return fail(f, FAIL_SYSTEM, "open routing netlink: %s", strerror(errno));
    /* Short acknowledgements, with the kernel's own words about what is wrong where it has some. */
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    *rt = (struct rtnetlink){.fd = take_fd(&fd), .sequence = 1};
    return true;
}

void rtnetlink_close(struct rtnetlink *rt)
{
    if (rt->fd >= 0)
        (void)close(rt->fd);
    rt->fd = -1;
}

/* Collecting. start gives the head of a request, which the caller completes and hands to finish. */

static struct nlmsghdr *start(struct rtnetlink *rt, const char *what, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *message;

    must(rt->count < RTNETLINK_BATCH_MAX);
    must(rt->used + REQUEST_BYTES <= sizeof(rt->batch));
    message = mnl_nlmsg_put_header(rt->batch + rt->used);
    message->nlmsg_type = type;
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    message->nlmsg_seq = rt->sequence + (uint32_t)rt->count;
    rt->requests[rt->count++] = (struct rtnetlink_request){.what = what};
    return message;
}

static void finish(struct rtnetlink *rt, const struct nlmsghdr *message, int tolerated)
{
    must(message->nlmsg_len <= REQUEST_BYTES);
    rt->requests[rt->count - 1].tolerated = tolerated;
    rt->used += ((size_t)message->nlmsg_len + 3) & ~(size_t)3;
}

static void put_end(struct nlmsghdr *message, const struct rtnetlink_veth_end *end)
{
    mnl_attr_put_strz(message, IFLA_IFNAME, end->name);
    if (end->mac != NULL)
        mnl_attr_put(message, IFLA_ADDRESS, MAC_BYTES, end->mac);
}

void rtnetlink_veth(struct rtnetlink *rt, const struct rtnetlink_veth_end *here, const struct rtnetlink_veth_end *peer,
                    int peer_fd)
{
    struct nlmsghdr *message = start(rt, "add veth pair", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
    struct ifinfomsg *peer_link;
    struct nlattr *info;
    struct nlattr *data;
    struct nlattr *pair;

    link->ifi_index = (int)here->index;
    put_end(message, here);
    info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
    data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    pair = mnl_attr_nest_start(message, VETH_INFO_PEER);
    /* IFF_UP here would be refused with ENOTCONN: the pair is not a pair yet. */
    peer_link = mnl_nlmsg_put_extra_header(message, sizeof(*peer_link));
    peer_link->ifi_index = (int)peer->index;
    put_end(message, peer);
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)peer_fd);
    mnl_attr_nest_end(message, pair);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, info);
    finish(rt, message, /* tolerated= */ 0);
}

void rtnetlink_link_up(struct rtnetlink *rt, uint32_t index)
{
    struct nlmsghdr *message = start(rt, "set link up", RTM_NEWLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

    link->ifi_index = (int)index;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    finish(rt, message, /* tolerated= */ 0);
}

void rtnetlink_link_move(struct rtnetlink *rt, uint32_t index, int namespace_fd, const char *name)
{
    struct nlmsghdr *message = start(rt, "move link", RTM_NEWLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

    link->ifi_index = (int)index;
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)namespace_fd);
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    finish(rt, message, /* tolerated= */ 0);
}

void rtnetlink_link_remove(struct rtnetlink *rt, const char *name)
{
    struct nlmsghdr *message = start(rt, "remove link", RTM_DELLINK, 0);

    (void)mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    finish(rt, message, ENODEV);
}

static void put_address(struct nlmsghdr *message, uint32_t index, uint32_t address, uint8_t bits)
{
    struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

    head->ifa_family = AF_INET;
    head->ifa_prefixlen = bits;
    head->ifa_scope = RT_SCOPE_UNIVERSE;
    head->ifa_index = index;
    mnl_attr_put_u32(message, IFA_LOCAL, htonl(address));
    mnl_attr_put_u32(message, IFA_ADDRESS, htonl(address));
}

void rtnetlink_address(struct rtnetlink *rt, uint32_t index, uint32_t address, uint8_t bits, bool without_route)
{
    struct nlmsghdr *message = start(rt, "add address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);

    put_address(message, index, address, bits);
    if (without_route)
        mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
    finish(rt, message, EEXIST);
}

void rtnetlink_address_remove(struct rtnetlink *rt, uint32_t index, uint32_t address, uint8_t bits)
{
    struct nlmsghdr *message = start(rt, "remove address", RTM_DELADDR, 0);

    put_address(message, index, address, bits);
    finish(rt, message, EADDRNOTAVAIL);
}

static void put_route(struct nlmsghdr *message, const struct rtnetlink_route *route)
{
    struct rtmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

    head->rtm_family = AF_INET;
    head->rtm_dst_len = route->to.bits;
    head->rtm_table = RT_TABLE_MAIN;
    head->rtm_protocol = RTPROT_STATIC;
    head->rtm_scope = route->gateway != 0 || route->black_hole ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    head->rtm_type = route->black_hole ? RTN_BLACKHOLE : RTN_UNICAST;
    mnl_attr_put_u32(message, RTA_DST, htonl(route->to.address));
    if (route->index != 0)
        mnl_attr_put_u32(message, RTA_OIF, route->index);
    if (route->gateway != 0)
        mnl_attr_put_u32(message, RTA_GATEWAY, htonl(route->gateway));
    if (route->source != 0)
        mnl_attr_put_u32(message, RTA_PREFSRC, htonl(route->source));
    if (route->priority != 0)
        mnl_attr_put_u32(message, RTA_PRIORITY, route->priority);
}

void rtnetlink_route(struct rtnetlink *rt, const struct rtnetlink_route *route)
{
    struct nlmsghdr *message = start(rt, "add route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);

    put_route(message, route);
    finish(rt, message, /* tolerated= */ 0);
}

void rtnetlink_route_remove(struct rtnetlink *rt, const struct rtnetlink_route *route)
{
    struct nlmsghdr *message = start(rt, "remove route", RTM_DELROUTE, 0);

    put_route(message, route);
    finish(rt, message, ESRCH);
}

void rtnetlink_neighbour(struct rtnetlink *rt, uint32_t index, uint32_t address, const uint8_t mac[MAC_BYTES])
{
    struct nlmsghdr *message = start(rt, "add neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    struct ndmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

    head->ndm_family = AF_INET;
    head->ndm_state = NUD_PERMANENT;
    head->ndm_ifindex = (int)index;
    mnl_attr_put_u32(message, NDA_DST, htonl(address));
    mnl_attr_put(message, NDA_LLADDR, MAC_BYTES, mac);
    finish(rt, message, /* tolerated= */ 0);
}

/* Sending. */

static int keep_text(const struct nlattr *attribute, void *context)
{
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
        *(const char **)context = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

/* The kernel's own words in an acknowledgement, or "". */
static const char *words_of(const struct nlmsghdr *reply)
{
    const char *text = "";

    if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) != 0)
        (void)mnl_attr_parse(reply, sizeof(struct nlmsgerr), keep_text, &text);
    return text;
}

static enum fail_code code_of(int error)
{
    switch (error) {
    case EEXIST:
    case EBUSY:
        return FAIL_CONFLICT;
    case ENODEV:
    case ESRCH:
        return FAIL_NOT_FOUND;
    default:
        return FAIL_SYSTEM;
    }
}

/* One acknowledgement. false, with *f filled, when the request failed. */
static bool acknowledged(const struct rtnetlink *rt, const struct nlmsghdr *reply, struct fail *f)
{
    const struct nlmsgerr *answer = mnl_nlmsg_get_payload(reply);
    const struct rtnetlink_request *request = &rt->requests[reply->nlmsg_seq - rt->sequence];
    const char *words = words_of(reply);

    if (answer->error == 0 || -answer->error == request->tolerated)
        return true;
    return fail(f, code_of(-answer->error), "%s: %s%s%s", request->what, strerror(-answer->error),
                *words == '\0' ? "" : ": ", words);
}

static bool receive(const struct rtnetlink *rt, char *buffer, int *ret_len, struct fail *f)
{
    ssize_t len;

    do {
        len = recv(rt->fd, buffer, REPLY_BYTES, 0);
    } while (len < 0 && errno == EINTR);
    if (len < 0)
        return fail(f, FAIL_SYSTEM, "receive from routing netlink: %s", strerror(errno));
    *ret_len = (int)len;
    return true;
}

/* Reads `count` acknowledgements; *ok says whether all were good, else *f holds the first bad one. */
static bool read_acknowledgements(const struct rtnetlink *rt, bool *ok, struct fail *f)
{
    _Alignas(8) char buffer[REPLY_BYTES];
    struct fail ignored;
    size_t seen = 0;
    int len = 0;

    *ok = true;
    while (seen < rt->count) {
        if (!receive(rt, buffer, &len, f))
            return false;
        for (struct nlmsghdr *reply = (void *)buffer; mnl_nlmsg_ok(reply, len); reply = mnl_nlmsg_next(reply, &len)) {
            if (reply->nlmsg_type != NLMSG_ERROR || reply->nlmsg_seq - rt->sequence >= rt->count)
                continue;
            seen++;
            if (!acknowledged(rt, reply, *ok ? f : &ignored))
                *ok = false;
        }
    }
    return true;
}

bool rtnetlink_send(struct rtnetlink *rt, struct fail *f)
{
    bool sent = rt->count == 0 || send(rt->fd, rt->batch, rt->used, 0) == (ssize_t)rt->used;
    bool ok = true;

    if (!sent)
        (void)!fail(f, FAIL_SYSTEM, "send to routing netlink: %s", strerror(errno));
    else
        sent = read_acknowledgements(rt, &ok, f);
    rt->sequence += (uint32_t)rt->count;
    rt->count = 0;
    rt->used = 0;
    return sent && ok;
}

/* Asking. */

struct question;
typedef void tell_fn(const struct nlmsghdr *reply, const struct question *question);

struct question {
    union {
        rtnetlink_link_fn *link;
        rtnetlink_address_fn *address;
        rtnetlink_route_fn *route;
    } each;
    void *context;
};

/* The attributes of a message by type; NULL where there is none. Those we ask for are all below the bound. */
struct attributes {
    const struct nlattr *at[16];
};

static int collect(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;

    if (mnl_attr_get_type(attribute) < COUNT_OF(attributes->at))
        attributes->at[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *reply, unsigned head_bytes)
{
    struct attributes attributes = {0};

    (void)mnl_attr_parse(reply, head_bytes, collect, &attributes);
    return attributes;
}

/* 0 when there is no such attribute. */
static uint32_t u32_of(const struct nlattr *attribute)
{
    return attribute == NULL || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attribute);
}

static void tell_link(const struct nlmsghdr *reply, const struct question *question)
{
    const struct ifinfomsg *head = mnl_nlmsg_get_payload(reply);
    struct attributes attributes = attributes_of(reply, sizeof(*head));
    const struct nlattr *name = attributes.at[IFLA_IFNAME];
    struct rtnetlink_link link = {.index = (uint32_t)head->ifi_index};

    if (reply->nlmsg_type != RTM_NEWLINK || name == NULL || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0 ||
        !str_to_buffer(str_of(mnl_attr_get_str(name)), link.name, sizeof(link.name)))
        return;
    question->each.link(&link, question->context);
}

static void tell_address(const struct nlmsghdr *reply, const struct question *question)
{
    const struct ifaddrmsg *head = mnl_nlmsg_get_payload(reply);
    struct attributes attributes = attributes_of(reply, sizeof(*head));
    struct rtnetlink_held_address held = {.index = head->ifa_index};

    if (reply->nlmsg_type != RTM_NEWADDR || head->ifa_family != AF_INET)
        return;
    held.address = (struct cidr){ntohl(u32_of(attributes.at[IFA_LOCAL])), head->ifa_prefixlen};
    question->each.address(&held, question->context);
}

static void tell_route(const struct nlmsghdr *reply, const struct question *question)
{
    const struct rtmsg *head = mnl_nlmsg_get_payload(reply);
    struct attributes attributes = attributes_of(reply, sizeof(*head));
    struct rtnetlink_held_route held = {.index = u32_of(attributes.at[RTA_OIF])};

    if (reply->nlmsg_type != RTM_NEWROUTE || head->rtm_family != AF_INET)
        return;
    held.to = (struct cidr){ntohl(u32_of(attributes.at[RTA_DST])), head->rtm_dst_len};
    question->each.route(&held, question->context);
}

/* Reads the answer of one dump to its end. *ret_whole is false when the kernel says that what it listed changed
 * meanwhile, so that some may be missing. */
static bool read_dump(struct rtnetlink *rt, uint32_t sequence, tell_fn *tell, const struct question *question,
                      bool *ret_whole, struct fail *f)
{
    _Alignas(8) char buffer[REPLY_BYTES];
    bool whole = true;
    int len = 0;

    for (;;) {
        if (!receive(rt, buffer, &len, f))
            return false;
        for (struct nlmsghdr *reply = (void *)buffer; mnl_nlmsg_ok(reply, len); reply = mnl_nlmsg_next(reply, &len)) {
            if (reply->nlmsg_seq != sequence)
                continue;
            if ((reply->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
                whole = false;
            if (reply->nlmsg_type == NLMSG_ERROR)
                return fail(f, FAIL_SYSTEM, "list from routing netlink: %s",
                            strerror(-((const struct nlmsgerr *)mnl_nlmsg_get_payload(reply))->error));
            if (reply->nlmsg_type == NLMSG_DONE) {
                *ret_whole = whole;
                return true;
            }
            tell(reply, question);
        }
    }
}

/* Asks again until nothing changed while the kernel listed. */
static bool dump(struct rtnetlink *rt, uint16_t type, uint8_t family, tell_fn *tell, const struct question *question,
                 struct fail *f)
{
    _Alignas(8) char buffer[REQUEST_BYTES];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    bool whole = false;

    must(rt->count == 0);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    *(uint8_t *)mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg)) = family;
    for (size_t tries = 0; !whole && tries < DUMP_TRIES_MAX; tries++) {
        message->nlmsg_seq = rt->sequence++;
        if (send(rt->fd, message, message->nlmsg_len, 0) < 0)
            return fail(f, FAIL_SYSTEM, "send to routing netlink: %s", strerror(errno));
        if (!read_dump(rt, message->nlmsg_seq, tell, question, &whole, f))
            return false;
    }
    return whole || fail(f, FAIL_LIMIT, "what routing netlink lists changes faster than it can be read");
}

bool rtnetlink_links(struct rtnetlink *rt, rtnetlink_link_fn *each, void *context, struct fail *f)
{
    struct question question = {.each.link = each, .context = context};

    return dump(rt, RTM_GETLINK, AF_UNSPEC, tell_link, &question, f);
}

bool rtnetlink_addresses(struct rtnetlink *rt, rtnetlink_address_fn *each, void *context, struct fail *f)
{
    struct question question = {.each.address = each, .context = context};

    return dump(rt, RTM_GETADDR, AF_INET, tell_address, &question, f);
}

bool rtnetlink_routes(struct rtnetlink *rt, rtnetlink_route_fn *each, void *context, struct fail *f)
{
    struct question question = {.each.route = each, .context = context};

    return dump(rt, RTM_GETROUTE, AF_INET, tell_route, &question, f);
}

struct search {
    const char *name;
    uint32_t index;
};

static void match_name(const struct rtnetlink_link *link, void *context)
{
    struct search *search = context;

    if (strcmp(link->name, search->name) == 0)
        search->index = link->index;
}

bool rtnetlink_link_find(struct rtnetlink *rt, const char *name, uint32_t *ret_index, struct fail *f)
{
    struct search search = {.name = name};

    if (!rtnetlink_links(rt, match_name, &search, f))
        return false;
    *ret_index = search.index;
    return true;
}
