/* From a container definition to a container: what the runtime is told. Reads the definition and the image, makes the
 * folders and files that the container mounts (hosts, resolv.conf, hostname, volumes). */
#pragma once

#include "node/runtime/container_spec.h"
#include "node/task/shared_namespaces.h"

struct launch_site {
    const char *task_dir;           /* the task's folder on this host, exists */
    const char *storage_dir;        /* of what containers write: limited, or the task's folder */
    const char *log_path;           /* where the container's lines go */
    const struct task_place *place; /* its namespace belongs to the root of `users` */
    const char *volumes_dir;        /* of volumes that outlive tasks */
    const char *api_url;            /* AWS_ENDPOINT_URL; NULL: not set */
    bool is_fargate;                /* as Fargate starts containers, else as Docker does */
    struct container_id_map users;
    struct shared_namespaces shared;
    const struct image *image;
    const char *lower_dirs;
};

/* Fills the spec for container i of the task; everything it points to is in the arena. Fails with what the API shows as
 * the container's reason. Worker threads. */
checked bool launch_spec(const struct launch_site *site, const struct task *task, size_t i, struct arena *arena,
                         struct container_spec *ret_spec, struct fail *f);

/* The folders that a container of the task has on the host; removed with the task. */
const char *launch_container_dir(const struct launch_site *site, size_t i, struct arena *arena);
