/* What to start and what to stop next, so that a service comes nearer to its wish: a pure function of what is there.
 *
 * Of tasks that may be running there are never more than the maximum because of what is started here; of healthy tasks
 * never less than the minimum because of what is stopped here (API reference, "DeploymentConfiguration"). Tasks that
 * are being stopped count to the maximum until their containers are gone. Nothing is decided by numbers of tasks that
 * are on their way: the next look decides again. Of a cell's tasks the one that is given up is somebody else's choice
 * (service_roster.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum task_phase {
    PHASE_STARTING, /* not RUNNING yet */
    PHASE_UNPROVEN, /* RUNNING, and not known to be healthy yet */
    PHASE_HEALTHY,
    PHASE_UNHEALTHY, /* was healthy, and fails its health checks */
    PHASE_FAILED,    /* fails its health checks and never was healthy */
    PHASE_LEAVING,   /* to be stopped already, containers perhaps still there */
    TASK_PHASES,
    PHASE_GONE = TASK_PHASES, /* its containers are: no matter for a plan */
};

/* Tasks that are alike for the plan. */
struct plan_cell {
    enum task_phase phase;
    bool is_new;       /* of the deployment that is wished for */
    bool is_protected; /* not to be stopped to make the service smaller or newer */
    size_t zone;
    size_t provider; /* of the strategy; one beyond: none of it */
    size_t count;
};

struct plan_wish {
    int32_t desired, minimum, maximum;
    bool may_start;    /* the deployment has not failed and is not throttled */
    bool rebalance;    /* zones are to be evened out */
    size_t zone_count; /* where tasks may be started; tasks may stand in zones beyond */
    size_t zones_all;
    size_t provider_count; /* of the capacity provider strategy; 0: none, and no shares */
    const int32_t *shares; /* how many of the desired tasks each provider has */
};

/* What one event tells of; the next look goes on. */
enum { PLAN_STARTS_MAX = 10, PLAN_STOPS_MAX = 10 };

struct plan {
    size_t starts[PLAN_STARTS_MAX]; /* the zone of each */
    size_t start_count;
    size_t *stops; /* numbers of cells, each to give up one task, in the arena */
    size_t stop_count;
    bool rebalances; /* the starts even out the zones, in one of them; they take the provider of those that will go */
    size_t provider;
    size_t kept; /* tasks that would go, were they not protected: how many, and a cell of them */
    size_t first_kept;
    bool cannot_even_out; /* that is all that keeps the zones uneven */
    bool is_stuck;        /* tasks are missing, and neither start nor stop is allowed, whatever happens */
    bool is_done;         /* as many healthy ones as are wished for, and no others */
    bool is_even;         /* over the zones */
};

void service_plan_make(const struct plan_wish *wish, const struct plan_cell *cells, size_t count, struct arena *arena,
                       struct plan *ret_plan);
