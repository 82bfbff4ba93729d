#include "base/tree.h"

#include <endian.h>

/* Eight bytes at a time, mixed as MurmurHash3 finishes: the treap's priorities must not depend on the process's hash
 * key, for simulation's sake. Keys with crafted priorities could only make the tree deep along ids that we choose
 * ourselves. */
static uint64_t priority_of(struct str key)
{
    uint64_t hash = key.len;
    uint64_t word;

    for (size_t at = 0; at < key.len; at += sizeof(word)) {
        size_t left = key.len - at;

        word = 0;
        memcpy(&word, key.ptr + at, left < sizeof(word) ? left : sizeof(word));
        hash = (hash ^ word) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 33;
    }
    hash *= 0xc4ceb9fe1a85ec53U;
    return hash ^ (hash >> 33);
}

/* ---- comparing: keys are long and begin alike ---- */

/* What is looked for. */
struct sought {
    struct str key;
    uint64_t word;
};

/* Bytes from `start` on as a big-endian number, with zeros behind the end: smaller numbers are smaller keys. */
static uint64_t word_of(struct str key, size_t start)
{
    uint64_t word = 0;
    size_t left = key.len - start;

    if (left > 0) /* an absent key is behind nothing */
        memcpy(&word, key.ptr + start, left < sizeof(word) ? left : sizeof(word));
    return be64toh(word);
}

static size_t common(struct str a, struct str b, size_t limit)
{
    size_t len = 0;

    limit = a.len < limit ? a.len : limit;
    limit = b.len < limit ? b.len : limit;
    while (len < limit && a.ptr[len] == b.ptr[len])
        len++;
    return len;
}

/* A key without the common start stands before or behind all others. */
static struct sought seek(const struct tree *tree, struct str key)
{
    struct str some;

    if (tree->root == NULL)
        return (struct sought){key, 0};
    some = str_to(tree->root->key, tree->skip);
    if (str_starts(key, some))
        return (struct sought){key, word_of(key, tree->skip)};
    return (struct sought){key, str_compare(key, some) < 0 ? 0 : UINT64_MAX};
}

static int compare(const struct sought *sought, const struct tree_node *node)
{
    if (sought->word != node->word)
        return sought->word < node->word ? -1 : 1;
    return str_compare(sought->key, node->key);
}

/* Keys that come later may have less in common. */
static void adapt(struct tree *tree, struct str key)
{
    size_t skip = tree->root == NULL ? key.len : common(key, tree->root->key, tree->skip);

    if (tree->root != NULL && skip == tree->skip)
        return;
    tree->skip = skip;
    for (struct tree_node *node = tree->first; node != NULL; node = node->after)
        node->word = word_of(node->key, skip);
}

/* ---- the treap ---- */

/* The neighbours of a place in the order of keys: the last nodes passed on its left and on its right. */
struct neighbours {
    struct tree_node *before;
    struct tree_node *after;
};

/* Splits below `at` into keys < key and keys > key; key itself is not in the tree. */
static void split(struct tree_node *at, const struct sought *sought, struct tree_node *node,
                  struct neighbours *neighbours)
{
    struct tree_node **less = &node->left;
    struct tree_node **more = &node->right;

    while (at != NULL) {
        if (compare(sought, at) > 0) {
            neighbours->before = at;
            *less = at;
            less = &at->right;
            at = at->right;
        } else {
            neighbours->after = at;
            *more = at;
            more = &at->left;
            at = at->left;
        }
    }
    *less = NULL;
    *more = NULL;
}

static void thread(struct tree *tree, struct tree_node *node, const struct neighbours *neighbours)
{
    node->before = neighbours->before;
    node->after = neighbours->after;
    if (node->before != NULL)
        node->before->after = node;
    else
        tree->first = node;
    if (node->after != NULL)
        node->after->before = node;
}

bool tree_add(struct tree *tree, struct tree_node *node, struct str key)
{
    uint64_t priority = priority_of(key);
    struct tree_node **link = &tree->root;
    struct neighbours neighbours = {NULL, NULL};
    struct sought sought;

    adapt(tree, key);
    sought = seek(tree, key);
    /* A node of that key would have that priority: it is met here, before anything is changed. */
    while (*link != NULL && (*link)->priority >= priority) {
        int order = compare(&sought, *link);

        if (order == 0)
            return false;
        *(order < 0 ? &neighbours.after : &neighbours.before) = *link;
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    node->key = key;
    node->priority = priority;
    node->word = word_of(key, tree->skip);
    split(*link, &sought, node, &neighbours);
    *link = node;
    thread(tree, node, &neighbours);
    tree->count++;
    tree->changes++;
    return true;
}

static void unthread(struct tree *tree, struct tree_node *node)
{
    if (node->before != NULL)
        node->before->after = node->after;
    else
        tree->first = node->after;
    if (node->after != NULL)
        node->after->before = node->before;
}

static void join(struct tree_node **link, struct tree_node *less, struct tree_node *more)
{
    while (less != NULL && more != NULL) {
        if (less->priority > more->priority) {
            *link = less;
            link = &less->right;
            less = less->right;
        } else {
            *link = more;
            link = &more->left;
            more = more->left;
        }
    }
    *link = less != NULL ? less : more;
}

struct tree_node *tree_remove(struct tree *tree, struct str key)
{
    const struct sought sought = seek(tree, key);
    struct tree_node **link = &tree->root;
    struct tree_node *node;

    while (*link != NULL) {
        int order = compare(&sought, *link);

        if (order == 0)
            break;
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    node = *link;
    if (node == NULL)
        return NULL;
    join(link, node->left, node->right);
    unthread(tree, node);
    tree->count--;
    tree->changes++;
    return node;
}

struct tree_node *tree_find(const struct tree *tree, struct str key)
{
    const struct sought sought = seek(tree, key);
    struct tree_node *node = tree->root;

    while (node != NULL) {
        int order = compare(&sought, node);

        if (order == 0)
            return node;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

static struct tree_node *first_behind(const struct tree *tree, struct str key, bool or_equal)
{
    const struct sought sought = seek(tree, key);
    struct tree_node *best = NULL;
    struct tree_node *node = tree->root;

    while (node != NULL) {
        int order = compare(&sought, node);

        if (order < 0 || (order == 0 && or_equal)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct tree_node *tree_at(const struct tree *tree, struct str key)
{
    return key.len == 0 ? tree->first : first_behind(tree, key, true);
}

struct tree_node *tree_after(const struct tree *tree, struct str key)
{
    return first_behind(tree, key, false);
}
