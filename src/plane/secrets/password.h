/* GetRandomPassword's rules, without the operation: which characters, and whether one of each kind must be there. Any
 * thread. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/secretsmanager.h"

enum { PASSWORD_LEN_DEFAULT = 32 };

/* Gives random bytes, as transaction_secret does. */
struct password_source {
    void (*fill)(void *context, void *bytes, size_t len);
    void *context;
};

/* The password, in the arena: every character that is allowed equally likely. Fails with InvalidParameterException when
 * no password can be as it is asked for. */
checked bool password_make(const struct secretsmanager_get_random_password_request *in,
                           const struct password_source *source, struct arena *arena, struct str *ret_password,
                           struct fail *f);
