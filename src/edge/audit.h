/* The audit log: one line of JSON for each call that somebody who is known made, allowed or refused, in the shape of
 * CloudTrail's events (CloudTrail user guide, "CloudTrail record contents"). `berth audit` reads it.
 *
 * Beyond what CloudTrail says: every access decision is there, those of data events too. Short of it: no
 * responseElements. Sensitive members and the contents of data events are left out. */
#pragma once

#include "core/call.h"

struct audit;

/* audit.log and, older, audit.log.1 to audit.log.7. */
enum { AUDIT_FILES_KEPT = 8 };

/* Opens DIR/audit.log, or makes it. */
checked bool audit_open(const char *path, struct audit **ret_audit, struct fail *f);
void audit_close(struct audit *audit);

struct audit_event {
    const struct principal *principal;
    const char *action; /* "ecs:RunTask" */
    struct str region, request_id, source_ip, user_agent;
    int64_t when_ms;
    struct str resource; /* an ARN; absent: the parameters say it */
    /* What was asked for, and its shape; NULL: it could not be read, or had no shape. */
    const struct shape *shape;
    const void *parameters;
    const struct fail *failure; /* NULL: it was done */
};

/* Writes the event; survives the end of the process. When the disk takes no more, a log line says so once, and calls go
 * on. Any thread. */
void audit_write(struct audit *audit, const struct audit_event *event);
