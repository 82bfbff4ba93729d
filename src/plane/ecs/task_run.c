#include "plane/ecs/task_run.h"

#include "base/must.h"
#include "plane/ecs/access.h"
#include "plane/ecs/account_setting.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/tag.h"
#include "plane/ecs/task.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_instances.h"

enum { COUNT_MAX = 10, STARTED_BY_LEN_MAX = 128, GROUP_LEN_MAX = 255, REFERENCE_ID_LEN_MAX = 1024 };

/* ---- checks ---- */

static bool check_texts(const struct call *call, const struct ecs_run_task_request *in)
{
    const struct {
        const char *name;
        struct str text;
        size_t len_max;
    } rows[] = {
        {"startedBy", in->started_by, STARTED_BY_LEN_MAX},
        {"group", in->group, GROUP_LEN_MAX},
        {"referenceId", in->reference_id, REFERENCE_ID_LEN_MAX},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].text.len > rows[i].len_max)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s longer than %zu.", rows[i].name,
                            rows[i].len_max);
    if (str_starts(in->group, STR("service:")) || str_starts(in->group, STR("family:")))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid namespace for group.");
    return true;
}

/* What is not built is refused rather than kept and ignored. */
static bool check_supported(const struct call *call, const struct ecs_run_task_request *in)
{
    if (in->volume_configurations.count > 0)
        return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                        "volumeConfigurations are not supported: Amazon EBS volumes are not implemented.");
    if (in->propagate_tags == ECS_PROPAGATE_TAGS_SERVICE)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The value SERVICE of propagateTags is only valid for tasks of a service.");
    return true;
}

static bool check_request(const struct call *call, const struct ecs_run_task_request *in)
{
    if (in->has_count && (in->count < 1 || in->count > COUNT_MAX))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid count: %d. The count must be between 1 and %d.", in->count, COUNT_MAX);
    return check_texts(call, in) && check_supported(call, in);
}

/* ---- tags ---- */

static void add_tag(struct ecs_tags *tags, struct ecs_tag tag)
{
    size_t at = 0;

    while (at < tags->count && !str_eq(tags->items[at].key, tag.key))
        at++;
    tags->items[at] = tag;
    tags->count = at == tags->count ? at + 1 : tags->count;
}

/* Those of the definition if that is asked for, over them the request's, and ECS's own, which do not count. */
static bool make_tags(const struct call *call, const struct ecs_run_task_request *in,
                      const struct task_definition_record *definition, struct task_wish *wish)
{
    struct ecs_tags *tags = &wish->tags;

    tags->items = arena_array(call->arena, struct ecs_tag, definition->tags.count + in->tags.count + 1);
    if (in->propagate_tags == ECS_PROPAGATE_TAGS_TASK_DEFINITION)
        for (size_t i = 0; i < definition->tags.count; i++)
            add_tag(tags, definition->tags.items[i]);
    for (size_t i = 0; i < in->tags.count; i++)
        add_tag(tags, in->tags.items[i]);
    if (tags->count > TAGS_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A task can have at most %d tags; with those of its definition it would have %zu.", TAGS_MAX,
                        tags->count);
    if (in->enable_ecs_managed_tags)
        add_tag(tags, (struct ecs_tag){STR("aws:ecs:clusterName"), wish->cluster->cluster->cluster_name});
    return true;
}

/* The request's own are the caller's to answer for; the tasks have no ARN yet. */
static bool check_tags(const struct call *call, const struct ecs_run_task_request *in,
                       const struct cluster_record *cluster)
{
    struct str name = cluster->cluster->cluster_name;

    return tags_allow(call, ecs_arn(call, "task", arena_printf(call->arena, "%.*s/*", STR_ARG(name))), &in->tags);
}

/* ---- roles ---- */

static struct str override_or(struct str override, struct str own)
{
    return override.ptr != NULL ? override : own;
}

static bool check_roles(const struct call *call, const struct task_wish *wish)
{
    struct str task_role = override_or(wish->overrides->task_role_arn, wish->definition->task_role_arn);

    if (wish->enable_execute_command && !execute_command_role_check(call, task_role, "task couldn't be run"))
        return false;
    return task_roles_check(call, task_role,
                            override_or(wish->overrides->execution_role_arn, wish->definition->execution_role_arn));
}

/* ---- running ---- */

bool task_wish_of(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *ret_wish)
{
    const struct task_definition_record *definition = NULL;
    struct task_wish wish = {
        .arena = call->arena,
        .started_by = in->started_by,
        .group = in->group,
        .logs_non_blocking = logs_are_non_blocking(call),
        .enable_execute_command = in->enable_execute_command,
    };

    if (!check_request(call, in) || !cluster_find(call, in->cluster, &wish.cluster) ||
        !check_tags(call, in, wish.cluster) || !task_definition_find_active(call, in->task_definition, &definition))
        return false;
    wish.definition = definition->task_definition;
    if (!task_launch_check(call, in, &wish) || !task_network_check(call, in, &wish) ||
        !task_override_check(call, in, &wish) || !check_roles(call, &wish) || !make_tags(call, in, definition, &wish))
        return false;
    if (wish.group.ptr == NULL)
        wish.group = arena_printf(call->arena, "family:%.*s", STR_ARG(wish.definition->family));
    *ret_wish = wish;
    return true;
}

/* Runs them one by one: each takes what the ones before have left. */
static void run(struct call *call, const struct task_wish *wish, size_t count, struct ecs_run_task_response *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct ecs_task *task;

        if (task_start(call->tx, wish, i, &task, &out->failures.items[out->failures.count])) {
            out->tasks.items[out->tasks.count++] = *task;
            continue;
        }
        out->failures.count++;
        if (wish->launch.instances != NULL) { /* the others would ask for the same */
            task_instances_failures(call->tx, wish, &out->failures);
            return;
        }
    }
}

/* The tasks of an earlier call with the same token, as they are now; those that are forgotten are missing. */
static void replay(const struct call *call, const struct client_token_record *earlier,
                   struct ecs_run_task_response *out)
{
    for (size_t i = 0; i < earlier->task_arns.count; i++) {
        struct str arn = earlier->task_arns.items[i];
        const struct task_record *task = task_of_arn(call->tx, arn);

        if (task != NULL)
            out->tasks.items[out->tasks.count++] = *task->task;
        else
            out->failures.items[out->failures.count++] = (struct ecs_failure){.arn = arn, .reason = STR("MISSING")};
    }
}

static void keep_token(const struct call *call, const struct client_token *token,
                       const struct ecs_run_task_response *out)
{
    struct str arns[COUNT_MAX];

    for (size_t i = 0; i < out->tasks.count; i++)
        arns[i] = out->tasks.items[i].task_arn;
    if (out->tasks.count > 0)
        client_token_keep(call, token, arns, out->tasks.count);
}

static struct client_token token_of(const struct ecs_run_task_request *in)
{
    struct ecs_run_task_request request = *in;
    struct client_token token = {.operation = "RunTask", .token = in->client_token};

    request.client_token = (struct str){NULL, 0};
    if (token.token.ptr != NULL)
        token.request_hash = client_token_hash(&ecs_run_task_request_shape, &request);
    return token;
}

bool ecs_run_task(struct call *call, const struct ecs_run_task_request *in, struct ecs_run_task_response *out)
{
    struct client_token token = token_of(in);
    const struct client_token_record *earlier;
    struct task_wish wish;

    out->tasks.items = arena_array(call->arena, struct ecs_task, COUNT_MAX);
    out->failures.items = arena_array(call->arena, struct ecs_failure, COUNT_MAX);
    if (!client_token_find(call, &token, &earlier))
        return false;
    if (earlier != NULL) {
        replay(call, earlier, out);
        return true;
    }
    if (!task_wish_of(call, in, &wish))
        return false;
    run(call, &wish, in->has_count ? (size_t)in->count : 1, out);
    keep_token(call, &token, out);
    return true;
}
