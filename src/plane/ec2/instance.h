/* Instances: machines of a type, that a host makes real (node/instance).
 *
 * Life ("Amazon EC2 instance state changes", EC2 user guide), with the actor of each step:
 *
 *   pending        api          RunInstances, StartInstances: promised by a host, or waiting for one that is away
 *   running        host         its first process runs
 *   stopping       api, host    StopInstances; it shut itself down
 *   stopped        host         nothing of it runs; its disk stays, its host promises nothing
 *   shutting-down  api, host    TerminateInstances; it shut itself down and that means termination; it could not start
 *   terminated     host, instance   nothing is left; the record goes INSTANCE_KEPT_MS later
 *
 * A host that is lost leaves its instances as they are, with an impaired system status, as failing hardware does on
 * AWS: they run again when it comes back; what is to go is gone with it. */
#pragma once

#include "model/host.h"
#include "plane/ec2/ec2.h"
#include "plane/ec2/instance_record.h"
#include "plane/vpc/resource.h"

#define INSTANCE_KEPT_MS  HOUR_MS /* EC2 user guide, "Terminate Amazon EC2 instances": visible for a short while */
#define INSTANCE_WAITS_MS (2 * MINUTE_MS) /* for a host that is away */

enum { INSTANCE_FIRST_LAUNCH = 1 }; /* launch_number goes up with each start and reboot */

extern const struct table_spec instance_table; /* by account, region, id; indexes "host", "token", "session" */
extern const struct reconciler_spec instance_reconciler;

enum ec2_instance_state_name instance_state(const struct instance_record *record);
/* Whether its host has to know of it. */
bool instance_is_told(const struct instance_record *record);
enum host_instance_desired_state instance_desired(const struct instance_record *record);
/* Whether what its host has to know of it is another than before. */
bool instance_is_news(const struct instance_record *before, const struct instance_record *after);

struct ec2_instance_state *instance_state_shown(struct arena *arena, enum ec2_instance_state_name name);

/* A copy of a record to change and put. In the transaction's arena. */
struct instance_edit {
    struct instance_record record;
    struct ec2_instance instance;
};
struct instance_edit *instance_edit_begin(struct transaction *tx, const struct instance_record *record);
/* reason_code NULL: none ("Client.UserInitiatedShutdown"). */
void instance_edit_state(struct transaction *tx, struct instance_edit *edit, enum ec2_instance_state_name name,
                         const char *reason_code, const char *reason);
bool instance_edit_put(struct transaction *tx, struct instance_edit *edit);
/* Terminated: interface, session and promise go. */
void instance_finish(struct transaction *tx, struct instance_edit *edit);
/* Its host promises nothing for it any more; the edit is put by the caller. */
void instance_rest(struct transaction *tx, struct instance_edit *edit);

/* What a type takes of a host. */
int32_t instance_cpu_units(const struct instance_record *record);
int32_t instance_memory_mib(const struct instance_record *record);

const struct network_interface_record *instance_interface(const struct transaction *tx,
                                                          const struct instance_record *record);
/* All that are attached to it, in the order of their ids. */
struct walk instance_interfaces(const struct transaction *tx, const struct instance_record *record);
checked bool instance_find(const struct call *call, struct str id, const struct instance_record **ret_instance);
/* As the API shows it. */
void instance_show(const struct call *call, const struct instance_record *record, struct ec2_instance *ret_shown);

/* Begins a session of its profile's role, or keeps the one that is good enough; returns when to look again. */
int64_t instance_session_renew(struct transaction *tx, struct instance_edit *edit);

/* For the host link: what a host is told and what it tells. */
void instances_assign(const struct transaction *tx, struct str host_id, struct host_assignment *assignment);
void instances_observe(struct transaction *tx, struct str host_id, const struct host_report *report);
