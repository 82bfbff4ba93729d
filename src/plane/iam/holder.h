/* A user, group or role as what policies hang on. */
#pragma once

#include "core/call.h"

enum holder_kind { HOLDER_USER, HOLDER_GROUP, HOLDER_ROLE };

struct holder {
    enum holder_kind kind;
    struct str id, name;
};

/* By name, of the caller's account; fails with NoSuchEntity. `for_change` refuses service-linked roles. */
checked bool holder_find(const struct call *call, enum holder_kind kind, struct str name, bool for_change,
                         struct holder *ret_holder);
