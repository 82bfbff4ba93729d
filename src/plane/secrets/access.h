/* What Secrets Manager tells a policy decision: its condition keys, its secrets' tags and their own policies ("Actions,
 * resources, and condition keys for AWS Secrets Manager", service authorization reference). */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec secrets_access;
