/* The operations on clusters. */
#include "base/must.h"
#include "plane/ecs/account_setting.h"
#include "plane/ecs/capacity_provider.h"
#include "plane/ecs/cluster.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/name.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/service.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task.h"

enum { LISTED_MAX = 100, DESCRIBED_MAX = 100 }; /* API reference, "ListClusters", "DescribeClusters" */

/* ---- rules ---- */

static bool check_settings(const struct ecs_cluster_settings *settings, struct fail *f)
{
    static const char *const values[] = {"enabled", "disabled", "enhanced"};

    for (size_t i = 0; i < settings->count; i++) {
        const struct ecs_cluster_setting *setting = &settings->items[i];
        bool known = setting->name == ECS_CLUSTER_SETTING_NAME_CONTAINER_INSIGHTS;
        bool good = false;

        for (size_t k = 0; known && k < COUNT_OF(values); k++)
            good = good || str_is(setting->value, values[k]);
        if (!good)
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid cluster setting: containerInsights must be one of [enabled, disabled, enhanced], "
                            "but was '%.*s'.",
                            STR_ARG(setting->value));
    }
    return true;
}

static bool check_configuration(const struct ecs_cluster_configuration *configuration, struct fail *f)
{
    if (configuration == NULL)
        return true;
    if (configuration->managed_storage_configuration != NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "'configuration.managedStorageConfiguration' is not supported: Berth has no KMS to encrypt "
                        "task storage with.");
    return configuration->execute_command_configuration == NULL ||
           execute_command_configuration_check(configuration->execute_command_configuration, f);
}

/* An empty namespace means none (API reference, "ClusterServiceConnectDefaultsRequest"). */
static bool check_service_connect(const struct ecs_cluster_service_connect_defaults_request *defaults, struct fail *f)
{
    if (defaults == NULL || defaults->namespace.len == 0)
        return true;
    return fail_api(f, ECS_ERROR_NAMESPACE_NOT_FOUND_EXCEPTION,
                    "The namespace '%.*s' of 'serviceConnectDefaults' was not found: Berth has no Cloud Map yet.",
                    STR_ARG(defaults->namespace));
}

/* ---- changing ---- */

static struct str key_of(const struct call *call, struct str name)
{
    return KEY(call->arena, call->principal->account, call->region, name);
}

/* Puts a changed copy, and shows it. */
static struct ecs_cluster *put(const struct call *call, const struct cluster_record *before,
                               struct ecs_cluster *cluster)
{
    struct cluster_record record = *before;

    record.cluster = cluster;
    must(transaction_put(call->tx, &cluster_table, &record));
    return cluster_shown(call, transaction_get(call->tx, &cluster_table, key_of(call, cluster->cluster_name)),
                         &CLUSTER_CHANGED);
}

static struct ecs_cluster_settings settings_or_default(const struct call *call,
                                                       const struct ecs_cluster_settings *given)
{
    struct ecs_cluster_setting *setting = arena_new(call->arena, struct ecs_cluster_setting);

    if (given->count > 0)
        return *given;
    setting->name = ECS_CLUSTER_SETTING_NAME_CONTAINER_INSIGHTS;
    setting->value = account_setting(call, ECS_SETTING_NAME_CONTAINER_INSIGHTS);
    return (struct ecs_cluster_settings){setting, 1};
}

/* ---- CreateCluster ---- */

static bool check_create(const struct call *call, const struct ecs_create_cluster_request *in)
{
    if (in->cluster_name.ptr != NULL && !name_is_valid(in->cluster_name))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Cluster name must match ^[a-zA-Z0-9\\-_]{1,255}$, but was %.*s", STR_ARG(in->cluster_name));
    return check_settings(&in->settings, call->fail) && check_configuration(in->configuration, call->fail) &&
           check_service_connect(in->service_connect_defaults, call->fail) &&
           capacity_providers_check(&in->capacity_providers, &in->default_capacity_provider_strategy, call->fail);
}

/* A cluster that exists is answered as it is, unless the request asks for one that is different. */
static bool is_consistent(const struct ecs_create_cluster_request *in, const struct ecs_cluster *cluster)
{
    return (in->settings.count == 0 || value_equal(&ecs_cluster_settings_shape, &in->settings, &cluster->settings)) &&
           (in->configuration == NULL ||
            (cluster->configuration != NULL &&
             value_equal(&ecs_cluster_configuration_shape, in->configuration, cluster->configuration))) &&
           (in->capacity_providers.count == 0 ||
            value_equal(&ecs_string_list_shape, &in->capacity_providers, &cluster->capacity_providers)) &&
           (in->default_capacity_provider_strategy.count == 0 ||
            value_equal(&ecs_capacity_provider_strategy_shape, &in->default_capacity_provider_strategy,
                        &cluster->default_capacity_provider_strategy));
}

bool ecs_create_cluster(struct call *call, const struct ecs_create_cluster_request *in,
                        struct ecs_create_cluster_response *out)
{
    struct str name = in->cluster_name.ptr == NULL ? STR("default") : in->cluster_name;
    const struct cluster_record *existing = transaction_get(call->tx, &cluster_table, key_of(call, name));
    struct cluster_record record = {.account_id = call->principal->account, .region = call->region};
    struct ecs_cluster cluster = {
        .cluster_name = name,
        .cluster_arn = ecs_arn(call, "cluster", name),
        .status = STR("ACTIVE"),
        .configuration = in->configuration,
        .settings = settings_or_default(call, &in->settings),
        .tags = in->tags,
        .capacity_providers = in->capacity_providers,
        .default_capacity_provider_strategy = in->default_capacity_provider_strategy,
    };

    if (!check_create(call, in) || !tags_allow(call, cluster.cluster_arn, &in->tags))
        return false;
    if (existing == NULL || !cluster_is_active(existing)) {
        out->cluster = put(call, &record, &cluster);
        return true;
    }
    if (!is_consistent(in, existing->cluster))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Arguments on this idempotent request are inconsistent with arguments used in previous "
                        "request(s).");
    out->cluster = cluster_shown(call, existing, &CLUSTER_CHANGED);
    return true;
}

/* ---- DescribeClusters and ListClusters ---- */

static struct cluster_parts parts_of(const struct ecs_cluster_field_list *include)
{
    struct cluster_parts parts = {.tags = false};

    for (size_t i = 0; i < include->count; i++)
        switch (include->items[i]) {
        case ECS_CLUSTER_FIELD_CONFIGURATIONS:
            parts.configuration = true;
            break;
        case ECS_CLUSTER_FIELD_SETTINGS:
            parts.settings = true;
            break;
        case ECS_CLUSTER_FIELD_STATISTICS:
            parts.statistics = true;
            break;
        case ECS_CLUSTER_FIELD_TAGS:
            parts.tags = true;
            break;
        case ECS_CLUSTER_FIELD_ATTACHMENTS: /* Auto Scaling groups have them, Fargate has none */
        case ECS_CLUSTER_FIELD_NONE:
            break;
        }
    return parts;
}

static struct str missing_arn(const struct call *call, struct str name_or_arn)
{
    return str_starts(name_or_arn, STR("arn:")) ? name_or_arn : ecs_arn(call, "cluster", name_or_arn);
}

bool ecs_describe_clusters(struct call *call, const struct ecs_describe_clusters_request *in,
                           struct ecs_describe_clusters_response *out)
{
    static const struct str default_name = STR_INIT("default");
    const struct str *names = in->clusters.count == 0 ? &default_name : in->clusters.items;
    size_t count = in->clusters.count == 0 ? 1 : in->clusters.count;
    struct cluster_parts parts = parts_of(&in->include);

    if (count > DESCRIBED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Clusters cannot have more than %d elements.", DESCRIBED_MAX);
    out->clusters.items = arena_array(call->arena, struct ecs_cluster, count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, count);
    for (size_t i = 0; i < count; i++) {
        const struct cluster_record *record = NULL;
        struct str name;

        if (ecs_own_name(call, names[i], "cluster", &name))
            record = transaction_get(call->tx, &cluster_table, key_of(call, name));
        if (record != NULL)
            out->clusters.items[out->clusters.count++] = *cluster_shown(call, record, &parts);
        else
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = missing_arn(call, names[i]), .reason = STR("MISSING")};
    }
    return true;
}

bool ecs_list_clusters(struct call *call, const struct ecs_list_clusters_request *in,
                       struct ecs_list_clusters_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    struct walk walk = transaction_walk(call->tx, &cluster_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct cluster_record *record;
    struct page page;
    struct str last = {NULL, 0};

    if (!page_open(call, &request, &page))
        return false;
    walk.at = page.after;
    out->cluster_arns.items = arena_array(call->arena, struct str, page.limit);
    while ((record = walk_next(&walk)) != NULL) {
        if (!cluster_is_active(record))
            continue;
        if (out->cluster_arns.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->cluster_arns.items[out->cluster_arns.count++] = record->cluster->cluster_arn;
        last = walk.at;
    }
    return true;
}

/* ---- UpdateCluster and its kin ---- */

bool ecs_update_cluster(struct call *call, const struct ecs_update_cluster_request *in,
                        struct ecs_update_cluster_response *out)
{
    const struct cluster_record *record;
    struct ecs_cluster cluster;

    if (!check_settings(&in->settings, call->fail) || !check_configuration(in->configuration, call->fail) ||
        !check_service_connect(in->service_connect_defaults, call->fail) || !cluster_find(call, in->cluster, &record))
        return false;
    cluster = *record->cluster;
    if (in->settings.count > 0)
        cluster.settings = in->settings;
    if (in->configuration != NULL)
        cluster.configuration = in->configuration;
    out->cluster = put(call, record, &cluster);
    return true;
}

bool ecs_update_cluster_settings(struct call *call, const struct ecs_update_cluster_settings_request *in,
                                 struct ecs_update_cluster_settings_response *out)
{
    const struct cluster_record *record;
    struct ecs_cluster cluster;

    if (in->settings.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Cluster settings can not be empty.");
    if (!check_settings(&in->settings, call->fail) || !cluster_find(call, in->cluster, &record))
        return false;
    cluster = *record->cluster;
    cluster.settings = in->settings;
    out->cluster = put(call, record, &cluster);
    return true;
}

static bool in_use(const struct call *call, struct str provider)
{
    return fail_api(call->fail, ECS_ERROR_RESOURCE_IN_USE_EXCEPTION,
                    "The specified capacity provider is in use and cannot be removed: %.*s", STR_ARG(provider));
}

/* Nor one that a service wants its tasks on. */
static bool check_services(const struct call *call, const struct cluster_record *record,
                           const struct ecs_string_list *providers)
{
    struct walk walk =
        transaction_walk(call->tx, &service_table, NULL,
                         KEY_PREFIX(call->arena, record->account_id, record->region, record->cluster->cluster_name));
    const struct service_record *service;

    while ((service = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < service->service->capacity_provider_strategy.count; i++) {
            struct str used = service->service->capacity_provider_strategy.items[i].capacity_provider;

            if (service_status(service) != SERVICE_INACTIVE && !str_is_among(used, providers->items, providers->count))
                return in_use(call, used);
        }
    return true;
}

/* A provider that a task runs on cannot be taken away. */
static bool check_removal(const struct call *call, const struct cluster_record *record,
                          const struct ecs_string_list *providers)
{
    struct walk walk =
        transaction_walk(call->tx, &task_table, NULL,
                         KEY_PREFIX(call->arena, record->account_id, record->region, record->cluster->cluster_name));
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL) {
        struct str used = task->task->capacity_provider_name;

        if (used.ptr != NULL && !task_is_stopped(task) && !str_is_among(used, providers->items, providers->count))
            return in_use(call, used);
    }
    return check_services(call, record, providers);
}

bool ecs_put_cluster_capacity_providers(struct call *call, const struct ecs_put_cluster_capacity_providers_request *in,
                                        struct ecs_put_cluster_capacity_providers_response *out)
{
    const struct cluster_record *record;
    struct ecs_cluster cluster;

    if (!capacity_providers_check(&in->capacity_providers, &in->default_capacity_provider_strategy, call->fail) ||
        !cluster_find(call, in->cluster, &record) || !check_removal(call, record, &in->capacity_providers))
        return false;
    cluster = *record->cluster;
    cluster.capacity_providers = in->capacity_providers;
    cluster.default_capacity_provider_strategy = in->default_capacity_provider_strategy;
    out->cluster = put(call, record, &cluster);
    return true;
}

/* ---- DeleteCluster ---- */

bool ecs_delete_cluster(struct call *call, const struct ecs_delete_cluster_request *in,
                        struct ecs_delete_cluster_response *out)
{
    const struct cluster_record *record;
    struct cluster_record deleted;
    struct walk instances;
    struct service_counts services;
    struct ecs_cluster cluster;

    if (!cluster_find(call, in->cluster, &record))
        return false;
    services = services_count(call->tx, record);
    if (services.active + services.draining > 0)
        return fail_api(call->fail, ECS_ERROR_CLUSTER_CONTAINS_SERVICES_EXCEPTION,
                        "The Cluster cannot be deleted while Services are active.");
    if (cluster_has_tasks(call, record))
        return fail_api(call->fail, ECS_ERROR_CLUSTER_CONTAINS_TASKS_EXCEPTION,
                        "The Cluster cannot be deleted while Tasks are active.");
    instances = container_instances_of(call->tx, record);
    if (walk_next(&instances) != NULL)
        return fail_api(call->fail, ECS_ERROR_CLUSTER_CONTAINS_CONTAINER_INSTANCES_EXCEPTION,
                        "The Cluster cannot be deleted while Container Instances are active or draining.");
    deleted = *record;
    SET(&deleted, deleted_at, call->tx->now_ms);
    cluster = *record->cluster;
    cluster.status = STR("INACTIVE");
    out->cluster = put(call, &deleted, &cluster);
    return true;
}
