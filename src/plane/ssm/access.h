/* What Parameter Store tells a policy decision: its condition keys and its parameters' tags ("Actions, resources, and
 * condition keys for AWS Systems Manager", service authorization reference). */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec ssm_access;
