#include "plane/ecs/service_wish.h"

#include "base/must.h"
#include "plane/ecs/access.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task_instances.h"
#include "plane/vpc/vpc.h"

/* More than any region has; instances name theirs themselves. */
enum { INSTANCE_ZONES_MAX = 32 };

/* ---- tags ---- */

static void add_tags(struct ecs_tags *tags, const struct ecs_tags *more)
{
    for (size_t i = 0; i < more->count; i++)
        tags->items[tags->count++] = more->items[i];
}

/* Those of the service or of its definition, where they are to go on, and ECS's own (developer guide, "Tagging Amazon
 * ECS resources"). */
static void make_tags(const struct call *call, const struct service_record *service,
                      const struct task_definition_record *definition, struct task_wish *wish)
{
    const struct ecs_service *shown = service->service;
    struct ecs_tags *tags = &wish->tags;

    tags->items = arena_array(call->arena, struct ecs_tag, shown->tags.count + definition->tags.count + 2);
    if (shown->propagate_tags == ECS_PROPAGATE_TAGS_SERVICE)
        add_tags(tags, &shown->tags);
    if (shown->propagate_tags == ECS_PROPAGATE_TAGS_TASK_DEFINITION)
        add_tags(tags, &definition->tags);
    if (!shown->enable_ecs_managed_tags)
        return;
    tags->items[tags->count++] = (struct ecs_tag){STR("aws:ecs:clusterName"), service->cluster_name};
    tags->items[tags->count++] = (struct ecs_tag){STR("aws:ecs:serviceName"), service->service_name};
}

/* ---- the wish ---- */

static struct ecs_run_task_request request_of(const struct service_record *service,
                                              const struct ecs_service_revision *revision)
{
    return (struct ecs_run_task_request){
        .launch_type = revision->launch_type,
        .capacity_provider_strategy = revision->capacity_provider_strategy,
        .network_configuration = revision->network_configuration,
        .platform_version = revision->platform_version,
        .placement_constraints = service->service->placement_constraints,
        .placement_strategy = service->service->placement_strategy,
    };
}

bool service_wish_make(const struct call *call, const struct service_record *service,
                       const struct ecs_service_revision *revision, struct task_wish *ret_wish)
{
    struct ecs_run_task_request request = request_of(service, revision);
    const struct task_definition_record *definition = transaction_get(
        call->tx, &task_definition_table, task_definition_key_of_arn(call->arena, revision->task_definition));
    struct task_wish wish = {
        .arena = call->arena,
        .cluster = transaction_get(call->tx, &cluster_table,
                                   KEY(call->arena, service->account_id, service->region, service->cluster_name)),
        .group = arena_printf(call->arena, "service:%.*s", STR_ARG(service->service_name)),
        .logs_non_blocking = service->logs_non_blocking,
        .service_name = service->service_name,
        .enable_execute_command = service->service->enable_execute_command,
    };

    must(wish.cluster != NULL); /* not deleted while it has services */
    must(definition != NULL);   /* nor this while a deployment names it */
    wish.definition = definition->task_definition;
    if (!task_launch_check(call, &request, &wish) || !task_network_check(call, &request, &wish) ||
        !task_roles_check(call, wish.definition->task_role_arn, wish.definition->execution_role_arn))
        return false;
    task_override_none(call->arena, &wish);
    make_tags(call, service, definition, &wish);
    if (wish.launch.strategy != NULL) /* not the request's on the stack */
        wish.launch.strategy = &revision->capacity_provider_strategy;
    *ret_wish = wish;
    return true;
}

/* ---- where ---- */

static void add_zone(struct service_zones *zones, struct str name, struct str subnet)
{
    size_t at = zones->count++;

    for (; at > 0 && str_compare(zones->names[at - 1], name) > 0; at--) {
        zones->names[at] = zones->names[at - 1];
        zones->subnets[at] = zones->subnets[at - 1];
    }
    zones->names[at] = name;
    zones->subnets[at] = subnet;
}

/* Those of the instances that the tasks may be on; "" stands for a zone when there is none. */
static struct service_zones zones_of_instances(const struct transaction *tx, const struct task_wish *wish)
{
    struct walk walk = container_instances_by_zone(tx, wish->cluster);
    const struct container_instance_record *instance;
    struct service_zones zones = {.names = arena_array(tx->arena, struct str, INSTANCE_ZONES_MAX),
                                  .subnets = arena_array(tx->arena, struct str, INSTANCE_ZONES_MAX)};

    while (zones.count < INSTANCE_ZONES_MAX && (instance = walk_next(&walk)) != NULL)
        if (task_instances_suits(tx, wish, instance)) {
            zones.names[zones.count++] = container_instance_zone(instance);
            container_instances_skip_zone(&walk, instance);
        }
    if (zones.count == 0)
        add_zone(&zones, STR(""), (struct str){NULL, 0});
    return zones;
}

struct service_zones service_zones_of(const struct transaction *tx, const struct task_wish *wish)
{
    const struct ecs_string_list *subnets;
    struct service_zones zones = {.count = 0};

    if (wish->launch.instances != NULL)
        return zones_of_instances(tx, wish);
    subnets = &wish->network->subnets;
    zones.names = arena_array(tx->arena, struct str, subnets->count);
    zones.subnets = arena_array(tx->arena, struct str, subnets->count);
    for (size_t i = 0; i < subnets->count; i++) {
        const struct subnet_record *subnet = transaction_get(
            tx, &subnet_table, KEY(tx->arena, wish->cluster->account_id, wish->cluster->region, subnets->items[i]));

        must(subnet != NULL); /* checked */
        if (!str_is_among(subnet->subnet->availability_zone, zones.names, zones.count))
            add_zone(&zones, subnet->subnet->availability_zone, subnets->items[i]);
    }
    return zones;
}

size_t service_next_provider(const struct ecs_capacity_provider_strategy *strategy, const int32_t *counts)
{
    size_t best = strategy->count;

    for (size_t i = 0; i < strategy->count; i++)
        if (counts[i] < strategy->items[i].base)
            return i;
    for (size_t i = 0; i < strategy->count; i++) {
        const struct ecs_capacity_provider_strategy_item *item = &strategy->items[i];
        const struct ecs_capacity_provider_strategy_item *other = &strategy->items[best];

        if (item->weight == 0 && strategy->count > 1)
            continue;
        if (best == strategy->count ||
            (int64_t)(counts[i] - item->base) * other->weight < (int64_t)(counts[best] - other->base) * item->weight)
            best = i;
    }
    must(best < strategy->count); /* checked: one has a weight */
    return best;
}

int32_t *service_provider_shares(struct arena *arena, const struct ecs_capacity_provider_strategy *strategy,
                                 int32_t tasks)
{
    int32_t *shares = arena_array(arena, int32_t, strategy->count);
    int32_t weights = 0;

    for (size_t i = 0; i < strategy->count; i++) {
        shares[i] = strategy->items[i].base < tasks ? strategy->items[i].base : tasks;
        tasks -= shares[i];
        weights += strategy->items[i].weight;
    }
    for (size_t i = 0; i < strategy->count && weights > 0; i++) /* whole rounds, in which each has its weight */
        shares[i] += tasks / weights * strategy->items[i].weight;
    for (int32_t i = 0; i < (weights > 0 ? tasks % weights : tasks); i++)
        shares[service_next_provider(strategy, shares)]++;
    return shares;
}

size_t service_provider_number(const struct ecs_capacity_provider_strategy *strategy, struct str name)
{
    size_t i = 0;

    while (i < strategy->count && !str_eq(strategy->items[i].capacity_provider, name))
        i++;
    return i;
}
