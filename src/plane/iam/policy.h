/* Policies: IAM's JSON documents read once into the structs of policy.json, and the decision that several of them make
 * together. Nothing here knows records, calls or services.
 *
 * Rules: IAM user guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Condition operators",
 * "Policy evaluation logic". Pure functions; any thread. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/fail.h"
#include "plane/iam/policy_model.h"

/* Which elements a document must and must not have: Principal is for resource and trust policies only, Resource is not
 * for trust policies; managed policies are identity policies that must be of Version 2012-10-17. */
enum policy_kind { POLICY_IDENTITY, POLICY_RESOURCE, POLICY_TRUST, POLICY_MANAGED };

/* Longer ones are refused unread: IAM's API takes no longer text, and no quota of any service is larger. */
enum { POLICY_BYTES_MAX = 131072 };

/* Reads a document; what it says stands in the arena. Fails with MalformedPolicyDocument (HTTP 400) in IAM's words;
 * services that call it differently (ECR's InvalidParameterException) put their own type on it. Quotas below
 * POLICY_BYTES_MAX are the caller's to keep: they differ. */
checked bool policy_read(struct str json, enum policy_kind kind, struct arena *arena,
                         struct policy_document **ret_document, struct fail *f);

/* What stands in the text for that AWS principal instead; absent: what stood there. */
typedef struct str policy_rename_fn(const void *context, struct str principal);
/* The text of a document that was read before, with its AWS principals renamed. */
struct str policy_rename(struct str text, policy_rename_fn *rename, const void *context, struct arena *arena);

/* ---- the question ---- */

struct policy_values {
    const struct str *items;
    size_t count;
};

/* Looks up a condition key (compared without case), such as "aws:SourceIp" or "aws:RequestTag/team". false: the request
 * has no such key. A key with several values has them all. What it gives stays as it is until the decision is made. */
typedef bool policy_key_fn(const void *context, struct str key, struct policy_values *ret_values);

/* Who asks, as the Principal element names him. */
struct policy_caller {
    struct str account;
    struct str arn;       /* the user's, or the session's: "arn:aws:sts::1:assumed-role/Name/session" */
    struct str id;        /* the user's or role's own, which a policy may have in the place of the ARN: "AROA..." */
    struct str role_arn;  /* behind a session: the role's own, or the user's who federated; absent for all others */
    struct str service;   /* "ecs-tasks.amazonaws.com" when a service asks; absent for all others */
    struct str federated; /* the identity provider, for AssumeRoleWithWebIdentity; absent for all others */
    bool is_root;         /* the account itself: everything in its own account is allowed unless denied */
};

struct policy_question {
    const struct policy_caller *caller;
    struct str action;           /* "ecs:RunTask" */
    struct str resource;         /* an ARN, or "*" where the action knows none */
    struct str resource_account; /* whose the resource is; absent: the principal's own */
    /* Trust policies (and KMS's key policies): without an allow of the resource's own policy nobody may, not even the
     * account's root. */
    bool resource_must_allow;
    policy_key_fn *key;
    const void *context;
};

/* ---- the decision ---- */

enum policy_source {
    POLICY_SOURCE_IDENTITY, /* attached to or inline in a user, his groups, or the role */
    POLICY_SOURCE_RESOURCE,
    POLICY_SOURCE_BOUNDARY,
    POLICY_SOURCE_SESSION,
};

struct policy_named {
    struct str name; /* ARN, or name of an inline policy: for people */
    const struct policy_document *document;
};

struct policy_list {
    const struct policy_named *items;
    size_t count;
    bool present; /* a boundary that is set but allows nothing is not the same as none */
};

struct policies {
    struct policy_list identity;
    struct policy_list boundary; /* at most one */
    struct policy_list session;
    struct policy_list resource;
};

enum policy_verdict { POLICY_IMPLICIT_DENY, POLICY_EXPLICIT_DENY, POLICY_ALLOW };

struct policy_decision {
    enum policy_verdict verdict;
    enum policy_source source;                /* of the deny, of the policies that lack an allow, or of the allow */
    const struct policy_named *policy;        /* NULL: the root of an account, or nothing matched */
    const struct policy_statement *statement; /* the same */
};

/* Explicit deny first, then within one account: allowed by identity or resource policy, and by boundary and session
 * policy where there are such; across accounts: by both. Allocates nothing. */
struct policy_decision policy_decide(const struct policy_question *question, const struct policies *policies);

/* Whether a document alone lets the principal do this: trust policies. */
struct policy_decision policy_decide_trust(const struct policy_question *question, const struct policy_named *trust);
