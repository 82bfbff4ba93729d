/* Images on this host: pulled from OCI and docker registries, kept as unpacked layers that overlayfs can stack, found
 * again after a restart without the network.
 *
 * Life of an image:
 *   1 resolved  the reference is asked from its registry: manifest and config, for the platform
 *   2 fetched   layers that are not here yet are downloaded, decompressed, unpacked and checked, a few at a time
 *   3 kept      data is on the disk, then the image's record, then the reference that points to it
 *   4 used      whoever holds a struct image keeps its layers alive
 *   5 removed   image_gc, when nobody holds it, nobody asked to keep it and it has not been used for a while
 *
 * Invariant: a record on the disk means that every layer it names is complete and has the digest the image's config
 * promises. What a crash leaves half done lies in tmp/, or is a layer that no record names; image_store_open removes
 * both. One process a store.
 *
 * Failures carry an enum image_problem (problem.h) and a message in the words ECS shows behind
 * "CannotPullContainerError: ". No credentials stand in them.
 *
 * All functions but open and close may be called from any thread. */
#pragma once

#include "node/image/config.h"
#include "node/image/image_limits.h"
#include "node/image/platform.h"
#include "node/image/problem.h"
#include "node/image/reference.h"

#include <stdatomic.h>

struct image_store;

/* Where the images of a registry really come from. */
struct image_registry {
    bool tls;
    struct str host; /* "registry-1.docker.io", "127.0.0.1:4566", "[::1]:5000" */
    struct str user; /* absent: anonymous */
    struct str password;
    bool basic;         /* it is known to want Basic: it need not be asked first */
    struct str ca_file; /* PEM of the authorities to trust instead of the system's; absent: the system's */
};

struct image_store_options {
    struct image_limits limits; /* zero members take their defaults */
    /* Rewrites a registry's name (image_reference.registry): fills *ret_registry and returns true, or returns false
     * for the usual place: docker.io at registry-1.docker.io, others at their name, by https, those on loopback by
     * http as docker does. on_behalf is the pull request's. Called from any thread; the strs must live until the store
     * is closed, or be on_behalf. NULL: never. */
    bool (*resolve)(void *context, struct str registry, struct str on_behalf, struct image_registry *ret_registry);
    void *context;
};

/* Opens the store in directory dir, made when missing, readable by root only. Fails with FAIL_CONFLICT when another
 * process has it open. Layers need a file system with trusted.* extended attributes. */
checked bool image_store_open(const char *dir, const struct image_store_options *options,
                              struct image_store **ret_store, struct fail *f);
/* Makes pulls under way fail soon with IMAGE_STOPPED, and all later ones. */
void image_store_stop(struct image_store *store);
/* Every image must have been released and every image_pull have returned. */
void image_store_close(struct image_store *store);

struct image {
    struct str reference;   /* as asked for, normalised */
    struct str digest;      /* of the image's manifest */
    struct str repo_digest; /* what the reference stood for: the index' digest where there is one, else `digest` */
    struct str config_digest;
    struct image_config config;
    const struct str *layers; /* directories below image_store_layers, lowest first; at least one, each one once */
    size_t layer_count;
    uint64_t size_bytes;     /* compressed, as the registry counts */
    uint64_t unpacked_bytes; /* of file contents in its layers */
    int64_t pulled_at_ms;    /* since 1970 */
};

struct image_pull_request {
    struct str reference; /* "nginx:1" */
    struct str platform;  /* "linux/arm64", absent: this machine's */
    struct str user;      /* absent: what options.resolve gave, else anonymous */
    struct str password;
    struct str on_behalf;      /* whose pull it is, for options.resolve */
    const atomic_bool *cancel; /* NULL, or set by any thread to stop waiting for this pull */
};

/* Brings the image here, waiting for the registry and the disk; asks the registry even if it is here already, since
 * tags move and rights end. Pulls of one image with the same credentials at the same time are done once, and a layer
 * under way is not fetched twice. The result is released with image_release. */
checked bool image_pull(struct image_store *store, const struct image_pull_request *request, struct image **ret_image,
                        struct fail *f);
/* The image that the reference (a name, or a name and digest) stood for when it was last pulled for the platform, with
 * no look at the network; IMAGE_NOT_FOUND when there is none. */
checked bool image_get(struct image_store *store, struct str reference, struct str platform, struct image **ret_image,
                       struct fail *f);
/* The image of that manifest digest. Its reference and repo_digest are those of one of the references that stand for
 * it, or empty and the digest itself when none does any more. */
checked bool image_get_by_digest(struct image_store *store, struct str digest, struct image **ret_image,
                                 struct fail *f);
void image_release(struct image *image);

struct image_gc_result {
    size_t images;
    size_t layers;
    uint64_t bytes; /* of file contents */
};

/* Removes images that nobody holds, whose digest is not in keep, and that were last pulled, got or released at least
 * unused_ms ago; then layers that no image needs. Containers that outlived a restart must be in keep (or held again by
 * image_get_by_digest) before the first call. */
checked bool image_gc(struct image_store *store, const struct str *keep, size_t keep_count, int64_t unused_ms,
                      struct image_gc_result *ret_result, struct fail *f);

/* The directory that layers are named in; lives as long as the store. The user of a container's own user namespace
 * mounts it somewhere with an id map (mount_setattr, MOUNT_ATTR_IDMAP) and mounts the image from there. */
const char *image_store_layers(const struct image_store *store);

/* The option string of mount(2) for an overlay of the image's layers, NUL-terminated in buf. Lower directories are
 * named relative to image_store_layers: call mount with that directory (or an id-mapped mount of it) as the current
 * one, for instance in a thread that has done unshare(CLONE_FS); names of 26 characters let 127 layers fit into the
 * one page that mount(2) takes. upper and work are absolute and without commas, colons or backslashes.
 *
 * The upper directory is the container's "/": give it the owner and mode of the highest layer's directory. Fails with
 * IMAGE_OVER_LIMIT when the string is longer than a page or than size. */
checked bool image_mount_options(const struct image *image, const char *upper, const char *work, char *buf, size_t size,
                                 struct fail *f);
