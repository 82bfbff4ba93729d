/* CloudWatch Logs: log groups, their streams, and how long events are kept. The events themselves are bulk and stand in
 * the log store, reached through log_port.h; their loss never stops scheduling.
 *
 * The store knows a group by its store id, and a stream by its name and store id: both are made anew for each creation,
 * so that a group or stream of a name that was used before begins empty, whatever happened to the deletion of the old
 * one's events. */
#pragma once

#include "base/log_event.h"
#include "core/call.h"
#include "core/core.h"
#include "model/gen/logs.h"
#include "plane/logs/log_port.h"
#include "plane/logs/logs_record.h"

extern const struct domain_spec logs_domain;
extern const struct operation_spec logs_handlers[];
extern const size_t logs_handler_count;

extern const struct table_spec log_group_table;  /* by account, region, name */
extern const struct table_spec log_stream_table; /* by account, region, group, name */

/* ---- groups ---- */

/* By name, or by an identifier that is a name or an ARN; exactly one must be given. Fails with
 * InvalidParameterException and ResourceNotFoundException. */
checked bool log_group_find(const struct call *call, struct str name, struct str identifier,
                            const struct log_group_record **ret_group, struct fail *f);
/* The ARN without ":*", which policies and tags use. */
struct str log_group_arn(const struct call *call, struct str name);
/* The name that an ARN or name means in this account and region; absent when it means nothing here. */
struct str log_group_name_of(const struct call *call, struct str identifier);
struct log_group_key log_group_store_key(struct arena *arena, const struct log_group_record *group);
/* Events older than this are over, though they may still stand in the store; 0: they are kept for ever. */
int64_t log_group_expired_before_ms(const struct log_group_record *group, int64_t now_ms);

/* ---- resource policies: which services may write into the groups of an account and region ---- */

extern const struct table_spec logs_resource_policy_table; /* by account, region, name */

/* Whether a service may do that to the group's streams on behalf of `source_arn`, a resource of the same account. */
bool log_group_lets(const struct transaction *tx, const struct log_group_record *group, const char *service,
                    struct str source_arn, const char *action);

/* ---- streams ---- */

checked bool log_stream_find(const struct call *call, const struct log_group_record *group, struct str name,
                             const struct log_stream_record **ret_stream, struct fail *f);
/* The stream of that name, made when there is none. */
const struct log_stream_record *log_stream_ensure(struct transaction *tx, const struct log_group_record *group,
                                                  struct str name);
struct log_stream_key log_stream_store_key(struct arena *arena, const struct log_group_record *group,
                                           const struct log_stream_record *stream);
/* The stream's name in what the store calls it. */
struct str log_stream_name_in(struct str store_name);

/* ---- the installation's housekeeping (edge/log_keeper.h) ---- */

/* Calls `each` for every stream that exists, with its store key; for every group with a retention setting, with the
 * time before which its events are over. Keys live in the transaction's arena. */
void logs_each_stream(const struct transaction *tx, void (*each)(void *context, const struct log_stream_key *stream),
                      void *context);
void logs_each_retention(const struct transaction *tx,
                         void (*each)(void *context, const struct log_group_key *group, int64_t before_ms),
                         void *context);
