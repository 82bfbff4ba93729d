/* ListServiceDeployments, DescribeServiceDeployments, StopServiceDeployment. */
#include "base/must.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/service_deployment.h"
#include "plane/ecs/service_tasks.h"

enum { DESCRIBED_MAX = 20, LISTED_MAX = 100, LISTED_DEFAULT = 20 }; /* API reference, of the operations' names */

/* ---- finding ---- */

struct found {
    const struct service_record *service;
    const struct service_deployment_record *deployment;
};

/* By "arn:aws:ecs:region:account:service-deployment/cluster/service/id"; false: there is none. */
static bool find(const struct call *call, struct str arn, struct found *ret_found)
{
    struct str cluster;
    struct str service;
    struct str path;
    struct str id;

    if (!str_starts(arn, STR("arn:")) || !ecs_own_name(call, arn, "service-deployment", &path))
        return false;
    cluster = str_cut(path, '/', &path);
    service = path.ptr == NULL ? path : str_cut(path, '/', &id);
    if (service.ptr == NULL || id.ptr == NULL)
        return false;
    ret_found->service = transaction_get(call->tx, &service_table,
                                         KEY(call->arena, call->principal->account, call->region, cluster, service));
    ret_found->deployment =
        transaction_get(call->tx, &service_deployment_table,
                        KEY(call->arena, call->principal->account, call->region, cluster, service, id));
    return ret_found->service != NULL && ret_found->deployment != NULL;
}

/* ---- ListServiceDeployments ---- */

static struct ecs_service_deployment_brief brief(const struct ecs_service_deployment *from)
{
    return (struct ecs_service_deployment_brief){
        .service_deployment_arn = from->service_deployment_arn,
        .service_arn = from->service_arn,
        .cluster_arn = from->cluster_arn,
        .started_at = from->started_at,
        .has_started_at = from->has_started_at,
        .created_at = from->created_at,
        .has_created_at = true,
        .finished_at = from->finished_at,
        .has_finished_at = from->has_finished_at,
        .target_service_revision_arn = from->target_service_revision->arn,
        .status = from->status,
        .status_reason = from->status_reason,
    };
}

/* An ARN names its cluster itself (aws-cli, "list-service-deployments": its example gives no cluster). */
static struct str cluster_of(const struct call *call, const struct ecs_list_service_deployments_request *in)
{
    struct str service;
    struct str cluster;
    struct str path;

    if (in->cluster.ptr != NULL || !str_starts(in->service, STR("arn:")) ||
        !ecs_own_name(call, in->service, "service", &path))
        return in->cluster;
    cluster = str_cut(path, '/', &service);
    return service.ptr == NULL ? in->cluster : cluster;
}

static bool passes(const struct ecs_list_service_deployments_request *in,
                   const struct ecs_service_deployment *deployment)
{
    bool wanted = in->status.count == 0;

    for (size_t i = 0; i < in->status.count; i++)
        wanted = wanted || in->status.items[i] == deployment->status;
    if (in->created_at == NULL)
        return wanted;
    return wanted && (!in->created_at->has_before || deployment->created_at < in->created_at->before) &&
           (!in->created_at->has_after || deployment->created_at > in->created_at->after);
}

bool ecs_list_service_deployments(struct call *call, const struct ecs_list_service_deployments_request *in,
                                  struct ecs_list_service_deployments_response *out)
{
    const struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    const struct service_deployment_record *record;
    const struct cluster_record *cluster;
    const struct service_record *service;
    struct str last = {NULL, 0};
    struct walk walk;
    struct page page;

    if (!page_open(call, &request, &page) || !cluster_find(call, cluster_of(call, in), &cluster) ||
        !service_find(call, cluster, in->service, &service))
        return false;
    if (!in->has_max_results)
        page.limit = LISTED_DEFAULT;
    walk = transaction_walk(call->tx, &service_deployment_table, "time", SERVICE_PREFIX(call->arena, service));
    walk.at = page.after;
    out->service_deployments.items = arena_array(call->arena, struct ecs_service_deployment_brief, page.limit);
    while ((record = walk_next(&walk)) != NULL) {
        if (!passes(in, record->deployment))
            continue;
        if (out->service_deployments.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->service_deployments.items[out->service_deployments.count++] = brief(record->deployment);
        last = walk.at;
    }
    return true;
}

/* ---- DescribeServiceDeployments ---- */

static void count_now(const struct call *call, const struct service_record *service,
                      struct ecs_service_revision_summary *summary)
{
    struct service_task_counts counts = service_tasks_count(call->tx, service, ecs_name(summary->arn));

    SET(summary, running_task_count, counts.running);
    SET(summary, pending_task_count, counts.pending);
}

/* While it is not over, its numbers are those of now. */
static void bring_up_to_date(const struct call *call, const struct found *found, struct ecs_service_deployment *shown)
{
    struct ecs_service_revision_summary *target = arena_new(call->arena, struct ecs_service_revision_summary);
    size_t count = shown->source_service_revisions.count;
    struct ecs_service_revision_summary *sources = arena_array(call->arena, struct ecs_service_revision_summary, count);
    struct ecs_service_deployment_circuit_breaker *breaker =
        arena_new(call->arena, struct ecs_service_deployment_circuit_breaker);
    const struct deployment_record *deployment =
        deployment_of(call->tx, found->service, ecs_name(shown->target_service_revision->arn));

    *target = *shown->target_service_revision;
    count_now(call, found->service, target);
    shown->target_service_revision = target;
    for (size_t i = 0; i < count; i++) {
        sources[i] = shown->source_service_revisions.items[i];
        count_now(call, found->service, &sources[i]);
    }
    shown->source_service_revisions.items = sources;
    *breaker = *shown->deployment_circuit_breaker;
    SET(breaker, threshold, circuit_breaker_threshold(found->service));
    if (deployment != NULL && breaker->status != ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED)
        SET(breaker, failure_count, deployment->trouble->failures);
    shown->deployment_circuit_breaker = breaker;
}

bool ecs_describe_service_deployments(struct call *call, const struct ecs_describe_service_deployments_request *in,
                                      struct ecs_describe_service_deployments_response *out)
{
    const struct ecs_string_list *arns = &in->service_deployment_arns;

    if (arns->count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "serviceDeploymentArns cannot be empty.");
    if (arns->count > DESCRIBED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "serviceDeploymentArns can have at most %d items.", DESCRIBED_MAX);
    out->service_deployments.items = arena_array(call->arena, struct ecs_service_deployment, arns->count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, arns->count);
    for (size_t i = 0; i < arns->count; i++) {
        struct ecs_service_deployment *shown = &out->service_deployments.items[out->service_deployments.count];
        struct found found;

        if (!find(call, arns->items[i], &found)) {
            out->failures.items[out->failures.count++] =
                (struct ecs_failure){.arn = arns->items[i], .reason = STR("MISSING")};
            continue;
        }
        *shown = *found.deployment->deployment;
        if (!service_deployment_is_over(found.deployment))
            bring_up_to_date(call, &found, shown);
        out->service_deployments.count++;
    }
    return true;
}

/* ---- StopServiceDeployment ---- */

/* Whether the rollback is still to be asked for; asked for twice it is done once (developer guide, "Stopping Amazon ECS
 * service deployments"). */
static bool check_stop(const struct call *call, const struct found *found, bool *ret_needed)
{
    const struct ecs_service_deployment *deployment = found->deployment->deployment;
    const struct service_record *service = found->service;

    *ret_needed = deployment->status == ECS_SERVICE_DEPLOYMENT_STATUS_PENDING ||
                  deployment->status == ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS;
    if (service_deployment_is_over(found->deployment))
        return fail_api(call->fail, ECS_ERROR_CONFLICT_EXCEPTION,
                        "The service deployment cannot be stopped: its status is %s.",
                        enum_name(&ecs_service_deployment_status_shape, (int)deployment->status));
    if (*ret_needed && (service->stable_id.ptr == NULL || str_eq(service->stable_id, service->primary_id)))
        return fail_api(call->fail, ECS_ERROR_CONFLICT_EXCEPTION,
                        "The service deployment cannot be rolled back: the service has no completed deployment before "
                        "it.");
    return true;
}

bool ecs_stop_service_deployment(struct call *call, const struct ecs_stop_service_deployment_request *in,
                                 struct ecs_stop_service_deployment_response *out)
{
    struct service_deployment_record changed;
    struct ecs_service_deployment deployment;
    struct found found;
    bool needed;

    if (in->stop_type == ECS_STOP_SERVICE_DEPLOYMENT_STOP_TYPE_ABORT)
        return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                        "The stopType ABORT is not supported. Use ROLLBACK.");
    if (!find(call, in->service_deployment_arn, &found))
        return fail_api(call->fail, ECS_ERROR_SERVICE_DEPLOYMENT_NOT_FOUND_EXCEPTION, "Service deployment not found.");
    if (!check_stop(call, &found, &needed))
        return false;
    if (needed) {
        changed = *found.deployment;
        deployment = *changed.deployment;
        changed.deployment = &deployment;
        deployment.status = ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED;
        SET(&deployment, updated_at, call->tx->now_ms);
        must(transaction_put(call->tx, &service_deployment_table, &changed));
        transaction_mark(call->tx, &service_reconciler, SERVICE_KEY(call->arena, found.service));
    }
    out->service_deployment_arn = in->service_deployment_arn;
    return true;
}
