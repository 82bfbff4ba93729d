/* Deregister, Describe, List, UpdateContainerInstancesState, and UpdateContainerAgent, which has no updates to offer.
 */
#include "base/must.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/task.h"

enum { DESCRIBED_MAX = 100, LISTED_MAX = 100, UPDATED_MAX = 10 };

static bool not_found(const struct call *call)
{
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Referenced container instance was not found.");
}

static bool find_in(const struct call *call, struct str cluster_name, struct str id_or_arn,
                    const struct cluster_record **ret_cluster, const struct container_instance_record **ret_instance)
{
    return cluster_find(call, cluster_name, ret_cluster) &&
           container_instance_find(call, *ret_cluster, id_or_arn, ret_instance) &&
           (*ret_instance != NULL || not_found(call));
}

/* ---- DeregisterContainerInstance ---- */

static bool has_tasks(const struct call *call, const struct container_instance_record *instance)
{
    struct walk walk = container_instance_tasks(call->tx, instance);
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        if (task_wants_to_run(task))
            return true;
    return false;
}

bool ecs_deregister_container_instance(struct call *call, const struct ecs_deregister_container_instance_request *in,
                                       struct ecs_deregister_container_instance_response *out)
{
    const struct container_instance_record *instance;
    const struct cluster_record *cluster;

    if (!find_in(call, in->cluster, in->container_instance, &cluster, &instance))
        return false;
    if (container_instance_is_gone(instance))
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Container instance %.*s is INACTIVE.",
                        STR_ARG(instance->instance->container_instance_arn));
    if (!in->force && has_tasks(call, instance))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Found running tasks on the instance.");
    container_instance_deregister(call->tx, instance, STR("Container instance deregistration forced by user"));
    out->container_instance = container_instance_shown(
        call, transaction_get(call->tx, &container_instance_table, container_instance_key(call->arena, instance)),
        (struct container_instance_parts){.tags = true});
    return true;
}

/* ---- DescribeContainerInstances ---- */

static struct str missing_arn(const struct call *call, const struct cluster_record *cluster, struct str id_or_arn)
{
    if (str_starts(id_or_arn, STR("arn:")))
        return id_or_arn;
    return ecs_arn(call, "container-instance",
                   arena_printf(call->arena, "%.*s/%.*s", STR_ARG(cluster->cluster->cluster_name), STR_ARG(id_or_arn)));
}

static struct container_instance_parts parts_of(const struct ecs_container_instance_field_list *include)
{
    struct container_instance_parts parts = {.tags = false};

    for (size_t i = 0; i < include->count; i++)
        switch (include->items[i]) {
        case ECS_CONTAINER_INSTANCE_FIELD_TAGS:
            parts.tags = true;
            break;
        case ECS_CONTAINER_INSTANCE_FIELD_CONTAINER_INSTANCE_HEALTH:
            parts.health = true;
            break;
        case ECS_CONTAINER_INSTANCE_FIELD_NONE:
            break;
        }
    return parts;
}

bool ecs_describe_container_instances(struct call *call, const struct ecs_describe_container_instances_request *in,
                                      struct ecs_describe_container_instances_response *out)
{
    const struct ecs_string_list *named = &in->container_instances;
    const struct cluster_record *cluster;

    if (named->count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Container instances cannot be empty.");
    if (named->count > DESCRIBED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "containerInstances can have at most %d items.", DESCRIBED_MAX);
    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    out->container_instances.items = arena_array(call->arena, struct ecs_container_instance, named->count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, named->count);
    for (size_t i = 0; i < named->count; i++) {
        const struct container_instance_record *instance;

        if (!container_instance_find(call, cluster, named->items[i], &instance))
            return false;
        if (instance != NULL)
            out->container_instances.items[out->container_instances.count++] =
                *container_instance_shown(call, instance, parts_of(&in->include));
        else
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = missing_arn(call, cluster, named->items[i]), .reason = STR("MISSING")};
    }
    return true;
}

/* ---- ListContainerInstances ---- */

static bool passes(const struct call *call, const struct container_instance_record *instance,
                   enum ecs_container_instance_status status, const struct cluster_query *query)
{
    struct placement_candidate candidate;

    if (status != ECS_CONTAINER_INSTANCE_STATUS_NONE &&
        !str_is(instance->instance->status, enum_name(&ecs_container_instance_status_shape, (int)status)))
        return false;
    if (query == NULL)
        return true;
    candidate = container_instance_candidate(call->tx, instance, (struct str){NULL, 0}, /* with_counts= */ true);
    return cluster_query_matches(query, &candidate.facts);
}

bool ecs_list_container_instances(struct call *call, const struct ecs_list_container_instances_request *in,
                                  struct ecs_list_container_instances_response *out)
{
    const struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    const struct container_instance_record *instance;
    const struct cluster_query *query = NULL;
    const struct cluster_record *cluster;
    struct str last = {NULL, 0};
    struct walk walk;
    struct page page;

    if (!page_open(call, &request, &page) || !cluster_find(call, in->cluster, &cluster) ||
        (in->filter.len > 0 && !cluster_query_parse(in->filter, call->arena, &query, call->fail)))
        return false;
    walk = container_instances_of(call->tx, cluster);
    walk.at = page.after;
    out->container_instance_arns.items = arena_array(call->arena, struct str, page.limit);
    while ((instance = walk_next(&walk)) != NULL) {
        if (!passes(call, instance, in->status, query))
            continue;
        if (out->container_instance_arns.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->container_instance_arns.items[out->container_instance_arns.count++] =
            instance->instance->container_instance_arn;
        last = walk.at;
    }
    return true;
}

/* ---- UpdateContainerInstancesState ---- */

static const struct container_instance_record *put_state(const struct call *call,
                                                         const struct container_instance_record *instance,
                                                         enum ecs_container_instance_status status)
{
    struct container_instance_edit *edit = container_instance_edit_begin(call->tx, instance);

    edit->instance.status = str_of(enum_name(&ecs_container_instance_status_shape, (int)status));
    if (!str_eq(edit->instance.status, instance->instance->status))
        must(container_instance_edit_put(call->tx, edit));
    return transaction_get(call->tx, &container_instance_table, container_instance_key(call->arena, instance));
}

static bool check_state(const struct call *call, const struct ecs_update_container_instances_state_request *in)
{
    if (in->status != ECS_CONTAINER_INSTANCE_STATUS_ACTIVE && in->status != ECS_CONTAINER_INSTANCE_STATUS_DRAINING)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Container instance status should be one of [ACTIVE, DRAINING].");
    if (in->container_instances.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Container instances cannot be empty.");
    if (in->container_instances.count > UPDATED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "containerInstances can have at most %d items.", UPDATED_MAX);
    return true;
}

bool ecs_update_container_instances_state(struct call *call,
                                          const struct ecs_update_container_instances_state_request *in,
                                          struct ecs_update_container_instances_state_response *out)
{
    size_t count = in->container_instances.count;
    const struct cluster_record *cluster;

    if (!check_state(call, in) || !cluster_find(call, in->cluster, &cluster))
        return false;
    out->container_instances.items = arena_array(call->arena, struct ecs_container_instance, count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, count);
    for (size_t i = 0; i < count; i++) {
        struct str named = in->container_instances.items[i];
        const struct container_instance_record *instance;

        if (!container_instance_find(call, cluster, named, &instance))
            return false;
        if (instance == NULL || container_instance_is_gone(instance))
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = missing_arn(call, cluster, named),
                                     .reason = instance == NULL ? STR("MISSING") : STR("INACTIVE")};
        else
            out->container_instances.items[out->container_instances.count++] = *container_instance_shown(
                call, put_state(call, instance, in->status), (struct container_instance_parts){.tags = true});
    }
    return true;
}

/* ---- UpdateContainerAgent ---- */

bool ecs_update_container_agent(struct call *call, const struct ecs_update_container_agent_request *in,
                                struct ecs_update_container_agent_response *out)
{
    const struct container_instance_record *instance;
    const struct cluster_record *cluster;

    (void)out;
    if (!find_in(call, in->cluster, in->container_instance, &cluster, &instance))
        return false;
    if (container_instance_is_gone(instance))
        return not_found(call);
    return fail_api(call->fail, ECS_ERROR_NO_UPDATE_AVAILABLE_EXCEPTION,
                    "There is no update available for your container agent: Berth does not update agents, which come "
                    "with the instance's image.");
}
