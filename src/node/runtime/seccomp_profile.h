/* The system calls a container may use: Docker's default profile, as a BPF program for seccomp(2). */
#pragma once

#include "base/fail.h"

#include <linux/filter.h>
#include <stddef.h>

struct seccomp_program {
    struct sock_filter *filters; /* malloc'ed */
    size_t count;
};

/* Compiles the profile for containers that have these capabilities (bits, see capabilities.h). It takes libseccomp
 * some 10 to 20 ms: keep the result. */
checked bool seccomp_profile_compile(uint64_t capabilities, struct seccomp_program *ret_program, struct fail *f);
void seccomp_program_free(struct seccomp_program *program);

/* The part of a capability set on which the profile depends: equal parts give equal programs. */
uint64_t seccomp_profile_capabilities(uint64_t capabilities);
