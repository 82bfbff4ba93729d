/* Key pairs: the public half of an SSH key, that instances get into their authorized_keys. The private half of one that
 * was made here is in the answer and nowhere else. */
#pragma once

#include "plane/ec2/instance_record.h"
#include "plane/vpc/resource.h"

extern const struct table_spec key_pair_table; /* by account, region, id; index "name" */

/* Fails with InvalidKeyPair.NotFound. */
checked bool key_pair_find(const struct call *call, struct str name, const struct key_pair_record **ret_key_pair);
