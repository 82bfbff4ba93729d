/* An ordered map from byte strings to whatever holds the node: an intrusive treap. Its shape depends on nothing but the
 * keys, so equal contents are walked equally whatever happened before.
 *
 * The key stands beside the node's owner and must not change while the node is in a tree. Not thread-safe. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

/* What a descent reads stands first, to lie in one line of the cache. */
struct tree_node {
    struct tree_node *left;
    struct tree_node *right;
    uint64_t word;     /* the key's bytes from tree.skip on, as a number in their order: what most comparisons need */
    uint64_t priority; /* a hash of the key */
    struct str key;
    struct tree_node *before; /* its neighbours in the order of keys: a walk need not descend */
    struct tree_node *after;
};

struct tree {
    struct tree_node *root;
    struct tree_node *first;
    size_t count;
    size_t skip;      /* so many bytes at their start all keys have in common */
    uint64_t changes; /* how often something was added or removed: while it stands, nodes stand */
};

/* The struct that holds a node: tree_item(node, struct record, node_member). */
#define tree_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Adds node under key; false, and nothing done, when the key is taken. */
checked bool tree_add(struct tree *tree, struct tree_node *node, struct str key);
/* Takes out the node of that key and returns it, or NULL. */
struct tree_node *tree_remove(struct tree *tree, struct str key);
struct tree_node *tree_find(const struct tree *tree, struct str key);
/* The node behind one that stands in a tree, or NULL. */
static inline struct tree_node *tree_next(const struct tree_node *node)
{
    return node->after;
}
/* The first node at or behind key / strictly behind key, or NULL. An empty key with tree_at gives the first. */
struct tree_node *tree_at(const struct tree *tree, struct str key);
struct tree_node *tree_after(const struct tree *tree, struct str key);
