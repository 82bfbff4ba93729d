/* The simulation: the real core and control plane against simulated hosts and ECS agents, under one virtual clock and
 * one seed.
 *
 * A run has two phases. Safety: anything may break (messages are lost, doubled, late and out of order, hosts and
 * instances die and come back or are cut off for a second, a minute or ten, the server restarts, commits fail), nothing
 * wrong may happen. Liveness: the faults end, some machines stay dead, and everything that was asked for must come
 * true. A run is a function of its options: the seed replays a failure. */
#pragma once

#include "base/fail.h"

#include <stdint.h>

struct sim_options {
    uint64_t seed;
    unsigned hosts;
    unsigned tasks;         /* how many are run in all, by RunTask */
    unsigned instances;     /* container instances; they register all at once */
    unsigned services;      /* on them, */
    unsigned service_tasks; /* with so many tasks together */
    bool faults;
    /* Tests of the simulation itself: break a rule on purpose (0: none; see enum sim_mutant). */
    unsigned mutant;
};

/* Rules that the product keeps and that a mutant run breaks; the checkers must notice each. */
enum sim_mutant {
    MUTANT_NONE,
    MUTANT_HOST_RUNS_FOREVER,  /* a host goes on with tasks that it is no longer assigned */
    MUTANT_COMMIT_LIES,        /* the engine says durable and keeps nothing */
    MUTANT_REPORTS_BACKWARDS,  /* a host reports RUNNING for what it has stopped */
    MUTANT_TOKENS_FORGOTTEN,   /* a request that is made again makes a second task */
    MUTANT_DIFFERENCES_LOST,   /* hosts hear complete assignments only */
    MUTANT_AGENT_RUNS_FOREVER, /* an agent goes on with tasks that it is told to stop */
    MUTANT_MANIFESTS_LOST,     /* agents are never told all of their tasks */
    MUTANT_PAYLOADS_LOST,      /* agents are told of tasks by manifests only */
    /* And once, in a transaction of its own (mutant.c): */
    MUTANT_INTERFACE_LOST, /* the interface of a task that is not stopped is deleted */
    MUTANT_ADDRESS_TWICE,  /* a second interface gets an address that is taken */
    MUTANT_PROMISE_LEAKS,  /* a host is promised memory for which there is no task */
    MUTANT_PROMISE_MOVES,  /* what one host has promised is put down to another */
    MUTANT_TASK_FORGOTTEN, /* the record of a running task is deleted */
    MUTANT_SERVICE_UNDER,  /* a service stops a healthy task that it needs */
    MUTANT_ROOM_LEAKS,     /* a container instance has less left than its tasks leave */
    MUTANTS,
};

struct sim_result {
    uint64_t placements, messages, lost_messages, host_losses, restarts, failed_commits, turns;
    uint64_t instance_losses, cuts, registrations;
    uint64_t service_tasks; /* that services started */
    uint64_t repeated_requests;
    uint64_t changes_hash; /* of every durable change: equal worlds have equal ones */
    int64_t virtual_ms;
    double wall_s;
};

/* Runs one world. false: a checker found something wrong, *f says what, at which virtual time. Any thread; several runs
 * do not share anything. */
checked bool sim_run(const struct sim_options *options, struct sim_result *ret_result, struct fail *f);
