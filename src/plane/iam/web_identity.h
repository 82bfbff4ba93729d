/* AssumeRoleWithWebIdentity: a token of an OpenID Connect provider becomes a session of a role. */
#pragma once

#include "core/call.h"
#include "model/gen/sts.h"

bool sts_assume_role_with_web_identity(struct call *call, const struct sts_assume_role_with_web_identity_request *in,
                                       struct sts_assume_role_with_web_identity_response *out);
