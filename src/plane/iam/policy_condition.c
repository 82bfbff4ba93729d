/* Conditions: an operator a row (IAM user guide, "IAM JSON policy elements: Condition operators", "Conditions with
 * multiple context keys or values"). All conditions of a statement have to hold; of the values of one, any. */
#include "base/must.h"
#include "plane/iam/policy_private.h"

typedef enum policy_match compare_fn(struct str value, struct str text, const struct policy_scope *scope,
                                     unsigned argument);

static enum policy_match yes_or_no(bool yes)
{
    return yes ? POLICY_MATCH_YES : POLICY_MATCH_NO;
}

/* Variables are for strings and ARNs only; elsewhere "${" is text like any other, and matches nothing. */
static enum policy_match compare_number(struct str value, struct str text, const struct policy_scope *scope,
                                        unsigned accepted)
{
    (void)scope;
    return yes_or_no((policy_compare_numbers(text, value) & accepted) != 0);
}

static enum policy_match compare_date(struct str value, struct str text, const struct policy_scope *scope,
                                      unsigned accepted)
{
    (void)scope;
    return yes_or_no((policy_compare_dates(text, value) & accepted) != 0);
}

static enum policy_match compare_bytes(struct str value, struct str text, const struct policy_scope *scope,
                                       unsigned argument)
{
    (void)scope;
    (void)argument;
    return yes_or_no(policy_base64_is(value, text));
}

static enum policy_match compare_address(struct str value, struct str text, const struct policy_scope *scope,
                                         unsigned argument)
{
    (void)scope;
    (void)argument;
    return yes_or_no(policy_ip_matches(value, text));
}

static enum policy_match compare_arn(struct str value, struct str text, const struct policy_scope *scope,
                                     unsigned argument)
{
    (void)argument;
    return policy_match_arn(value, text, scope);
}

struct operator_rule {
    compare_fn *compare;
    unsigned argument; /* which flags, or which orders are accepted */
    bool negated;      /* holds when no value matches, so also when there is no such key */
};

static const struct operator_rule rules[] = {
    [POLICY_OPERATOR_STRING_EQUALS] = {policy_match_text, POLICY_MATCH_EXACT, false},
    [POLICY_OPERATOR_STRING_NOT_EQUALS] = {policy_match_text, POLICY_MATCH_EXACT, true},
    [POLICY_OPERATOR_STRING_EQUALS_IGNORE_CASE] = {policy_match_text, POLICY_MATCH_NOCASE, false},
    [POLICY_OPERATOR_STRING_NOT_EQUALS_IGNORE_CASE] = {policy_match_text, POLICY_MATCH_NOCASE, true},
    [POLICY_OPERATOR_STRING_LIKE] = {policy_match_text, POLICY_MATCH_WILD, false},
    [POLICY_OPERATOR_STRING_NOT_LIKE] = {policy_match_text, POLICY_MATCH_WILD, true},
    [POLICY_OPERATOR_NUMERIC_EQUALS] = {compare_number, POLICY_EQUAL, false},
    [POLICY_OPERATOR_NUMERIC_NOT_EQUALS] = {compare_number, POLICY_EQUAL, true},
    [POLICY_OPERATOR_NUMERIC_LESS_THAN] = {compare_number, POLICY_LESS, false},
    [POLICY_OPERATOR_NUMERIC_LESS_THAN_EQUALS] = {compare_number, POLICY_LESS | POLICY_EQUAL, false},
    [POLICY_OPERATOR_NUMERIC_GREATER_THAN] = {compare_number, POLICY_GREATER, false},
    [POLICY_OPERATOR_NUMERIC_GREATER_THAN_EQUALS] = {compare_number, POLICY_GREATER | POLICY_EQUAL, false},
    [POLICY_OPERATOR_DATE_EQUALS] = {compare_date, POLICY_EQUAL, false},
    [POLICY_OPERATOR_DATE_NOT_EQUALS] = {compare_date, POLICY_EQUAL, true},
    [POLICY_OPERATOR_DATE_LESS_THAN] = {compare_date, POLICY_LESS, false},
    [POLICY_OPERATOR_DATE_LESS_THAN_EQUALS] = {compare_date, POLICY_LESS | POLICY_EQUAL, false},
    [POLICY_OPERATOR_DATE_GREATER_THAN] = {compare_date, POLICY_GREATER, false},
    [POLICY_OPERATOR_DATE_GREATER_THAN_EQUALS] = {compare_date, POLICY_GREATER | POLICY_EQUAL, false},
    [POLICY_OPERATOR_BOOL] = {policy_match_text, POLICY_MATCH_NOCASE, false},
    [POLICY_OPERATOR_BINARY_EQUALS] = {compare_bytes, 0, false},
    [POLICY_OPERATOR_IP_ADDRESS] = {compare_address, 0, false},
    [POLICY_OPERATOR_NOT_IP_ADDRESS] = {compare_address, 0, true},
    [POLICY_OPERATOR_ARN_EQUALS] = {compare_arn, 0, false},
    [POLICY_OPERATOR_ARN_NOT_EQUALS] = {compare_arn, 0, true},
    [POLICY_OPERATOR_ARN_LIKE] = {compare_arn, 0, false},
    [POLICY_OPERATOR_ARN_NOT_LIKE] = {compare_arn, 0, true},
};

/* "Null": whether the key is missing. */
static bool null_holds(const struct policy_condition *condition, bool present)
{
    for (size_t i = 0; i < condition->values.count; i++)
        if (str_eq_nocase(condition->values.items[i], present ? STR("false") : STR("true")))
            return true;
    return false;
}

/* What the condition's values say to one value of the key. */
static enum policy_match match_one(const struct policy_condition *condition, struct str text,
                                   const struct policy_scope *scope)
{
    const struct operator_rule *rule = &rules[condition->operator];
    enum policy_match found = POLICY_MATCH_NO;

    for (size_t i = 0; i < condition->values.count; i++) {
        enum policy_match match = rule->compare(condition->values.items[i], text, scope, rule->argument);

        if (match == POLICY_MATCH_YES)
            return match;
        if (match == POLICY_MATCH_UNKNOWN)
            found = match;
    }
    return found;
}

/* A variable without value matches nothing; and nothing is allowed because it does not match ("If AWS cannot resolve a
 * variable, this might cause the entire statement to be invalid"). */
static bool holds_for(const struct policy_condition *condition, struct str text, const struct policy_scope *scope,
                      bool allows)
{
    enum policy_match match = match_one(condition, text, scope);

    if (!rules[condition->operator].negated)
        return match == POLICY_MATCH_YES;
    return match == POLICY_MATCH_NO || (match == POLICY_MATCH_UNKNOWN && !allows);
}

/* Whether the answer to one value decides: of "any" the first that holds, of "all" the first that does not. Without a
 * qualifier a key with several values is taken like ForAnyValue, negated operators like ForAllValues: so that Not... is
 * the opposite. */
static bool values_hold(const struct policy_condition *condition, const struct policy_values *values,
                        const struct policy_scope *scope, bool allows)
{
    bool all = condition->qualifier == POLICY_QUALIFIER_FOR_ALL_VALUES ||
               (condition->qualifier == POLICY_QUALIFIER_NONE && rules[condition->operator].negated);

    for (size_t i = 0; i < values->count; i++)
        if (holds_for(condition, values->items[i], scope, allows) != all)
            return !all;
    return all;
}

static bool holds_without_key(const struct policy_condition *condition)
{
    if (condition->if_exists || condition->qualifier == POLICY_QUALIFIER_FOR_ALL_VALUES)
        return true;
    return condition->qualifier == POLICY_QUALIFIER_NONE && rules[condition->operator].negated;
}

static bool condition_holds(const struct policy_condition *condition, const struct policy_scope *scope, bool allows)
{
    struct policy_values values = {0};
    bool present = scope->key != NULL && scope->key(scope->context, condition->key, &values);

    if (condition->operator== POLICY_OPERATOR_NULL)
        return null_holds(condition, present);
    must(condition->operator> POLICY_OPERATOR_NONE && condition->operator<POLICY_OPERATOR_NULL);
    return present ? values_hold(condition, &values, scope, allows) : holds_without_key(condition);
}

bool policy_conditions_hold(const struct policy_statement *statement, const struct policy_scope *scope)
{
    for (size_t i = 0; i < statement->conditions.count; i++)
        if (!condition_holds(&statement->conditions.items[i], scope, statement->effect == POLICY_EFFECT_ALLOW))
            return false;
    return true;
}
