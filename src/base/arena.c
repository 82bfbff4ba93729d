#include "base/arena.h"

#include "base/format.h"
#include "base/must.h"

#include <stdarg.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    max_align_t bytes[];
};

/* Blocks grow with what the arena holds, but stay below what malloc gives back to the kernel each time. */
enum { BLOCK_BYTES = 8192, BLOCK_BYTES_MAX = 65536, ALIGNMENT = 16 };

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->first;

    while (block != NULL && block->next != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    if (block != NULL)
        block->used = 0;
    arena->first = block;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    arena_reset(arena);
    free(arena->first);
    arena->first = NULL;
}

static bool add_block(struct arena *arena, size_t size)
{
    size_t bytes = arena->used < BLOCK_BYTES ? BLOCK_BYTES : arena->used;
    size_t usual = (bytes < BLOCK_BYTES_MAX ? bytes : BLOCK_BYTES_MAX) - sizeof(struct arena_block);
    size_t wanted = size > usual ? size : usual;
    struct arena_block *block = malloc(sizeof(*block) + wanted);

    if (block == NULL)
        return false;
    block->next = arena->first;
    block->size = wanted;
    block->used = 0;
    arena->first = block;
    return true;
}

/* Not zeroed: for what is overwritten at once. */
static void *take(struct arena *arena, size_t size, size_t *ret_padded)
{
    size_t padded;
    void *at;

    if (size > arena->limit)
        return NULL;
    padded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > arena->limit - arena->used)
        return NULL;
    if (arena->first == NULL || arena->first->size - arena->first->used < padded)
        if (!add_block(arena, padded))
            return NULL;
    at = (char *)arena->first->bytes + arena->first->used;
    arena->first->used += padded;
    arena->used += padded;
    *ret_padded = padded;
    return at;
}

void *arena_try(struct arena *arena, size_t size)
{
    size_t padded;
    void *at = take(arena, size, &padded);

    return at == NULL ? NULL : memset(at, 0, padded);
}

/* Room for a text of that length and its NUL. */
static char *take_text(struct arena *arena, size_t len)
{
    size_t padded;
    char *text = take(arena, len + 1, &padded);

    must(text != NULL);
    text[len] = '\0';
    return text;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *at = arena_try(arena, size);

    must(at != NULL);
    return at;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy;

    if (s.ptr == NULL)
        return s;
    copy = take_text(arena, s.len);
    memcpy(copy, s.ptr, s.len);
    return (struct str){copy, s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    char space[256]; /* most are short: one pass over the format */
    va_list args;
    va_list again;
    size_t simple;
    int len;
    char *text;

    va_start(args, format);
    if (format_pieces(space, sizeof(space), format, args, &simple)) {
        va_end(args);
        return arena_str(arena, (struct str){space, simple});
    }
    va_end(args);
    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(space, sizeof(space), format, args);
    va_end(args);
    must(len >= 0);
    text = take_text(arena, (size_t)len);
    if ((size_t)len < sizeof(space))
        memcpy(text, space, (size_t)len);
    else
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}

const char *arena_cstr(struct arena *arena, struct str s)
{
    return s.ptr == NULL ? "" : arena_str(arena, s).ptr;
}
