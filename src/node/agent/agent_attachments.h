/* Interfaces that shall come for tasks (AttachTaskNetworkInterfacesMessage): each is reported as ATTACHED when the
 * kernel shows its MAC, whichever comes first. One that has not come in its time is forgotten, as in the original. */
#pragma once

#include "model/agent.h"
#include "node/agent/agent_reports.h"

struct agent_attachments;

checked bool agent_attachments_start(struct agent_reports *reports, struct agent_attachments **ret_attachments,
                                     struct fail *f);
void agent_attachments_stop(struct agent_attachments *attachments);
/* One is expected within that time. It may be there already; said again it is reported again. Any thread. */
void agent_attachments_expect(struct agent_attachments *attachments, struct str task_arn, struct str attachment_arn,
                              struct str mac, int64_t wait_ms);
