/* A call: one AWS operation while its handler runs, and the table row that declares it.
 *
 * A handler is ordinary C over two generated structs. It runs on the core thread in a transaction: true commits and
 * answers with *out, false undoes everything and answers with call->fail (use fail_api). The input has been checked
 * against its shape and the call has been authorized before. *out may point into records, the request's arena and
 * static storage. */
#pragma once

#include "base/fail.h"
#include "core/settings.h"
#include "core/transaction.h"
#include "model/shape.h"

enum principal_kind { PRINCIPAL_ANONYMOUS, PRINCIPAL_ROOT, PRINCIPAL_USER, PRINCIPAL_SESSION };

/* Who calls, as authentication found out. */
struct principal {
    enum principal_kind kind;
    struct str account;
    struct str access_key;
    struct str arn;
    struct str user_id; /* what sts GetCallerIdentity shows */
};

/* What the composition root lends to the blocking halves of operations: one a domain that needs one, which declares it;
 * NULL where the root has none. */
struct layer_port;
struct log_port;
struct metric_port;
struct session_port;
struct ports {
    const struct layer_port *layers;
    const struct log_port *logs;
    const struct metric_port *metrics;
    const struct session_port *sessions;
};

struct call {
    struct transaction *tx;
    struct arena *arena; /* the request's: lives until the answer is out */
    struct fail *fail;
    const struct operation *operation;
    const struct principal *principal;
    const struct settings *settings;
    struct str region;
    struct str request_id;
    struct str invocation_id; /* the client's name for this call, the same when it tries again; absent without */
    struct str source_ip;
    struct str host; /* under which name the client reaches us: its Host header; absent without */
    struct str user_agent;
    bool secure; /* came over TLS */
    void *carry; /* what prepare leaves to the handler, and that to its finish, in the arena; NULL: nothing */
};

typedef bool call_fn(struct call *call, const void *in, void *out);
typedef bool prepare_fn(struct call *call, const void *in);
typedef bool finish_fn(const struct call *call, const struct ports *ports, const void *in, void *out);

/* What has to be allowed for a call, and what a service tells the decision: plane/iam/authorize.h. */
struct asks;
struct access_spec;

struct operation_spec {
    const struct operation *operation;
    call_fn *handle;
    const char *action; /* IAM: "ecs:RunTask"; NULL: nobody needs a permission for it */
    /* The resource ARN that the policy decision is about; NULL: "*". */
    struct str (*resource)(const struct call *call, const void *in);
    /* The part that blocks (files, bulk stores), run on a worker after the handler's turn is durable and before the
     * answer is encoded. Only for operations whose *out holds no pointer into records. NULL: none. */
    finish_fn *finish;
    /* Everything that has to be allowed, where it is not the action on the one resource: several resources, roles that
     * are handed over. NULL: action and resource. */
    void (*asks)(const struct call *call, const void *in, struct asks *asks);
    const struct access_spec *access; /* condition keys and tags of the service; NULL: only the global keys */
    /* What takes long and needs no record (making a key), on a worker before the handler's turn, also for a caller who
     * then may not: leaves what it made in call->carry. There is no call->tx. NULL: none. */
    prepare_fn *prepare;
};

/* A row of a domain's operation table: OPERATION(ecs, run_task, "ecs:RunTask", cluster_resource). The handler has
 * service and the operation in its name (ecs_run_task); its in and out are its own structs. */
#define OPERATION(service, name, action, resource)                                                                     \
    {                                                                                                                  \
        &service##_##name##_operation, (call_fn *)service##_##name, action, resource, NULL, NULL, NULL, NULL           \
    }
#define OPERATION_FINISHED(service, name, action, resource, finish)                                                    \
    {                                                                                                                  \
        &service##_##name##_operation, (call_fn *)service##_##name, action, resource, (finish_fn *)finish, NULL, NULL, \
            NULL                                                                                                       \
    }
/* The same for a domain that has an access_spec; `asks` and `finish` may be NULL. */
#define OPERATION_GUARDED(service, name, action, resource, finish, asks, access)                                       \
    {                                                                                                                  \
        &service##_##name##_operation, (call_fn *)service##_##name, action, resource, (finish_fn *)finish, asks,       \
            access, NULL                                                                                               \
    }
/* The same for one with `prepare` and without a resource. */
#define OPERATION_PREPARED(service, name, action, prepare, asks, access)                                               \
    {                                                                                                                  \
        &service##_##name##_operation, (call_fn *)service##_##name, action, NULL, NULL, asks, access,                  \
            (prepare_fn *)prepare                                                                                      \
    }

/* Pages: cuts a list that is produced in key order. Tokens are opaque to clients (the key in hexadecimal with a check
 * byte); a token that we did not make fails with `error_type`, "Invalid token". */
checked bool page_begin(struct arena *arena, struct str token, const char *error_type, struct str *ret_after,
                        struct fail *f);
struct str page_token(struct arena *arena, struct str last_key);
