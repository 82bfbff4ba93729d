/* The registry protocol: the OCI distribution specification 1.1 over HTTP, with ECR's manners: repositories are not
 * made by pushing, immutable tags stay, words and identities are ECR's.
 *
 * It owns requests below /v2/ and upload sessions while a request holds them; blobs are os/blob_store.h's, everything
 * that is known about repositories is asked through metadata.h.
 *
 * Life of a push, of which nothing is visible before the end:
 *   1 POST uploads/      may he? a session begins (or the blob is mounted from another repository: done)
 *   2 PATCH, PUT         bytes go to the session; a connection that breaks puts it down, to be resumed by offset
 *   3 PUT ?digest=       the session becomes a blob, then the blob becomes the repository's
 *   4 PUT manifests/     all blobs are the repository's: the image is there, and its tag
 *
 * Sources: OCI distribution specification 1.1.0 ("Push", "Pull", "Content Discovery", "Content Management", "Error
 * Codes"); Amazon ECR user guide, "Private registry authentication". Words and codes of failures as ECR's registries
 * give them to docker, skopeo and crane. */
#pragma once

#include "edge/registry/metadata.h"
#include "os/blob_store.h"
#include "os/http_server.h"

struct registry;

enum { REGISTRY_PAGE_MAX = 1000 };

struct registry_options {
    struct blob_store *blobs;
    struct registry_metadata metadata;
    struct registry_id fallback; /* the default registry; see plane/ecr/repository_uri.h */
    uint64_t blob_bytes_max;     /* 0: BLOB_BYTES_MAX_DEFAULT */
};

#define BLOB_BYTES_MAX_DEFAULT ((uint64_t)52000 << 20) /* Amazon ECR service quotas: maximum layer size */

/* Options are copied; their strs, the blob store and the metadata outlive the registry. */
checked bool registry_start(const struct registry_options *options, struct registry **ret_registry, struct fail *f);
/* When no exchange is under way any more. */
void registry_stop(struct registry *registry);

/* Is this request the registry's: is its path /v2 or below? */
bool registry_wants(const struct wire_request *request);

/* Who may go on with an upload to that repository: the owner in os/blob_upload.h. */
struct str registry_upload_owner(const struct repository_ref *ref, struct arena *arena);

/* The functions of a struct http_handler, for exchanges that registry_wants; context is the registry, exchange->user is
 * the registry's. begin waits for the metadata when a blob is about to arrive: a stranger's bytes are never stored. */
bool registry_begin(void *context, struct http_exchange *exchange);
bool registry_data(void *context, struct http_exchange *exchange, struct str bytes);
void registry_complete(void *context, struct http_exchange *exchange);
void registry_replying(void *context, struct http_exchange *exchange);
void registry_ended(void *context, struct http_exchange *exchange);
