#include "os/http_test_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? take_fd(&fd) : -1;
}

int client_open(uint16_t port)
{
    int fd = connect_to(port);

    assert_true(fd >= 0);
    return fd;
}

bool client_can_connect(uint16_t port)
{
    auto_fd fd = connect_to(port);

    return fd >= 0;
}

void client_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent < 0)
            return; /* the server hung up: what it said is still to be read */
        bytes = str_from(bytes, (size_t)sent);
    }
}

/* False at the end of the connection. */
static bool read_more(int fd, struct buf *bytes)
{
    char piece[65536];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t len;

    assert_int_equal(poll(&ready, 1, CLIENT_WAIT_MS), 1);
    len = recv(fd, piece, sizeof(piece), 0);
    if (len <= 0)
        return false;
    buf_add(bytes, (struct str){piece, (size_t)len});
    assert_false(bytes->overflowed);
    return true;
}

bool client_read_until(int fd, struct buf *bytes, const char *text)
{
    while (str_search(buf_str(bytes), str_of(text)) == bytes->len)
        if (!read_more(fd, bytes))
            return false;
    return true;
}

void client_read_all(int fd, struct buf *bytes)
{
    while (read_more(fd, bytes))
        ;
}

struct str client_header(const struct client_reply *reply, const char *name)
{
    struct str rest = reply->head;

    while (rest.ptr != NULL) {
        struct str value;
        struct str line = str_cut(rest, '\n', &rest);

        if (str_eq_nocase(str_cut(line, ':', &value), str_of(name)))
            return str_trim(value);
    }
    return (struct str){0};
}

struct client_reply client_reply(int fd, struct buf *bytes, bool has_body)
{
    struct client_reply reply = {0};
    uint64_t status;
    uint64_t length;
    struct str length_text;
    size_t head_len;

    if (!client_read_until(fd, bytes, "\r\n\r\n"))
        return reply;
    head_len = str_search(buf_str(bytes), STR("\r\n\r\n")) + 4;
    reply.head = str_to(buf_str(bytes), head_len);
    assert_true(str_starts(reply.head, STR("HTTP/1.1 ")));
    assert_true(str_to_uint64(str_to(str_from(reply.head, 9), 3), &status));
    reply.status = (unsigned)status;
    length_text = client_header(&reply, "Content-Length");
    if (!has_body || status < 200 || status == 204 || status == 304)
        length = 0;
    else if (length_text.ptr != NULL)
        assert_true(str_to_uint64(length_text, &length));
    else if (client_read_until(fd, bytes, "\r\n0\r\n\r\n"))
        length = str_search(buf_str(bytes), STR("\r\n0\r\n\r\n")) + 7 - head_len;
    else
        length = bytes->len - head_len;
    while (bytes->len < head_len + length)
        assert_true(read_more(fd, bytes));
    reply.head = str_to(buf_str(bytes), head_len);
    reply.body = str_to(str_from(buf_str(bytes), head_len), (size_t)length);
    return reply;
}

void client_drop(struct buf *bytes, const struct client_reply *reply)
{
    buf_consume(bytes, reply->head.len + reply->body.len);
}

struct client_reply client_ask(int fd, struct buf *bytes, const char *request)
{
    buf_clear(bytes);
    client_send(fd, str_of(request));
    return client_reply(fd, bytes, /* has_body: */ !str_starts(str_of(request), STR("HEAD ")));
}
