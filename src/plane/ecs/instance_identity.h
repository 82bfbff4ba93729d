/* Which machine registers: the instance identity document that the agent read from the instance metadata service (EC2
 * user guide, "Instance identity documents"), or for an external one the name of its session. */
#pragma once

#include "core/call.h"

struct instance_identity {
    struct str instance_id; /* absent: an external machine that nothing names */
    struct str availability_zone, instance_type, image_id, architecture; /* empty when it is not known */
};

/* Fails with ClientException when the document is not one, or that of another account or region. */
checked bool instance_identity_read(const struct call *call, struct str document,
                                    struct instance_identity *ret_identity);

/* How many interfaces tasks can have on an instance of that type: all but the machine's own; none where the type is not
 * known. */
int32_t instance_eni_limit(struct str type_name);
