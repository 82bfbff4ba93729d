/* The pages of ECS's lists: maxResults with the limits of each list, and tokens that are only good for the operation
 * that gave them. */
#pragma once

#include "core/call.h"

struct page {
    struct str after; /* the key that the page starts behind; absent: from the beginning */
    size_t limit;     /* items on it */
};

struct page_request {
    struct str token;
    bool has_max_results;
    int32_t max_results;
    int32_t limit_max; /* of this list; also what it gives without maxResults */
};

/* Fails with InvalidParameterException on a maxResults out of range and on a token that this operation did not give. */
checked bool page_open(const struct call *call, const struct page_request *request, struct page *ret_page);
/* The token of the page behind that key. */
struct str page_next(const struct call *call, struct str last_key);

/* From a request's own members. */
#define PAGE_REQUEST(in, max)                                                                                          \
    {                                                                                                                  \
        (in)->next_token, (in)->has_max_results, (in)->max_results, max                                                \
    }
