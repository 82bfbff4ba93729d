#include "node/image/manifest.h"

#include "node/image/digest.h"
#include "node/image/json_read.h"
#include "node/image/problem.h"

#define OCI    "application/vnd.oci."
#define DOCKER "application/vnd.docker."

const char image_manifest_accept[] = OCI "image.index.v1+json, " OCI "image.manifest.v1+json, " DOCKER
                                         "distribution.manifest.list.v2+json, " DOCKER "distribution.manifest.v2+json";

enum document { DOCUMENT_IMAGE, DOCUMENT_INDEX, DOCUMENT_SCHEMA_1, DOCUMENT_ARTIFACT };

static const struct {
    struct str media_type;
    enum document document;
} documents[] = {
    {STR_INIT(OCI "image.index.v1+json"), DOCUMENT_INDEX},
    {STR_INIT(DOCKER "distribution.manifest.list.v2+json"), DOCUMENT_INDEX},
    {STR_INIT(OCI "image.manifest.v1+json"), DOCUMENT_IMAGE},
    {STR_INIT(DOCKER "distribution.manifest.v2+json"), DOCUMENT_IMAGE},
    {STR_INIT(DOCKER "distribution.manifest.v1+json"), DOCUMENT_SCHEMA_1},
    {STR_INIT(DOCKER "distribution.manifest.v1+prettyjws"), DOCUMENT_SCHEMA_1},
    {STR_INIT(OCI "artifact.manifest.v1+json"), DOCUMENT_ARTIFACT},
};

enum layer_kind { LAYER_OURS, LAYER_FOREIGN };

static const struct {
    struct str media_type;
    enum layer_kind kind;
} layer_types[] = {
    {STR_INIT(OCI "image.layer.v1.tar"), LAYER_OURS},
    {STR_INIT(OCI "image.layer.v1.tar+gzip"), LAYER_OURS},
    {STR_INIT(OCI "image.layer.v1.tar+zstd"), LAYER_OURS},
    {STR_INIT(DOCKER "image.rootfs.diff.tar"), LAYER_OURS},
    {STR_INIT(DOCKER "image.rootfs.diff.tar.gzip"), LAYER_OURS},
    {STR_INIT(DOCKER "image.rootfs.diff.tar.zstd"), LAYER_OURS},
    {STR_INIT(OCI "image.layer.nondistributable.v1.tar"), LAYER_FOREIGN},
    {STR_INIT(OCI "image.layer.nondistributable.v1.tar+gzip"), LAYER_FOREIGN},
    {STR_INIT(OCI "image.layer.nondistributable.v1.tar+zstd"), LAYER_FOREIGN},
    {STR_INIT(DOCKER "image.rootfs.foreign.diff.tar"), LAYER_FOREIGN},
    {STR_INIT(DOCKER "image.rootfs.foreign.diff.tar.gzip"), LAYER_FOREIGN},
};

static const struct str config_types[] = {STR_INIT(OCI "image.config.v1+json"),
                                          STR_INIT(DOCKER "container.image.v1+json")};

static bool document_of(struct str media_type, enum document *ret_document)
{
    struct str parameters;
    struct str bare = str_trim(str_cut(media_type, ';', &parameters));

    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        if (str_eq_nocase(bare, documents[i].media_type)) {
            *ret_document = documents[i].document;
            return true;
        }
    }
    return false;
}

/* What the document is: by its own mediaType, by the header, or by its members. One that could be read both ways is
 * refused, since two readers of the same digest must see the same image (OCI Distribution advisory on ambiguous
 * manifests). */
static bool classify(const json_t *object, struct str media_type, struct str content_type, enum document *ret_document,
                     struct fail *f)
{
    bool index = json_object_get(object, "manifests") != NULL;
    bool image = json_object_get(object, "layers") != NULL || json_object_get(object, "config") != NULL;
    enum document document;

    if (index && image)
        return image_fail(f, IMAGE_MALFORMED, "manifest is ambiguous: both an image and an index");
    if (media_type.len > 0) {
        if (!document_of(media_type, &document))
            return image_fail(f, IMAGE_UNSUPPORTED, "manifest has unsupported media type %.*s", STR_ARG(media_type));
    } else if (!document_of(content_type, &document)) {
        if (!index && !image)
            return image_fail(f, IMAGE_UNSUPPORTED, "manifest has unsupported media type %.*s", STR_ARG(content_type));
        document = index ? DOCUMENT_INDEX : DOCUMENT_IMAGE;
    }
    if ((document == DOCUMENT_IMAGE && index) || (document == DOCUMENT_INDEX && image))
        return image_fail(f, IMAGE_MALFORMED, "manifest does not have the members of its media type");
    *ret_document = document;
    return true;
}

static bool read_platform(const json_t *object, struct arena *arena, struct image_descriptor *descriptor,
                          struct fail *f)
{
    json_t *platform;

    if (!json_read_member(object, "platform", JSON_OBJECT, &platform, f))
        return false;
    descriptor->has_platform = platform != NULL;
    return json_read_text(platform, "os", arena, &descriptor->platform.os, f) &&
           json_read_text(platform, "architecture", arena, &descriptor->platform.architecture, f) &&
           json_read_text(platform, "variant", arena, &descriptor->platform.variant, f);
}

static bool read_descriptor(const json_t *object, struct arena *arena, uint64_t size_max,
                            struct image_descriptor *ret_descriptor, struct fail *f)
{
    struct image_descriptor descriptor;

    if (!json_is_object(object))
        return image_fail(f, IMAGE_MALFORMED, "a descriptor is not an object");
    if (!json_read_text(object, "mediaType", arena, &descriptor.media_type, f) ||
        !json_read_text(object, "digest", arena, &descriptor.digest, f) ||
        !json_read_count(object, "size", &descriptor.size, f) || !read_platform(object, arena, &descriptor, f))
        return false;
    if (!digest_valid(descriptor.digest))
        return image_fail(f, IMAGE_MALFORMED, "digest \"%.100s\" is not sha256 and 64 digits",
                          descriptor.digest.ptr == NULL ? "" : descriptor.digest.ptr);
    if (descriptor.size > size_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "%.*s has %llu bytes, more than %llu", STR_ARG(descriptor.digest),
                          (unsigned long long)descriptor.size, (unsigned long long)size_max);
    *ret_descriptor = descriptor;
    return true;
}

static bool read_children(const json_t *object, const char *name, struct arena *arena, uint64_t count_max,
                          uint64_t size_max, struct image_manifest *manifest, struct fail *f)
{
    json_t *array;

    if (!json_read_member(object, name, JSON_ARRAY, &array, f))
        return false;
    if (array == NULL)
        return image_fail(f, IMAGE_MALFORMED, "\"%s\" is missing", name);
    manifest->child_count = json_array_size(array);
    if (manifest->child_count > count_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "%zu %s, more than %llu", manifest->child_count, name,
                          (unsigned long long)count_max);
    manifest->children = arena_array(arena, struct image_descriptor, manifest->child_count);
    for (size_t i = 0; i < manifest->child_count; i++)
        if (!read_descriptor(json_array_get(array, i), arena, size_max, &manifest->children[i], f))
            return fail_in(f, "%s[%zu]", name, i);
    return true;
}

static bool layer_usable(const struct image_descriptor *layer, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(layer_types); i++) {
        if (!str_eq(layer->media_type, layer_types[i].media_type))
            continue;
        if (layer_types[i].kind == LAYER_OURS)
            return true;
        return image_fail(f, IMAGE_UNSUPPORTED, "layer %.*s is foreign: %.*s is not distributed by the registry",
                          STR_ARG(layer->digest), STR_ARG(layer->media_type));
    }
    return image_fail(f, IMAGE_UNSUPPORTED, "layer %.*s has unsupported media type %.*s", STR_ARG(layer->digest),
                      STR_ARG(layer->media_type));
}

static bool config_usable(const struct image_descriptor *config, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(config_types); i++)
        if (str_eq(config->media_type, config_types[i]))
            return true;
    return image_fail(f, IMAGE_UNSUPPORTED, "an artifact, not a container image: its config has media type %.*s",
                      STR_ARG(config->media_type));
}

static bool read_image(const json_t *object, struct arena *arena, const struct image_limits *limits,
                       struct image_manifest *manifest, struct fail *f)
{
    json_t *config;

    if (!json_read_member(object, "config", JSON_OBJECT, &config, f))
        return false;
    if (config == NULL)
        return image_fail(f, IMAGE_MALFORMED, "\"config\" is missing");
    if (!read_descriptor(config, arena, limits->config_bytes_max, &manifest->config, f))
        return fail_in(f, "config");
    if (!config_usable(&manifest->config, f) ||
        !read_children(object, "layers", arena, limits->layers_max, limits->layer_bytes_max, manifest, f))
        return false;
    for (size_t i = 0; i < manifest->child_count; i++)
        if (!layer_usable(&manifest->children[i], f))
            return false;
    return true;
}

static bool read_document(const json_t *object, enum document document, struct arena *arena,
                          const struct image_limits *limits, struct image_manifest *manifest, struct fail *f)
{
    switch (document) {
    case DOCUMENT_IMAGE:
        manifest->kind = IMAGE_MANIFEST;
        return read_image(object, arena, limits, manifest, f);
    case DOCUMENT_INDEX:
        manifest->kind = IMAGE_INDEX;
        return read_children(object, "manifests", arena, limits->index_entries_max, limits->manifest_bytes_max,
                             manifest, f);
    case DOCUMENT_SCHEMA_1:
        return image_fail(f, IMAGE_UNSUPPORTED,
                          "manifest is docker's schema 1, which is deprecated and not supported: push the image again "
                          "with a current client");
    case DOCUMENT_ARTIFACT:
        return image_fail(f, IMAGE_UNSUPPORTED, "an artifact, not a container image");
    }
    return false;
}

bool image_manifest_parse(struct arena *arena, struct str bytes, struct str content_type,
                          const struct image_limits *limits, struct image_manifest *ret_manifest, struct fail *f)
{
    struct image_manifest manifest = {0};
    enum document document = DOCUMENT_IMAGE;
    auto_json *object = NULL;
    struct str media_type;

    if (bytes.len > limits->manifest_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "manifest has more than %llu bytes",
                          (unsigned long long)limits->manifest_bytes_max);
    if (!json_read(bytes, "manifest", &object, f) || !json_read_text(object, "mediaType", arena, &media_type, f) ||
        !classify(object, media_type, content_type, &document, f) ||
        !read_document(object, document, arena, limits, &manifest, f))
        return false;
    *ret_manifest = manifest;
    return true;
}

bool image_manifest_choose(const struct image_manifest *index, const struct image_platform *platform,
                           const struct image_descriptor **ret_entry, struct fail *f)
{
    const struct image_descriptor *best = NULL;
    const struct image_descriptor *unnamed = NULL;
    int best_distance = 0;

    for (size_t i = 0; i < index->child_count; i++) {
        const struct image_descriptor *entry = &index->children[i];
        int distance = image_platform_distance(platform, &entry->platform);

        if (!entry->has_platform && unnamed == NULL)
            unnamed = entry;
        if (distance >= 0 && (best == NULL || distance < best_distance)) {
            best = entry;
            best_distance = distance;
        }
    }
    if (best == NULL)
        best = unnamed;
    if (best == NULL) /* the words of the ECS page "CannotPullContainer task errors in Amazon ECS" */
        return image_fail(f, IMAGE_NO_PLATFORM,
                          "image Manifest does not contain descriptor matching platform '%.*s/%.*s%s%.*s'",
                          STR_ARG(platform->os), STR_ARG(platform->architecture), platform->variant.len == 0 ? "" : "/",
                          STR_ARG(platform->variant));
    *ret_entry = best;
    return true;
}
