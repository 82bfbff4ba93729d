/* CreateTaskSet, UpdateTaskSet, DeleteTaskSet, DescribeTaskSets, UpdateServicePrimaryTaskSet. */
#include "base/must.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service_check.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/service_wish.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_set.h"

enum { SETS_MAX = 5 }; /* of a service (AWS's quota "Task sets per service") */

/* ---- finding ---- */

/* Of its id "ecs-svc/number" or its ARN; NULL: there is none. */
static const struct task_set_record *set_named(const struct call *call, const struct service_record *service,
                                               struct str id_or_arn)
{
    struct str path = id_or_arn;

    if (str_starts(id_or_arn, STR("arn:"))) {
        struct str start = service_arn(call->arena, service, "task-set", STR(""));

        if (!str_starts(id_or_arn, start))
            return NULL;
        path = str_from(id_or_arn, start.len);
    }
    return transaction_get(call->tx, &task_set_table,
                           KEY(call->arena, service->account_id, service->region, service->cluster_name,
                               service->service_name, deployment_number(path)));
}

static bool find(const struct call *call, const struct service_record *service, struct str id_or_arn,
                 const struct task_set_record **ret_set)
{
    const struct task_set_record *set = set_named(call, service, id_or_arn);

    if (set == NULL)
        return fail_api(call->fail, ECS_ERROR_TASK_SET_NOT_FOUND_EXCEPTION, "The specified task set was not found.");
    *ret_set = set;
    return true;
}

static bool find_external(const struct call *call, struct str cluster, struct str name,
                          const struct service_record **ret_service)
{
    if (!service_find_active(call, cluster, name, ret_service))
        return false;
    return service_is_external(*ret_service) ||
           fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Task sets can only be used with services that have an EXTERNAL deployment controller.");
}

/* As the API shows it, counted now. */
static struct ecs_task_set *shown(const struct call *call, const struct service_record *service, struct str id)
{
    struct ecs_task_sets all = task_sets_shown(call->tx, service, call->arena);

    for (size_t i = 0; i < all.count; i++)
        if (str_eq(deployment_number(all.items[i].id), id))
            return &all.items[i];
    must_not_happen("the task set was found");
}

/* ---- CreateTaskSet ---- */

static bool check_scale(const struct call *call, const struct ecs_scale *scale)
{
    if (scale == NULL || (scale->value >= 0 && scale->value <= 100))
        return true;
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid scale value: %g. It must be between 0 and 100.", scale->value);
}

static bool check_room(const struct call *call, const struct service_record *service)
{
    struct walk walk = transaction_walk(call->tx, &task_set_table, NULL, SERVICE_PREFIX(call->arena, service));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count < SETS_MAX || fail_api(call->fail, ECS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                                        "A service can have at most %d task sets.", SETS_MAX);
}

static bool revision_of(const struct call *call, const struct ecs_create_task_set_request *in,
                        struct ecs_service_revision *ret_revision)
{
    const struct task_definition_record *definition;
    const struct cluster_record *cluster;

    if (!cluster_find(call, in->cluster, &cluster) ||
        !task_definition_find_active(call, in->task_definition, &definition))
        return false;
    *ret_revision = (struct ecs_service_revision){
        .task_definition = definition->task_definition->task_definition_arn,
        .launch_type = in->launch_type,
        .capacity_provider_strategy = in->capacity_provider_strategy,
        .network_configuration = in->network_configuration,
    };
    service_revision_set_launch(ret_revision, cluster, in->platform_version);
    return true;
}

/* Without a scale it has none of the tasks (API reference, "TaskSet"). */
static struct ecs_scale *scale_of(const struct call *call, const struct ecs_scale *given)
{
    struct ecs_scale *scale = arena_new(call->arena, struct ecs_scale);

    scale->unit = ECS_SCALE_UNIT_PERCENT;
    SET(scale, value, given == NULL ? 0 : given->value);
    return scale;
}

static struct str put_new(const struct call *call, const struct ecs_create_task_set_request *in,
                          const struct service_record *service, const struct ecs_service_revision *revision)
{
    struct task_set_edit edit = {.record = {.account_id = service->account_id,
                                            .region = service->region,
                                            .cluster_name = service->cluster_name,
                                            .service_name = service->service_name,
                                            .id = service_revision_make(call->tx, service, revision),
                                            .client_token = in->client_token}};
    struct str id = arena_printf(call->arena, "ecs-svc/%.*s", STR_ARG(edit.record.id));

    edit.set = (struct ecs_task_set){
        .id = id,
        .task_set_arn = service_arn(call->arena, service, "task-set", id),
        .service_arn = service->service->service_arn,
        .cluster_arn = service->service->cluster_arn,
        .started_by = call->principal->arn,
        .external_id = in->external_id,
        .status = STR("ACTIVE"),
        .task_definition = revision->task_definition,
        .launch_type = revision->launch_type,
        .capacity_provider_strategy = revision->capacity_provider_strategy,
        .platform_version = revision->platform_version.ptr == NULL ? revision->platform_version : STR("1.4.0"),
        .platform_family = revision->platform_family,
        .network_configuration = revision->network_configuration,
        .scale = scale_of(call, in->scale),
        .stability_status = ECS_STABILITY_STATUS_STABILIZING,
        .tags = in->tags,
    };
    SET(&edit.set, created_at, call->tx->now_ms);
    SET(&edit.set, updated_at, call->tx->now_ms);
    SET(&edit.set, stability_status_at, call->tx->now_ms);
    task_set_edit_put(call->tx, &edit);
    return edit.record.id;
}

/* The one that an earlier request with this token made; NULL: none. */
static const struct task_set_record *made_before(const struct call *call, const struct service_record *service,
                                                 struct str token)
{
    struct walk walk = transaction_walk(call->tx, &task_set_table, NULL, SERVICE_PREFIX(call->arena, service));
    const struct task_set_record *set;

    while (token.ptr != NULL && (set = walk_next(&walk)) != NULL)
        if (str_eq(set->client_token, token))
            return set;
    return NULL;
}

bool ecs_create_task_set(struct call *call, const struct ecs_create_task_set_request *in,
                         struct ecs_create_task_set_response *out)
{
    const struct service_record *service;
    const struct task_set_record *before;
    struct ecs_service_revision revision;
    struct task_wish wish;

    if (!find_external(call, in->cluster, in->service, &service))
        return false;
    before = made_before(call, service, in->client_token);
    if (before != NULL) {
        out->task_set = shown(call, service, before->id);
        return true;
    }
    if (!service_fields_check(&ecs_create_task_set_request_shape, in, call->fail) || !check_scale(call, in->scale) ||
        !check_room(call, service) || !revision_of(call, in, &revision) ||
        !service_wish_make(call, service, &revision, &wish) ||
        !tags_allow(call, service_arn(call->arena, service, "task-set", STR("*")), &in->tags))
        return false;
    out->task_set = shown(call, service, put_new(call, in, service, &revision));
    return true;
}

/* ---- UpdateTaskSet, DeleteTaskSet ---- */

bool ecs_update_task_set(struct call *call, const struct ecs_update_task_set_request *in,
                         struct ecs_update_task_set_response *out)
{
    const struct service_record *service;
    const struct task_set_record *set;
    struct task_set_edit edit;

    if (!find_external(call, in->cluster, in->service, &service) || !find(call, service, in->task_set, &set) ||
        !check_scale(call, in->scale))
        return false;
    if (task_set_is_draining(set))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The task set is DRAINING and cannot be updated.");
    task_set_edit_begin(set, &edit);
    edit.set.scale = scale_of(call, in->scale);
    edit.set.stability_status = ECS_STABILITY_STATUS_STABILIZING;
    SET(&edit.set, stability_status_at, call->tx->now_ms);
    SET(&edit.set, updated_at, call->tx->now_ms);
    task_set_edit_put(call->tx, &edit);
    out->task_set = shown(call, service, edit.record.id);
    return true;
}

bool ecs_delete_task_set(struct call *call, const struct ecs_delete_task_set_request *in,
                         struct ecs_delete_task_set_response *out)
{
    const struct service_record *service;
    const struct task_set_record *set;
    struct task_set_edit edit;

    if (!find_external(call, in->cluster, in->service, &service) || !find(call, service, in->task_set, &set))
        return false;
    if (!in->force && set->task_set->scale->value > 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The task set cannot be deleted while it is scaled above 0.");
    task_set_edit_begin(set, &edit);
    edit.set.status = STR("DRAINING");
    SET(&edit.set, updated_at, call->tx->now_ms);
    task_set_edit_put(call->tx, &edit);
    out->task_set = shown(call, service, edit.record.id);
    return true;
}

/* ---- DescribeTaskSets ---- */

static bool includes_tags(const struct ecs_task_set_field_list *include)
{
    for (size_t i = 0; i < include->count; i++)
        if (include->items[i] == ECS_TASK_SET_FIELD_TAGS)
            return true;
    return false;
}

static void describe_named(const struct call *call, const struct ecs_describe_task_sets_request *in,
                           const struct service_record *service, struct ecs_describe_task_sets_response *out)
{
    out->task_sets.items = arena_array(call->arena, struct ecs_task_set, in->task_sets.count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, in->task_sets.count);
    for (size_t i = 0; i < in->task_sets.count; i++) {
        const struct task_set_record *set = set_named(call, service, in->task_sets.items[i]);

        if (set != NULL)
            out->task_sets.items[out->task_sets.count++] = *shown(call, service, set->id);
        else
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = in->task_sets.items[i], .reason = STR("MISSING")};
    }
}

bool ecs_describe_task_sets(struct call *call, const struct ecs_describe_task_sets_request *in,
                            struct ecs_describe_task_sets_response *out)
{
    const struct service_record *service;

    if (!find_external(call, in->cluster, in->service, &service))
        return false;
    if (in->task_sets.count > 0)
        describe_named(call, in, service, out);
    else
        out->task_sets = task_sets_shown(call->tx, service, call->arena);
    for (size_t i = 0; i < out->task_sets.count && !includes_tags(&in->include); i++)
        out->task_sets.items[i].tags = (struct ecs_tags){NULL, 0};
    return true;
}

/* ---- UpdateServicePrimaryTaskSet ---- */

static void make_active(const struct call *call, const struct service_record *service)
{
    struct walk walk = transaction_walk(call->tx, &task_set_table, NULL, SERVICE_PREFIX(call->arena, service));
    const struct task_set_record *set;

    while ((set = walk_next(&walk)) != NULL) {
        struct task_set_edit edit;

        if (!str_is(set->task_set->status, "PRIMARY"))
            continue;
        task_set_edit_begin(set, &edit);
        edit.set.status = STR("ACTIVE");
        SET(&edit.set, updated_at, call->tx->now_ms);
        task_set_edit_put(call->tx, &edit);
    }
}

/* The service shows what its primary is made of. */
static void take_primary(const struct call *call, const struct service_record *service, const struct ecs_task_set *set)
{
    struct service_edit edit;

    service_edit_begin(service, &edit);
    edit.service.task_definition = set->task_definition;
    edit.service.launch_type = set->launch_type;
    edit.service.capacity_provider_strategy = set->capacity_provider_strategy;
    edit.service.network_configuration = set->network_configuration;
    edit.service.platform_family = set->platform_family;
    service_edit_put(call->tx, &edit);
}

bool ecs_update_service_primary_task_set(struct call *call,
                                         const struct ecs_update_service_primary_task_set_request *in,
                                         struct ecs_update_service_primary_task_set_response *out)
{
    const struct service_record *service;
    const struct task_set_record *set;
    struct task_set_edit edit;

    if (!find_external(call, in->cluster, in->service, &service) || !find(call, service, in->primary_task_set, &set))
        return false;
    if (task_set_is_draining(set))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The task set is DRAINING and cannot be the primary one.");
    task_set_edit_begin(set, &edit);
    make_active(call, service);
    edit.set.status = STR("PRIMARY");
    SET(&edit.set, updated_at, call->tx->now_ms);
    task_set_edit_put(call->tx, &edit);
    take_primary(call, service, &edit.set);
    out->task_set = shown(call, service, edit.record.id);
    return true;
}
