/* User namespaces: the unprivileged range of the host's users that a container takes for 0, 1, 2 ... */
#pragma once

#include "base/fail.h"
#include "node/runtime/container_spec.h"

/* A new user namespace with the map, the same for users and groups. It lives as long as the descriptor and what uses
 * it. */
checked bool user_namespace_open(const struct container_id_map *map, int *ret_fd, struct fail *f);
/* The same with a new network namespace that belongs to it, whose descriptor is given; it keeps the other alive. Root
 * of the container may then do in that network what root may. */
checked bool user_namespace_open_network(const struct container_id_map *map, int *ret_network_fd, struct fail *f);
/* The one that a network namespace belongs to; *ret_fd is -1 when that is our own. */
checked bool user_namespace_of_network(const char *network, int *ret_fd, struct fail *f);
