#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/task.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

/* ---- RunTask ---- */

static struct str overridden(struct str from_definition, struct str from_overrides)
{
    return from_overrides.ptr != NULL ? from_overrides : from_definition;
}

/* "256", "0.25 vCPU", "512", "1 GB": in CPU units (1024 a vCPU) and MiB. */
static int32_t size_number(struct str text, const char *unit, int32_t unit_is)
{
    struct str number = text;
    bool has_unit = str_ends(text, str_of(unit));
    struct str fraction;
    uint64_t whole = 0;
    uint64_t thousandths = 0;

    if (has_unit)
        number = str_trim(str_to(text, text.len - strlen(unit)));
    if (!str_to_uint64(str_cut(number, '.', &fraction), &whole))
        return 0;
    if (!has_unit)
        return (int32_t)whole;
    if (fraction.len > 0 && fraction.len <= 3 && str_to_uint64(fraction, &thousandths))
        for (size_t i = fraction.len; i < 3; i++)
            thousandths *= 10;
    return (int32_t)(whole * (uint64_t)unit_is + thousandths * (uint64_t)unit_is / 1000);
}

static const struct ecs_aws_vpc_configuration *awsvpc(const struct ecs_run_task_request *in)
{
    return in->network_configuration == NULL ? NULL : in->network_configuration->awsvpc_configuration;
}

static struct ecs_containers containers_of(struct call *call, const struct task_definition_record *definition,
                                           const struct task_record *record, struct str address, struct str eni_id)
{
    const struct ecs_container_definitions *definitions = &definition->task_definition->container_definitions;
    struct ecs_container *items = arena_array(call->arena, struct ecs_container, definitions->count + 1);

    for (size_t i = 0; i < definitions->count; i++) {
        struct str id = random_uuid(call->tx->random, call->arena);
        struct ecs_network_interface *interface = arena_new(call->arena, struct ecs_network_interface);

        interface->attachment_id = eni_id;
        interface->private_ipv4_address = address;
        items[i] = (struct ecs_container){
            .container_arn =
                arena_printf(call->arena, "%.*s/%.*s",
                             STR_ARG(ecs_arn(call, "container",
                                             arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record->cluster_name),
                                                          STR_ARG(record->task_id)))),
                             STR_ARG(id)),
            .task_arn = record->task->task_arn,
            .name = definitions->items[i].name,
            .image = definitions->items[i].image,
            .last_status = STR("PENDING"),
            .health_status = ECS_HEALTH_STATUS_UNKNOWN,
            .network_interfaces = {interface, 1},
        };
        if (definitions->items[i].has_cpu)
            items[i].cpu = arena_printf(call->arena, "%d", definitions->items[i].cpu);
        if (definitions->items[i].has_memory)
            items[i].memory = arena_printf(call->arena, "%d", definitions->items[i].memory);
    }
    return (struct ecs_containers){items, definitions->count};
}

static struct ecs_key_value_pair *detail(struct ecs_attachment_details *details, const char *name, struct str value)
{
    struct ecs_key_value_pair *pair = &details->items[details->count++];

    pair->name = str_of(name);
    pair->value = value;
    return pair;
}

static struct ecs_attachments attachment_of(struct call *call, const struct ec2_network_interface *interface,
                                            struct str attachment_id)
{
    struct ecs_attachment *attachment = arena_new(call->arena, struct ecs_attachment);

    attachment->id = attachment_id;
    attachment->type = STR("ElasticNetworkInterface");
    attachment->status = STR("ATTACHED");
    attachment->details.items = arena_array(call->arena, struct ecs_key_value_pair, 5);
    (void)detail(&attachment->details, "subnetId", interface->subnet_id);
    (void)detail(&attachment->details, "networkInterfaceId", interface->network_interface_id);
    (void)detail(&attachment->details, "macAddress", interface->mac_address);
    (void)detail(&attachment->details, "privateDnsName", interface->private_dns_name);
    (void)detail(&attachment->details, "privateIPv4Address", interface->private_ip_address);
    return (struct ecs_attachments){attachment, 1};
}

static bool make_interface(struct call *call, const struct ecs_run_task_request *in, struct task_record *record,
                           struct str attachment_id, const struct network_interface_record **ret_interface)
{
    const struct ecs_aws_vpc_configuration *network = awsvpc(in);
    struct network_interface_wish wish = {
        .account = record->account_id,
        .region = record->region,
        .subnet_id = network->subnets.items[random_below(call->tx->random, network->subnets.count)],
        .groups = network->security_groups.items,
        .group_count = network->security_groups.count,
        .description = ecs_arn(call, "attachment", attachment_id),
        .owner_arn = record->task->task_arn,
        .requested_by = STR("amazon-ecs"),
        .public_address = network->assign_public_ip == ECS_ASSIGN_PUBLIC_IP_ENABLED,
    };

    if (!network_interface_create(call->tx, &wish, ret_interface, call->fail)) {
        call->fail->type = ECS_ERROR_INVALID_PARAMETER_EXCEPTION;
        return false;
    }
    record->network_interface_id = (*ret_interface)->interface->network_interface_id;
    return true;
}

static bool make_task(struct call *call, const struct ecs_run_task_request *in, const struct cluster_record *cluster,
                      const struct task_definition_record *definition, const struct ecs_task **ret_task)
{
    const struct ecs_task_definition *from = definition->task_definition;
    struct ecs_task *task = arena_new(call->arena, struct ecs_task);
    struct str attachment_id = random_uuid(call->tx->random, call->arena);
    struct ecs_task_override *overrides = in->overrides;
    const struct network_interface_record *interface;
    struct task_record record = {
        .account_id = call->principal->account,
        .region = call->region,
        .cluster_name = cluster->cluster->cluster_name,
        .task_id = random_hex(call->tx->random, call->arena, 32),
        .task = task,
        .family = from->family,
    };

    if (overrides == NULL)
        overrides = arena_new(call->arena, struct ecs_task_override);
    task->task_arn = ecs_arn(
        call, "task", arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record.cluster_name), STR_ARG(record.task_id)));
    if (!make_interface(call, in, &record, attachment_id, &interface))
        return false;
    task->cluster_arn = cluster->cluster->cluster_arn;
    task->task_definition_arn = from->task_definition_arn;
    task->availability_zone = interface->interface->availability_zone;
    task->attachments = attachment_of(call, interface->interface, attachment_id);
    task->containers =
        containers_of(call, definition, &record, interface->interface->private_ip_address, attachment_id);
    task->cpu = overridden(from->cpu, overrides->cpu);
    task->memory = overridden(from->memory, overrides->memory);
    task->desired_status = STR("RUNNING");
    task->last_status = STR("PROVISIONING");
    task->health_status = ECS_HEALTH_STATUS_UNKNOWN;
    task->launch_type = ECS_LAUNCH_TYPE_FARGATE;
    task->platform_version = STR("1.4.0");
    task->platform_family = STR("Linux");
    task->group = in->group.ptr != NULL ? in->group : arena_printf(call->arena, "family:%.*s", STR_ARG(from->family));
    task->started_by = in->started_by;
    task->overrides = overrides;
    task->tags = in->tags;
    SET(task, created_at, call->tx->now_ms);
    SET(task, enable_execute_command, in->enable_execute_command);
    SET(task, version, 1);
    SET(&record, cpu_units, size_number(task->cpu, "vCPU", 1024));
    SET(&record, memory_mib, size_number(task->memory, "GB", 1024));
    if (overridden(from->execution_role_arn, overrides->execution_role_arn).ptr != NULL)
        record.execution_key_id =
            iam_session_begin(call->tx, record.account_id,
                              overridden(from->execution_role_arn, overrides->execution_role_arn), record.task_id);
    must(transaction_put(call->tx, &task_table, &record));
    *ret_task = task;
    return true;
}

bool run_task(struct call *call, const struct ecs_run_task_request *in, struct ecs_run_task_response *out)
{
    const struct cluster_record *cluster;
    const struct task_definition_record *definition = task_definition_find(call, in->task_definition);
    int32_t count = in->has_count ? in->count : 1;

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    if (definition == NULL)
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "TaskDefinition not found.");
    if (count < 1 || count > 10)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Count out of range. Minimum is 1 and maximum is 10.");
    if (awsvpc(in) == NULL || awsvpc(in)->subnets.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    out->tasks.items = arena_array(call->arena, struct ecs_task, (size_t)count);
    out->failures.items = arena_alloc(call->arena, 0);
    for (int32_t i = 0; i < count; i++) {
        const struct ecs_task *task;

        if (!make_task(call, in, cluster, definition, &task))
            return false;
        out->tasks.items[out->tasks.count++] = *task;
    }
    return true;
}

/* ---- the others ---- */

static const struct task_record *find_task(const struct call *call, struct str task)
{
    struct walk walk = transaction_walk(
        call->tx, &task_table, "id", KEY_PREFIX(call->arena, call->principal->account, call->region, ecs_name(task)));

    return walk_next(&walk);
}

bool stop_task(struct call *call, const struct ecs_stop_task_request *in, struct ecs_stop_task_response *out)
{
    const struct cluster_record *cluster;
    const struct task_record *task = find_task(call, in->task);

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    if (task == NULL || !str_eq(task->cluster_name, cluster->cluster->cluster_name))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The referenced task was not found.");
    task_stop(call->tx, task, ECS_TASK_STOP_CODE_USER_INITIATED,
              in->reason.ptr != NULL ? in->reason : STR("Task stopped by user"));
    out->task = find_task(call, in->task)->task;
    return true;
}

bool describe_tasks(struct call *call, const struct ecs_describe_tasks_request *in,
                    struct ecs_describe_tasks_response *out)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    out->tasks.items = arena_array(call->arena, struct ecs_task, in->tasks.count + 1);
    out->failures.items = arena_array(call->arena, struct ecs_failure, in->tasks.count + 1);
    for (size_t i = 0; i < in->tasks.count; i++) {
        const struct task_record *task = find_task(call, in->tasks.items[i]);

        if (task != NULL && str_eq(task->cluster_name, cluster->cluster->cluster_name)) {
            out->tasks.items[out->tasks.count++] = *task->task;
            continue;
        }
        out->failures.items[out->failures.count++] = (struct ecs_failure){
            .arn = str_starts(in->tasks.items[i], STR("arn:"))
                       ? in->tasks.items[i]
                       : ecs_arn(call, "task",
                                 arena_printf(call->arena, "%.*s/%.*s", STR_ARG(cluster->cluster->cluster_name),
                                              STR_ARG(in->tasks.items[i]))),
            .reason = STR("MISSING"),
        };
    }
    return true;
}

bool list_tasks(struct call *call, const struct ecs_list_tasks_request *in, struct ecs_list_tasks_response *out)
{
    struct str desired = in->desired_status == ECS_DESIRED_STATUS_STOPPED ? STR("STOPPED") : STR("RUNNING");
    size_t limit = in->has_max_results ? (size_t)in->max_results : 100;
    const struct cluster_record *cluster;
    const struct task_record *task;
    struct walk walk;

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    walk = transaction_walk(
        call->tx, &task_table, "desired",
        KEY_PREFIX(call->arena, call->principal->account, call->region, cluster->cluster->cluster_name, desired));
    if (!page_begin(call->arena, in->next_token, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &walk.at, call->fail))
        return false;
    out->task_arns.items = arena_array(call->arena, struct str, limit + 1);
    while ((task = walk_next(&walk)) != NULL) {
        if (out->task_arns.count == limit) {
            out->next_token = page_token(call->arena, KEY(call->arena, task->account_id));
            break;
        }
        out->task_arns.items[out->task_arns.count++] = task->task->task_arn;
    }
    return true;
}
