/* Paths as a container sees them: "/" is the directory `root`, and neither "..", nor a symbolic link of the image, nor
 * one of the kernel's own (/proc/self/fd/7, which has no text to follow but leads there all the same) leads out of it.
 * The kernel is never given more than one component at a time, and links are followed here, by their text. */
#pragma once

enum rooted_kind {
    ROOTED_EXISTING,  /* what is not there fails with ENOENT */
    ROOTED_DIRECTORY, /* a missing one is made, mode 0755, as are missing parents and the targets of dangling links */
    ROOTED_FILE,      /* the same with an empty file at the end */
};

/* Opens with O_PATH: a descriptor, or -1 with errno (ELOOP after 40 links, ENAMETOOLONG). */
int rooted_open(int root, const char *path, enum rooted_kind kind);
