#include "model/services.h"

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
#include "model/gen/events.h"
#include "model/gen/iam.h"
#include "model/gen/logs.h"
#include "model/gen/s3.h"
#include "model/gen/secretsmanager.h"
#include "model/gen/servicediscovery.h"
#include "model/gen/ssm.h"
#include "model/gen/sts.h"

const struct service *const services[SERVICE_COUNT] = {
    &application_autoscaling_service,
    &autoscaling_service,
    &cloudwatch_service,
    &ec2_service,
    &ecr_service,
    &ecr_public_service,
    &ecs_service,
    &efs_service,
    &eks_service,
    &elb_service,
    &elbv2_service,
    &events_service,
    &iam_service,
    &logs_service,
    &secretsmanager_service,
    &servicediscovery_service,
    &ssm_service,
    &sts_service,
    &s3_service,
};
