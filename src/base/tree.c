#include "base/tree.h"

#include "base/must.h"

#include <endian.h>
#include <stdlib.h>

/* ---- places: bits of keys ----
 *
 * A byte of a key is nine bits: one that says that there is a byte, then its own, the highest first. Behind the end are
 * zeros, so that a key stands before those that it begins. A place is the number of the byte, from 1 on, and of the bit
 * in it, 0 to 8. */

enum { BITS_A_BYTE = 9, BYTE_SHIFT = 4, KEY_LEN_MAX = 1 << 24 };

static unsigned byte_at(struct str key, size_t at)
{
    return at < key.len ? 1U << (BITS_A_BYTE - 1) | (unsigned char)key.ptr[at] : 0;
}

static unsigned bit_at(struct str key, uint32_t place)
{
    unsigned bit = place & ((1U << BYTE_SHIFT) - 1);

    return byte_at(key, (place >> BYTE_SHIFT) - 1) >> (BITS_A_BYTE - 1 - bit) & 1;
}

/* How many bytes two keys have in common at their beginning. */
static size_t common(struct str a, struct str b)
{
    size_t limit = a.len < b.len ? a.len : b.len;
    size_t at = 0;
    uint64_t x;
    uint64_t y;

    for (; limit - at >= sizeof(x); at += sizeof(x)) {
        memcpy(&x, a.ptr + at, sizeof(x));
        memcpy(&y, b.ptr + at, sizeof(y));
        if (x != y)
            return at + (size_t)__builtin_clzll(be64toh(x ^ y)) / 8;
    }
    while (at < limit && a.ptr[at] == b.ptr[at])
        at++;
    return at;
}

/* The first place where they differ; 0: nowhere. */
static uint32_t place_between(struct str a, struct str b)
{
    size_t at = common(a, b);
    unsigned differ = byte_at(a, at) ^ byte_at(b, at);
    unsigned bit = 0;

    if (differ == 0)
        return 0;
    while ((differ >> (BITS_A_BYTE - 1 - bit) & 1) == 0)
        bit++;
    return (uint32_t)(at + 1) << BYTE_SHIFT | bit;
}

/* ---- ways down ---- */

/* The leaf that has the key if any has. The tree is not empty. */
static struct tree_node *leaf_for(const struct tree *tree, struct str key)
{
    struct tree_node *at = tree->root;
    uint32_t place = 0;

    while (at->place > place) {
        place = at->place;
        at = at->child[bit_at(key, place)];
    }
    return at;
}

/* The link to all keys that are like this one up to the place; *ret_above: of the fork that the link is of. */
static struct tree_node **link_at(struct tree_node **link, struct str key, uint32_t place, uint32_t *ret_above)
{
    uint32_t above = 0;

    while ((*link)->place > above && (*link)->place < place) {
        above = (*link)->place;
        link = &(*link)->child[bit_at(key, above)];
    }
    *ret_above = above;
    return link;
}

/* The first leaf (side 0) or the last below a link. */
static struct tree_node *outermost(struct tree_node *at, uint32_t above, unsigned side)
{
    while (at->place > above) {
        above = at->place;
        at = at->child[side];
    }
    return at;
}

/* ---- the order of keys ---- */

static void thread(struct tree *tree, struct tree_node *node, struct tree_node *before, struct tree_node *after)
{
    node->before = before;
    node->after = after;
    if (before != NULL)
        before->after = node;
    else
        tree->first = node;
    if (after != NULL)
        after->before = node;
    tree->count++;
    tree->changes++;
}

static void unthread(struct tree *tree, struct tree_node *node)
{
    if (node->before != NULL)
        node->before->after = node->after;
    else
        tree->first = node->after;
    if (node->after != NULL)
        node->after->before = node->before;
    tree->count--;
    tree->changes++;
}

/* ---- coming ---- */

bool tree_add(struct tree *tree, struct tree_node *node, struct str key)
{
    struct tree_node **link = &tree->root;
    struct tree_node *near;
    uint32_t above;
    uint32_t place;
    unsigned side;

    must(key.len < KEY_LEN_MAX);
    if (tree->root == NULL) {
        node->key = key;
        node->place = 0;
        tree->root = node;
        thread(tree, node, NULL, NULL);
        return true;
    }
    place = place_between(key, leaf_for(tree, key)->key);
    if (place == 0)
        return false;
    link = link_at(link, key, place, &above);
    side = bit_at(key, place);
    near = outermost(*link, above, side);
    node->key = key;
    node->place = place;
    node->child[side] = node;
    node->child[1 - side] = *link;
    *link = node;
    /* On side 1 its key is behind all that were below the link, else before them. */
    near = side == 1 ? near : near->before;
    thread(tree, node, near, near == NULL ? tree->first : near->after);
    return true;
}

/* ---- many at once ---- */

struct sorted {
    uint64_t head; /* the bytes of the key that are compared now, */
    size_t len;    /* so many */
    struct tree_node *node;
};

static int by_head(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return (x->len > y->len) - (x->len < y->len);
}

static void set_head(struct sorted *item, size_t at)
{
    struct str rest = str_from(item->node->key, at);
    uint64_t head = 0;

    item->len = rest.len < sizeof(head) ? rest.len : sizeof(head);
    if (item->len > 0)
        memcpy(&head, rest.ptr, item->len);
    item->head = be64toh(head);
}

/* All have the first `at` bytes of their keys in common. Keys are read eight bytes at a time, and only as far as they
 * are alike. */
static void sort(struct sorted *items, size_t count, size_t at)
{
    size_t alike = items[0].node->key.len;

    for (size_t i = 1; i < count && alike > at; i++) {
        size_t same = common(str_from(items[0].node->key, at), str_from(items[i].node->key, at));

        alike = at + same < alike ? at + same : alike;
    }
    for (size_t i = 0; i < count; i++)
        set_head(&items[i], alike);
    qsort(items, count, sizeof(*items), by_head);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && by_head(&items[from], &items[to]) == 0;)
            to++;
        must(to - from == 1 || items[from].len == sizeof(items->head)); /* no key is there twice */
        if (to - from > 1)
            sort(&items[from], to - from, alike + sizeof(items->head));
    }
}

static void sort_nodes(struct tree_node **nodes, size_t count)
{
    struct sorted *items = malloc(count * sizeof(*items));

    must(items != NULL);
    for (size_t i = 0; i < count; i++)
        items[i].node = nodes[i];
    sort(items, count, 0);
    for (size_t i = 0; i < count; i++)
        nodes[i] = items[i].node;
    free(items);
}

/* From the first key to the last. `forks` are those on the way to the last leaf so far, `depth` of them: the new one
 * takes the place of those that lie behind it, which are below it then. */
static size_t append(struct tree *tree, struct tree_node **forks, size_t depth, struct tree_node *last,
                     struct tree_node *node)
{
    struct tree_node *below = last;

    node->place = place_between(last->key, node->key);
    must(node->place > 0);
    for (; depth > 0 && forks[depth - 1]->place > node->place; depth--)
        below = forks[depth - 1];
    node->child[0] = below;
    node->child[1] = node;
    if (depth == 0)
        tree->root = node;
    else
        forks[depth - 1]->child[1] = node;
    forks[depth] = node;
    thread(tree, node, last, NULL);
    return depth + 1;
}

void tree_fill(struct tree *tree, struct tree_node **nodes, size_t count)
{
    struct tree_node *last;
    size_t depth = 0;

    must(tree->root == NULL);
    if (count == 0)
        return;
    sort_nodes(nodes, count);
    last = tree->root = nodes[0];
    last->place = 0;
    thread(tree, last, NULL, NULL);
    for (size_t i = 1; i < count; i++) {
        struct tree_node *node = nodes[i]; /* there are fewer forks than nodes before it, and stand where those stood */

        must(node->key.len < KEY_LEN_MAX);
        depth = append(tree, nodes, depth, last, node);
        last = node;
    }
}

/* ---- going ---- */

/* The link to the node's fork, which is on the way to its leaf. */
static struct tree_node **link_to_fork(struct tree *tree, const struct tree_node *node)
{
    struct tree_node **link = &tree->root;

    while (*link != node)
        link = &(*link)->child[bit_at(node->key, (*link)->place)];
    return link;
}

struct tree_node *tree_remove(struct tree *tree, struct str key)
{
    struct tree_node **link = &tree->root;
    struct tree_node **fork_link = NULL; /* to the last fork above the leaf */
    struct tree_node *node;
    struct tree_node *fork;
    uint32_t above = 0;

    if (tree->root == NULL)
        return NULL;
    while ((*link)->place > above) {
        above = (*link)->place;
        fork_link = link;
        link = &(*link)->child[bit_at(key, above)];
    }
    node = *link;
    if (!str_eq(node->key, key))
        return NULL;
    unthread(tree, node);
    if (fork_link == NULL) {
        tree->root = NULL;
        return node;
    }
    /* The last fork goes with the leaf. If it was another node's, that one takes over the fork of this. */
    fork = *fork_link;
    *fork_link = fork->child[1 - bit_at(key, above)];
    if (fork != node) {
        if (node->place > 0)
            *link_to_fork(tree, node) = fork;
        memcpy(fork->child, node->child, sizeof(fork->child));
        fork->place = node->place;
    }
    return node;
}

/* ---- looking ---- */

struct tree_node *tree_find(const struct tree *tree, struct str key)
{
    struct tree_node *leaf = tree->root == NULL ? NULL : leaf_for(tree, key);

    return leaf != NULL && str_eq(leaf->key, key) ? leaf : NULL;
}

static struct tree_node *first_behind(const struct tree *tree, struct str key, bool or_equal)
{
    struct tree_node *root = tree->root;
    struct tree_node *leaf;
    struct tree_node *below;
    uint32_t above;
    uint32_t place;

    if (root == NULL)
        return NULL;
    leaf = leaf_for(tree, key);
    place = place_between(key, leaf->key);
    if (place == 0)
        return or_equal ? leaf : leaf->after;
    below = *link_at(&root, key, place, &above);
    return bit_at(key, place) == 1 ? outermost(below, above, 1)->after : outermost(below, above, 0);
}

struct tree_node *tree_at(const struct tree *tree, struct str key)
{
    return key.len == 0 ? tree->first : first_behind(tree, key, true);
}

struct tree_node *tree_after(const struct tree *tree, struct str key)
{
    return first_behind(tree, key, false);
}
