#include "node/network/test_machine.h"

#include "base/must.h"
#include "node/network/namespace.h"
#include "node/network/rtnetlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { SKIPPED = 77 };

static _Noreturn void skip_all(const char *why)
{
    (void)fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
    _exit(SKIPPED);
}

/* Setting up. must() is fine here: a test machine that cannot be made is a failed test. */

static void own_mounts(void)
{
    FILE *file;

    must(mount("", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0);
    must(mount("proc", "/proc", "proc", 0, NULL) == 0);
    must(mount("run", "/run", "tmpfs", 0, "mode=755") == 0);
    must(mkdir(NAMESPACE_DIR, 0755) == 0);
    file = fopen("/run/resolv.conf", "w");
    must(file != NULL);
    must(fputs("nameserver 127.0.0.53\nnameserver 198.51.100.1\n", file) >= 0);
    must(fclose(file) == 0);
    must(mount("/run/resolv.conf", "/etc/resolv.conf", "none", MS_BIND, NULL) == 0);
}

/* A new namespace begins with what the machine has, and a running Berth may have switched it on there. */
static void no_forwarding(void)
{
    struct fail f;

    must(namespace_set(&(struct namespace_setting){.path = "ipv4/ip_forward", .value = "0"}, 1, &f));
}

static void internet(void)
{
    struct rtnetlink here;
    struct rtnetlink there;
    struct fail f;
    uint32_t index;
    int home;
    int fd;

    must(namespace_home(&home, &f));
    must(rtnetlink_open(&here, &f));
    no_forwarding();
    must(namespace_create("internet", home, &fd, &f));
    no_forwarding();
    must(rtnetlink_open(&there, &f));
    namespace_leave(home);
    rtnetlink_veth(&here, &(struct rtnetlink_veth_end){.name = "wan", .index = 50},
                   &(struct rtnetlink_veth_end){.name = "peer", .index = 50}, fd);
    rtnetlink_link_up(&here, 1);
    rtnetlink_address(&here, 50, 0xC0000202, 24, false); /* 192.0.2.2 */
    rtnetlink_link_up(&here, 50);
    must(rtnetlink_send(&here, &f));
    rtnetlink_link_up(&there, 1);
    rtnetlink_address(&there, 1, 0xC6336401, 32, false);  /* 198.51.100.1 */
    rtnetlink_address(&there, 1, 0xA9FEA9FE, 32, false);  /* the metadata service of a cloud below us */
    rtnetlink_address(&there, 50, 0xC0000201, 24, false); /* 192.0.2.1 */
    rtnetlink_link_up(&there, 50);
    must(rtnetlink_send(&there, &f));
    rtnetlink_route(&here, &(struct rtnetlink_route){.index = 50, .gateway = 0xC0000201});
    must(rtnetlink_send(&here, &f));
    must(rtnetlink_link_find(&here, "wan", &index, &f));
    must(index == 50);
    rtnetlink_close(&here);
    rtnetlink_close(&there);
    (void)close(home);
    (void)close(fd);
}

void test_machine_main(int (*main_fn)(void))
{
    pid_t child;
    int status;

    if (geteuid() != 0) {
        errno = EPERM;
        skip_all("needs root");
    }
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) < 0)
        skip_all("no namespaces");
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        own_mounts();
        internet();
        exit(main_fn());
    }
    /* Not exit: its handlers (of sanitizers) cannot make threads in a process whose children live elsewhere. */
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        _exit(EXIT_FAILURE);
    _exit(WEXITSTATUS(status));
}

/* Visits the namespace at path; the result is where to come back to. */
static int visit(const char *path)
{
    struct fail f;
    int home;
    int fd;

    must(namespace_home(&home, &f));
    if (path != NULL) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            fail_msg("open %s: %s", path, strerror(errno));
        must(namespace_enter(fd, &f));
        (void)close(fd);
    }
    return home;
}

static void come_back(int home)
{
    namespace_leave(home);
    (void)close(home);
}

static struct sockaddr_in name_of(const char *address, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

    must(inet_pton(AF_INET, address, &name.sin_addr) == 1);
    return name;
}

int socket_in(const char *path, int type, const char *address, uint16_t port)
{
    int home = visit(path);
    int protocol = type == SOCK_RAW ? IPPROTO_RAW : 0;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
    int on = 1;

    come_back(home);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    if (address != NULL) {
        struct sockaddr_in name = name_of(address, port);

        if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
            fail_msg("bind %s %u: %s", address, port, strerror(errno));
    }
    return fd;
}

int ping_socket_in(const char *path)
{
    int home = visit(path);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

    come_back(home);
    assert_true(fd >= 0);
    return fd;
}

int listen_in(const char *path, const char *address, uint16_t port)
{
    int fd = socket_in(path, SOCK_STREAM, address, port);

    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

int connect_from(const char *path, const char *address, uint16_t port, int timeout_ms)
{
    int fd = socket_in(path, SOCK_STREAM | SOCK_NONBLOCK, NULL, 0);
    struct sockaddr_in name = name_of(address, port);
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);

    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        return fd;
    if (errno == EINPROGRESS && poll(&poll_fd, 1, timeout_ms) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
        return fd;
    (void)close(fd);
    errno = error;
    return -1;
}

bool reaches(const char *path, const char *address, uint16_t port)
{
    int fd = connect_from(path, address, port, REACH_MS);

    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

bool is_dropped(const char *path, const char *address, uint16_t port)
{
    int fd = connect_from(path, address, port, DROPPED_MS);

    if (fd >= 0)
        (void)close(fd);
    return fd < 0 && errno == 0; /* neither made nor refused */
}

int accept_at(int listening, char ret_peer[20])
{
    struct pollfd poll_fd = {.fd = listening, .events = POLLIN};
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd;

    assert_int_equal(poll(&poll_fd, 1, REACH_MS), 1);
    fd = accept4(listening, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_non_null(inet_ntop(AF_INET, &peer.sin_addr, ret_peer, 20));
    return fd;
}

bool passes(int from, int to)
{
    struct pollfd poll_fd = {.fd = to, .events = POLLIN};
    char byte = 'x';

    return send(from, &byte, 1, MSG_NOSIGNAL) == 1 && poll(&poll_fd, 1, REACH_MS) == 1 && recv(to, &byte, 1, 0) == 1;
}

char *nft_output(const char *path, const char *command)
{
    int home = visit(path);
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    char *output;

    come_back(home);
    must(context != NULL);
    must(nft_ctx_buffer_output(context) == 0);
    must(nft_ctx_buffer_error(context) == 0);
    nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_NUMERIC_ALL);
    if (nft_run_cmd_from_buffer(context, command) != 0)
        fail_msg("nft %s: %s", command, nft_ctx_get_error_buffer(context));
    output = strdup(nft_ctx_get_output_buffer(context));
    nft_ctx_free(context);
    return output;
}
