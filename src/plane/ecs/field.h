/* A member of a request, found by the path of its names in the model: "healthCheck.interval". So that rules can be rows
 * of a table: which field, where it counts, what the answer is. */
#pragma once

#include "model/shape.h"

/* Whether the model has such a member; for the tests that walk the tables. */
bool field_exists(const struct shape *structure, const char *path);

/* Whether the request says something there: true, a list or map with items, any other value. */
bool field_is_set(const struct shape *structure, const void *value, const char *path);

/* The number there; false when it is absent. */
checked bool field_integer(const struct shape *structure, const void *value, const char *path, int64_t *ret_number);
