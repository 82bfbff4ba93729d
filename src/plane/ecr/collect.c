/* Which blobs of a repository nobody needs any more. */
#include "plane/ecr/ecr.h"

#include "base/map.h"

#define PREFIX(tx, ref) KEY_PREFIX((tx)->arena, (ref)->registry.account, (ref)->registry.region, (ref)->name)

/* Adds what the image needs to a set of digests; the digests stay in the transaction's arena. */
static void add_needed(struct transaction *tx, const struct image_record *image, struct map *needed)
{
    struct manifest manifest;
    struct fail f;

    if (!manifest_parse(image->manifest, image->media_type, tx->arena, &manifest, &f) || manifest.is_index)
        return;
    (void)map_put(needed, arena_str(tx->arena, manifest.config.digest), needed);
    for (size_t i = 0; i < manifest.layer_count; i++)
        (void)map_put(needed, arena_str(tx->arena, manifest.layers[i].digest), needed);
}

/* The digests of what the repository's images consist of. */
static struct map needed_blobs(struct transaction *tx, const struct repository_ref *ref)
{
    struct walk images = transaction_walk(tx, &image_table, NULL, PREFIX(tx, ref));
    const struct image_record *image;
    struct map needed = {0};

    while ((image = walk_next(&images)) != NULL)
        add_needed(tx, image, &needed);
    return needed;
}

bool repository_remove_blob(struct transaction *tx, const struct repository_ref *ref, struct str digest)
{
    struct map needed = needed_blobs(tx, ref);
    bool unneeded = map_get(&needed, digest) == NULL;

    map_free(&needed);
    if (unneeded)
        transaction_delete(tx, &repository_blob_table,
                           KEY(tx->arena, ref->registry.account, ref->registry.region, ref->name, digest));
    return unneeded;
}

void repository_drop_blobs(struct transaction *tx, const struct repository_ref *ref, int64_t before_ms)
{
    struct walk blobs = transaction_walk(tx, &repository_blob_table, NULL, PREFIX(tx, ref));
    const struct repository_blob_record *blob;
    struct map needed = needed_blobs(tx, ref);

    while ((blob = walk_next(&blobs)) != NULL)
        if (blob->attached_at <= before_ms && map_get(&needed, blob->digest) == NULL)
            transaction_delete(tx, &repository_blob_table, blobs.at);
    map_free(&needed);
}
