/* The resolver of one VPC: a dnsmasq in the router's namespace, which answers the names it is given and asks the
 * machine's name servers for others.
 *
 * Life: 1 resolver_open learns from the pid file of one that a former process started; 2 resolver_run starts it if it
 * is not running: it is no child of ours and outlives us; 3 its end shows at pidfd, resolver_run starts it again, at
 * most once in RESOLVER_PAUSE_MS; 4 resolver_end stops it and removes its files. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"
#include "node/network/address.h"

enum { RESOLVER_PATH_SIZE = 256, RESOLVER_PAUSE_MS = 10000 };

/* The resolver's second address, the same in every VPC. */
#define RESOLVER_LINK_LOCAL 0xA9FEA9FDU /* 169.254.169.253 */

struct resolver {
    char directory[RESOLVER_PATH_SIZE]; /* its files: hosts, servers, pid */
    int pidfd;                          /* -1: not running; owned */
    int64_t started_ms;                 /* monotonic; 0: never by us */
    struct buf hosts;                   /* content of its file as last written */
    struct buf servers;                 /* the same: zones, then the machine's name servers */
    struct buf zones;
    bool exit; /* the machine's name servers are asked */
};

/* Makes the directory (the one above exists) and finds out whether it runs. */
checked bool resolver_open(struct resolver *resolver, const char *directory, struct fail *f);
/* Lets it run on. */
void resolver_close(struct resolver *resolver);

/* Starts it in that namespace unless it runs, with the files as they are. FAIL_LIMIT within the pause after a start. */
checked bool resolver_run(struct resolver *resolver, int namespace_fd, uint32_t address, struct fail *f);
/* Stops it and waits for its end; resolver_end also removes its files. */
checked bool resolver_stop(struct resolver *resolver, struct fail *f);
checked bool resolver_end(struct resolver *resolver, struct fail *f);

/* New names ("172.31.0.5 a.internal\n"...) and zones ("server=/internal/\n"...). A running dnsmasq reads them when they
 * differ from what it has, as with resolver_exit. */
checked bool resolver_names(struct resolver *resolver, const struct buf *hosts, const struct buf *zones,
                            struct fail *f);
/* Whether the machine's name servers are asked; looks them up each time. */
checked bool resolver_exit(struct resolver *resolver, bool exit, struct fail *f);

/* "server=ADDRESS\n" for each name server of a resolv.conf, without loopback ones, which the namespace cannot reach. */
void resolver_servers(struct str resolv_conf, struct buf *out);
