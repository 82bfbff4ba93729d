/* What a task gets by the rights of its execution role, when a host is told to start it: the secrets of its containers,
 * of their log drivers and of the registries that they come from, which stand in the assignment and in no record; and
 * the permission for its host to fetch environment files. ECS developer guide: "Pass sensitive data to an Amazon ECS
 * container", "Using non-AWS container images in Amazon ECS", "Pass environment variables to an Amazon ECS container".
 */
#include "base/must.h"
#include "plane/ecs/task.h"
#include "plane/iam/iam.h"
#include "plane/secrets/access.h"
#include "plane/ssm/access.h"
#include "plane/ssm/injected_value.h"

#define UNABLE                                                                                                         \
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "

/* What a value is wanted for, and how ECS says that there is none ("Stopped task error messages"). */
struct purpose {
    const char *unable;
    const char *fetching, *from; /* around the name, in front of the store's error; NULL: without */
};

static const struct purpose for_secret = {"unable to retrieve secret from asm", "failed to fetch secret ",
                                          " from secrets manager: "};
static const struct purpose for_parameter = {"unable to retrieve secrets from ssm", NULL, NULL};
static const struct purpose for_registry = {"unable to get registry auth from asm",
                                            "asm fetching secret from the service for ", ": "};

static bool unable(const struct purpose *purpose, const struct value_from *from, const struct fail *why, struct fail *f)
{
    if (why->code != FAIL_API)
        return fail(f, why->code, UNABLE "%s: %s", purpose->unable, why->message);
    if (purpose->fetching == NULL)
        return fail(f, FAIL_DENIED, UNABLE "%s: service call has been retried 1 time(s): %s: %s", purpose->unable,
                    why->type, why->message);
    return fail(f, FAIL_DENIED, UNABLE "%s: service call has been retried 1 time(s): %s%.*s%s%s: %s", purpose->unable,
                purpose->fetching, STR_ARG(from->name), purpose->from, why->type, why->message);
}

/* Who reads. */
struct reader {
    struct transaction *tx;
    const struct task_record *task;
    struct principal principal;
};

static bool reader_of(struct transaction *tx, const struct task_record *task, struct reader *ret_reader, struct fail *f)
{
    const struct access_key_record *key =
        task->execution_key_id.ptr == NULL ? NULL : transaction_get(tx, &access_key_table, task->execution_key_id);

    if (key == NULL)
        return fail(f, FAIL_DENIED, UNABLE "the task has no execution role");
    *ret_reader = (struct reader){
        .tx = tx,
        .task = task,
        .principal = {.kind = PRINCIPAL_SESSION,
                      .account = key->account_id,
                      .access_key = key->access_key_id,
                      .arn = key->principal_arn,
                      .user_id = key->user_id},
    };
    return true;
}

static bool may(const struct reader *reader, const struct access_spec *access, const char *action, struct str resource,
                struct fail *f)
{
    struct call asking = {.tx = reader->tx,
                          .arena = reader->tx->arena,
                          .fail = f,
                          .principal = &reader->principal,
                          .settings = transaction_settings(reader->tx),
                          .region = reader->task->region};

    return iam_allows(&asking, access, action, resource);
}

static bool may_read(const struct reader *reader, const struct injected_place *place, const struct value_from *from,
                     struct fail *f)
{
    struct injected_access access = injected_access(reader->tx, place, from, reader->tx->arena);

    return may(reader, from->kind == VALUE_FROM_SECRET ? &secrets_access : &ssm_access, access.action, access.resource,
               f);
}

static bool read_one(const struct reader *reader, const struct purpose *purpose, const struct value_from *from,
                     struct str *ret_value, struct fail *f)
{
    const struct injected_place place = {reader->task->account_id, reader->task->region};
    struct fail why;

    return (may_read(reader, &place, from, &why) &&
            injected_value(reader->tx, &place, from, reader->tx->arena, ret_value, &why)) ||
           unable(purpose, from, &why, f);
}

/* ---- secrets ---- */

static bool read_secret(const struct reader *reader, struct str text, struct str *ret_value, struct fail *f)
{
    struct value_from from;
    struct fail why;

    if (!value_from_parse(text, &from, &why))
        return fail(f, FAIL_INPUT, UNABLE "%s", why.message);
    return read_one(reader, from.kind == VALUE_FROM_SECRET ? &for_secret : &for_parameter, &from, ret_value, f);
}

static bool read_secrets(const struct reader *reader, struct str container_name, const struct ecs_secret_list *secrets,
                         struct host_container_secrets *to, struct fail *f)
{
    for (size_t i = 0; i < secrets->count; i++) {
        struct host_container_secret *secret = &to->items[to->count++];

        secret->container_name = container_name;
        secret->name = secrets->items[i].name;
        if (!read_secret(reader, secrets->items[i].value_from, &secret->value, f))
            return false;
    }
    return true;
}

/* ---- registries ---- */

/* A secret's ARN or name, whose value is {"username": ..., "password": ...} ("Using non-AWS container images in Amazon
 * ECS"). */
static bool registry_secret(struct str text, struct value_from *ret_from, struct fail *f)
{
    struct value_from from = {.kind = VALUE_FROM_SECRET, .name = text};
    struct fail why;

    if (str_starts(text, STR("arn:")) && (!value_from_parse(text, &from, &why) || from.kind != VALUE_FROM_SECRET))
        return fail(f, FAIL_INPUT, UNABLE "%s: '%.*s' is not the ARN or the name of a secret", for_registry.unable,
                    STR_ARG(text));
    *ret_from = from;
    return true;
}

static bool read_registry(const struct reader *reader, const struct ecs_container_definition *container,
                          struct host_registry_credentials_list *to, struct fail *f)
{
    struct host_registry_credentials *credentials = &to->items[to->count];
    struct value_from from;

    if (container->repository_credentials == NULL)
        return true;
    to->count++;
    credentials->container_name = container->name;
    if (!registry_secret(container->repository_credentials->credentials_parameter, &from, f))
        return false;
    from.json_key = STR("username");
    if (!read_one(reader, &for_registry, &from, &credentials->username, f))
        return false;
    from.json_key = STR("password");
    return read_one(reader, &for_registry, &from, &credentials->password, f);
}

/* ---- environment files ---- */

/* The host fetches them; what they say is not known here. */
static const struct ecs_environment_files *files_of(const struct task_record *task,
                                                    const struct ecs_container_definition *container)
{
    const struct ecs_task_override *overrides = task->task->overrides;

    for (size_t i = 0; overrides != NULL && i < overrides->container_overrides.count; i++) {
        const struct ecs_container_override *override = &overrides->container_overrides.items[i];

        if (str_eq(override->name, container->name) && override->environment_files.items != NULL)
            return &override->environment_files;
    }
    return &container->environment_files;
}

/* The permissions that "Pass environment variables to an Amazon ECS container" names as required. */
static bool may_fetch(const struct reader *reader, struct str object, struct fail *f)
{
    static const struct access_spec s3_access = {0};
    struct str arn = object;
    struct str bucket;
    struct fail why;

    for (size_t i = 0; i < 5; i++)
        (void)str_cut(arn, ':', &arn);
    bucket = str_cut(arn, '/', &arn);
    if (may(reader, &s3_access, "s3:GetBucketLocation", str_to(object, (size_t)(bucket.ptr + bucket.len - object.ptr)),
            &why) &&
        may(reader, &s3_access, "s3:GetObject", object, &why))
        return true;
    return fail(f, FAIL_DENIED,
                "ResourceInitializationError: failed to download env files: service call has been retried 1 time(s): "
                "operation error S3: GetObject, https response error StatusCode: 403, api error AccessDenied: %s",
                why.message);
}

static bool may_fetch_all(const struct reader *reader, const struct ecs_environment_files *files, struct fail *f)
{
    for (size_t i = 0; i < files->count; i++)
        if (!may_fetch(reader, files->items[i].value, f))
            return false;
    return true;
}

/* ---- all of them ---- */

/* secretOptions of its log driver. */
static const struct ecs_secret_list *log_secrets_of(const struct ecs_container_definition *container)
{
    static const struct ecs_secret_list none = {NULL, 0};

    return container->log_configuration == NULL ? &none : &container->log_configuration->secret_options;
}

static bool needs_reader(const struct task_record *task, const struct ecs_container_definitions *containers)
{
    for (size_t i = 0; i < containers->count; i++)
        if (containers->items[i].secrets.count > 0 || log_secrets_of(&containers->items[i])->count > 0 ||
            containers->items[i].repository_credentials != NULL || files_of(task, &containers->items[i])->count > 0)
            return true;
    return false;
}

static void make_room(struct arena *arena, const struct ecs_container_definitions *containers,
                      struct host_task_assignment *to)
{
    size_t secrets = 0;
    size_t log_secrets = 0;

    for (size_t i = 0; i < containers->count; i++) {
        secrets += containers->items[i].secrets.count;
        log_secrets += log_secrets_of(&containers->items[i])->count;
    }
    to->secrets.items = arena_array(arena, struct host_container_secret, secrets + 1);
    to->log_secrets.items = arena_array(arena, struct host_container_secret, log_secrets + 1);
    to->registry_credentials.items = arena_array(arena, struct host_registry_credentials, containers->count + 1);
}

static bool read_container(const struct reader *reader, const struct ecs_container_definition *container,
                           struct host_task_assignment *to, struct fail *f)
{
    return read_secrets(reader, container->name, &container->secrets, &to->secrets, f) &&
           read_secrets(reader, container->name, log_secrets_of(container), &to->log_secrets, f) &&
           read_registry(reader, container, &to->registry_credentials, f) &&
           may_fetch_all(reader, files_of(reader->task, container), f);
}

bool task_secrets_read(struct transaction *tx, const struct task_record *task,
                       const struct ecs_task_definition *definition, struct host_task_assignment *to, struct fail *f)
{
    const struct ecs_container_definitions *containers = &definition->container_definitions;
    struct reader reader;

    if (!needs_reader(task, containers))
        return true;
    if (!reader_of(tx, task, &reader, f))
        return false;
    make_room(tx->arena, containers, to);
    for (size_t i = 0; i < containers->count; i++)
        if (!read_container(&reader, &containers->items[i], to, f))
            return false;
    return true;
}
