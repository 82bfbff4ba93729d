/* What tasks hold of a container instance: taken when they are placed, given back when they stop. */
#include "base/must.h"
#include "plane/ecs/container_instance.h"

static struct taken_ports ports_with(struct arena *arena, const struct taken_ports *ports,
                                     const struct taken_ports *more)
{
    struct taken_ports with = {arena_array(arena, int32_t, ports->count + more->count + 1), 0};
    size_t k = 0;

    for (size_t i = 0; i < ports->count; i++) {
        while (k < more->count && more->items[k] < ports->items[i])
            with.items[with.count++] = more->items[k++];
        k += k < more->count && more->items[k] == ports->items[i];
        with.items[with.count++] = ports->items[i];
    }
    while (k < more->count)
        with.items[with.count++] = more->items[k++];
    return with;
}

static struct taken_ports ports_without(struct arena *arena, const struct taken_ports *ports,
                                        const struct taken_ports *less)
{
    struct taken_ports without = {arena_array(arena, int32_t, ports->count + 1), 0};
    size_t k = 0;

    for (size_t i = 0; i < ports->count; i++) {
        while (k < less->count && less->items[k] < ports->items[i])
            k++;
        if (k == less->count || less->items[k] != ports->items[i])
            without.items[without.count++] = ports->items[i];
    }
    return without;
}

static struct strings texts_without(struct arena *arena, const struct strings *texts, const struct strings *less)
{
    struct strings without = {arena_array(arena, struct str, texts->count + 1), 0};

    for (size_t i = 0; i < texts->count; i++)
        if (!str_is_among(texts->items[i], less->items, less->count))
            without.items[without.count++] = texts->items[i];
    return without;
}

static struct strings texts_with(struct arena *arena, const struct strings *texts, const struct strings *more)
{
    struct strings with = {arena_array(arena, struct str, texts->count + more->count + 1), 0};

    for (size_t i = 0; i < texts->count; i++)
        with.items[with.count++] = texts->items[i];
    for (size_t i = 0; i < more->count; i++)
        with.items[with.count++] = more->items[i];
    return with;
}

static void count_group(struct arena *arena, struct container_instance_record *record, struct str name, int32_t by)
{
    struct task_groups groups = {arena_array(arena, struct task_group, record->groups.count + 1), 0};
    struct task_group changed = {.name = name};

    SET(&changed, count, by);
    for (size_t i = 0; i < record->groups.count; i++)
        if (str_eq(record->groups.items[i].name, name))
            changed.count += record->groups.items[i].count;
        else
            groups.items[groups.count++] = record->groups.items[i];
    if (changed.count > 0)
        groups.items[groups.count++] = changed;
    record->groups = groups;
}

void container_instance_take(struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
    struct container_instance_edit *edit;
    struct container_instance_record *after;

    must(instance != NULL);
    edit = container_instance_edit_begin(tx, instance);
    after = &edit->record;
    SET(after, cpu_left, after->cpu_left - task->cpu_units);
    SET(after, memory_left, after->memory_left - task->memory_mib);
    SET(after, enis_left, after->enis_left - task->enis);
    after->gpus_left = texts_without(tx->arena, &after->gpus_left, &task->gpu_ids);
    after->tcp_ports = ports_with(tx->arena, &after->tcp_ports, &task->tcp_ports);
    after->udp_ports = ports_with(tx->arena, &after->udp_ports, &task->udp_ports);
    count_group(tx->arena, after, task->task->group, 1);
    must(container_instance_edit_put(tx, edit));
}

void container_instance_release(struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
    struct container_instance_edit *edit;
    struct container_instance_record *after;

    if (instance == NULL)
        return;
    edit = container_instance_edit_begin(tx, instance);
    after = &edit->record;
    SET(after, cpu_left, after->cpu_left + task->cpu_units);
    SET(after, memory_left, after->memory_left + task->memory_mib);
    SET(after, enis_left, after->enis_left + task->enis);
    after->gpus_left = texts_with(tx->arena, &after->gpus_left, &task->gpu_ids);
    after->tcp_ports = ports_without(tx->arena, &after->tcp_ports, &task->tcp_ports);
    after->udp_ports = ports_without(tx->arena, &after->udp_ports, &task->udp_ports);
    count_group(tx->arena, after, task->task->group, -1);
    must(container_instance_edit_put(tx, edit));
}
