/* Image manifests: the JSON document that says of which blobs an image consists, or which images an index lists.
 *
 * A manifest is stored and answered byte for byte as it was pushed, since its digest names it; this parser only says
 * what it refers to. It is pure: whether the things referred to exist is the repository's business.
 *
 * Sources: OCI image specification 1.1 ("Image Manifest", "Image Index", "Content Descriptors"), Docker "Image Manifest
 * Version 2, Schema 2". Schema 1 is refused: no client since Docker 1.10 needs it. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

enum {
    MANIFEST_BYTES_MAX = 4 << 20,    /* ECR API reference, PutImage: imageManifest */
    MANIFEST_DESCRIPTORS_MAX = 4096, /* layers, or images of an index */
    MANIFEST_ANNOTATIONS_MAX = 1024,
    MANIFEST_DIGEST_LEN = 71,          /* "sha256:" and 64 digits */
    MANIFEST_MEDIA_TYPE_LEN_MAX = 255, /* RFC 6838, section 4.2: twice 127 and the slash */
};

#define MEDIA_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_TYPE_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_TYPE_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_TYPE_OCI_INDEX       "application/vnd.oci.image.index.v1+json"

struct manifest_descriptor {
    struct str media_type;
    struct str digest;
    uint64_t size;
    struct str artifact_type; /* absent without */
    struct str os;            /* of platform; absent without */
    struct str architecture;
    struct str variant;
    bool foreign; /* a layer that must not be distributed: the repository need not have it */
};

struct manifest_annotation {
    struct str key;
    struct str value;
};

struct manifest {
    struct str media_type; /* one of the four above; static storage */
    bool is_index;
    struct str artifact_type; /* as referrers show it: artifactType, or the config's media type; absent without */

    /* an image */
    struct manifest_descriptor config;
    const struct manifest_descriptor *layers;
    size_t layer_count;
    uint64_t image_size; /* bytes of config and layers as stored; 0 for an index, whose size is its largest image's */

    /* an index */
    const struct manifest_descriptor *manifests;
    size_t manifest_count;

    bool has_subject; /* OCI only: this manifest refers to that one, which need not exist */
    struct manifest_descriptor subject;
    const struct manifest_annotation *annotations;
    size_t annotation_count;
};

/* Reads a manifest. media_type is what the client said beside it (Content-Type, imageManifestMediaType), absent
 * without: it is needed when the document has no mediaType, and must not contradict it. Everything of *ret_manifest
 * lives in the arena, which needs room for the text once more and 2 MiB.
 *
 * Fails with InvalidParameterException, "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '...'", as
 * ECR does (for a document that is not JSON, or that has no media type: 'Invalid JSON syntax'). */
checked bool manifest_parse(struct str text, struct str media_type, struct arena *arena, struct manifest *ret_manifest,
                            struct fail *f);

/* The digest of a manifest's text, in the arena. */
struct str manifest_digest(struct str text, struct arena *arena);
/* "sha256:" and 64 lower-case hexadecimal digits: the only kind of digest that is kept. */
bool manifest_digest_is_valid(struct str digest);
/* An image tag: [A-Za-z0-9_][A-Za-z0-9._-]{0,127} (OCI distribution specification 1.1, "Pulling manifests"). */
bool manifest_tag_is_valid(struct str tag);
