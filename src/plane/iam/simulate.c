/* SimulateCustomPolicy and SimulatePrincipalPolicy: the decision that calls get, for a call that nobody makes. The
 * context is what the request says and nothing else (API reference, "SimulatePrincipalPolicy"). */
#include "base/must.h"
#include "plane/iam/iam.h"
#include "plane/iam/operations.h"

enum { RESULTS_DEFAULT = 100, MISSING_MAX = 64 };

/* What the two requests have in common, and what was made of it. */
struct simulation {
    const struct call *call;
    const struct iam_simulation_policy_list_type *boundary_texts;
    const struct iam_action_name_list_type *actions;
    const struct iam_resource_name_list_type *resources;
    const struct iam_context_entry_list_type *entries;
    struct str resource_policy, resource_owner, caller_arn, marker;
    size_t limit;
    enum iam_policy_source_type inline_type; /* what an inline policy of the principal is called */
    struct policy_caller caller;
    struct policies policies;
    struct iam_context_key_names_result_list_type *missing; /* of the result that is being made */
};

#define SIMULATION(call_, in)                                                                                          \
    {                                                                                                                  \
        .call = (call_), .boundary_texts = &(in)->permissions_boundary_policy_input_list,                              \
        .actions = &(in)->action_names, .resources = &(in)->resource_arns, .entries = &(in)->context_entries,          \
        .resource_policy = (in)->resource_policy, .resource_owner = (in)->resource_owner,                              \
        .caller_arn = (in)->caller_arn, .marker = (in)->marker,                                                        \
        .limit = (in)->has_max_items ? (size_t)(in)->max_items : RESULTS_DEFAULT,                                      \
        .inline_type = IAM_POLICY_SOURCE_TYPE_NONE_                                                                    \
    }

/* ---- the policies of the request ---- */

static bool add_texts(struct simulation *simulation, const struct iam_simulation_policy_list_type *texts,
                      const char *list_name, struct policy_list *list)
{
    const struct call *call = simulation->call;
    struct policy_named *items = arena_array(call->arena, struct policy_named, list->count + texts->count);

    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    for (size_t i = 0; i < texts->count; i++) {
        struct policy_document *document;

        if (!policy_read(texts->items[i], POLICY_IDENTITY, call->arena, &document, call->fail))
            return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION, "Invalid policy %s.%zu: it cannot be parsed",
                            list_name, i + 1);
        items[list->count++] = (struct policy_named){arena_printf(call->arena, "%s.%zu", list_name, i + 1), document};
    }
    list->items = items;
    list->present = true;
    return true;
}

static bool add_resource_policy(struct simulation *simulation)
{
    const struct call *call = simulation->call;
    struct policy_named *named = arena_new(call->arena, struct policy_named);
    struct policy_document *document;

    if (simulation->resource_policy.ptr == NULL)
        return true;
    if (simulation->caller.arn.ptr == NULL)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                        "CallerArn must be specified together with ResourcePolicy.");
    if (!policy_read(simulation->resource_policy, POLICY_RESOURCE, call->arena, &document, call->fail))
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION, "Invalid ResourcePolicy: it cannot be parsed");
    *named = (struct policy_named){STR("ResourcePolicy"), document};
    simulation->policies.resource = (struct policy_list){named, 1, true};
    return true;
}

/* ---- the context of the request ---- */

static void note_missing(struct simulation *simulation, struct str key)
{
    if (simulation->missing->count < MISSING_MAX &&
        !str_is_among(key, simulation->missing->items, simulation->missing->count))
        simulation->missing->items[simulation->missing->count++] = key;
}

static bool find_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct simulation *simulation = context;

    for (size_t i = 0; i < simulation->entries->count; i++) {
        const struct iam_context_entry *entry = &simulation->entries->items[i];

        if (!str_eq_nocase(entry->context_key_name, key))
            continue;
        *ret_values = (struct policy_values){entry->context_key_values.items, entry->context_key_values.count};
        return true;
    }
    note_missing((struct simulation *)(uintptr_t)context, key);
    return false;
}

/* ---- one action on one resource ---- */

static enum iam_policy_source_type source_type(const struct simulation *simulation,
                                               const struct policy_decision *decision)
{
    struct str name = decision->policy->name;

    if (decision->source == POLICY_SOURCE_RESOURCE)
        return IAM_POLICY_SOURCE_TYPE_RESOURCE;
    if (str_starts(name, STR("arn:aws:iam::aws:")))
        return IAM_POLICY_SOURCE_TYPE_AWS_MANAGED;
    if (str_starts(name, STR("arn:")))
        return IAM_POLICY_SOURCE_TYPE_USER_MANAGED;
    return str_find(name, '.') < name.len && str_search(name, STR("InputList.")) < name.len
               ? IAM_POLICY_SOURCE_TYPE_NONE_
               : simulation->inline_type;
}

static void show_statement(const struct simulation *simulation, const struct policy_decision *decision,
                           struct iam_statement_list_type *list)
{
    list->items = arena_array(simulation->call->arena, struct iam_statement, 1);
    if (decision->policy == NULL)
        return;
    list->items[0].source_policy_id = decision->policy->name;
    list->items[0].source_policy_type = source_type(simulation, decision);
    list->count = 1;
}

/* Whether the boundary alone would allow it. */
static struct iam_permissions_boundary_decision_detail *boundary_detail(const struct simulation *simulation,
                                                                        const struct policy_question *question)
{
    struct iam_permissions_boundary_decision_detail *detail;
    struct policies alone = {.identity = simulation->policies.boundary};

    if (!simulation->policies.boundary.present)
        return NULL;
    detail = arena_new(simulation->call->arena, struct iam_permissions_boundary_decision_detail);
    SET(detail, allowed_by_permissions_boundary, policy_decide(question, &alone).verdict == POLICY_ALLOW);
    return detail;
}

static const enum iam_policy_evaluation_decision_type verdicts[] = {
    [POLICY_ALLOW] = IAM_POLICY_EVALUATION_DECISION_TYPE_ALLOWED,
    [POLICY_EXPLICIT_DENY] = IAM_POLICY_EVALUATION_DECISION_TYPE_EXPLICIT_DENY,
    [POLICY_IMPLICIT_DENY] = IAM_POLICY_EVALUATION_DECISION_TYPE_IMPLICIT_DENY,
};

static void evaluate(struct simulation *simulation, struct str action, struct str resource,
                     struct iam_evaluation_result *result)
{
    const struct policy_question question = {
        .caller = &simulation->caller,
        .action = action,
        .resource = resource,
        .resource_account = simulation->resource_owner,
        .key = find_key,
        .context = simulation,
    };
    struct policy_decision decision;

    result->missing_context_values.items = arena_array(simulation->call->arena, struct str, MISSING_MAX);
    simulation->missing = &result->missing_context_values;
    decision = policy_decide(&question, &simulation->policies);
    result->eval_action_name = action;
    result->eval_resource_name = resource;
    result->eval_decision = verdicts[decision.verdict];
    show_statement(simulation, &decision, &result->matched_statements);
    result->permissions_boundary_decision_detail = boundary_detail(simulation, &question);
}

/* ---- all of them, in pages ---- */

static bool check_actions(const struct simulation *simulation)
{
    for (size_t i = 0; i < simulation->actions->count; i++) {
        struct str action = simulation->actions->items[i];

        if (str_find(action, ':') == action.len)
            return fail_api(simulation->call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                            "Invalid Entity Action Name: %.*s", STR_ARG(action));
    }
    return true;
}

static bool begin(const struct simulation *simulation, size_t *ret_first)
{
    const struct call *call = simulation->call;
    struct str after;
    int64_t first = 0;

    if (!page_begin(call->arena, simulation->marker, "ValidationError", &after, call->fail) ||
        (after.ptr != NULL && (!str_to_int64(after, &first) || first < 0)))
        return fail_api(call->fail, "ValidationError", "Invalid Marker.");
    *ret_first = (size_t)first;
    return true;
}

static bool simulate(struct simulation *simulation, struct iam_simulate_policy_response *out)
{
    static const struct str anything = STR_INIT("*");
    const struct call *call = simulation->call;
    const struct str *resources = simulation->resources->count == 0 ? &anything : simulation->resources->items;
    size_t per_action = simulation->resources->count == 0 ? 1 : simulation->resources->count;
    size_t total = simulation->actions->count * per_action;
    struct iam_evaluation_results_list_type *list = &out->evaluation_results;
    size_t at;

    if (!check_actions(simulation) || !begin(simulation, &at))
        return false;
    list->items = arena_array(call->arena, struct iam_evaluation_result, simulation->limit);
    for (; at < total && list->count < simulation->limit; at++)
        evaluate(simulation, simulation->actions->items[at / per_action], resources[at % per_action],
                 &list->items[list->count++]);
    SET(out, is_truncated, at < total);
    if (at < total)
        out->marker = page_token(call->arena, arena_printf(call->arena, "%zu", at));
    return true;
}

/* ---- who asks ---- */

/* The account of a caller that a request names by ARN; the request's own where it names none. */
static void set_caller(struct simulation *simulation, struct str arn)
{
    struct str rest = arn;

    for (int i = 0; i < 4 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    simulation->caller.account = rest.ptr == NULL ? simulation->call->principal->account : str_cut(rest, ':', &rest);
    simulation->caller.arn = arn;
}

bool iam_simulate_custom_policy(struct call *call, const struct iam_simulate_custom_policy_request *in,
                                struct iam_simulate_policy_response *out)
{
    struct simulation simulation = SIMULATION(call, in);

    if (in->ordered_organization_policy_input_list.count > 0)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                        "Berth has no organizations; OrderedOrganizationPolicyInputList is refused.");
    set_caller(&simulation, in->caller_arn);
    if (!add_texts(&simulation, &in->policy_input_list, "PolicyInputList", &simulation.policies.identity) ||
        (in->permissions_boundary_policy_input_list.count > 0 &&
         !add_texts(&simulation, simulation.boundary_texts, "PermissionsBoundaryPolicyInputList",
                    &simulation.policies.boundary)) ||
        !add_resource_policy(&simulation))
        return false;
    return simulate(&simulation, out);
}

/* The user, group or role of the caller's account that has that ARN. */
static bool find_source(const struct call *call, struct str arn, struct simulation *simulation, struct str *ret_id)
{
    const struct user_record *user = NULL;
    const struct group_record *group = NULL;
    const struct role_record *role = NULL;
    struct arn_parts parts;

    if (arn_split(arn, &parts) && str_eq(parts.account, call->principal->account)) {
        user = user_by_name(call->tx, parts.account, parts.name);
        group = group_by_name(call->tx, parts.account, parts.name);
        role = role_by_name(call->tx, parts.account, parts.name);
    }
    if (user != NULL && str_eq(user->user->arn, arn)) {
        simulation->inline_type = IAM_POLICY_SOURCE_TYPE_USER;
        *ret_id = user->user->user_id;
    } else if (group != NULL && str_eq(group->group->arn, arn)) {
        simulation->inline_type = IAM_POLICY_SOURCE_TYPE_GROUP;
        *ret_id = group->group->group_id;
    } else if (role != NULL && str_eq(role->role->arn, arn)) {
        simulation->inline_type = IAM_POLICY_SOURCE_TYPE_ROLE;
        *ret_id = role->role->role_id;
    } else {
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The entity with ARN %.*s cannot be found.",
                        STR_ARG(arn));
    }
    return true;
}

bool iam_simulate_principal_policy(struct call *call, const struct iam_simulate_principal_policy_request *in,
                                   struct iam_simulate_policy_response *out)
{
    struct simulation simulation = SIMULATION(call, in);
    struct str id;

    if (in->policy_exclusion_list.count > 0)
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION, "PolicyExclusionList is not supported.");
    if (!find_source(call, in->policy_source_arn, &simulation, &id))
        return false;
    set_caller(&simulation, in->caller_arn.ptr == NULL ? in->policy_source_arn : in->caller_arn);
    iam_policies_of_owner(call->tx, id, call->arena, &simulation.policies);
    if (!add_texts(&simulation, &in->policy_input_list, "PolicyInputList", &simulation.policies.identity))
        return false;
    if (in->permissions_boundary_policy_input_list.count > 0) {
        simulation.policies.boundary = (struct policy_list){NULL, 0, true};
        if (!add_texts(&simulation, simulation.boundary_texts, "PermissionsBoundaryPolicyInputList",
                       &simulation.policies.boundary))
            return false;
    }
    return add_resource_policy(&simulation) && simulate(&simulation, out);
}
