#include "plane/ecs/testing/world.h"

#include "base/must.h"
#include "plane/cloudwatch/cloudwatch.h"
#include "plane/ec2/ec2.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/access.h"
#include "plane/iam/iam.h"
#include "plane/iam/role.h"
#include "plane/vpc/vpc.h"

/* ---- the core and its turns ---- */

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    struct world *world = context;

    (void)target;
    (void)bytes;
    if (strncmp(kind, "event", 5) == 0)
        world->events++;
    else
        world->assignments++;
}

static void changed(void *context, const struct change *change)
{
    struct world *world = context;

    if (world->changed != NULL)
        world->changed(world->changed_context, change);
}

/* Nobody has to guess it here, but keys must differ. */
static void secret(void *bytes, size_t len)
{
    static struct random random = {{1, 2, 3, 4}};

    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_next(&random);
}

static void run_turns(struct world *world)
{
    struct turn *turn;
    struct fail f;

    while ((turn = core_turn(world->core, world->now_ms)) != NULL) {
        size_t count;
        const struct row *rows = turn_rows(turn, &count);

        must(world->engine->kind->commit(world->engine, rows, count, &f));
        (void)core_settle(world->core, turn, true);
    }
    world->view = core_view(world->core, &world->arena, world->now_ms);
}

void world_wait(struct world *world, int64_t ms)
{
    int64_t until_ms = world->now_ms + ms;

    while (world->now_ms < until_ms) {
        int64_t next_ms = core_next_ms(world->core);

        world->now_ms = next_ms <= world->now_ms ? world->now_ms + 1 : next_ms < until_ms ? next_ms : until_ms;
        run_turns(world);
    }
}

/* ---- jobs ---- */

struct world_job {
    struct job job;
    void (*run)(struct transaction *tx, void *context);
    bool (*call)(struct call *call, void *context);
    const struct operation *operation;
    void *context;
    struct world *world;
    bool good;
};

static bool job_run(struct job *job, struct transaction *tx)
{
    struct world_job *work = list_item(&job->link, struct world_job, job.link);
    struct world *world = work->world;
    struct call call = {.tx = tx,
                        .arena = &world->arena,
                        .fail = &world->fail,
                        .operation = work->operation != NULL ? work->operation : &ecs_run_task_operation,
                        .principal = &world->principal,
                        .settings = &world->settings,
                        .region = world->settings.default_region};

    if (work->run != NULL)
        work->run(tx, work->context);
    work->good = work->call == NULL || work->call(&call, work->context);
    return work->good;
}

static void job_done(struct job *job, bool durable)
{
    (void)job;
    must(durable);
}

static bool do_job(struct world *world, struct world_job *work, const char *actor)
{
    work->job = (struct job){.actor = actor, .cause = STR("test"), .run = job_run, .done = job_done};
    work->world = world;
    core_submit(world->core, &work->job);
    run_turns(world);
    return work->good;
}

void world_change(struct world *world, void (*change)(struct transaction *tx, void *context), void *context)
{
    (void)do_job(world, &(struct world_job){.run = change, .context = context}, "api");
}

/* ---- hosts ---- */

static void connect_run(struct transaction *tx, void *context)
{
    host_connected(tx, context);
}

void world_host_connect(struct world *world, const char *id, int32_t cpu_units, int32_t memory_mib)
{
    struct host_hello hello = {.host_id = str_of(id), .name = str_of(id), .version = STR("test")};

    SET(&hello, cpu_units, cpu_units);
    SET(&hello, memory_mib, memory_mib);
    (void)do_job(world, &(struct world_job){.run = connect_run, .context = &hello}, "host");
}

static void disconnect_run(struct transaction *tx, void *context)
{
    host_disconnected(tx, str_of(context));
}

void world_host_disconnect(struct world *world, const char *id)
{
    (void)do_job(world, &(struct world_job){.run = disconnect_run, .context = (void *)(uintptr_t)id}, "host");
}

struct reporting {
    struct str host;
    const struct host_report *report;
};

static void report_run(struct transaction *tx, void *context)
{
    const struct reporting *reporting = context;

    tasks_observe(tx, reporting->host, reporting->report);
    instances_observe(tx, reporting->host, reporting->report);
}

static void host_reports(struct world *world, const char *host, const struct host_report *report)
{
    struct reporting reporting = {str_of(host), report};

    (void)do_job(world, &(struct world_job){.run = report_run, .context = &reporting}, "host");
}

void world_report(struct world *world, const char *host, const struct host_task_report *report)
{
    struct host_task_report copy = *report;

    host_reports(world, host, &(struct host_report){.tasks = {&copy, 1}});
}

void world_report_instance(struct world *world, const char *host, const struct host_instance_report *report)
{
    struct host_instance_report copy = *report;

    host_reports(world, host, &(struct host_report){.instances = {&copy, 1}});
}

void world_report_nothing(struct world *world, const char *host)
{
    struct host_report nothing = {.complete = true, .has_complete = true};

    SET(&nothing, generation, 1);
    host_reports(world, host, &nothing);
}

/* ---- clients ---- */

struct calling {
    const void *in;
    void *out;
};

static const struct operation_spec *spec_among(const struct operation_spec *specs, size_t count,
                                               const struct operation *operation)
{
    for (size_t i = 0; i < count; i++)
        if (specs[i].operation == operation)
            return &specs[i];
    return NULL;
}

static bool handler_call(struct call *call, void *context)
{
    struct calling *calling = context;
    const struct operation_spec *spec = spec_among(ecs_handlers, ecs_handler_count, call->operation);

    if (spec == NULL)
        spec = spec_among(ec2_handlers, ec2_handler_count, call->operation);
    must(spec != NULL);
    return spec->handle(call, calling->in, calling->out);
}

bool world_call(struct world *world, const struct operation *operation, const void *in, void *out)
{
    struct calling calling = {in, out};

    memset(out, 0, operation_output(operation)->size);
    return do_job(world, &(struct world_job){.call = handler_call, .operation = operation, .context = &calling}, "api");
}

struct running {
    const struct ecs_run_task_request *in;
    struct ecs_run_task_response *out;
};

static bool run_call(struct call *call, void *context)
{
    struct running *running = context;

    return ecs_run_task(call, running->in, running->out);
}

bool world_run_task(struct world *world, const struct ecs_run_task_request *request,
                    struct ecs_run_task_response *ret_response)
{
    struct str subnet = world_subnet(world);
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_run_task_request in = request != NULL ? *request : (struct ecs_run_task_request){0};

    if (in.task_definition.ptr == NULL)
        in.task_definition = STR("app");
    if (in.network_configuration == NULL)
        in.network_configuration = &network;
    if (in.launch_type == ECS_LAUNCH_TYPE_NONE && in.capacity_provider_strategy.count == 0)
        in.launch_type = ECS_LAUNCH_TYPE_FARGATE;
    *ret_response = (struct ecs_run_task_response){0};
    return do_job(world, &(struct world_job){.call = run_call, .context = &(struct running){&in, ret_response}}, "api");
}

struct str world_run_one(struct world *world)
{
    struct ecs_run_task_response response;

    must(world_run_task(world, NULL, &response));
    must(response.tasks.count == 1);
    return arena_str(&world->arena, response.tasks.items[0].task_arn);
}

static bool stop_call(struct call *call, void *context)
{
    const struct ecs_stop_task_request in = {.task = *(const struct str *)context};
    struct ecs_stop_task_response out;

    return ecs_stop_task(call, &in, &out);
}

void world_stop_task(struct world *world, struct str arn)
{
    must(do_job(world, &(struct world_job){.call = stop_call, .context = &arn}, "api"));
}

const struct task_record *world_task(struct world *world, struct str arn)
{
    return task_of_arn(&world->view, arn);
}

struct str world_subnet(struct world *world)
{
    struct walk walk = transaction_walk(&world->view, &subnet_table, NULL, STR(""));
    const struct subnet_record *subnet = walk_next(&walk);

    must(subnet != NULL);
    return arena_str(&world->arena, subnet->subnet->subnet_id);
}

/* ---- beginning and end ---- */

/* A role that tasks can have. */
static void make_role(struct call *call, struct str path, struct str name)
{
    struct str action = STR("sts:AssumeRole");
    struct policy_principal service = {POLICY_PRINCIPAL_TYPE_SERVICE, STR(ECS_TASKS_SERVICE)};
    struct policy_statement allow = {
        .effect = POLICY_EFFECT_ALLOW, .principals = {&service, 1}, .actions = {&action, 1}};
    struct policy_document trust = {.version = STR("2012-10-17"), .statements = {&allow, 1}};
    struct iam_role role = {.role_name = name, .role_id = name, .path = path};
    struct role_record record = {.account_id = call->principal->account, .role = &role, .trust = &trust};

    role.arn = iam_arn(call->arena, record.account_id, "role", path, name);
    must(transaction_put(call->tx, &role_table, &record));
}

static bool begin_call(struct call *call, void *context)
{
    const struct ecs_create_cluster_request cluster = {.cluster_name = STR("default")};
    struct ecs_create_cluster_response made;
    struct str check[] = {STR("CMD"), STR("true")};
    struct ecs_health_check health = {.command = {check, 2}};
    struct ecs_container_definition containers[2] = {{.name = STR("app"), .image = STR("a"), .health_check = &health},
                                                     {.name = STR("side"), .image = STR("b")}};
    enum ecs_compatibility fargate = ECS_COMPATIBILITY_FARGATE;
    const struct ecs_register_task_definition_request definition = {
        .family = STR("app"),
        .container_definitions = {containers, 2},
        .network_mode = ECS_NETWORK_MODE_AWSVPC,
        .requires_compatibilities = {&fargate, 1},
        .execution_role_arn = STR("arn:aws:iam::000000000000:role/execution"),
        .cpu = STR("256"),
        .memory = STR("512"),
    };
    struct ecs_register_task_definition_response registered;

    (void)context;
    SET(&containers[1], essential, false);
    make_role(call, STR("/"), STR("execution"));
    make_role(call, STR("/team/"), STR("app"));
    return ecs_create_cluster(call, &cluster, &made) && ecs_register_task_definition(call, &definition, &registered);
}

struct world *world_new_with(const struct domain_spec *domain)
{
    struct world *world = calloc(1, sizeof(*world));
    struct core_options options = {.domain_count = domain == NULL ? 5 : 6,
                                   .seed = 1,
                                   .secret = secret,
                                   .context = world,
                                   .release = release,
                                   .changed = changed};
    struct fail f;

    must(world != NULL);
    memcpy(
        world->domains,
        (const struct domain_spec *[]){&iam_domain, &vpc_domain, &cloudwatch_domain, &ec2_domain, &ecs_domain, domain},
        sizeof(world->domains));
    options.domains = world->domains;
    arena_init(&world->arena, (size_t)1 << 30);
    world->settings = (struct settings){.endpoint = STR("127.0.0.1:4566"),
                                        .default_region = STR("us-east-1"),
                                        .default_account = STR("000000000000"),
                                        .default_vpc_cidr = STR("172.31.0.0/16")};
    world->principal = (struct principal){.kind = PRINCIPAL_ROOT,
                                          .account = world->settings.default_account,
                                          .arn = STR("arn:aws:iam::000000000000:root")};
    world->now_ms = INT64_C(1800000000000);
    world->engine = engine_memory_new();
    options.engine = world->engine;
    options.settings = &world->settings;
    must(core_open(&options, world->now_ms, &world->core, &f));
    must(do_job(world, &(struct world_job){.call = begin_call}, "api"));
    return world;
}

struct world *world_new(void)
{
    return world_new_with(NULL);
}

void world_free(struct world *world)
{
    core_close(world->core);
    world->engine->kind->close(world->engine);
    arena_free(&world->arena);
    free(world);
}
