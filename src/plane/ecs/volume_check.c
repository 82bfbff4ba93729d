/* Rules of volumes and of the mount points that name them. */
#include "plane/ecs/name.h"
#include "plane/ecs/task_definition_rules.h"

static const struct refused_field refused[] = {
    {"efsVolumeConfiguration", REFUSED_ALWAYS,
     "Invalid setting for volume '{}'. 'efsVolumeConfiguration' is not supported: Berth has no EFS yet."},
    {"fsxWindowsFileServerVolumeConfiguration", REFUSED_ALWAYS,
     "Invalid setting for volume '{}'. 'fsxWindowsFileServerVolumeConfiguration' is not supported: Berth has no FSx."},
    {"s3filesVolumeConfiguration", REFUSED_ALWAYS,
     "Invalid setting for volume '{}'. 's3filesVolumeConfiguration' is not supported: Berth has no S3."},
    {"configuredAtLaunch", REFUSED_ALWAYS,
     "Invalid setting for volume '{}'. 'configuredAtLaunch' is not supported: Berth has no EBS volumes yet."},
    {"dockerVolumeConfiguration", REFUSED_FARGATE,
     "Fargate compatible task definitions do not support dockerVolumeConfiguration"},
    {"host.sourcePath", REFUSED_FARGATE, "Fargate compatible task definitions do not support sourcePath"},
};

static const struct refused_fields refused_fields = REFUSED_FIELDS(&ecs_volume_shape, refused);

bool volume_fields_exist(void)
{
    return refused_fields_exist(&refused_fields);
}

static const struct ecs_volume *volume_named(const struct definition_case *on, struct str name)
{
    for (size_t i = 0; i < on->in->volumes.count; i++)
        if (str_eq(on->in->volumes.items[i].name, name))
            return &on->in->volumes.items[i];
    return NULL;
}

static bool check_volume(const struct definition_case *on, const struct ecs_volume *volume, struct fail *f)
{
    if (volume->name.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Volume.name should not be null or empty.");
    if (!name_is_valid(volume->name))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Volume.name contains invalid characters.");
    if (volume_named(on, volume->name) != volume)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Volume names must be unique within a Task Definition.");
    if (!refused_fields_check(on, &refused_fields, volume, volume->name, f))
        return false;
    if (volume->host != NULL && volume->host->source_path.ptr != NULL && volume->host->source_path.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "host.sourcePath should not be blank.");
    return true;
}

static bool check_mount_points(const struct definition_case *on, const struct ecs_container_definition *container,
                               struct fail *f)
{
    const struct ecs_mount_point_list *points = &container->mount_points;

    for (size_t i = 0; i < points->count; i++) {
        struct str path = points->items[i].container_path;

        if (volume_named(on, points->items[i].source_volume) == NULL)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Unknown volume '%.*s'.",
                            STR_ARG(points->items[i].source_volume));
        if (path.len == 0 || path.ptr[0] != '/')
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'mountPoints.containerPath' must be an absolute "
                            "path, but was '%.*s'.",
                            STR_ARG(container->name), STR_ARG(path));
        for (size_t k = 0; k < i; k++)
            if (str_eq(points->items[k].container_path, path))
                return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                                "Invalid setting for container '%.*s'. Two mount points have the path '%.*s'.",
                                STR_ARG(container->name), STR_ARG(path));
    }
    return true;
}

bool volumes_check(const struct definition_case *on, struct fail *f)
{
    for (size_t i = 0; i < on->in->volumes.count; i++)
        if (!check_volume(on, &on->in->volumes.items[i], f))
            return false;
    for (size_t i = 0; i < on->in->container_definitions.count; i++)
        if (!check_mount_points(on, &on->in->container_definitions.items[i], f))
            return false;
    return true;
}
