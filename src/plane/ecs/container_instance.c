#include "plane/ecs/container_instance.h"

#include "base/must.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/attribute.h"
#include "plane/ecs/task.h"

/* ---- the table ---- */

enum instance_status { INSTANCE_ACTIVE, INSTANCE_DRAINING, INSTANCE_INACTIVE };

static const char *const status_names[] = {
    [INSTANCE_ACTIVE] = "ACTIVE", [INSTANCE_DRAINING] = "DRAINING", [INSTANCE_INACTIVE] = "INACTIVE"};

static int status_of(const void *record)
{
    const struct container_instance_record *instance = record;

    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (str_is(instance->instance->status, status_names[i]))
            return (int)i;
    must_not_happen("a container instance has one of the three statuses");
}

static const struct status_rule status_rules[] = {
    {"api", INSTANCE_ACTIVE, INSTANCE_DRAINING},
    {"api", INSTANCE_DRAINING, INSTANCE_ACTIVE},
    {"api", INSTANCE_ACTIVE, INSTANCE_INACTIVE},
    {"api", INSTANCE_DRAINING, INSTANCE_INACTIVE},
    {"container_instance", INSTANCE_ACTIVE, INSTANCE_INACTIVE},
    {"container_instance", INSTANCE_DRAINING, INSTANCE_INACTIVE},
};

static void key(const void *record, struct buf *key)
{
    const struct container_instance_record *instance = record;

    key_add(key, instance->account_id);
    key_add(key, instance->region);
    key_add(key, instance->cluster_name);
    key_add(key, instance->instance_id);
}

static void present_key(const void *record, struct buf *at)
{
    const struct container_instance_record *instance = record;

    if (status_of(record) == INSTANCE_INACTIVE)
        return;
    key_add(at, instance->account_id);
    key_add(at, instance->region);
    key_add(at, instance->cluster_name);
}

struct str container_instance_zone(const struct container_instance_record *instance)
{
    return cluster_query_attribute(&instance->instance->attributes, STR("ecs.availability-zone"));
}

/* Of a cluster, the zones one after the other. */
static void zone_key(const void *record, struct buf *at)
{
    const struct container_instance_record *instance = record;
    struct str zone = container_instance_zone(instance);

    if (zone.ptr == NULL)
        return;
    present_key(record, at);
    if (at->len > 0)
        key_add(at, zone);
}

static void ec2_key(const void *record, struct buf *at)
{
    const struct container_instance_record *instance = record;

    if (status_of(record) == INSTANCE_INACTIVE || instance->instance->ec2_instance_id.ptr == NULL)
        return;
    key_add(at, instance->account_id);
    key_add(at, instance->region);
    key_add(at, instance->instance->ec2_instance_id);
}

static void connected_key(const void *record, struct buf *at)
{
    const struct container_instance_record *instance = record;

    if (instance->instance->agent_connected)
        key_add(at, STR("connected"));
}

static bool are_ascending(const struct taken_ports *ports)
{
    for (size_t i = 1; i < ports->count; i++)
        if (ports->items[i - 1] >= ports->items[i])
            return false;
    return true;
}

static bool invariant(const void *record)
{
    const struct container_instance_record *instance = record;
    const struct ecs_attributes *attributes = &instance->instance->attributes;

    for (size_t i = 1; i < attributes->count; i++)
        if (str_compare(attributes->items[i - 1].name, attributes->items[i].name) >= 0)
            return false;
    return are_ascending(&instance->tcp_ports) && are_ascending(&instance->udp_ports);
}

const struct table_spec container_instance_table = {
    .name = "container_instance",
    .shape = &container_instance_record_shape,
    .key = key,
    .indexes = {{"present", present_key}, {"ec2", ec2_key}, {"connected", connected_key}, {"zone", zone_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
    .invariant = invariant,
};

const struct instance_record *container_instance_machine(const struct transaction *tx,
                                                         const struct container_instance_record *instance)
{
    struct str id = instance->instance->ec2_instance_id;

    return id.ptr == NULL
               ? NULL
               : transaction_get(tx, &instance_table, KEY(tx->arena, instance->account_id, instance->region, id));
}

static bool machine_is_terminated(const struct instance_record *machine)
{
    return instance_state(machine) == EC2_INSTANCE_STATE_NAME_TERMINATED ||
           instance_state(machine) == EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN;
}

struct str container_instance_stopped(const struct transaction *tx, const struct container_instance_record *instance)
{
    const struct instance_record *machine = container_instance_machine(tx, instance);

    if (container_instance_is_gone(instance))
        return instance->instance->status_reason;
    if (machine != NULL && instance_state(machine) == EC2_INSTANCE_STATE_NAME_STOPPED)
        return arena_printf(tx->arena, "Host EC2 (instance %.*s) stopped.",
                            STR_ARG(instance->instance->ec2_instance_id));
    return (struct str){NULL, 0};
}

static int64_t reconcile(struct transaction *tx, struct str at)
{
    const struct container_instance_record *instance = transaction_get(tx, &container_instance_table, at);
    const struct instance_record *machine = instance == NULL ? NULL : container_instance_machine(tx, instance);

    if (instance == NULL)
        return WHEN_NEVER;
    if (!container_instance_is_gone(instance)) {
        if (machine != NULL && machine_is_terminated(machine))
            container_instance_deregister(tx, instance,
                                          arena_printf(tx->arena, "Host EC2 (instance %.*s) terminated.",
                                                       STR_ARG(instance->instance->ec2_instance_id)));
        return WHEN_NEVER;
    }
    if (tx->now_ms < instance->deregistered_at + CONTAINER_INSTANCE_KEPT_MS)
        return instance->deregistered_at + CONTAINER_INSTANCE_KEPT_MS;
    transaction_delete(tx, &container_instance_table, at);
    return WHEN_NEVER;
}

const struct reconciler_spec container_instance_reconciler = {"container_instance", &container_instance_table,
                                                              reconcile};

void container_instance_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct container_instance_record *instance = after;

    (void)before;
    if (instance != NULL && container_instance_is_gone(instance))
        marks_add(marks, &container_instance_reconciler, container_instance_key(tx->arena, instance));
}

void container_instance_mark_of_machine(const struct transaction *tx, const struct instance_record *machine,
                                        struct marks *marks)
{
    struct walk walk =
        transaction_walk(tx, &container_instance_table, "ec2",
                         KEY_PREFIX(tx->arena, machine->account_id, machine->region, machine->instance->instance_id));
    const struct container_instance_record *instance;

    while ((instance = walk_next(&walk)) != NULL) {
        struct walk tasks = container_instance_tasks(tx, instance);
        const struct task_record *task;

        marks_add(marks, &container_instance_reconciler, container_instance_key(tx->arena, instance));
        while ((task = walk_next(&tasks)) != NULL)
            marks_add(marks, &task_reconciler,
                      KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->task_id));
    }
}

/* ---- questions ---- */

bool container_instance_is_active(const struct container_instance_record *instance)
{
    return status_of(instance) == INSTANCE_ACTIVE;
}

bool container_instance_is_gone(const struct container_instance_record *instance)
{
    return status_of(instance) == INSTANCE_INACTIVE;
}

bool container_instance_has_grown(const struct container_instance_record *before,
                                  const struct container_instance_record *after)
{
    if (!container_instance_is_active(after) || !after->instance->agent_connected)
        return false;
    return before == NULL || !container_instance_is_active(before) || !before->instance->agent_connected ||
           after->cpu_left > before->cpu_left || after->memory_left > before->memory_left ||
           after->enis_left > before->enis_left || after->tcp_ports.count < before->tcp_ports.count ||
           after->udp_ports.count < before->udp_ports.count ||
           !value_equal(&ecs_attributes_shape, &before->instance->attributes, &after->instance->attributes);
}

bool container_instance_is_external(const struct container_instance_record *instance)
{
    return attributes_find(&instance->instance->attributes, STR("ecs.capability.external")) != NULL;
}

struct str container_instance_key(struct arena *arena, const struct container_instance_record *instance)
{
    return KEY(arena, instance->account_id, instance->region, instance->cluster_name, instance->instance_id);
}

struct walk container_instances_of(const struct transaction *tx, const struct cluster_record *cluster)
{
    return transaction_walk(
        tx, &container_instance_table, "present",
        KEY_PREFIX(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));
}

struct walk container_instances_by_zone(const struct transaction *tx, const struct cluster_record *cluster)
{
    return transaction_walk(
        tx, &container_instance_table, "zone",
        KEY_PREFIX(tx->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));
}

void container_instances_skip_zone(struct walk *walk, const struct container_instance_record *at)
{
    walk->at = KEY(walk->tx->arena, at->account_id, at->region, at->cluster_name, container_instance_zone(at),
                   STR("\xff")); /* behind all keys */
}

struct walk container_instance_tasks(const struct transaction *tx, const struct container_instance_record *instance)
{
    return transaction_walk(tx, &task_table, "host",
                            KEY_PREFIX(tx->arena, STR("container-instance"), instance->account_id, instance->region,
                                       instance->cluster_name, instance->instance_id));
}

/* "arn:aws:ecs:region:account:container-instance/cluster/id". */
static bool split_arn(struct str arn, struct str *ret_region, struct str *ret_account, struct str *ret_cluster,
                      struct str *ret_id)
{
    struct str parts[5];
    struct str rest = arn;

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        parts[i] = str_cut(rest, ':', &rest);
        if (rest.ptr == NULL)
            return false;
    }
    if (!str_is(parts[0], "arn") || !str_is(parts[2], "ecs") ||
        !str_is(str_cut(rest, '/', &rest), "container-instance") || rest.ptr == NULL)
        return false;
    *ret_region = parts[3];
    *ret_account = parts[4];
    *ret_cluster = str_cut(rest, '/', ret_id);
    return ret_id->ptr != NULL;
}

const struct container_instance_record *container_instance_of_arn(const struct transaction *tx, struct str arn)
{
    struct str region;
    struct str account;
    struct str cluster;
    struct str id;

    if (!split_arn(arn, &region, &account, &cluster, &id))
        return NULL;
    return transaction_get(tx, &container_instance_table, KEY(tx->arena, account, region, cluster, id));
}

bool container_instance_find(const struct call *call, const struct cluster_record *cluster, struct str id_or_arn,
                             const struct container_instance_record **ret_instance)
{
    struct str region = call->region;
    struct str account = call->principal->account;
    struct str name = cluster->cluster->cluster_name;
    struct str id = id_or_arn;

    if (str_starts(id_or_arn, STR("arn:"))) {
        if (!split_arn(id_or_arn, &region, &account, &name, &id))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Container instance Identifier is invalid: '%.*s'", STR_ARG(id_or_arn));
        if (!str_eq(account, call->principal->account) || !str_eq(region, call->region))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid identifier: Identifier is for %.*s in %.*s. Your account is %.*s in %.*s",
                            STR_ARG(account), STR_ARG(region), STR_ARG(call->principal->account),
                            STR_ARG(call->region));
        if (!str_eq(name, cluster->cluster->cluster_name))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid identifier: Identifier is for cluster %.*s. Your cluster is %.*s", STR_ARG(name),
                            STR_ARG(cluster->cluster->cluster_name));
    }
    if (id.len != 32 && id.len != 36)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "instanceId length should be one of [32,36]");
    *ret_instance = transaction_get(call->tx, &container_instance_table, KEY(call->arena, account, region, name, id));
    return true;
}

const struct container_instance_record *container_instance_of_task(const struct transaction *tx,
                                                                   const struct task_record *task)
{
    if (task->container_instance_id.ptr == NULL)
        return NULL;
    return transaction_get(
        tx, &container_instance_table,
        KEY(tx->arena, task->account_id, task->region, task->cluster_name, task->container_instance_id));
}

/* ---- how it is shown ---- */

static struct ecs_resource number_resource(const char *name, int64_t value)
{
    struct ecs_resource resource = {.name = str_of(name), .type = STR("INTEGER")};

    SET(&resource, double_value, 0);
    SET(&resource, long_value, 0);
    SET(&resource, integer_value, (int32_t)value);
    return resource;
}

static struct ecs_resource set_resource(const char *name, struct ecs_string_list values)
{
    struct ecs_resource resource = {.name = str_of(name), .type = STR("STRINGSET"), .string_set_value = values};

    SET(&resource, double_value, 0);
    SET(&resource, long_value, 0);
    SET(&resource, integer_value, 0);
    return resource;
}

static struct ecs_string_list port_texts(struct arena *arena, const struct taken_ports *ports)
{
    struct ecs_string_list texts = {arena_array(arena, struct str, ports->count + 1), 0};

    for (size_t i = 0; i < ports->count; i++)
        texts.items[texts.count++] = arena_printf(arena, "%d", ports->items[i]);
    return texts;
}

struct ecs_resources container_instance_remaining(struct arena *arena, const struct container_instance_record *record)
{
    struct ecs_resources list = {arena_array(arena, struct ecs_resource, 5), 0};

    list.items[list.count++] = number_resource("CPU", record->cpu_left);
    list.items[list.count++] = number_resource("MEMORY", record->memory_left);
    list.items[list.count++] = set_resource("PORTS", port_texts(arena, &record->tcp_ports));
    list.items[list.count++] = set_resource("PORTS_UDP", port_texts(arena, &record->udp_ports));
    for (size_t i = 0; i < record->instance->registered_resources.count; i++)
        if (str_is(record->instance->registered_resources.items[i].name, "GPU"))
            list.items[list.count++] =
                set_resource("GPU", (struct ecs_string_list){record->gpus_left.items, record->gpus_left.count});
    return list;
}

static void count_tasks(const struct transaction *tx, const struct container_instance_record *record,
                        int32_t *ret_running, int32_t *ret_pending)
{
    struct walk walk = container_instance_tasks(tx, record);
    const struct task_record *task;

    *ret_running = 0;
    *ret_pending = 0;
    while ((task = walk_next(&walk)) != NULL) {
        if (task_status(task) == TASK_RUNNING)
            (*ret_running)++;
        else if (task_status(task) < TASK_RUNNING)
            (*ret_pending)++;
    }
}

struct ecs_container_instance *container_instance_shown(const struct call *call,
                                                        const struct container_instance_record *record,
                                                        struct container_instance_parts parts)
{
    struct ecs_container_instance *shown = arena_new(call->arena, struct ecs_container_instance);
    int32_t running;
    int32_t pending;

    *shown = *record->instance;
    count_tasks(call->tx, record, &running, &pending);
    SET(shown, running_tasks_count, running);
    SET(shown, pending_tasks_count, pending);
    shown->remaining_resources = container_instance_remaining(call->arena, record);
    if (!parts.tags || shown->tags.items == NULL)
        shown->tags = (struct ecs_tags){arena_array(call->arena, struct ecs_tag, 1), 0};
    if (!parts.health)
        shown->health_status = NULL;
    if (shown->attachments.items == NULL)
        shown->attachments.items = arena_alloc(call->arena, 0);
    return shown;
}

struct placement_candidate container_instance_offer(const struct container_instance_record *instance)
{
    return (struct placement_candidate){
        .arn = instance->instance->container_instance_arn,
        .zone = container_instance_zone(instance),
        .active = container_instance_is_active(instance),
        .cpu = instance->cpu_left,
        .memory = instance->memory_left,
        .enis = instance->enis_left,
        .gpus = (int64_t)instance->gpus_left.count,
        .tcp = {instance->tcp_ports.items, instance->tcp_ports.count},
        .udp = {instance->udp_ports.items, instance->udp_ports.count},
        .facts = {.agent_connected = instance->instance->agent_connected,
                  .agent_version = instance->instance->version_info == NULL
                                       ? STR("")
                                       : instance->instance->version_info->agent_version,
                  .ec2_instance_id = instance->instance->ec2_instance_id,
                  .registered_at_ms = instance->instance->registered_at,
                  .attributes = &instance->instance->attributes},
    };
}

struct placement_candidate container_instance_candidate(const struct transaction *tx,
                                                        const struct container_instance_record *instance,
                                                        struct str group, bool with_counts)
{
    struct placement_candidate candidate = container_instance_offer(instance);

    for (size_t i = 0; i < instance->groups.count; i++)
        if (str_eq(instance->groups.items[i].name, group))
            candidate.group_tasks = instance->groups.items[i].count;
    if (with_counts) {
        struct str *groups = arena_array(tx->arena, struct str, instance->groups.count + 1);
        int32_t running;
        int32_t pending;

        for (size_t i = 0; i < instance->groups.count; i++)
            groups[i] = instance->groups.items[i].name;
        count_tasks(tx, instance, &running, &pending);
        candidate.facts.groups = groups;
        candidate.facts.group_count = instance->groups.count;
        candidate.facts.running_tasks_count = running;
    }
    return candidate;
}

/* ---- changing ---- */

struct container_instance_edit *container_instance_edit_begin(struct transaction *tx,
                                                              const struct container_instance_record *from)
{
    struct container_instance_edit *edit = arena_new(tx->arena, struct container_instance_edit);

    edit->record = *from;
    edit->instance = *from->instance;
    edit->record.instance = &edit->instance;
    return edit;
}

bool container_instance_edit_put(struct transaction *tx, struct container_instance_edit *edit)
{
    SET(&edit->instance, version, edit->instance.version + 1);
    return transaction_put(tx, &container_instance_table, &edit->record);
}

struct str container_instance_endpoint(const struct call *call)
{
    struct str host = call->host.len > 0 ? call->host : call->settings->endpoint;

    return arena_printf(call->arena, "%s://%.*s", call->secure ? "https" : "http", STR_ARG(host));
}

/* ---- the agent's connection ---- */

void container_instance_connected(struct transaction *tx, struct str arn, const struct ecs_version_info *version)
{
    const struct container_instance_record *instance = container_instance_of_arn(tx, arn);
    struct container_instance_edit *edit;

    if (instance == NULL || container_instance_is_gone(instance))
        return;
    edit = container_instance_edit_begin(tx, instance);
    SET(&edit->instance, agent_connected, true);
    edit->instance.version_info = (struct ecs_version_info *)(uintptr_t)version;
    must(container_instance_edit_put(tx, edit));
}

void container_instance_disconnected(struct transaction *tx, struct str arn)
{
    const struct container_instance_record *instance = container_instance_of_arn(tx, arn);
    struct container_instance_edit *edit;

    if (instance == NULL || !instance->instance->agent_connected)
        return;
    edit = container_instance_edit_begin(tx, instance);
    SET(&edit->instance, agent_connected, false);
    SET(&edit->record, disconnected_at, tx->now_ms);
    must(container_instance_edit_put(tx, edit));
}

void container_instances_disconnected(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &container_instance_table, "connected", STR(""));
    const struct container_instance_record *instance;

    while ((instance = walk_next(&walk)) != NULL)
        container_instance_disconnected(tx, instance->instance->container_instance_arn);
}

/* ---- the end ---- */

void container_instance_deregister(struct transaction *tx, const struct container_instance_record *instance,
                                   struct str reason)
{
    struct container_instance_edit *edit = container_instance_edit_begin(tx, instance);

    edit->instance.status = STR("INACTIVE");
    edit->instance.status_reason = reason;
    SET(&edit->instance, agent_connected, false);
    SET(&edit->record, deregistered_at, tx->now_ms);
    must(container_instance_edit_put(tx, edit));
    transaction_effect(tx, AGENT_END, edit->instance.container_instance_arn, STR("the container instance is INACTIVE"));
}
