/* The record of a new task, as RunTask answers it: PROVISIONING, its interface not yet created. */
#include "base/must.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/task.h"
#include "plane/ecs/task_instances.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

#define PLATFORM_VERSION "1.4.0" /* the newest of Fargate on Linux */

/* ---- containers ---- */

static struct str number_text(struct arena *arena, int32_t number)
{
    return arena_printf(arena, "%d", number);
}

static struct str arn_of(const struct task_wish *wish, const char *kind, struct str name)
{
    return arena_printf(wish->arena, "arn:aws:ecs:%.*s:%.*s:%s/%.*s", STR_ARG(wish->cluster->region),
                        STR_ARG(wish->cluster->account_id), kind, STR_ARG(name));
}

static struct ecs_container container_of(struct transaction *tx, const struct task_wish *wish,
                                         const struct task_record *task, size_t number)
{
    const struct ecs_container_definition *definition = &wish->definition->container_definitions.items[number];
    const struct ecs_container_override *override = &wish->overrides->container_overrides.items[number];
    struct ecs_container container = {
        .task_arn = task->task->task_arn,
        .name = definition->name,
        .image = definition->image,
        .last_status = STR("PENDING"),
        .health_status = ECS_HEALTH_STATUS_UNKNOWN,
        .cpu = number_text(wish->arena, override->has_cpu ? override->cpu : definition->cpu),
    };
    struct str path = arena_printf(wish->arena, "%.*s/%.*s/%.*s", STR_ARG(task->cluster_name), STR_ARG(task->task_id),
                                   STR_ARG(random_uuid(tx->random, wish->arena)));

    container.container_arn = arn_of(wish, "container", path);
    container.network_interfaces.items = arena_array(wish->arena, struct ecs_network_interface, 1);
    if (wish->enable_execute_command)
        execute_command_agent_make(wish->arena, &container);
    if (override->has_memory || definition->has_memory)
        container.memory = number_text(wish->arena, override->has_memory ? override->memory : definition->memory);
    if (override->has_memory_reservation || definition->has_memory_reservation)
        container.memory_reservation =
            number_text(wish->arena, override->has_memory_reservation ? override->memory_reservation
                                                                      : definition->memory_reservation);
    return container;
}

static void make_containers(struct transaction *tx, const struct task_wish *wish, struct task_record *record,
                            struct ecs_task *task)
{
    const struct ecs_container_definitions *definitions = &wish->definition->container_definitions;

    task->containers.items = arena_array(wish->arena, struct ecs_container, definitions->count + 1);
    task->containers.count = definitions->count;
    record->health_deciders.items = arena_array(wish->arena, struct str, definitions->count + 1);
    for (size_t i = 0; i < definitions->count; i++) {
        const struct ecs_container_definition *definition = &definitions->items[i];

        task->containers.items[i] = container_of(tx, wish, record, i);
        if (definition->health_check != NULL && (!definition->has_essential || definition->essential))
            record->health_deciders.items[record->health_deciders.count++] = definition->name;
    }
}

/* ---- the network ---- */

/* The one that is wished for, or any of the subnets: the load spreads over their zones. */
static const struct ec2_subnet *choose_subnet(struct transaction *tx, const struct task_wish *wish)
{
    const struct ecs_string_list *subnets = &wish->network->subnets;
    struct str id =
        wish->subnet_id.ptr != NULL ? wish->subnet_id : subnets->items[random_below(tx->random, subnets->count)];
    const struct subnet_record *subnet =
        transaction_get(tx, &subnet_table, KEY(wish->arena, wish->cluster->account_id, wish->cluster->region, id));

    must(subnet != NULL); /* checked */
    return subnet->subnet;
}

/* An interface has to be in the zone of its machine, where there is a subnet for that. */
static struct str subnet_in_zone(struct transaction *tx, const struct task_wish *wish, struct str zone)
{
    for (size_t i = 0; i < wish->network->subnets.count; i++) {
        struct str id = wish->network->subnets.items[i];
        const struct subnet_record *subnet =
            transaction_get(tx, &subnet_table, KEY(wish->arena, wish->cluster->account_id, wish->cluster->region, id));

        if (subnet != NULL && str_eq(subnet->subnet->availability_zone, zone))
            return id;
    }
    return choose_subnet(tx, wish)->subnet_id;
}

/* The interface that will be: its details come when it is made. */
static struct ecs_attachments attachment_in(struct transaction *tx, const struct task_wish *wish, struct str subnet_id)
{
    struct ecs_attachment *attachment = arena_new(wish->arena, struct ecs_attachment);
    struct ecs_key_value_pair *detail = arena_new(wish->arena, struct ecs_key_value_pair);

    *detail = (struct ecs_key_value_pair){STR("subnetId"), subnet_id};
    attachment->id = random_uuid(tx->random, wish->arena);
    attachment->type = STR("ElasticNetworkInterface");
    attachment->status = STR("PRECREATED");
    attachment->details = (struct ecs_attachment_details){detail, 1};
    return (struct ecs_attachments){attachment, 1};
}

/* ---- the task ---- */

static struct ecs_attributes attributes_of(const struct task_wish *wish)
{
    const struct ecs_runtime_platform *platform = wish->definition->runtime_platform;
    struct ecs_attribute *attribute = arena_new(wish->arena, struct ecs_attribute);

    attribute->name = STR("ecs.cpu-architecture");
    attribute->value =
        platform != NULL && platform->cpu_architecture == ECS_CPU_ARCHITECTURE_ARM64 ? STR("arm64") : STR("x86_64");
    return (struct ecs_attributes){attribute, 1};
}

static void make_storage(const struct task_wish *wish, struct ecs_task *task)
{
    task->ephemeral_storage = arena_new(wish->arena, struct ecs_ephemeral_storage);
    task->fargate_ephemeral_storage = arena_new(wish->arena, struct ecs_task_ephemeral_storage);
    SET(task->ephemeral_storage, size_in_gib, wish->storage_gib);
    SET(task->fargate_ephemeral_storage, size_in_gib, wish->storage_gib);
}

/* On Fargate: in one of the subnets, with storage of its own. */
static void fill_fargate(struct transaction *tx, const struct task_wish *wish, struct ecs_task *task)
{
    const struct ec2_subnet *subnet = choose_subnet(tx, wish);

    task->availability_zone = subnet->availability_zone;
    task->attachments = attachment_in(tx, wish, subnet->subnet_id);
    task->attributes = attributes_of(wish);
    task->launch_type = ECS_LAUNCH_TYPE_FARGATE;
    task->platform_version = STR(PLATFORM_VERSION);
    task->platform_family = STR("Linux");
    task->last_status = STR("PROVISIONING");
    make_storage(wish, task);
}

/* On a container instance: only an interface of its own has to be provisioned. */
static void fill_instance(struct transaction *tx, const struct task_wish *wish,
                          const struct container_instance_record *instance, struct ecs_task *task)
{
    task->container_instance_arn = instance->instance->container_instance_arn;
    task->availability_zone = cluster_query_attribute(&instance->instance->attributes, STR("ecs.availability-zone"));
    task->launch_type = container_instance_is_external(instance) ? ECS_LAUNCH_TYPE_EXTERNAL : ECS_LAUNCH_TYPE_EC2;
    task->attributes = attributes_of(wish);
    task->attachments.items = arena_array(wish->arena, struct ecs_attachment, 1);
    task->last_status = STR("PENDING");
    if (wish->network == NULL)
        return;
    task->attachments = attachment_in(tx, wish, subnet_in_zone(tx, wish, task->availability_zone));
    task->last_status = STR("PROVISIONING");
}

/* What it takes of the instance. */
static void hold(const struct task_wish *wish, const struct container_instance_record *instance,
                 struct task_record *record)
{
    const struct placement_demand *demand = &wish->launch.instances->demand;

    record->container_instance_id = instance->instance_id;
    SET(record, enis, (int32_t)demand->enis);
    record->gpu_ids = (struct strings){instance->gpus_left.items, (size_t)demand->gpus};
    record->tcp_ports = (struct taken_ports){(int32_t *)(uintptr_t)demand->tcp.items, demand->tcp.count};
    record->udp_ports = (struct taken_ports){(int32_t *)(uintptr_t)demand->udp.items, demand->udp.count};
}

static void fill(struct transaction *tx, const struct task_wish *wish, struct ecs_task *task)
{
    task->cluster_arn = wish->cluster->cluster->cluster_arn;
    task->task_definition_arn = wish->definition->task_definition_arn;
    task->cpu = wish->cpu;
    task->memory = wish->memory;
    task->desired_status = STR("RUNNING");
    task->health_status = ECS_HEALTH_STATUS_UNKNOWN;
    task->group = wish->group;
    task->started_by = wish->started_by;
    task->overrides = wish->overrides;
    task->tags = wish->tags;
    task->inference_accelerators.items = arena_array(wish->arena, struct ecs_inference_accelerator, 1);
    SET(task, created_at, tx->now_ms);
    SET(task, enable_execute_command, wish->enable_execute_command);
    SET(task, version, 1);
}

static struct str execution_key(struct transaction *tx, const struct task_wish *wish, struct str task_id)
{
    struct str role = wish->overrides->execution_role_arn;

    if (role.ptr == NULL)
        role = wish->definition->execution_role_arn;
    return role.ptr == NULL ? role : iam_session_begin(tx, wish->cluster->account_id, role, task_id, /* seconds= */ 0);
}

const struct ecs_task *task_make(struct transaction *tx, const struct task_wish *wish, size_t number,
                                 const struct task_place *place)
{
    struct ecs_task *task = arena_new(wish->arena, struct ecs_task);
    struct task_record record = {
        .account_id = wish->cluster->account_id,
        .region = wish->cluster->region,
        .cluster_name = wish->cluster->cluster->cluster_name,
        .task_id = random_hex(tx->random, wish->arena, 32),
        .task = task,
        .family = wish->definition->family,
        .service_name = wish->service_name,
        .host_id = place->host_id,
        .network = (struct ecs_aws_vpc_configuration *)(uintptr_t)wish->network,
    };

    task->task_arn = arn_of(
        wish, "task", arena_printf(wish->arena, "%.*s/%.*s", STR_ARG(record.cluster_name), STR_ARG(record.task_id)));
    fill(tx, wish, task);
    if (place->instance != NULL)
        fill_instance(tx, wish, place->instance, task);
    else
        fill_fargate(tx, wish, task);
    task->capacity_provider_name = task_launch_provider(&wish->launch, number);
    make_containers(tx, wish, &record, task);
    SET(&record, cpu_units, wish->cpu_units);
    SET(&record, memory_mib, wish->memory_mib);
    if (wish->logs_non_blocking)
        SET(&record, logs_non_blocking, true);
    record.execution_key_id = execution_key(tx, wish, record.task_id);
    if (place->instance != NULL)
        hold(wish, place->instance, &record);
    if (place->instance != NULL && record.execution_key_id.ptr != NULL)
        record.execution_credentials_id = random_uuid(tx->random, wish->arena);
    task_credentials_begin(tx, wish->definition, &record);
    must(transaction_put(tx, &task_table, &record));
    if (place->instance != NULL)
        container_instance_take(tx, &record);
    return task;
}
