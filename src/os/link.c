#include "os/link.h"

#include "base/buf.h"
#include "base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { LENGTH_BYTES = 4, SEND_TIMEOUT_S = 10, DIAL_TIMEOUT_S = 5, HEAD_MAX = 4096, THREAD_STACK = 256 << 10 };

struct link {
    struct http_socket socket;
    int fd;
    struct link_handler handler;
    void *user;
    pthread_mutex_t send_lock; /* keeps one message's bytes together */
    struct buf in;             /* the reader's */
};

static bool send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes = str_from(bytes, (size_t)sent);
    }
    return true;
}

/* The parts in as few packets as they fit: each packet wakes the other side. */
static bool send_parts(int fd, struct iovec *parts, size_t count)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        for (; count > 0 && (size_t)sent >= parts->iov_len; parts++, count--)
            sent -= (ssize_t)parts->iov_len;
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
    return true;
}

static uint32_t message_len(const char *at)
{
    uint32_t len;

    memcpy(&len, at, sizeof(len));
    return ntohl(len);
}

/* Hands out what is complete in the buffer; false when the other side breaks the rules. */
static bool take_messages(struct link *link)
{
    while (link->in.len >= LENGTH_BYTES) {
        uint32_t len = message_len(link->in.ptr);

        if (len > LINK_MESSAGE_MAX)
            return false;
        if (link->in.len < LENGTH_BYTES + (size_t)len)
            return true;
        link->handler.message(link->handler.context, link, (struct str){link->in.ptr + LENGTH_BYTES, len});
        buf_consume(&link->in, LENGTH_BYTES + (size_t)len);
    }
    return true;
}

static void *read_main(void *context)
{
    struct link *link = context;
    char piece[16384];

    while (take_messages(link)) {
        ssize_t got = recv(link->fd, piece, sizeof(piece), 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        buf_add(&link->in, (struct str){piece, (size_t)got});
    }
    (void)shutdown(link->fd, SHUT_RDWR);
    link->handler.closed(link->handler.context, link);
    return NULL;
}

struct link *link_start(struct http_socket socket, struct str early, const struct link_handler *handler, void *user)
{
    struct link *link = calloc(1, sizeof(*link));
    struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
    struct timeval silence = {.tv_sec = handler->silence_ms_max / 1000,
                              .tv_usec = (suseconds_t)(handler->silence_ms_max % 1000) * 1000};
    pthread_attr_t attributes;
    pthread_t thread;
    int fd = socket.fd;
    int on = 1;

    must(link != NULL);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    link->socket = socket;
    link->fd = fd;
    link->handler = *handler;
    link->user = user;
    buf_init(&link->in, LINK_MESSAGE_MAX + (size_t)65536);
    buf_add(&link->in, early);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    must(pthread_mutex_init(&link->send_lock, NULL) == 0);
    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    must(pthread_create(&thread, &attributes, read_main, link) == 0);
    (void)pthread_attr_destroy(&attributes);
    return link;
}

void *link_user(const struct link *link)
{
    return link->user;
}

bool link_send_all(struct link *link, const struct str *messages, size_t count)
{
    struct iovec parts[2 * LINK_SENT_TOGETHER_MAX];
    uint32_t lengths[LINK_SENT_TOGETHER_MAX];
    bool good;

    must(count <= LINK_SENT_TOGETHER_MAX);
    for (size_t i = 0; i < count; i++) {
        must(messages[i].len <= LINK_MESSAGE_MAX);
        lengths[i] = htonl((uint32_t)messages[i].len);
        parts[2 * i] = (struct iovec){&lengths[i], sizeof(lengths[i])};
        parts[2 * i + 1] = (struct iovec){(void *)(uintptr_t)messages[i].ptr, messages[i].len};
    }
    (void)pthread_mutex_lock(&link->send_lock);
    good = send_parts(link->fd, parts, 2 * count);
    (void)pthread_mutex_unlock(&link->send_lock);
    if (!good)
        link_shut(link); /* half a message may be out: nothing can follow it */
    return good;
}

bool link_send(struct link *link, struct str bytes)
{
    return link_send_all(link, &bytes, 1);
}

void link_shut(struct link *link)
{
    (void)shutdown(link->fd, SHUT_RDWR);
}

void link_free(struct link *link)
{
    http_socket_close(&link->socket);
    buf_free(&link->in);
    (void)pthread_mutex_destroy(&link->send_lock);
    free(link);
}

/* ---- dialing ---- */

static bool connect_to(const char *host, unsigned short port, int *ret_fd, struct fail *f)
{
    struct timeval timeout = {.tv_sec = DIAL_TIMEOUT_S};
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char service[8];
    int error;
    auto_fd fd = -1;

    (void)snprintf(service, sizeof(service), "%u", port);
    error = getaddrinfo(host, service, &hints, &found);
    if (error != 0)
        return fail(f, FAIL_SYSTEM, "%s: %s", host, gai_strerror(error));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    }
    error = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0 ? errno : 0;
    freeaddrinfo(found);
    if (error != 0)
        return fail(f, FAIL_SYSTEM, "connect to %s:%u: %s", host, port, strerror(error));
    *ret_fd = take_fd(&fd);
    return true;
}

/* Byte by byte, so that nothing behind the head is taken from the link. */
static bool read_head(int fd, char *head, size_t size, struct fail *f)
{
    size_t len = 0;

    while (len + 1 < size) {
        ssize_t got = recv(fd, head + len, 1, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail(f, FAIL_SYSTEM, "the server closed the connection: %s", got < 0 ? strerror(errno) : "end");
        head[++len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return fail(f, FAIL_INPUT, "the server's answer is too long");
}

bool link_dial(const char *host, unsigned short port, const char *path, const char *token, int *ret_fd, struct fail *f)
{
    struct timeval none = {0};
    char head[HEAD_MAX];
    auto_fd fd = -1;
    int len = snprintf(head, sizeof(head),
                       "GET %s HTTP/1.1\r\nHost: %s:%u\r\nConnection: Upgrade\r\nUpgrade: berth-host\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       path, host, port, token);

    must(len > 0);
    must((size_t)len < sizeof(head));
    if (!connect_to(host, port, &fd, f))
        return false;
    if (!send_all(fd, (struct str){head, (size_t)len}))
        return fail(f, FAIL_SYSTEM, "send to %s:%u: %s", host, port, strerror(errno));
    if (!read_head(fd, head, sizeof(head), f))
        return false;
    if (!str_starts(str_of(head), STR("HTTP/1.1 101")))
        return fail(f, FAIL_DENIED, "the server refused the link: %.*s",
                    STR_ARG(str_to(str_of(head), strcspn(head, "\r"))));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
    *ret_fd = take_fd(&fd);
    return true;
}
