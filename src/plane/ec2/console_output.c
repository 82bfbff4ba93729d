/* GetConsoleOutput: what the instance's first process wrote, as its host last told (in base64 already). */
#include "plane/ec2/operations.h"

bool ec2_get_console_output(struct call *call, const struct ec2_get_console_output_request *in,
                            struct ec2_get_console_output_result *out)
{
    const struct instance_record *instance;

    if (!instance_find(call, in->instance_id, &instance))
        return false;
    out->instance_id = in->instance_id;
    out->output = instance->console;
    if (instance->has_console_at)
        SET(out, timestamp, instance->console_at);
    return true;
}
