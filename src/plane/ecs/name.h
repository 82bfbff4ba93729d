/* What clusters, families, containers and volumes are called: letters, digits, hyphens and underscores, 1 to 255 of
 * them (API reference, "CreateCluster", "RegisterTaskDefinition"). */
#pragma once

#include "base/str.h"

bool name_is_valid(struct str name);
