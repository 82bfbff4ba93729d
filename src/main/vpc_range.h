/* Which range the default VPC of an installation has: 172.31.0.0/16 as on AWS, or the next one that neither this
 * machine routes nor another installation on it has claimed. Claims stand in /run/berth, a file an installation, from
 * its first `up` to `down`; the range itself is kept in the data directory and never changes. */
#pragma once

#include "main/data_dir.h"

/* Claims a range, or the one that the installation has already, with a warning on standard error when another has that,
 * too, and is up; in the arena. */
checked bool vpc_range_claim(const struct data_dir *dir, struct arena *arena, const char **ret_cidr, struct fail *f);
void vpc_range_release(const struct data_dir *dir);
