/* Patterns with wildcards, as EC2's filters, ECR's exclusion filters and IAM's policies have them: * stands for any
 * bytes, also none, ? for one, a backslash takes the meaning from the byte behind it. Everything else is itself. */
#pragma once

#include "base/str.h"

/* Whether the whole text is what the pattern says. In time of len * len at most. Any thread. */
bool wildcard_matches(struct str pattern, struct str text);
