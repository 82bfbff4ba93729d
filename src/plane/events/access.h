/* What EventBridge tells a policy decision ("Actions, resources, and condition keys for Amazon EventBridge", service
 * authorization reference). */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec events_access;
