/* Where things can be: the three zones that every region has here, and the names that follow from a region. */
#pragma once

#include "base/arena.h"

enum { ZONES = 3 };

struct str zone_name(struct arena *arena, struct str region, unsigned zone); /* "us-east-1a" */
struct str zone_id(struct arena *arena, struct str region, unsigned zone);   /* "use1-az1" */

/* The domain of private DNS names: "ec2.internal" in us-east-1, else "REGION.compute.internal" (VPC user guide, "DNS
 * attributes for your VPC"). */
struct str private_domain(struct arena *arena, struct str region);
