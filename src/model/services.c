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
    &application_autoscaling_tables.service,
    &autoscaling_tables.service,
    &cloudwatch_tables.service,
    &ec2_tables.service,
    &ecr_tables.service,
    &ecr_public_tables.service,
    &ecs_tables.service,
    &efs_tables.service,
    &eks_tables.service,
    &elb_tables.service,
    &elbv2_tables.service,
    &events_tables.service,
    &iam_tables.service,
    &logs_tables.service,
    &secretsmanager_tables.service,
    &servicediscovery_tables.service,
    &ssm_tables.service,
    &sts_tables.service,
    &s3_tables.service,
};
