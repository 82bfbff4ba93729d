/* Assignments: what the server wants becomes networks and tasks. */
#include "base/log.h"
#include "base/must.h"
#include "node/host/instances.h"
#include "node/host/internal.h"

/* ---- what is told of by now ---- */

/* Messages come in order; a difference counts once there is something that it differs from. */
static bool is_news(struct host *host, const struct host_assignment *assignment)
{
    bool news;

    (void)pthread_mutex_lock(&host->lock);
    news = assignment->generation > host->generation && (assignment->complete || host->heard_all != 0);
    if (news)
        host->generation = assignment->generation;
    if (news && assignment->complete)
        host->heard_all = assignment->generation;
    (void)pthread_mutex_unlock(&host->lock);
    return news;
}

static struct host_network *network_of(const struct host_networks *in, struct str id)
{
    for (size_t i = 0; i < in->count; i++)
        if (str_eq(in->items[i].vpc_id, id))
            return &in->items[i];
    return NULL;
}

static struct host_security_group *group_of(const struct host_security_groups *in, struct str id)
{
    for (size_t i = 0; i < in->count; i++)
        if (str_eq(in->items[i].group_id, id))
            return &in->items[i];
    return NULL;
}

static struct host_networks networks_over(const struct host_networks *before, const struct host_networks *named,
                                          struct arena *arena)
{
    struct host_networks all = {arena_array(arena, struct host_network, before->count + named->count + 1), 0};

    for (size_t i = 0; i < before->count; i++) {
        const struct host_network *newer = network_of(named, before->items[i].vpc_id);

        all.items[all.count++] = newer != NULL ? *newer : before->items[i];
    }
    for (size_t i = 0; i < named->count; i++)
        if (network_of(before, named->items[i].vpc_id) == NULL)
            all.items[all.count++] = named->items[i];
    return all;
}

static struct host_security_groups groups_over(const struct host_security_groups *before,
                                               const struct host_security_groups *named, struct arena *arena)
{
    struct host_security_groups all = {arena_array(arena, struct host_security_group, before->count + named->count + 1),
                                       0};

    for (size_t i = 0; i < before->count; i++) {
        const struct host_security_group *newer = group_of(named, before->items[i].group_id);

        all.items[all.count++] = newer != NULL ? *newer : before->items[i];
    }
    for (size_t i = 0; i < named->count; i++)
        if (group_of(before, named->items[i].group_id) == NULL)
            all.items[all.count++] = named->items[i];
    return all;
}

/* Networks and groups, all that are told of with this message. */
static struct host_assignment told_with(const struct host *host, const struct host_assignment *assignment,
                                        struct arena *arena)
{
    struct host_assignment all = {.networks = assignment->networks, .groups = assignment->groups};

    if (!assignment->complete && host->told != NULL) {
        all.networks = networks_over(&host->told->networks, &assignment->networks, arena);
        all.groups = groups_over(&host->told->groups, &assignment->groups, arena);
    }
    return all;
}

static bool is_forgotten(const struct host_assignment *assignment, struct str task_arn)
{
    for (size_t i = 0; i < assignment->forgotten.count; i++)
        if (str_eq(assignment->forgotten.items[i], task_arn))
            return true;
    return false;
}

/* ---- networks ---- */

static bool apply_networks(struct host *host, const struct host_assignment *assignment, struct arena *arena)
{
    static const enum network_exit exits[] = {
        [HOST_INTERNET_ROUTE_NONE] = NETWORK_EXIT_NONE,
        [HOST_INTERNET_ROUTE_NONE_] = NETWORK_EXIT_NONE,
        [HOST_INTERNET_ROUTE_INTERNET_GATEWAY] = NETWORK_EXIT_INTERNET_GATEWAY,
        [HOST_INTERNET_ROUTE_NAT_GATEWAY] = NETWORK_EXIT_NAT_GATEWAY,
    };
    size_t count = assignment->networks.count;
    struct network_vpc *vpcs = arena_array(arena, struct network_vpc, count + 1);
    struct fail f;

    for (size_t i = 0; i < count; i++) {
        const struct host_network *from = &assignment->networks.items[i];
        struct network_subnet *subnets = arena_array(arena, struct network_subnet, from->subnets.count + 1);

        for (size_t k = 0; k < from->subnets.count; k++)
            subnets[k] = (struct network_subnet){.id = from->subnets.items[k].subnet_id,
                                                 .cidr = from->subnets.items[k].cidr,
                                                 .exit = exits[from->subnets.items[k].internet_route]};
        vpcs[i] = (struct network_vpc){.id = from->vpc_id,
                                       .cidr = from->cidr,
                                       .reachable = from->host_reachable,
                                       .dns_support = from->dns_support,
                                       .subnets = subnets,
                                       .subnet_count = from->subnets.count};
    }
    if (network_apply_vpcs(host->network, vpcs, count, &f))
        return true;
    log_error("networks: %s", f.message);
    return false;
}

static struct network_rule *rules_of(const struct host_security_group_rules *from, struct arena *arena)
{
    struct network_rule *rules = arena_array(arena, struct network_rule, from->count + 1);

    for (size_t i = 0; i < from->count; i++)
        rules[i] = (struct network_rule){.protocol = from->items[i].protocol,
                                         .from_port = from->items[i].from_port,
                                         .to_port = from->items[i].to_port,
                                         .cidr = from->items[i].cidr,
                                         .group = from->items[i].source_group_id};
    return rules;
}

static bool apply_groups(struct host *host, const struct host_assignment *assignment, struct arena *arena)
{
    size_t count = assignment->groups.count;
    struct network_group *groups = arena_array(arena, struct network_group, count + 1);
    struct fail f;

    for (size_t i = 0; i < count; i++) {
        const struct host_security_group *from = &assignment->groups.items[i];

        groups[i] = (struct network_group){.id = from->group_id,
                                           .vpc = from->vpc_id,
                                           .ingress = rules_of(&from->ingress, arena),
                                           .ingress_count = from->ingress.count,
                                           .egress = rules_of(&from->egress, arena),
                                           .egress_count = from->egress.count};
    }
    if (network_apply_groups(host->network, groups, count, &f))
        return true;
    log_error("security groups: %s", f.message);
    return false;
}

/* A difference names again what stands already: nothing is done for it, unless something failed before. */
static void apply_told(struct host *host, const struct host_assignment *assignment, struct arena *arena)
{
    const struct host_assignment all = told_with(host, assignment, arena); /* made of what is freed below */
    struct host_assignment *before = host->told;
    bool networks;
    bool groups;
    size_t size;

    if (!assignment->complete && !host->told_due && value_equal(&host_assignment_shape, before, &all))
        return;
    networks = apply_networks(host, &all, arena);
    groups = apply_groups(host, &all, arena);
    host->told_due = !networks || !groups;
    host->told = value_block(&host_assignment_shape, &all, &size);
    free(before);
}

struct interfaces {
    const struct host_network_interface **items;
    size_t count;
};

/* Those of the instances and of the message, and with a difference those of the other tasks here. They are valid as
 * long as the task is assigned, which the link thread alone changes. */
static struct interfaces interfaces_with(struct host *host, const struct host_assignment *assignment,
                                         struct arena *arena)
{
    struct interfaces interfaces = {NULL, 0};
    struct task_engine *engine = host->engine;
    struct map named = {0};
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&host->lock);
    (void)pthread_mutex_lock(&engine->lock);
    interfaces.items =
        arena_array(arena, const struct host_network_interface *,
                    assignment->tasks.count + engine->tasks.count + instances_interfaces(host, NULL) + 1);
    interfaces.count = instances_interfaces(host, interfaces.items);
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        struct host_task_assignment *task = &assignment->tasks.items[i];

        (void)map_put(&named, task->task_id, task);
        if (task->network_interface != NULL)
            interfaces.items[interfaces.count++] = task->network_interface;
    }
    while (!assignment->complete && (hosted = map_next(&engine->tasks, &at)) != NULL) {
        const struct host_task_assignment *task = hosted->task->assignment;

        if (hosted->assigned && task->network_interface != NULL && map_get(&named, task->task_id) == NULL &&
            !is_forgotten(assignment, task->task_arn))
            interfaces.items[interfaces.count++] = task->network_interface;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    (void)pthread_mutex_unlock(&host->lock);
    map_free(&named);
    return interfaces;
}

/* The private DNS names of the interfaces here, which the resolvers of their VPCs know. */
static void apply_names(struct host *host, const struct host_assignment *assignment,
                        const struct host_networks *networks, struct arena *arena)
{
    struct interfaces interfaces = interfaces_with(host, assignment, arena);
    struct network_name *names = arena_array(arena, struct network_name, interfaces.count + 1);
    struct fail f;

    for (size_t i = 0; i < networks->count; i++) {
        const struct host_network *network = &networks->items[i];
        size_t count = 0;

        for (size_t k = 0; k < interfaces.count; k++)
            if (str_eq(interfaces.items[k]->vpc_id, network->vpc_id))
                names[count++] =
                    (struct network_name){interfaces.items[k]->private_dns_name, interfaces.items[k]->address};
        if (network->dns_support && !network_names_set(host->network, network->vpc_id, NULL, 0, names, count, &f))
            log_error("names of %.*s: %s", STR_ARG(network->vpc_id), f.message);
    }
}

/* ---- tasks ---- */

/* Groups and public address of interfaces that exist follow the assignment. */
static void update_interfaces(struct host *host, const struct host_assignment *assignment)
{
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        const struct host_task_assignment *task = &assignment->tasks.items[i];
        struct hosted *hosted;
        bool exists;

        (void)pthread_mutex_lock(&host->engine->lock);
        hosted = map_get(&host->engine->tasks, task->task_id);
        exists = hosted != NULL && hosted->task->network_ready && hosted->task->phase < TASK_CLEANING &&
                 task->network_interface != NULL;
        (void)pthread_mutex_unlock(&host->engine->lock);
        if (exists)
            host_interface_update(host, task->network_interface);
    }
}

static void apply_tasks(struct host *host, const struct host_assignment *assignment)
{
    struct task_engine *engine = host->engine;
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&engine->lock);
    while ((hosted = map_next(&engine->tasks, &at)) != NULL)
        if (assignment->complete || is_forgotten(assignment, hosted->task->assignment->task_arn))
            hosted->assigned = false;
    for (size_t i = 0; i < assignment->tasks.count; i++)
        (void)task_engine_assign(engine, &assignment->tasks.items[i]);
    at = 0;
    while ((hosted = map_next(&engine->tasks, &at)) != NULL)
        if (!hosted->assigned) {
            hosted->waits = false;
            task_forget(hosted->task);
        }
    task_engine_wake(engine);
    (void)pthread_mutex_unlock(&engine->lock);
}

void host_apply(struct host *host, const struct host_assignment *assignment)
{
    struct arena arena;

    if (!is_news(host, assignment))
        return;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    (void)pthread_mutex_lock(&host->assignment_lock);
    apply_told(host, assignment, &arena);
    if (assignment->complete)
        instances_apply(host, &assignment->instances);
    apply_names(host, assignment, &host->told->networks, &arena);
    metadata_serve(host->metadata, &host->told->networks);
    update_interfaces(host, assignment);
    apply_tasks(host, assignment);
    (void)pthread_mutex_unlock(&host->assignment_lock);
    arena_free(&arena);
}
