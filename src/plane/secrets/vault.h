/* The vault: how records keep what must not be read from them. Values are sealed (seal.h) with the installation's key,
 * which stands outside of the store (settings.secret_key), and bound to the key of their record. */
#pragma once

#include "core/transaction.h"

/* A sealed value and what it is bound to. */
struct sealed {
    struct str bound_to, bytes;
};

/* The value sealed with a fresh nonce, in the transaction's arena. */
struct str vault_seal(const struct transaction *tx, struct str bound_to, struct str plain);
/* Opens it, in the arena; false when the value was sealed with another key or for another record, or has changed. */
checked bool vault_open(const struct transaction *tx, const struct sealed *sealed, struct arena *arena,
                        struct str *ret_plain);
