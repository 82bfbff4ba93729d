/* The agent's settings: the ECS_* variables of the amazon-ecs-agent ("Amazon ECS container agent configuration",
 * developer guide), with its defaults. Those that this agent does not know are ignored, as there. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "node/agent/managed_instance.h"

struct agent_config {
    struct str cluster;                        /* ECS_CLUSTER; "default" */
    struct str backend;                        /* ECS_BACKEND_HOST, with its scheme: "http://169.254.170.10" */
    struct str region;                         /* AWS_DEFAULT_REGION, AWS_REGION; absent: the instance's */
    struct str data_dir;                       /* ECS_DATADIR; "/var/lib/berth/agent" */
    struct str attributes;                     /* ECS_INSTANCE_ATTRIBUTES, a JSON object; absent */
    struct str tags;                           /* ECS_CONTAINER_INSTANCE_TAGS, a JSON object; absent */
    struct str drivers;                        /* ECS_AVAILABLE_LOGGING_DRIVERS, a JSON list; all that there are */
    struct str secrets_endpoint;               /* AWS_ENDPOINT_URL_SECRETS_MANAGER; absent: where ECS is */
    struct str ssm_endpoint;                   /* AWS_ENDPOINT_URL_SSM; absent: where ECS is */
    const char *s3_endpoint;                   /* AWS_ENDPOINT_URL_S3, of environment files; NULL: there is none */
    int64_t reserved_memory_mib;               /* ECS_RESERVED_MEMORY */
    bool external;                             /* ECS_EXTERNAL: there is no instance metadata */
    struct str activation_id, activation_code; /* of the command line: to become a managed instance with; absent */
    struct managed_instance managed; /* external: whose credentials the agent takes; "" those of its environment */
    bool privileged_disabled;        /* ECS_DISABLE_PRIVILEGED */
    int64_t stop_timeout_s;          /* ECS_CONTAINER_STOP_TIMEOUT: "30s", "1m" */
};

/* `get` is getenv in the product. Fails with FAIL_INPUT, naming variable and value. */
checked bool agent_config_read(const char *(*get)(const char *name), struct arena *arena,
                               struct agent_config *ret_config, struct fail *f);
/* "1h30m", "45s", "500ms" (Go's time.ParseDuration) in milliseconds. */
checked bool duration_parse(struct str text, int64_t *ret_ms);
