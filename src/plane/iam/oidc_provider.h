/* OpenID Connect providers: issuers whose tokens AssumeRoleWithWebIdentity takes for the client ids that are named.
 *
 * The keys that a provider signs with are fetched by whoever the installation lends for it (OIDC_KEYS_EFFECT): soon
 * after the provider is made, and again each OIDC_KEYS_FRESH_MS, since providers change them. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec oidc_provider_table; /* by account and URL without its scheme */

/* The effect that asks for keys: target is the issuer's URL, bytes are the provider's record key. The answer comes with
 * oidc_provider_keys_put. */
#define OIDC_KEYS_EFFECT   "oidc-keys"
#define OIDC_KEYS_FRESH_MS (10 * MINUTE_MS)
extern const struct reconciler_spec oidc_provider_reconciler;
void oidc_provider_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

/* A key set (JSON) that the provider has given; nothing when the provider is gone meanwhile. */
void oidc_provider_keys_put(struct transaction *tx, struct str provider_key, struct str key_set);
/* The provider of that account whose tokens say this issuer, or NULL. */
const struct oidc_provider_record *oidc_provider_of_issuer(const struct transaction *tx, struct str account,
                                                           struct str issuer);

struct str oidc_provider_arn(struct arena *arena, const struct oidc_provider_record *provider);
/* By its ARN, of the caller's account; fails with NoSuchEntity. */
checked bool oidc_provider_find(const struct call *call, struct str arn,
                                const struct oidc_provider_record **ret_provider);
