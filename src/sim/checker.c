/* What must hold of a world, written apart from the code that makes it hold. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/service_roster.h"
#include "plane/vpc/subnet_addresses.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

static const char *const order[] = {"PROVISIONING", "PENDING",  "ACTIVATING",     "RUNNING",
                                    "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"};

struct seen_task {
    size_t status; /* index in `order` of the last durable one */
    int64_t since_ms;
    bool stop_wanted;
    struct str arn;
    char space[];
};

static size_t position(struct str status)
{
    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (str_is(status, order[i]))
            return i;
    return COUNT_OF(order);
}

static struct seen_task *seen(struct world *world, struct str arn)
{
    struct seen_task *task = map_get(&world->seen, arn);

    if (task != NULL)
        return task;
    task = calloc(1, sizeof(*task) + arn.len);
    must(task != NULL);
    memcpy(task->space, arn.ptr, arn.len);
    task->arn = (struct str){task->space, arn.len};
    must(map_put(&world->seen, task->arn, task) == NULL);
    return task;
}

/* Order counts, so that a world can be told from another. */
static void hash_change(struct world *world, const struct change *change)
{
    uint64_t hash = world->result.changes_hash ^ (uint64_t)change->when_ms;

    for (size_t i = 0; i < change->key.len; i++)
        hash = (hash ^ (unsigned char)change->key.ptr[i]) * UINT64_C(0x100000001b3);
    world->result.changes_hash = hash;
}

/* A status never goes back, nor does a wish to stop; records only go an hour after the end. */
void check_change(struct world *world, const struct change *change)
{
    const struct task_record *after = change->after;
    const struct task_record *before = change->before;
    struct seen_task *task;

    hash_change(world, change);
    if (change->table != &task_table)
        return;
    if (after == NULL) {
        if (position(before->task->last_status) != COUNT_OF(order) - 1 ||
            change->when_ms < before->task->stopped_at + TASK_KEPT_MS)
            world_wrong(world, "the record of task %.*s went too early", STR_ARG(before->task->task_arn));
        return;
    }
    task = seen(world, after->task->task_arn);
    if (position(after->task->last_status) < task->status)
        world_wrong(world, "task %.*s went back from %s to %.*s", STR_ARG(task->arn), order[task->status],
                    STR_ARG(after->task->last_status));
    if (task->stop_wanted && str_is(after->task->desired_status, "RUNNING"))
        world_wrong(world, "task %.*s is wanted again after it was to stop", STR_ARG(task->arn));
    if (task->status != position(after->task->last_status))
        task->since_ms = change->when_ms;
    task->status = position(after->task->last_status);
    task->stop_wanted = str_is(after->task->desired_status, "STOPPED");
}

/* Nothing leaves before it is durable. */
void check_told(struct world *world, struct str task_arn)
{
    if (map_get(&world->seen, task_arn) == NULL)
        world_wrong(world, "a host was told of task %.*s before its record was durable", STR_ARG(task_arn));
}

struct promised {
    int64_t cpu_units, memory_mib;
};

static void check_promises(struct world *world, struct transaction *view, struct promised *promised)
{
    struct walk walk = transaction_walk(view, &host_table, NULL, STR(""));
    const struct host_record *host;

    while ((host = walk_next(&walk)) != NULL) {
        const struct promised *of = &promised[sim_host_number(host->host_id)];

        if (host->cpu_promised != of->cpu_units || host->memory_promised != of->memory_mib)
            world_wrong(world, "host %.*s has promised %lld CPU units and %lld MiB; its tasks have %lld and %lld",
                        STR_ARG(host->host_id), (long long)host->cpu_promised, (long long)host->memory_promised,
                        (long long)of->cpu_units, (long long)of->memory_mib);
    }
}

static bool has_interface(const struct transaction *view, const struct task_record *task)
{
    return task->network_interface_id.ptr != NULL &&
           transaction_get(view, &network_interface_table,
                           KEY(view->arena, task->account_id, task->region, task->network_interface_id)) != NULL;
}

/* A task that has an address keeps it until it is stopped, and nobody else has one; what hosts have promised adds up.
 */
static void check_records(struct world *world, struct transaction *view)
{
    struct promised *promised = arena_array(view->arena, struct promised, world->options.hosts);
    struct walk walk = transaction_walk(view, &task_table, NULL, STR(""));
    const struct task_record *task;
    size_t interfaces = 0;

    while ((task = walk_next(&walk)) != NULL) {
        bool stopped = task_is_stopped(task);
        bool has = has_interface(view, task);

        if (has != (!stopped && task->network_interface_id.ptr != NULL) ||
            (task_is_told(task) && task->network != NULL && task->network_interface_id.ptr == NULL))
            world_wrong(world, "task %.*s is %.*s and its interface %s", STR_ARG(task->task->task_arn),
                        STR_ARG(task->task->last_status), stopped ? "still exists" : "does not exist");
        interfaces += has ? 1 : 0;
        if (!stopped && task->host_id.ptr != NULL) {
            promised[sim_host_number(task->host_id)].cpu_units += task->cpu_units;
            promised[sim_host_number(task->host_id)].memory_mib += task->memory_mib;
        }
    }
    if (transaction_count(view, &network_interface_table) != interfaces)
        world_wrong(world, "%zu interfaces for %zu tasks", transaction_count(view, &network_interface_table),
                    interfaces);
    check_promises(world, view, promised);
}

/* No acknowledged task is lost. */
static void check_seen(struct world *world, struct transaction *view)
{
    size_t at = 0;
    struct seen_task *task;

    while ((task = map_next(&world->seen, &at)) != NULL)
        if (task->status != COUNT_OF(order) - 1 && task_of_arn(view, task->arn) == NULL)
            world_wrong(world, "task %.*s, last seen %s, is lost", STR_ARG(task->arn), order[task->status]);
}

/* Since when who has to bring the task on is there and hears us: of a task that is not what it is to be. */
static bool is_on_its_way(struct world *world, const struct transaction *view, const struct task_record *task,
                          int64_t *ret_since_ms)
{
    const struct host_record *host =
        task->host_id.ptr == NULL ? NULL : transaction_get(view, &host_table, task->host_id);
    const struct sim_agent *agent = task->container_instance_id.ptr == NULL
                                        ? NULL
                                        : map_get(&world->agents_by_arn, task->task->container_instance_arn);

    if (!task_is_told(task) || (task_wants_to_run(task) && task_status(task) == TASK_RUNNING))
        return false;
    *ret_since_ms = host != NULL ? host->connected_at : 0;
    if (agent != NULL)
        return agent->alive && agent->linked && agent->server_session == agent->session;
    return host != NULL && world->hosts[sim_host_number(task->host_id)].connected;
}

/* Whoever is connected hears at once what he has to do, and does it: not when everything is said again. */
void check_prompt(struct world *world)
{
    struct arena arena;
    struct transaction view;
    struct walk walk;
    const struct task_record *task;

    arena_init(&arena, (size_t)1 << 30);
    view = core_view(world->core, &arena, world->now_ms);
    walk = transaction_walk(&view, &task_table, NULL, STR(""));
    while ((task = walk_next(&walk)) != NULL) {
        int64_t heard_ms = 0;
        int64_t since_ms;

        if (!is_on_its_way(world, &view, task, &heard_ms))
            continue;
        since_ms = seen(world, task->task->task_arn)->since_ms;
        since_ms = since_ms > heard_ms ? since_ms : heard_ms;
        since_ms = since_ms > world->calm_ms ? since_ms : world->calm_ms;
        if (world->now_ms > since_ms + PROMPT_MS)
            world_wrong(world, "task %.*s stays %.*s although host %.*s%.*s is connected",
                        STR_ARG(task->task->task_arn), STR_ARG(task->task->last_status), STR_ARG(task->host_id),
                        STR_ARG(task->container_instance_id));
    }
    arena_free(&arena);
}

void check_world(struct world *world)
{
    struct arena arena;
    struct transaction view;

    arena_init(&arena, (size_t)1 << 30);
    view = core_view(world->core, &arena, world->now_ms);
    if (!subnet_addresses_are_right(&view))
        world_wrong(world, "two interfaces have one address, or what is kept of addresses is not what a recount says");
    check_records(world, &view);
    check_seen(world, &view);
    if (!roster_is_right(&view))
        world_wrong(world, "what is kept of the tasks of services is not what a recount says");
    arena_free(&arena);
}

/* In the end: what is wanted runs on the host that the record names, what is not is gone everywhere and forgotten. */
static bool hosts_agree(struct world *world, struct transaction *view, struct buf *why)
{
    for (unsigned i = 0; i < world->options.hosts; i++)
        for (size_t k = 0; k < world->hosts[i].task_count; k++) {
            const struct sim_task *on = &world->hosts[i].tasks[k];
            const struct task_record *task = task_of_arn(view, on->arn);

            if (task == NULL || !task_wants_to_run(task) || !str_eq(task->host_id, world->hosts[i].id) ||
                on->status != HOST_TASK_STATUS_RUNNING) {
                buf_printf(why, "%.*s on %.*s is %s, its record says %.*s on %.*s", STR_ARG(on->arn),
                           STR_ARG(world->hosts[i].id), enum_name(&host_task_status_shape, (int)on->status),
                           STR_ARG(task == NULL ? STR("nothing") : task->task->last_status),
                           STR_ARG(task == NULL ? STR("") : task->host_id));
                return false;
            }
        }
    return true;
}

bool check_finished(struct world *world, struct buf *why)
{
    struct arena arena;
    struct transaction view;
    struct walk walk;
    const struct task_record *task;
    bool finished;

    arena_init(&arena, (size_t)1 << 30);
    view = core_view(world->core, &arena, world->now_ms);
    walk = transaction_walk(&view, &task_table, NULL, STR(""));
    finished = hosts_agree(world, &view, why) && check_agents_finished(world, &view, why) &&
               check_services_finished(&view, why);
    while (finished && (task = walk_next(&walk)) != NULL) {
        finished = str_is(task->task->last_status, task_wants_to_run(task) ? "RUNNING" : "STOPPED");
        if (!finished)
            buf_printf(why, "%.*s is %.*s, wanted %.*s, host %.*s", STR_ARG(task->task->task_arn),
                       STR_ARG(task->task->last_status), STR_ARG(task->task->desired_status), STR_ARG(task->host_id));
    }
    arena_free(&arena);
    return finished;
}
