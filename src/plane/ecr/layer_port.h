/* What ECR's layer operations ask of the blob store, on a worker: bytes of a layer come in parts into an upload, which
 * becomes a blob. Implemented by edge/registry_layers.c; uploads are the same as those of the registry protocol.
 *
 * Failures are FAIL_API with ECR's exceptions, or the store's own. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "plane/ecr/repository_uri.h"

struct layer_part {
    const struct repository_ref *repository;
    struct str upload_id;
    uint64_t first; /* where its first byte belongs */
    struct str bytes;
};

struct layer_port {
    void *context;
    checked bool (*start)(void *context, const struct repository_ref *ref, struct arena *arena,
                          struct str *ret_upload_id, struct fail *f);
    checked bool (*append)(void *context, const struct layer_part *part, struct fail *f);
    /* The upload becomes the blob `digest`, and that the repository's. */
    checked bool (*complete)(void *context, const struct repository_ref *ref, struct str upload_id, struct str digest,
                             struct fail *f);
    /* A URL that yields the layer to whoever has it, until its time is over. */
    checked bool (*url)(void *context, const struct repository_ref *ref, struct str digest, struct arena *arena,
                        struct str *ret_url, struct fail *f);
};
