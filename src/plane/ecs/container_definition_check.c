/* Rules of one container definition that need no other, and that containers of a task are told apart and fit in it. */
#include "plane/ecs/field.h"
#include "plane/ecs/name.h"
#include "plane/ecs/task_definition_rules.h"

enum { STOP_TIMEOUT_FARGATE_MAX = 120, TIMEOUT_MIN = 2, ENVIRONMENT_FILES_MAX = 10, GPUS_MAX = 1000 };

#define SHAPE (&ecs_container_definition_shape)

static const struct refused_field refused[] = {
    /* What has no back end yet. */
    {"firelensConfiguration", REFUSED_ALWAYS,
     "Invalid setting for container '{}'. 'firelensConfiguration' is not supported: Berth has no FireLens yet."},
    {"credentialSpecs", REFUSED_ALWAYS,
     "Invalid setting for container '{}'. 'credentialSpecs' is not supported: Berth joins no Active Directory."},
    /* What an interface of one's own rules out. */
    {"links", REFUSED_AWSVPC, "Links are not supported when networkMode=awsvpc"},
    {"hostname", REFUSED_AWSVPC, "hostname is not supported on container when networkMode=awsvpc"},
    {"dnsServers", REFUSED_AWSVPC, "DNS servers are not supported on container when networkMode=awsvpc"},
    {"dnsSearchDomains", REFUSED_AWSVPC, "DNS search domains are not supported on container when networkMode=awsvpc"},
    {"extraHosts", REFUSED_AWSVPC, "Extra hosts are not supported on container when networkMode=awsvpc"},
    {"disableNetworking", REFUSED_AWSVPC, "Disable Networking is not supported on container when networkMode=awsvpc"},
    /* What Fargate does not let near its machines. */
    {"privileged", REFUSED_FARGATE, "Fargate requires that the 'privileged' setting be 'false'"},
    {"dockerSecurityOptions", REFUSED_FARGATE,
     "Fargate compatible task definitions do not support dockerSecurityOptions"},
    {"resourceRequirements", REFUSED_FARGATE,
     "Tasks using the Fargate launch type do not support GPU resource requirements"},
    {"linuxParameters.devices", REFUSED_FARGATE, "Fargate compatible task definitions do not support devices"},
    {"linuxParameters.maxSwap", REFUSED_FARGATE, "Fargate compatible task definitions do not support maxSwap"},
    {"linuxParameters.swappiness", REFUSED_FARGATE, "Fargate compatible task definitions do not support swappiness"},
};

static const struct refused_fields refused_fields = REFUSED_FIELDS(SHAPE, refused);

/* Developer guide, "Container definition parameters"; where AWS's own words are not known, ours name the field. */
static const struct {
    const char *field;
    int64_t min, max;
} ranges[] = {
    {"cpu", 0, INT64_C(192) * 1024},
    {"memory", 4, INT32_MAX},
    {"memoryReservation", 4, INT32_MAX},
    {"restartPolicy.restartAttemptPeriod", 60, 1800},
    {"healthCheck.interval", 5, 300},
    {"healthCheck.timeout", 2, 60},
    {"healthCheck.retries", 1, 10},
    {"healthCheck.startPeriod", 0, 300},
    {"linuxParameters.sharedMemorySize", 1, INT32_MAX},
    {"linuxParameters.maxSwap", 0, INT32_MAX},
    {"linuxParameters.swappiness", 0, 100},
};

bool container_definition_fields_exist(void)
{
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (!field_exists(SHAPE, ranges[i].field))
            return false;
    return refused_fields_exist(&refused_fields);
}

const struct ecs_container_definition *container_named(const struct definition_case *on, struct str name,
                                                       size_t *ret_index)
{
    const struct ecs_container_definitions *all = &on->in->container_definitions;

    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].name, name)) {
            if (ret_index != NULL)
                *ret_index = i;
            return &all->items[i];
        }
    return NULL;
}

bool container_is_essential(const struct ecs_container_definition *container)
{
    return !container->has_essential || container->essential;
}

/* ---- rules ---- */

static bool name(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    if (container->name.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container.name should not be null or empty.");
    if (container->name.len > 255)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container.name should not be longer than 255 characters.");
    if (!name_is_valid(container->name))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container.name contains invalid characters.");
    if (container_named(on, container->name, NULL) != container)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container names must be unique within a Task Definition.");
    return true;
}

static bool image_has_valid_characters(struct str image)
{
    for (size_t i = 0; i < image.len; i++) {
        char c = image.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr("-_.:/@", c, 6) != NULL))
            return false;
    }
    return true;
}

/* "111122223333.dkr.ecr.eu-west-1.amazonaws.com/app" */
static bool is_ecr_image(struct str image)
{
    struct str host = str_to(image, str_find(image, '/'));

    return str_search(host, STR(".dkr.ecr.")) != host.len && str_search(host, STR(".amazonaws.com")) != host.len;
}

static bool image(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    if (container->image.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container.image should not be null or empty.");
    if (container->image.len > 255 || !image_has_valid_characters(container->image))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container.image contains invalid characters.");
    if (is_fargate(on) && on->in->execution_role_arn.ptr == NULL && is_ecr_image(container->image))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Fargate requires task definition to have execution role ARN to support ECR images.");
    return true;
}

static bool repository_credentials(const struct definition_case *on, const struct ecs_container_definition *container,
                                   struct fail *f)
{
    const struct ecs_repository_credentials *credentials = container->repository_credentials;

    if (credentials == NULL)
        return true;
    if (credentials->credentials_parameter.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'repositoryCredentials.credentialsParameter' must be "
                        "the ARN or the name of a secret.",
                        STR_ARG(container->name));
    if (on->in->execution_role_arn.ptr == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Private repository authentication requires that the task definition specify a value for "
                        "executionRoleArn.");
    return true;
}

static bool supported(const struct definition_case *on, const struct ecs_container_definition *container,
                      struct fail *f)
{
    return refused_fields_check(on, &refused_fields, container, container->name, f);
}

static bool in_range(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    (void)on;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        int64_t number;

        if (!field_integer(SHAPE, container, ranges[i].field, &number) ||
            (number >= ranges[i].min && number <= ranges[i].max))
            continue;
        if (ranges[i].max == INT32_MAX)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. '%s' must be at least %lld.",
                            STR_ARG(container->name), ranges[i].field, (long long)ranges[i].min);
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. '%s' must be between %lld and %lld.",
                        STR_ARG(container->name), ranges[i].field, (long long)ranges[i].min, (long long)ranges[i].max);
    }
    return true;
}

static bool memory(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    if (on->memory_mib == 0 && !container->has_memory && !container->has_memory_reservation)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. At least one of 'memory' or 'memoryReservation' must be "
                        "specified.",
                        STR_ARG(container->name));
    if (container->has_memory && container->has_memory_reservation && container->memory < container->memory_reservation)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'memory' must be greater than or equal to "
                        "'memoryReservation'.",
                        STR_ARG(container->name));
    if (on->memory_mib != 0 && container->has_memory && container->memory > on->memory_mib)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "The 'memory' setting for container '%.*s' is greater than for the task.",
                        STR_ARG(container->name));
    return true;
}

static bool timeouts(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    if (container->has_start_timeout && container->start_timeout < TIMEOUT_MIN)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Granular start timeout on container '%.*s' must be at least %d seconds.",
                        STR_ARG(container->name), TIMEOUT_MIN);
    if (container->has_stop_timeout && container->stop_timeout < TIMEOUT_MIN)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Granular stop timeout on container '%.*s' must be at least %d seconds.",
                        STR_ARG(container->name), TIMEOUT_MIN);
    if (is_fargate(on) && container->has_stop_timeout && container->stop_timeout > STOP_TIMEOUT_FARGATE_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Tasks using the Fargate launch type must have a container stop timeout of less than %d "
                        "seconds.",
                        STOP_TIMEOUT_FARGATE_MAX);
    return true;
}

static bool environment(const struct definition_case *on, const struct ecs_container_definition *container,
                        struct fail *f)
{
    (void)on;
    for (size_t i = 0; i < container->environment.count; i++) {
        struct str variable = container->environment.items[i].name;

        if (variable.len == 0 || str_find(variable, '=') != variable.len)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'environment' has a variable without a valid name.",
                            STR_ARG(container->name));
    }
    return true;
}

/* "arn:aws:s3:::bucket/key.env" */
static bool is_environment_file(struct str arn)
{
    struct str rest = arn;
    struct str bucket;

    for (size_t i = 0; i < 5; i++) {
        struct str part = str_cut(rest, ':', &rest);

        if (rest.ptr == NULL || (i == 0 && !str_is(part, "arn")) || (i == 2 && !str_is(part, "s3")) ||
            (i > 2 && part.len > 0))
            return false;
    }
    bucket = str_cut(rest, '/', &rest);
    return bucket.len >= 3 && bucket.len <= 63 && rest.ptr != NULL && rest.len > strlen(".env") &&
           str_ends(rest, STR(".env"));
}

/* Developer guide, "Pass environment variables to an Amazon ECS container". */
static bool environment_files(const struct definition_case *on, const struct ecs_container_definition *container,
                              struct fail *f)
{
    const struct ecs_environment_files *files = &container->environment_files;

    if (files->count > ENVIRONMENT_FILES_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'environmentFiles' must have at most %d files.",
                        STR_ARG(container->name), ENVIRONMENT_FILES_MAX);
    if (files->count > 0 && on->in->execution_role_arn.ptr == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "When you are specifying environment files, you must also specify a value for "
                        "'executionRoleArn'.");
    for (size_t i = 0; i < files->count; i++) {
        if (files->items[i].type != ECS_ENVIRONMENT_FILE_TYPE_S3)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'environmentFiles.type' must be 's3'.",
                            STR_ARG(container->name));
        if (!is_environment_file(files->items[i].value))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'environmentFiles.value' must be the ARN of an S3 "
                            "object whose key ends in .env: '%.*s'.",
                            STR_ARG(container->name), STR_ARG(files->items[i].value));
    }
    return true;
}

/* How often the container sets that variable. */
static size_t settings_of(const struct ecs_container_definition *container, struct str variable)
{
    size_t count = 0;

    for (size_t i = 0; i < container->environment.count; i++)
        count += str_eq(container->environment.items[i].name, variable);
    for (size_t i = 0; i < container->secrets.count; i++)
        count += str_eq(container->secrets.items[i].name, variable);
    return count;
}

static bool secrets(const struct definition_case *on, const struct ecs_container_definition *container, struct fail *f)
{
    if (container->secrets.count > 0 && on->in->execution_role_arn.ptr == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "When you are specifying container secrets, you must also specify a value for "
                        "'executionRoleArn'.");
    for (size_t i = 0; i < container->secrets.count; i++) {
        struct str variable = container->secrets.items[i].name;

        if (variable.len == 0 || str_find(variable, '=') != variable.len)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'secrets' has a variable without a valid name.",
                            STR_ARG(container->name));
        if (settings_of(container, variable) > 1)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "The secret name must be unique and not shared with any new or existing environment "
                            "variables set on the container, such as '%.*s'.",
                            STR_ARG(variable));
    }
    return true;
}

static bool health_check(const struct definition_case *on, const struct ecs_container_definition *container,
                         struct fail *f)
{
    const struct ecs_health_check *check = container->health_check;
    const struct ecs_string_list *command;

    (void)on;
    if (check == NULL)
        return true;
    command = &check->command;
    if (command->count < 2 || !(str_is(command->items[0], "CMD") || str_is(command->items[0], "CMD-SHELL")))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'healthCheck.command' must start with CMD or CMD-SHELL, "
                        "followed by the command.",
                        STR_ARG(container->name));
    return true;
}

static bool restart_policy(const struct definition_case *on, const struct ecs_container_definition *container,
                           struct fail *f)
{
    (void)on;
    if (container->restart_policy != NULL && container->restart_policy->ignored_exit_codes.count > 50)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'restartPolicy.ignoredExitCodes' must have at most 50 "
                        "exit codes.",
                        STR_ARG(container->name));
    return true;
}

static bool resource_requirements(const struct definition_case *on, const struct ecs_container_definition *container,
                                  struct fail *f)
{
    (void)on;
    for (size_t i = 0; i < container->resource_requirements.count; i++) {
        const struct ecs_resource_requirement *wanted = &container->resource_requirements.items[i];
        int64_t count;

        if (wanted->type != ECS_RESOURCE_TYPE_GPU)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'resourceRequirements' of type InferenceAccelerator "
                            "are not supported.",
                            STR_ARG(container->name));
        if (!str_to_int64(wanted->value, &count) || count < 1 || count > GPUS_MAX)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'resourceRequirements' of type GPU must have a "
                            "number from 1 to %d as their value, not '%.*s'.",
                            STR_ARG(container->name), GPUS_MAX, STR_ARG(wanted->value));
    }
    return true;
}

static container_rule *const rules[] = {
    name,
    image,
    repository_credentials,
    supported,
    in_range,
    memory,
    timeouts,
    environment,
    environment_files,
    secrets,
    health_check,
    restart_policy,
    resource_requirements,
    log_configuration_check,
    linux_parameters_check,
};

/* Together they must fit in the task. */
static bool sums(const struct definition_case *on, struct fail *f)
{
    int64_t cpu = 0;
    int64_t reserved = 0;

    for (size_t i = 0; i < on->in->container_definitions.count; i++) {
        const struct ecs_container_definition *container = &on->in->container_definitions.items[i];

        cpu += container->cpu;
        reserved += container->has_memory_reservation ? container->memory_reservation : container->memory;
    }
    if (on->cpu_units != 0 && cpu > on->cpu_units)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.");
    if (on->memory_mib != 0 && reserved > on->memory_mib)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "The sum of all container 'memory' values cannot be greater than the value of the task "
                        "'memory'.");
    return true;
}

bool containers_check(const struct definition_case *on, struct fail *f)
{
    for (size_t i = 0; i < on->in->container_definitions.count; i++)
        for (size_t k = 0; k < COUNT_OF(rules); k++)
            if (!rules[k](on, &on->in->container_definitions.items[i], f))
                return false;
    return sums(on, f);
}
