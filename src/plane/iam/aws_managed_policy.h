/* AWS's own managed policies: constant data (managed_policies/), put among the records of account "aws" at start, where
 * every account finds them; a release that brings a newer one replaces it. */
#pragma once

#include "core/core.h"

struct aws_managed_policy {
    struct str id, arn, path, name;
    int32_t version;
    int64_t created_ms, updated_ms;
    struct str text;
};

extern const struct aws_managed_policy aws_managed_policies[];
extern const size_t aws_managed_policy_count;

/* Puts the ones that are missing or old. */
void aws_managed_policies_put(struct transaction *tx);
extern const struct reconciler_spec aws_managed_policy_reconciler; /* does so at start */
