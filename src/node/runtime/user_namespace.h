/* User namespaces: the unprivileged range of the host's users that a container takes for 0, 1, 2 ... */
#pragma once

#include "base/fail.h"
#include "node/runtime/container_spec.h"

/* A new user namespace with the map, the same for users and groups. It lives as long as the descriptor and what uses
 * it. */
checked bool user_namespace_open(const struct container_id_map *map, int *ret_fd, struct fail *f);
