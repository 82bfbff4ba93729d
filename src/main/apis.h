/* What this binary answers: the domains behind the APIs, and the operations that have a handler (the APIs themselves
 * are in model/services.h). The server is made from these tables, and `berth operations` prints them for
 * docs/compatibility.md. */
#pragma once

#include "core/core.h"
#include "edge/front.h"

extern const struct domain_spec *const api_domains[]; /* in their order of dependence */
extern const size_t api_domain_count;
extern const struct operations api_operations[]; /* one row a domain */
extern const size_t api_operations_count;
