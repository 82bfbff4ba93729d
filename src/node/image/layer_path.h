/* Names of a layer's archive turned into places below the layer's root directory, and nowhere else.
 *
 * How a name stays inside: ".." is refused; every open is openat2 from the root with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS, so the kernel follows no link for us; where a parent directory is a symbolic link of the layer
 * itself, its target is read and resolved here, inside the root, as docker and containerd do (an absolute target
 * starts at the root, ".." ends there). Missing directories are made.
 *
 * One thread, one unpacking. */
#pragma once

#include "base/fail.h"
#include "base/str.h"
#include "node/image/image_limits.h"

#include <limits.h>

/* How overlayfs marks that a directory hides what lower layers have at its place, and that a name is gone: a character
 * device 0:0 (kernel documentation, "Overlay Filesystem", whiteouts and opaque directories). */
#define LAYER_OPAQUE "trusted.overlay.opaque"

struct stat;
bool layer_is_whiteout(const struct stat *status);

struct layer_path {
    int root_fd; /* the caller's */
    const struct image_limits *limits;
    /* The parent used last, since archives list a directory's files together. */
    int parent_fd; /* -1: none */
    char parent_name[PATH_MAX];
    char parent_path[PATH_MAX]; /* parent_name with symbolic links resolved: relative, "" is the root */
};

/* A name of the archive, made plain: no leading "/" or "./", no doubled "/". */
struct layer_name {
    char text[PATH_MAX];   /* "" is the root itself */
    const char *base;      /* in text: the last component */
    char parent[PATH_MAX]; /* what stands before it; "" for the root */
};

void layer_path_begin(struct layer_path *path, int root_fd, const struct image_limits *limits);
void layer_path_end(struct layer_path *path);

/* Fails with IMAGE_MALFORMED for "..", and for names too long or too deep. */
checked bool layer_name_read(const struct image_limits *limits, const char *text, struct layer_name *ret_name,
                             struct fail *f);

/* The directory a name stands in, made when `create`. The descriptor is an O_PATH one and stays the layer_path's,
 * valid until the next call; path->parent_path is where it really is. */
checked bool layer_path_parent(struct layer_path *path, const char *parent, bool create, int *ret_fd, struct fail *f);
/* Something that may have been a parent was removed: forget the parent used last. */
void layer_path_changed(struct layer_path *path);

/* openat2 from the root, following nothing; -1 and errno. */
int layer_path_open(int root_fd, const char *path, uint64_t flags);
