/* AllowedPattern: a regular expression that a parameter's value matches as a whole. It comes from outside, so matching
 * has limits of steps and memory; what takes more does not match. Any thread. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

/* Fails with InvalidAllowedPatternException or ParameterPatternMismatchException; the value is not in the message. */
checked bool allowed_pattern_check(struct str pattern, struct str value, struct fail *f);
