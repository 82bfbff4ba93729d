/* Images: a manifest under its digest, tags that point to it, and the blobs that it needs. */
#include "base/must.h"
#include "base/wildcard.h"
#include "plane/ecr/ecr.h"

/* How exact lastRecordedPullTime is: pulls of a busy image must not write its record each time. (AWS promises a day:
 * API reference, ImageDetail.) */
#define PULL_TIME_STEP_MS HOUR_MS

#define REF_KEY(tx, ref, last) KEY((tx)->arena, (ref)->registry.account, (ref)->registry.region, (ref)->name, (last))
#define REF_PREFIX(tx, ref, last)                                                                                      \
    KEY_PREFIX((tx)->arena, (ref)->registry.account, (ref)->registry.region, (ref)->name, (last))

struct str repository_arn(struct arena *arena, const struct repository_ref *ref)
{
    return arena_printf(arena, "arn:aws:ecr:%.*s:%.*s:repository/%.*s", STR_ARG(ref->registry.region),
                        STR_ARG(ref->registry.account), STR_ARG(ref->name));
}

bool repository_find(const struct transaction *tx, const struct repository_ref *ref,
                     const struct repository_record **ret_repository, struct fail *f)
{
    const struct repository_record *repository =
        transaction_get(tx, &repository_table, KEY(tx->arena, ref->registry.account, ref->registry.region, ref->name));

    if (repository == NULL)
        return fail_api(f, ECR_ERROR_REPOSITORY_NOT_FOUND_EXCEPTION,
                        "The repository with name '%.*s' does not exist in the registry with id '%.*s'",
                        STR_ARG(ref->name), STR_ARG(ref->registry.account));
    *ret_repository = repository;
    return true;
}

const struct repository_blob_record *repository_blob_find(const struct transaction *tx,
                                                          const struct repository_ref *ref, struct str digest)
{
    return transaction_get(tx, &repository_blob_table, REF_KEY(tx, ref, digest));
}

bool repository_has_blob(const struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    return repository_blob_find(tx, ref, digest) != NULL;
}

void repository_attach_blob(struct transaction *tx, const struct repository_ref *ref, struct str digest, uint64_t size)
{
    struct repository_blob_record record = {.account_id = ref->registry.account,
                                            .region = ref->registry.region,
                                            .repository_name = ref->name,
                                            .digest = digest};

    SET(&record, size, (int64_t)size);
    SET(&record, attached_at, tx->now_ms);
    must(transaction_put(tx, &repository_blob_table, &record));
}

static bool not_found(const struct repository_ref *ref, struct str tag, struct str digest, struct fail *f)
{
    return fail_api(f, ECR_ERROR_IMAGE_NOT_FOUND_EXCEPTION,
                    "The image with imageId {imageDigest:'%.*s', imageTag:'%.*s'} does not exist within the repository "
                    "with name '%.*s' in the registry with id '%.*s'",
                    STR_ARG(digest.ptr == NULL ? STR("null") : digest), STR_ARG(tag.ptr == NULL ? STR("null") : tag),
                    STR_ARG(ref->name), STR_ARG(ref->registry.account));
}

bool image_find(const struct transaction *tx, const struct repository_ref *ref, struct str tag, struct str digest,
                const struct image_record **ret_image, struct fail *f)
{
    const struct image_tag_record *pointer;
    const struct image_record *image;

    if (tag.ptr != NULL) {
        pointer = transaction_get(tx, &image_tag_table, REF_KEY(tx, ref, tag));
        if (pointer == NULL || (digest.ptr != NULL && !str_eq(digest, pointer->digest)))
            return not_found(ref, tag, digest, f);
        digest = pointer->digest;
    }
    image = transaction_get(tx, &image_table, REF_KEY(tx, ref, digest));
    if (image == NULL)
        return not_found(ref, tag, digest, f);
    *ret_image = image;
    return true;
}

static bool needs_blob(const struct transaction *tx, const struct repository_ref *ref, struct str digest,
                       struct fail *f)
{
    if (repository_has_blob(tx, ref, digest))
        return true;
    return fail_api(f, ECR_ERROR_LAYERS_NOT_FOUND_EXCEPTION,
                    "The following layers, [%.*s], are not available for repository '%.*s' in registry '%.*s'",
                    STR_ARG(digest), STR_ARG(ref->name), STR_ARG(ref->registry.account));
}

static bool needs_all(const struct transaction *tx, const struct repository_ref *ref, const struct manifest *manifest,
                      struct fail *f)
{
    if (!manifest->is_index && !needs_blob(tx, ref, manifest->config.digest, f))
        return false;
    for (size_t i = 0; i < manifest->layer_count; i++)
        if (!manifest->layers[i].foreign && !needs_blob(tx, ref, manifest->layers[i].digest, f))
            return false;
    for (size_t i = 0; i < manifest->manifest_count; i++)
        if (transaction_get(tx, &image_table, REF_KEY(tx, ref, manifest->manifests[i].digest)) == NULL)
            return fail_api(f, ECR_ERROR_REFERENCED_IMAGES_NOT_FOUND_EXCEPTION,
                            "The following referenced images, [%.*s], are not available for repository '%.*s' in "
                            "registry '%.*s'",
                            STR_ARG(manifest->manifests[i].digest), STR_ARG(ref->name), STR_ARG(ref->registry.account));
    return true;
}

static bool is_immutable(const struct ecr_repository *repository, struct str tag)
{
    const struct ecr_image_tag_mutability_exclusion_filters *filters =
        &repository->image_tag_mutability_exclusion_filters;
    bool immutable = repository->image_tag_mutability == ECR_IMAGE_TAG_MUTABILITY_IMMUTABLE ||
                     repository->image_tag_mutability == ECR_IMAGE_TAG_MUTABILITY_IMMUTABLE_WITH_EXCLUSION;

    for (size_t i = 0; i < filters->count; i++)
        if (wildcard_matches(filters->items[i].filter, tag))
            return !immutable;
    return immutable;
}

static bool may_move_tag(const struct transaction *tx, const struct repository_ref *ref,
                         const struct repository_record *repository, struct str tag, struct str digest, struct fail *f)
{
    const struct image_tag_record *before = transaction_get(tx, &image_tag_table, REF_KEY(tx, ref, tag));

    if (before == NULL || str_eq(before->digest, digest) || !is_immutable(repository->repository, tag))
        return true;
    return fail_api(f, ECR_ERROR_IMAGE_TAG_ALREADY_EXISTS_EXCEPTION,
                    "The image tag '%.*s' already exists in the '%.*s' repository and cannot be overwritten because "
                    "the tag is immutable.",
                    STR_ARG(tag), STR_ARG(ref->name));
}

/* Of an index: its largest image's (API reference, ImageDetail). */
static int64_t size_of(const struct transaction *tx, const struct repository_ref *ref, const struct manifest *manifest)
{
    int64_t size = (int64_t)manifest->image_size;

    for (size_t i = 0; i < manifest->manifest_count; i++) {
        const struct image_record *image =
            transaction_get(tx, &image_table, REF_KEY(tx, ref, manifest->manifests[i].digest));

        if (image != NULL && image->size > size)
            size = image->size;
    }
    return size;
}

bool image_put(struct transaction *tx, const struct repository_ref *ref, const struct manifest *manifest,
               struct str bytes, struct str digest, struct str tag, struct fail *f)
{
    const struct repository_record *repository;
    struct image_record image = {.account_id = ref->registry.account,
                                 .region = ref->registry.region,
                                 .repository_name = ref->name,
                                 .digest = digest,
                                 .media_type = manifest->media_type,
                                 .manifest = bytes,
                                 .artifact_type = manifest->artifact_type};
    struct image_tag_record pointer = {.account_id = ref->registry.account,
                                       .region = ref->registry.region,
                                       .repository_name = ref->name,
                                       .tag = tag,
                                       .digest = digest};

    if (!repository_find(tx, ref, &repository, f) || !needs_all(tx, ref, manifest, f))
        return false;
    if (tag.ptr != NULL && !may_move_tag(tx, ref, repository, tag, digest, f))
        return false;
    if (manifest->has_subject)
        image.subject_digest = manifest->subject.digest;
    SET(&image, size, size_of(tx, ref, manifest));
    SET(&image, pushed_at, tx->now_ms);
    if (transaction_get(tx, &image_table, REF_KEY(tx, ref, digest)) == NULL)
        must(transaction_put(tx, &image_table, &image));
    if (tag.ptr != NULL)
        must(transaction_put(tx, &image_tag_table, &pointer));
    return true;
}

void image_note_pull(struct transaction *tx, const struct image_record *image)
{
    struct image_record record = *image;

    if (image->has_pulled_at && tx->now_ms - image->pulled_at < PULL_TIME_STEP_MS)
        return;
    SET(&record, pulled_at, tx->now_ms);
    must(transaction_put(tx, &image_table, &record));
}

static bool has_tag(const struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    struct walk walk = transaction_walk(tx, &image_tag_table, "digest", REF_PREFIX(tx, ref, digest));

    return walk_next(&walk) != NULL;
}

bool image_goes_with_tag(const struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    struct walk walk = transaction_walk(tx, &image_tag_table, "digest", REF_PREFIX(tx, ref, digest));

    return walk_next(&walk) != NULL && walk_next(&walk) == NULL;
}

static bool lists(const struct manifest *index, struct str digest)
{
    for (size_t i = 0; i < index->manifest_count; i++)
        if (str_eq(index->manifests[i].digest, digest))
            return true;
    return false;
}

struct str image_index(const struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    struct walk walk = transaction_walk(tx, &image_table, NULL,
                                        KEY_PREFIX(tx->arena, ref->registry.account, ref->registry.region, ref->name));
    const struct image_record *image;

    while ((image = walk_next(&walk)) != NULL) {
        struct manifest manifest;
        struct fail f;

        if ((str_is(image->media_type, MEDIA_TYPE_OCI_INDEX) || str_is(image->media_type, MEDIA_TYPE_DOCKER_LIST)) &&
            manifest_parse(image->manifest, image->media_type, tx->arena, &manifest, &f) && lists(&manifest, digest))
            return image->digest;
    }
    return (struct str){NULL, 0};
}

void image_remove_tag(struct transaction *tx, const struct repository_ref *ref, struct str tag)
{
    const struct image_tag_record *pointer = transaction_get(tx, &image_tag_table, REF_KEY(tx, ref, tag));
    struct str digest;

    if (pointer == NULL)
        return;
    digest = pointer->digest;
    transaction_delete(tx, &image_tag_table, REF_KEY(tx, ref, tag));
    if (!has_tag(tx, ref, digest))
        transaction_delete(tx, &image_table, REF_KEY(tx, ref, digest));
}

void image_remove(struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    struct walk walk = transaction_walk(tx, &image_tag_table, "digest", REF_PREFIX(tx, ref, digest));
    const struct image_tag_record *pointer;

    while ((pointer = walk_next(&walk)) != NULL)
        transaction_delete(tx, &image_tag_table, REF_KEY(tx, ref, pointer->tag));
    transaction_delete(tx, &image_table, REF_KEY(tx, ref, digest));
}
