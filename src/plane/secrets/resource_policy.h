/* The resource policy of a secret: IAM's document with Secrets Manager's errors, and whether it is open to everybody.
 * Any thread. */
#pragma once

#include "plane/iam/policy.h"

/* What the document says, in the arena. Fails with MalformedPolicyDocumentException. */
checked bool resource_policy_read(struct str text, struct arena *arena, struct policy_document **ret_document,
                                  struct fail *f);

/* Whether a statement allows everybody without a condition. */
bool resource_policy_is_public(const struct policy_document *document);
