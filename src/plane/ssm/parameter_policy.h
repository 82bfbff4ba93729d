/* Policies of advanced parameters (user guide, "Assigning parameter policies"): a JSON list of Expiration,
 * ExpirationNotification and NoChangeNotification. Expiration takes the parameter away on time; the notifications are
 * kept and shown, as there is nobody to notify. Any thread. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/ssm.h"

enum { PARAMETER_POLICIES_MAX = 10 };

struct parameter_policies {
    struct ssm_parameter_policy_list list; /* in the arena; no items: "[{}]", which takes them away */
    bool expires;
    int64_t expires_at;
};

/* Fails as PutParameter does. */
checked bool parameter_policies_parse(struct str text, int64_t now_ms, struct arena *arena,
                                      struct parameter_policies *ret_policies, struct fail *f);
