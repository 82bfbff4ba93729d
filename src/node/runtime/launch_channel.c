/* Owns the form of the packets. Both ends are this program, of one version. */
#include "node/runtime/launch_channel.h"

#include "os/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct packet {
    uint32_t exec;
    uint32_t terminal;
    uint32_t present; /* bits 1 << enum launch_fd: which descriptors follow, in their order */
};

union descriptors {
    char room[CMSG_SPACE(sizeof(int) * LAUNCH_FDS)];
    struct cmsghdr align;
};

bool launch_request_send(int socket, const struct launch_request *request, struct fail *f)
{
    struct packet packet = {.exec = request->exec, .terminal = request->terminal};
    struct iovec part = {&packet, sizeof(packet)};
    union descriptors control = {.room = {0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    int fds[LAUNCH_FDS];
    size_t count = 0;

    for (size_t i = 0; i < LAUNCH_FDS; i++) {
        if (request->fds[i] < 0)
            continue;
        packet.present |= 1U << i;
        fds[count++] = request->fds[i];
    }
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    control.align =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int) * count), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return fail(f, errno == EPIPE || errno == ECONNRESET ? FAIL_CONFLICT : FAIL_SYSTEM,
                        "ask the launcher process: %s", strerror(errno));
    return true;
}

static size_t take_descriptors(const struct msghdr *message, int fds[LAUNCH_FDS])
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);

    if (header == NULL || header->cmsg_type != SCM_RIGHTS)
        return 0;
    memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

bool launch_request_receive(int socket, struct launch_request *ret_request)
{
    struct packet packet;
    struct iovec part = {&packet, sizeof(packet)};
    union descriptors control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fds[LAUNCH_FDS];
    size_t count;
    size_t next = 0;
    ssize_t got;

    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(packet))
        return false;
    count = take_descriptors(&message, fds);
    *ret_request = (struct launch_request){.exec = packet.exec != 0, .terminal = packet.terminal != 0};
    for (size_t i = 0; i < LAUNCH_FDS; i++)
        ret_request->fds[i] = (packet.present >> i & 1) != 0 && next < count ? fds[next++] : -1;
    return true;
}

void launch_request_close(struct launch_request *request)
{
    for (size_t i = 0; i < LAUNCH_FDS; i++) {
        close_fd_at(&request->fds[i]);
        request->fds[i] = -1;
    }
}

bool launch_reply_send(int socket, const struct launch_reply *reply)
{
    return send(socket, reply, sizeof(*reply), MSG_NOSIGNAL) == (ssize_t)sizeof(*reply);
}

bool launch_reply_send_terminal(int socket, int terminal)
{
    struct launch_reply reply = {.outcome = LAUNCH_STARTED};
    struct iovec part = {&reply, sizeof(reply)};
    union descriptors control = {.room = {0}};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(terminal))};

    control.align =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(terminal)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.align), &terminal, sizeof(terminal));
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(reply);
}

/* One packet if there is one; what came with it and is not asked for is closed. */
static ssize_t receive_reply(int socket, struct launch_reply *reply, int *ret_terminal)
{
    struct iovec part = {reply, sizeof(*reply)};
    union descriptors control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int fds[LAUNCH_FDS];
    size_t count = got < 0 ? 0 : take_descriptors(&message, fds);

    for (size_t i = ret_terminal == NULL ? 0 : 1; i < count; i++)
        close_fd_at(&fds[i]);
    if (ret_terminal != NULL)
        *ret_terminal = count > 0 ? fds[0] : -1;
    return got;
}

bool launch_reply_receive(int socket, int timeout_ms, struct launch_reply *ret_reply, int *ret_terminal, struct fail *f)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    struct launch_reply reply;
    ssize_t got;

    do {
        if (poll(&ready, 1, clock_left_ms(deadline_ms)) == 0)
            return fail(f, FAIL_LIMIT, "no answer from the container's supervisor within %d ms", timeout_ms);
        got = receive_reply(socket, &reply, ret_terminal);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got != (ssize_t)sizeof(reply))
        return fail(f, FAIL_CONFLICT, "the container's supervisor has ended unexpectedly");
    *ret_reply = reply;
    return true;
}
