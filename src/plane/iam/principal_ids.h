/* Whom the policies of resources name. IAM keeps users and roles by the ids that it gave them, so that one who is made
 * anew under an old name is somebody else; the ids show once those are gone (IAM user guide, "AWS JSON policy elements:
 * Principal"). Documents that an older release stored name them by ARN, and go on doing so. */
#pragma once

#include "core/transaction.h"
#include "plane/iam/policy.h"

/* Puts ids in the place of ARNs, in a document that was read of a request. false: *ret_unknown names nobody. */
checked bool principal_ids_put(const struct transaction *tx, struct policy_document *document, struct str *ret_unknown);

/* The text as it is shown: those whom it names by the ARNs that they have now, or by their ids when they are gone. */
struct str principal_ids_shown(const struct transaction *tx, struct str text, const struct policy_document *document,
                               enum policy_kind kind, struct arena *arena);
