/* TagResource, UntagResource and ListTagsForResource: one table of what can be tagged. */
#include "plane/ecs/tag.h"

#include "base/must.h"
#include "plane/ecs/account_setting.h"
#include "plane/ecs/cluster.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service.h"
#include "plane/ecs/task.h"
#include "plane/ecs/task_definition.h"
#include "plane/ecs/task_set.h"
#include "plane/iam/authorize.h"

/* ---- rules ---- */

static bool is_reserved(struct str text)
{
    return str_starts_nocase(text, STR("aws:"));
}

static bool refuse_reserved(struct str key, struct fail *f)
{
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "The tag '%.*s' is not allowed: keys and values that start with 'aws:' are reserved.",
                    STR_ARG(key));
}

bool tags_check(const struct ecs_tags *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++) {
        const struct ecs_tag *tag = &tags->items[i];

        if (tag->key.ptr == NULL)
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tag key can not be null.");
        if (is_reserved(tag->key) || is_reserved(tag->value))
            return refuse_reserved(tag->key, f);
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->items[k].key, tag->key))
                return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The tag key '%.*s' is given twice.",
                                STR_ARG(tag->key));
    }
    return true;
}

static const struct operation_spec *tag_resource_spec(void)
{
    for (size_t i = 0; i < ecs_handler_count; i++)
        if (ecs_handlers[i].operation == &ecs_tag_resource_operation)
            return &ecs_handlers[i];
    must_not_happen("TagResource is one of our operations");
}

bool tags_allow(const struct call *call, struct str arn, const struct ecs_tags *tags)
{
    struct ecs_tag_resource_request request = {.resource_arn = arn, .tags = *tags};

    if (!tags_check(tags, call->fail))
        return false;
    if (tags->count == 0 || !str_is(account_setting(call, ECS_SETTING_NAME_TAG_RESOURCE_AUTHORIZATION), "on"))
        return true;
    return iam_authorize(call, tag_resource_spec(), &request);
}

/* ---- what can be tagged ---- */

struct tagged_kind {
    const char *kind; /* in the ARN: "...:cluster/name" */
    /* The record whose tags these are. Fails when it does not exist or is over. */
    const void *(*find)(const struct call *call, struct str name);
    const struct ecs_tags *(*tags)(const void *record);
    void (*put)(const struct call *call, const void *record, const struct ecs_tags *tags);
};

static const void *find_cluster(const struct call *call, struct str name)
{
    const struct cluster_record *cluster =
        transaction_get(call->tx, &cluster_table, KEY(call->arena, call->principal->account, call->region, name));

    if (cluster == NULL)
        (void)fail_api(call->fail, ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION, "Cluster not found.");
    else if (!cluster_is_active(cluster))
        (void)fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified cluster is inactive. Specify an active cluster and try again.");
    else
        return cluster;
    return NULL;
}

static const struct ecs_tags *cluster_tags(const void *record)
{
    return &((const struct cluster_record *)record)->cluster->tags;
}

static void put_cluster(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct cluster_record changed = *(const struct cluster_record *)record;
    struct ecs_cluster cluster = *changed.cluster;

    cluster.tags = *tags;
    changed.cluster = &cluster;
    must(transaction_put(call->tx, &cluster_table, &changed));
}

/* "cluster/id" */
static const void *find_task(const struct call *call, struct str name)
{
    struct str id;
    struct str cluster = str_cut(name, '/', &id);
    const struct task_record *task =
        transaction_get(call->tx, &task_table, KEY(call->arena, call->principal->account, call->region, cluster, id));

    if (task == NULL)
        (void)fail_api(call->fail, ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "The specified task was not found.");
    else if (task_is_stopped(task))
        (void)fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified task is stopped. Specify a running task and try again.");
    else
        return task;
    return NULL;
}

static const struct ecs_tags *task_tags(const void *record)
{
    return &((const struct task_record *)record)->task->tags;
}

static void put_task(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct task_record changed = *(const struct task_record *)record;
    struct ecs_task task = *changed.task;

    task.tags = *tags;
    changed.task = &task;
    must(transaction_put(call->tx, &task_table, &changed));
}

static const void *find_task_definition(const struct call *call, struct str name)
{
    const struct task_definition_record *definition = task_definition_find(call, name);

    if (definition == NULL || str_find(name, ':') == name.len)
        (void)fail_api(call->fail, ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                       "The specified task definition was not found.");
    else if (definition->task_definition->status != ECS_TASK_DEFINITION_STATUS_ACTIVE)
        (void)fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified task definition is inactive. Specify an active task definition and try again.");
    else
        return definition;
    return NULL;
}

static const struct ecs_tags *task_definition_tags(const void *record)
{
    return &((const struct task_definition_record *)record)->tags;
}

static void put_task_definition(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct task_definition_record changed = *(const struct task_definition_record *)record;

    changed.tags = *tags;
    must(transaction_put(call->tx, &task_definition_table, &changed));
}

/* "cluster/id" */
static const void *find_container_instance(const struct call *call, struct str name)
{
    struct str id;
    struct str cluster = str_cut(name, '/', &id);
    const struct container_instance_record *instance = transaction_get(
        call->tx, &container_instance_table, KEY(call->arena, call->principal->account, call->region, cluster, id));

    if (instance != NULL && !container_instance_is_gone(instance))
        return instance;
    (void)fail_api(call->fail, ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                   "The specified container instance was not found.");
    return NULL;
}

static const struct ecs_tags *container_instance_tags(const void *record)
{
    return &((const struct container_instance_record *)record)->instance->tags;
}

static void put_container_instance(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct container_instance_edit *edit = container_instance_edit_begin(call->tx, record);

    edit->instance.tags = *tags;
    must(container_instance_edit_put(call->tx, edit));
}

/* "cluster/service" */
static const void *find_service(const struct call *call, struct str name)
{
    struct str service_name;
    struct str cluster = str_cut(name, '/', &service_name);
    const struct service_record *service = transaction_get(
        call->tx, &service_table, KEY(call->arena, call->principal->account, call->region, cluster, service_name));

    if (service == NULL)
        (void)fail_api(call->fail, ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "The specified service was not found.");
    else if (service_status(service) != SERVICE_ACTIVE)
        (void)fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified service is inactive. Specify an active service and try again.");
    else
        return service;
    return NULL;
}

static const struct ecs_tags *service_tags(const void *record)
{
    return &((const struct service_record *)record)->service->tags;
}

static void put_service(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct service_edit edit;

    service_edit_begin(record, &edit);
    edit.service.tags = *tags;
    service_edit_put(call->tx, &edit);
}

/* "cluster/service/ecs-svc/number" */
static const void *find_task_set(const struct call *call, struct str name)
{
    struct str rest;
    struct str cluster = str_cut(name, '/', &rest);
    struct str service = rest.ptr == NULL ? rest : str_cut(rest, '/', &rest);
    const struct task_set_record *set = rest.ptr == NULL
                                            ? NULL
                                            : transaction_get(call->tx, &task_set_table,
                                                              KEY(call->arena, call->principal->account, call->region,
                                                                  cluster, service, deployment_number(rest)));

    if (set == NULL)
        (void)fail_api(call->fail, ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "The specified task set was not found.");
    return set;
}

static const struct ecs_tags *task_set_tags(const void *record)
{
    return &((const struct task_set_record *)record)->task_set->tags;
}

static void put_task_set(const struct call *call, const void *record, const struct ecs_tags *tags)
{
    struct task_set_edit edit;

    task_set_edit_begin(record, &edit);
    edit.set.tags = *tags;
    task_set_edit_put(call->tx, &edit);
}

static const struct tagged_kind kinds[] = {
    {"cluster", find_cluster, cluster_tags, put_cluster},
    {"container-instance", find_container_instance, container_instance_tags, put_container_instance},
    {"service", find_service, service_tags, put_service},
    {"task-set", find_task_set, task_set_tags, put_task_set},
    {"task", find_task, task_tags, put_task},
    {"task-definition", find_task_definition, task_definition_tags, put_task_definition},
};

static bool find(const struct call *call, struct str arn, const struct tagged_kind **ret_kind, const void **ret_record)
{
    struct str name;

    if (!str_starts(arn, STR("arn:")))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid arn syntax: '%.*s'.", STR_ARG(arn));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!ecs_own_name(call, arn, kinds[i].kind, &name))
            continue;
        *ret_kind = &kinds[i];
        *ret_record = kinds[i].find(call, name);
        return *ret_record != NULL;
    }
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid identifier: '%.*s' is not a cluster, container instance, service, task, task set or task "
                    "definition of "
                    "account %.*s in %.*s.",
                    STR_ARG(arn), STR_ARG(call->principal->account), STR_ARG(call->region));
}

struct str ecs_tag_of(const struct call *call, struct str arn, struct str key)
{
    struct fail unanswered;
    struct call asking = *call;
    const struct tagged_kind *kind;
    const struct ecs_tags *tags;
    const void *record;

    asking.fail = &unanswered;
    if (!find(&asking, arn, &kind, &record))
        return (struct str){NULL, 0};
    tags = kind->tags(record);
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return tags->items[i].value;
    return (struct str){NULL, 0};
}

/* ---- handlers ---- */

static struct ecs_tag *tag_of(struct ecs_tags *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq(tags->items[i].key, key))
            return &tags->items[i];
    return NULL;
}

/* Those that ECS put there do not count. */
static size_t own_count(const struct ecs_tags *tags)
{
    size_t count = 0;

    for (size_t i = 0; i < tags->count; i++)
        count += !is_reserved(tags->items[i].key);
    return count;
}

bool ecs_tag_resource(struct call *call, const struct ecs_tag_resource_request *in,
                      struct ecs_tag_resource_response *out)
{
    const struct tagged_kind *kind;
    const struct ecs_tags *before;
    const void *record;
    struct ecs_tags tags = {NULL, 0};

    (void)out;
    if (!tags_check(&in->tags, call->fail) || !find(call, in->resource_arn, &kind, &record))
        return false;
    before = kind->tags(record);
    tags.items = arena_array(call->arena, struct ecs_tag, before->count + in->tags.count);
    for (size_t i = 0; i < before->count; i++)
        tags.items[tags.count++] = before->items[i];
    for (size_t i = 0; i < in->tags.count; i++) {
        struct ecs_tag *same = tag_of(&tags, in->tags.items[i].key);

        *(same != NULL ? same : &tags.items[tags.count++]) = in->tags.items[i];
    }
    if (own_count(&tags) > TAGS_MAX)
        return fail_api(call->fail, ECS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "The resource would have %zu tags. A resource can have at most %d tags.", own_count(&tags),
                        TAGS_MAX);
    kind->put(call, record, &tags);
    return true;
}

bool ecs_untag_resource(struct call *call, const struct ecs_untag_resource_request *in,
                        struct ecs_untag_resource_response *out)
{
    const struct tagged_kind *kind;
    const struct ecs_tags *before;
    const void *record;
    struct ecs_tags tags = {NULL, 0};

    (void)out;
    for (size_t i = 0; i < in->tag_keys.count; i++)
        if (is_reserved(in->tag_keys.items[i]))
            return refuse_reserved(in->tag_keys.items[i], call->fail);
    if (!find(call, in->resource_arn, &kind, &record))
        return false;
    before = kind->tags(record);
    tags.items = arena_array(call->arena, struct ecs_tag, before->count);
    for (size_t i = 0; i < before->count; i++)
        if (!str_is_among(before->items[i].key, in->tag_keys.items, in->tag_keys.count))
            tags.items[tags.count++] = before->items[i];
    kind->put(call, record, &tags);
    return true;
}

bool ecs_list_tags_for_resource(struct call *call, const struct ecs_list_tags_for_resource_request *in,
                                struct ecs_list_tags_for_resource_response *out)
{
    const struct tagged_kind *kind;
    const void *record;

    if (!find(call, in->resource_arn, &kind, &record))
        return false;
    out->tags = *kind->tags(record);
    if (out->tags.items == NULL)
        out->tags.items = arena_alloc(call->arena, 0);
    return true;
}
