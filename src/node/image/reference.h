/* An image reference: what a task definition's `image` says, normalised by docker's rules (distribution/reference:
 * "nginx" is docker.io/library/nginx:latest; a first part with a dot, a colon or upper case, or "localhost", is a
 * registry).
 *
 * Invariant: registry and repository are never empty; at least one of tag and digest is there; with both, the digest
 * decides and the tag is remembered only. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

struct image_reference {
    struct str registry;   /* "docker.io", "127.0.0.1:4566", "123456789012.dkr.ecr.us-east-1.amazonaws.com" */
    struct str repository; /* "library/nginx" */
    struct str tag;        /* absent when only a digest was given */
    struct str digest;     /* "sha256:<64 digits>" or absent */
    struct str text;       /* all of it in one line: "docker.io/library/nginx:latest" */
};

/* Strs of the result live in the arena. Fails with IMAGE_MALFORMED in docker's words ("invalid reference format"). */
checked bool image_reference_parse(struct arena *arena, struct str text, struct image_reference *ret_reference,
                                   struct fail *f);

/* What stands behind "manifests/" in a registry's URL: the digest, or the tag. */
struct str image_reference_object(const struct image_reference *reference);
