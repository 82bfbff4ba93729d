#include "base/heap.h"

#include "base/must.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_before(const struct heap_place *a, const struct heap_place *b)
{
    return a->when_ms != b->when_ms ? a->when_ms < b->when_ms : a->number < b->number;
}

static void put(struct heap *heap, struct heap_place place, size_t at)
{
    heap->places[at] = place;
    place.node->at = at;
}

static void rise(struct heap *heap, struct heap_place place, size_t at)
{
    while (at > 0 && is_before(&place, &heap->places[(at - 1) / 2])) {
        put(heap, heap->places[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    put(heap, place, at);
}

static void sink(struct heap *heap, struct heap_place place, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < heap->count && is_before(&heap->places[child + 1], &heap->places[child]))
            child++;
        if (child >= heap->count || !is_before(&heap->places[child], &place))
            break;
        put(heap, heap->places[child], at);
        at = child;
    }
    put(heap, place, at);
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t when_ms)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->places = realloc(heap->places, heap->capacity * sizeof(heap->places[0]));
        must(heap->places != NULL);
    }
    node->when_ms = when_ms;
    rise(heap, (struct heap_place){when_ms, heap->added++, node}, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t at = node->at;
    struct heap_place last;

    must(at < heap->count);
    must(heap->places[at].node == node);
    last = heap->places[--heap->count];
    if (last.node == node)
        return;
    if (is_before(&last, &heap->places[at]))
        rise(heap, last, at);
    else
        sink(heap, last, at);
}

void heap_free(struct heap *heap)
{
    free(heap->places);
    *heap = (struct heap){.places = NULL};
}
