/* Linux capabilities of a container, as a set of bits (1 << number). */
#pragma once

#include "base/fail.h"

#include <stddef.h>

/* What this process can hand on at all: its bounding set. */
checked bool capabilities_bounding(uint64_t *ret_set, struct fail *f);

/* Docker's default set with `add` and `drop` applied as Docker does: names with or without "CAP_", any case; "ALL" in
 * add is everything, in drop nothing but what add names. Never more than `bounding`: of the defaults and of ALL, what
 * the host lacks is left out; a capability added by name that it lacks is FAIL_DENIED, an unknown name FAIL_INPUT. */
checked bool capabilities_of(const char *const *add, size_t add_count, const char *const *drop, size_t drop_count,
                             uint64_t bounding, uint64_t *ret_set, struct fail *f);

/* The name ("CAP_CHOWN") of a number, NULL for one that this build of libcap does not know. The caller frees it. */
char *capability_name(unsigned number);
