#include "plane/ecs/log_mode.h"

static bool takes_mode(const struct ecs_log_configuration *log)
{
    return log != NULL && (log->log_driver == ECS_LOG_DRIVER_AWSLOGS || log->log_driver == ECS_LOG_DRIVER_SPLUNK);
}

static bool has_mode(const struct ecs_log_configuration *log)
{
    for (size_t i = 0; i < log->options.count; i++)
        if (str_is(log->options.items[i].key, "mode"))
            return true;
    return false;
}

static struct ecs_log_configuration *with_mode(const struct ecs_log_configuration *from, struct arena *arena)
{
    struct ecs_log_configuration *to = arena_new(arena, struct ecs_log_configuration);

    *to = *from;
    to->options.items = arena_alloc(arena, (from->options.count + 1) * sizeof(*to->options.items));
    for (size_t i = 0; i < from->options.count; i++)
        to->options.items[i] = from->options.items[i];
    to->options.items[to->options.count].key = STR("mode");
    to->options.items[to->options.count].value = STR("non-blocking");
    to->options.count++;
    return to;
}

struct ecs_task_definition *log_mode_non_blocking(const struct ecs_task_definition *definition, struct arena *arena)
{
    struct ecs_task_definition *to = arena_new(arena, struct ecs_task_definition);
    const struct ecs_container_definitions *from = &definition->container_definitions;

    *to = *definition;
    to->container_definitions.items = arena_array(arena, struct ecs_container_definition, from->count);
    for (size_t i = 0; i < from->count; i++) {
        const struct ecs_log_configuration *log = from->items[i].log_configuration;

        to->container_definitions.items[i] = from->items[i];
        if (takes_mode(log) && !has_mode(log))
            to->container_definitions.items[i].log_configuration = with_mode(log, arena);
    }
    return to;
}
