/* The core: all state of one installation, and the turn that changes it (DESIGN, section 2).
 *
 *   1 jobs come in (core_submit) from requests, hosts and workers
 *   2 core_turn runs them, each in a transaction, then due timers and dirty keys through the reconcilers
 *   3 the turn's rows are given to the engine by whoever drives the core (a store thread; the simulation)
 *   4 core_settle releases replies and effects, or undoes the turn and all that came after it
 *
 * The core has no thread, clock, file or socket of its own: time and entropy come in with the call. All functions are
 * for one thread, the core thread. */
#pragma once

#include "core/engine.h"
#include "core/transaction.h"

/* ---- what a domain declares ---- */

/* Brings the world nearer to what the records say. Given a key of its table it reads records, puts records and emits
 * effects; with nothing to do it does nothing. Remembers nothing. Returns when it wants to see the key again at the
 * latest (milliseconds, absolute), or WHEN_NEVER. */
typedef int64_t reconcile_fn(struct transaction *tx, struct str key);

struct reconciler_spec {
    const char *name;
    const struct table_spec *keys; /* all keys of this table are visited at start and on the slow clock */
    reconcile_fn *reconcile;
};

struct marks;
/* Marks a key for its reconciler. */
void marks_add(struct marks *marks, const struct reconciler_spec *spec, struct str key);

/* Marks a key from within a transaction, where no change of a record says it: a host that has to be told again. */
void transaction_mark(struct transaction *tx, const struct reconciler_spec *spec, struct str key);

/* What a change of a table makes dirty. before NULL: the record is new; after NULL: it was deleted. */
struct dirties_spec {
    const struct table_spec *table;
    void (*mark)(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
};

/* Something that works by a service-linked role. */
struct service_use {
    struct str region, arn;
};

/* What follows from a change of a record, in the transaction that made it: records and effects that have to come about
 * with it, one for one. What follows from that is not asked for. The arguments are those of dirties_spec. */
struct follows_spec {
    const struct table_spec *table;
    void (*follow)(struct transaction *tx, const void *before, const void *after);
};

struct domain_spec {
    const char *name;
    const struct table_spec *const *tables;
    size_t table_count;
    const struct reconciler_spec *const *reconcilers;
    size_t reconciler_count;
    const struct dirties_spec *dirties;
    size_t dirties_count;
    const struct follows_spec *follows;
    size_t follows_count;
    /* Makes what an account begins with in a region; NULL: nothing. A new installation, or one after reset, begins with
     * the default account in the default region. */
    void (*seed)(struct transaction *tx, struct str account, struct str region);
    /* What the account has that works by the role that is linked to a service ("ecs.amazonaws.com"): writes up to
     * `max`, in the transaction's arena, and returns how many. NULL: nothing. */
    size_t (*service_uses)(const struct transaction *tx, struct str account, struct str service,
                           struct service_use *ret_uses, size_t max);
};

/* ---- jobs ---- */

struct job {
    struct list link; /* the core's, from submit to done */
    const char *actor;
    struct str cause;
    /* Runs in a transaction: true commits it, false undoes it. */
    bool (*run)(struct job *job, struct transaction *tx);
    /* Called once, after the turn settled: durable false means that the turn was undone (full disk). The job is the
     * callee's again. */
    void (*done)(struct job *job, bool durable);
};

/* ---- changes, for those who watch ---- */

struct change {
    const struct table_spec *table;
    struct str key;
    const void *before, *after; /* NULL: was not there, is gone */
    struct str cause;
    int64_t when_ms;
};

struct core_options {
    const struct domain_spec *const *domains;
    size_t domain_count;
    struct engine *engine; /* only its load is called here */
    const struct settings *settings;
    uint64_t seed;                           /* of struct random; from the OS in the product */
    void (*secret)(void *bytes, size_t len); /* the OS's entropy; a seeded one in the simulation */
    void *context;
    /* Effects of a durable turn, in order. */
    void (*release)(void *context, const char *kind, struct str target, struct str bytes);
    /* Changes of a durable turn, in order; after loading, every record once with before NULL. NULL: nobody watches. */
    void (*changed)(void *context, const struct change *change);
};

/* Loads all rows from the engine; a store without any is seeded, durably. Fails when a row cannot be read. */
checked bool core_open(const struct core_options *options, int64_t now_ms, struct core **ret_core, struct fail *f);
void core_close(struct core *core); /* jobs not run yet are done with durable false */

void core_submit(struct core *core, struct job *job);
bool core_has_jobs(const struct core *core); /* submitted and not run yet */

/* One turn: everything submitted (bounded), timers that are due, dirty keys (bounded). NULL: there was nothing to do.
 * The turn belongs to the core until it is settled. */
struct turn *core_turn(struct core *core, int64_t now_ms);
/* The same with jobs only: timers and dirty keys wait for a core_turn, so that a key which many jobs touch is looked at
 * once for all of them. */
struct turn *core_turn_jobs(struct core *core, int64_t now_ms);
/* What must be made durable; may be empty (then settle at once, after earlier turns). Valid until settled; safe to read
 * from the store thread. */
const struct row *turn_rows(const struct turn *turn, size_t *ret_count);
/* Settles the oldest unsettled turn. durable false undoes it and every later turn (all their jobs are done with false);
 * *those* turns must not be settled again. Returns how many turns are settled by it. */
size_t core_settle(struct core *core, struct turn *turn, bool durable);

/* When core_turn has something to do: 0 for now, WHEN_NEVER when only a new job can bring it. */
int64_t core_next_ms(const struct core *core);
/* The clock was set back: all that waits for a time is looked at again, and so is the slow clock. What a record says of
 * a time to come is its domain's to put right. */
void core_clock_set_back(struct core *core);

/* Back to the seeded state, in memory; the caller resets the engine first and commits the rows of the returned turn. No
 * unsettled turn may exist. */
struct turn *core_reset(struct core *core, int64_t now_ms);

/* Counters since start, for metrics and benchmarks. */
struct core_counters {
    uint64_t turns, jobs, rolled_back, rows, reconciles, undone_turns;
};
struct core_counters core_count(const struct core *core);

/* For dumps and checkers: a read-only transaction outside of a turn; put and delete are bugs in it. */
struct transaction core_view(struct core *core, struct arena *arena, int64_t now_ms);
const struct table_spec *core_table(const struct core *core, struct str name);
