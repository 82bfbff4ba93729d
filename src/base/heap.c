#include "base/heap.h"

#include "base/must.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->when_ms != b->when_ms ? a->when_ms < b->when_ms : a->number < b->number;
}

static void put(struct heap *heap, struct heap_node *node, size_t at)
{
    heap->nodes[at] = node;
    node->at = at;
}

static void rise(struct heap *heap, struct heap_node *node, size_t at)
{
    while (at > 0 && is_before(node, heap->nodes[(at - 1) / 2])) {
        put(heap, heap->nodes[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    put(heap, node, at);
}

static void sink(struct heap *heap, struct heap_node *node, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < heap->count && is_before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (child >= heap->count || !is_before(heap->nodes[child], node))
            break;
        put(heap, heap->nodes[child], at);
        at = child;
    }
    put(heap, node, at);
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t when_ms)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->nodes = realloc(heap->nodes, heap->capacity * sizeof(struct heap_node *));
        must(heap->nodes != NULL);
    }
    node->when_ms = when_ms;
    node->number = heap->added++;
    rise(heap, node, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t at = node->at;
    struct heap_node *last;

    must(at < heap->count);
    must(heap->nodes[at] == node);
    last = heap->nodes[--heap->count];
    if (last == node)
        return;
    if (is_before(last, node))
        rise(heap, last, at);
    else
        sink(heap, last, at);
}

void heap_free(struct heap *heap)
{
    free(heap->nodes);
    *heap = (struct heap){.nodes = NULL};
}
