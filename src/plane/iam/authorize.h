/* The decision whether a call may go ahead, made of what the call asks for, who calls, and the policies of both.
 *
 * An operation asks for one action on one resource (operation_spec.action, .resource) or for several (.asks); each has
 * to be allowed. Condition keys are looked up only when a policy names them. */
#pragma once

#include "core/call.h"
#include "plane/iam/policy.h"

struct ask {
    const char *action;
    struct str resource;
    struct str passed_to; /* of iam:PassRole: the service that gets the role */
};

/* ---- what a service declares ---- */

/* A condition key of a service: what a member of the request says, or what `value` makes of the request; absent when
 * the request has no such key. */
struct condition_key {
    const char *name;   /* "ecs:cluster" */
    const char *member; /* "enableExecuteCommand": of the operation's input, where that has it; NULL: ask `value` */
    struct str (*value)(const struct call *call, const struct operation *operation, const void *in);
};

/* One with as many values as stand at that path of the input's members, through lists: "capacityProviderStrategy.
 * capacityProvider". Each as it stands, or as `each` has it. */
struct condition_list {
    const char *name;
    const char *path;
    struct str (*each)(const struct call *call, const struct operation *operation, const void *in, struct str said);
};

struct access_spec {
    const struct condition_key *keys;
    size_t key_count;
    const struct condition_list *lists;
    size_t list_count;
    /* Keys whose values stand inside a text of the request; false: it has none. NULL: there are no such keys. */
    bool (*values)(const struct call *call, const struct operation *operation, const void *in, struct str key,
                   struct policy_values *ret_values);
    /* A tag of the resource, for aws:ResourceTag; absent without. NULL: its resources have no tags. */
    struct str (*tag)(const struct call *call, struct str resource, struct str key);
    /* The resource's own policy; NULL: it has none, or resources of the service cannot have one. */
    const struct policy_document *(*policy)(const struct call *call, struct str resource);
    /* Likewise the policy of what the resource is in, as far as it decides on that: a registry's, of its repositories.
     */
    bool (*outer_policy)(const struct call *call, const struct ask *ask, struct policy_named *ret_policy);
    /* Without an allow of that policy nobody may, not even the account's root: trust policies. */
    bool policy_must_allow;
};

/* ---- what a call asks for ---- */

/* In the call's arena. */
struct asks {
    struct arena *arena;
    struct ask *items;
    size_t count;
};

void asks_add(struct asks *asks, const char *action, struct str resource);
/* iam:PassRole of a role that a request names by ARN or by bare name; nothing for an absent or empty one. */
void asks_pass_role(struct asks *asks, const struct call *call, struct str role, const char *service);

/* ---- the decision ---- */

/* The hook that every operation of every service goes through before its handler. Fails in AWS's words, in the form of
 * the call's service: AccessDeniedException, AccessDenied (IAM, STS), UnauthorizedOperation (EC2). */
checked bool iam_authorize(const struct call *call, const struct operation_spec *operation, const void *in);
/* For what is no operation: the registry protocol, and what handlers ask besides. */
checked bool iam_allows(const struct call *call, const struct access_spec *access, const char *action,
                        struct str resource);

/* What would be decided about whoever has that access key, or the user or role of that ARN, without a request: what
 * conditions ask of one is absent. The decision points into records and the call's arena. */
checked bool iam_explain(const struct call *call, struct str who, const struct access_spec *access,
                         const struct ask *ask, struct policy_decision *ret_decision);

/* What the request says at a path of members, of lists every item's; false: nothing. In the call's arena. */
bool request_values(const struct call *call, const struct operation *operation, const void *in, const char *path,
                    struct policy_values *ret_values);
/* What a member of the request says: text, enum, number or boolean; absent where it is not there. */
struct str request_member(const struct call *call, const struct operation *operation, const void *in, const char *name);

/* Whether a role exists and lets the service take it on for what that ARN means, in the call's account: its trust
 * policy, with aws:SourceAccount and aws:SourceArn as the service gives them. */
bool iam_role_trusts(const struct call *call, struct str role_arn, const char *service, struct str source_arn);

/* ---- for the files of this noun ---- */

struct access_key_record;

/* What condition keys are looked up in. */
struct key_context {
    const struct call *call;
    const struct operation *operation; /* NULL: none, then also `in` */
    const void *in;
    const struct access_spec *access;    /* may be NULL */
    const struct access_key_record *key; /* the principal's; NULL when it has none */
    const struct ask *ask;
    struct str resource_account;
};

/* A policy_key_fn over a struct key_context: the global keys, the service's own, tags of the request and the resource.
 * Values stand in the call's arena. */
bool condition_key_find(const void *context, struct str key, struct policy_values *ret_values);

/* The tags in a request, whatever its shape: lists of key and value, maps, EC2's TagSpecifications. */
checked bool request_tag_find(const struct key_context *context, struct str key, struct str *ret_value);
/* Their keys, also of UntagResource and its kin; false: the request has none. */
bool request_tag_keys(const struct key_context *context, struct policy_values *ret_keys);
