#include "base/random.h"
#include "base/tree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 300 };

static char names[KEYS][8];
static struct tree_node nodes[KEYS];
static bool in_tree[KEYS];

static void walk_is_sorted_and_complete(const struct tree *tree)
{
    struct tree_node *node = tree_at(tree, STR(""));

    for (size_t i = 0; i < KEYS; i++) {
        if (!in_tree[i])
            continue;
        assert_ptr_equal(node, &nodes[i]);
        assert_ptr_equal(tree_next(node), tree_after(tree, node->key));
        node = tree_next(node);
    }
    assert_null(node);
}

static void behaves_like_a_sorted_array(void **state)
{
    struct tree tree = {0};
    struct random random;

    (void)state;
    random_seed(&random, 3);
    for (size_t i = 0; i < KEYS; i++)
        (void)snprintf(names[i], sizeof(names[i]), "k%04zu", i);
    for (size_t step = 0; step < 5000; step++) {
        size_t i = (size_t)random_below(&random, KEYS);

        if (random_chance(&random, 500)) {
            assert_int_equal(tree_add(&tree, &nodes[i], str_of(names[i])), !in_tree[i]);
            in_tree[i] = true;
        } else {
            assert_ptr_equal(tree_remove(&tree, str_of(names[i])), in_tree[i] ? &nodes[i] : NULL);
            in_tree[i] = false;
        }
        if (step % 100 == 0)
            walk_is_sorted_and_complete(&tree);
    }
    walk_is_sorted_and_complete(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_like_a_sorted_array)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
