/* The access keys as the server threads need them to verify signatures: a copy of the access_key table that follows the
 * durable changes. Any thread. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "wire/sigv4.h"

struct keys;

struct keys *keys_new(void);
void keys_free(struct keys *keys);

/* Feeds one durable change (core thread); tables other than access_key are passed over. */
void keys_changed(struct keys *keys, const struct change *change);

/* Forgets all keys. */
void keys_clear(struct keys *keys);

struct key_found {
    struct principal principal; /* strs in the arena */
    struct str secret;
    struct str session_token; /* absent: a long-term key */
    int64_t expires_ms;       /* WHEN_NEVER: never */
    bool works;               /* false: it, or the key that it was made with, is inactive */
};

/* Copies what is known of an access key into the arena; false when there is no such key. */
checked bool keys_find(struct keys *keys, struct str access_key, struct arena *arena, struct key_found *ret_found);

/* sigv4_derive_key, whose result is kept: deriving takes four of the five HMACs that a signature costs.
 * true: it had been kept. */
bool keys_signing_key(struct keys *keys, const struct sigv4_claim *claim, struct str secret, struct sigv4_key *ret_key);
/* A secret that nobody has, for signatures by keys that there are not. */
struct str keys_decoy(const struct keys *keys);

/* Compares a secret with what a client sent, in a time that tells nothing but their lengths. */
bool secret_eq(struct str sent, struct str secret);
