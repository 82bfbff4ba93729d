/* What comes next: an intrusive binary heap of moments. Of equal moments the one added first comes first, so what
 * happens depends on nothing but the calls.
 *
 * The node stands inside its owner and must not move while it is in a heap. Not thread-safe. A zeroed struct heap is an
 * empty one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t when_ms;
    size_t at; /* where it stands */
};

/* What is compared stands in the heap: nodes are all over the memory. */
struct heap_place {
    int64_t when_ms;
    uint64_t number; /* order of adding */
    struct heap_node *node;
};

struct heap {
    struct heap_place *places;
    size_t count, capacity;
    uint64_t added;
};

/* The struct that holds a node: heap_item(node, struct watch, node_member). */
#define heap_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void heap_add(struct heap *heap, struct heap_node *node, int64_t when_ms);
void heap_remove(struct heap *heap, struct heap_node *node);
void heap_free(struct heap *heap); /* the heap, not the nodes */

/* The earliest, or NULL. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->places[0].node;
}
