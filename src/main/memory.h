/* How malloc keeps memory, for roles whose core takes and gives back hundreds of kilobytes a turn: asking the kernel
 * each time cost a third of the processor under load (tools/bench/api, tools/bench/sim). */
#pragma once

#include <stddef.h>

/* Up to two MiB stay with the process; the loop gives them back in quiet moments. Before the first thread. */
void memory_keep(void);

/* For a process that will fill about so much memory with small pieces and then end: its heap begins with that room, in
 * huge pages where the kernel has them, and gives nothing back. A simulation spent a third of its time on page faults
 * and on pages that the processor did not find. Before the first thread. */
#define MEMORY_RESERVE_MAX ((size_t)4 << 30)
void memory_reserve(size_t bytes);

/* For a server that is about to read records out of that file: the same room for them as far as it is worth it, until
 * memory_keep is called again. Half of a restart's time were page faults. No other thread may take memory meanwhile. */
void memory_reserve_for(const char *state_file);
