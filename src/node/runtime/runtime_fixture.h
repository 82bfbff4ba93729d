/* What the tests and the benchmark of containers stand on: a small root file system of busybox in a directory of its
 * own, an installation with a name of its own, a network namespace, and the removal of all that, also after a failed
 * test. Needs root, busybox (static), crun and conmon. */
#pragma once

#include "node/runtime/runtime.h"

enum { FIXTURE_PATH_BYTES = 128, FIXTURE_EXITS_MAX = 64, FIXTURE_TIMEOUT_MS = 30000 };

struct fixture_exit {
    char id[CONTAINER_ID_BYTES];
    int code;
    bool oom_killed;
    bool lost;
    int64_t when_ms;
};

struct fixture {
    char directory[FIXTURE_PATH_BYTES]; /* all else is below it */
    char state_dir[FIXTURE_PATH_BYTES];
    char lower[FIXTURE_PATH_BYTES];
    char network[64];
    int network_fd;
    char instance[RUNTIME_INSTANCE_BYTES];
    const char *oci_runtime;
    struct runtime *runtime;
    struct fixture_exit exits[FIXTURE_EXITS_MAX];
    size_t exit_count;
};

/* Where a container's files are; filled by fixture_spec and pointed to by the spec. */
struct fixture_paths {
    char upper[FIXTURE_PATH_BYTES];
    char work[FIXTURE_PATH_BYTES];
    char log[FIXTURE_PATH_BYTES];
};

/* Failures end the program: there is nothing to test then. */
struct fixture *fixture_new(void);
void fixture_open(struct fixture *fixture); /* the installation */
void fixture_close(struct fixture *fixture);
/* Removes every container, cgroup and file, with an installation that it opens if needed. */
void fixture_free(struct fixture *fixture);

/* A spec for "sh -c script" in task "t", with its directories made. script NULL: argv is left to the caller. */
struct container_spec fixture_spec(struct fixture *fixture, struct fixture_paths *paths, const char *id,
                                   const char *script);

/* Waits for a container's end, whichever others end meanwhile; NULL when it takes too long. */
const struct fixture_exit *fixture_wait(struct fixture *fixture, const char *id);

/* Whether a container has not ended after that time. */
bool fixture_stays(struct fixture *fixture, const char *id, int ms);

/* What a container has written so far, both streams, "P" lines joined; in a static buffer. */
const char *fixture_output(const char *log_path);

/* Whether anything with the text in its name is left in the cgroup trees, or in the host's mounts. */
bool fixture_left_in_cgroups(const char *text);
bool fixture_left_in_mounts(const char *text);
/* Processes whose command line holds the text. */
int fixture_processes(const char *text);
