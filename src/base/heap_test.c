#include "base/attributes.h"
#include "base/heap.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NODES = 200 };

static struct heap_node nodes[NODES];
static bool in_heap[NODES];
static size_t added_at[NODES]; /* the step */

/* The earliest by looking at all of them. */
static struct heap_node *earliest(void)
{
    struct heap_node *best = NULL;

    for (size_t i = 0; i < NODES; i++)
        if (in_heap[i] && (best == NULL || nodes[i].when_ms < best->when_ms ||
                           (nodes[i].when_ms == best->when_ms && added_at[i] < added_at[best - nodes])))
            best = &nodes[i];
    return best;
}

static void gives_the_earliest_and_of_equals_the_first(void **state)
{
    struct heap heap = {0};
    struct random random;

    (void)state;
    random_seed(&random, 5);
    for (size_t step = 0; step < 20000; step++) {
        size_t i = (size_t)random_below(&random, NODES);

        if (in_heap[i])
            heap_remove(&heap, &nodes[i]);
        else
            heap_add(&heap, &nodes[i], (int64_t)random_below(&random, 50));
        added_at[i] = step;
        in_heap[i] = !in_heap[i];
        assert_ptr_equal(heap_first(&heap), earliest());
    }
    heap_free(&heap);
    assert_null(heap_first(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_the_earliest_and_of_equals_the_first)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
