#include "main/memory.h"

#include "base/must.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void memory_keep(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, 2 << 20);
    (void)mallopt(M_TOP_PAD, 256 << 10);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

void memory_reserve(size_t bytes)
{
    enum { PAGE = 4096 };
    char *room;
    uintptr_t begin;

    must(bytes <= MEMORY_RESERVE_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, MEMORY_RESERVE_MAX);
    (void)mallopt(M_MMAP_THRESHOLD, MEMORY_RESERVE_MAX);
    room = malloc(bytes);
    begin = ((uintptr_t)room + PAGE - 1) / PAGE * PAGE;
    if (room != NULL && bytes > PAGE)
        (void)madvise((void *)begin, (uintptr_t)room + bytes - begin, MADV_HUGEPAGE); /* a kernel without goes on */
    free(room);
}
