/* The container instances of a cluster as placement asks for them, in one row and in the order of their ids: beside the
 * table of their records, where a look at 5,000 of them is as many walks through memory. */
#pragma once

#include "plane/ecs/container_instance.h"

enum { GROUP_MARKS = 4 };

struct cluster_instance {
    const struct container_instance_record *record; /* as it stands in the table; NULL: it is gone, the slot is free */
    /* Numbers of changes, as `told` counts them: when it came, the last one, and the last of what filters go by. */
    uint64_t came, changed, became_another;
    uint32_t older, newer; /* slots, by the last change */
    uint32_t next_free;    /* of one that is gone */
    bool is_external;
    struct placement_candidate offer; /* without the tasks of a group */
    /* The groups of its tasks, made when somebody asks; a bit of `marks` for each: most groups have none here. */
    uint64_t marks[GROUP_MARKS];
    struct group_count *groups;
    size_t group_count, group_capacity;
    bool groups_known;
};

enum { NO_SLOT = UINT32_MAX };

struct cluster_instances {
    struct cluster_instance *slots; /* an instance keeps its own while it is there */
    uint32_t slot_count, slot_capacity;
    uint32_t *order; /* slots of those that are there, by their ids */
    size_t count, capacity;
    uint64_t told;   /* changes so far */
    uint32_t newest; /* slot, the free ones too: what has changed since some number is a walk from here to older ones */
    uint32_t free;   /* slot, or NO_SLOT */
    char *key;
};

/* Those that are not INACTIVE, never NULL; they stay so until the transaction changes an instance. */
const struct cluster_instances *cluster_instances_of(const struct transaction *tx,
                                                     const struct cluster_record *cluster);
/* The one of that place in the order of the ids, below `count`. */
struct cluster_instance *cluster_instance_at(const struct cluster_instances *instances, size_t place);
/* How many tasks it has of the group whose name has that hash (str_hash). */
int64_t cluster_instance_group_tasks(struct cluster_instance *instance, uint64_t group);
/* What placement is told of it for tasks of the group whose name has that hash (str_hash): container_instance_candidate
 * without counts. */
struct placement_candidate cluster_instance_candidate(struct cluster_instance *instance, uint64_t group);
