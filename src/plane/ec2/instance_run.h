/* RunInstances, in its two halves: what is asked for, and making it. */
#pragma once

#include "plane/ec2/instance.h"
#include "plane/ec2/instance_type.h"
#include "plane/ssm/public_parameter.h"

/* A request, with its launch template under it, checked: what all instances of it have in common. */
struct run_wish {
    const struct ec2_run_instances_request *request; /* the effective one */
    const struct instance_type *type;
    const struct machine_image *image;
    const struct key_pair_record *key_pair;               /* NULL: none */
    const struct instance_profile_record *profile;        /* NULL: none */
    const struct network_interface_record *own_interface; /* NULL: one is made for each */
    struct network_interface_wish interface;
    struct ec2_tag_list instance_tags, interface_tags;
    struct ec2_instance_metadata_options_response metadata;
    int32_t root_gib;
};

/* The request with what its launch template says besides; the request itself without one. */
checked bool run_request_effective(const struct call *call, const struct ec2_run_instances_request *in,
                                   const struct ec2_run_instances_request **ret_request);
/* Fails with EC2's errors for what is wrong, and UnsupportedOperation for what Berth has not. */
checked bool run_request_check(const struct call *call, const struct ec2_run_instances_request *in,
                               struct run_wish *ret_wish);
/* The profile that a request names, or NULL. Fails with InvalidParameterValue. */
checked bool run_request_profile(const struct call *call, const struct ec2_iam_instance_profile_specification *named,
                                 const struct instance_profile_record **ret_profile);

checked bool metadata_options_apply(const struct call *call, const struct ec2_instance_metadata_options_request *in,
                                    struct ec2_instance_metadata_options_response *options);
