/* A manifest: the document a registry answers a tag or digest with. Either an image (a config and layers) or an index
 * (one image a platform). OCI Image Spec 1.1 (Image Manifest, Image Index) and docker's "Image Manifest Version 2,
 * Schema 2". Not accepted: schema 1, artifacts, layers that live elsewhere (foreign, nondistributable), encrypted ones.
 *
 * Invariant of an image: config and every layer have a valid digest, a size within its limit, and a media type we can
 * unpack; at most layers_max layers. */
#pragma once

#include "node/image/image_limits.h"
#include "node/image/platform.h"

struct image_descriptor {
    struct str media_type;
    struct str digest;
    uint64_t size; /* bytes */
    bool has_platform;
    struct image_platform platform; /* entries of an index */
};

enum image_manifest_kind { IMAGE_MANIFEST, IMAGE_INDEX };

struct image_manifest {
    enum image_manifest_kind kind;
    struct image_descriptor config;    /* IMAGE_MANIFEST */
    struct image_descriptor *children; /* layers, lowest first; or the entries of the index */
    size_t child_count;
};

/* The Accept header that asks for what image_manifest_parse reads. */
extern const char image_manifest_accept[];

/* content_type is the answer's header, asked only where the document does not say its mediaType. Fails with
 * IMAGE_MALFORMED, IMAGE_UNSUPPORTED, IMAGE_OVER_LIMIT. */
checked bool image_manifest_parse(struct arena *arena, struct str bytes, struct str content_type,
                                  const struct image_limits *limits, struct image_manifest *ret_manifest,
                                  struct fail *f);

/* The entry of an index that runs best on the platform; fails with IMAGE_NO_PLATFORM. Entries without a platform are
 * taken only when there is no other. The result points into the manifest. */
checked bool image_manifest_choose(const struct image_manifest *index, const struct image_platform *platform,
                                   const struct image_descriptor **ret_entry, struct fail *f);
