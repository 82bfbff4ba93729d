#include "plane/events/target_check.h"

#include "plane/events/delivery.h"
#include "plane/events/input.h"
#include "plane/events/rule.h"

static bool invalid(const struct call *call, const struct events_target *target, const char *what)
{
    return fail_api(call->fail, EVENTS_VALIDATION, "%s for target %.*s.", what, STR_ARG(target->id));
}

/* "arn:partition:service:region:account:resource". */
static bool is_arn(struct str text)
{
    struct str rest = text;

    for (int i = 0; i < 5 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    return str_starts(text, STR("arn:")) && rest.ptr != NULL && rest.len > 0;
}

/* ---- what Berth has nothing behind ---- */

struct refusal {
    bool asked;
    const char *why;
};

static const char *refusal_of(const struct call *call, const struct events_target *target)
{
    const struct refusal refusals[] = {
        {target_kind_of(call->arena, call->principal->account, call->region, target->arn) == TARGET_UNKNOWN,
         "Only log groups and ECS clusters of this account and region can be targets"},
        {target->dead_letter_config != NULL && target->dead_letter_config->arn.ptr != NULL,
         "DeadLetterConfig needs Amazon SQS, which is not implemented"},
        {target->kinesis_parameters != NULL, "KinesisParameters are for a target that is not implemented"},
        {target->run_command_parameters != NULL, "RunCommandParameters are for a target that is not implemented"},
        {target->batch_parameters != NULL, "BatchParameters are for a target that is not implemented"},
        {target->sqs_parameters != NULL, "SqsParameters are for a target that is not implemented"},
        {target->http_parameters != NULL, "HttpParameters are for a target that is not implemented"},
        {target->redshift_data_parameters != NULL, "RedshiftDataParameters are for a target that is not implemented"},
        {target->sage_maker_pipeline_parameters != NULL,
         "SageMakerPipelineParameters are for a target that is not implemented"},
        {target->app_sync_parameters != NULL, "AppSyncParameters are for a target that is not implemented"},
    };

    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        if (refusals[i].asked)
            return refusals[i].why;
    return NULL;
}

/* ---- each kind ---- */

static bool check_log_group(const struct call *call, const struct events_target *target)
{
    if (target->role_arn.ptr != NULL)
        return fail_api(call->fail, EVENTS_VALIDATION, "RoleArn is not supported for target %.*s.",
                        STR_ARG(target->arn));
    return target->ecs_parameters == NULL || invalid(call, target, "EcsParameters are not valid");
}

/* What they are of has to be said; what else they may say RunTask decides. */
static bool check_placement(const struct call *call, const struct events_target *target)
{
    const struct events_ecs_parameters *of = target->ecs_parameters;

    for (size_t i = 0; i < of->placement_constraints.count; i++)
        if (of->placement_constraints.items[i].type == EVENTS_PLACEMENT_CONSTRAINT_TYPE_NONE)
            return invalid(call, target, "Parameter PlacementConstraints needs a type");
    for (size_t i = 0; i < of->placement_strategy.count; i++)
        if (of->placement_strategy.items[i].type == EVENTS_PLACEMENT_STRATEGY_TYPE_NONE)
            return invalid(call, target, "Parameter PlacementStrategy needs a type");
    return true;
}

static bool check_cluster(const struct call *call, const struct events_target *target)
{
    if (target->role_arn.ptr == NULL)
        return fail_api(call->fail, EVENTS_VALIDATION, "RoleArn is required for target %.*s.", STR_ARG(target->arn));
    if (!str_starts(target->role_arn, STR("arn:aws:iam::")))
        return invalid(call, target, "Provided role ARN is not in correct format");
    if (target->ecs_parameters == NULL)
        return invalid(call, target, "Parameter EcsParameters is required");
    if (!str_starts(target->ecs_parameters->task_definition_arn, STR("arn:aws:ecs:")))
        return invalid(call, target, "Provided TaskDefinitionArn is not in correct format");
    return check_placement(call, target);
}

bool target_check(const struct call *call, const struct events_target *target,
                  struct events_put_targets_result_entry *ret_failure)
{
    const char *refused;

    if (!is_arn(target->arn))
        return fail_api(call->fail, EVENTS_VALIDATION,
                        "Parameter %.*s is not valid. Reason: Provided Arn is not in correct format.",
                        STR_ARG(target->arn));
    if (!target_input_check(target, call->fail))
        return false;
    *ret_failure = (struct events_put_targets_result_entry){.target_id = target->id};
    refused = refusal_of(call, target);
    if (refused != NULL) {
        ret_failure->error_code = STR("UnsupportedOperation");
        ret_failure->error_message = str_of(refused);
        return true;
    }
    return target_kind_of(call->arena, call->principal->account, call->region, target->arn) == TARGET_LOG_GROUP
               ? check_log_group(call, target)
               : check_cluster(call, target);
}
