/* What ECR tells a policy decision: a repository's tags, its own policy and its registry's ("Actions, resources, and
 * condition keys for Amazon Elastic Container Registry", service authorization reference). For the API and the registry
 * protocol. */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec ecr_access;
