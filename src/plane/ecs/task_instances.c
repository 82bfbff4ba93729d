#include "plane/ecs/task_instances.h"

#include "base/must.h"
#include "plane/ecs/placement_kept.h"
#include "plane/ecs/service_daemon.h"

/* ---- what a task takes ---- */

static void add_port(struct placement_ports *ports, int32_t *items, int32_t port)
{
    size_t at = ports->count;

    for (; at > 0 && items[at - 1] >= port; at--)
        if (items[at - 1] == port)
            return;
    memmove(&items[at + 1], &items[at], (ports->count - at) * sizeof(*items));
    items[at] = port;
    ports->items = items;
    ports->count++;
}

/* Fixed host ports: dynamic ones are the agent's to find. With network mode host a container's port is the host's. */
static void set_ports(struct arena *arena, const struct ecs_task_definition *definition,
                      struct placement_demand *demand)
{
    size_t count = 0;
    int32_t *tcp;
    int32_t *udp;

    if (definition->network_mode == ECS_NETWORK_MODE_AWSVPC)
        return;
    for (size_t i = 0; i < definition->container_definitions.count; i++)
        count += definition->container_definitions.items[i].port_mappings.count;
    tcp = arena_array(arena, int32_t, count + 1);
    udp = arena_array(arena, int32_t, count + 1);
    for (size_t i = 0; i < definition->container_definitions.count; i++) {
        const struct ecs_port_mapping_list *mappings = &definition->container_definitions.items[i].port_mappings;

        for (size_t k = 0; k < mappings->count; k++) {
            const struct ecs_port_mapping *mapping = &mappings->items[k];
            bool is_host = definition->network_mode == ECS_NETWORK_MODE_HOST;
            int32_t port = is_host ? mapping->container_port : mapping->host_port;

            if (port > 0 && mapping->protocol == ECS_TRANSPORT_PROTOCOL_UDP)
                add_port(&demand->udp, udp, port);
            else if (port > 0)
                add_port(&demand->tcp, tcp, port);
        }
    }
}

int64_t task_instances_gpus(const struct ecs_container_definition *container,
                            const struct ecs_container_override *override)
{
    const struct ecs_resource_requirements *wanted = override->resource_requirements.items != NULL
                                                         ? &override->resource_requirements
                                                         : &container->resource_requirements;
    int64_t total = 0;

    for (size_t i = 0; i < wanted->count; i++) {
        int64_t count;

        must(str_to_int64(wanted->items[i].value, &count)); /* a rule of task definitions */
        total += count;
    }
    return total;
}

void task_instances_size(struct task_wish *wish)
{
    struct placement_demand *demand = &wish->launch.instances->demand;
    int32_t cpu = 0;
    int32_t memory = 0;
    int64_t gpus = 0;

    for (size_t i = 0; i < wish->definition->container_definitions.count; i++) {
        const struct ecs_container_definition *container = &wish->definition->container_definitions.items[i];
        const struct ecs_container_override *override = &wish->overrides->container_overrides.items[i];

        cpu += override->has_cpu ? override->cpu : container->cpu;
        if (override->has_memory_reservation || container->has_memory_reservation)
            memory += override->has_memory_reservation ? override->memory_reservation : container->memory_reservation;
        else
            memory += override->has_memory ? override->memory : container->memory;
        gpus += task_instances_gpus(container, override);
    }
    if (wish->cpu.ptr == NULL)
        wish->cpu_units = cpu;
    if (wish->memory.ptr == NULL)
        wish->memory_mib = memory;
    wish->cpu = arena_printf(wish->arena, "%d", wish->cpu_units);
    wish->memory = arena_printf(wish->arena, "%d", wish->memory_mib);
    demand->cpu = wish->cpu_units;
    demand->memory = wish->memory_mib;
    demand->gpus = gpus;
}

/* ---- checks ---- */

static bool is_compatible(const struct ecs_task_definition *definition, enum ecs_launch_type type)
{
    enum ecs_compatibility wanted =
        type == ECS_LAUNCH_TYPE_EXTERNAL ? ECS_COMPATIBILITY_EXTERNAL : ECS_COMPATIBILITY_EC2;

    for (size_t i = 0; i < definition->compatibilities.count; i++)
        if (definition->compatibilities.items[i] == wanted)
            return true;
    return false;
}

static bool add_member(struct task_instances *instances, struct str expression, struct fail *f)
{
    static const char *const of_tasks[] = {"task:group", "runningTasksCount"};
    const struct cluster_query *query;

    if (!cluster_query_parse(expression, instances->arena, &query, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(of_tasks); i++)
        if (str_search(expression, str_of(of_tasks[i])) < expression.len)
            instances->needs_counts = true;
    instances->expressions[instances->demand.member_count] = expression;
    instances->members[instances->demand.member_count++] = query;
    return true;
}

static bool add_constraint(struct task_instances *instances, const struct ecs_placement_constraint *constraint,
                           struct fail *f)
{
    switch (constraint->type) {
    case ECS_PLACEMENT_CONSTRAINT_TYPE_DISTINCT_INSTANCE:
        instances->demand.distinct_instance = true;
        return constraint->expression.len == 0 ||
               fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The placement constraint distinctInstance has no expression, but one was given: %.*s",
                        STR_ARG(constraint->expression));
    case ECS_PLACEMENT_CONSTRAINT_TYPE_MEMBER_OF:
        return add_member(instances, constraint->expression, f);
    case ECS_PLACEMENT_CONSTRAINT_TYPE_NONE:
        break;
    }
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Placement constraint type is required.");
}

enum { CONSTRAINTS_MAX = 10 }; /* API reference, "RunTask": with those of the definition */

static bool add_constraints(struct task_instances *instances, const struct ecs_task_definition *definition,
                            const struct ecs_placement_constraints *constraints, struct fail *f)
{
    if (constraints->count + definition->placement_constraints.count > CONSTRAINTS_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "placementConstraints can have at most %d items, those of the task definition included.",
                        CONSTRAINTS_MAX);
    for (size_t i = 0; i < constraints->count; i++)
        if (!add_constraint(instances, &constraints->items[i], f))
            return false;
    for (size_t i = 0; i < definition->placement_constraints.count; i++)
        if (!add_member(instances, definition->placement_constraints.items[i].expression, f))
            return false;
    return true;
}

/* The kind of the launch type: EC2 instances, or machines of one's own. */
static bool is_of_type(bool is_external, enum ecs_launch_type type)
{
    return is_external == (type == ECS_LAUNCH_TYPE_EXTERNAL);
}

static bool has_instances(struct transaction *tx, const struct task_wish *wish, enum ecs_launch_type type)
{
    const struct cluster_instances *instances = cluster_instances_of(tx, wish->cluster);

    for (size_t i = 0; i < instances->count; i++)
        if (cluster_instance_at(instances, i)->offer.active &&
            is_of_type(cluster_instance_at(instances, i)->is_external, type))
            return true;
    return false;
}

/* Those that the definition asks for, and what the request does (developer guide, "Monitor Amazon ECS containers with
 * ECS Exec"): task_instances_add_kind tells kinds of tasks apart by both. */
static const struct ecs_requires_attributes *required_attributes(const struct task_wish *wish)
{
    const struct ecs_requires_attributes *own = &wish->definition->requires_attributes;
    struct ecs_requires_attributes *all;

    if (!wish->enable_execute_command)
        return own;
    all = arena_new(wish->arena, struct ecs_requires_attributes);
    all->items = arena_array(wish->arena, struct ecs_attribute, own->count + 1);
    for (; all->count < own->count; all->count++)
        all->items[all->count] = own->items[all->count];
    all->items[all->count++] = (struct ecs_attribute){.name = STR("ecs.capability.execute-command")};
    return all;
}

bool task_instances_check(struct transaction *tx, const struct task_wish *wish, enum ecs_launch_type type,
                          const struct ecs_placement_constraints *constraints,
                          const struct ecs_placement_strategies *strategies, struct task_instances **ret_instances,
                          struct fail *f)
{
    const struct ecs_task_definition *definition = wish->definition;
    struct task_instances *instances = arena_new(wish->arena, struct task_instances);
    struct placement_demand *demand = &instances->demand;

    if (wish->service_name.ptr == NULL && !has_instances(tx, wish, type)) /* a service waits for some */
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "No Container Instances were found in your cluster.");
    if (!is_compatible(definition, type))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Task definition does not support launch_type %s.",
                        enum_name(&ecs_launch_type_shape, (int)type));
    instances->arena = wish->arena;
    instances->type = type;
    instances->strategies = *strategies;
    instances->members = arena_array(wish->arena, const struct cluster_query *, CONSTRAINTS_MAX);
    instances->expressions = arena_array(wish->arena, struct str, CONSTRAINTS_MAX);
    if (!placement_strategies_check(strategies, f) || !add_constraints(instances, definition, constraints, f))
        return false;
    demand->members = instances->members;
    demand->attributes = required_attributes(wish);
    demand->enis = definition->network_mode == ECS_NETWORK_MODE_AWSVPC;
    set_ports(wish->arena, definition, demand);
    *ret_instances = instances;
    return true;
}

/* ---- kinds ---- */

void task_instances_add_part(struct buf *kind, struct str part)
{
    buf_printf(kind, "%zu:", part.len);
    buf_add(kind, part);
}

void task_instances_add_kind(struct buf *kind, const struct task_wish *wish)
{
    const struct task_instances *instances = wish->launch.instances;

    task_instances_add_part(kind, wish->definition->task_definition_arn);
    task_instances_add_part(kind, wish->group);
    task_instances_add_part(kind, instances->zone);
    buf_printf(kind, "%d,%d,%d,%lld,%d,%d;", (int)instances->type, wish->cpu_units, wish->memory_mib,
               (long long)instances->demand.gpus, (int)instances->demand.distinct_instance,
               (int)wish->enable_execute_command);
    for (size_t i = 0; i < instances->demand.member_count; i++)
        task_instances_add_part(kind, instances->expressions[i]);
    buf_add_char(kind, '.');
}

/* ---- placing ---- */

/* Without a strategy RunTask places at random, a service over the zones (developer guide, "How Amazon ECS places tasks
 * on container instances"). */
static const struct ecs_placement_strategies *strategies_or_default(const struct task_wish *wish)
{
    static struct ecs_placement_strategy any = {.type = ECS_PLACEMENT_STRATEGY_TYPE_RANDOM};
    static struct ecs_placement_strategy zones = {.type = ECS_PLACEMENT_STRATEGY_TYPE_SPREAD,
                                                  .field = STR_INIT("attribute:ecs.availability-zone")};
    static const struct ecs_placement_strategies of_task = {&any, 1};
    static const struct ecs_placement_strategies of_service = {&zones, 1};

    if (wish->launch.instances->strategies.count > 0)
        return &wish->launch.instances->strategies;
    return wish->service_name.ptr == NULL ? &of_task : &of_service;
}

bool task_instances_is_of_kind(const struct task_instances *instances, const struct cluster_instance *instance)
{
    return is_of_type(instance->is_external, instances->type) &&
           (instances->zone.ptr == NULL || str_eq(instances->zone, instance->offer.zone));
}

static struct placement_candidate candidate_of(const struct transaction *tx, const struct task_wish *wish,
                                               struct cluster_instance *instance)
{
    if (wish->launch.instances->needs_counts)
        return container_instance_candidate(tx, instance->record, wish->group, /* with_counts= */ true);
    return cluster_instance_candidate(instance, str_hash(wish->group));
}

const struct daemon_room *task_instances_daemons(struct transaction *tx, const struct task_wish *wish)
{
    struct task_instances *instances = wish->launch.instances;
    struct daemon_room *room;

    if (instances->daemons == NULL) {
        room = arena_new(tx->arena, struct daemon_room);
        *room = daemon_room_of(tx, wish->cluster);
        instances->daemons = room;
    }
    return instances->daemons;
}

static void begin(struct transaction *tx, const struct task_wish *wish, struct task_instances *instances)
{
    const struct cluster_instances *all = cluster_instances_of(tx, wish->cluster);
    struct placement_candidate *candidates = arena_array(instances->arena, struct placement_candidate, all->count + 1);
    const struct daemon_room *room = task_instances_daemons(tx, wish);
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++) {
        struct cluster_instance *instance = cluster_instance_at(all, i);

        if (!instance->offer.active || !task_instances_is_of_kind(instances, instance))
            continue;
        candidates[count] = candidate_of(tx, wish, instance);
        daemon_room_keep(tx, room, instance->record, &candidates[count++]);
    }
    instances->placement = placement_new(instances->arena, &instances->demand, strategies_or_default(wish), candidates,
                                         count, count, tx->random);
}

/* The one that came nearest, and of how many. */
static struct ecs_failure failure_of(struct placement *placement, const struct task_wish *wish)
{
    enum placement_refusal refusal = PLACEMENT_MEMORY;
    const struct placement_candidate *closest = placement_closest(placement, &refusal);

    if (closest == NULL || refusal == PLACEMENT_INACTIVE)
        return (struct ecs_failure){.arn = wish->cluster->cluster->cluster_arn,
                                    .reason = STR("No Container Instances were found in your cluster.")};
    return (struct ecs_failure){
        .arn = closest->arn,
        .reason = str_of(placement_reason(refusal)),
        .detail = arena_printf(wish->arena,
                               "No container instance met all of the task's requirements; this is the closest of %zu: "
                               "it has %lld CPU units and %lld MiB left, %d and %d are asked for.",
                               placement_count(placement), (long long)closest->cpu, (long long)closest->memory,
                               wish->cpu_units, wish->memory_mib),
    };
}

const struct container_instance_record *task_instances_place(struct transaction *tx, const struct task_wish *wish,
                                                             struct ecs_failure *ret_failure)
{
    struct task_instances *instances = wish->launch.instances;
    struct placement *placement = placement_kept(tx, wish, strategies_or_default(wish));
    const struct placement_candidate *chosen;

    if (placement == NULL && instances->placement == NULL)
        begin(tx, wish, instances);
    if (placement == NULL)
        placement = instances->placement;
    chosen = placement_next(placement);
    if (chosen != NULL)
        return container_instance_of_arn(tx, chosen->arn);
    *ret_failure = failure_of(placement, wish);
    return NULL;
}

void task_instances_failures(struct transaction *tx, const struct task_wish *wish, struct ecs_failures *failures)
{
    const struct task_instances *instances = wish->launch.instances;
    const struct cluster_instances *all = cluster_instances_of(tx, wish->cluster);
    const struct daemon_room *room = task_instances_daemons(tx, wish);
    struct ecs_failures rows = {arena_array(wish->arena, struct ecs_failure, all->count + 1), 0};

    for (size_t i = 0; i < all->count; i++) {
        struct cluster_instance *instance = cluster_instance_at(all, i);
        struct placement_candidate candidate = candidate_of(tx, wish, instance);
        enum placement_refusal refusal;

        daemon_room_keep(tx, room, instance->record, &candidate);
        refusal = placement_refuses(&instances->demand, &candidate);
        if (candidate.active && task_instances_is_of_kind(instances, instance) && refusal != PLACEMENT_FITS)
            rows.items[rows.count++] =
                (struct ecs_failure){.arn = candidate.arn, .reason = str_of(placement_reason(refusal))};
    }
    if (rows.count > 0)
        *failures = rows;
}

bool task_instances_suits(const struct transaction *tx, const struct task_wish *wish,
                          const struct container_instance_record *instance)
{
    const struct task_instances *instances = wish->launch.instances;
    struct placement_candidate candidate =
        container_instance_candidate(tx, instance, wish->group, instances->needs_counts);

    candidate.facts.agent_connected = true;
    return is_of_type(container_instance_is_external(instance), instances->type) &&
           placement_refuses(&instances->demand, &candidate) > PLACEMENT_MEMBER_OF;
}

enum placement_refusal task_instances_refuses(struct transaction *tx, const struct task_wish *wish,
                                              const struct container_instance_record *instance)
{
    const struct task_instances *instances = wish->launch.instances;
    struct placement_candidate candidate =
        container_instance_candidate(tx, instance, wish->group, instances->needs_counts);

    return placement_refuses(&instances->demand, &candidate);
}
