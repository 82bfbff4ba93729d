/* CreateService, UpdateService, DeleteService. */
#include "base/must.h"
#include "plane/ecs/account_setting.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/field.h"
#include "plane/ecs/name.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service_check.h"
#include "plane/ecs/service_daemon.h"
#include "plane/ecs/service_deployment.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/service_shown.h"
#include "plane/ecs/service_wish.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_set.h"
#include "plane/iam/service_linked_role.h"

#define ECS_SERVICE "ecs.amazonaws.com" /* whose service-linked role services have */

static bool invalid(const struct call *call, const char *text)
{
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", text);
}

/* ---- CreateService: checks ---- */

static bool check_controller(const struct call *call, const struct ecs_deployment_controller *controller)
{
    if (controller == NULL || controller->type != ECS_DEPLOYMENT_CONTROLLER_TYPE_CODE_DEPLOY)
        return true;
    return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                    "'deploymentController' CODE_DEPLOY is not supported: Berth has no AWS CodeDeploy.");
}

/* Of tasks that another makes the task sets say what they are. */
static bool check_external(const struct call *call, const struct ecs_create_service_request *in)
{
    static const char *const fields[] = {"taskDefinition", "launchType", "capacityProviderStrategy", "platformVersion",
                                         "networkConfiguration"};

    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (field_is_set(&ecs_create_service_request_shape, in, fields[i]))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "'%s' cannot be specified for services using an EXTERNAL deployment controller: it belongs "
                            "to their task sets.",
                            fields[i]);
    return true;
}

static bool check_daemon(const struct call *call, const struct ecs_create_service_request *in)
{
    if (in->launch_type == ECS_LAUNCH_TYPE_FARGATE)
        return invalid(call, "The daemon scheduling strategy does not support the FARGATE launch type. Change the "
                             "launch type and try again");
    return daemon_fields_check(&ecs_create_service_request_shape, in, call->fail);
}

static bool check_strategy(const struct call *call, const struct ecs_create_service_request *in)
{
    if (in->role.ptr != NULL)
        return invalid(call, "You cannot specify an IAM role for services that require a service linked role.");
    if (in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON)
        return check_daemon(call, in);
    if (!in->has_desired_count)
        return invalid(call, "desiredCount must be specified when schedulingStrategy is REPLICA.");
    return service_count_check(in->desired_count, call->fail);
}

static bool check_create(const struct call *call, const struct ecs_create_service_request *in)
{
    if (!name_is_valid(in->service_name))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Service name must match ^[a-zA-Z0-9\\-_]{1,255}$, but was %.*s", STR_ARG(in->service_name));
    return service_fields_check(&ecs_create_service_request_shape, in, call->fail) &&
           check_controller(call, in->deployment_controller) && check_strategy(call, in);
}

/* ---- CreateService: one that is there already ---- */

static int64_t hash_of(const struct ecs_create_service_request *in)
{
    struct ecs_create_service_request request = *in;

    request.client_token = (struct str){NULL, 0};
    return client_token_hash(&ecs_create_service_request_shape, &request);
}

/* The one of that name, if the request is the one that made it; NULL: the name is free. */
static bool find_existing(const struct call *call, const struct ecs_create_service_request *in,
                          const struct cluster_record *cluster, const struct service_record **ret_existing)
{
    const struct service_record *existing = service_named(call, cluster, in->service_name);

    *ret_existing = NULL;
    if (existing == NULL)
        return true;
    switch (service_status(existing)) {
    case SERVICE_INACTIVE:
        service_forget(call->tx, existing);
        return true;
    case SERVICE_DRAINING:
        return invalid(call, "Unable to Start a service that is still Draining.");
    case SERVICE_ACTIVE:
        break;
    }
    if (in->client_token.ptr == NULL || !str_eq(in->client_token, existing->client_token) ||
        hash_of(in) != existing->request_hash)
        return invalid(call, "Creation of service was not idempotent.");
    *ret_existing = existing;
    return true;
}

/* ---- CreateService: making it ---- */

static void fill(const struct call *call, const struct ecs_create_service_request *in, struct service_edit *edit)
{
    enum ecs_scheduling_strategy strategy = in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_NONE
                                                ? ECS_SCHEDULING_STRATEGY_REPLICA
                                                : in->scheduling_strategy;
    struct ecs_service *service = &edit->service;
    struct ecs_deployment_controller *controller = arena_new(call->arena, struct ecs_deployment_controller);

    controller->type =
        in->deployment_controller == NULL ? ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS : in->deployment_controller->type;
    *service = (struct ecs_service){
        .service_name = in->service_name,
        .service_arn = service_arn(call->arena, &edit->record, "service", (struct str){NULL, 0}),
        .cluster_arn = ecs_arn(call, "cluster", edit->record.cluster_name),
        .status = STR("ACTIVE"),
        .deployment_configuration = deployment_configuration_of(
            call->arena, deployment_configuration_default(call->arena, strategy), in->deployment_configuration),
        .role_arn = service_linked_role_arn(call, STR(ECS_SERVICE), (struct str){NULL, 0}),
        .scheduling_strategy = strategy,
        .launch_type = in->launch_type,
        .availability_zone_rebalancing = in->availability_zone_rebalancing,
        .deployment_controller = controller,
        .placement_constraints = in->placement_constraints,
        .placement_strategy = in->placement_strategy,
        .created_by = call->principal->arn,
        .tags = in->tags,
        .propagate_tags = in->propagate_tags == ECS_PROPAGATE_TAGS_NONE ? ECS_PROPAGATE_TAGS_NONE_ : in->propagate_tags,
    };
    if (service->availability_zone_rebalancing == ECS_AVAILABILITY_ZONE_REBALANCING_NONE)
        service->availability_zone_rebalancing = rebalancing_default(service);
    SET(service, desired_count, in->desired_count);
    SET(service, created_at, call->tx->now_ms);
    SET(service, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    SET(service, enable_execute_command, in->enable_execute_command);
}

/* What its tasks are made of; the cluster's default strategy where the request says nothing. */
static bool revision_of(const struct call *call, const struct ecs_create_service_request *in,
                        const struct cluster_record *cluster, struct ecs_service_revision *ret_revision)
{
    const struct task_definition_record *definition = NULL;
    struct ecs_service_revision revision = {
        .launch_type = in->launch_type,
        .capacity_provider_strategy = in->capacity_provider_strategy,
        .network_configuration = in->network_configuration,
    };

    if (in->task_definition.len == 0)
        return invalid(call, "TaskDefinition can not be blank.");
    if (!task_definition_find_active(call, in->task_definition, &definition))
        return false;
    revision.task_definition = definition->task_definition->task_definition_arn;
    service_revision_set_launch(&revision, cluster, in->platform_version);
    if (in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON && revision.capacity_provider_strategy.count > 0)
        return invalid(call, DAEMON_WITHOUT_PROVIDERS);
    *ret_revision = revision;
    return true;
}

/* Makes the revision the service's next. */
static void deploy(const struct call *call, struct service_edit *edit, const struct ecs_service_revision *revision)
{
    struct str id = service_revision_make(call->tx, &edit->record, revision);

    service_deployment_begin(call->tx, edit, id);
    deployment_begin(call->tx, edit, id, (struct str){NULL, 0});
}

static bool check_rest(const struct call *call, const struct ecs_create_service_request *in,
                       const struct service_edit *edit)
{
    return service_settings_check(&edit->service, call->fail) &&
           tags_allow(call, edit->service.service_arn, &in->tags) && service_linked_role_ensure(call, STR(ECS_SERVICE));
}

static bool check_execute_command(const struct call *call, const struct task_wish *wish, const char *what)
{
    return !wish->enable_execute_command || execute_command_role_check(call, wish->definition->task_role_arn, what);
}

static bool create(struct call *call, const struct ecs_create_service_request *in, const struct cluster_record *cluster,
                   struct service_edit *edit)
{
    struct ecs_service_revision revision;
    struct task_wish wish;

    fill(call, in, edit);
    edit->record.service = &edit->service;
    if (!check_rest(call, in, edit))
        return false;
    if (service_is_external(&edit->record)) {
        if (!check_external(call, in))
            return false;
        service_edit_put(call->tx, edit);
        return true;
    }
    if (!revision_of(call, in, cluster, &revision) || !service_wish_make(call, &edit->record, &revision, &wish) ||
        !check_execute_command(call, &wish, "service couldn't be created"))
        return false;
    edit->service.platform_family = revision.platform_family;
    edit->service.launch_type = revision.launch_type;
    service_edit_put(call->tx, edit);
    deploy(call, edit, &revision);
    service_edit_put(call->tx, edit);
    return true;
}

bool ecs_create_service(struct call *call, const struct ecs_create_service_request *in,
                        struct ecs_create_service_response *out)
{
    const struct cluster_record *cluster;
    const struct service_record *existing;
    struct service_edit edit = {.record = {.account_id = call->principal->account,
                                           .region = call->region,
                                           .service_name = in->service_name,
                                           .client_token = in->client_token}};

    if (!cluster_find(call, in->cluster, &cluster) || !check_create(call, in) ||
        !find_existing(call, in, cluster, &existing))
        return false;
    if (existing != NULL) {
        out->service = service_shown(call, existing, /* with_tags= */ true);
        return true;
    }
    edit.record.cluster_name = cluster->cluster->cluster_name;
    if (in->client_token.ptr != NULL)
        SET(&edit.record, request_hash, hash_of(in));
    if (logs_are_non_blocking(call))
        SET(&edit.record, logs_non_blocking, true);
    if (!create(call, in, cluster, &edit))
        return false;
    out->service = service_shown(call, &edit.record, /* with_tags= */ true);
    return true;
}

/* ---- UpdateService ---- */

static bool check_update(const struct call *call, const struct ecs_update_service_request *in,
                         const struct service_record *service)
{
    enum ecs_deployment_controller_type type = service->service->deployment_controller->type;

    if (!service_fields_check(&ecs_update_service_request_shape, in, call->fail) ||
        !check_controller(call, in->deployment_controller))
        return false;
    if (in->deployment_controller != NULL && in->deployment_controller->type != type)
        return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                        "The deploymentController of a service cannot be changed: Berth does not migrate deployments.");
    if (type == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL && in->task_definition.ptr != NULL)
        return invalid(call, "Cannot update task definition on services with an EXTERNAL deployment controller.");
    if (type == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL && in->force_new_deployment)
        return invalid(call, "Cannot force a new deployment on services with an EXTERNAL deployment controller.");
    if (service_is_daemon(service))
        return daemon_fields_check(&ecs_update_service_request_shape, in, call->fail);
    return !in->has_desired_count || service_count_check(in->desired_count, call->fail);
}

/* What is true from now on, without new tasks. */
static bool take_settings(const struct call *call, const struct ecs_update_service_request *in,
                          struct service_edit *edit)
{
    struct ecs_service *service = &edit->service;

    if (in->has_desired_count && in->desired_count != service->desired_count) {
        SET(service, desired_count, in->desired_count);
        service_edit_end_rebalancing(edit);
    }
    if (in->deployment_configuration != NULL)
        service->deployment_configuration =
            deployment_configuration_of(call->arena, service->deployment_configuration, in->deployment_configuration);
    if (in->availability_zone_rebalancing != ECS_AVAILABILITY_ZONE_REBALANCING_NONE)
        service->availability_zone_rebalancing = in->availability_zone_rebalancing;
    if (in->propagate_tags != ECS_PROPAGATE_TAGS_NONE)
        service->propagate_tags = in->propagate_tags;
    if (in->has_enable_ecs_managed_tags)
        SET(service, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    if (in->has_enable_execute_command)
        SET(service, enable_execute_command, in->enable_execute_command);
    if (in->placement_constraints.items != NULL)
        service->placement_constraints = in->placement_constraints;
    if (in->placement_strategy.items != NULL)
        service->placement_strategy = in->placement_strategy;
    return service_settings_check(service, call->fail);
}

/* An empty one goes back to the launch type (API reference, "UpdateService": capacityProviderStrategy). */
static bool take_strategy(const struct call *call, const struct ecs_update_service_request *in,
                          struct ecs_service_revision *revision)
{
    if (value_equal(&ecs_capacity_provider_strategy_shape, &revision->capacity_provider_strategy,
                    &in->capacity_provider_strategy))
        return true;
    if (!in->force_new_deployment)
        return invalid(call, "When switching from launch type to capacity provider strategy on an existing service, or "
                             "making a change to a capacity provider strategy on a service that is already using one, "
                             "you must force a new deployment.");
    if (revision->launch_type == ECS_LAUNCH_TYPE_EC2 || revision->launch_type == ECS_LAUNCH_TYPE_EXTERNAL)
        revision->platform_family = STR("Linux");
    if (revision->platform_version.ptr == NULL)
        revision->platform_version = STR("LATEST");
    revision->capacity_provider_strategy = in->capacity_provider_strategy;
    revision->launch_type = in->capacity_provider_strategy.count > 0 ? ECS_LAUNCH_TYPE_NONE : ECS_LAUNCH_TYPE_FARGATE;
    return true;
}

/* The current revision with what the request changes of it. */
static bool changed_revision(const struct call *call, const struct ecs_update_service_request *in,
                             const struct ecs_service_revision *current, struct ecs_service_revision *ret_revision)
{
    const struct task_definition_record *definition;
    struct ecs_service_revision revision = *current;

    if (in->task_definition.ptr != NULL) {
        if (!task_definition_find_active(call, in->task_definition, &definition))
            return false;
        revision.task_definition = definition->task_definition->task_definition_arn;
    }
    if (in->capacity_provider_strategy.items != NULL && !take_strategy(call, in, &revision))
        return false;
    if (in->platform_version.ptr != NULL)
        revision.platform_version = in->platform_version;
    if (in->network_configuration != NULL)
        revision.network_configuration = in->network_configuration;
    *ret_revision = revision;
    return true;
}

static bool update_revision(const struct call *call, const struct ecs_update_service_request *in,
                            struct service_edit *edit)
{
    const struct service_revision_record *current =
        service_revision_of(call->tx, &edit->record, edit->record.primary_id);
    struct ecs_service_revision revision;
    struct task_wish wish;
    bool is_new;

    must(current != NULL);
    if (!changed_revision(call, in, current->revision, &revision))
        return false;
    is_new = in->force_new_deployment || !value_equal(&ecs_service_revision_shape, current->revision, &revision);
    if (!is_new && !in->enable_execute_command)
        return true;
    if (!service_wish_make(call, &edit->record, &revision, &wish) ||
        !check_execute_command(call, &wish, "service couldn't be updated"))
        return false;
    if (is_new)
        deploy(call, edit, &revision);
    return true;
}

bool ecs_update_service(struct call *call, const struct ecs_update_service_request *in,
                        struct ecs_update_service_response *out)
{
    const struct service_record *service;
    struct service_edit edit;

    if (!service_find_active(call, in->cluster, in->service, &service) || !check_update(call, in, service))
        return false;
    service_edit_begin(service, &edit);
    if (!take_settings(call, in, &edit) || (!service_is_external(&edit.record) && !update_revision(call, in, &edit)))
        return false;
    service_edit_put(call->tx, &edit);
    out->service = service_shown(call, &edit.record, /* with_tags= */ true);
    return true;
}

/* ---- DeleteService ---- */

static bool check_delete(const struct call *call, const struct ecs_delete_service_request *in,
                         const struct service_record *service)
{
    if (in->force || service_is_daemon(service)) /* which cannot be scaled to 0 */
        return true;
    if (service_is_external(service)) {
        struct walk walk = transaction_walk(call->tx, &task_set_table, NULL, SERVICE_PREFIX(call->arena, service));

        return walk_next(&walk) == NULL || invalid(call, "The service cannot be stopped while deployments are active.");
    }
    return service->service->desired_count == 0 ||
           invalid(call, "The service cannot be stopped while it is scaled above 0.");
}

bool ecs_delete_service(struct call *call, const struct ecs_delete_service_request *in,
                        struct ecs_delete_service_response *out)
{
    const struct cluster_record *cluster;
    const struct service_record *service;
    struct service_edit edit;

    if (!cluster_find(call, in->cluster, &cluster) || !service_find(call, cluster, in->service, &service))
        return false;
    if (service_status(service) == SERVICE_INACTIVE)
        return fail_api(call->fail, ECS_ERROR_SERVICE_NOT_FOUND_EXCEPTION, "Service not found.");
    service_edit_begin(service, &edit);
    if (service_status(service) == SERVICE_ACTIVE) {
        if (!check_delete(call, in, service))
            return false;
        edit.service.status = STR("DRAINING");
        SET(&edit.service, desired_count, 0);
        service_edit_put(call->tx, &edit);
    }
    out->service = service_shown(call, &edit.record, /* with_tags= */ true);
    return true;
}
