/* "ADDRESS:PORT" as options have it. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

/* option: its name, for the message. The address is in the arena. */
checked bool listen_parse(const char *option, const char *text, struct arena *arena, const char **ret_address,
                          uint16_t *ret_port, struct fail *f);
