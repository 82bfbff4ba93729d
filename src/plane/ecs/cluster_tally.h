/* How many tasks a cluster has, counted as they change: a view of the task table (transaction_derived). */
#pragma once

#include "plane/ecs/ecs.h"

enum launch_column { LAUNCH_EC2, LAUNCH_FARGATE, LAUNCH_EXTERNAL, LAUNCHES };
/* Where what has that launch type is counted; EC2 is the one that needs not be named. */
enum launch_column launch_column_of(enum ecs_launch_type type);

struct cluster_tally {
    int32_t running[LAUNCHES], pending[LAUNCHES]; /* those that are wanted: there, and on their way there */
    int32_t present;                              /* all that have not STOPPED */
};
struct cluster_tally cluster_tally_of(const struct transaction *tx, const struct cluster_record *cluster);
