/* What is kept for daemons on container instances: a daemon is the first to start on an instance, so what it needs
 * there is nobody else's, whoever is looked at first. */
#include "plane/ecs/service_act.h"
#include "plane/ecs/service_daemon.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task_instances.h"

static struct walk followers_of(const struct transaction *tx, struct str account, struct str region, struct str cluster)
{
    return transaction_walk(tx, &service_table, "follower", KEY_PREFIX(tx->arena, account, region, cluster));
}

/* One whose wish cannot be made now starts nothing either. */
static bool wish_of(struct transaction *tx, const struct service_record *service, struct task_wish *ret_wish)
{
    const struct service_revision_record *revision = service_revision_of(tx, service, service->primary_id);
    struct principal principal;
    struct fail ignored;
    struct call call = act_call(tx, service, &principal, &ignored);

    return revision != NULL && service_wish_make(&call, service, revision->revision, ret_wish);
}

struct daemon_room daemon_room_of(struct transaction *tx, const struct cluster_record *cluster)
{
    struct str name = cluster->cluster->cluster_name;
    struct walk walk = followers_of(tx, cluster->account_id, cluster->region, name);
    struct daemon_room room = {NULL, 0};
    const struct service_record *service;
    size_t most = 0;

    while (walk_next(&walk) != NULL)
        most++;
    room.wishes = arena_array(tx->arena, struct task_wish, most + 1);
    walk = followers_of(tx, cluster->account_id, cluster->region, name);
    while ((service = walk_next(&walk)) != NULL)
        room.count += service_is_daemon(service) && wish_of(tx, service, &room.wishes[room.count]);
    return room;
}

static bool has_task(const struct container_instance_record *instance, struct str group)
{
    for (size_t i = 0; i < instance->groups.count; i++)
        if (str_eq(instance->groups.items[i].name, group))
            return true;
    return false;
}

void daemon_room_keep(struct transaction *tx, const struct daemon_room *room,
                      const struct container_instance_record *instance, struct placement_candidate *candidate)
{
    for (size_t i = 0; i < room->count; i++) {
        const struct task_wish *wish = &room->wishes[i];
        const struct placement_demand *demand = &wish->launch.instances->demand;

        if (has_task(instance, wish->group) || !task_instances_suits(tx, wish, instance))
            continue;
        candidate->cpu -= demand->cpu;
        candidate->memory -= demand->memory;
        candidate->enis -= demand->enis;
        candidate->gpus -= demand->gpus;
        if (demand->tcp.count > 0)
            candidate->tcp = placement_ports_merged(tx->arena, candidate->tcp, demand->tcp);
        if (demand->udp.count > 0)
            candidate->udp = placement_ports_merged(tx->arena, candidate->udp, demand->udp);
    }
}

/* ---- marks ---- */

/* What such a service looks at of an instance: whether it may have a task there, whether that may be started, and, once
 * it is to be emptied, whether others have gone. */
static bool concerns_followers(const struct container_instance_record *before,
                               const struct container_instance_record *after)
{
    return before == NULL || after == NULL || !str_eq(before->instance->status, after->instance->status) ||
           before->instance->agent_connected != after->instance->agent_connected ||
           !value_equal(&ecs_attributes_shape, &before->instance->attributes, &after->instance->attributes) ||
           (!container_instance_is_active(after) && !value_equal(&task_groups_shape, &before->groups, &after->groups));
}

void services_mark_of_instance(const struct transaction *tx, const struct container_instance_record *before,
                               const struct container_instance_record *after, struct marks *marks)
{
    const struct container_instance_record *instance = after != NULL ? after : before;
    const struct service_record *service;
    struct walk walk;

    if (!concerns_followers(before, after))
        return;
    walk = followers_of(tx, instance->account_id, instance->region, instance->cluster_name);
    while ((service = walk_next(&walk)) != NULL)
        marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, service));
}
