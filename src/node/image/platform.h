/* A platform as image indexes name it: operating system, architecture, variant (OCI Image Spec 1.1, Image Index). */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

struct image_platform {
    struct str os;
    struct str architecture; /* "amd64", "arm64", "arm", ... */
    struct str variant;      /* "v8" or absent */
};

/* "linux/amd64", "linux/arm/v7". Strs point into text. Fails with IMAGE_MALFORMED. */
checked bool image_platform_parse(struct str text, struct image_platform *ret_platform, struct fail *f);
/* Of the machine we run on, static strs. */
struct image_platform image_platform_of_machine(void);
struct str image_platform_text(struct arena *arena, const struct image_platform *platform);

/* How well an image for `offered` runs on `wanted`: 0 exactly, more is worse, -1 not at all. An older variant of the
 * same architecture runs; a newer one does not. */
int image_platform_distance(const struct image_platform *wanted, const struct image_platform *offered);
