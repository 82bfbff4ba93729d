/* Clusters: a name that tasks and services stand under. */
#include "base/must.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/operations.h"

bool cluster_find(const struct call *call, struct str name_or_arn, const struct cluster_record **ret_cluster)
{
    struct str name = name_or_arn.ptr == NULL || name_or_arn.len == 0 ? STR("default") : ecs_name(name_or_arn);
    const struct cluster_record *cluster =
        transaction_get(call->tx, &cluster_table, KEY(call->arena, call->principal->account, call->region, name));

    if (cluster == NULL || !str_is(cluster->cluster->status, "ACTIVE"))
        return fail_api(call->fail, ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION, "Cluster not found.");
    *ret_cluster = cluster;
    return true;
}

bool create_cluster(struct call *call, const struct ecs_create_cluster_request *in,
                    struct ecs_create_cluster_response *out)
{
    struct str name = in->cluster_name.ptr == NULL ? STR("default") : in->cluster_name;
    struct str key = KEY(call->arena, call->principal->account, call->region, name);
    const struct cluster_record *before = transaction_get(call->tx, &cluster_table, key);
    struct ecs_cluster cluster = {
        .cluster_name = name,
        .cluster_arn = ecs_arn(call, "cluster", name),
        .status = STR("ACTIVE"),
        .configuration = in->configuration,
        .settings = in->settings,
        .tags = in->tags,
        .capacity_providers = in->capacity_providers,
        .default_capacity_provider_strategy = in->default_capacity_provider_strategy,
    };
    struct cluster_record record = {
        .account_id = call->principal->account, .region = call->region, .cluster = &cluster};

    if (before == NULL || !str_is(before->cluster->status, "ACTIVE"))
        must(transaction_put(call->tx, &cluster_table, &record));
    before = transaction_get(call->tx, &cluster_table, key);
    out->cluster = before->cluster;
    return true;
}
