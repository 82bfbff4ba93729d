#include "os/relay.h"

#include "base/attributes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fail f;

static int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* A relay between two ends that the test holds. */
struct line {
    struct relay *relay;
    int target; /* listens */
    int client, server;
    uint16_t port;
};

static struct line line_new(void)
{
    struct line line;
    uint16_t target_port;
    int listening;

    line.target = listen_somewhere(&target_port);
    listening = listen_somewhere(&line.port);
    assert_true(relay_start(listening, "127.0.0.1", target_port, &line.relay, &f));
    line.client = connect_to(line.port);
    line.server = accept(line.target, NULL, NULL);
    assert_true(line.server >= 0);
    return line;
}

static void line_free(struct line *line)
{
    relay_stop(line->relay);
    (void)close(line->client);
    (void)close(line->server);
    (void)close(line->target);
}

static void assert_carries(int from, int to, const char *text)
{
    char got[100];

    assert_int_equal(write(from, text, strlen(text)), strlen(text));
    assert_int_equal(recv(to, got, strlen(text), MSG_WAITALL), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void bytes_go_both_ways(void **state)
{
    struct line line = line_new();

    (void)state;
    assert_carries(line.client, line.server, "there");
    assert_carries(line.server, line.client, "and back");
    line_free(&line);
}

static void an_end_ends_one_way_only(void **state)
{
    struct line line = line_new();
    char byte;

    (void)state;
    assert_int_equal(shutdown(line.client, SHUT_WR), 0);
    assert_int_equal(recv(line.server, &byte, 1, 0), 0);
    assert_carries(line.server, line.client, "still heard");
    (void)close(line.server);
    line.server = -1;
    assert_int_equal(recv(line.client, &byte, 1, 0), 0);
    line_free(&line);
}

/* More than all buffers on the way hold: a reader that takes its time holds the writer up, and nothing is lost. */
static void a_slow_reader_gets_everything(void **state)
{
    enum { BYTES = 32 << 20 };
    struct line line = line_new();
    unsigned char *piece = malloc(1 << 20);
    size_t sent = 0;
    size_t got = 0;

    (void)state;
    assert_non_null(piece);
    while (got < BYTES) {
        struct pollfd ready[] = {{.fd = sent < BYTES ? line.client : -1, .events = POLLOUT},
                                 {.fd = line.server, .events = POLLIN}};
        ssize_t n;

        assert_true(poll(ready, 2, 10000) > 0);
        if (ready[0].revents != 0) {
            for (size_t i = 0; i < (1 << 20); i++)
                piece[i] = (unsigned char)((sent + i) % 251);
            n = send(line.client, piece, sent + (1 << 20) > BYTES ? BYTES - sent : 1 << 20, MSG_DONTWAIT);
            sent += n > 0 ? (size_t)n : 0;
            continue; /* the reader comes when nothing more can be sent */
        }
        n = recv(line.server, piece, 1 << 20, 0);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(piece[i], (got + (size_t)i) % 251);
        got += (size_t)n;
    }
    free(piece);
    line_free(&line);
}

static void who_cannot_be_reached_is_told(void **state)
{
    struct relay *relay;
    uint16_t target_port;
    uint16_t port;
    int target = listen_somewhere(&target_port);
    int client;
    char byte;

    (void)state;
    (void)close(target); /* nobody listens there any more */
    assert_true(relay_start(listen_somewhere(&port), "127.0.0.1", target_port, &relay, &f));
    client = connect_to(port);
    assert_true(recv(client, &byte, 1, 0) <= 0);
    (void)close(client);
    relay_stop(relay);
}

static void a_name_that_is_none_is_told(void **state)
{
    struct relay *relay;
    uint16_t port;

    (void)state;
    assert_false(relay_start(listen_somewhere(&port), "no such name", 80, &relay, &f));
    assert_non_null(strstr(f.message, "no such name"));
}

static void stopping_cuts_what_is_carried(void **state)
{
    struct line line = line_new();
    char byte;

    (void)state;
    relay_stop(line.relay);
    line.relay = NULL;
    assert_true(recv(line.client, &byte, 1, 0) <= 0);
    assert_true(recv(line.server, &byte, 1, 0) <= 0);
    line_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(an_end_ends_one_way_only),
        cmocka_unit_test(a_slow_reader_gets_everything),
        cmocka_unit_test(who_cannot_be_reached_is_told),
        cmocka_unit_test(a_name_that_is_none_is_told),
        cmocka_unit_test(stopping_cuts_what_is_carried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
