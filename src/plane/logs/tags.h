/* Tags of log groups. */
#pragma once

#include "plane/logs/logs.h"

/* Refuses keys that begin with "aws:", which are AWS's own. */
checked bool log_tags_check(const struct logs_tags *tags, struct fail *f);

extern const struct access_spec logs_access; /* for decisions about log groups and streams */
