#include "node/logs/line_ring.h"

#include "base/must.h"

struct waiting_line {
    struct list link;
    int64_t when_ms;
    size_t len;
    char text[];
};

_Static_assert(sizeof(struct waiting_line) <= LINE_RING_OVERHEAD_BYTES, "the overhead covers the bookkeeping");

static struct waiting_line *oldest(const struct line_ring *ring)
{
    must(!list_empty(&ring->lines));
    return list_item(ring->lines.next, struct waiting_line, link);
}

void line_ring_init(struct line_ring *ring, size_t bytes_max)
{
    *ring = (struct line_ring){.bytes_max = bytes_max};
    list_init(&ring->lines);
}

void line_ring_free(struct line_ring *ring)
{
    while (!list_empty(&ring->lines))
        line_ring_remove(ring);
}

static void count_drop(struct line_ring *ring, size_t len)
{
    ring->dropped_lines++;
    ring->dropped_bytes += len;
}

void line_ring_push(struct line_ring *ring, struct line line)
{
    size_t size = line.text.len + LINE_RING_OVERHEAD_BYTES;
    struct waiting_line *waiting = size > ring->bytes_max ? NULL : malloc(sizeof(*waiting) + line.text.len);

    if (waiting == NULL) {
        count_drop(ring, line.text.len);
        return;
    }
    while (size > ring->bytes_max - ring->bytes) {
        count_drop(ring, oldest(ring)->len);
        line_ring_remove(ring);
    }
    waiting->when_ms = line.when_ms;
    waiting->len = line.text.len;
    if (line.text.len > 0)
        memcpy(waiting->text, line.text.ptr, line.text.len);
    list_add_last(&ring->lines, &waiting->link);
    ring->bytes += size;
}

bool line_ring_first(const struct line_ring *ring, struct line *ret_line)
{
    const struct waiting_line *first;

    if (list_empty(&ring->lines))
        return false;
    first = oldest(ring);
    *ret_line = (struct line){first->when_ms, {first->text, first->len}};
    return true;
}

void line_ring_remove(struct line_ring *ring)
{
    struct waiting_line *first = oldest(ring);

    ring->bytes -= first->len + LINE_RING_OVERHEAD_BYTES;
    list_remove(&first->link);
    free(first);
}
