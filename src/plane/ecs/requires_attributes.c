/* The attributes that a container instance must have to run a task definition, as ECS derives them from what the
 * definition uses; their names are those that the ECS agent registers. */
#include "model/interpret.h"
#include "plane/ecs/field.h"
#include "plane/ecs/task_definition_new.h"

#define DOCKER "com.amazonaws.ecs.capability.docker-remote-api."

struct attribute_row {
    const char *field;
    const char *attribute;
};

static const struct attribute_row of_definition[] = {
    {"taskRoleArn", "com.amazonaws.ecs.capability.task-iam-role"},
    {"taskRoleArn", DOCKER "1.17"},
    {"pidMode", "ecs.capability.pid-ipc-namespace-sharing"},
    {"ipcMode", "ecs.capability.pid-ipc-namespace-sharing"},
};

static const struct attribute_row of_container[] = {
    {"logConfiguration", DOCKER "1.19"},
    {"memoryReservation", DOCKER "1.21"},
    {"linuxParameters.devices", DOCKER "1.22"},
    {"linuxParameters.sharedMemorySize", DOCKER "1.22"},
    {"linuxParameters.tmpfs", DOCKER "1.22"},
    {"linuxParameters.capabilities", DOCKER "1.22"},
    {"healthCheck", "ecs.capability.container-health-check"},
    {"healthCheck", DOCKER "1.24"},
    {"linuxParameters.initProcessEnabled", DOCKER "1.25"},
    {"privileged", "com.amazonaws.ecs.capability.privileged-container"},
    {"dependsOn", "ecs.capability.container-ordering"},
    {"startTimeout", "ecs.capability.container-ordering"},
    {"stopTimeout", "ecs.capability.container-ordering"},
    {"restartPolicy", "ecs.capability.container-restart-policy"},
    {"environmentFiles", "ecs.capability.env-files.s3"},
    {"repositoryCredentials", "ecs.capability.private-registry-authentication.secretsmanager"},
};

static const struct attribute_row of_port_mapping[] = {
    {"containerPortRange", "ecs.capability.network.container-port-range"},
};

static const struct attribute_row of_volume[] = {
    {"dockerVolumeConfiguration", "ecs.capability.docker-plugin.local"},
    {"dockerVolumeConfiguration", DOCKER "1.25"},
};

enum { PER_CONTAINER_MAX = COUNT_OF(of_container) + COUNT_OF(of_port_mapping) + 8 };

static bool rows_exist(const struct shape *shape, const struct attribute_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!field_exists(shape, rows[i].field))
            return false;
    return true;
}

bool requires_attributes_fields_exist(void)
{
    return rows_exist(&ecs_register_task_definition_request_shape, of_definition, COUNT_OF(of_definition)) &&
           rows_exist(&ecs_container_definition_shape, of_container, COUNT_OF(of_container)) &&
           rows_exist(&ecs_port_mapping_shape, of_port_mapping, COUNT_OF(of_port_mapping)) &&
           rows_exist(&ecs_volume_shape, of_volume, COUNT_OF(of_volume));
}

static void add(struct ecs_requires_attributes *to, struct str name)
{
    for (size_t i = 0; i < to->count; i++)
        if (str_eq(to->items[i].name, name))
            return;
    to->items[to->count++] = (struct ecs_attribute){.name = name};
}

static void add_rows(struct ecs_requires_attributes *to, const struct attribute_row *rows, size_t count,
                     const struct shape *shape, const void *value)
{
    for (size_t i = 0; i < count; i++)
        if (field_is_set(shape, value, rows[i].field))
            add(to, str_of(rows[i].attribute));
}

static void add_secrets(struct ecs_requires_attributes *to, const struct ecs_secret_list *secrets, const char *asm_name,
                        const char *ssm_name)
{
    for (size_t i = 0; i < secrets->count; i++) {
        struct str from = secrets->items[i].value_from;

        add(to, str_of(str_search(from, STR(":secretsmanager:")) < from.len ? asm_name : ssm_name));
    }
}

static void add_container(struct ecs_requires_attributes *to, const struct ecs_container_definition *container,
                          bool has_execution_role, struct arena *arena)
{
    const struct ecs_log_configuration *log = container->log_configuration;

    add_rows(to, of_container, COUNT_OF(of_container), &ecs_container_definition_shape, container);
    for (size_t i = 0; i < container->port_mappings.count; i++)
        add_rows(to, of_port_mapping, COUNT_OF(of_port_mapping), &ecs_port_mapping_shape,
                 &container->port_mappings.items[i]);
    add_secrets(to, &container->secrets, "ecs.capability.secrets.asm.environment-variables",
                "ecs.capability.secrets.ssm.environment-variables");
    if (log != NULL)
        add_secrets(to, &log->secret_options, "ecs.capability.secrets.asm.bootstrap.log-driver",
                    "ecs.capability.secrets.ssm.bootstrap.log-driver");
    if (log != NULL && log->log_driver != ECS_LOG_DRIVER_NONE)
        add(to, arena_printf(arena, "com.amazonaws.ecs.capability.logging-driver.%s",
                             enum_name(&ecs_log_driver_shape, (int)log->log_driver)));
    if (has_execution_role && log != NULL && log->log_driver == ECS_LOG_DRIVER_AWSLOGS)
        add(to, STR("ecs.capability.execution-role-awslogs"));
    if (str_search(container->image, STR(".dkr.ecr.")) == container->image.len)
        return;
    add(to, STR("com.amazonaws.ecs.capability.ecr-auth"));
    if (has_execution_role)
        add(to, STR("ecs.capability.execution-role-ecr-pull"));
}

struct ecs_requires_attributes requires_attributes(const struct ecs_register_task_definition_request *in,
                                                   struct arena *arena)
{
    size_t max = COUNT_OF(of_definition) + in->container_definitions.count * PER_CONTAINER_MAX +
                 in->volumes.count * COUNT_OF(of_volume) + 2;
    struct ecs_requires_attributes list = {arena_array(arena, struct ecs_attribute, max), 0};

    for (size_t i = 0; i < in->container_definitions.count; i++)
        add_container(&list, &in->container_definitions.items[i], in->execution_role_arn.ptr != NULL, arena);
    add_rows(&list, of_definition, COUNT_OF(of_definition), &ecs_register_task_definition_request_shape, in);
    for (size_t i = 0; i < in->volumes.count; i++)
        add_rows(&list, of_volume, COUNT_OF(of_volume), &ecs_volume_shape, &in->volumes.items[i]);
    if (in->network_mode == ECS_NETWORK_MODE_HOST && in->task_role_arn.ptr != NULL)
        add(&list, STR("com.amazonaws.ecs.capability.task-iam-role-network-host"));
    if (in->network_mode == ECS_NETWORK_MODE_AWSVPC) {
        add(&list, STR(DOCKER "1.18"));
        add(&list, STR("ecs.capability.task-eni"));
    }
    return list;
}
