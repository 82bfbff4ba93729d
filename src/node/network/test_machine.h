/* A machine for tests: a process of its own in private network, mount and pid namespaces, so that whatever a test makes
 * or forgets ends with it and nothing of the real machine is seen or touched. And sockets in namespaces. */
#pragma once

#include "node/network/network.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TEST_RUN_DIR "/run/berth"
#define INTERNET     "/run/netns/internet" /* a namespace that plays it */

/* Runs main_fn on such a machine and ends the program with its result, or with 77 (Meson: test skipped) and a message
 * when we are not root or the kernel says no. The machine has lo, a default route to the internet (198.51.100.1, which
 * is its name server too) and its own empty /run. */
_Noreturn void test_machine_main(int (*main_fn)(void));

/* Fails the test with the failure's message. */
#define must_do(call)                                                                                                  \
    do {                                                                                                               \
        struct fail f_ = {0};                                                                                          \
        struct fail *f = &f_;                                                                                          \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s", #call, f->message);                                                                     \
    } while (0)
/* The call must fail with that code; its struct fail is called f. */
#define must_fail(call, expected)                                                                                      \
    do {                                                                                                               \
        struct fail f_ = {0};                                                                                          \
        struct fail *f = &f_;                                                                                          \
        assert_false(call);                                                                                            \
        assert_int_equal(f->code, expected);                                                                           \
    } while (0)

enum { REACH_MS = 3000, DROPPED_MS = 150 };

/* A socket in the namespace at that path (NULL: the machine), bound to address and port unless address is NULL. */
int socket_in(const char *path, int type, const char *address, uint16_t port);
/* An ICMP echo socket of an unprivileged process. */
int ping_socket_in(const char *path);
int listen_in(const char *path, const char *address, uint16_t port);
/* A TCP connection from one namespace, or -1 when nothing answers in time or it is refused. */
int connect_from(const char *path, const char *address, uint16_t port, int timeout_ms);
/* Whether a connection is made at all; closes it. A dropped one is waited for DROPPED_MS. */
bool reaches(const char *path, const char *address, uint16_t port);
bool is_dropped(const char *path, const char *address, uint16_t port);
/* Takes a connection from a listening socket and returns its socket; *ret_peer is the other side's address as text. */
int accept_at(int listening, char ret_peer[20]);
/* Sends a byte one way and reads it at the other end: whether it arrived in time. */
bool passes(int from, int to);

/* The output of an nft command in the namespace at that path, in a malloc'ed string. */
char *nft_output(const char *path, const char *command);
