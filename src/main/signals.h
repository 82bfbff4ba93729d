/* The signals that end a daemon: SIGTERM and SIGINT. */
#pragma once

/* Before any thread is made: threads inherit the mask, so only signals_wait takes them. Ignores SIGPIPE. */
void signals_block(void);
/* Waits for one. */
void signals_wait(void);
