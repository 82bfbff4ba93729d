/* "ADDRESS:PORT" as options have it, and under which name clients reach what listens there. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

/* option: its name, for the message. The address is in the arena; an IPv6 address comes in brackets and leaves them,
 * localhost is 127.0.0.1. */
checked bool listen_parse(const char *option, const char *text, struct arena *arena, const char **ret_address,
                          uint16_t *ret_port, struct fail *f);

/* Whether an address of listen_parse means all of the machine's. */
bool listen_is_everywhere(const char *address);

/* What clients are told to call, "NAME:PORT": `wished`, with the port where it has none; without one (NULL) `listen`
 * itself; and where that is everywhere, the machine's own address on the way to the internet, or loopback when it has
 * no such way (docs/decisions/0092-public-address.md). */
checked bool listen_public(const char *wished, const char *listen, struct arena *arena, const char **ret_public,
                           struct fail *f);
