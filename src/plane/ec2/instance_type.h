/* Instance types: how much of a machine an instance is. */
#pragma once

#include "model/gen/ec2.h"

struct instance_type {
    enum ec2_instance_type type;
    enum ec2_architecture_type architecture;
    int32_t vcpus;
    int32_t memory_mib;
    int32_t interfaces_max;
    int32_t addresses_per_interface;
    int32_t threads_per_core;
    bool burstable;
};

/* All, in the order of the table. */
const struct instance_type *instance_types(size_t *ret_count);
/* NULL: Berth has none of that type. */
const struct instance_type *instance_type_of(enum ec2_instance_type type);
const char *instance_type_name(enum ec2_instance_type type); /* "m5.large" */
