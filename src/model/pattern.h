/* The regular expressions of string shapes. A pattern is written for Java and matches the whole of a string, as AWS's
 * services do it; the generator translates what PCRE2 spells differently. */
#pragma once

#include "model/shape.h"

/* Whether a compiled pattern (pcre2_code) matches the text. Text that is not UTF-8 does not, nor does one on which
 * matching takes more than a million steps or 32 MiB. Thread-safe. */
bool pattern_code_matches(const void *code, struct str text);

/* Whether the whole text matches the shape's pattern, within the same limits. Thread-safe; the first call for a shape
 * compiles its pattern. */
bool pattern_matches(const struct shape *shape, struct str text);
