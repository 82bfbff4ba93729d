/* An ordered map from byte strings to whatever holds the node: an intrusive crit-bit tree (PATRICIA; Knuth, The Art of
 * Computer Programming 6.3). Its shape depends on nothing but the keys, so equal contents are walked equally whatever
 * happened before.
 *
 * Keys are long and begin alike: on the way down single bits are looked at, those in which keys below differ, and one
 * key in the end. The key stands beside the node's owner and must not change while the node is in a tree. Not
 * thread-safe. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

/* A node is two things: the leaf that has its key, and (but for one node of a tree) a fork somewhere on the way to that
 * leaf. A link leads to the fork of a node when its place lies behind the place of the fork that the link is of, and to
 * its leaf otherwise. */
struct tree_node {
    struct tree_node *child[2]; /* where the keys have a 0 at that place, and a 1 */
    uint32_t place;             /* the fork's: the first bit in which keys below it differ; 0: the node has no fork */
    struct str key;
    struct tree_node *before; /* its neighbours in the order of keys: a walk need not descend */
    struct tree_node *after;
};

struct tree {
    struct tree_node *root; /* a link, as from a fork at place 0 */
    struct tree_node *first;
    size_t count;
    uint64_t changes; /* how often something was added or removed: while it stands, nodes stand */
};

/* The struct that holds a node: tree_item(node, struct record, node_member). */
#define tree_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Adds node under key; false, and nothing done, when the key is taken. */
checked bool tree_add(struct tree *tree, struct tree_node *node, struct str key);
/* Adds nodes with their keys to an empty tree, no key twice, at a fraction of what adding one after the other costs:
 * far fewer ways down through memory. The array is used up. */
void tree_fill(struct tree *tree, struct tree_node **nodes, size_t count);
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
