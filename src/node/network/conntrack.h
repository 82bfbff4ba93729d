/* Connection tracking of a namespace: forgetting the connections of an address that changes hands. */
#pragma once

#include "base/fail.h"

/* A socket for it, in the calling thread's namespace. */
checked bool conntrack_open(int *ret_fd, struct fail *f);

/* Forgets all connections from or to the address: 0.2 ms with an empty table of 262144 buckets. */
checked bool conntrack_forget(int fd, uint32_t address, struct fail *f);
