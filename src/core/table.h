/* Tables: where every record of Berth lives.
 *
 * A record is a generated struct (model/shape.h), kept as one malloc'ed block and never changed in place: a put makes a
 * new block. Its key is a byte string made of parts joined by KEY_SEPARATOR, account and region first. Indexes are more
 * keys over the same records, computed from the record; each is walked in byte order.
 *
 * A spec is constant and shared by every core of the process (the simulation runs several); the state stands in
 * struct core. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/tree.h"
#include "model/interpret.h"

#define KEY_SEPARATOR '\x1f'

enum { INDEXES_MAX = 6 };

/* Appends the index key of the record; nothing when the record does not stand in this index. The primary key is added
 * behind it, so index keys need not be unique. */
typedef void index_key_fn(const void *record, struct buf *key);

struct index_spec {
    const char *name;
    index_key_fn *key;
};

/* One allowed step of a record's status, and who may take it. */
struct status_rule {
    const char *actor; /* transaction.actor, compared by content */
    int from;
    int to;
};

struct table_spec {
    const char *name; /* also in the store: never renamed */
    const struct shape *shape;
    void (*key)(const void *record, struct buf *key);
    struct index_spec indexes[INDEXES_MAX]; /* ends at the first without a name */
    /* Status discipline, all or none: a put that would take a step that no row allows to the transaction's actor is
     * dropped (transaction_put returns false). Staying as it is needs no row. */
    int (*status)(const void *record);
    const struct status_rule *status_rules;
    size_t status_rule_count;
    /* What must hold of every record that is put; a false answer is a bug. NULL: nothing. */
    bool (*invariant)(const void *record);
};

/* Joins parts to a key: key_add(&buf, account), key_add(&buf, region) ... */
void key_add(struct buf *key, struct str part);
/* A part that is a number, in the order of numbers; not negative. */
void key_add_number(struct buf *key, int64_t number);
/* The same from a list of parts, in an arena: KEY(arena, account, region, name). */
#define KEY(arena, ...)                                                                                                \
    key_join((arena), (const struct str[]){__VA_ARGS__}, COUNT_OF(((const struct str[]){__VA_ARGS__})))
struct str key_join(struct arena *arena, const struct str *parts, size_t count);
/* The key that a prefix scan over all keys with these first parts takes: the same with a separator at the end. */
#define KEY_PREFIX(arena, ...)                                                                                         \
    key_prefix_join((arena), (const struct str[]){__VA_ARGS__}, COUNT_OF(((const struct str[]){__VA_ARGS__})))
struct str key_prefix_join(struct arena *arena, const struct str *parts, size_t count);

/* ---- the state of one table; for core/ only ---- */

struct dirties_spec;
struct follows_spec;
struct derived_spec;

/* What was derived from the table, each of another spec. */
struct derived {
    const struct derived_spec *spec;
    void *value;
    bool is_other; /* this is its other table, and does not own it */
};

struct table {
    const struct table_spec *spec;
    const struct dirties_spec **dirties; /* of all domains, for this table */
    size_t dirties_count;
    const struct follows_spec **follows; /* the same */
    size_t follows_count;
    size_t index_count;
    struct tree records;              /* struct record by key: for walks */
    struct map by_key;                /* the same: for look-ups */
    struct tree indexes[INDEXES_MAX]; /* struct index_entry by index key */
    struct buf scratch;               /* for a key being made */
    struct derived *derived;
    size_t derived_count;
};

struct index_entry {
    struct tree_node node;
    struct record *record;
    char key[];
};

struct record {
    struct tree_node node;
    void *value;                              /* the block; the record's own */
    struct index_entry *indexes[INDEXES_MAX]; /* NULL: not in that index */
    char key[];
};

void table_init(struct table *table, const struct table_spec *spec);
void table_free(struct table *table);
struct record *table_find(const struct table *table, struct str key);

/* Sets what stands under key: `block` becomes the table's (NULL removes the record). Returns the block that stood there
 * before, now the caller's, or NULL. */
void *table_set(struct table *table, struct str key, void *block);
/* The same where the record is known: what table_find says. */
void *table_set_record(struct table *table, struct record *record, struct str key, void *block);
/* The same for what was stored, all of it before table_loaded and anything else: one key may come several times, the
 * last one counts. */
void table_load(struct table *table, struct str key, void *block);
/* Orders what was loaded, for walks and indexes. */
void table_loaded(struct table *table);
/* What is derived by that spec (transaction.h); NULL: it was not made yet. */
void *table_derived_find(const struct table *table, const struct derived_spec *spec);
/* Makes it. */
void *table_derived_make(struct table *table, const struct derived_spec *spec);
/* The table is its other one: it tells of its changes too. */
void table_derived_make_other(struct table *table, const struct derived_spec *spec, void *value);
