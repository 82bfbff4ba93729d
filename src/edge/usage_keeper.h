/* What tasks use, as agents (TCS) and hosts tell it, until the minute of the server's clock is over: then a job a
 * cluster hands it to plane/ecs/utilization.h, which publishes it. Nothing of it is stored: a minute in which the
 * server restarts has fewer points.
 *
 * A task of which nothing new was told in a minute counts with what was told last, for USAGE_STALE_MS: with a fast
 * clock minutes are shorter than the pauses between two messages. Of more than USAGE_TASKS_MAX tasks nothing is kept,
 * which a line in the log says. */
#pragma once

#include "edge/loop.h"
#include "plane/ecs/utilization.h"

#define USAGE_STALE_MS 60000 /* agents and hosts tell every 20 seconds */
enum { USAGE_TASKS_MAX = 500000 };

struct usage_keeper;

/* clock_rate: how many seconds of the clock pass in one. */
struct usage_keeper *usage_keeper_new(struct clock clock, unsigned clock_rate);
/* The loop runs: the thread begins. */
void usage_keeper_begin(struct usage_keeper *keeper, struct loop *loop);
/* Before the loop stops. */
void usage_keeper_stop(struct usage_keeper *keeper);
/* After those who tell. NULL is fine. */
void usage_keeper_free(struct usage_keeper *keeper);

/* Any thread. */
void usage_keeper_add(struct usage_keeper *keeper, const struct task_usage *usage);
