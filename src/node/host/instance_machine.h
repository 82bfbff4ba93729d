/* One instance as the machine has it: its folder, disk, interface and container. Nothing here knows when; that is
 * instances.c. One thread an instance. */
#pragma once

#include "node/host/internal.h"
#include "node/instance/imds.h"

enum { INSTANCE_ID_BYTES = 32, CONSOLE_BYTES_MAX = 64 << 10 }; /* GetConsoleOutput shows the last 64 KB */

struct instance_machine {
    struct host *host;
    char id[INSTANCE_ID_BYTES];
    char dir[HOSTED_PATH + 64];
    char interface_id[40];
    uint64_t console_seen; /* bytes of the log that were looked at */
};

struct instance_console {
    struct buf text; /* base64 */
    int64_t when_ms;
};

void instance_machine_init(struct instance_machine *machine, struct host *host,
                           const struct host_instance_assignment *assignment);
/* All of it; after a failure nothing runs. */
checked bool instance_machine_start(struct instance_machine *machine, const struct host_instance_assignment *assignment,
                                    struct fail *f);
/* Groups and public address of its interface; interfaces of its tasks come and go. */
checked bool instance_machine_update(struct instance_machine *machine,
                                     const struct host_instance_assignment *assignment, struct fail *f);
void instance_machine_signal(struct instance_machine *machine, bool kill);
/* When its container has ended: that, cgroup and interfaces go. */
void instance_machine_clean(struct instance_machine *machine);
void instance_machine_remove(struct instance_machine *machine);
checked bool instance_machine_remove_files(const char *host_dir, const char *id, struct fail *f);

/* What its metadata service answers from now on. */
void instance_machine_tell(const struct host_instance_assignment *assignment, struct imds *imds);
/* false: nothing new. */
bool instance_machine_console(struct instance_machine *machine, struct instance_console *ret_console);

/* What a former process kept: the assignment, malloc'ed, and the number of the last launch that has run; 0: none. */
checked bool instance_machine_recall(const char *host_dir, const char *id,
                                     struct host_instance_assignment **ret_assignment, struct fail *f);
int64_t instance_machine_launch(const struct instance_machine *machine);
checked bool instance_machine_keep_launch(const struct instance_machine *machine, int64_t number, struct fail *f);
