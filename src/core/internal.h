/* The inside of struct core and struct turn, for the files of core/ only. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/core.h"

/* One record's step in a turn. Order matters for undo and for those who watch. */
struct change_entry {
    struct table *table;
    struct str key;    /* in the turn's arena */
    void *before;      /* block that was replaced: the turn's until it settles */
    const void *after; /* the table's block, or a later entry's `before` */
    struct str cause;
    size_t transaction;
};

struct effect {
    const char *kind;
    struct str target, bytes;
    const struct reconciler_spec *reconciler; /* whose it is, for which key; NULL: a job's */
    struct str key;
};

struct turn {
    struct list link;
    struct arena arena;
    int64_t when_ms;
    struct change_entry *changes;
    size_t change_count, change_capacity;
    struct effect *effects;
    size_t effect_count, effect_capacity;
    struct list jobs; /* run, waiting for durability */
    struct row *rows;
    size_t row_count;
    struct buf encoded;
};

/* A key that a reconciler has to look at: now (dirty), at a time, or both. */
struct watch {
    struct heap_node timer;
    struct list dirty_link;
    struct reconciler *reconciler;
    bool waits; /* in core.timers */
    bool dirty;
    size_t key_len;
    char key[];
};

struct reconciler {
    const struct reconciler_spec *spec;
    struct map watches;  /* by key */
    struct str sweep_at; /* malloc'ed key where the slow clock goes on */
};

struct core {
    struct core_options options;
    struct table *tables;
    size_t table_count;
    struct table **table_slots; /* the same by the address of their spec: a hash table, its size a power of two */
    size_t table_slot_count;
    struct reconciler *reconcilers;
    size_t reconciler_count;
    struct heap timers; /* watches that wait */
    struct list dirty;  /* watches, oldest first */
    struct list jobs;
    struct list turns; /* unsettled, oldest first */
    struct random random;
    int64_t next_sweep_ms;
    int64_t number; /* the last that transaction_number gave */
    struct core_counters counters;
};

/* The slot of the table, or the free one where it belongs. */
static inline size_t table_slot(const struct core *core, const struct table_spec *spec)
{
    size_t mask = core->table_slot_count - 1;
    size_t at = (size_t)(((uintptr_t)spec * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;

    while (core->table_slots[at] != NULL && core->table_slots[at]->spec != spec)
        at = (at + 1) & mask;
    return at;
}

struct table *core_table_state(const struct core *core, const struct table_spec *spec);
struct change_entry *turn_change_add(struct turn *turn);
/* Takes back the changes and effects from those counts on, newest first. */
void turn_undo(struct turn *turn, size_t first_change, size_t first_effect);
/* Encodes the turn's changes as rows: of each key what stands there in the end. */
void turn_encode(struct turn *turn);

void watch_mark(struct core *core, const struct reconciler_spec *spec, struct str key);
void watch_free_all(struct core *core);
/* Runs up to `budget` reconciles, due timers first made dirty. */
void reconcile_some(struct core *core, struct turn *turn, size_t budget);
void reconcile_sweep(struct core *core, int64_t now_ms);
/* Marks what the changes of the turn from `first` on make dirty. */
void reconcile_mark_changes(struct core *core, struct turn *turn, size_t first);
/* Marks what has to be looked at again when the whole turn is undone. */
void reconcile_mark_undone(struct core *core, struct turn *turn);

struct transaction transaction_begin(struct core *core, struct turn *turn, const char *actor, struct str cause);
void transaction_end(struct transaction *tx, bool commit);
