/* One repository of one registry, asked over HTTP (OCI Distribution Spec 1.1, "Pull"; docker's Registry HTTP API V2):
 * manifests and blobs, with the authorization the registry wants: none, Basic, or a Bearer token.
 *
 * A session is shared by the threads of one pull; each brings its own fetch_client. Failures: IMAGE_NOT_FOUND,
 * IMAGE_DENIED, IMAGE_REGISTRY, and what fetches fail with. */
#pragma once

#include "node/image/fetch.h"
#include "node/image/image.h"
#include "node/image/token.h"

struct registry_session;

/* Strs of registry and reference are copied. */
struct registry_session *registry_session_open(const struct image_registry *registry,
                                               const struct image_reference *reference,
                                               const struct image_limits *limits, struct token_cache *tokens);
void registry_session_close(struct registry_session *session);

enum registry_kind { REGISTRY_MANIFEST, REGISTRY_BLOB };

struct registry_object {
    enum registry_kind kind;
    struct str name; /* tag or digest */
    uint64_t offset; /* of a blob: where to begin */
};

/* Asks once (and again with authorization when the registry wants some). On success the answer's body is what was
 * asked for; its offset may be 0 where the registry knows no ranges. */
checked bool registry_open(struct registry_session *session, struct fetch_client *client,
                           const struct registry_object *object, struct fetch **ret_fetch, struct fail *f);

/* May the same request do better later? */
bool registry_retriable(const struct fail *f);
/* How long to wait before attempt number `attempt` (the second is 1). */
uint64_t registry_backoff_ms(const struct image_limits *limits, unsigned attempt);
