/* The failures of this folder, in the terms a caller words its own texts in.
 *
 * image_fail, false as fail() is, fills a struct fail with the code that belongs to the problem and remembers the
 * problem in fail.type; image_problem_of reads it back. */
#pragma once

#include "base/fail.h"

enum image_problem {
    IMAGE_NO_PROBLEM,
    IMAGE_NOT_FOUND,   /* no such repository, tag, manifest or blob; or nothing cached by that name */
    IMAGE_NO_PLATFORM, /* the image exists, but not for this platform */
    IMAGE_DENIED,      /* the registry wants (other) credentials, or refuses them */
    IMAGE_UNREACHABLE, /* no connection, a broken one, or silence */
    IMAGE_REGISTRY,    /* the registry answered, with an error of its own: 429, 5xx */
    IMAGE_MISMATCH,    /* bytes that do not have the digest or the size they were promised with */
    IMAGE_MALFORMED,   /* a reference, manifest, config, archive or answer that breaks its format */
    IMAGE_UNSUPPORTED, /* well formed, but nothing we run: schema 1, artifacts, foreign layers */
    IMAGE_OVER_LIMIT,  /* a row of image_limits.h */
    IMAGE_DISK_FULL,
    IMAGE_STOPPED, /* the caller's cancel flag, or the store is being stopped */
    IMAGE_SYSTEM,  /* anything else the operating system refused */
};

#define image_fail(f, problem, ...) (image_fail_fill((f), (problem), __VA_ARGS__), false)
/* The same from errno: "<text>: no space left on device"; the problem follows from errno. */
#define image_fail_errno(f, error, ...) (image_fail_fill_errno((f), (error), __VA_ARGS__), false)

void image_fail_fill(struct fail *f, enum image_problem problem, const char *format, ...) printf_like(3, 4);
void image_fail_fill_errno(struct fail *f, int error, const char *format, ...) printf_like(3, 4);
enum image_problem image_problem_of(const struct fail *f);
