/* Manifests and configs as a registry may send them: first byte 'c' for a config, else a manifest. What parses keeps
 * the invariants of manifest.h. */
#include "base/must.h"
#include "node/image/config.h"
#include "node/image/digest.h"
#include "node/image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest_holds(const struct image_manifest *manifest, const struct image_limits *limits)
{
    const struct image_platform platform = {STR("linux"), STR("amd64"), {NULL, 0}};
    const struct image_descriptor *entry;
    struct fail f;

    for (size_t i = 0; i < manifest->child_count; i++)
        must(digest_valid(manifest->children[i].digest));
    if (manifest->kind == IMAGE_MANIFEST) {
        must(digest_valid(manifest->config.digest));
        must(manifest->child_count <= limits->layers_max);
    } else if (image_manifest_choose(manifest, &platform, &entry, &f)) {
        must(entry >= manifest->children);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data + 1, size - 1};
    struct image_limits limits = {0};
    struct image_manifest manifest;
    struct image_config config;
    struct arena arena;
    struct fail f;

    if (size == 0)
        return 0;
    image_limits_fill(&limits);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (data[0] == 'c') {
        if (image_config_parse(&arena, text, &limits, &config, &f))
            for (size_t i = 0; i < config.diff_ids.count; i++)
                must(digest_valid(config.diff_ids.items[i]));
    } else if (image_manifest_parse(&arena, text, STR(""), &limits, &manifest, &f)) {
        manifest_holds(&manifest, &limits);
    }
    arena_free(&arena);
    return 0;
}
