/* Layers through the API. The handler answers for the repository, in a transaction; the finish moves the bytes, on a
 * worker, through the layer port. */
#include "plane/ecr/operations.h"

#include "base/must.h"

enum { PART_BYTES = 10 << 20 }; /* API reference, InitiateLayerUpload: partSize, of its example */

/* Nothing but whether the repository is there; its bytes come in the finish. */
#define REPOSITORY_CHECK(name)                                                                                         \
    bool ecr_##name(struct call *call, const struct ecr_##name##_request *in, struct ecr_##name##_response *out)       \
    {                                                                                                                  \
        struct repository_ref ref = REF(call, in);                                                                     \
        const struct repository_record *repository;                                                                    \
                                                                                                                       \
        (void)out;                                                                                                     \
        return repository_find(call->tx, &ref, &repository, call->fail);                                               \
    }

/* ---- BatchCheckLayerAvailability ---- */

static void check_one(struct call *call, const struct repository_ref *ref, struct str digest,
                      struct ecr_batch_check_layer_availability_response *out)
{
    const struct repository_blob_record *blob;
    struct ecr_layer *layer = &out->layers.items[out->layers.count];

    if (!manifest_digest_is_valid(digest)) {
        out->failures.items[out->failures.count++] = (struct ecr_layer_failure){
            .layer_digest = digest,
            .failure_code = digest.len == 0 ? ECR_LAYER_FAILURE_CODE_MISSING_LAYER_DIGEST
                                            : ECR_LAYER_FAILURE_CODE_INVALID_LAYER_DIGEST,
            .failure_reason = STR("Invalid request parameters: layer digest should satisfy the regex "
                                  "'sha256:[0-9a-f]{64}'")};
        return;
    }
    blob = repository_blob_find(call->tx, ref, digest);
    layer->layer_digest = digest;
    layer->layer_availability = blob != NULL ? ECR_LAYER_AVAILABILITY_AVAILABLE : ECR_LAYER_AVAILABILITY_UNAVAILABLE;
    if (blob != NULL)
        SET(layer, layer_size, blob->size);
    out->layers.count++;
}

bool ecr_batch_check_layer_availability(struct call *call, const struct ecr_batch_check_layer_availability_request *in,
                                        struct ecr_batch_check_layer_availability_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->layers.items = arena_array(call->arena, struct ecr_layer, in->layer_digests.count + 1);
    out->failures.items = arena_array(call->arena, struct ecr_layer_failure, in->layer_digests.count + 1);
    for (size_t i = 0; i < in->layer_digests.count; i++)
        check_one(call, &ref, in->layer_digests.items[i], out);
    return true;
}

/* ---- InitiateLayerUpload ---- */

REPOSITORY_CHECK(initiate_layer_upload)

bool initiate_layer_upload_finish(const struct call *call, const struct ports *ports,
                                  const struct ecr_initiate_layer_upload_request *in,
                                  struct ecr_initiate_layer_upload_response *out)
{
    struct repository_ref ref = REF(call, in);

    SET(out, part_size, PART_BYTES);
    return ports->layers->start(ports->layers->context, &ref, call->arena, &out->upload_id, call->fail);
}

/* ---- UploadLayerPart ---- */

bool ecr_upload_layer_part(struct call *call, const struct ecr_upload_layer_part_request *in,
                           struct ecr_upload_layer_part_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    (void)out;
    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    if ((uint64_t)in->part_last_byte - (uint64_t)in->part_first_byte + 1 == in->layer_part_blob.len)
        return true;
    return fail_api(call->fail, ECR_ERROR_INVALID_LAYER_PART_EXCEPTION,
                    "The layer part size is not valid: partFirstByte %lld and partLastByte %lld do not fit a part of "
                    "%zu bytes",
                    (long long)in->part_first_byte, (long long)in->part_last_byte, in->layer_part_blob.len);
}

bool upload_layer_part_finish(const struct call *call, const struct ports *ports,
                              const struct ecr_upload_layer_part_request *in,
                              struct ecr_upload_layer_part_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct layer_part part = {.repository = &ref,
                                    .upload_id = in->upload_id,
                                    .first = (uint64_t)in->part_first_byte,
                                    .bytes = in->layer_part_blob};

    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->upload_id = in->upload_id;
    SET(out, last_byte_received, in->part_last_byte);
    return ports->layers->append(ports->layers->context, &part, call->fail);
}

/* ---- CompleteLayerUpload ---- */

/* The client may give several digests of the same bytes; sha256 is the one that is kept and checked. */
static bool choose_digest(const struct ecr_layer_digest_list *digests, struct str *ret_digest, struct fail *f)
{
    struct str chosen = {NULL, 0};

    for (size_t i = 0; i < digests->count; i++) {
        if (!manifest_digest_is_valid(digests->items[i]))
            continue;
        if (chosen.ptr != NULL && !str_eq(chosen, digests->items[i]))
            return fail_api(f, ECR_ERROR_INVALID_LAYER_EXCEPTION, "The layer digests contradict each other");
        chosen = digests->items[i];
    }
    if (chosen.ptr == NULL)
        return fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'layerDigests' failed to satisfy constraint: 'one must be a sha256 "
                        "digest'");
    *ret_digest = chosen;
    return true;
}

bool ecr_complete_layer_upload(struct call *call, const struct ecr_complete_layer_upload_request *in,
                               struct ecr_complete_layer_upload_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail) ||
        !choose_digest(&in->layer_digests, &out->layer_digest, call->fail))
        return false;
    if (repository_has_blob(call->tx, &ref, out->layer_digest))
        return fail_api(call->fail, ECR_ERROR_LAYER_ALREADY_EXISTS_EXCEPTION,
                        "The layer with digest '%.*s' already exists in the repository with name '%.*s' in registry "
                        "with id '%.*s'",
                        STR_ARG(out->layer_digest), STR_ARG(ref.name), STR_ARG(ref.registry.account));
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->upload_id = in->upload_id;
    return true;
}

bool complete_layer_upload_finish(const struct call *call, const struct ports *ports,
                                  const struct ecr_complete_layer_upload_request *in,
                                  struct ecr_complete_layer_upload_response *out)
{
    struct repository_ref ref = REF(call, in);

    return ports->layers->complete(ports->layers->context, &ref, in->upload_id, out->layer_digest, call->fail);
}

/* ---- GetDownloadUrlForLayer ---- */

bool ecr_get_download_url_for_layer(struct call *call, const struct ecr_get_download_url_for_layer_request *in,
                                    struct ecr_get_download_url_for_layer_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->layer_digest = in->layer_digest;
    if (repository_has_blob(call->tx, &ref, in->layer_digest))
        return true;
    return fail_api(call->fail, ECR_ERROR_LAYERS_NOT_FOUND_EXCEPTION,
                    "The layer with digest '%.*s' was not found in the repository with name '%.*s' in registry with id "
                    "'%.*s'",
                    STR_ARG(in->layer_digest), STR_ARG(ref.name), STR_ARG(ref.registry.account));
}

bool get_download_url_for_layer_finish(const struct call *call, const struct ports *ports,
                                       const struct ecr_get_download_url_for_layer_request *in,
                                       struct ecr_get_download_url_for_layer_response *out)
{
    struct repository_ref ref = REF(call, in);

    return ports->layers->url(ports->layers->context, &ref, in->layer_digest, call->arena, &out->download_url,
                              call->fail);
}
