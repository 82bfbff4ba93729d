/* Rules of what containers want of each other: dependsOn, volumesFrom, links. Together they must leave an order to
 * start the containers in. */
#include "plane/ecs/task_definition_rules.h"

static bool check_condition(const struct definition_case *on, const struct ecs_container_dependency *dependency,
                            struct fail *f)
{
    const struct ecs_container_definition *target = container_named(on, dependency->container_name, NULL);

    if (target == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Cannot depend on container + '%.*s' because it does not exist",
                        STR_ARG(dependency->container_name));
    switch (dependency->condition) {
    case ECS_CONTAINER_CONDITION_SUCCESS:
    case ECS_CONTAINER_CONDITION_COMPLETE:
        if (container_is_essential(target))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential "
                            "container");
        break;
    case ECS_CONTAINER_CONDITION_HEALTHY:
        if (target->health_check == NULL)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "A dependency container with HEALTHY condition must have health check configured");
        break;
    case ECS_CONTAINER_CONDITION_START:
    case ECS_CONTAINER_CONDITION_NONE:
        break;
    }
    return true;
}

/* "name" or "name:alias" */
static struct str link_target(struct str link)
{
    return str_to(link, str_find(link, ':'));
}

static bool check_names(const struct definition_case *on, const struct ecs_container_definition *container,
                        struct fail *f)
{
    for (size_t i = 0; i < container->depends_on.count; i++)
        if (!check_condition(on, &container->depends_on.items[i], f))
            return false;
    for (size_t i = 0; i < container->volumes_from.count; i++) {
        struct str source = container->volumes_from.items[i].source_container;

        if (container_named(on, source, NULL) == NULL)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'volumesFrom' setting. Unknown container: '%.*s'.",
                            STR_ARG(source));
    }
    for (size_t i = 0; i < container->links.count; i++)
        if (container_named(on, link_target(container->links.items[i]), NULL) == NULL)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'links' setting. Unknown container: '%.*s'.",
                            STR_ARG(link_target(container->links.items[i])));
    return true;
}

/* ---- an order to start in ---- */

/* Whether everything that the container waits for is among the started ones (a bit a container). */
static bool can_start(const struct definition_case *on, const struct ecs_container_definition *container,
                      uint32_t started)
{
    size_t index = 0;

    for (size_t i = 0; i < container->depends_on.count; i++)
        if (container_named(on, container->depends_on.items[i].container_name, &index) != NULL &&
            (started & 1u << index) == 0)
            return false;
    for (size_t i = 0; i < container->volumes_from.count; i++)
        if (container_named(on, container->volumes_from.items[i].source_container, &index) != NULL &&
            (started & 1u << index) == 0)
            return false;
    for (size_t i = 0; i < container->links.count; i++)
        if (container_named(on, link_target(container->links.items[i]), &index) != NULL && (started & 1u << index) == 0)
            return false;
    return true;
}

static bool check_order(const struct definition_case *on, struct fail *f)
{
    const struct ecs_container_definitions *all = &on->in->container_definitions;
    uint32_t started = 0;
    size_t stuck = 0;

    for (size_t round = 0; round < all->count; round++) {
        stuck = all->count;
        for (size_t i = 0; i < all->count; i++) {
            if ((started & 1u << i) != 0)
                continue;
            if (can_start(on, &all->items[i], started))
                started |= 1u << i;
            else if (stuck == all->count)
                stuck = i;
        }
        if (stuck == all->count)
            return true;
    }
    return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                    "The dependencies of container '%.*s' form a cycle, so that no order is left to start in.",
                    STR_ARG(all->items[stuck].name));
}

bool container_dependencies_check(const struct definition_case *on, struct fail *f)
{
    for (size_t i = 0; i < on->in->container_definitions.count; i++)
        if (!check_names(on, &on->in->container_definitions.items[i], f))
            return false;
    return check_order(on, f);
}
