/* What must hold of container instances, added up from the tasks and apart from the code that makes it hold. */
#include "base/must.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/instance_identity.h"
#include "sim/world.h"

enum { PORTS_MAX = 256, RENEWAL_MS_MAX = 5000 };

enum { CPU, MEMORY, ENIS, KINDS };

/* What the tasks of an instance hold, and what its own record says: by the durable changes. */
struct room {
    struct list link; /* in world.touched_rooms */
    bool touched;
    bool present;
    int64_t held[KINDS], total[KINDS], left[KINDS];
    int32_t ports[PORTS_MAX]; /* held, in no order */
    size_t port_count, ports_reserved, ports_taken;
    int daemons; /* tasks of it whose containers may be there */
    size_t key_len;
    char key[];
};

static struct room *room_of(struct world *world, struct str key)
{
    struct room *room = map_get(&world->rooms, key);

    if (room == NULL) {
        room = calloc(1, sizeof(*room) + key.len);
        must(room != NULL);
        memcpy(room->key, key.ptr, key.len);
        room->key_len = key.len;
        must(map_put(&world->rooms, (struct str){room->key, key.len}, room) == NULL);
    }
    if (!room->touched)
        list_add_last(&world->touched_rooms, &room->link);
    room->touched = true;
    return room;
}

/* ---- adding up ---- */

static void take_port(struct world *world, struct room *room, int32_t port, const struct task_record *task)
{
    for (size_t i = 0; i < room->port_count; i++)
        if (room->ports[i] == port)
            world_wrong(world, "task %.*s is given port %d, which another one has", STR_ARG(task->task->task_arn),
                        port);
    if (room->port_count < PORTS_MAX)
        room->ports[room->port_count++] = port;
}

static void give_port(struct room *room, int32_t port)
{
    for (size_t i = 0; i < room->port_count; i++)
        if (room->ports[i] == port) {
            room->ports[i] = room->ports[--room->port_count];
            return;
        }
}

static void add(struct world *world, const struct task_record *task, int64_t sign)
{
    struct arena *arena = &world->scratch;
    struct room *room;

    if (task == NULL || task->container_instance_id.ptr == NULL || task_is_stopped(task))
        return;
    arena_reset(arena);
    room = room_of(world, KEY(arena, task->account_id, task->region, task->cluster_name, task->container_instance_id));
    room->held[CPU] += sign * task->cpu_units;
    room->held[MEMORY] += sign * task->memory_mib;
    room->held[ENIS] += sign * task->enis;
    for (size_t i = 0; i < task->tcp_ports.count; i++)
        if (sign > 0)
            take_port(world, room, task->tcp_ports.items[i], task);
        else
            give_port(room, task->tcp_ports.items[i]);
}

static void count_daemon(struct world *world, const struct task_record *task, int sign)
{
    struct room *room;

    if (task == NULL || !sim_service_is_daemon(task->service_name) || task_status(task) >= TASK_DEPROVISIONING)
        return;
    arena_reset(&world->scratch);
    room = room_of(
        world, KEY(&world->scratch, task->account_id, task->region, task->cluster_name, task->container_instance_id));
    room->daemons += sign;
    if (room->daemons > 1)
        world_wrong(world, "container instance %.*s has %d tasks of the daemon", STR_ARG(task->container_instance_id),
                    room->daemons);
}

static bool holds_the_same(const struct task_record *before, const struct task_record *after)
{
    return before != NULL && after != NULL && task_is_stopped(before) == task_is_stopped(after);
}

static const struct ecs_resource *registered(const struct ecs_container_instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->registered_resources.count; i++)
        if (str_is(instance->registered_resources.items[i].name, name))
            return &instance->registered_resources.items[i];
    must_not_happen("agents register all of them");
}

static void note(struct room *room, const struct container_instance_record *record)
{
    const struct ecs_container_instance *instance;

    room->present = record != NULL;
    if (record == NULL)
        return;
    instance = record->instance;
    room->total[CPU] = registered(instance, "CPU")->integer_value;
    room->total[MEMORY] = registered(instance, "MEMORY")->integer_value;
    room->total[ENIS] = instance_eni_limit(cluster_query_attribute(&instance->attributes, STR("ecs.instance-type")));
    room->ports_reserved = registered(instance, "PORTS")->string_set_value.count;
    room->left[CPU] = record->cpu_left;
    room->left[MEMORY] = record->memory_left;
    room->left[ENIS] = record->enis_left;
    room->ports_taken = record->tcp_ports.count;
}

void check_room_change(struct world *world, const struct change *change)
{
    if (change->table == &container_instance_table)
        note(room_of(world, change->key), change->after);
    if (change->table != &task_table)
        return;
    count_daemon(world, change->before, -1);
    count_daemon(world, change->after, 1);
    if (holds_the_same(change->before, change->after))
        return;
    add(world, change->before, -1);
    add(world, change->after, 1);
}

/* ---- comparing ---- */

static void check_room(struct world *world, const struct room *room)
{
    static const char *const names[KINDS] = {"CPU", "MEMORY", "interfaces"};

    for (size_t i = 0; i < KINDS; i++)
        if (room->left[i] < 0 || room->total[i] - room->held[i] != room->left[i])
            world_wrong(world, "container instance %.*s says that %lld of %lld %s are left; its tasks hold %lld",
                        (int)room->key_len, room->key, (long long)room->left[i], (long long)room->total[i], names[i],
                        (long long)room->held[i]);
    if (room->ports_taken != room->port_count + room->ports_reserved)
        world_wrong(world, "container instance %.*s says that %zu ports are taken; %zu are reserved, tasks hold %zu",
                    (int)room->key_len, room->key, room->ports_taken, room->ports_reserved, room->port_count);
}

void check_rooms(struct world *world)
{
    while (!list_empty(&world->touched_rooms)) {
        struct room *room = list_item(list_take_first(&world->touched_rooms), struct room, link);

        room->touched = false;
        if (room->present)
            check_room(world, room);
        else if (room->held[CPU] != 0)
            world_wrong(world, "tasks hold %lld CPU units of a container instance that is gone",
                        (long long)room->held[CPU]);
    }
}

void check_rooms_load(struct world *world)
{
    check_rooms_free(world);
    list_init(&world->touched_rooms);
}

void check_rooms_free(struct world *world)
{
    struct room *room;
    size_t at = 0;

    while ((room = map_next(&world->rooms, &at)) != NULL)
        free(room);
    map_free(&world->rooms);
}

/* ---- in the end ---- */

static bool task_agrees(const struct transaction *view, const struct sim_agent *agent, const struct sim_agent_task *on)
{
    const struct task_record *task = task_of_arn(view, on->arn);

    if (on->status == AGENT_TASK_STOPPED)
        return task == NULL || task_is_stopped(task);
    return task != NULL && task_wants_to_run(task) && str_is(task->task->container_instance_arn, agent->arn) &&
           on->status == AGENT_TASK_RUNNING;
}

/* Of thousands of agents somebody is always between two sessions. */
bool check_agents_finished(struct world *world, const struct transaction *view, struct buf *why)
{
    for (unsigned i = 0; i < world->options.instances; i++) {
        const struct sim_agent *agent = &world->agents[i];

        for (size_t k = agent->over; k < agent->task_count && agent->alive; k++)
            if (!task_agrees(view, agent, &agent->tasks[k])) {
                const struct task_record *task = task_of_arn(view, agent->tasks[k].arn);

                buf_printf(why, "%.*s on %s is %d, its record says %.*s", STR_ARG(agent->tasks[k].arn), agent->arn,
                           (int)agent->tasks[k].status,
                           STR_ARG(task == NULL ? STR("nothing") : task->task->last_status));
                return false;
            }
        if (agent->alive && agent->server_session == 0 && world->now_ms > agent->renewal_ms + RENEWAL_MS_MAX) {
            buf_printf(why, "the agent of machine %u is not connected", i);
            return false;
        }
    }
    return true;
}
