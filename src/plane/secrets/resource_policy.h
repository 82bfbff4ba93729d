/* The form of a secret's resource policy (IAM user guide, "IAM JSON policy elements reference"), and whether it is open
 * to everybody. Any thread. */
#pragma once

#include "base/str.h"

struct resource_policy_fault {
    bool is_public;    /* a statement allows everybody without a condition */
    char message[200]; /* why the text is no policy, when it is none */
};

checked bool resource_policy_check(struct str text, struct resource_policy_fault *ret_fault);
