#include "plane/ecs/deployment.h"

#include "base/must.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task_definition.h"

static void deployment_key(const void *record, struct buf *key)
{
    const struct deployment_record *deployment = record;

    SERVICE_KEY_ADD(key, deployment);
    key_add(key, deployment->id);
}

static void definition_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct deployment_record *)record)->deployment->task_definition);
}

const struct table_spec deployment_table = {.name = "deployment",
                                            .shape = &deployment_record_shape,
                                            .key = deployment_key,
                                            .indexes = {{"definition", definition_key}}};

const struct deployment_record *deployment_of(const struct transaction *tx, const struct service_record *service,
                                              struct str id)
{
    return transaction_get(
        tx, &deployment_table,
        KEY(tx->arena, service->account_id, service->region, service->cluster_name, service->service_name, id));
}

bool deployment_is_primary(const struct deployment_record *deployment)
{
    return str_is(deployment->deployment->status, "PRIMARY");
}

/* ---- changing ---- */

void deployment_edit_begin(const struct deployment_record *from, struct deployment_edit *ret_edit)
{
    ret_edit->record = *from;
    ret_edit->deployment = *from->deployment;
    ret_edit->trouble = *from->trouble;
}

void deployment_edit_put(struct transaction *tx, struct deployment_edit *edit)
{
    edit->record.deployment = &edit->deployment;
    edit->record.trouble = &edit->trouble;
    must(transaction_put(tx, &deployment_table, &edit->record));
}

void deployment_edit_rollout(struct deployment_edit *edit, enum ecs_deployment_rollout_state state, struct str reason)
{
    edit->deployment.rollout_state = state;
    edit->deployment.rollout_state_reason = reason;
}

static void demote(struct transaction *tx, const struct service_edit *service)
{
    const struct deployment_record *primary = deployment_of(tx, &service->record, service->record.primary_id);
    struct deployment_edit edit;

    if (primary == NULL)
        return;
    deployment_edit_begin(primary, &edit);
    edit.deployment.status = STR("ACTIVE");
    SET(&edit.deployment, updated_at, tx->now_ms);
    deployment_edit_put(tx, &edit);
}

/* What the service shows of its revision. */
static void take_revision(struct service_edit *service, const struct ecs_service_revision *revision)
{
    service->service.task_definition = revision->task_definition;
    service->service.launch_type = revision->launch_type;
    service->service.capacity_provider_strategy = revision->capacity_provider_strategy;
    service->service.platform_version = revision->platform_version;
    service->service.network_configuration = revision->network_configuration;
}

static struct ecs_deployment made_of(struct transaction *tx, struct str id, const struct ecs_service_revision *revision)
{
    struct ecs_deployment deployment = {
        .id = arena_printf(tx->arena, "ecs-svc/%.*s", STR_ARG(id)),
        .task_definition = revision->task_definition,
        .launch_type = revision->launch_type,
        .capacity_provider_strategy = revision->capacity_provider_strategy,
        .platform_family = revision->platform_family,
        .network_configuration = revision->network_configuration,
    };

    if (deployment.platform_family.ptr != NULL)
        deployment.platform_version = STR("1.4.0"); /* what LATEST comes to */
    SET(&deployment, created_at, tx->now_ms);
    return deployment;
}

void deployment_begin(struct transaction *tx, struct service_edit *service, struct str revision_id, struct str reason)
{
    const struct service_revision_record *revision = service_revision_of(tx, &service->record, revision_id);
    const struct deployment_record *existing = deployment_of(tx, &service->record, revision_id);
    struct deployment_edit edit = {.record = {.account_id = service->record.account_id,
                                              .region = service->record.region,
                                              .cluster_name = service->record.cluster_name,
                                              .service_name = service->record.service_name,
                                              .id = revision_id}};

    must(revision != NULL);
    demote(tx, service);
    edit.deployment = existing != NULL ? *existing->deployment : made_of(tx, revision_id, revision->revision);
    edit.deployment.status = STR("PRIMARY");
    SET(&edit.deployment, updated_at, tx->now_ms);
    deployment_edit_rollout(
        &edit, ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS,
        reason.ptr != NULL ? reason
                           : arena_printf(tx->arena, "ECS deployment %.*s in progress.", STR_ARG(edit.deployment.id)));
    deployment_edit_put(tx, &edit);
    service->record.primary_id = revision_id;
    service_edit_end_rebalancing(service);
    take_revision(service, revision->revision);
}

/* ---- task definitions ---- */

void deployment_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct deployment_record *gone = before;

    if (after == NULL)
        marks_add(marks, &task_definition_reconciler,
                  task_definition_key_of_arn(tx->arena, gone->deployment->task_definition));
}

bool deployments_use(const struct transaction *tx, struct str definition_arn)
{
    struct walk walk = transaction_walk(tx, &deployment_table, "definition", KEY_PREFIX(tx->arena, definition_arn));

    return walk_next(&walk) != NULL;
}
