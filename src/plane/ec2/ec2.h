/* EC2's instances: the hosts that they run on, types, images, key pairs, launch templates. The network operations of
 * the same API are plane/vpc. */
#pragma once

#include "core/call.h"
#include "core/core.h"

extern const struct domain_spec ec2_domain;
extern const struct operation_spec ec2_handlers[];
extern const size_t ec2_handler_count;
