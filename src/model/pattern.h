/* The regular expressions of string shapes. A pattern is written for Java and matches the whole of a string, as AWS's
 * services do it; the generator translates what PCRE2 spells differently. */
#pragma once

#include "model/shape.h"

enum { PATTERN_STEPS_MAX = 1000000, PATTERN_MEMORY_KIB_MAX = 32 * 1024 };

/* Whether the whole text matches the shape's pattern. Text that is not UTF-8 does not, nor does one on which matching
 * takes more steps or memory than these limits. Thread-safe; the first call for a shape compiles its pattern. */
bool pattern_matches(const struct shape *shape, struct str text);
