/* The last steps of a process before it is a container's program: whose it is, what it may, what it executes. The same
 * for the first process and for an exec. Functions return 0, or -1 with the failure filled, unless said otherwise. */
#pragma once

#include "node/runtime/borrowed_child.h"
#include "node/runtime/native_plan.h"

/* With the host's rights, before a user namespace is joined: hard limits that the program shall have above ours. */
int program_raise_limits(const struct native_plan *plan, struct child_failure *failure);

/* The working directory, made if missing, inside "/". */
int program_enter_directory(const struct native_plan *plan, struct child_failure *failure);

/* 0, 1 and 2 are these descriptors, all others are closed. */
int program_keep_stdio(int in, int out, int err, struct child_failure *failure);

/* Limits, the filter, user and groups, capabilities: nothing that it had more is left. */
int program_become(const struct native_plan *plan, struct child_failure *failure);

/* Executes argv[0], looked up in the container's PATH; returns the errno when it cannot. */
int program_execute(const struct native_plan *plan);
