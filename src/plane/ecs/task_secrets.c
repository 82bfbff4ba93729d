/* The secrets of containers: read when a host is told to start the task, with the rights of its execution role
 * (developer guide, "Pass sensitive data to an Amazon ECS container"). They stand in the assignment, in no record. */
#include "base/must.h"
#include "plane/ecs/task.h"
#include "plane/iam/iam.h"
#include "plane/secrets/access.h"
#include "plane/ssm/access.h"
#include "plane/ssm/injected_value.h"

#define UNABLE                                                                                                         \
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "

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

static bool may_read(const struct reader *reader, const struct injected_place *place, const struct value_from *from,
                     struct fail *f)
{
    struct arena *arena = reader->tx->arena;
    struct injected_access access = injected_access(reader->tx, place, from, arena);
    bool is_secret = from->kind == VALUE_FROM_SECRET;
    struct fail denial;
    struct call asking = {.tx = reader->tx,
                          .arena = arena,
                          .fail = &denial,
                          .principal = &reader->principal,
                          .settings = transaction_settings(reader->tx),
                          .region = reader->task->region};

    if (iam_allows(&asking, is_secret ? &secrets_access : &ssm_access, access.action, access.resource))
        return true;
    return fail(f, FAIL_DENIED, UNABLE "unable to retrieve %s: service call has been retried 1 time(s): %s: %s",
                is_secret ? "secret from asm" : "secrets from ssm", denial.type, denial.message);
}

static bool read_one(const struct reader *reader, struct str value_from, struct str *ret_value, struct fail *f)
{
    const struct injected_place place = {reader->task->account_id, reader->task->region};
    struct value_from from;
    struct fail why;

    if (!value_from_parse(value_from, &from, &why))
        return fail(f, FAIL_INPUT, UNABLE "%s", why.message);
    return may_read(reader, &place, &from, f) &&
           injected_value(reader->tx, &place, &from, reader->tx->arena, ret_value, f);
}

static size_t count_of(const struct ecs_task_definition *definition)
{
    size_t count = 0;

    for (size_t i = 0; i < definition->container_definitions.count; i++)
        count += definition->container_definitions.items[i].secrets.count;
    return count;
}

bool task_secrets_read(struct transaction *tx, const struct task_record *task,
                       const struct ecs_task_definition *definition, struct host_container_secrets *ret_secrets,
                       struct fail *f)
{
    size_t count = count_of(definition);
    struct host_container_secrets secrets = {arena_array(tx->arena, struct host_container_secret, count + 1), 0};
    struct reader reader;

    if (count == 0)
        return true;
    if (!reader_of(tx, task, &reader, f))
        return false;
    for (size_t i = 0; i < definition->container_definitions.count; i++) {
        const struct ecs_container_definition *container = &definition->container_definitions.items[i];

        for (size_t k = 0; k < container->secrets.count; k++) {
            struct host_container_secret *to = &secrets.items[secrets.count++];

            to->container_name = container->name;
            to->name = container->secrets.items[k].name;
            if (!read_one(&reader, container->secrets.items[k].value_from, &to->value, f))
                return false;
        }
    }
    *ret_secrets = secrets;
    return true;
}
