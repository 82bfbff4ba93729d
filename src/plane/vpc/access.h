/* What EC2 tells a policy decision about its network resources ("Actions, resources, and condition keys for Amazon
 * EC2", service authorization reference). */
#pragma once

#include "model/gen/ec2.h"
#include "plane/iam/authorize.h"

extern const struct access_spec network_access;

enum { NETWORK_MEMBERS_MAX = 3 };

/* What an operation is about. */
struct network_asks {
    const char *action;
    enum ec2_resource_type made;              /* of what it makes, which has no id yet; NONE: nothing */
    const char *members[NETWORK_MEMBERS_MAX]; /* of the request: an id or a list of ids each */
};

/* A resource for each, and ec2:CreateTags when what is made gets tags. */
void network_asks_add(const struct call *call, const void *in, const struct network_asks *about, struct asks *asks);
