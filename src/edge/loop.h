/* The loop drives a core in the product: a core thread that runs turns, a store thread that commits them while the next
 * turn runs. Several turns that wait for the disk are committed together. */
#pragma once

#include "core/core.h"
#include "os/clock.h"

struct loop;

struct loop_options {
    struct core_options core; /* release and changed are called on the core thread */
    struct clock clock;
    unsigned clock_rate; /* how many milliseconds of that clock pass in a real one; at least 1 */
};

/* Opens the core (which loads or seeds the store) and starts both threads. */
checked bool loop_start(const struct loop_options *options, struct loop **ret_loop, struct fail *f);
/* Finishes what was submitted, makes it durable and ends both threads. The engine stays open. */
void loop_stop(struct loop *loop);

/* Hands a job to the core; any thread. job->run and job->done are called on the core thread. */
void loop_submit(struct loop *loop, struct job *job);
/* The same, and waits until the job is done; not from the core thread. Returns whether it is durable and committed;
 * job->done must be NULL. */
bool loop_run(struct loop *loop, struct job *job);

/* Brings the installation back to its first state; not from the core thread. Waits for it. */
checked bool loop_reset(struct loop *loop, struct fail *f);

/* From `release`, `changed` and jobs only. */
struct core *loop_core(struct loop *loop);
struct core_counters loop_counters(struct loop *loop); /* any thread; a moment old */
uint64_t loop_commits(struct loop *loop);              /* how often the engine made turns durable; any thread */
