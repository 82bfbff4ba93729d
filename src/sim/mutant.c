/* Rules broken on purpose, once a run, behind the control plane's back: whether the checkers see it. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/container_instance.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

struct mutant_job {
    struct job job;
    struct world *world;
    bool done;
};

static const struct task_record *running_task(const struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &task_table, NULL, STR(""));
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        if (task_status(task) == TASK_RUNNING && task_wants_to_run(task))
            return task;
    return NULL;
}

static bool lose_interface(struct transaction *tx)
{
    const struct task_record *task = running_task(tx);

    if (task != NULL)
        network_interface_delete(tx, task->account_id, task->region, task->network_interface_id);
    return task != NULL;
}

static bool double_address(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &network_interface_table, NULL, STR(""));
    const struct network_interface_record *first = walk_next(&walk);
    const struct network_interface_record *second = first == NULL ? NULL : walk_next(&walk);
    struct network_interface_record record;
    struct ec2_network_interface interface;

    if (second == NULL)
        return false;
    record = *second;
    interface = *second->interface;
    interface.private_ip_address = first->interface->private_ip_address;
    interface.subnet_id = first->interface->subnet_id;
    record.interface = &interface;
    return transaction_put(tx, &network_interface_table, &record);
}

static bool promise(struct transaction *tx, const struct host_record *before, int32_t memory_mib)
{
    struct host_record host = *before;

    SET(&host, memory_promised, host.memory_promised + memory_mib);
    return transaction_put(tx, &host_table, &host);
}

static bool leak_promise(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *host = walk_next(&walk);

    return host != NULL && promise(tx, host, 512);
}

static bool move_promise(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *first = walk_next(&walk);
    const struct host_record *second = first == NULL ? NULL : walk_next(&walk);

    return second != NULL && promise(tx, first, 512) && promise(tx, second, -512);
}

static bool forget_task(struct transaction *tx)
{
    const struct task_record *task = running_task(tx);

    if (task != NULL)
        transaction_delete(tx, &task_table,
                           KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
    return task != NULL;
}

/* All of them, as a reconciler that forgets the minimum would. */
static bool stop_service(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &task_table, NULL, STR(""));
    const struct task_record *task;
    size_t stopped = 0;

    while ((task = walk_next(&walk)) != NULL)
        if (task->service_name.ptr != NULL && task->proven && task_wants_to_run(task)) {
            task_stop(tx, task, ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED, STR("mutant"));
            stopped++;
        }
    return stopped > 0;
}

static bool leak_room(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &container_instance_table, NULL, STR(""));
    const struct container_instance_record *instance = walk_next(&walk);
    struct container_instance_record leaky;

    if (instance == NULL)
        return false;
    leaky = *instance;
    SET(&leaky, memory_left, leaky.memory_left - 128);
    return transaction_put(tx, &container_instance_table, &leaky);
}

static bool (*const breaks[MUTANTS])(struct transaction *tx) = {
    [MUTANT_INTERFACE_LOST] = lose_interface, [MUTANT_ADDRESS_TWICE] = double_address,
    [MUTANT_PROMISE_LEAKS] = leak_promise,    [MUTANT_PROMISE_MOVES] = move_promise,
    [MUTANT_TASK_FORGOTTEN] = forget_task,    [MUTANT_SERVICE_UNDER] = stop_service,
    [MUTANT_ROOM_LEAKS] = leak_room,
};

static bool mutant_run(struct job *job, struct transaction *tx)
{
    struct mutant_job *of = list_item(&job->link, struct mutant_job, job.link);

    of->done = breaks[of->world->options.mutant](tx);
    return of->done;
}

static void mutant_done(struct job *job, bool durable)
{
    struct mutant_job *of = list_item(&job->link, struct mutant_job, job.link);

    of->world->mutated = of->done && durable;
    free(of);
}

void sim_mutate(struct world *world)
{
    struct mutant_job *of;

    if (world->mutated || breaks[world->options.mutant] == NULL)
        return;
    of = calloc(1, sizeof(*of));
    must(of != NULL);
    of->job = (struct job){.actor = "mutant", .cause = STR("mutant"), .run = mutant_run, .done = mutant_done};
    of->world = world;
    core_submit(world->core, &of->job);
}
