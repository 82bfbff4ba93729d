/* StartTask: tasks on the container instances that are named, without a placement (API reference, "StartTask"). What a
 * task asks of an instance holds all the same. */
#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/task_instances.h"

enum { NAMED_MAX = 10 };

static struct ecs_run_task_request as_run_task(const struct ecs_start_task_request *in)
{
    struct ecs_run_task_request request = {
        .cluster = in->cluster,
        .task_definition = in->task_definition,
        .overrides = in->overrides,
        .network_configuration = in->network_configuration,
        .group = in->group,
        .started_by = in->started_by,
        .reference_id = in->reference_id,
        .propagate_tags = in->propagate_tags,
        .tags = in->tags,
        .volume_configurations = in->volume_configurations,
        .launch_type = ECS_LAUNCH_TYPE_EC2,
    };

    SET(&request, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    SET(&request, enable_execute_command, in->enable_execute_command);
    return request;
}

static bool check_count(const struct call *call, const struct ecs_string_list *named)
{
    if (named->count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Container instances cannot be empty.");
    if (named->count > NAMED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "containerInstances can have at most %d items.", NAMED_MAX);
    return true;
}

static struct str arn_of(const struct call *call, const struct task_wish *wish, struct str named)
{
    if (str_starts(named, STR("arn:")))
        return named;
    return ecs_arn(
        call, "container-instance",
        arena_printf(call->arena, "%.*s/%.*s", STR_ARG(wish->cluster->cluster->cluster_name), STR_ARG(named)));
}

static bool start_on(struct call *call, const struct task_wish *wish, struct str named,
                     struct ecs_start_task_response *out)
{
    const struct container_instance_record *instance;
    enum placement_refusal refusal = PLACEMENT_FITS;

    if (!container_instance_find(call, wish->cluster, named, &instance))
        return false;
    if (instance != NULL)
        refusal = task_instances_refuses(call->tx, wish, instance);
    if (instance == NULL || refusal != PLACEMENT_FITS) {
        out->failures.items[out->failures.count++] =
            (struct ecs_failure){.arn = arn_of(call, wish, named),
                                 .reason = str_of(instance == NULL ? "MISSING" : placement_reason(refusal))};
        return true;
    }
    out->tasks.items[out->tasks.count] =
        *task_make(call->tx, wish, out->tasks.count, &(struct task_place){.instance = instance});
    out->tasks.count++;
    return true;
}

bool ecs_start_task(struct call *call, const struct ecs_start_task_request *in, struct ecs_start_task_response *out)
{
    const struct ecs_run_task_request request = as_run_task(in);
    struct task_wish wish;

    if (!check_count(call, &in->container_instances) || !task_wish_of(call, &request, &wish))
        return false;
    out->tasks.items = arena_array(call->arena, struct ecs_task, in->container_instances.count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, in->container_instances.count);
    for (size_t i = 0; i < in->container_instances.count; i++)
        if (!start_on(call, &wish, in->container_instances.items[i], out))
            return false;
    return true;
}
