/* Image manifests: JSON to struct manifest, every rule that can be checked without looking at a repository. */
#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "plane/ecr/manifest.h"

#include "base/must.h"

#include <jansson.h>

/* What the document is, by its media type. */
struct kind {
    const char *media_type;
    bool is_index;
    bool is_oci; /* may have subject and artifactType */
};

static const struct kind kinds[] = {
    {MEDIA_TYPE_DOCKER_MANIFEST, false, false},
    {MEDIA_TYPE_DOCKER_LIST, true, false},
    {MEDIA_TYPE_OCI_MANIFEST, false, true},
    {MEDIA_TYPE_OCI_INDEX, true, true},
};

/* Layers that clients do not push: they fetch them from the descriptor's urls. */
static const char *const foreign_media_types[] = {
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
};

static bool refuse(struct fail *f, const char *constraint)
{
    return fail_api(f, "InvalidParameterException",
                    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '%s'", constraint);
}

static bool refuse_at(struct fail *f, const char *where, size_t index, const char *constraint)
{
    return fail_api(f, "InvalidParameterException",
                    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '%s at %s[%zu]'", constraint,
                    where, index);
}

/* --- grammars --------------------------------------------------------------------------------------------------- */

struct str manifest_digest(struct str text, struct arena *arena)
{
    unsigned char hash[32];
    char hex[2 * sizeof(hash) + 1];

    must(EVP_Digest(text.ptr, text.len, hash, NULL, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof(hash); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return arena_printf(arena, "sha256:%s", hex);
}

bool manifest_digest_is_valid(struct str digest)
{
    if (digest.len != MANIFEST_DIGEST_LEN || !str_starts(digest, STR("sha256:")))
        return false;
    for (size_t i = sizeof("sha256:") - 1; i < digest.len; i++)
        if (!((digest.ptr[i] >= '0' && digest.ptr[i] <= '9') || (digest.ptr[i] >= 'a' && digest.ptr[i] <= 'f')))
            return false;
    return true;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.ptr[i]) && (s.ptr[i] == '\0' || strchr(others, s.ptr[i]) == NULL))
            return false;
    return true;
}

bool manifest_tag_is_valid(struct str tag)
{
    return tag.len >= 1 && tag.len <= 128 && all_of(str_to(tag, 1), "_") && all_of(tag, "_.-");
}

/* RFC 6838, section 4.2: type "/" subtype, each of restricted characters. */
static bool is_media_type(struct str s)
{
    struct str subtype;
    struct str type = str_cut(s, '/', &subtype);

    return s.len <= MANIFEST_MEDIA_TYPE_LEN_MAX && type.len > 0 && subtype.len > 0 && all_of(type, "!#$&-^_.+") &&
           all_of(subtype, "!#$&-^_.+");
}

/* --- members ---------------------------------------------------------------------------------------------------- */

static struct str text_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* A member that is a string or not there; anything else is malformed. */
static bool get_text(const json_t *object, const char *name, struct arena *arena, struct str *ret_text, struct fail *f)
{
    const json_t *value = json_object_get(object, name);

    if (value != NULL && !json_is_string(value))
        return refuse(f, "A member that must be a string is not");
    *ret_text = value == NULL ? (struct str){NULL, 0} : arena_str(arena, text_of(value));
    return true;
}

static bool is_foreign(struct str media_type)
{
    for (size_t i = 0; i < COUNT_OF(foreign_media_types); i++)
        if (str_is(media_type, foreign_media_types[i]))
            return true;
    return false;
}

static bool parse_platform(const json_t *object, struct arena *arena, struct manifest_descriptor *descriptor,
                           struct fail *f)
{
    const json_t *platform = json_object_get(object, "platform");

    if (platform == NULL)
        return true;
    if (!json_is_object(platform))
        return refuse(f, "A platform is not an object");
    return get_text(platform, "os", arena, &descriptor->os, f) &&
           get_text(platform, "architecture", arena, &descriptor->architecture, f) &&
           get_text(platform, "variant", arena, &descriptor->variant, f);
}

/* `where` and `index` name it in the message. */
static bool parse_descriptor(const json_t *object, const char *where, size_t index, struct arena *arena,
                             struct manifest_descriptor *ret_descriptor, struct fail *f)
{
    struct manifest_descriptor descriptor = {0};
    const json_t *size = json_object_get(object, "size");

    if (!json_is_object(object))
        return refuse_at(f, where, index, "A descriptor is not an object");
    if (!get_text(object, "mediaType", arena, &descriptor.media_type, f) ||
        !get_text(object, "digest", arena, &descriptor.digest, f) ||
        !get_text(object, "artifactType", arena, &descriptor.artifact_type, f) ||
        !parse_platform(object, arena, &descriptor, f))
        return false;
    if (!is_media_type(descriptor.media_type))
        return refuse_at(f, where, index, "A descriptor needs a valid mediaType");
    if (!manifest_digest_is_valid(descriptor.digest))
        return refuse_at(f, where, index, "A descriptor needs a sha256 digest");
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return refuse_at(f, where, index, "A descriptor needs a size");
    descriptor.size = (uint64_t)json_integer_value(size);
    descriptor.foreign = is_foreign(descriptor.media_type);
    *ret_descriptor = descriptor;
    return true;
}

static bool parse_descriptors(const json_t *root, const char *name, struct arena *arena,
                              const struct manifest_descriptor **ret_items, size_t *ret_count, struct fail *f)
{
    const json_t *list = json_object_get(root, name);
    size_t count = json_array_size(list);
    struct manifest_descriptor *items;

    if (!json_is_array(list))
        return refuse(f, "The list of layers or manifests is missing");
    if (count > MANIFEST_DESCRIPTORS_MAX)
        return refuse(f, "Too many layers or manifests");
    items = arena_array(arena, struct manifest_descriptor, count);
    for (size_t i = 0; i < count; i++)
        if (!parse_descriptor(json_array_get(list, i), name, i, arena, &items[i], f))
            return false;
    *ret_items = items;
    *ret_count = count;
    return true;
}

static bool parse_annotations(const json_t *root, struct arena *arena, struct manifest *manifest, struct fail *f)
{
    json_t *object = json_object_get(root, "annotations");
    struct manifest_annotation *items;
    size_t count = 0;
    const char *key;
    json_t *value;

    if (object == NULL || json_is_null(object))
        return true;
    if (!json_is_object(object) || json_object_size(object) > MANIFEST_ANNOTATIONS_MAX)
        return refuse(f, "Annotations must be an object of at most 1024 strings");
    items = arena_array(arena, struct manifest_annotation, json_object_size(object));
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return refuse(f, "An annotation is not a string");
        items[count++] = (struct manifest_annotation){arena_str(arena, str_of(key)), arena_str(arena, text_of(value))};
    }
    manifest->annotations = items;
    manifest->annotation_count = count;
    return true;
}

/* --- documents -------------------------------------------------------------------------------------------------- */

static const struct kind *find_kind(struct str media_type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_is(media_type, kinds[i].media_type))
            return &kinds[i];
    return NULL;
}

/* The document's own mediaType, or what the client said of it. */
static bool detect_kind(const json_t *root, struct str said, const struct kind **ret_kind, struct fail *f)
{
    const json_t *own = json_object_get(root, "mediaType");
    const json_t *version = json_object_get(root, "schemaVersion");
    struct str media_type = own == NULL ? said : text_of(own);

    if (!json_is_integer(version))
        return refuse(f, "Invalid JSON syntax");
    if (json_integer_value(version) != 2)
        return refuse(f, "Only image manifests of schemaVersion 2 are supported");
    if (media_type.len == 0)
        return refuse(f, "Invalid JSON syntax");
    if (said.len > 0 && !str_eq(said, media_type))
        return refuse(f, "The mediaType of the manifest is not the media type of the request");
    *ret_kind = find_kind(media_type);
    return *ret_kind != NULL || refuse(f, "Unsupported image manifest media type");
}

static bool add_sizes(struct manifest *manifest, struct fail *f)
{
    uint64_t sum = manifest->config.size;

    for (size_t i = 0; i < manifest->layer_count; i++)
        if (__builtin_add_overflow(sum, manifest->layers[i].size, &sum) || sum > INT64_MAX)
            return refuse(f, "The sizes of the layers do not add up");
    manifest->image_size = sum;
    return true;
}

static bool parse_image(const json_t *root, struct arena *arena, struct manifest *manifest, struct fail *f)
{
    /* One document that reads as an image to one client and as an index to another (CVE-2021-41190). */
    if (json_object_get(root, "manifests") != NULL)
        return refuse(f, "An image manifest must not list manifests");
    return parse_descriptor(json_object_get(root, "config"), "config", 0, arena, &manifest->config, f) &&
           parse_descriptors(root, "layers", arena, &manifest->layers, &manifest->layer_count, f) &&
           add_sizes(manifest, f);
}

static bool parse_index(const json_t *root, struct arena *arena, struct manifest *manifest, struct fail *f)
{
    if (json_object_get(root, "layers") != NULL || json_object_get(root, "config") != NULL)
        return refuse(f, "An image index must not have a config or layers");
    return parse_descriptors(root, "manifests", arena, &manifest->manifests, &manifest->manifest_count, f);
}

static bool parse_oci_members(const json_t *root, struct arena *arena, struct manifest *manifest, struct fail *f)
{
    const json_t *subject = json_object_get(root, "subject");

    if (!get_text(root, "artifactType", arena, &manifest->artifact_type, f))
        return false;
    if (manifest->artifact_type.ptr != NULL && !is_media_type(manifest->artifact_type))
        return refuse(f, "The artifactType is not a media type");
    if (manifest->artifact_type.ptr == NULL && !manifest->is_index)
        manifest->artifact_type = manifest->config.media_type;
    if (subject == NULL || json_is_null(subject))
        return true;
    manifest->has_subject = true;
    return parse_descriptor(subject, "subject", 0, arena, &manifest->subject, f);
}

static bool parse_document(const json_t *root, struct str media_type, struct arena *arena,
                           struct manifest *ret_manifest, struct fail *f)
{
    struct manifest manifest = {0};
    const struct kind *kind;

    if (!detect_kind(root, media_type, &kind, f))
        return false;
    manifest.media_type = str_of(kind->media_type);
    manifest.is_index = kind->is_index;
    if (!(kind->is_index ? parse_index : parse_image)(root, arena, &manifest, f) ||
        !parse_annotations(root, arena, &manifest, f))
        return false;
    if (kind->is_oci && !parse_oci_members(root, arena, &manifest, f))
        return false;
    *ret_manifest = manifest;
    return true;
}

bool manifest_parse(struct str text, struct str media_type, struct arena *arena, struct manifest *ret_manifest,
                    struct fail *f)
{
    json_error_t error;
    json_t *root;
    bool good;

    if (text.len > MANIFEST_BYTES_MAX)
        return refuse(f, "Member must have length less than or equal to 4194304");
    root = json_loadb(text.len == 0 ? "" : text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return refuse(f, "Invalid JSON syntax");
    good = parse_document(root, media_type, arena, ret_manifest, f);
    json_decref(root);
    return good;
}
