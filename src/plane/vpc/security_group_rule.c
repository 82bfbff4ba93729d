/* DescribeSecurityGroupRules: the rules one by one, as their ids name them. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

GETTER(rule_id_of, ec2_security_group_rule, of->security_group_rule_id)
GETTER(rule_group_of, ec2_security_group_rule, of->group_id)

static const struct ec2_tag_list *tags_of(const void *record)
{
    return &((const struct ec2_security_group_rule *)record)->tags;
}

static const struct filter_field fields[] = {
    {"security-group-rule-id", rule_id_of, NULL},
    {"group-id", rule_group_of, NULL},
};
static const struct filter_table filters = {fields, COUNT_OF(fields), tags_of};

struct rule_walk {
    struct call *call;
    const struct ec2_describe_security_group_rules_request *in;
    struct ec2_security_group_rule_list *out;
    size_t limit;
    bool behind; /* the token's rule was met, or there is no token */
    struct str after;
    bool *found; /* by id of the request */
};

static bool is_wanted(struct rule_walk *walk, const struct ec2_security_group_rule *rule)
{
    const struct ec2_security_group_rule_id_list *ids = &walk->in->security_group_rule_ids;

    for (size_t i = 0; i < ids->count; i++)
        if (str_eq(ids->items[i], rule->security_group_rule_id)) {
            walk->found[i] = true;
            return true;
        }
    return ids->count == 0;
}

/* false: the page is full. */
static bool take(struct rule_walk *walk, const struct ec2_security_group_rule *rule)
{
    if (!is_wanted(walk, rule) || !filters_match(&filters, &walk->in->filters, walk->call->arena, rule))
        return true;
    if (!walk->behind) {
        walk->behind = str_eq(rule->security_group_rule_id, walk->after);
        return true;
    }
    if (walk->out->count == walk->limit)
        return false;
    walk->out->items[walk->out->count++] = *rule;
    return true;
}

static size_t rule_count(const struct call *call, struct str prefix)
{
    struct walk walk = transaction_walk(call->tx, &security_group_table, NULL, prefix);
    const struct security_group_record *group;
    size_t count = 0;

    while ((group = walk_next(&walk)) != NULL)
        count += group->rules.count;
    return count;
}

/* true: all were taken. */
static bool take_all(struct rule_walk *rules, struct str prefix)
{
    struct walk walk = transaction_walk(rules->call->tx, &security_group_table, NULL, prefix);
    const struct security_group_record *group;

    while ((group = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < group->rules.count; i++)
            if (!take(rules, &group->rules.items[i]))
                return false;
    return true;
}

bool ec2_describe_security_group_rules(struct call *call, const struct ec2_describe_security_group_rules_request *in,
                                       struct ec2_describe_security_group_rules_result *out)
{
    struct str prefix = KEY_PREFIX(call->arena, call->principal->account, call->region);
    struct ec2_security_group_rule_list *list = &out->security_group_rules;
    struct rule_walk walk = {
        .call = call,
        .in = in,
        .out = list,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .found = arena_array(call->arena, bool, in->security_group_rule_ids.count + 1),
    };

    if (!filters_check(&filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &walk.after, call->fail))
        return false;
    walk.behind = walk.after.ptr == NULL;
    list->items = arena_array(call->arena, struct ec2_security_group_rule, rule_count(call, prefix) + 1);
    if (!take_all(&walk, prefix))
        out->next_token = page_token(call->arena, list->items[list->count - 1].security_group_rule_id);
    for (size_t i = 0; i < in->security_group_rule_ids.count && out->next_token.ptr == NULL; i++)
        if (!walk.found[i])
            return fail_api(call->fail, "InvalidSecurityGroupRuleId.NotFound",
                            "The security group rule ID '%.*s' does not exist",
                            STR_ARG(in->security_group_rule_ids.items[i]));
    return true;
}
