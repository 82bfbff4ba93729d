/* OpenID Connect providers: issuers whose tokens AssumeRoleWithWebIdentity takes for the client ids that are named. */
#pragma once

#include "core/call.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec oidc_provider_table; /* by account and URL without its scheme */

struct str oidc_provider_arn(struct arena *arena, const struct oidc_provider_record *provider);
/* By its ARN, of the caller's account; fails with NoSuchEntity. */
checked bool oidc_provider_find(const struct call *call, struct str arn,
                                const struct oidc_provider_record **ret_provider);
