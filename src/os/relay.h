/* Carries TCP connections from a listening socket on to an address: bytes both ways, ends both ways, nothing looked at.
 * One thread each. */
#pragma once

#include "base/fail.h"

#include <stdint.h>

struct relay;

/* The listening socket is taken over, also on failure. `address` is a name or a number; a name is looked up now. At
 * most RELAY_CONNECTIONS_MAX at once; more are closed as they come. */
enum { RELAY_CONNECTIONS_MAX = 1000 };
checked bool relay_start(int listening_fd, const char *address, uint16_t port, struct relay **ret_relay,
                         struct fail *f);
/* Cuts what is carried. NULL is fine. */
void relay_stop(struct relay *relay);
