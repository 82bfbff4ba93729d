/* ECS clusters as targets: RunTask, called as the target's role would ("Amazon ECS tasks as targets", user guide), so
 * that IAM decides about ecs:RunTask and iam:PassRole with that role's policies. The task and the end of the delivery
 * stand in one transaction. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/operations.h"
#include "plane/events/delivery.h"
#include "plane/events/input.h"
#include "plane/events/rule.h"
#include "plane/events/value_read.h"
#include "plane/iam/access_key.h"
#include "plane/iam/authorize.h"
#include "plane/iam/iam.h"

enum { SESSION_SECONDS = 900 };

/* ---- the request ---- */

static enum ecs_launch_type launch_type(enum events_launch_type type)
{
    static const enum ecs_launch_type types[] = {
        [EVENTS_LAUNCH_TYPE_EC2] = ECS_LAUNCH_TYPE_EC2,
        [EVENTS_LAUNCH_TYPE_FARGATE] = ECS_LAUNCH_TYPE_FARGATE,
        [EVENTS_LAUNCH_TYPE_EXTERNAL] = ECS_LAUNCH_TYPE_EXTERNAL,
    };

    return type == EVENTS_LAUNCH_TYPE_NONE ? ECS_LAUNCH_TYPE_NONE : types[type];
}

static struct ecs_network_configuration *network_of(struct arena *arena, const struct events_ecs_parameters *from)
{
    const struct events_aws_vpc_configuration *vpc =
        from->network_configuration == NULL ? NULL : from->network_configuration->awsvpc_configuration;
    struct ecs_network_configuration *network = arena_new(arena, struct ecs_network_configuration);

    if (vpc == NULL)
        return NULL;
    network->awsvpc_configuration = arena_new(arena, struct ecs_aws_vpc_configuration);
    *network->awsvpc_configuration = (struct ecs_aws_vpc_configuration){
        .subnets = {vpc->subnets.items, vpc->subnets.count},
        .security_groups = {vpc->security_groups.items, vpc->security_groups.count},
        .assign_public_ip = vpc->assign_public_ip == EVENTS_ASSIGN_PUBLIC_IP_ENABLED    ? ECS_ASSIGN_PUBLIC_IP_ENABLED
                            : vpc->assign_public_ip == EVENTS_ASSIGN_PUBLIC_IP_DISABLED ? ECS_ASSIGN_PUBLIC_IP_DISABLED
                                                                                        : ECS_ASSIGN_PUBLIC_IP_NONE,
    };
    return network;
}

static struct ecs_capacity_provider_strategy strategy_of(struct arena *arena, const struct events_ecs_parameters *from)
{
    struct ecs_capacity_provider_strategy strategy = {NULL, from->capacity_provider_strategy.count};

    if (strategy.count == 0)
        return strategy;
    strategy.items = arena_array(arena, struct ecs_capacity_provider_strategy_item, strategy.count);
    for (size_t i = 0; i < strategy.count; i++) {
        const struct events_capacity_provider_strategy_item *item = &from->capacity_provider_strategy.items[i];

        strategy.items[i] = (struct ecs_capacity_provider_strategy_item){.capacity_provider = item->capacity_provider,
                                                                         .weight = item->weight,
                                                                         .has_weight = item->has_weight,
                                                                         .base = item->base,
                                                                         .has_base = item->has_base};
    }
    return strategy;
}

static struct ecs_placement_constraints constraints_of(struct arena *arena, const struct events_ecs_parameters *from)
{
    struct ecs_placement_constraints constraints = {NULL, from->placement_constraints.count};

    if (constraints.count == 0)
        return constraints;
    constraints.items = arena_array(arena, struct ecs_placement_constraint, constraints.count);
    for (size_t i = 0; i < constraints.count; i++) {
        const struct events_placement_constraint *item = &from->placement_constraints.items[i];

        constraints.items[i] =
            (struct ecs_placement_constraint){.type = item->type == EVENTS_PLACEMENT_CONSTRAINT_TYPE_MEMBER_OF
                                                          ? ECS_PLACEMENT_CONSTRAINT_TYPE_MEMBER_OF
                                                          : ECS_PLACEMENT_CONSTRAINT_TYPE_DISTINCT_INSTANCE,
                                              .expression = item->expression};
    }
    return constraints;
}

static struct ecs_placement_strategies strategies_of(struct arena *arena, const struct events_ecs_parameters *from)
{
    static const enum ecs_placement_strategy_type types[] = {
        [EVENTS_PLACEMENT_STRATEGY_TYPE_RANDOM] = ECS_PLACEMENT_STRATEGY_TYPE_RANDOM,
        [EVENTS_PLACEMENT_STRATEGY_TYPE_SPREAD] = ECS_PLACEMENT_STRATEGY_TYPE_SPREAD,
        [EVENTS_PLACEMENT_STRATEGY_TYPE_BINPACK] = ECS_PLACEMENT_STRATEGY_TYPE_BINPACK,
    };
    struct ecs_placement_strategies strategies = {NULL, from->placement_strategy.count};

    if (strategies.count == 0)
        return strategies;
    strategies.items = arena_array(arena, struct ecs_placement_strategy, strategies.count);
    for (size_t i = 0; i < strategies.count; i++) {
        const struct events_placement_strategy *item = &from->placement_strategy.items[i];

        strategies.items[i] = (struct ecs_placement_strategy){.type = types[item->type], .field = item->field};
    }
    return strategies;
}

static struct ecs_tags tags_of(struct arena *arena, const struct events_ecs_parameters *from)
{
    struct ecs_tags tags = {NULL, from->tags.count};

    if (tags.count == 0)
        return tags;
    tags.items = arena_array(arena, struct ecs_tag, tags.count);
    for (size_t i = 0; i < tags.count; i++)
        tags.items[i] = (struct ecs_tag){from->tags.items[i].key, from->tags.items[i].value};
    return tags;
}

/* The input of an ECS target is a task's overrides; an event, or anything else, has none. */
static bool overrides_of(struct transaction *tx, const struct delivery *delivery,
                         struct ecs_task_override **ret_overrides, struct fail *f)
{
    const struct input_context context = {
        .event = delivery->record->event,
        .rule_arn = delivery->rule->rule->arn,
        .rule_name = delivery->rule->rule->name,
        .ingested = when_to_iso8601(tx->arena, delivery->record->made_at),
    };
    struct ecs_task_override *overrides = arena_new(tx->arena, struct ecs_task_override);

    if (!value_read_json(&ecs_task_override_shape, target_input(delivery->target, &context, tx->arena), overrides,
                         tx->arena, f) ||
        !value_check(&ecs_task_override_shape, overrides, f))
        return fail_in(f, "the input of target %.*s is not the overrides of a task", STR_ARG(delivery->target->id));
    *ret_overrides = overrides;
    return true;
}

static bool request_of(struct transaction *tx, const struct delivery *delivery,
                       struct ecs_run_task_request *ret_request, struct fail *f)
{
    const struct events_ecs_parameters *from = delivery->target->ecs_parameters;
    struct ecs_run_task_request request = {
        .cluster = delivery->target->arn,
        .task_definition = from->task_definition_arn,
        .group = from->group,
        .launch_type = launch_type(from->launch_type),
        .network_configuration = network_of(tx->arena, from),
        .platform_version = from->platform_version,
        .capacity_provider_strategy = strategy_of(tx->arena, from),
        .placement_constraints = constraints_of(tx->arena, from),
        .placement_strategy = strategies_of(tx->arena, from),
        .tags = tags_of(tx->arena, from),
        .reference_id = from->reference_id,
        .started_by = arena_printf(tx->arena, "events-rule/%.*s", STR_ARG(delivery->rule->rule->name)),
        .propagate_tags = from->propagate_tags == EVENTS_PROPAGATE_TAGS_TASK_DEFINITION
                              ? ECS_PROPAGATE_TAGS_TASK_DEFINITION
                              : ECS_PROPAGATE_TAGS_NONE,
    };

    SET(&request, count, from->has_task_count ? from->task_count : 1);
    SET(&request, enable_ecs_managed_tags, from->enable_ecs_managed_tags);
    SET(&request, enable_execute_command, from->enable_execute_command);
    *ret_request = request;
    return overrides_of(tx, delivery, &ret_request->overrides, f);
}

/* ---- the call ---- */

static const struct operation_spec *run_task_row(void)
{
    for (size_t i = 0; i < ecs_handler_count; i++)
        if (ecs_handlers[i].operation == &ecs_run_task_operation)
            return &ecs_handlers[i];
    must_not_happen("RunTask has a handler");
}

static struct principal principal_of(const struct transaction *tx, struct str access_key_id)
{
    const struct access_key_record *key = transaction_get(tx, &access_key_table, access_key_id);

    must(key != NULL);
    return (struct principal){.kind = PRINCIPAL_SESSION,
                              .account = key->account_id,
                              .access_key = access_key_id,
                              .arn = key->principal_arn,
                              .user_id = key->user_id};
}

/* Why a task could not be run that was asked for rightly: no room. */
static enum delivery_outcome outcome_of(const struct ecs_run_task_response *out, struct fail *f)
{
    if (out->tasks.count > 0)
        return DELIVERY_DONE;
    (void)fail(f, FAIL_LIMIT, "%.*s", STR_ARG(out->failures.items[0].reason));
    return DELIVERY_AGAIN;
}

/* The caller's mistakes are not mended by trying again. */
static enum delivery_outcome run_as(struct call *call, struct str role, const struct ecs_run_task_request *in)
{
    struct str key = iam_session_begin(call->tx, call->principal->account, role, call->invocation_id, SESSION_SECONDS);
    const struct principal principal = principal_of(call->tx, key);
    struct ecs_run_task_response out = {.tasks = {NULL, 0}};
    bool good;

    call->principal = &principal;
    good = iam_authorize(call, run_task_row(), in) && ecs_run_task(call, in, &out);
    iam_session_end(call->tx, key);
    return good ? outcome_of(&out, call->fail) : DELIVERY_REFUSED;
}

enum delivery_outcome target_ecs_deliver(struct transaction *tx, const struct delivery *delivery, struct fail *f)
{
    const struct delivery_record *record = delivery->record;
    const struct principal service = {.kind = PRINCIPAL_ANONYMOUS, .account = record->account_id};
    struct str role = delivery->target->role_arn;
    struct ecs_run_task_request in;
    struct call call = {.tx = tx,
                        .arena = tx->arena,
                        .fail = f,
                        .operation = &ecs_run_task_operation,
                        .principal = &service,
                        .settings = transaction_settings(tx),
                        .region = record->region,
                        .request_id = record->event_id,
                        .invocation_id = record->event_id,
                        .source_ip = STR(EVENTS_SERVICE),
                        .user_agent = STR(EVENTS_SERVICE)};

    if (!iam_role_trusts(&call, role, EVENTS_SERVICE, delivery->rule->rule->arn)) {
        (void)fail(f, FAIL_DENIED, "%s cannot assume the role %.*s", EVENTS_SERVICE, STR_ARG(role));
        return DELIVERY_REFUSED;
    }
    return request_of(tx, delivery, &in, f) ? run_as(&call, role, &in) : DELIVERY_REFUSED;
}
