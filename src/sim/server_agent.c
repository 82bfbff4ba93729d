/* The server's side of agents: their sessions, messages and calls, by the entry points that the real links use. */
#include "base/must.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/operations.h"
#include "sim/world.h"

enum { CPU_UNITS = 4096, MEMORY_MIB = 16384 };

/* ---- sessions ---- */

struct agent_job {
    struct job job;
    struct world *world;
    enum event_kind kind;
    unsigned agent;
    unsigned session;
    bool is_said_once;          /* what a full disk undoes is tried again */
    char arn[INSTANCE_ARN_MAX]; /* of the instance */
    struct str bytes;
};

static bool has_session(const struct agent_job *of)
{
    const struct sim_agent *agent = &of->world->agents[of->agent];

    return agent->server_session != 0 && strcmp(agent->arn, of->arn) == 0;
}

static bool may_connect(const struct agent_job *of, struct transaction *tx)
{
    struct principal principal = {.kind = PRINCIPAL_ROOT,
                                  .account = of->world->settings.default_account,
                                  .arn = STR("arn:aws:iam::000000000000:root")};
    struct fail f = {0};
    struct call call = {.tx = tx,
                        .arena = tx->arena,
                        .fail = &f,
                        .principal = &principal,
                        .settings = &of->world->settings,
                        .region = of->world->settings.default_region};

    if (agent_may_connect(&call, "ecs:Poll", &(struct agent_opening){STR("default"), str_of(of->arn)}))
        return true;
    if (f.type == NULL || strcmp(f.type, "InactiveInstanceException") != 0)
        world_wrong(of->world, "agent of %s is refused: %s", of->arn, f.message);
    return false;
}

static void connect(const struct agent_job *of, struct transaction *tx)
{
    const struct agent_hello hello = {
        .instance_arn = str_of(of->arn),
        .version = {.agent_version = STR("1.90.0"), .agent_hash = STR("h"), .docker_version = STR("20")}};

    if (!has_session(of))
        return;
    if (may_connect(of, tx)) {
        agent_connected(tx, &hello);
    } else {
        of->world->agents[of->agent].server_session = 0;
        sim_agent_inactive(of->world, of->agent);
    }
}

static bool agent_run(struct job *job, struct transaction *tx)
{
    struct agent_job *of = list_item(&job->link, struct agent_job, job.link);
    struct agent_from_agent message = {0};
    struct fail f;

    if (of->kind == EVENT_AGENT_CONNECT) {
        connect(of, tx);
    } else if (of->kind == EVENT_AGENT_DISCONNECT) {
        if (!has_session(of)) /* asked anew: what a full disk undid comes again in any order */
            container_instance_disconnected(tx, str_of(of->arn));
    } else {
        must(value_decode(&agent_from_agent_shape, of->bytes, &message, tx->arena, &f));
        of->is_said_once = message.stop_verification != NULL;
        agent_heard(tx, str_of(of->arn), &message);
    }
    return true;
}

static void agent_done(struct job *job, bool durable)
{
    struct agent_job *of = list_item(&job->link, struct agent_job, job.link);

    if (!durable && !of->world->closing && of->is_said_once)
        core_submit(of->world->core, job);
    else
        free(of);
}

static void submit(struct world *world, const struct event *event, struct str arn)
{
    struct agent_job *of = calloc(1, sizeof(*of) + event->bytes.len);

    must(of != NULL);
    memcpy(of + 1, event->bytes.ptr, event->bytes.len);
    of->job = (struct job){.actor = "host", .cause = STR("agent"), .run = agent_run, .done = agent_done};
    of->world = world;
    of->kind = event->kind;
    of->agent = event->host;
    of->session = event->session;
    of->is_said_once = event->kind != EVENT_FROM_AGENT;
    of->bytes = (struct str){(const char *)(of + 1), event->bytes.len};
    must(str_to_buffer(arn, of->arn, sizeof(of->arn)));
    core_submit(world->core, &of->job);
}

/* ---- calls ---- */

static bool register_instance(struct client *client, struct call *call)
{
    struct ecs_resource resources[] = {
        {.name = STR("CPU"), .type = STR("INTEGER")},
        {.name = STR("MEMORY"), .type = STR("INTEGER")},
        {.name = STR("PORTS"), .type = STR("STRINGSET")},
    };
    struct str reserved[] = {STR("22"), STR("2375"), STR("51678")};
    struct ecs_attribute attributes[] = {
        {.name = STR("ecs.instance-type"), .value = STR("m5.xlarge")},
        {.name = STR("ecs.availability-zone"),
         .value = arena_printf(&client->arena, "us-east-1%c", (int)('a' + client->agent % 3))},
        {.name = STR("com.amazonaws.ecs.capability.ecr-auth")},
        {.name = STR("com.amazonaws.ecs.capability.docker-remote-api.1.18")},
        {.name = STR("ecs.capability.task-eni")},
    };
    const struct ecs_register_container_instance_request in = {
        .total_resources = {resources, COUNT_OF(resources)},
        .attributes = {attributes, COUNT_OF(attributes)},
        .client_token = arena_printf(&client->arena, "machine-%u-%u", client->agent, client->asked.life),
    };
    struct ecs_register_container_instance_response out;

    SET(&resources[0], integer_value, CPU_UNITS);
    SET(&resources[1], integer_value, MEMORY_MIB);
    resources[2].string_set_value = (struct ecs_string_list){reserved, COUNT_OF(reserved)};
    if (!ecs_register_container_instance(call, &in, &out))
        return false;
    return str_to_buffer(out.container_instance->container_instance_arn, client->asked.arn, sizeof(client->asked.arn));
}

static bool submit_state(struct client *client, struct call *call)
{
    static const char *const names[] = {"PENDING", "RUNNING", "STOPPED"};
    struct ecs_container_state_change container = {.container_name = STR("app")};
    const struct ecs_submit_task_state_change_request in = {.task = str_of(client->asked.arn),
                                                            .status = str_of(names[client->asked.status]),
                                                            .containers = {&container, 1}};
    struct ecs_submit_task_state_change_response out;

    container.status = in.status;
    if (client->asked.status == AGENT_TASK_STOPPED)
        SET(&container, exit_code, 0);
    return ecs_submit_task_state_change(call, &in, &out);
}

static bool submit_attached(struct client *client, struct call *call)
{
    struct ecs_attachment_state_change change = {.attachment_arn = str_of(client->asked.attachment),
                                                 .status = STR("ATTACHED")};
    const struct ecs_submit_task_state_change_request in = {.task = str_of(client->asked.arn),
                                                            .attachments = {&change, 1}};
    struct ecs_submit_task_state_change_response out;

    return ecs_submit_task_state_change(call, &in, &out);
}

static bool agent_call(struct client *client, struct call *call)
{
    if (client->asked.registers)
        return register_instance(client, call);
    return client->asked.attachment[0] != '\0' ? submit_attached(client, call) : submit_state(client, call);
}

/* An agent is as good as answered when the server knows no such task any more. */
static bool answer(struct client *client)
{
    struct world *world = client->world;

    if (!client->good && client->fail.type != NULL &&
        strcmp(client->fail.type, ECS_ERROR_INVALID_PARAMETER_EXCEPTION) != 0)
        world_wrong(world, "an agent's call fails: %s", client->fail.message);
    sim_agent_send(world, &(struct event){.kind = EVENT_AGENT_ANSWER,
                                          .host = client->agent,
                                          .bytes = {(const char *)&client->asked, sizeof(client->asked)}});
    return false;
}

static void call(struct world *world, const struct event *event)
{
    static const struct client_kind kind = {agent_call, answer};
    struct client *client = sim_client_new(world, &kind);

    client->agent = event->host;
    memcpy(&client->asked, event->bytes.ptr, sizeof(client->asked));
    world->result.registrations += client->asked.registers ? 1 : 0;
    sim_client_call(client);
}

/* ---- events ---- */

void sim_server_agent_event(struct world *world, const struct event *event)
{
    struct sim_agent *agent = &world->agents[event->host];

    switch (event->kind) {
    case EVENT_AGENT_CONNECT:
        if (!agent->alive || event->session != agent->session || !str_is(event->bytes, agent->arn))
            return;
        agent->server_session = event->session;
        submit(world, event, event->bytes);
        break;
    case EVENT_AGENT_DISCONNECT:
        if (event->session == agent->server_session)
            agent->server_session = 0;
        submit(world, event, event->bytes);
        break;
    case EVENT_FROM_AGENT:
        if (event->session == agent->server_session && agent->arn[0] != '\0')
            submit(world, event, str_of(agent->arn));
        break;
    case EVENT_AGENT_CALL:
        call(world, event);
        break;
    case EVENT_TO_HOST:
    case EVENT_TO_SERVER:
    case EVENT_CONNECT:
    case EVENT_DISCONNECT:
    case EVENT_WAKE:
    case EVENT_TO_AGENT:
    case EVENT_AGENT_ANSWER:
    case EVENT_AGENT_WAKE:
        must_not_happen("not for the server");
    }
}

void sim_server_agent_tell(struct world *world, const char *kind, struct str instance_arn, struct str bytes)
{
    struct sim_agent *agent = map_get(&world->agents_by_arn, instance_arn);
    unsigned number = agent == NULL ? 0 : (unsigned)(agent - world->agents);

    if (agent == NULL || agent->server_session == 0)
        return;
    if (strcmp(kind, AGENT_END) == 0) {
        agent->server_session = 0;
        sim_agent_unlink(world, number, 1 + (int64_t)random_below(&world->random, SECOND_MS));
        return;
    }
    sim_agent_send(
        world,
        &(struct event){.kind = EVENT_TO_AGENT, .host = number, .session = agent->server_session, .bytes = bytes});
}

/* A server knows no session when it begins. */
static bool forget_sessions(struct job *job, struct transaction *tx)
{
    (void)job;
    container_instances_disconnected(tx);
    return true;
}

static void forgotten(struct job *job, bool durable)
{
    struct agent_job *of = list_item(&job->link, struct agent_job, job.link);

    if (!durable && !of->world->closing)
        core_submit(of->world->core, job);
    else
        free(of);
}

void sim_server_agents_open(struct world *world)
{
    struct agent_job *of = calloc(1, sizeof(*of));

    must(of != NULL);
    of->world = world;
    of->job = (struct job){.actor = "host", .cause = STR("start"), .run = forget_sessions, .done = forgotten};
    core_submit(world->core, &of->job);
}
