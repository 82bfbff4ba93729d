/* The public parameters that say which machine image to use (ECS developer guide, "Retrieving Amazon ECS-optimized
 * Linux AMI metadata"), and the images themselves: one an architecture, whatever generation of Amazon Linux is asked
 * for. Its files are those of the host (docs/decisions/0061). Any account and region, read only. */
#pragma once

#include "base/arena.h"
#include "model/gen/ssm.h"

struct machine_image {
    const char *id;           /* "ami-..." */
    const char *architecture; /* "x86_64", "arm64" */
    const char *name;
};

const struct machine_image *machine_images(size_t *ret_count);

/* The parameter of that name, in the arena; false: no public one is called so. */
checked bool public_parameter(struct arena *arena, struct str name, struct str region, struct ssm_parameter *ret_shown);
/* The index-th of all names, in byte order; absent behind the last. */
struct str public_parameter_name(struct arena *arena, size_t index);
