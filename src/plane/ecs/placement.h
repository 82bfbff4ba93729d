/* Placement: on which container instances tasks of one kind go (developer guide, "How Amazon ECS places tasks on
 * container instances"). Pure: plain structs in, choices out; no record is read or changed here.
 *
 * First every candidate goes through a table of filters, whose rows are also what RunTask's failures[].reason says.
 * Then strategies order what is left, each among those that the one before found equally good:
 *
 *   spread    field "instanceId" (or "host") or "attribute:NAME": where the fewest tasks of the group are
 *   binpack   field "cpu" or "memory": where the least of it is left
 *   random
 *
 * Who is still equal takes turns.
 *
 * All tasks of one placement ask for the same, so a candidate that has no room any more is never looked at again, and a
 * choice costs a few steps down a tree: leading spreads are its levels, a heap at every fork (bench_placement.c).
 *
 * Life: placement_new once, placement_next for each task; what it takes is subtracted from the candidate. One that
 * lasts longer than a request (placement_kept.h) is told of what others change. */
#pragma once

#include "base/random.h"
#include "plane/ecs/cluster_query.h"

enum { PLACEMENT_STRATEGIES_MAX = 5 }; /* API reference, "RunTask": placementStrategy */

/* Ports of one protocol, ascending. */
struct placement_ports {
    const int32_t *items;
    size_t count;
};

/* Those of both; one that both have stands twice, which does no harm. */
struct placement_ports placement_ports_merged(struct arena *arena, struct placement_ports a, struct placement_ports b);

struct placement_candidate {
    struct str arn;
    struct str zone; /* its attribute ecs.availability-zone, which is asked for most; absent: look among the others */
    bool active;
    int64_t cpu, memory, enis, gpus; /* what is left */
    struct placement_ports tcp, udp; /* those in use, */
    bool has_one;                    /* besides what a task of this placement took since */
    int64_t group_tasks;             /* tasks of the group that is being placed */
    struct cluster_query_instance facts;
};

/* What a task takes of an instance. */
struct placement_demand {
    int64_t cpu, memory, enis, gpus;
    struct placement_ports tcp, udp;
    const struct ecs_requires_attributes *attributes;
    const struct cluster_query *const *members; /* constraints memberOf: all of them */
    size_t member_count;
    bool distinct_instance;
};

enum placement_refusal {
    PLACEMENT_INACTIVE,
    PLACEMENT_AGENT,
    PLACEMENT_ATTRIBUTE,
    PLACEMENT_MEMBER_OF,
    PLACEMENT_DISTINCT_INSTANCE,
    PLACEMENT_GPU,
    PLACEMENT_ENI,
    PLACEMENT_PORTS,
    PLACEMENT_CPU,
    PLACEMENT_MEMORY,
    PLACEMENT_FITS,
};

/* The first filter that the candidate does not pass. */
enum placement_refusal placement_refuses(const struct placement_demand *demand,
                                         const struct placement_candidate *candidate);
/* Its text in failures[].reason. */
const char *placement_reason(enum placement_refusal refusal);

/* Whether the strategies are ones that can be followed; fails with InvalidParameterException. */
checked bool placement_strategies_check(const struct ecs_placement_strategies *strategies, struct fail *f);

struct placement;

/* strategies have been checked. The candidates are the caller's, with room for `capacity`, and stay where they are, all
 * in one order that does not hang on chance; demand too. Everything else stands in the arena. */
struct placement *placement_new(struct arena *arena, const struct placement_demand *demand,
                                const struct ecs_placement_strategies *strategies,
                                struct placement_candidate *candidates, size_t count, size_t capacity,
                                struct random *random);
/* The candidate for the next task, which it has from then on; NULL: nobody has room. */
struct placement_candidate *placement_next(struct placement *placement);
/* The number of the one that it would choose; PLACEMENT_NOBODY. */
enum { PLACEMENT_NOBODY = UINT32_MAX };
size_t placement_first(struct placement *placement);
/* How many candidates are active. */
size_t placement_count(const struct placement *placement);
/* Who came nearest to having room, as things stand now: passed the most filters, the first of those. NULL: there are no
 * candidates. Asked again while nothing changed, it looks at none of them. */
const struct placement_candidate *placement_closest(struct placement *placement, enum placement_refusal *ret_refusal);

/* Whether a placement by these strategies can be told of changes: one with a spread behind another strategy cannot, its
 * counts may only grow. */
bool placement_lasts(const struct ecs_placement_strategies *strategies);
/* Whether what others take of a candidate with room need not be told before it is the first: no strategy prefers those
 * who have less. */
bool placement_can_wait(const struct ecs_placement_strategies *strategies);
/* Whether the candidate with that number has room, as far as it was told. */
bool placement_has_room(const struct placement *placement, size_t number);
/* The candidate with that number is now so. is_another: more of it has changed than what tasks take. false: it has
 * moved to another value of a spread, and the placement is of no use any more. */
checked bool placement_change(struct placement *placement, size_t number, const struct placement_candidate *now,
                              bool is_another, struct arena *scratch);
/* The caller has put one more candidate behind the others. false: there is no room, or more than one spread leads, and
 * the placement is of no use any more. */
checked bool placement_add(struct placement *placement);
/* The candidate with that number is gone: it is not looked at any more, and keeps its number. */
void placement_remove(struct placement *placement, size_t number);
