/* Transactions: the only way to change state. What is put or deleted is seen at once by later reads of the same
 * transaction, becomes part of the turn when the transaction commits, and is undone without trace when it does not.
 *
 * Core thread only. Pointers to records stay valid until the end of the turn, also when the record was replaced or
 * deleted meanwhile; across turns keep keys, not pointers. */
#pragma once

#include "base/arena.h"
#include "base/random.h"
#include "base/when.h"
#include "core/settings.h"
#include "core/table.h"

struct core;
struct turn;

struct transaction {
    struct core *core;
    struct turn *turn;
    int64_t now_ms;        /* the time of the turn: the same for everything in it */
    struct arena *arena;   /* scratch, until the turn has settled */
    struct random *random; /* for ids and choices; not for secrets */
    const char *actor;     /* who acts, for status rules: "api", "host", or the reconciler's name */
    struct str cause;      /* request id, or reconciler and key: kept with every change */
    size_t first_change;   /* of this transaction in the turn's changes */
    size_t first_effect;
};

/* The record under key, or NULL. */
const void *transaction_get(const struct transaction *tx, const struct table_spec *spec, struct str key);

/* Puts a deep copy of the record under its own key. false: a status rule forbids the step, nothing was done (late,
 * doubled and reordered reports end here; ignore the answer with (void) where that is meant). A put that changes
 * nothing writes nothing. */
bool transaction_put(struct transaction *tx, const struct table_spec *spec, const void *record);
/* Nothing when there is no such record. */
void transaction_delete(struct transaction *tx, const struct table_spec *spec, struct str key);

/* A walk in key order over the records whose (index) key starts with prefix. Changing the table while walking is
 * allowed: the walk goes on behind the key it stood at. */
struct walk {
    const struct transaction *tx;
    const struct table_spec *table;
    int index; /* -1: primary key; otherwise of table->indexes */
    struct str prefix;
    struct str at; /* key of the last record given, in the arena; set it to start behind a known key (page tokens) */
    /* Where that key stands, as long as nothing came or went: walk_next's own. */
    const struct tree_node *node;
    const char *node_key;
    uint64_t changes;
};

struct walk transaction_walk(const struct transaction *tx, const struct table_spec *spec, const char *index,
                             struct str prefix);
/* The next record, or NULL at the end. walk->at is its (index) key. */
const void *walk_next(struct walk *walk);
/* How many records the table has. */
size_t transaction_count(const struct transaction *tx, const struct table_spec *spec);

/* What a domain derives from a table and keeps in memory, because to make it anew costs too much: a view of the records
 * that is told of every step of theirs, also of those that are taken back, so that it says what they say. It may be
 * forgotten at any time (a restart, a reset), and nothing that it says may depend on how long it has been kept. */
struct derived_spec {
    const struct table_spec *table;
    void *(*make)(void); /* of an empty table: it is told of what stands there */
    /* A record that is NULL is not there. The function NULL: the view asks another one of the table what has changed.
     */
    void (*changed)(void *derived, struct str key, const void *before, const void *after);
    void (*end)(void *derived);
    /* Another table that it is a view of too, told of after the first; NULL: none. */
    const struct table_spec *other_table;
    void (*other_changed)(void *derived, struct str key, const void *before, const void *after);
};
void *transaction_derived(const struct transaction *tx, const struct derived_spec *spec);

/* Something for the outside world, released when the turn is durable and dropped when it is undone: `bytes` (copied)
 * for `target`, by the port that core_options.release names. */
void transaction_effect(struct transaction *tx, const char *kind, struct str target, struct str bytes);

/* A number above all that were given before, for what is told in that order. It begins with the clock, so that it also
 * grows over restarts. */
int64_t transaction_number(struct transaction *tx);

/* What the installation was told at start. */
const struct settings *transaction_settings(const struct transaction *tx);
/* Bytes that nobody can guess, for keys, tokens and passwords (tx->random can be guessed). */
void transaction_secret(const struct transaction *tx, void *bytes, size_t len);
/* Every domain's service_uses (core.h): returns how many. */
struct service_use;
size_t transaction_service_uses(const struct transaction *tx, struct str account, struct str service,
                                struct service_use *ret_uses, size_t max);
/* Makes what an account begins with in a region (its default VPC, ...): every domain's seed. */
void transaction_seed(struct transaction *tx, struct str account, struct str region);
