/* Taking on a role: what AssumeRole and AssumeRoleWithWebIdentity share. */
#pragma once

#include "model/gen/sts.h"
#include "plane/iam/role.h"
#include "plane/iam/session.h"

/* How long a session of the role may be: an hour unless asked (0: not asked). */
checked bool role_session_seconds(const struct call *call, const struct role_record *role, bool is_chained,
                                  int32_t asked, int32_t *ret_seconds);
/* The session, made; its role is filled in. */
struct access_key_record role_session_make(const struct call *call, const struct role_record *role,
                                           const struct session_detail *session, int32_t seconds);
struct sts_assumed_role_user *assumed_role_user(struct arena *arena, const struct access_key_record *key);

bool sts_assume_role(struct call *call, const struct sts_assume_role_request *in, struct sts_assume_role_response *out);
