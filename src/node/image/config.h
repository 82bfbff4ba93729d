/* An image config: how its container is meant to run (OCI Image Spec 1.1, Image Configuration; healthcheck and shell
 * from docker's "Image Specification v1.2"). Other members are not read. */
#pragma once

#include "node/image/image_limits.h"
#include "node/image/json_read.h"
#include "node/image/platform.h"

struct image_healthcheck {
    struct strs test;     /* {"NONE"}, {"CMD", ...} or {"CMD-SHELL", line} */
    uint64_t interval_ns; /* 0: the runtime's default */
    uint64_t timeout_ns;
    uint64_t start_period_ns;
    uint64_t retries;
};

struct image_config {
    struct image_platform platform; /* os and architecture absent in very old images */
    struct strs entrypoint;
    struct strs cmd;
    struct strs env;           /* "NAME=value" */
    struct str user;           /* "", "0", "name", "1000:1000", "name:group" */
    struct str working_dir;    /* "" or absent: "/" */
    struct strs exposed_ports; /* "80/tcp", "53/udp", "8080" */
    struct strs volumes;       /* absolute paths */
    struct str_pairs labels;
    struct str stop_signal; /* "SIGTERM", "15" or absent */
    struct strs shell;
    bool has_healthcheck;
    struct image_healthcheck healthcheck;
    struct strs diff_ids; /* digests of the uncompressed layers, lowest first */
};

/* Strs live in the arena. Fails with IMAGE_MALFORMED, IMAGE_OVER_LIMIT. */
checked bool image_config_parse(struct arena *arena, struct str bytes, const struct image_limits *limits,
                                struct image_config *ret_config, struct fail *f);
