#include "wire/service_rules.h"

#include <string.h>

/* The first broken constraint of value_check's message, "... Value 'v' at 'member' failed to satisfy constraint: Member
 * must be so; Value ...". */
struct violation {
    struct str value, member, rule;
};

static bool first_violation(struct str text, struct violation *ret_first)
{
    static const char failed[] = "' failed to satisfy constraint: Member ";
    size_t middle = str_search(text, str_of(failed));
    struct str before = str_to(text, middle);
    size_t member = str_find_last(before, '\'') + 1;
    size_t value = str_search(before, STR("Value '")) + 7;
    struct str rule;

    if (middle == text.len || member > middle)
        return false;
    rule = str_from(text, middle + sizeof(failed) - 1);
    *ret_first = (struct violation){
        .value = {NULL, 0},
        .member = str_from(before, member),
        .rule = str_to(rule, str_search(rule, STR("; Value "))),
    };
    if (value + 6 <= member) /* "' at '" ends it; a value that is absent or secret is not shown */
        ret_first->value = str_to(str_from(before, value), member - 6 - value);
    return true;
}

static void retell_ecr(struct fail *f)
{
    static const char pattern[] = "must satisfy regular expression pattern: ";
    char told[sizeof(f->message)];
    struct violation first;

    (void)snprintf(told, sizeof(told), "%s", f->message);
    if (!first_violation(str_of(told), &first))
        return;
    if (str_starts(first.rule, str_of(pattern)))
        (void)snprintf(
            f->message, sizeof(f->message),
            "Invalid parameter at '%.*s' failed to satisfy constraint: 'must satisfy regular expression '%.*s''",
            STR_ARG(first.member), STR_ARG(str_from(first.rule, sizeof(pattern) - 1)));
    else
        (void)snprintf(f->message, sizeof(f->message),
                       "Invalid parameter at '%.*s' failed to satisfy constraint: '%.*s'", STR_ARG(first.member),
                       STR_ARG(first.rule));
}

/* "Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than 5.", though 5 is taken. */
static void retell_ec2(struct fail *f)
{
    static const struct {
        const char *rule, *expecting;
    } bounds[] = {
        {"must have value greater than or equal to ", "greater"},
        {"must have value less than or equal to ", "smaller"},
    };
    char told[sizeof(f->message)];
    struct violation first;

    (void)snprintf(told, sizeof(told), "%s", f->message);
    if (!first_violation(str_of(told), &first) || first.value.ptr == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(bounds); i++)
        if (str_starts(first.rule, str_of(bounds[i].rule))) {
            (void)snprintf(f->message, sizeof(f->message),
                           "Value ( %.*s ) for parameter %.*s is invalid. Expecting a value %s than %.*s.",
                           STR_ARG(first.value), STR_ARG(first.member), bounds[i].expecting,
                           STR_ARG(str_from(first.rule, strlen(bounds[i].rule))));
            return;
        }
    (void)snprintf(f->message, sizeof(f->message), "Value (%.*s) for parameter %.*s is invalid.", STR_ARG(first.value),
                   STR_ARG(first.member));
}

/* Sources. `validation`: the type that the service's API reference lists for a malformed parameter, or where all
 * services of a protocol answer alike (query: ValidationError), its page "Common errors". ecs, ecr, ecr-public, eks:
 * API references, InvalidParameterException ("The specified parameter isn't valid"). logs: API reference,
 * InvalidParameterException ("A parameter is specified incorrectly"). servicediscovery: API reference, InvalidInput.
 * ssm, secretsmanager, application-autoscaling, efs, events: "Common error types", ValidationException. ec2: EC2 API
 * reference, "Error codes", InvalidParameterValue and MissingParameter. `fault`: the exception with `fault: true` or
 * status 500 in the model; ec2: "Error codes", InternalError. NUL in a log event comes from containers that write
 * binary data. `retell`: answers of ecr and ec2 in public bug reports, "Invalid parameter at 'repositoryName' failed to
 * satisfy constraint: 'must have length greater than or equal to 2'", "Value ( 3 ) for parameter maxResults is invalid.
 * Expecting a value greater than 5." */
static const struct service_rules rules[] = {
    {"ecs", "InvalidParameterException", NULL, NULL, "ServerException", false, NULL},
    {"ecr", "InvalidParameterException", NULL, NULL, "ServerException", false, retell_ecr},
    {"ecr-public", "InvalidParameterException", NULL, NULL, "ServerException", false, retell_ecr},
    {"eks", "InvalidParameterException", NULL, NULL, "ServerException", false, NULL},
    {"efs", "ValidationException", NULL, NULL, "InternalServerError", false, NULL},
    {"logs", "InvalidParameterException", NULL, NULL, "InternalServerException", true, NULL},
    {"servicediscovery", "InvalidInput", NULL, NULL, "InternalFailure", false, NULL},
    {"ssm", "ValidationException", NULL, NULL, "InternalServerError", false, NULL},
    {"secretsmanager", "ValidationException", NULL, NULL, "InternalServiceError", false, NULL},
    {"application-autoscaling", "ValidationException", NULL, NULL, "InternalServiceException", false, NULL},
    {"cloudwatch", "ValidationError", NULL, NULL, "InternalServiceFault", false, NULL},
    {"events", "ValidationException", NULL, NULL, "InternalException", false, NULL},
    {"iam", "ValidationError", NULL, NULL, "ServiceFailureException", false, NULL},
    {"ec2", "InvalidParameterValue", "MissingParameter", "The request must contain the parameter %s", "InternalError",
     false, retell_ec2},
    {NULL, "ValidationError", NULL, NULL, "InternalFailure", false, NULL}, /* sts, elb, elbv2, autoscaling */
};

const struct service_rules *service_rules_of(const struct service *service)
{
    const struct service_rules *row = rules;

    while (row->service != NULL && (service == NULL || strcmp(row->service, service_id(service)) != 0))
        row++;
    return row;
}

void service_rules_apply(const struct service_rules *rules, struct fail *f)
{
    f->type = rules->validation;
    if (rules->retell != NULL)
        rules->retell(f);
}
