/* The decision (IAM user guide, "Policy evaluation logic", "Cross-account policy evaluation logic"):
 *
 *   1 a Deny that applies, in any policy, ends it
 *   2 within one account the resource's own policy may allow: directly (it names the user, the session or everybody),
 *     then nothing else is asked; or through the role, then boundary and session policy limit it
 *   3 otherwise an identity policy has to allow, and so has the boundary, and the session policy, where there is one
 *   4 across accounts both the caller's side (3) and the resource's own policy have to allow
 *
 * A resource policy that names only the caller's own account allows nothing by itself: it leaves it to the identity
 * policies. The root of an account needs no allow within its own account. */
#include "base/must.h"
#include "plane/iam/policy_private.h"

/* How a Principal element reaches the caller. */
enum reach {
    REACH_NONE,
    REACH_ACCOUNT, /* by the account: what the account's own policies make of it */
    REACH_ENTITY,  /* by the role, or the user who federated, behind the session */
    REACH_DIRECT,
};

/* What a list of policies says. */
struct finding {
    const struct policy_named *policy;
    const struct policy_statement *statement; /* NULL: nothing */
    enum reach reach;                         /* resource policies */
};

/* ---- principals ---- */

/* "111122223333" and "arn:aws:iam::111122223333:root" are the same. */
static bool names_account(struct str value, struct str account)
{
    static const struct str suffix = STR_INIT(":root");

    if (account.len == 0)
        return false;
    if (str_eq(value, account))
        return true;
    if (!str_starts(value, STR("arn:")) || !str_ends(value, suffix))
        return false;
    value.len -= suffix.len;
    return str_ends(value, account) && str_ends(str_to(value, value.len - account.len), STR(":iam::"));
}

static bool is_present_and(struct str own, struct str value)
{
    return own.len > 0 && str_eq(own, value);
}

static enum reach reach_of_aws(const struct policy_caller *caller, struct str value)
{
    if (str_is(value, "*") || is_present_and(caller->arn, value))
        return REACH_DIRECT;
    if (is_present_and(caller->role_arn, value))
        return REACH_ENTITY;
    if (is_present_and(caller->id, value))
        return caller->role_arn.len > 0 ? REACH_ENTITY : REACH_DIRECT;
    if (!names_account(value, caller->account))
        return REACH_NONE;
    return caller->is_root ? REACH_DIRECT : REACH_ACCOUNT;
}

static enum reach reach_of(const struct policy_caller *caller, const struct policy_principal *principal)
{
    switch (principal->type) {
    case POLICY_PRINCIPAL_TYPE_AWS:
        return reach_of_aws(caller, principal->value);
    case POLICY_PRINCIPAL_TYPE_SERVICE:
        return is_present_and(caller->service, principal->value) ? REACH_DIRECT : REACH_NONE;
    case POLICY_PRINCIPAL_TYPE_FEDERATED:
        return is_present_and(caller->federated, principal->value) ? REACH_DIRECT : REACH_NONE;
    case POLICY_PRINCIPAL_TYPE_CANONICAL_USER:
    case POLICY_PRINCIPAL_TYPE_NONE:
        break;
    }
    return REACH_NONE;
}

static enum reach reach_of_any(const struct policy_caller *caller, const struct policy_principals *principals)
{
    enum reach reach = REACH_NONE;

    for (size_t i = 0; i < principals->count; i++) {
        enum reach found = reach_of(caller, &principals->items[i]);

        if (found > reach)
            reach = found;
    }
    return reach;
}

static bool lists(const struct policy_principals *principals, enum policy_principal_type type, struct str name)
{
    for (size_t i = 0; i < principals->count; i++) {
        const struct policy_principal *principal = &principals->items[i];

        if (principal->type != type)
            continue;
        if (str_eq(principal->value, name) ||
            (type == POLICY_PRINCIPAL_TYPE_AWS && names_account(principal->value, name)))
            return true;
    }
    return false;
}

static bool lists_entity(const struct policy_principals *principals, struct str arn, struct str id)
{
    return lists(principals, POLICY_PRINCIPAL_TYPE_AWS, arn) ||
           (id.len > 0 && lists(principals, POLICY_PRINCIPAL_TYPE_AWS, id));
}

/* NotPrincipal spares whoever it names with all that he is: the account, the role behind a session, and himself; and
 * nobody who has a boundary ("AWS JSON policy elements: NotPrincipal"). */
static bool is_spared(const struct policy_caller *caller, const struct policy_principals *principals, bool bounded)
{
    if (lists(principals, POLICY_PRINCIPAL_TYPE_AWS, STR("*")))
        return true;
    if (caller->service.len > 0)
        return lists(principals, POLICY_PRINCIPAL_TYPE_SERVICE, caller->service);
    if (caller->federated.len > 0)
        return lists(principals, POLICY_PRINCIPAL_TYPE_FEDERATED, caller->federated);
    if (bounded || !lists(principals, POLICY_PRINCIPAL_TYPE_AWS, caller->account))
        return false;
    if (caller->role_arn.len > 0 && !lists_entity(principals, caller->role_arn, caller->id))
        return false;
    return caller->is_root || lists_entity(principals, caller->arn, caller->role_arn.len > 0 ? STR("") : caller->id);
}

/* ---- statements ---- */

static bool action_applies(const struct policy_statement *statement, struct str action)
{
    static const struct policy_scope no_variables = {0};

    for (size_t i = 0; i < statement->actions.count; i++)
        if (policy_match_text(statement->actions.items[i], action, &no_variables,
                              POLICY_MATCH_WILD | POLICY_MATCH_NOCASE) == POLICY_MATCH_YES)
            return !statement->not_action;
    return statement->not_action;
}

/* Without the element (resource and trust policies) it is the resource that the policy stands at. NotResource with a
 * variable that has no value: allows nothing, denies everything. */
static bool resource_applies(const struct policy_statement *statement, struct str resource,
                             const struct policy_scope *scope)
{
    bool unknown = false;

    if (statement->resources.items == NULL)
        return true;
    for (size_t i = 0; i < statement->resources.count; i++) {
        enum policy_match match = policy_match_text(statement->resources.items[i], resource, scope, POLICY_MATCH_WILD);

        if (match == POLICY_MATCH_YES)
            return !statement->not_resource;
        unknown = unknown || match == POLICY_MATCH_UNKNOWN;
    }
    return statement->not_resource && (!unknown || statement->effect == POLICY_EFFECT_DENY);
}

static enum reach statement_reach(const struct policy_statement *statement, const struct policy_caller *caller,
                                  bool bounded)
{
    if (!statement->not_principal)
        return reach_of_any(caller, &statement->principals);
    return is_spared(caller, &statement->principals, bounded) ? REACH_NONE : REACH_DIRECT;
}

/* What one decision looks at. */
struct inquiry {
    const struct policy_question *question;
    bool bounded; /* the caller has a permissions boundary */
};

static bool statement_applies(const struct inquiry *inquiry, const struct policy_document *document,
                              const struct policy_statement *statement)
{
    static const struct str with_variables = STR_INIT("2012-10-17");
    const struct policy_question *question = inquiry->question;
    struct policy_scope scope = {question->key, question->context, false};

    if (!action_applies(statement, question->action))
        return false;
    scope.variables = str_eq(document->version, with_variables);
    return resource_applies(statement, question->resource, &scope) && policy_conditions_hold(statement, &scope);
}

/* The first statement with that effect that applies; of a resource policy's allows the one that reaches farthest. */
static struct finding look(const struct inquiry *inquiry, const struct policy_list *list, enum policy_effect effect,
                           bool is_resource)
{
    struct finding best = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct policy_statements *statements = &list->items[i].document->statements;

        for (size_t j = 0; j < statements->count; j++) {
            const struct policy_statement *statement = &statements->items[j];
            enum reach reach = REACH_DIRECT;

            if (statement->effect != effect)
                continue;
            if (is_resource)
                reach = statement_reach(statement, inquiry->question->caller, inquiry->bounded);
            if (reach <= best.reach || !statement_applies(inquiry, list->items[i].document, statement))
                continue;
            best = (struct finding){&list->items[i], statement, reach};
            if (reach == REACH_DIRECT)
                return best;
        }
    }
    return best;
}

/* ---- the decision ---- */

static struct policy_decision decide(enum policy_verdict verdict, enum policy_source source,
                                     const struct finding *finding)
{
    return (struct policy_decision){verdict, source, finding == NULL ? NULL : finding->policy,
                                    finding == NULL ? NULL : finding->statement};
}

static bool find_deny(const struct inquiry *inquiry, const struct policies *policies,
                      struct policy_decision *ret_decision)
{
    const struct policy_list *const lists[] = {
        [POLICY_SOURCE_IDENTITY] = &policies->identity,
        [POLICY_SOURCE_RESOURCE] = &policies->resource,
        [POLICY_SOURCE_BOUNDARY] = &policies->boundary,
        [POLICY_SOURCE_SESSION] = &policies->session,
    };

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct finding finding = look(inquiry, lists[i], POLICY_EFFECT_DENY, i == POLICY_SOURCE_RESOURCE);

        if (finding.statement != NULL) {
            *ret_decision = decide(POLICY_EXPLICIT_DENY, (enum policy_source)i, &finding);
            return true;
        }
    }
    return false;
}

/* Whether the policies that only limit, allow it too; otherwise *ret_source is the first that does not. */
static bool within_limits(const struct inquiry *inquiry, const struct policies *policies,
                          enum policy_source *ret_source)
{
    if (policies->boundary.present &&
        look(inquiry, &policies->boundary, POLICY_EFFECT_ALLOW, /* is_resource= */ false).statement == NULL) {
        *ret_source = POLICY_SOURCE_BOUNDARY;
        return false;
    }
    if (policies->session.present &&
        look(inquiry, &policies->session, POLICY_EFFECT_ALLOW, /* is_resource= */ false).statement == NULL) {
        *ret_source = POLICY_SOURCE_SESSION;
        return false;
    }
    return true;
}

/* The caller's own side: identity policies within boundary and session policy. */
static struct policy_decision decide_own(const struct inquiry *inquiry, const struct policies *policies)
{
    struct finding identity;
    enum policy_source limit;

    if (inquiry->question->caller->is_root)
        return decide(POLICY_ALLOW, POLICY_SOURCE_IDENTITY, NULL);
    identity = look(inquiry, &policies->identity, POLICY_EFFECT_ALLOW, /* is_resource= */ false);
    if (identity.statement == NULL)
        return decide(POLICY_IMPLICIT_DENY, POLICY_SOURCE_IDENTITY, NULL);
    if (!within_limits(inquiry, policies, &limit))
        return decide(POLICY_IMPLICIT_DENY, limit, NULL);
    return decide(POLICY_ALLOW, POLICY_SOURCE_IDENTITY, &identity);
}

static struct policy_decision decide_at_home(const struct inquiry *inquiry, const struct policies *policies,
                                             const struct finding *resource)
{
    enum policy_source limit;

    if (resource->reach == REACH_DIRECT)
        return decide(POLICY_ALLOW, POLICY_SOURCE_RESOURCE, resource);
    if (inquiry->question->resource_must_allow && resource->reach == REACH_NONE)
        return decide(POLICY_IMPLICIT_DENY, POLICY_SOURCE_RESOURCE, NULL);
    if (resource->reach != REACH_ENTITY)
        return decide_own(inquiry, policies);
    if (!within_limits(inquiry, policies, &limit))
        return decide(POLICY_IMPLICIT_DENY, limit, NULL);
    return decide(POLICY_ALLOW, POLICY_SOURCE_RESOURCE, resource);
}

static struct policy_decision decide_abroad(const struct inquiry *inquiry, const struct policies *policies,
                                            const struct finding *resource)
{
    const struct policy_caller *caller = inquiry->question->caller;
    bool has_own_side = caller->service.len == 0 && caller->federated.len == 0 && caller->account.len > 0;

    if (has_own_side) {
        struct policy_decision own = decide_own(inquiry, policies);

        if (own.verdict != POLICY_ALLOW)
            return own;
    }
    if (resource->reach == REACH_NONE)
        return decide(POLICY_IMPLICIT_DENY, POLICY_SOURCE_RESOURCE, NULL);
    return decide(POLICY_ALLOW, POLICY_SOURCE_RESOURCE, resource);
}

/* Services, providers' users and nobody at all have no account in which anything could be theirs. */
static bool is_at_home(const struct policy_question *question)
{
    const struct policy_caller *caller = question->caller;

    if (caller->account.len == 0 || caller->service.len > 0 || caller->federated.len > 0)
        return false;
    return question->resource_account.len == 0 || str_eq(question->resource_account, caller->account);
}

struct policy_decision policy_decide(const struct policy_question *question, const struct policies *policies)
{
    struct inquiry inquiry = {question, policies->boundary.present};
    struct policy_decision decision;
    struct finding resource;

    if (find_deny(&inquiry, policies, &decision))
        return decision;
    resource = look(&inquiry, &policies->resource, POLICY_EFFECT_ALLOW, /* is_resource= */ true);
    return is_at_home(question) ? decide_at_home(&inquiry, policies, &resource)
                                : decide_abroad(&inquiry, policies, &resource);
}

struct policy_decision policy_decide_trust(const struct policy_question *question, const struct policy_named *trust)
{
    struct inquiry inquiry = {question, false};
    struct policy_list list = {trust, 1, true};
    struct finding finding = look(&inquiry, &list, POLICY_EFFECT_DENY, /* is_resource= */ true);

    if (finding.statement != NULL)
        return decide(POLICY_EXPLICIT_DENY, POLICY_SOURCE_RESOURCE, &finding);
    finding = look(&inquiry, &list, POLICY_EFFECT_ALLOW, /* is_resource= */ true);
    return finding.statement == NULL ? decide(POLICY_IMPLICIT_DENY, POLICY_SOURCE_RESOURCE, NULL)
                                     : decide(POLICY_ALLOW, POLICY_SOURCE_RESOURCE, &finding);
}
