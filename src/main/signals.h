/* The signals that end a daemon: SIGTERM and SIGINT. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Before any thread is made: threads inherit the mask, so only signals_wait takes them. Ignores SIGPIPE. */
void signals_block(void);
/* Waits for one. */
void signals_wait(void);
/* The same for so long at most; false: none came. */
bool signals_wait_for(int64_t ms);
