/* A hash map from bytes to pointers. Looked up, never walked for a decision: the order is not stable.
 *
 * Keys are not copied: they must live as long as their entry (usually they stand inside the value). Not thread-safe. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

struct map_slot {
    struct str key;
    uint64_t hash;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

/* A zeroed struct map is an empty one. */
void map_free(struct map *map);                       /* the slots, not the values */
void *map_get(const struct map *map, struct str key); /* NULL when there is none */
/* Sets key to value (not NULL) and returns the value it replaced, or NULL. The new key replaces the old one. */
void *map_put(struct map *map, struct str key, void *value);
/* Removes key and returns its value, or NULL. */
void *map_remove(struct map *map, struct str key);

/* For clean-up and dumps only: every value once, in no order. Start with *at = 0; NULL ends. */
void *map_next(const struct map *map, size_t *at);
