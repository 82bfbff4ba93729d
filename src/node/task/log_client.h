/* The host as a client of CloudWatch Logs: the three calls of the awslogs driver, through the server's public API,
 * signed with the credentials of a task's execution role, or of who it runs for. One thread uses a client at a time. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/logs.h"
#include "model/host.h"

#include <stdatomic.h>

struct log_client;

struct log_place {
    const struct host_credentials *credentials;
    struct str region;
    struct str group;
    struct str stream;
};

/* Whose the lines are of a task without an execution role: credentials that are good now, in the arena. Any thread. */
struct log_identity {
    bool (*get)(void *context, struct arena *arena, struct host_credentials *ret_credentials, struct fail *f);
    void *context;
};

/* address: "127.0.0.1:4566"; calls break off soon after *cancel has become true. Both outlive the client. */
checked bool log_client_new(const char *address, const _Atomic bool *cancel, struct log_client **ret_client,
                            struct fail *f);
void log_client_free(struct log_client *client); /* NULL is fine */

enum log_outcome {
    LOG_OUTCOME_DONE,
    LOG_OUTCOME_MISSING, /* there is no such group or stream */
    LOG_OUTCOME_REFUSED, /* it will never be taken: *f says why */
    LOG_OUTCOME_RETRY,   /* the server is away or in trouble: *f says why */
};

/* Fills *f unless the outcome is DONE. `request` names the call, so that it can be repeated (PutLogEvents only). */
enum log_outcome log_client_put(struct log_client *client, const struct log_place *place,
                                const struct logs_input_log_events *events, const char *request, struct fail *f);
/* DONE when the stream is there, whoever made it; with create_group the group is made when it is missing. */
enum log_outcome log_client_ensure(struct log_client *client, const struct log_place *place, bool create_group,
                                   struct fail *f);

struct http_client_request;
struct http_client_reply;

/* A call of another kind, over the same connections and broken off by the same flag. */
checked bool log_client_fetch(struct log_client *client, struct http_client_request *request,
                              struct http_client_reply *ret_reply, struct fail *f);
