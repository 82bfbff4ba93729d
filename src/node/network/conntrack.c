#include "node/network/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BUFFER_BYTES = 1024,
    /* CTA_FILTER_F_CTA_IP_SRC and _DST of the kernel's nf_internals.h: which parts of a tuple must match. */
    MATCH_SOURCE = 1 << 0,
    MATCH_DESTINATION = 1 << 1,
};

bool conntrack_open(int *ret_fd, struct fail *f)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        return fail(f, FAIL_SYSTEM, "open conntrack netlink: %s", strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

/* A request to delete every entry whose original direction has the address as its source or destination. */
static void put_request(struct nlmsghdr *message, uint32_t address, uint16_t field, uint32_t match)
{
    struct nfgenmsg *head;
    struct nlattr *outer;
    struct nlattr *inner;

    message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
    head->nfgen_family = AF_INET;
    outer = mnl_attr_nest_start(message, CTA_TUPLE_ORIG);
    inner = mnl_attr_nest_start(message, CTA_TUPLE_IP);
    mnl_attr_put_u32(message, field, htonl(address));
    mnl_attr_nest_end(message, inner);
    mnl_attr_nest_end(message, outer);
    outer = mnl_attr_nest_start(message, CTA_FILTER);
    mnl_attr_put_u32(message, CTA_FILTER_ORIG_FLAGS, match);
    mnl_attr_put_u32(message, CTA_FILTER_REPLY_FLAGS, 0);
    mnl_attr_nest_end(message, outer);
}

static bool forget(int fd, uint32_t address, uint16_t field, uint32_t match, struct fail *f)
{
    _Alignas(8) char buffer[BUFFER_BYTES];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    const struct nlmsgerr *answer;
    ssize_t len;

    put_request(message, address, field, match);
    len = send(fd, message, message->nlmsg_len, 0);
    if (len >= 0)
        len = recv(fd, buffer, sizeof(buffer), 0);
    if (len < 0)
        return fail(f, FAIL_SYSTEM, "conntrack netlink: %s", strerror(errno));
    message = (void *)buffer;
    answer = mnl_nlmsg_get_payload(message);
    if (!mnl_nlmsg_ok(message, (int)len) || message->nlmsg_type != NLMSG_ERROR)
        return fail(f, FAIL_SYSTEM, "conntrack netlink: no acknowledgement");
    if (answer->error != 0 && answer->error != -ENOENT)
        return fail(f, FAIL_SYSTEM, "forget connections: %s", strerror(-answer->error));
    return true;
}

bool conntrack_forget(int fd, uint32_t address, struct fail *f)
{
    return forget(fd, address, CTA_IP_V4_SRC, MATCH_SOURCE, f) &&
           forget(fd, address, CTA_IP_V4_DST, MATCH_DESTINATION, f);
}
