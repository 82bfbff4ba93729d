#include "wire/service_rules.h"

#include <string.h>

/* Sources. `validation`: the type that the service's API reference lists for a malformed parameter, or where all
 * services of a protocol answer alike (query: ValidationError), its page "Common errors". ecs, ecr, ecr-public, eks:
 * API references, InvalidParameterException ("The specified parameter isn't valid"). logs: API reference,
 * InvalidParameterException ("A parameter is specified incorrectly"). servicediscovery: API reference, InvalidInput.
 * ssm, secretsmanager, application-autoscaling, efs: "Common error types", ValidationException. ec2: EC2 API reference,
 * "Error codes", InvalidParameterValue and MissingParameter. `fault`: the exception with `fault: true` or status 500 in
 * the model; ec2: "Error codes", InternalError. NUL in a log event comes from containers that write binary data. */
static const struct service_rules rules[] = {
    {"ecs", "InvalidParameterException", NULL, NULL, "ServerException", false},
    {"ecr", "InvalidParameterException", NULL, NULL, "ServerException", false},
    {"ecr-public", "InvalidParameterException", NULL, NULL, "ServerException", false},
    {"eks", "InvalidParameterException", NULL, NULL, "ServerException", false},
    {"efs", "ValidationException", NULL, NULL, "InternalServerError", false},
    {"logs", "InvalidParameterException", NULL, NULL, "InternalServerException", true},
    {"servicediscovery", "InvalidInput", NULL, NULL, "InternalFailure", false},
    {"ssm", "ValidationException", NULL, NULL, "InternalServerError", false},
    {"secretsmanager", "ValidationException", NULL, NULL, "InternalServiceError", false},
    {"application-autoscaling", "ValidationException", NULL, NULL, "InternalServiceException", false},
    {"cloudwatch", "ValidationError", NULL, NULL, "InternalServiceFault", false},
    {"iam", "ValidationError", NULL, NULL, "ServiceFailureException", false},
    {"ec2", "InvalidParameterValue", "MissingParameter", "The request must contain the parameter %s", "InternalError",
     false},
    {NULL, "ValidationError", NULL, NULL, "InternalFailure", false}, /* sts, elb, elbv2, autoscaling */
};

const struct service_rules *service_rules_of(const struct service *service)
{
    const struct service_rules *row = rules;

    while (row->service != NULL && (service == NULL || strcmp(row->service, service->id) != 0))
        row++;
    return row;
}
