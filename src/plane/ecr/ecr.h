/* Amazon ECR: repositories, their images and tags. Blobs are files beside the records (os/blob_store.h); a repository's
 * record of a blob says that it may be read there.
 *
 * The registry protocol (edge/registry) and the API's handlers change the same records through the functions here. All
 * fail with the exceptions of ECR's API. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/ecr.h"
#include "plane/ecr/ecr_record.h"
#include "plane/ecr/manifest.h"
#include "plane/ecr/repository_uri.h"

/* How long a token of GetAuthorizationToken is good (API reference, GetAuthorizationToken). */
#define REGISTRY_TOKEN_MS (12 * HOUR_MS)

extern const struct domain_spec ecr_domain;
extern const struct operation_spec ecr_handlers[];
extern const size_t ecr_handler_count;

extern const struct table_spec repository_table;      /* by account, region, name */
extern const struct table_spec repository_blob_table; /* by account, region, repository, digest */
extern const struct table_spec image_table;           /* by account, region, repository, digest; index "subject" */
extern const struct table_spec image_tag_table;       /* by account, region, repository, tag; index "digest" */
extern const struct table_spec registry_token_table;  /* by token */

checked bool repository_find(const struct transaction *tx, const struct repository_ref *ref,
                             const struct repository_record **ret_repository, struct fail *f);
struct str repository_arn(struct arena *arena, const struct repository_ref *ref);

/* What the repository knows of a blob; NULL: it is not the repository's. */
const struct repository_blob_record *repository_blob_find(const struct transaction *tx,
                                                          const struct repository_ref *ref, struct str digest);
bool repository_has_blob(const struct transaction *tx, const struct repository_ref *ref, struct str digest);
void repository_attach_blob(struct transaction *tx, const struct repository_ref *ref, struct str digest, uint64_t size);
/* Takes one from it; false when an image of the repository needs it. */
bool repository_remove_blob(struct transaction *tx, const struct repository_ref *ref, struct str digest);
/* Takes from the repository the blobs that none of its images needs and that were attached at or before that time. */
void repository_drop_blobs(struct transaction *tx, const struct repository_ref *ref, int64_t before_ms);

/* By tag or, when that is absent, by digest. Fails with ImageNotFoundException. */
checked bool image_find(const struct transaction *tx, const struct repository_ref *ref, struct str tag,
                        struct str digest, const struct image_record **ret_image, struct fail *f);
/* Puts a manifest, under the tag too unless that is absent. What it refers to must be in the repository. */
checked bool image_put(struct transaction *tx, const struct repository_ref *ref, const struct manifest *manifest,
                       struct str bytes, struct str digest, struct str tag, struct fail *f);
/* Somebody has got the manifest to pull the image. */
void image_note_pull(struct transaction *tx, const struct image_record *image);
/* Whether the image has one tag only, with which it would go. */
bool image_goes_with_tag(const struct transaction *tx, const struct repository_ref *ref, struct str digest);
/* The digest of an index that lists the image and would be broken without it; absent: there is none. */
struct str image_index(const struct transaction *tx, const struct repository_ref *ref, struct str digest);
/* Removes the tag (and the image with its last one), or the image with all its tags. */
void image_remove_tag(struct transaction *tx, const struct repository_ref *ref, struct str tag);
void image_remove(struct transaction *tx, const struct repository_ref *ref, struct str digest);
