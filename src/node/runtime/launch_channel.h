/* What host and launcher process say to each other, over a socket of whole packets (SOCK_SEQPACKET): requests, and for
 * each of them one answer, or two, on a socket of its own that comes with the request. */
#pragma once

#include "base/fail.h"

/* Descriptors that go with a request; the launcher closes what it is sent. */
enum launch_fd {
    LAUNCH_REPLY,  /* a socket for the answers; when the host's end closes, nobody wants the program any more */
    LAUNCH_PLAN,   /* a file: a flat native_plan */
    LAUNCH_MOUNTS, /* start: namespaces, see rootfs.h and user_namespace.h; pid, ipc and user may be absent */
    LAUNCH_NETWORK,
    LAUNCH_PID,
    LAUNCH_IPC,
    LAUNCH_USER,
    LAUNCH_CONTAINER, /* exec: pidfd of the container's first process */
    LAUNCH_OUTPUT,    /* exec: for standard output and error */
    LAUNCH_BUSY,      /* the launcher's own, never sent: closed when it may fork for the next request */
    LAUNCH_FDS
};

struct launch_request {
    bool exec;
    bool terminal;       /* exec: with a terminal of its own instead of LAUNCH_OUTPUT */
    int fds[LAUNCH_FDS]; /* -1: absent */
};

enum launch_outcome {
    LAUNCH_STARTED,      /* the program is being executed; exec with a terminal: here it is, and it will be tried */
    LAUNCH_NOT_EXECUTED, /* it cannot be: number is the errno */
    LAUNCH_FAILED,       /* text says what */
    LAUNCH_ENDED,        /* exec: number is its exit status, 128 + signal */
};

struct launch_reply {
    enum launch_outcome outcome;
    int number;
    char text[512];
};

/* FAIL_CONFLICT: nobody is at the other end. */
checked bool launch_request_send(int socket, const struct launch_request *request, struct fail *f);
/* Waits. False when the other end is closed. */
checked bool launch_request_receive(int socket, struct launch_request *ret_request);
void launch_request_close(struct launch_request *request);

/* False when nobody is there to hear. */
bool launch_reply_send(int socket, const struct launch_reply *reply);
/* LAUNCH_STARTED with our end of a terminal. */
bool launch_reply_send_terminal(int socket, int terminal);
/* FAIL_LIMIT after timeout_ms, FAIL_CONFLICT when the other end was closed without a word. *ret_terminal: the one that
 * came with it, the caller's, or -1; NULL: none is expected. */
checked bool launch_reply_receive(int socket, int timeout_ms, struct launch_reply *ret_reply, int *ret_terminal,
                                  struct fail *f);
