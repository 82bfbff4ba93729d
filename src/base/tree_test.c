#include "base/random.h"
#include "base/tree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 300, KEY_LEN_MAX = 64 };

static struct str names[KEYS]; /* in order */
static struct tree_node nodes[KEYS];
static bool in_tree[KEYS];

static struct tree_node *first_from(size_t i)
{
    while (i < KEYS && !in_tree[i])
        i++;
    return i == KEYS ? NULL : &nodes[i];
}

static void walk_is_sorted_and_complete(const struct tree *tree)
{
    struct tree_node *node = tree_at(tree, STR(""));

    for (size_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(tree_at(tree, names[i]), first_from(i));
        assert_ptr_equal(tree_after(tree, names[i]), first_from(i + 1));
        assert_ptr_equal(tree_find(tree, names[i]), in_tree[i] ? &nodes[i] : NULL);
        if (!in_tree[i])
            continue;
        assert_ptr_equal(node, &nodes[i]);
        node = tree_next(node);
    }
    assert_null(node);
}

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Keys that begin alike, more or less, with the smallest and largest bytes in them. */
static void make_names(struct random *random, struct arena *arena, size_t alike)
{
    for (size_t i = 0; i < KEYS; i++) {
        char *text = arena_alloc(arena, KEY_LEN_MAX);
        size_t len = alike + 1 + (size_t)random_below(random, 6);

        memset(text, 'p', alike);
        for (size_t k = alike; k < len; k++)
            text[k] = "\0\xff\x1f"
                      "ab"[random_below(random, 5)];
        names[i] = (struct str){text, len};
    }
    qsort(names, KEYS, sizeof(*names), by_bytes);
    for (size_t i = 1; i < KEYS; i++) /* each once: what is doubled gets a longer end */
        while (str_compare(names[i - 1], names[i]) >= 0) {
            ((char *)(uintptr_t)names[i].ptr)[names[i].len++] = '\x7f';
            qsort(names, KEYS, sizeof(*names), by_bytes);
            i = 1;
        }
}

/* Some at once, in no order. */
static void fill(struct random *random, struct tree *tree)
{
    struct tree_node *some[KEYS];
    unsigned permille = (unsigned)random_below(random, 1001);
    size_t count = 0;

    for (size_t i = 0; i < KEYS; i++) {
        in_tree[i] = random_chance(random, permille);
        nodes[i].key = names[i];
        if (in_tree[i])
            some[count++] = &nodes[i];
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)random_below(random, i);
        struct tree_node *swapped = some[i - 1];

        some[i - 1] = some[other];
        some[other] = swapped;
    }
    tree_fill(tree, some, count);
    assert_int_equal(tree->count, count);
    walk_is_sorted_and_complete(tree);
}

static void steps(struct random *random)
{
    struct tree tree = {0};

    fill(random, &tree);
    for (size_t step = 0; step < 3000; step++) {
        /* Now few keys that have much in common, now all. */
        size_t i = (size_t)random_below(random, step % 500 < 100 ? 10 : KEYS);

        if (random_chance(random, 500)) {
            assert_int_equal(tree_add(&tree, &nodes[i], names[i]), !in_tree[i]);
            in_tree[i] = true;
        } else {
            assert_ptr_equal(tree_remove(&tree, names[i]), in_tree[i] ? &nodes[i] : NULL);
            in_tree[i] = false;
        }
        if (step % 100 == 0)
            walk_is_sorted_and_complete(&tree);
    }
    walk_is_sorted_and_complete(&tree);
    while (tree.first != NULL) /* empty, it may begin with other keys */
        assert_non_null(tree_remove(&tree, tree.first->key));
    assert_true(tree_add(&tree, &nodes[0], STR("other")));
    assert_ptr_equal(tree_find(&tree, STR("other")), &nodes[0]);
}

static void behaves_like_a_sorted_array(void **state)
{
    struct random random;
    struct arena arena;

    (void)state;
    random_seed(&random, 3);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t alike = 0; alike <= 20; alike++) {
        make_names(&random, &arena, alike);
        steps(&random);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_like_a_sorted_array)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
