#include "plane/ecs/page.h"

#include "core/table.h"
#include "model/gen/ecs.h"

bool page_open(const struct call *call, const struct page_request *request, struct page *ret_page)
{
    struct page page = {.limit = (size_t)request->limit_max};
    struct str operation;
    struct str key;

    if (request->has_max_results && (request->max_results < 1 || request->max_results > request->limit_max))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "maxResults must be between 1 and %d, but was %d.", request->limit_max, request->max_results);
    if (request->has_max_results)
        page.limit = (size_t)request->max_results;
    if (!page_begin(call->arena, request->token, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &key, call->fail))
        return false;
    if (key.ptr != NULL) {
        operation = str_cut(key, KEY_SEPARATOR, &page.after);
        if (page.after.ptr == NULL || !str_is(operation, operation_name(call->operation)))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid token: %.*s",
                            STR_ARG(request->token));
    }
    *ret_page = page;
    return true;
}

struct str page_next(const struct call *call, struct str last_key)
{
    return page_token(call->arena, KEY(call->arena, str_of(operation_name(call->operation)), last_key));
}
