/* Named network namespaces: bound under /run/netns, as `ip netns` does, so that they outlive us and people can look.
 * A thread that enters one comes back with namespace_leave before it returns to its caller. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

#define NAMESPACE_DIR "/run/netns"

enum { NAMESPACE_NAME_SIZE = 48 };

/* Makes /run/netns a mount of its own whose unmounts reach other mount namespaces (a container's copy of a bound
 * namespace would keep it alive). */
checked bool namespace_prepare(struct fail *f);

/* A descriptor of the calling thread's namespace. */
checked bool namespace_home(int *ret_fd, struct fail *f);
/* A new namespace under that name; the calling thread is inside when this returns true. FAIL_CONFLICT: exists. */
checked bool namespace_create(const char *name, int home_fd, int *ret_fd, struct fail *f);
/* Gives one that was made elsewhere that name; the calling thread is inside when this returns true. */
checked bool namespace_name(const char *name, int fd, int home_fd, struct fail *f);
/* FAIL_NOT_FOUND when there is none, or only the file that a crash left. */
checked bool namespace_open(const char *name, int *ret_fd, struct fail *f);
checked bool namespace_enter(int fd, struct fail *f);
/* Back home: cannot fail for a descriptor from namespace_home; must(). */
void namespace_leave(int home_fd);
/* Takes the name away; the namespace ends with its last process and descriptor. True also when there is none. */
checked bool namespace_remove(const char *name, struct fail *f);

/* Calls each(name, context) for every name that starts with prefix, in no order; each may remove it. Stops at and
 * returns the first false. */
typedef bool namespace_each_fn(const char *name, void *context, struct fail *f);
checked bool namespace_each(const char *prefix, namespace_each_fn *each, void *context, struct fail *f);

struct namespace_setting {
    const char *path; /* below /proc/sys/net/ */
    const char *value;
    bool optional; /* not every kernel has it */
};

/* Sets sysctls of the namespace the calling thread is in. */
checked bool namespace_set(const struct namespace_setting *settings, size_t count, struct fail *f);
/* Reads one as text without its newline. */
checked bool namespace_get(const char *path, char *buffer, size_t size, struct fail *f);
