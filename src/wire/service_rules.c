#include "wire/service_rules.h"

#include <string.h>

/* Sources. `validation`: the type that the service's API reference lists for a malformed parameter, or where all
 * services of a protocol answer alike (query: ValidationError), its page "Common errors". ecs, ecr, ecr-public, eks:
 * API references, InvalidParameterException ("The specified parameter isn't valid"). logs: API reference,
 * InvalidParameterException ("A parameter is specified incorrectly"). servicediscovery: API reference, InvalidInput.
 * ssm, secretsmanager, application-autoscaling, efs: "Common error types", ValidationException. ec2: EC2 API reference,
 * "Error codes", InvalidParameterValue and MissingParameter. `fault`: the exception with `fault: true` or status 500 in
 * the model; ec2: "Error codes", InternalError. NUL in a log event comes from containers that write binary data.
 * `one_violation`: answers of ecr in public bug reports, "Invalid parameter at 'repositoryName' failed to satisfy
 * constraint: 'must have length greater than or equal to 2'". */
static const struct service_rules rules[] = {
    {"ecs", "InvalidParameterException", NULL, NULL, "ServerException", false, false},
    {"ecr", "InvalidParameterException", NULL, NULL, "ServerException", false, true},
    {"ecr-public", "InvalidParameterException", NULL, NULL, "ServerException", false, true},
    {"eks", "InvalidParameterException", NULL, NULL, "ServerException", false, false},
    {"efs", "ValidationException", NULL, NULL, "InternalServerError", false, false},
    {"logs", "InvalidParameterException", NULL, NULL, "InternalServerException", true, false},
    {"servicediscovery", "InvalidInput", NULL, NULL, "InternalFailure", false, false},
    {"ssm", "ValidationException", NULL, NULL, "InternalServerError", false, false},
    {"secretsmanager", "ValidationException", NULL, NULL, "InternalServiceError", false, false},
    {"application-autoscaling", "ValidationException", NULL, NULL, "InternalServiceException", false, false},
    {"cloudwatch", "ValidationError", NULL, NULL, "InternalServiceFault", false, false},
    {"iam", "ValidationError", NULL, NULL, "ServiceFailureException", false, false},
    {"ec2", "InvalidParameterValue", "MissingParameter", "The request must contain the parameter %s", "InternalError",
     false, false},
    {NULL, "ValidationError", NULL, NULL, "InternalFailure", false, false}, /* sts, elb, elbv2, autoscaling */
};

const struct service_rules *service_rules_of(const struct service *service)
{
    const struct service_rules *row = rules;

    while (row->service != NULL && (service == NULL || strcmp(row->service, service->id) != 0))
        row++;
    return row;
}

/* From "... Value 'v' at 'member' failed to satisfy constraint: Member must be so; Value ...". */
static void tell_first_violation(struct fail *f)
{
    static const char failed[] = " failed to satisfy constraint: Member ";
    static const char pattern[] = "must satisfy regular expression pattern: ";
    struct str text = str_of(f->message);
    size_t middle = str_search(text, str_of(failed));
    size_t at = str_find_last(str_to(text, middle), ' ') + 1;
    char message[sizeof(f->message)];
    struct str rule;

    if (middle == text.len || at > middle)
        return;
    rule = str_from(text, middle + sizeof(failed) - 1);
    rule = str_to(rule, str_search(rule, STR("; Value ")));
    if (str_starts(rule, str_of(pattern)))
        (void)snprintf(
            message, sizeof(message),
            "Invalid parameter at %.*s failed to satisfy constraint: 'must satisfy regular expression '%.*s''",
            (int)(middle - at), text.ptr + at, STR_ARG(str_from(rule, sizeof(pattern) - 1)));
    else
        (void)snprintf(message, sizeof(message), "Invalid parameter at %.*s failed to satisfy constraint: '%.*s'",
                       (int)(middle - at), text.ptr + at, STR_ARG(rule));
    memcpy(f->message, message, sizeof(message));
}

void service_rules_apply(const struct service_rules *rules, struct fail *f)
{
    f->type = rules->validation;
    if (rules->one_violation)
        tell_first_violation(f);
}
