#include "main/apis.h"

#include "plane/cloudwatch/cloudwatch.h"
#include "plane/ec2/ec2.h"
#include "plane/ecr/ecr.h"
#include "plane/ecs/ecs.h"
#include "plane/events/events.h"
#include "plane/iam/iam.h"
#include "plane/logs/logs.h"
#include "plane/secrets/secrets.h"
#include "plane/ssm/ssm.h"
#include "plane/vpc/vpc.h"

const struct domain_spec *const api_domains[] = {
    &iam_domain,  &secrets_domain,    &ssm_domain, &vpc_domain, &ecr_domain,
    &logs_domain, &cloudwatch_domain, &ec2_domain, &ecs_domain, &events_domain,
};
const size_t api_domain_count = COUNT_OF(api_domains);

const struct operations api_operations[] = {
    {iam_handlers, &iam_handler_count},
    {sts_handlers, &sts_handler_count},
    {ec2_vpc_handlers, &ec2_vpc_handler_count},
    {ec2_handlers, &ec2_handler_count},
    {ecr_handlers, &ecr_handler_count},
    {logs_handlers, &logs_handler_count},
    {cloudwatch_handlers, &cloudwatch_handler_count},
    {ecs_handlers, &ecs_handler_count},
    {events_handlers, &events_handler_count},
    {secretsmanager_handlers, &secretsmanager_handler_count},
    {ssm_handlers, &ssm_handler_count},
};
const size_t api_operations_count = COUNT_OF(api_operations);
