/* What IAM tells a policy decision: its condition keys and its resources' tags ("Actions, resources, and condition keys
 * for AWS Identity and Access Management (IAM)", service authorization reference). */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec iam_access;

/* A tag of the user, role, policy, instance profile or OIDC provider that has that ARN; absent without. */
struct str iam_tag_of(const struct call *call, struct str arn, struct str key);
