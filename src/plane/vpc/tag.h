/* Tags of EC2 resources: what keys and values may be, and how lists of them are joined (EC2 user guide, "Tag your
 * Amazon EC2 resources", tag restrictions). */
#pragma once

#include "core/call.h"
#include "model/gen/ec2.h"

/* Fails with InvalidParameterValue, or TagLimitExceeded for more than 50. */
checked bool ec2_tags_check(const struct ec2_tag_list *tags, struct fail *f);
/* `tags` with those of `more` in place of the ones of the same key, or behind them; in the arena. */
struct ec2_tag_list ec2_tags_merge(struct arena *arena, const struct ec2_tag_list *tags,
                                   const struct ec2_tag_list *more);
