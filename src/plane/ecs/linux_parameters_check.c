/* Rules of what a container asks of the kernel: capabilities, tmpfs, ulimits, kernel parameters. */
#include "plane/ecs/task_definition_rules.h"

/* API reference, "KernelCapabilities". */
static const char *const capabilities[] = {
    "ALL",        "AUDIT_CONTROL",   "AUDIT_WRITE",      "BLOCK_SUSPEND",
    "CHOWN",      "DAC_OVERRIDE",    "DAC_READ_SEARCH",  "FOWNER",
    "FSETID",     "IPC_LOCK",        "IPC_OWNER",        "KILL",
    "LEASE",      "LINUX_IMMUTABLE", "MAC_ADMIN",        "MAC_OVERRIDE",
    "MKNOD",      "NET_ADMIN",       "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_RAW",    "SETFCAP",         "SETGID",           "SETPCAP",
    "SETUID",     "SYS_ADMIN",       "SYS_BOOT",         "SYS_CHROOT",
    "SYS_MODULE", "SYS_NICE",        "SYS_PACCT",        "SYS_PTRACE",
    "SYS_RAWIO",  "SYS_RESOURCE",    "SYS_TIME",         "SYS_TTY_CONFIG",
    "SYSLOG",     "WAKE_ALARM",
};

/* API reference, "Tmpfs". */
static const char *const tmpfs_options[] = {
    "defaults",   "ro",     "rw",       "suid",       "nosuid",      "dev",           "nodev",    "exec",    "noexec",
    "sync",       "async",  "dirsync",  "remount",    "mand",        "nomand",        "atime",    "noatime", "diratime",
    "nodiratime", "bind",   "rbind",    "unbindable", "runbindable", "private",       "rprivate", "shared",  "rshared",
    "slave",      "rslave", "relatime", "norelatime", "strictatime", "nostrictatime",
};
static const char *const tmpfs_settings[] = {"mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks=", "mpol="};

/* API reference, "SystemControl": what has a namespace of its own in a container. */
static const char *const system_controls[] = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

static bool is_one_of(struct str text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(text, names[i]))
            return true;
    return false;
}

static bool check_capabilities(const struct definition_case *on, const struct ecs_container_definition *container,
                               struct fail *f)
{
    const struct ecs_kernel_capabilities *asked = container->linux_parameters->capabilities;
    const struct ecs_string_list *lists[] = {&asked->add, &asked->drop};

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (size_t k = 0; k < lists[i]->count; k++)
            if (!is_one_of(lists[i]->items[k], capabilities, COUNT_OF(capabilities)))
                return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                                "Invalid setting for container '%.*s'. '%.*s' is not a Linux capability.",
                                STR_ARG(container->name), STR_ARG(lists[i]->items[k]));
    for (size_t i = 0; is_fargate(on) && i < asked->add.count; i++)
        if (!str_is(asked->add.items[i], "SYS_PTRACE"))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "%.*s is not allowed on Fargate.",
                            STR_ARG(asked->add.items[i]));
    return true;
}

static bool is_tmpfs_option(struct str option)
{
    for (size_t i = 0; i < COUNT_OF(tmpfs_settings); i++)
        if (str_starts(option, str_of(tmpfs_settings[i])) && str_find(option, ',') == option.len)
            return true;
    return is_one_of(option, tmpfs_options, COUNT_OF(tmpfs_options));
}

static bool check_tmpfs(const struct ecs_container_definition *container, const struct ecs_tmpfs *tmpfs, struct fail *f)
{
    if (tmpfs->container_path.len == 0 || tmpfs->container_path.ptr[0] != '/')
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'tmpfs.containerPath' must be an absolute path, but was "
                        "'%.*s'.",
                        STR_ARG(container->name), STR_ARG(tmpfs->container_path));
    if (tmpfs->size < 1)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'tmpfs.size' must be at least 1.",
                        STR_ARG(container->name));
    for (size_t i = 0; i < tmpfs->mount_options.count; i++)
        if (!is_tmpfs_option(tmpfs->mount_options.items[i]))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. '%.*s' is not a mount option of 'tmpfs'.",
                            STR_ARG(container->name), STR_ARG(tmpfs->mount_options.items[i]));
    return true;
}

static bool check_ulimits(const struct ecs_container_definition *container, struct fail *f)
{
    const struct ecs_ulimit_list *all = &container->ulimits;

    for (size_t i = 0; i < all->count; i++) {
        const struct ecs_ulimit *ulimit = &all->items[i];
        const char *name = enum_name(&ecs_ulimit_name_shape, (int)ulimit->name);

        /* -1: no limit */
        if (ulimit->soft_limit < -1 || ulimit->hard_limit < -1)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. The limits of ulimit %s must be at least -1.",
                            STR_ARG(container->name), name);
        if (ulimit->hard_limit != -1 && (ulimit->soft_limit == -1 || ulimit->soft_limit > ulimit->hard_limit))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Soft limit exceeds hard limit for ulimit %s", name);
        for (size_t k = 0; k < i; k++)
            if (all->items[k].name == ulimit->name)
                return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                                "Invalid setting for container '%.*s'. The ulimit %s is given twice.",
                                STR_ARG(container->name), name);
    }
    return true;
}

static bool check_system_controls(const struct definition_case *on, const struct ecs_container_definition *container,
                                  struct fail *f)
{
    for (size_t i = 0; i < container->system_controls.count; i++) {
        struct str name = container->system_controls.items[i].namespace;

        if (str_starts(name, STR("net.")) && on->in->network_mode == ECS_NETWORK_MODE_HOST)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'systemControls' cannot set '%.*s' when "
                            "networkMode=host.",
                            STR_ARG(container->name), STR_ARG(name));
        if (!str_starts(name, STR("net.")) && !str_starts(name, STR("fs.mqueue.")) &&
            !is_one_of(name, system_controls, COUNT_OF(system_controls)))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. 'systemControls' cannot set '%.*s'.",
                            STR_ARG(container->name), STR_ARG(name));
    }
    return true;
}

bool linux_parameters_check(const struct definition_case *on, const struct ecs_container_definition *container,
                            struct fail *f)
{
    const struct ecs_linux_parameters *parameters = container->linux_parameters;

    if (!check_ulimits(container, f) || !check_system_controls(on, container, f))
        return false;
    if (parameters == NULL)
        return true;
    for (size_t i = 0; i < parameters->tmpfs.count; i++)
        if (!check_tmpfs(container, &parameters->tmpfs.items[i], f))
            return false;
    return parameters->capabilities == NULL || check_capabilities(on, container, f);
}
