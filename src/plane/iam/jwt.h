/* Identity tokens: signed JSON (RFC 7519) as OpenID Connect providers give out, and the keys that sign them (RFC 7517).
 *
 * Taken: three parts, signed with RS256 or ES256 (RFC 7518, section 3.1). Not: other algorithms, "none" least of all,
 * and encrypted tokens. Pure functions; any thread. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/fail.h"

struct jwt {
    struct str signed_part, signature; /* the bytes that are signed; raw */
    struct str algorithm, key_id;      /* key_id absent: the provider has one key */
    struct str issuer, subject, authorized_party;
    const struct str *audiences;
    size_t audience_count;
    int64_t expires_s, not_before_s; /* seconds since the epoch; not_before 0: none */
};

/* Reads a token without looking whether its signature is good; what it says stands in the arena. FAIL_INPUT. */
checked bool jwt_read(struct str token, struct arena *arena, struct jwt *ret_jwt, struct fail *f);

/* Whether a key of the set (JSON, "keys") has signed the token: FAIL_NOT_FOUND when the set has no such key,
 * FAIL_DENIED when the signature is another's, FAIL_INPUT when the set or the key cannot be read. */
checked bool jwt_verify(const struct jwt *jwt, struct str key_set, struct arena *arena, struct fail *f);
