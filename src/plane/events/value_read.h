/* JSON into a value of any shape, for what stands in the input of a target: members that the shape does not have are
 * passed over, and what has the wrong type is refused. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/shape.h"

/* *value is zeroed, of the structure's size; all it points to stands in the arena. Fails with FAIL_INPUT, naming the
 * member. */
checked bool value_read_json(const struct shape *structure, struct str json, void *value, struct arena *arena,
                             struct fail *f);
