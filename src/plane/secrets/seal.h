/* Sealing: values that nobody may read in the store, in a copy of it or in a dump stand there encrypted and bound to
 * their place. AES-256-GCM (NIST SP 800-38D): nonce, ciphertext, tag, in this order.
 *
 * Pure: key and nonce are handed in. A nonce is used once with a key; random ones are good for 2^32 values (section
 * 8.3). What a value is bound to is the key of its record: moved elsewhere, it does not open. */
#pragma once

#include "base/arena.h"

enum { SEAL_KEY_BYTES = 32, SEAL_NONCE_BYTES = 12, SEAL_TAG_BYTES = 16 };

/* The sealed value, in the arena. */
struct str seal(struct arena *arena, struct str key, const unsigned char nonce[SEAL_NONCE_BYTES], struct str bound_to,
                struct str plain);

/* What was sealed, in the arena; false when it was sealed with another key, bound to something else, or changed. */
checked bool seal_open(struct arena *arena, struct str key, struct str bound_to, struct str sealed,
                       struct str *ret_plain);

/* A sealed value as text, in base64: for those who ask for a value and not for its decryption. */
struct str seal_text(struct arena *arena, struct str sealed);
