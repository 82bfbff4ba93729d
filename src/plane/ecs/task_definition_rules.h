/* The rules of task_definition_check.h by what they are about, each in a file of its own, and what a rule sees. A rule
 * fails with ClientException. */
#pragma once

#include "base/fail.h"
#include "model/gen/ecs.h"
#include "model/interpret.h"

struct definition_case {
    const struct ecs_register_task_definition_request *in;
    enum ecs_compatibility by;     /* whose rules: EC2, FARGATE or EXTERNAL */
    int32_t cpu_units, memory_mib; /* of the task; 0: not given */
};

typedef bool definition_rule(const struct definition_case *on, struct fail *f);
typedef bool container_rule(const struct definition_case *on, const struct ecs_container_definition *container,
                            struct fail *f);

/* container_definition_check.c: one container by itself, and that containers differ. */
definition_rule containers_check;
/* port_mapping_check.c */
definition_rule port_mappings_check;
/* container_dependency_check.c: dependsOn, volumesFrom and links. */
definition_rule container_dependencies_check;
/* volume_check.c: volumes and the mount points that name them. */
definition_rule volumes_check;
/* log_configuration_check.c */
container_rule log_configuration_check;
/* linux_parameters_check.c: capabilities, tmpfs, ulimits, kernel parameters. */
container_rule linux_parameters_check;

static inline bool is_fargate(const struct definition_case *on)
{
    return on->by == ECS_COMPATIBILITY_FARGATE;
}

/* The container of that name, or NULL; *ret_index may be NULL. */
const struct ecs_container_definition *container_named(const struct definition_case *on, struct str name,
                                                       size_t *ret_index);
bool container_is_essential(const struct ecs_container_definition *container);

/* When a row of a table of refused fields counts. */
enum refused_when { REFUSED_ALWAYS, REFUSED_FARGATE, REFUSED_AWSVPC };

/* A field that must not be set. `text`: "{}" stands for the name of the container or volume that sets it. */
struct refused_field {
    const char *field;
    enum refused_when when;
    const char *text;
};

struct refused_fields {
    const struct shape *shape; /* of what sets them */
    const struct refused_field *rows;
    size_t count;
};
#define REFUSED_FIELDS(shape, rows)                                                                                    \
    {                                                                                                                  \
        (shape), (rows), COUNT_OF(rows)                                                                                \
    }

/* Fails with the first row whose field `value`, called `name`, sets. */
checked bool refused_fields_check(const struct definition_case *on, const struct refused_fields *fields,
                                  const void *value, struct str name, struct fail *f);
bool refused_fields_exist(const struct refused_fields *fields);

/* For the test that walks the tables: every field of theirs is in the model. */
bool task_definition_fields_exist(void);
bool container_definition_fields_exist(void);
bool volume_fields_exist(void);
