/* ListTaskDefinitions and ListTaskDefinitionFamilies. */
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/task_definition.h"

enum { LISTED_MAX = 100 }; /* API reference: maxResults of both */

/* ---- revisions ---- */

/* What the filters let through, in key order: by family, then by number. */
struct revisions {
    struct walk walk;
    enum ecs_task_definition_status status;
};

static struct revisions revisions_of(const struct call *call, const struct ecs_list_task_definitions_request *in)
{
    struct str prefix = in->family_prefix.ptr == NULL
                            ? KEY_PREFIX(call->arena, call->principal->account, call->region)
                            : KEY_PREFIX(call->arena, call->principal->account, call->region, in->family_prefix);

    return (struct revisions){
        .walk = transaction_walk(call->tx, &task_definition_table, NULL, prefix),
        .status = in->status == ECS_TASK_DEFINITION_STATUS_NONE ? ECS_TASK_DEFINITION_STATUS_ACTIVE : in->status,
    };
}

static const struct ecs_task_definition *revisions_next(struct revisions *revisions)
{
    const struct task_definition_record *record;

    while ((record = walk_next(&revisions->walk)) != NULL)
        if (record->task_definition->status == revisions->status)
            return record->task_definition;
    return NULL;
}

static void list_ascending(const struct call *call, struct revisions *revisions, const struct page *page,
                           struct ecs_list_task_definitions_response *out)
{
    const struct ecs_task_definition *definition;
    struct str last = page->after;

    revisions->walk.at = page->after;
    while ((definition = revisions_next(revisions)) != NULL) {
        if (out->task_definition_arns.count == page->limit) {
            out->next_token = page_next(call, last);
            return;
        }
        out->task_definition_arns.items[out->task_definition_arns.count++] = definition->task_definition_arn;
        last = revisions->walk.at;
    }
}

/* Tables are walked forwards only: of those before the token's key, the last page->limit stay in a ring. */
static void list_descending(const struct call *call, struct revisions *revisions, const struct page *page,
                            struct ecs_list_task_definitions_response *out)
{
    struct listed {
        struct str key, arn;
    } *ring = arena_alloc(call->arena, page->limit * sizeof(*ring));
    const struct ecs_task_definition *definition;
    size_t count = 0;

    while ((definition = revisions_next(revisions)) != NULL &&
           (page->after.ptr == NULL || str_compare(revisions->walk.at, page->after) < 0))
        ring[count++ % page->limit] = (struct listed){revisions->walk.at, definition->task_definition_arn};
    while (count > 0 && out->task_definition_arns.count < page->limit) {
        const struct listed *item = &ring[--count % page->limit];

        out->task_definition_arns.items[out->task_definition_arns.count++] = item->arn;
        if (count > 0 && out->task_definition_arns.count == page->limit)
            out->next_token = page_next(call, item->key);
    }
}

bool ecs_list_task_definitions(struct call *call, const struct ecs_list_task_definitions_request *in,
                               struct ecs_list_task_definitions_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    struct revisions revisions = revisions_of(call, in);
    struct page page;

    if (!page_open(call, &request, &page))
        return false;
    out->task_definition_arns.items = arena_array(call->arena, struct str, page.limit);
    if (in->sort == ECS_SORT_ORDER_DESC)
        list_descending(call, &revisions, &page, out);
    else
        list_ascending(call, &revisions, &page, out);
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

bool ecs_list_task_definition_families(struct call *call, const struct ecs_list_task_definition_families_request *in,
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
