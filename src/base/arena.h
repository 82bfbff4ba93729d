/* An arena: memory of one request, turn or test, given back all at once.
 *
 * Invariant: never holds more than `limit` bytes. An allocation past the limit is answered with NULL when asked by
 * arena_try, and is a bug (must) when asked by the others: bound the input before you copy it. Not thread-safe. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* newest first */
    size_t used;               /* bytes handed out, with padding */
    size_t limit;
};

#define ARENA_LIMIT_DEFAULT ((size_t)64 << 20)

void arena_init(struct arena *arena, size_t limit);
/* Gives everything back but one block, which the next use takes. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* Zeroed memory aligned to 16 bytes; never NULL. size 0 gives a unique non-NULL pointer. */
void *arena_alloc(struct arena *arena, size_t size) never_null;
/* The same, NULL past the limit. */
checked void *arena_try(struct arena *arena, size_t size);

#define arena_new(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

/* Copies that live as long as the arena; each ends in NUL, which len does not count. Absent stays absent. */
struct str arena_str(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...) printf_like(2, 3);
/* The str as a C string in the arena ("" when absent). */
const char *arena_cstr(struct arena *arena, struct str s);
