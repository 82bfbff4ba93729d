/* ListTaskDefinitions and ListTaskDefinitionFamilies. */
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/task_definition.h"

enum { LISTED_MAX = 100 }; /* API reference: maxResults of both */

/* ---- revisions ---- */

struct listed {
    struct str key;
    struct str arn;
};

/* All that the filters let through, in key order: by family, then by number. */
static struct listed *matching(const struct call *call, const struct ecs_list_task_definitions_request *in,
                               size_t *ret_count)
{
    enum ecs_task_definition_status status =
        in->status == ECS_TASK_DEFINITION_STATUS_NONE ? ECS_TASK_DEFINITION_STATUS_ACTIVE : in->status;
    struct str prefix = in->family_prefix.ptr == NULL
                            ? KEY_PREFIX(call->arena, call->principal->account, call->region)
                            : KEY_PREFIX(call->arena, call->principal->account, call->region, in->family_prefix);
    struct walk walk = transaction_walk(call->tx, &task_definition_table, NULL, prefix);
    const struct task_definition_record *record;
    struct listed *all;
    size_t count = 0;

    while ((record = walk_next(&walk)) != NULL)
        count += record->task_definition->status == status;
    all = arena_array(call->arena, struct listed, count);
    walk = transaction_walk(call->tx, &task_definition_table, NULL, prefix);
    count = 0;
    while ((record = walk_next(&walk)) != NULL)
        if (record->task_definition->status == status)
            all[count++] = (struct listed){walk.at, record->task_definition->task_definition_arn};
    *ret_count = count;
    return all;
}

bool list_task_definitions(struct call *call, const struct ecs_list_task_definitions_request *in,
                           struct ecs_list_task_definitions_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    bool descending = in->sort == ECS_SORT_ORDER_DESC;
    struct listed *all;
    struct page page;
    size_t count;

    if (!page_open(call, &request, &page))
        return false;
    all = matching(call, in, &count);
    out->task_definition_arns.items = arena_array(call->arena, struct str, page.limit);
    for (size_t i = 0; i < count; i++) {
        const struct listed *item = &all[descending ? count - 1 - i : i];
        int order = page.after.ptr == NULL ? 1 : str_compare(item->key, page.after);

        if (page.after.ptr != NULL && (descending ? order >= 0 : order <= 0))
            continue;
        if (out->task_definition_arns.count == page.limit) {
            out->next_token = page_next(call, all[descending ? count - i : i - 1].key);
            break;
        }
        out->task_definition_arns.items[out->task_definition_arns.count++] = item->arn;
    }
    return true;
}

/* ---- families ---- */

static bool family_matches(const struct call *call, const struct ecs_list_task_definition_families_request *in,
                           struct str family)
{
    switch (in->status) {
    case ECS_TASK_DEFINITION_FAMILY_STATUS_ACTIVE:
        return family_has_active(call, family);
    case ECS_TASK_DEFINITION_FAMILY_STATUS_INACTIVE:
        return !family_has_active(call, family) && family_has_any(call, family);
    case ECS_TASK_DEFINITION_FAMILY_STATUS_NONE:
    case ECS_TASK_DEFINITION_FAMILY_STATUS_ALL:
        return family_has_any(call, family);
    }
    return false;
}

bool list_task_definition_families(struct call *call, const struct ecs_list_task_definition_families_request *in,
                                   struct ecs_list_task_definition_families_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    struct str prefix = KEY_PREFIX(call->arena, call->principal->account, call->region);
    const struct family_record *record;
    struct page page;
    struct walk walk;
    struct str last = {NULL, 0};

    if (!page_open(call, &request, &page))
        return false;
    walk = transaction_walk(call->tx, &family_table, NULL,
                            arena_printf(call->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(in->family_prefix)));
    walk.at = page.after;
    out->families.items = arena_array(call->arena, struct str, page.limit);
    while ((record = walk_next(&walk)) != NULL) {
        if (!family_matches(call, in, record->family))
            continue;
        if (out->families.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->families.items[out->families.count++] = record->family;
        last = walk.at;
    }
    return true;
}
