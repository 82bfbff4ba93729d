/* A simulated container instance: a machine, and an ECS agent that registers it, has a session, starts and stops
 * imaginary tasks and tells of them until it is answered. As the original agent it remembers what it has stopped, asks
 * before it stops what the manifest does not have, and opens its session anew now and then. */
#include "model/agent.h"
#include "base/must.h"
#include "sim/world.h"

enum {
    STEP_MS_MAX = 1500,
    SAY_AGAIN_MS = 3000,
    REGISTER_JITTER_MS = 10000, /* of all agents at once */
    DIAL_JITTER_MS = 10000,
    REGISTER_AGAIN_MS = 5000,
    LATENCY_MS_MAX = 80,
    REPLAY_MS_MAX = 60 * 1000,     /* how late a doubled message comes once more */
    SERVER_NOTICES_MS = 60 * 1000, /* that nothing comes from an agent any more */
    AGENT_NOTICES_MS = 90 * 1000,
    SESSION_MS = 10 * 60 * 1000, /* and up to as long again */
    LIFE_MS = 10 * 60 * 1000,    /* between two looks whether a task ends by itself */
};

static int64_t below(struct world *world, int64_t bound)
{
    return 1 + (int64_t)random_below(&world->random, (uint64_t)bound);
}

/* ---- what is sent ---- */

void sim_agent_send(struct world *world, const struct event *event)
{
    world->result.messages++;
    if (world->agents[event->host].cut_ms > world->now_ms || world_chance(world, 50)) {
        world->result.lost_messages++;
        return;
    }
    world_post_session(world, event, below(world, LATENCY_MS_MAX));
    if (world_chance(world, 50))
        world_post_session(world, event, below(world, REPLAY_MS_MAX));
}

static void send_message(struct world *world, unsigned number, const struct agent_from_agent *message)
{
    auto_buf bytes = {.ptr = NULL};

    if (!world->agents[number].linked)
        return;
    value_encode(&agent_from_agent_shape, message, &bytes);
    sim_agent_send(world, &(struct event){.kind = EVENT_FROM_AGENT,
                                          .host = number,
                                          .session = world->agents[number].session,
                                          .bytes = buf_str(&bytes)});
}

static void send_call(struct world *world, unsigned number, const struct sim_agent_call *call)
{
    sim_agent_send(
        world, &(struct event){.kind = EVENT_AGENT_CALL, .host = number, .bytes = {(const char *)call, sizeof(*call)}});
}

/* ---- tasks ---- */

static struct sim_agent_task *find(const struct sim_agent *agent, struct str arn)
{
    uintptr_t found = (uintptr_t)map_get(&agent->by_arn, arn);

    return found == 0 ? NULL : &agent->tasks[found - 1];
}

static void put(struct sim_agent *agent, size_t at, struct sim_agent_task task)
{
    agent->tasks[at] = task;
    (void)map_put(&agent->by_arn, task.arn, (void *)(at + 1));
}

static struct sim_agent_task *add(struct world *world, struct sim_agent *agent, struct str arn)
{
    char *copy = malloc(arn.len);

    if (agent->task_count == agent->task_capacity) {
        agent->task_capacity = agent->task_capacity == 0 ? 8 : agent->task_capacity * 2;
        agent->tasks = realloc(agent->tasks, agent->task_capacity * sizeof(*agent->tasks));
    }
    must(copy != NULL);
    must(agent->tasks != NULL);
    memcpy(copy, arn.ptr, arn.len);
    put(agent, agent->task_count,
        (struct sim_agent_task){
            .arn = {copy, arn.len}, .wanted = true, .next_ms = world->now_ms + below(world, STEP_MS_MAX)});
    return &agent->tasks[agent->task_count++];
}

static void set_status(struct world *world, struct sim_agent_task *task, enum sim_agent_status status)
{
    task->status = status;
    task->say_ms = world->now_ms;
    task->next_ms = WHEN_NEVER;
    if (status == AGENT_TASK_RUNNING && !world->calm)
        task->next_ms = world->now_ms + below(world, LIFE_MS);
    if (status == AGENT_TASK_RUNNING && world_chance(world, 50)) {
        task->wanted = false; /* it crashes at its start */
        task->next_ms = world->now_ms + below(world, STEP_MS_MAX);
    }
}

static void unwanted(struct world *world, struct sim_agent_task *task)
{
    if (!task->wanted || world->options.mutant == MUTANT_AGENT_RUNS_FOREVER)
        return;
    task->wanted = false;
    if (task->status != AGENT_TASK_STOPPED)
        task->next_ms = world->now_ms + below(world, STEP_MS_MAX);
}

static void advance(struct world *world, struct sim_agent_task *task)
{
    if (!task->wanted || (task->status == AGENT_TASK_RUNNING && world_chance(world, 50)))
        set_status(world, task, AGENT_TASK_STOPPED); /* or its essential container ended */
    else
        set_status(world, task, AGENT_TASK_RUNNING);
}

static void say(struct world *world, unsigned number, struct sim_agent_task *task)
{
    struct sim_agent_call call = {.status = task->status, .life = world->agents[number].lives};

    must(str_to_buffer(task->arn, call.arn, sizeof(call.arn)));
    send_call(world, number, &call);
    task->say_ms = world->now_ms + SAY_AGAIN_MS;
}

/* ---- what is heard ---- */

static void take_task(struct world *world, unsigned number, const struct agent_task *told)
{
    struct sim_agent *agent = &world->agents[number];
    struct sim_agent_task *task = find(agent, told->arn);

    if (str_is(told->desired_status, "STOPPED")) {
        if (task == NULL) {
            task = add(world, agent, told->arn); /* it never came this far */
            set_status(world, task, AGENT_TASK_STOPPED);
        }
        unwanted(world, task);
    } else if (task == NULL) {
        check_told(world, told->arn);
        (void)add(world, agent, told->arn);
    }
}

static void take_payload(struct world *world, unsigned number, const struct agent_payload_message *payload)
{
    struct agent_ack_request ack = {.cluster = payload->cluster_arn,
                                    .container_instance = payload->container_instance_arn,
                                    .message_id = payload->message_id};

    if (!str_is(payload->container_instance_arn, world->agents[number].arn))
        world_wrong(world, "agent of %s is told of tasks of %.*s", world->agents[number].arn,
                    STR_ARG(payload->container_instance_arn));
    for (size_t i = 0; i < payload->tasks.count; i++)
        take_task(world, number, &payload->tasks.items[i]);
    send_message(world, number, &(struct agent_from_agent){.ack = &ack});
}

/* The interfaces have come at once; a report that is lost is made again when the server tells of them again. */
static void take_interfaces(struct world *world, unsigned number,
                            const struct agent_attach_task_network_interfaces_message *told)
{
    struct sim_agent_call call = {.life = world->agents[number].lives};

    must(str_to_buffer(told->task_arn, call.arn, sizeof(call.arn)));
    for (size_t i = 0; i < told->elastic_network_interfaces.count; i++) {
        must(str_to_buffer(told->elastic_network_interfaces.items[i].attachment_arn, call.attachment,
                           sizeof(call.attachment)));
        send_call(world, number, &call);
    }
}

/* Asks whether what it runs and the manifest does not have is to stop. */
static void ask_to_stop(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];
    struct agent_task_stop_verification_message message = {.message_id = STR("verification")};

    message.stop_candidates.items = arena_array(&world->scratch, struct agent_task_identifier, agent->task_count + 1);
    for (size_t i = 0; i < agent->task_count; i++)
        if (agent->tasks[i].wanted && !agent->tasks[i].listed && agent->tasks[i].status != AGENT_TASK_STOPPED)
            message.stop_candidates.items[message.stop_candidates.count++] =
                (struct agent_task_identifier){.task_arn = agent->tasks[i].arn, .desired_status = STR("STOPPED")};
    if (message.stop_candidates.count > 0)
        send_message(world, number, &(struct agent_from_agent){.stop_verification = &message});
}

static void take_manifest(struct world *world, unsigned number, const struct agent_task_manifest_message *manifest)
{
    struct sim_agent *agent = &world->agents[number];

    for (size_t i = 0; i < agent->task_count; i++)
        agent->tasks[i].listed = false;
    for (size_t i = 0; i < manifest->tasks.count; i++) {
        struct sim_agent_task *task = find(agent, manifest->tasks.items[i].task_arn);

        if (task == NULL)
            continue;
        task->listed = true;
        if (str_is(manifest->tasks.items[i].desired_status, "STOPPED"))
            unwanted(world, task);
    }
    ask_to_stop(world, number);
}

static void take_verification(struct world *world, struct sim_agent *agent,
                              const struct agent_task_stop_verification_ack *answer)
{
    for (size_t i = 0; i < answer->stop_tasks.count; i++) {
        struct sim_agent_task *task = find(agent, answer->stop_tasks.items[i].task_arn);

        if (task != NULL)
            unwanted(world, task);
    }
}

void sim_agent_receive(struct world *world, unsigned number, struct str bytes)
{
    struct agent_to_agent message = {0};
    struct fail f;

    arena_reset(&world->scratch);
    must(value_decode(&agent_to_agent_shape, bytes, &message, &world->scratch, &f));
    if (message.payload != NULL && world->options.mutant != MUTANT_PAYLOADS_LOST)
        take_payload(world, number, message.payload);
    if (message.attach_task != NULL)
        take_interfaces(world, number, message.attach_task);
    if (message.manifest != NULL && world->options.mutant != MUTANT_MANIFESTS_LOST)
        take_manifest(world, number, message.manifest);
    if (message.stop_verification != NULL)
        take_verification(world, &world->agents[number], message.stop_verification);
    sim_agent_wake(world, number);
}

/* A late answer to a call that was made again, or of an earlier life, says nothing new. */
void sim_agent_answered(struct world *world, unsigned number, const struct sim_agent_call *answer)
{
    struct sim_agent *agent = &world->agents[number];
    struct sim_agent_task *task;

    if (answer->life != agent->lives)
        return;
    if (!answer->registers) {
        task = find(agent, str_of(answer->arn));
        if (task != NULL && answer->status > task->told)
            task->told = answer->status;
        return;
    }
    if (agent->arn[0] != '\0') {
        if (strcmp(agent->arn, answer->arn) != 0)
            world_wrong(world, "a machine that registered once is %s and %s", agent->arn, answer->arn);
        return;
    }
    must(str_to_buffer(str_of(answer->arn), agent->arn, sizeof(agent->arn)));
    must(map_put(&world->agents_by_arn, str_of(agent->arn), agent) == NULL);
    sim_agent_unlink(world, number, 1);
}

/* ---- its life ---- */

void sim_agent_unlink(struct world *world, unsigned number, int64_t wait_ms)
{
    struct sim_agent *agent = &world->agents[number];

    agent->linked = false;
    agent->link_ms = world->now_ms + wait_ms;
    sim_agent_wake(world, number);
}

static void post_disconnect(struct world *world, unsigned number, int64_t delay_ms)
{
    world_post_session(world,
                       &(struct event){.kind = EVENT_AGENT_DISCONNECT,
                                       .host = number,
                                       .session = world->agents[number].session,
                                       .bytes = str_of(world->agents[number].arn)},
                       delay_ms);
}

/* Registers, dials, or ends a session that is old. */
static void link_step(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];

    if (agent->arn[0] == '\0') {
        send_call(world, number, &(struct sim_agent_call){.registers = true, .life = agent->lives});
        agent->link_ms = world->now_ms + REGISTER_AGAIN_MS;
    } else if (agent->cut_ms > world->now_ms) {
        agent->link_ms = agent->cut_ms + below(world, DIAL_JITTER_MS);
    } else if (agent->linked) {
        post_disconnect(world, number, below(world, LATENCY_MS_MAX));
        agent->linked = false;
        agent->renewal_ms = world->now_ms;
        agent->link_ms = world->now_ms + below(world, SECOND_MS);
    } else {
        agent->linked = true;
        agent->session++;
        agent->link_ms = world->now_ms + SESSION_MS + below(world, SESSION_MS);
        world_post_session(
            world,
            &(struct event){
                .kind = EVENT_AGENT_CONNECT, .host = number, .session = agent->session, .bytes = str_of(agent->arn)},
            below(world, LATENCY_MS_MAX));
    }
}

static int64_t next_ms(const struct sim_agent *agent)
{
    int64_t next = agent->link_ms;

    if (!agent->alive)
        return agent->back_ms;
    for (size_t i = agent->over; i < agent->task_count; i++) {
        const struct sim_agent_task *task = &agent->tasks[i];

        next = task->next_ms < next ? task->next_ms : next;
        next = task->status != task->told && task->say_ms < next ? task->say_ms : next;
    }
    return next;
}

void sim_agent_wake(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];
    int64_t when_ms = next_ms(agent);

    if (when_ms == WHEN_NEVER || (agent->wake_ms != WHEN_NEVER && agent->wake_ms <= when_ms))
        return;
    agent->wake_ms = when_ms > world->now_ms ? when_ms : world->now_ms;
    world_post(world, EVENT_AGENT_WAKE, number, STR(""), agent->wake_ms - world->now_ms);
}

/* To those that are over. */
static void put_away(struct sim_agent *agent, size_t i)
{
    struct sim_agent_task task = agent->tasks[i];

    put(agent, i, agent->tasks[agent->over]);
    put(agent, agent->over++, task);
}

void sim_agent_step(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];

    agent->wake_ms = WHEN_NEVER;
    if (!agent->alive && world->now_ms >= agent->back_ms)
        sim_agent_return(world, number);
    for (size_t i = agent->over; i < agent->task_count && agent->alive; i++) {
        struct sim_agent_task *task = &agent->tasks[i];

        if (task->next_ms <= world->now_ms)
            advance(world, task);
        if (task->status != task->told && task->say_ms <= world->now_ms)
            say(world, number, task);
        if (task->status == AGENT_TASK_STOPPED && task->told == AGENT_TASK_STOPPED)
            put_away(agent, i);
    }
    if (agent->alive && agent->link_ms <= world->now_ms)
        link_step(world, number);
    sim_agent_wake(world, number);
}

static void forget_tasks(struct sim_agent *agent)
{
    for (size_t i = 0; i < agent->task_count; i++)
        free((void *)(uintptr_t)agent->tasks[i].arn.ptr);
    agent->task_count = agent->over = 0;
    map_free(&agent->by_arn);
}

/* Another machine in the place of this one, or this one as another instance. */
static void begin_life(struct world *world, struct sim_agent *agent)
{
    forget_tasks(agent);
    (void)map_remove(&world->agents_by_arn, str_of(agent->arn));
    agent->arn[0] = '\0';
    agent->lives++;
}

/* The machine is off. What it ran is over; its agent remembers it, unless another machine takes its place. */
void sim_agent_die(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];

    world->result.instance_losses++;
    post_disconnect(world, number, below(world, LATENCY_MS_MAX));
    agent->alive = false;
    agent->linked = false;
    agent->back_ms = world->now_ms + below(world, 20 * MINUTE_MS);
    for (size_t i = 0; i < agent->task_count; i++) {
        agent->tasks[i].wanted = false;
        if (agent->tasks[i].status != AGENT_TASK_STOPPED)
            set_status(world, &agent->tasks[i], AGENT_TASK_STOPPED);
    }
    if (random_chance(&world->random, 300))
        begin_life(world, agent);
    sim_agent_wake(world, number);
}

void sim_agent_return(struct world *world, unsigned number)
{
    struct sim_agent *agent = &world->agents[number];

    agent->alive = true;
    agent->back_ms = WHEN_NEVER;
    sim_agent_unlink(world, number, below(world, REGISTER_JITTER_MS));
}

void sim_agent_inactive(struct world *world, unsigned number)
{
    begin_life(world, &world->agents[number]);
    sim_agent_unlink(world, number, below(world, REGISTER_JITTER_MS));
}

/* Either side notices after a while, if it lasts: TCP bridges the rest. */
void sim_agent_cut(struct world *world, unsigned number, int64_t for_ms)
{
    struct sim_agent *agent = &world->agents[number];

    world->result.cuts++;
    agent->cut_ms = world->now_ms + for_ms;
    if (for_ms > SERVER_NOTICES_MS)
        post_disconnect(world, number, SERVER_NOTICES_MS);
    if (for_ms >= AGENT_NOTICES_MS)
        sim_agent_unlink(world, number, for_ms + below(world, DIAL_JITTER_MS));
}

void sim_agents_free(struct world *world)
{
    for (unsigned i = 0; i < world->options.instances; i++) {
        forget_tasks(&world->agents[i]);
        free(world->agents[i].tasks);
    }
    map_free(&world->agents_by_arn);
    free(world->agents);
}
