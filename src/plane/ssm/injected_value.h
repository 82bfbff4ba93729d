/* The values that ECS takes for containers: what a valueFrom (plane/secrets/value_from.h) says, read from Secrets
 * Manager or Parameter Store. Whether the task's execution role may read it is for the caller to decide. */
#pragma once

#include "core/transaction.h"
#include "plane/secrets/value_from.h"

/* What the caller asks permission for. */
struct injected_access {
    const char *action; /* "secretsmanager:GetSecretValue", "ssm:GetParameters" */
    struct str resource;
};

/* Account and region of the task, where valueFrom has none. */
struct injected_place {
    struct str account, region;
};

struct injected_access injected_access(const struct transaction *tx, const struct injected_place *place,
                                       const struct value_from *from, struct arena *arena);

/* The value, in the arena: of a secret the text, or what stands under the key of its JSON. Fails with the store's own
 * error, or with FAIL_NOT_FOUND and the words of ECS where the store answers and the value is not in its answer. */
checked bool injected_value(const struct transaction *tx, const struct injected_place *place,
                            const struct value_from *from, struct arena *arena, struct str *ret_value, struct fail *f);
