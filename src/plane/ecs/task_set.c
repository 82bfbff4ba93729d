#include "plane/ecs/task_set.h"

#include "base/must.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/task_definition.h"

/* ---- the table ---- */

static void set_key(const void *record, struct buf *key)
{
    const struct task_set_record *set = record;

    SERVICE_KEY_ADD(key, set);
    key_add(key, set->id);
}

static void definition_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct task_set_record *)record)->task_set->task_definition);
}

const struct table_spec task_set_table = {
    .name = "task_set", .shape = &task_set_record_shape, .key = set_key, .indexes = {{"definition", definition_key}}};

/* ---- questions ---- */

/* Of a scale in percent with its fraction, without one of its last bits turning 50 into 51. */
int32_t task_set_desired(const struct service_record *service, const struct task_set_record *set)
{
    int64_t hundredths = (int64_t)(set->task_set->scale->value * 100 + 0.5);

    if (task_set_is_draining(set))
        return 0;
    return (int32_t)((hundredths * service->service->desired_count + 9999) / 10000);
}

bool task_set_is_draining(const struct task_set_record *set)
{
    return str_is(set->task_set->status, "DRAINING");
}

static struct ecs_task_set shown(const struct transaction *tx, const struct service_record *service,
                                 const struct task_set_record *set)
{
    struct service_task_counts counts = service_tasks_count(tx, service, set->id);
    struct ecs_task_set task_set = *set->task_set;

    SET(&task_set, computed_desired_count, task_set_desired(service, set));
    SET(&task_set, running_count, counts.running);
    SET(&task_set, pending_count, counts.pending);
    return task_set;
}

struct ecs_task_sets task_sets_shown(const struct transaction *tx, const struct service_record *service,
                                     struct arena *arena)
{
    struct walk walk = transaction_walk(tx, &task_set_table, NULL, SERVICE_PREFIX(tx->arena, service));
    struct ecs_task_sets list = {NULL, 0};
    const struct task_set_record *set;
    size_t capacity = 0;

    while (walk_next(&walk) != NULL)
        capacity++;
    list.items = arena_array(arena, struct ecs_task_set, capacity);
    walk = transaction_walk(tx, &task_set_table, NULL, SERVICE_PREFIX(tx->arena, service));
    while ((set = walk_next(&walk)) != NULL) {
        list.items[list.count] = shown(tx, service, set);
        if (str_is(set->task_set->status, "PRIMARY") && list.count > 0) {
            struct ecs_task_set first = list.items[0];

            list.items[0] = list.items[list.count];
            list.items[list.count] = first;
        }
        list.count++;
    }
    return list;
}

/* ---- changing ---- */

void task_set_edit_begin(const struct task_set_record *from, struct task_set_edit *ret_edit)
{
    ret_edit->record = *from;
    ret_edit->set = *from->task_set;
    ret_edit->trouble = *from->trouble;
}

void task_set_edit_put(struct transaction *tx, struct task_set_edit *edit)
{
    edit->record.task_set = &edit->set;
    edit->record.trouble = &edit->trouble;
    must(transaction_put(tx, &task_set_table, &edit->record));
}

void task_set_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct task_set_record *set = after != NULL ? after : before;

    marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, set));
    if (after == NULL)
        marks_add(marks, &task_definition_reconciler,
                  task_definition_key_of_arn(tx->arena, set->task_set->task_definition));
}

bool task_sets_use(const struct transaction *tx, struct str definition_arn)
{
    struct walk walk = transaction_walk(tx, &task_set_table, "definition", KEY_PREFIX(tx->arena, definition_arn));

    return walk_next(&walk) != NULL;
}
