#include "main/memory.h"

#include "base/must.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { MMAP_PIECES = 65536 }; /* malloc's own */

void memory_keep(void)
{
    (void)mallopt(M_MMAP_MAX, MMAP_PIECES);
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
    (void)mallopt(M_TRIM_THRESHOLD, -1);
    (void)mallopt(M_MMAP_MAX, 0); /* the piece that makes the room, too, shall come from the heap */
    room = malloc(bytes);
    begin = ((uintptr_t)room + PAGE - 1) / PAGE * PAGE;
    if (room != NULL && bytes > PAGE)
        (void)madvise((void *)begin, (uintptr_t)room + bytes - begin, MADV_HUGEPAGE); /* a kernel without goes on */
    free(room);
}

void memory_reserve_for(const char *state_file)
{
    enum { SMALL_BYTES = 32 << 20, RECORD_FACTOR = 2 }; /* records take twice as much as their rows */
    struct stat file;
    size_t bytes;

    if (stat(state_file, &file) != 0 || file.st_size < SMALL_BYTES)
        return;
    bytes = (size_t)file.st_size;
    memory_reserve(bytes < MEMORY_RESERVE_MAX / RECORD_FACTOR ? bytes * RECORD_FACTOR : MEMORY_RESERVE_MAX);
}
