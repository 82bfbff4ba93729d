/* Tags of log groups. */
#pragma once

#include "plane/logs/logs.h"

/* Refuses keys that begin with "aws:", which are AWS's own. */
checked bool tags_check(const struct logs_tags *tags, struct fail *f);
