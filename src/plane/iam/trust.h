/* Trust policies: who may take a role on. */
#pragma once

#include "core/call.h"
#include "plane/iam/policy.h"

/* Reads a role's trust policy. Fails with MalformedPolicyDocument, also for a user or role that does not exist, and
 * with LimitExceeded when it is too long. */
checked bool trust_read(const struct call *call, struct str text, struct policy_document **ret_document);
