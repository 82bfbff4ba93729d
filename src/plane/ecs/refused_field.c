/* The tables of fields that must not be set, for task, containers and volumes alike. */
#include "plane/ecs/field.h"
#include "plane/ecs/task_definition_rules.h"

bool refused_fields_exist(const struct refused_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        if (!field_exists(fields->shape, fields->rows[i].field))
            return false;
    return true;
}

static bool counts(enum refused_when when, const struct definition_case *on)
{
    switch (when) {
    case REFUSED_ALWAYS:
        return true;
    case REFUSED_FARGATE:
        return is_fargate(on);
    case REFUSED_AWSVPC:
        return on->in->network_mode == ECS_NETWORK_MODE_AWSVPC;
    }
    return false;
}

bool refused_fields_check(const struct definition_case *on, const struct refused_fields *fields, const void *value,
                          struct str name, struct fail *f)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct refused_field *row = &fields->rows[i];
        struct str text = str_of(row->text);
        size_t at = str_search(text, STR("{}"));

        if (!counts(row->when, on) || !field_is_set(fields->shape, value, row->field))
            continue;
        if (at == text.len)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "%s", row->text);
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "%.*s%.*s%s", (int)at, row->text, STR_ARG(name),
                        row->text + at + 2);
    }
    return true;
}
