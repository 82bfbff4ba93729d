/* Owns the checking of a container_spec by itself. */
#include "node/runtime/container_spec.h"

#include "base/str.h"

#include <ctype.h>
#include <limits.h>

bool container_id_valid(const char *id)
{
    size_t len = id == NULL ? 0 : strlen(id);

    if (len == 0 || len >= CONTAINER_ID_BYTES || !isalnum((unsigned char)id[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && strchr("_.-", id[i]) == NULL)
            return false;
    return true;
}

static bool absolute(const char *path)
{
    return path != NULL && path[0] == '/' && strlen(path) < PATH_MAX;
}

/* Paths that go into the overlay's options, where commas and colons separate. */
static bool overlay_path(const char *path)
{
    return absolute(path) && strpbrk(path, ",:\\") == NULL;
}

static bool check_root(const struct container_spec *spec, struct fail *f)
{
    if (spec->lower_dirs == NULL || spec->lower_dirs[0] != '/' || strlen(spec->lower_dirs) >= CONTAINER_LOWER_BYTES ||
        strchr(spec->lower_dirs, ',') != NULL)
        return fail(f, FAIL_INPUT, "lower_dirs is not a list of absolute paths of at most %d bytes",
                    CONTAINER_LOWER_BYTES - 1);
    if (!overlay_path(spec->upper_dir) || !overlay_path(spec->work_dir))
        return fail(f, FAIL_INPUT, "upper_dir and work_dir must be absolute paths without comma and colon");
    if (spec->id_map.count != 0 && (spec->id_map.host_first == 0 || spec->id_map.count > UINT32_MAX / 2))
        return fail(f, FAIL_INPUT, "the user namespace must not contain the host's root");
    return true;
}

static bool check_program(const struct container_spec *spec, struct fail *f)
{
    if (spec->argc == 0 || spec->argc > CONTAINER_ARGS_MAX)
        return fail(f, FAIL_INPUT, "no command specified");
    if (spec->directory != NULL && !absolute(spec->directory))
        return fail(f, FAIL_INPUT, "the working directory '%s' is invalid, it needs to be an absolute path",
                    spec->directory);
    for (size_t i = 0; i < spec->env_count; i++)
        if (strchr(spec->env[i], '=') == NULL || spec->env[i][0] == '=')
            return fail(f, FAIL_INPUT, "invalid environment variable: %.200s", spec->env[i]);
    if (spec->hostname != NULL && (strlen(spec->hostname) > 64 || strchr(spec->hostname, '/') != NULL))
        return fail(f, FAIL_INPUT, "the hostname '%.100s' is invalid", spec->hostname);
    return true;
}

static bool check_mounts(const struct container_spec *spec, struct fail *f)
{
    if (spec->mount_count > CONTAINER_MOUNTS_MAX)
        return fail(f, FAIL_LIMIT, "%zu mounts, at most %d are possible", spec->mount_count, CONTAINER_MOUNTS_MAX);
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct container_mount *mount = &spec->mounts[i];

        if (!absolute(mount->target) || strcmp(mount->target, "/") == 0)
            return fail(f, FAIL_INPUT, "invalid mount target, must be an absolute path in the container: '%s'",
                        mount->target == NULL ? "" : mount->target);
        if (mount->kind == CONTAINER_MOUNT_BIND && !absolute(mount->source))
            return fail(f, FAIL_INPUT, "invalid mount source, must be an absolute path: '%s'",
                        mount->source == NULL ? "" : mount->source);
    }
    return true;
}

bool container_spec_check(const struct container_spec *spec, struct fail *f)
{
    if (!container_id_valid(spec->id) || !container_id_valid(spec->task_id))
        return fail(f, FAIL_INPUT, "invalid container or task id");
    if (spec->network_namespace == NULL)
        return fail(f, FAIL_INPUT, "a container needs a network namespace");
    if (!absolute(spec->log_path) || strchr(spec->log_path, ':') != NULL)
        return fail(f, FAIL_INPUT, "a container needs an absolute log path without a colon");
    return check_root(spec, f) && check_program(spec, f) && check_mounts(spec, f);
}
