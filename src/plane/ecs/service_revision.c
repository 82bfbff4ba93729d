#include "plane/ecs/service_revision.h"

#include "base/must.h"
#include "plane/ecs/operations.h"

enum { DESCRIBED_MAX = 20 }; /* API reference, "DescribeServiceRevisions" */

#define ID_MIN UINT64_C(1000000000000000000) /* nineteen digits */

static void revision_key(const void *record, struct buf *key)
{
    const struct service_revision_record *revision = record;

    SERVICE_KEY_ADD(key, revision);
    key_add(key, revision->id);
}

const struct table_spec service_revision_table = {
    .name = "service_revision", .shape = &service_revision_record_shape, .key = revision_key};

const struct service_revision_record *service_revision_of(const struct transaction *tx,
                                                          const struct service_record *service, struct str id)
{
    return transaction_get(
        tx, &service_revision_table,
        KEY(tx->arena, service->account_id, service->region, service->cluster_name, service->service_name, id));
}

void service_revision_set_launch(struct ecs_service_revision *revision, const struct cluster_record *cluster,
                                 struct str platform_version)
{
    bool on_instances;

    if (revision->launch_type == ECS_LAUNCH_TYPE_NONE && revision->capacity_provider_strategy.count == 0)
        revision->capacity_provider_strategy = cluster->cluster->default_capacity_provider_strategy;
    on_instances = revision->capacity_provider_strategy.count == 0 && revision->launch_type != ECS_LAUNCH_TYPE_FARGATE;
    if (on_instances && revision->launch_type == ECS_LAUNCH_TYPE_NONE)
        revision->launch_type = ECS_LAUNCH_TYPE_EC2;
    revision->platform_version = on_instances || platform_version.ptr != NULL ? platform_version : STR("LATEST");
    revision->platform_family = on_instances ? (struct str){NULL, 0} : STR("Linux");
}

/* What its containers run, as far as the definition says it. */
static struct ecs_container_images images_of(struct transaction *tx, struct str definition_arn)
{
    const struct task_definition_record *definition =
        transaction_get(tx, &task_definition_table, task_definition_key_of_arn(tx->arena, definition_arn));
    const struct ecs_container_definitions *containers;
    struct ecs_container_images images;

    must(definition != NULL); /* checked */
    containers = &definition->task_definition->container_definitions;
    images = (struct ecs_container_images){arena_array(tx->arena, struct ecs_container_image, containers->count + 1),
                                           containers->count};
    for (size_t i = 0; i < containers->count; i++)
        images.items[i] = (struct ecs_container_image){.container_name = containers->items[i].name,
                                                       .image = containers->items[i].image};
    return images;
}

struct str service_revision_make(struct transaction *tx, const struct service_record *service,
                                 const struct ecs_service_revision *made_of)
{
    struct ecs_service_revision revision = *made_of;
    struct service_revision_record record = {
        .account_id = service->account_id,
        .region = service->region,
        .cluster_name = service->cluster_name,
        .service_name = service->service_name,
        .id = arena_printf(tx->arena, "%llu",
                           (unsigned long long)(ID_MIN + random_below(tx->random, (uint64_t)INT64_MAX - ID_MIN))),
        .revision = &revision,
    };

    revision.service_revision_arn = service_arn(tx->arena, service, "service-revision", record.id);
    revision.service_arn = service->service->service_arn;
    revision.cluster_arn = service->service->cluster_arn;
    revision.container_images = images_of(tx, revision.task_definition);
    SET(&revision, created_at, tx->now_ms);
    SET(&revision, guard_duty_enabled, false);
    must(transaction_put(tx, &service_revision_table, &record));
    return record.id;
}

/* ---- DescribeServiceRevisions ---- */

/* "cluster/service/id" of an ARN of the caller's own; NULL for anything else. */
static const struct service_revision_record *revision_of_arn(const struct call *call, struct str arn)
{
    struct str path;
    struct str cluster;
    struct str service;
    struct str id;

    if (!str_starts(arn, STR("arn:")) || !ecs_own_name(call, arn, "service-revision", &path))
        return NULL;
    cluster = str_cut(path, '/', &path);
    service = path.ptr == NULL ? path : str_cut(path, '/', &id);
    if (service.ptr == NULL || id.ptr == NULL)
        return NULL;
    return transaction_get(call->tx, &service_revision_table,
                           KEY(call->arena, call->principal->account, call->region, cluster, service, id));
}

bool ecs_describe_service_revisions(struct call *call, const struct ecs_describe_service_revisions_request *in,
                                    struct ecs_describe_service_revisions_response *out)
{
    const struct ecs_string_list *arns = &in->service_revision_arns;

    if (arns->count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "serviceRevisionArns cannot be empty.");
    if (arns->count > DESCRIBED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "serviceRevisionArns can have at most %d items.", DESCRIBED_MAX);
    out->service_revisions.items = arena_array(call->arena, struct ecs_service_revision, arns->count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, arns->count);
    for (size_t i = 0; i < arns->count; i++) {
        const struct service_revision_record *revision = revision_of_arn(call, arns->items[i]);

        if (revision != NULL)
            out->service_revisions.items[out->service_revisions.count++] = *revision->revision;
        else
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = arns->items[i], .reason = STR("MISSING")};
    }
    return true;
}
