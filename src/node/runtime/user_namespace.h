/* User namespaces: the unprivileged range of the host's users that a container takes for 0, 1, 2 ... */
#pragma once

#include "base/fail.h"
#include "node/runtime/container_spec.h"

/* A new user namespace with the map, the same for users and groups. It lives as long as the descriptor and what uses
 * it. */
checked bool user_namespace_open(const struct container_id_map *map, int *ret_fd, struct fail *f);

/* The user namespace that a namespace of another container belongs to: whoever shares its processes or its memory must
 * be in it, since only there one may mount their /proc. *ret_fd is -1 when that is our own. `path` as setns(2) takes
 * it. */
checked bool user_namespace_of(const char *path, int *ret_fd, struct fail *f);
