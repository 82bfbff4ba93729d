/* Feeds the manifest parser: the first byte chooses what the client says beside the document. */
#include "plane/ecr/manifest.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const said[] = {NULL, MEDIA_TYPE_OCI_MANIFEST, MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_DOCKER_MANIFEST};
    struct manifest manifest;
    struct arena arena;
    struct fail f;

    if (size == 0)
        return 0;
    arena_init(&arena, 16 << 20);
    if (manifest_parse((struct str){(const char *)data + 1, size - 1}, str_of(said[data[0] % COUNT_OF(said)]), &arena,
                       &manifest, &f)) {
        for (size_t i = 0; i < manifest.layer_count; i++)
            must(manifest_digest_is_valid(manifest.layers[i].digest));
        for (size_t i = 0; i < manifest.manifest_count; i++)
            must(manifest_digest_is_valid(manifest.manifests[i].digest));
        must(manifest.is_index == (manifest.config.digest.ptr == NULL));
        must(!manifest.has_subject || manifest_digest_is_valid(manifest.subject.digest));
    } else {
        must(f.code == FAIL_API);
    }
    arena_free(&arena);
    return 0;
}
