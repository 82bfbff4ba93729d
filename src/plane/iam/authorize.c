/* Whether a call may go ahead: who calls, with which policies, and how a denial is worded (IAM user guide,
 * "Troubleshoot access denied error messages"). */
#include "plane/iam/authorize.h"

#include "base/must.h"
#include "plane/iam/authorization_message.h"
#include "plane/iam/entity.h"
#include "plane/iam/iam.h"
#include "plane/iam/role.h"
#include "plane/iam/user.h"

/* ---- what is asked for ---- */

void asks_add(struct asks *asks, const char *action, struct str resource)
{
    if ((asks->count & (asks->count - 1)) == 0) {
        struct ask *items = arena_array(asks->arena, struct ask, asks->count == 0 ? 1 : asks->count * 2);

        if (asks->count > 0)
            memcpy(items, asks->items, asks->count * sizeof(*items));
        asks->items = items;
    }
    asks->items[asks->count++] = (struct ask){.action = action, .resource = resource};
}

void asks_pass_role(struct asks *asks, const struct call *call, struct str role, const char *service)
{
    const struct role_record *record;
    struct arn_parts parts;

    if (role.len == 0)
        return;
    if (str_starts(role, STR("arn:"))) {
        if (!arn_split(role, &parts) || !str_is(parts.kind, "role") || parts.account.len != 12)
            return; /* which the handler refuses */
    } else {
        record = role_by_name(call->tx, call->principal->account, role);
        role = record != NULL ? record->role->arn
                              : iam_arn(asks->arena, call->principal->account, "role", (struct str){NULL, 0}, role);
    }
    asks_add(asks, "iam:PassRole", role);
    asks->items[asks->count - 1].passed_to = str_of(service);
}

static struct asks asks_of(const struct call *call, const struct operation_spec *operation, const void *in)
{
    struct asks asks = {.arena = call->arena};

    if (operation->action == NULL)
        return asks;
    if (operation->asks != NULL)
        operation->asks(call, in, &asks);
    else
        asks_add(&asks, operation->action, operation->resource == NULL ? STR("*") : operation->resource(call, in));
    return asks;
}

/* ---- who asks ---- */

static struct str entity_behind(const struct transaction *tx, const struct access_key_record *key)
{
    const struct user_record *user;

    if (key == NULL || key->session == NULL)
        return (struct str){NULL, 0};
    if (key->session->role_arn.ptr != NULL)
        return key->session->role_arn;
    user = key->kind == ACCESS_KEY_KIND_FEDERATED && key->owner_id.ptr != NULL
               ? transaction_get(tx, &user_table, key->owner_id)
               : NULL;
    return user == NULL ? (struct str){NULL, 0} : user->user->arn;
}

static struct policy_caller caller_of(const struct call *call, const struct access_key_record *key)
{
    const struct principal *principal = call->principal;

    return (struct policy_caller){
        .account = principal->account,
        .arn = principal->arn,
        .id = key != NULL ? key->owner_id : principal->user_id,
        .role_arn = entity_behind(call->tx, key),
        .is_root = principal->kind == PRINCIPAL_ROOT,
    };
}

/* The account in "arn:aws:service:region:account:..."; absent when the resource names none. */
static struct str account_of(struct str arn)
{
    struct str rest = arn;
    struct str account;

    for (int i = 0; i < 4 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    if (rest.ptr == NULL)
        return (struct str){NULL, 0};
    account = str_cut(rest, ':', &rest);
    return account.len == 0 || str_is(account, "aws") ? (struct str){NULL, 0} : account;
}

/* ---- how a denial reads ---- */

static const char *const missing[] = {
    [POLICY_SOURCE_IDENTITY] = "no identity-based policy allows",
    [POLICY_SOURCE_RESOURCE] = "no resource-based policy allows",
    [POLICY_SOURCE_BOUNDARY] = "no permissions boundary allows",
    [POLICY_SOURCE_SESSION] = "no session policy allows",
};
static const char *const denying[] = {
    [POLICY_SOURCE_IDENTITY] = "an identity-based policy",
    [POLICY_SOURCE_RESOURCE] = "a resource-based policy",
    [POLICY_SOURCE_BOUNDARY] = "a permissions boundary",
    [POLICY_SOURCE_SESSION] = "a session policy",
};

static struct str reason_of(const struct call *call, const struct ask *ask, const struct policy_decision *decision)
{
    if (decision->verdict == POLICY_EXPLICIT_DENY)
        return arena_printf(call->arena, "with an explicit deny in %s", denying[decision->source]);
    return arena_printf(call->arena, "because %s the %s action", missing[decision->source], ask->action);
}

/* How services call it; the others say AccessDeniedException, with the status of their protocol. */
static const struct {
    const char *service;
    const char *type;
    const char *prefix;
} forms[] = {
    {"iam", "AccessDenied", ""},
    {"sts", "AccessDenied", ""},
    {"elb", "AccessDenied", ""},
    {"elbv2", "AccessDenied", ""},
    {"autoscaling", "AccessDenied", ""},
    {"ec2", "UnauthorizedOperation", "You are not authorized to perform this operation. "},
};

enum { PREFIX_LEN_MAX = 64 }; /* of the forms */

/* EC2's way of telling more to those who may know, as long as a failure's text has room for it. */
static struct str with_encoded_message(const struct call *call, struct str text, const struct ask *ask,
                                       const struct policy_decision *decision)
{
    struct str encoded = authorization_message_encode(call, ask, decision);
    struct str more =
        arena_printf(call->arena, "%.*s. Encoded authorization failure message: %.*s", STR_ARG(text), STR_ARG(encoded));

    return encoded.ptr == NULL || more.len + PREFIX_LEN_MAX >= sizeof(call->fail->message) ? text : more;
}

static bool deny(const struct call *call, const struct ask *ask, const struct policy_decision *decision)
{
    const char *service = call->operation == NULL ? "" : service_id(operation_service(call->operation));
    struct str reason = reason_of(call, ask, decision);
    struct str text = arena_printf(call->arena, "User: %.*s is not authorized to perform: %s on resource: %.*s %.*s",
                                   STR_ARG(call->principal->arn), ask->action, STR_ARG(ask->resource), STR_ARG(reason));

    if (strcmp(service, "ec2") == 0)
        text = with_encoded_message(call, text, ask, decision);
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (strcmp(forms[i].service, service) == 0)
            return fail_status(call->fail, 403, forms[i].type, "%s%.*s", forms[i].prefix, STR_ARG(text));
    return fail_api(call->fail, "AccessDeniedException", "%.*s", STR_ARG(text));
}

/* ---- deciding ---- */

/* All that the asks of one call have in common. */
struct gathered {
    struct policy_caller caller;
    struct policies policies;
};

/* The resource's own policy, and that of what it is in. */
static void add_resource_policies(const struct key_context *context, struct policies *policies)
{
    const struct access_spec *access = context->access;
    struct policy_named found[2];
    size_t count = 0;
    struct policy_named *kept;

    if (access == NULL || context->ask->passed_to.ptr != NULL)
        return;
    if (access->policy != NULL) {
        found[count] =
            (struct policy_named){context->ask->resource, access->policy(context->call, context->ask->resource)};
        count += found[count].document != NULL;
    }
    if (access->outer_policy != NULL)
        count += access->outer_policy(context->call, context->ask, &found[count]);
    if (count == 0)
        return;
    kept = arena_array(context->call->arena, struct policy_named, count); /* the decision may name one */
    memcpy(kept, found, count * sizeof(found[0]));
    policies->resource = (struct policy_list){kept, count, true};
}

static struct policy_decision decide(const struct gathered *gathered, const struct key_context *context)
{
    struct policies policies = gathered->policies;
    struct policy_question question = {
        .caller = &gathered->caller,
        .action = str_of(context->ask->action),
        .resource = context->ask->resource,
        .resource_account = context->resource_account,
        .resource_must_allow = context->access != NULL && context->access->policy_must_allow,
        .key = condition_key_find,
        .context = context,
    };

    add_resource_policies(context, &policies);
    return policy_decide(&question, &policies);
}

/* `context` has all but what is the call's and the ask's own. */
static bool allow_all(struct key_context *context, const struct asks *asks)
{
    const struct call *call = context->call;
    struct gathered gathered;

    context->key = iam_key_of(call->tx, call->principal);
    gathered.caller = caller_of(call, context->key);
    iam_policies_of(call->tx, call->principal, call->arena, &gathered.policies);
    for (size_t i = 0; i < asks->count; i++) {
        struct policy_decision decision;

        context->ask = &asks->items[i];
        context->resource_account = account_of(context->ask->resource);
        decision = decide(&gathered, context);
        if (decision.verdict != POLICY_ALLOW && !deny(call, context->ask, &decision))
            return false;
    }
    return true;
}

bool iam_authorize(const struct call *call, const struct operation_spec *operation, const void *in)
{
    struct asks asks = asks_of(call, operation, in);
    struct key_context context = {
        .call = call, .operation = operation->operation, .in = in, .access = operation->access};

    return allow_all(&context, &asks);
}

bool iam_allows(const struct call *call, const struct access_spec *access, const char *action, struct str resource)
{
    struct asks asks = {.arena = call->arena};
    struct key_context context = {.call = call, .access = access};

    asks_add(&asks, action, resource);
    return allow_all(&context, &asks);
}

/* ---- explaining ---- */

/* The user or role of that ARN, as if he called. */
static bool principal_of_arn(const struct call *call, struct str arn, struct principal *ret_principal)
{
    const struct role_record *role = role_by_arn(call->tx, arn);
    const struct user_record *user = NULL;
    struct arn_parts parts;

    if (role == NULL && arn_split(arn, &parts))
        user = user_by_name(call->tx, parts.account, parts.name);
    if (role == NULL && (user == NULL || !str_eq(user->user->arn, arn)))
        return false;
    *ret_principal = (struct principal){
        .kind = role != NULL ? PRINCIPAL_SESSION : PRINCIPAL_USER,
        .account = role != NULL ? role->account_id : user->account_id,
        .access_key = STR(""),
        .arn = arn,
        .user_id = role != NULL ? role->role->role_id : user->user->user_id,
    };
    return true;
}

static bool principal_of(const struct call *call, struct str who, struct principal *ret_principal)
{
    const struct access_key_record *key = transaction_get(call->tx, &access_key_table, who);
    bool is_root;

    if (key == NULL)
        return principal_of_arn(call, who, ret_principal);
    is_root = key->kind == ACCESS_KEY_KIND_ROOT || key->kind == ACCESS_KEY_KIND_ROOT_SESSION;
    *ret_principal = (struct principal){
        .kind = is_root ? PRINCIPAL_ROOT : PRINCIPAL_USER,
        .account = key->account_id,
        .access_key = who,
        .arn = key->principal_arn,
        .user_id = key->user_id,
    };
    return true;
}

bool iam_explain(const struct call *call, struct str who, const struct access_spec *access, const struct ask *ask,
                 struct policy_decision *ret_decision)
{
    struct principal principal;
    struct call asking = *call;
    struct key_context context = {
        .call = &asking, .access = access, .ask = ask, .resource_account = account_of(ask->resource)};
    struct gathered gathered;

    if (!principal_of(call, who, &principal))
        return fail_api(call->fail, "NoSuchEntity", "there is no access key, user or role %.*s", STR_ARG(who));
    asking.principal = &principal;
    context.key = iam_key_of(call->tx, &principal);
    gathered.caller = caller_of(&asking, context.key);
    if (context.key != NULL)
        iam_policies_of(call->tx, &principal, call->arena, &gathered.policies);
    else
        iam_policies_of_owner(call->tx, principal.user_id, call->arena, &gathered.policies);
    *ret_decision = decide(&gathered, &context);
    return true;
}

/* ---- services that take a role on ---- */

struct service_keys {
    struct str account;
    struct str source_arn;
};

static bool find_service_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct service_keys *keys = context;
    const struct str *value = str_eq_nocase(key, STR("aws:SourceAccount")) ? &keys->account
                              : str_eq_nocase(key, STR("aws:SourceArn"))   ? &keys->source_arn
                                                                           : NULL;

    if (value == NULL)
        return false;
    *ret_values = (struct policy_values){value, 1};
    return true;
}

bool iam_role_trusts(const struct call *call, struct str role_arn, const char *service, struct str source_arn)
{
    const struct role_record *role = role_by_arn(call->tx, role_arn);
    struct policy_caller caller = {.service = str_of(service)};
    struct service_keys keys = {call->principal->account, source_arn};
    struct policy_question question = {.caller = &caller,
                                       .action = STR("sts:AssumeRole"),
                                       .resource = role_arn,
                                       .key = find_service_key,
                                       .context = &keys};
    struct policy_named trust;

    if (role == NULL)
        return false;
    trust = (struct policy_named){role_arn, role->trust};
    return policy_decide_trust(&question, &trust).verdict == POLICY_ALLOW;
}
