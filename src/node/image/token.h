/* Bearer tokens of registries, asked from the authorization service that a challenge names and kept until they expire
 * (OCI Distribution, "Token Authentication Specification"); and which registries want Basic instead, so that they need
 * not ask for it again. A token belongs to one scope and one pair of credentials; the cache knows those only by their
 * digest. Safe from any thread. */
#pragma once

#include "node/image/challenge.h"
#include "node/image/fetch.h"

struct token_cache;

struct token_request {
    struct challenge challenge; /* Bearer */
    struct str scope;
    struct str user; /* absent: anonymous */
    struct str password;
    const char *ca_file;
    bool https_only;     /* the registry was asked by https, so the service must be */
    bool cached_refused; /* the cached token did not work: forget it */
};

struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);

/* "Bearer <token>", malloc'ed. Fails with IMAGE_DENIED, or as fetches do. No secret stands in a failure. */
checked bool token_get(struct token_cache *cache, struct fetch_client *client, const struct image_limits *limits,
                       const struct token_request *request, char **ret_authorization, struct fail *f);

/* "Basic <base64 of user:password>", malloc'ed (RFC 7617). */
char *basic_authorization(struct str user, struct str password);
/* That the registry wanted Basic for these credentials: basic_wanted is true from then on, for a day. */
void basic_remember(struct token_cache *cache, struct str registry, struct str user, struct str password);
bool basic_wanted(struct token_cache *cache, struct str registry, struct str user, struct str password);
