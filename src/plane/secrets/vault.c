#include "plane/secrets/vault.h"

#include "plane/secrets/seal.h"

struct str vault_seal(const struct transaction *tx, struct str bound_to, struct str plain)
{
    unsigned char nonce[SEAL_NONCE_BYTES];

    transaction_secret(tx, nonce, sizeof(nonce));
    return seal(tx->arena, transaction_settings(tx)->secret_key, nonce, bound_to, plain);
}

bool vault_open(const struct transaction *tx, const struct sealed *sealed, struct arena *arena, struct str *ret_plain)
{
    return seal_open(arena, transaction_settings(tx)->secret_key, sealed->bound_to, sealed->bytes, ret_plain);
}
