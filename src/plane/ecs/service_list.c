/* DescribeServices, ListServices, ListServicesByNamespace. */
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/service_shown.h"

enum { DESCRIBED_MAX = 10, LISTED_MAX = 100, LISTED_DEFAULT = 10 }; /* API reference, of the operations' names */

static bool includes_tags(const struct ecs_service_field_list *include)
{
    for (size_t i = 0; i < include->count; i++)
        if (include->items[i] == ECS_SERVICE_FIELD_TAGS)
            return true;
    return false;
}

static struct ecs_failure missing(const struct call *call, const struct cluster_record *cluster, struct str name_or_arn)
{
    struct str arn = name_or_arn;

    if (!str_starts(arn, STR("arn:")))
        arn = ecs_arn(call, "service",
                      arena_printf(call->arena, "%.*s/%.*s", STR_ARG(cluster->cluster->cluster_name), STR_ARG(arn)));
    return (struct ecs_failure){.arn = arn, .reason = STR("MISSING")};
}

bool ecs_describe_services(struct call *call, const struct ecs_describe_services_request *in,
                           struct ecs_describe_services_response *out)
{
    bool with_tags = includes_tags(&in->include);
    const struct cluster_record *cluster;

    if (in->services.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Services cannot be empty.");
    if (in->services.count > DESCRIBED_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "services can have at most %d items.",
                        DESCRIBED_MAX);
    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    out->services.items = arena_array(call->arena, struct ecs_service, in->services.count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, in->services.count);
    for (size_t i = 0; i < in->services.count; i++) {
        const struct service_record *service = service_named(call, cluster, in->services.items[i]);

        if (service != NULL)
            out->services.items[out->services.count++] = *service_shown(call, service, with_tags);
        else
            out->failures.items[out->failures.count++] = missing(call, cluster, in->services.items[i]);
    }
    return true;
}

static bool passes(const struct ecs_list_services_request *in, const struct service_record *service)
{
    const struct ecs_service *shown = service->service;

    return service_status(service) == SERVICE_ACTIVE &&
           (in->launch_type == ECS_LAUNCH_TYPE_NONE || in->launch_type == shown->launch_type) &&
           (in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_NONE ||
            in->scheduling_strategy == shown->scheduling_strategy) &&
           in->resource_management_type != ECS_RESOURCE_MANAGEMENT_TYPE_ECS;
}

bool ecs_list_services(struct call *call, const struct ecs_list_services_request *in,
                       struct ecs_list_services_response *out)
{
    const struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    const struct cluster_record *cluster;
    const struct service_record *service;
    struct str last = {NULL, 0};
    struct walk walk;
    struct page page;

    if (!page_open(call, &request, &page) || !cluster_find(call, in->cluster, &cluster))
        return false;
    if (!in->has_max_results)
        page.limit = LISTED_DEFAULT;
    walk =
        transaction_walk(call->tx, &service_table, NULL,
                         KEY_PREFIX(call->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name));
    walk.at = page.after;
    out->service_arns.items = arena_array(call->arena, struct str, page.limit);
    while ((service = walk_next(&walk)) != NULL) {
        if (!passes(in, service))
            continue;
        if (out->service_arns.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->service_arns.items[out->service_arns.count++] = service->service->service_arn;
        last = walk.at;
    }
    return true;
}

/* There are no namespaces before there is Cloud Map. */
bool ecs_list_services_by_namespace(struct call *call, const struct ecs_list_services_by_namespace_request *in,
                                    struct ecs_list_services_by_namespace_response *out)
{
    (void)out;
    return fail_api(call->fail, ECS_ERROR_NAMESPACE_NOT_FOUND_EXCEPTION,
                    "The namespace '%.*s' was not found: Berth has no Cloud Map yet.", STR_ARG(in->namespace));
}
