/* What containers on an instance reach at 169.254.170.2: task metadata and role credentials
 * (node/task/metadata_answer.h). The address is put on the instance's loopback interface. */
#pragma once

#include "node/agent/instance_tasks.h"

struct agent_metadata;

checked bool agent_metadata_start(struct instance_tasks *tasks, struct agent_metadata **ret_metadata, struct fail *f);
void agent_metadata_stop(struct agent_metadata *metadata);
