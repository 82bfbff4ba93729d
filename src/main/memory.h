/* How malloc keeps memory, for roles whose core takes and gives back hundreds of kilobytes a turn: asking the kernel
 * each time cost a third of the processor under load (tools/bench/api, tools/bench/sim). */
#pragma once

/* Up to two MiB stay with the process; the loop gives them back in quiet moments. Before the first thread. */
void memory_keep(void);
