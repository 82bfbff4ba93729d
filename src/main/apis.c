#include "main/apis.h"

#include "model/gen/application_autoscaling.h"
#include "model/gen/autoscaling.h"
#include "model/gen/cloudwatch.h"
#include "model/gen/ec2.h"
#include "model/gen/ecr.h"
#include "model/gen/ecr_public.h"
#include "model/gen/ecs.h"
#include "model/gen/efs.h"
#include "model/gen/eks.h"
#include "model/gen/elb.h"
#include "model/gen/elbv2.h"
#include "model/gen/iam.h"
#include "model/gen/logs.h"
#include "model/gen/secretsmanager.h"
#include "model/gen/servicediscovery.h"
#include "model/gen/ssm.h"
#include "model/gen/sts.h"
#include "plane/ec2/host.h"
#include "plane/ecr/ecr.h"
#include "plane/ecs/ecs.h"
#include "plane/iam/iam.h"
#include "plane/logs/logs.h"
#include "plane/vpc/vpc.h"

const struct service *const api_services[] = {
    &ecs_service,
    &ecr_service,
    &ec2_service,
    &logs_service,
    &sts_service,
    &iam_service,
    &elbv2_service,
    &elb_service,
    &autoscaling_service,
    &cloudwatch_service,
    &ssm_service,
    &efs_service,
    &eks_service,
    &secretsmanager_service,
    &ecr_public_service,
    &application_autoscaling_service,
    &servicediscovery_service,
};
const size_t api_service_count = COUNT_OF(api_services);

const struct domain_spec *const api_domains[] = {
    &iam_domain, &vpc_domain, &ecr_domain, &logs_domain, &ec2_domain, &ecs_domain,
};
const size_t api_domain_count = COUNT_OF(api_domains);

const struct operations api_operations[] = {
    {sts_handlers, &sts_handler_count}, {ec2_vpc_handlers, &ec2_vpc_handler_count},
    {ecr_handlers, &ecr_handler_count}, {logs_handlers, &logs_handler_count},
    {ecs_handlers, &ecs_handler_count},
};
const size_t api_operations_count = COUNT_OF(api_operations);
