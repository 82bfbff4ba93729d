/* Ranges of the machine's users, one for each task, that the task's containers take for their own 0, 1, 2 ... A range
 * is a task's from before its network is made until nothing of it is left, across restarts of the host, and no other
 * task's on this machine, also not one of another installation.
 *
 * The record of all is a directory that the machine's installations share: /run/berth-users/FIRST is a symbolic link
 * that reads "INSTANCE/TASK". It is gone when the machine restarts, as are the containers. Ranges lie where systemd
 * keeps room for containers ("Users, Groups, UIDs and GIDs on systemd Systems": 524288 to 1879048191) and where
 * /etc/subuid and /etc/subgid give nothing to anybody. */
#pragma once

#include "node/runtime/container_spec.h"

#include "base/str.h"

enum { USERS_COUNT = 1 << 16 };

/* Takes a range for the task, or the one at `first` again (0: any). Saying it again is fine. FAIL_CONFLICT when that
 * one is another's, FAIL_LIMIT when all are taken. */
checked bool users_take(const char *instance, struct str task_id, uint32_t first, struct container_id_map *ret_users,
                        struct fail *f);
/* Gives it back, when no file of the task is left. A map of count 0 is fine. */
void users_give(const struct container_id_map *users);
/* Gives back the ranges of this instance whose tasks are not known; known NULL: all. */
void users_give_unknown(const char *instance, bool (*known)(void *context, struct str task_id), void *context);

/* Whether containers whose layers are on the directory's file system can have users of their own: tries it, below the
 * directory. *f says what is missing. */
checked bool users_possible(const char *directory, struct fail *f);
