/* The trace ring: the last few thousand things this process did, kept in memory, written out when must() fails or on
 * request (SIGUSR2). Cheap enough to stay on. Safe from any thread. */
#pragma once

#include "base/attributes.h"

/* One line; cut at 160 bytes. */
void trace(const char *format, ...) printf_like(1, 2);
/* Writes the ring, oldest first, to a file descriptor; safe in a signal handler. */
void trace_write(int fd);
