/* Owns Docker's defaults: environment, mounts, masked paths; and the turning of names (users, ulimits, devices) into
 * numbers. */
#include "node/runtime/container_plan.h"

#include "base/must.h"
#include "node/runtime/capabilities.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { SHM_BYTES_DEFAULT = 64 << 20 };

const char *const plan_masked_paths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    NULL,
};

const char *const plan_readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

/* %WRITE: "ro" unless privileged. %SHM: the size of /dev/shm. */
static const struct plan_mount default_mounts[] = {
    {"proc", "proc", "/proc", "nosuid,noexec,nodev"},
    {"tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k"},
    {"devpts", "devpts", "/dev/pts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"sysfs", "sysfs", "/sys", "nosuid,noexec,nodev,%WRITE"},
    {"cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,relatime,%WRITE"},
    {"mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev"},
    {"tmpfs", "shm", "/dev/shm", "nosuid,noexec,nodev,mode=1777,%SHM"},
};

/* Names as in the ulimits of a task definition (ECS developer guide, "Task definition parameters"). */
static const struct {
    const char *name;
    const char *oci_name;
    int resource;
} ulimit_names[] = {
    {"core", "RLIMIT_CORE", RLIMIT_CORE},
    {"cpu", "RLIMIT_CPU", RLIMIT_CPU},
    {"data", "RLIMIT_DATA", RLIMIT_DATA},
    {"fsize", "RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"locks", "RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"memlock", "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"msgqueue", "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"nice", "RLIMIT_NICE", RLIMIT_NICE},
    {"nofile", "RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"nproc", "RLIMIT_NPROC", RLIMIT_NPROC},
    {"rss", "RLIMIT_RSS", RLIMIT_RSS},
    {"rtprio", "RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"rttime", "RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"sigpending", "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"stack", "RLIMIT_STACK", RLIMIT_STACK},
};

/* Docker's: any node may be made (mknod), those that every container has may be used. */
static const struct plan_device_rule default_rules[] = {
    {'c', -1, -1, "m"}, {'b', -1, -1, "m"}, {'c', 1, 3, "rwm"},    {'c', 1, 5, "rwm"},
    {'c', 1, 7, "rwm"}, {'c', 1, 8, "rwm"}, {'c', 1, 9, "rwm"},    {'c', 5, 0, "rwm"},
    {'c', 5, 1, "rwm"}, {'c', 5, 2, "rwm"}, {'c', 136, -1, "rwm"},
};

/* As Docker's: programs that are not root may listen on low ports and send pings in a network of their own. In a user
 * namespace the range of groups cannot be written, so who made the network has set both. */
static const struct container_sysctl network_sysctls[] = {
    {"net.ipv4.ip_unprivileged_port_start", "0"},
    {"net.ipv4.ping_group_range", "0 2147483647"},
};

_Static_assert(COUNT_OF(ulimit_names) <= PLAN_RLIMITS_MAX, "one rlimit a name");

/* What would reach beyond an operating system that has no kernel of its own. */
#define MACHINE_CAPABILITIES                                                                                           \
    (UINT64_C(1) << CAP_SYS_MODULE | UINT64_C(1) << CAP_SYS_RAWIO | UINT64_C(1) << CAP_SYS_TIME |                      \
     UINT64_C(1) << CAP_MAC_ADMIN | UINT64_C(1) << CAP_MAC_OVERRIDE | UINT64_C(1) << CAP_SYSLOG)

static bool plan_argv(struct container_plan *plan, const struct plan_host *host, struct arena *arena, struct fail *f)
{
    const struct container_spec *spec = plan->spec;
    const char **argv = arena_array(arena, const char *, spec->argc + 3);
    size_t count = 0;

    if (spec->init && host->init == NULL)
        return fail(f, FAIL_NOT_FOUND, "an init process was asked for, but this host has neither catatonit nor tini");
    if (spec->init) {
        argv[count++] = PLAN_INIT_PATH;
        argv[count++] = "--";
    }
    for (size_t i = 0; i < spec->argc; i++)
        argv[count++] = spec->argv[i];
    plan->argv = argv;
    return true;
}

static bool has_variable(const struct container_spec *spec, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < spec->env_count; i++)
        if (strncmp(spec->env[i], name, len) == 0 && spec->env[i][len] == '=')
            return true;
    return false;
}

static void plan_env(struct container_plan *plan, struct arena *arena)
{
    const struct container_spec *spec = plan->spec;
    const char **env = arena_array(arena, const char *, spec->env_count + 5);
    size_t count = 0;

    if (!has_variable(spec, "PATH"))
        env[count++] = DEFAULT_PATH;
    if (!has_variable(spec, "HOSTNAME"))
        env[count++] = arena_printf(arena, "HOSTNAME=%s", plan->hostname).ptr;
    if (spec->terminal && !has_variable(spec, "TERM"))
        env[count++] = "TERM=xterm"; /* as Docker */
    for (size_t i = 0; i < spec->env_count; i++)
        env[count++] = spec->env[i];
    if (!has_variable(spec, "HOME"))
        env[count++] = arena_printf(arena, "HOME=%s", plan->user.home).ptr;
    plan->env = env;
}

/* Replaces a word that starts with "%" in a default mount's options. */
static const char *expand_options(const struct container_spec *spec, const char *options, struct arena *arena)
{
    uint64_t shm = spec->shm_bytes == 0 ? SHM_BYTES_DEFAULT : spec->shm_bytes;
    const char *percent = strchr(options, '%');
    int len = percent == NULL ? 0 : (int)(percent - options);

    if (percent == NULL)
        return options;
    if (strcmp(percent, "%WRITE") == 0)
        return arena_printf(arena, "%.*s%s", len, options, spec->privileged ? "rw" : "ro").ptr;
    return arena_printf(arena, "%.*ssize=%ju", len, options, (uintmax_t)shm).ptr;
}

static bool same_target(const struct container_spec *spec, const char *target)
{
    for (size_t i = 0; i < spec->mount_count; i++)
        if (strcmp(spec->mounts[i].target, target) == 0)
            return true;
    return false;
}

static bool plan_asked_mount(const struct container_mount *mount, struct arena *arena, struct plan_mount *ret_mount,
                             struct fail *f)
{
    struct stat st;

    if (mount->kind == CONTAINER_MOUNT_TMPFS) {
        *ret_mount = (struct plan_mount){"tmpfs", "tmpfs", mount->target,
                                         arena_printf(arena, "nosuid,nodev%s%s%s", mount->read_only ? ",ro" : "",
                                                      mount->options == NULL ? "" : ",",
                                                      mount->options == NULL ? "" : mount->options)
                                             .ptr};
        return true;
    }
    if (stat(mount->source, &st) != 0)
        return fail(f, FAIL_NOT_FOUND, "invalid mount: bind source path does not exist: %s", mount->source);
    *ret_mount = (struct plan_mount){"bind", mount->source, mount->target,
                                     mount->read_only ? "rbind,rprivate,ro" : "rbind,rprivate,rw"};
    return true;
}

static bool plan_mounts(struct container_plan *plan, const struct plan_host *host, struct arena *arena, struct fail *f)
{
    const struct container_spec *spec = plan->spec;

    plan->mounts = arena_array(arena, struct plan_mount, PLAN_MOUNTS_MAX);
    for (size_t i = 0; i < COUNT_OF(default_mounts); i++) {
        struct plan_mount mount = default_mounts[i];

        if (same_target(spec, mount.target) || (spec->no_shm && strcmp(mount.target, "/dev/shm") == 0))
            continue;
        mount.options = expand_options(spec, mount.options, arena);
        plan->mounts[plan->mount_count++] = mount;
    }
    if (spec->init)
        plan->mounts[plan->mount_count++] = (struct plan_mount){"bind", host->init, PLAN_INIT_PATH, "bind,rprivate,ro"};
    for (size_t i = 0; i < spec->mount_count; i++)
        if (!plan_asked_mount(&spec->mounts[i], arena, &plan->mounts[plan->mount_count++], f))
            return false;
    return true;
}

static bool plan_ulimit(const struct container_ulimit *ulimit, bool may_raise, struct plan_rlimit *ret_rlimit,
                        struct fail *f)
{
    struct rlimit ours = {0};
    struct rlimit wanted = {.rlim_cur = ulimit->soft, .rlim_max = ulimit->hard};
    size_t at = 0;

    _Static_assert(CONTAINER_NO_LIMIT == RLIM_INFINITY, "passed on as it is");
    while (at < COUNT_OF(ulimit_names) && strcmp(ulimit->name, ulimit_names[at].name) != 0)
        at++;
    if (at == COUNT_OF(ulimit_names))
        return fail(f, FAIL_INPUT, "invalid ulimit type: %s", ulimit->name);
    if (wanted.rlim_cur > wanted.rlim_max)
        return fail(f, FAIL_INPUT, "ulimit soft limit must be less than or equal to hard limit: %s", ulimit->name);
    if (getrlimit((__rlimit_resource_t)ulimit_names[at].resource, &ours) != 0)
        return fail(f, FAIL_SYSTEM, "getrlimit %s: %s", ulimit->name, strerror(errno));
    if (wanted.rlim_max > ours.rlim_max && !may_raise && !ulimit->is_default)
        return fail(f, FAIL_DENIED,
                    "ulimit %s: this host's hard limit is %ju, and it lacks CAP_SYS_RESOURCE to raise it", ulimit->name,
                    (uintmax_t)ours.rlim_max);
    if (wanted.rlim_max > ours.rlim_max && !may_raise)
        wanted.rlim_max = ours.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max;
    *ret_rlimit = (struct plan_rlimit){ulimit_names[at].oci_name, ulimit_names[at].resource, wanted};
    return true;
}

static bool plan_ulimits(struct container_plan *plan, const struct plan_host *host, struct arena *arena, struct fail *f)
{
    const struct container_spec *spec = plan->spec;

    plan->rlimits = arena_array(arena, struct plan_rlimit, PLAN_RLIMITS_MAX);
    if (spec->ulimit_count > PLAN_RLIMITS_MAX)
        return fail(f, FAIL_LIMIT, "%zu ulimits, at most %d are possible", spec->ulimit_count, PLAN_RLIMITS_MAX);
    for (size_t i = 0; i < spec->ulimit_count; i++)
        if (!plan_ulimit(&spec->ulimits[i], host->may_raise_rlimits, &plan->rlimits[plan->rlimit_count++], f))
            return false;
    return true;
}

static bool plan_device(const struct container_device *device, struct arena *arena, struct plan_device *ret_device,
                        struct fail *f)
{
    struct stat st;

    if (stat(device->host_path, &st) != 0)
        return fail(f, FAIL_NOT_FOUND, "error gathering device information: %s: %s", device->host_path,
                    strerror(errno));
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return fail(f, FAIL_INPUT, "error gathering device information: %s is not a device", device->host_path);
    *ret_device = (struct plan_device){
        .path = device->container_path == NULL ? device->host_path : device->container_path,
        .host_path = device->host_path,
        .type = S_ISBLK(st.st_mode) ? 'b' : 'c',
        .major = major(st.st_rdev),
        .minor = minor(st.st_rdev),
        .access =
            arena_printf(arena, "%s%s%s", device->read ? "r" : "", device->write ? "w" : "", device->mknod ? "m" : "")
                .ptr,
    };
    return true;
}

static bool plan_devices(struct container_plan *plan, struct arena *arena, struct fail *f)
{
    const struct container_spec *spec = plan->spec;

    if (spec->device_count > PLAN_DEVICES_MAX)
        return fail(f, FAIL_LIMIT, "%zu devices, at most %d are possible", spec->device_count, PLAN_DEVICES_MAX);
    plan->devices = arena_array(arena, struct plan_device, spec->device_count + 1);
    plan->device_rules = arena_array(arena, struct plan_device_rule, spec->device_count + COUNT_OF(default_rules));
    memcpy(plan->device_rules, default_rules, sizeof(default_rules));
    plan->device_rule_count = COUNT_OF(default_rules);
    for (size_t i = 0; i < spec->device_count; i++) {
        struct plan_device *device = &plan->devices[plan->device_count++];

        if (!plan_device(&spec->devices[i], arena, device, f))
            return false;
        plan->device_rules[plan->device_rule_count++] =
            (struct plan_device_rule){device->type, (int)device->major, (int)device->minor, device->access};
    }
    return true;
}

/* Only what belongs to a namespace of the container's own; the others would change the host. */
static bool check_sysctl(const struct container_spec *spec, struct str name, bool own_network, struct fail *f)
{
    bool ipc = str_starts(name, STR("kernel.msg")) || str_starts(name, STR("kernel.shm")) ||
               str_is(name, "kernel.sem") || str_starts(name, STR("fs.mqueue."));
    bool possible = str_starts(name, STR("net.")) ? own_network : ipc && spec->ipc_namespace == NULL;

    return (possible && str_search(name, STR("..")) == name.len && str_find(name, '/') == name.len) ||
           fail(f, FAIL_INPUT, "sysctl '%.*s' is not allowed: it is not of the container's own namespaces",
                STR_ARG(name));
}

static bool sets_sysctl(const struct container_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->sysctl_count; i++)
        if (strcmp(spec->sysctls[i].name, name) == 0)
            return true;
    return false;
}

static bool plan_sysctls(struct container_plan *plan, struct arena *arena, struct fail *f)
{
    const struct container_spec *spec = plan->spec;
    struct stat wanted;
    struct stat ours;
    bool own_network;

    if (stat(spec->network_namespace, &wanted) != 0 || stat("/proc/self/ns/net", &ours) != 0)
        return fail(f, FAIL_NOT_FOUND, "network namespace %s: %s", spec->network_namespace, strerror(errno));
    own_network = wanted.st_dev != ours.st_dev || wanted.st_ino != ours.st_ino;
    plan->sysctls = arena_array(arena, struct container_sysctl, spec->sysctl_count + COUNT_OF(network_sysctls));
    for (size_t i = 0; i < COUNT_OF(network_sysctls) && own_network && spec->id_map.count == 0; i++)
        if (!sets_sysctl(spec, network_sysctls[i].name))
            plan->sysctls[plan->sysctl_count++] = network_sysctls[i];
    for (size_t i = 0; i < spec->sysctl_count; i++) {
        if (!check_sysctl(spec, str_of(spec->sysctls[i].name), own_network, f))
            return false;
        plan->sysctls[plan->sysctl_count++] = spec->sysctls[i];
    }
    return true;
}

bool container_plan_make(const struct container_spec *spec, const struct plan_host *host, int root_fd,
                         const char *cgroup, struct arena *arena, struct container_plan *ret_plan, struct fail *f)
{
    struct container_plan plan = {
        .spec = spec,
        .cgroup = cgroup,
        .seccomp = !spec->privileged,
        .directory = spec->directory == NULL ? "/" : spec->directory,
        .hostname = spec->hostname == NULL ? arena_printf(arena, "%.12s", spec->id).ptr : spec->hostname,
        .capabilities = host->capabilities_bounding & (spec->is_system ? ~MACHINE_CAPABILITIES : UINT64_MAX),
    };

    if (!image_user_resolve(root_fd, str_of(spec->user), &plan.user, f))
        return false;
    if (!spec->privileged &&
        !capabilities_of(spec->capabilities_add, spec->capabilities_add_count, spec->capabilities_drop,
                         spec->capabilities_drop_count, host->capabilities_bounding, &plan.capabilities, f))
        return false;
    if (!plan_argv(&plan, host, arena, f) || !plan_mounts(&plan, host, arena, f) ||
        !plan_ulimits(&plan, host, arena, f) || !plan_devices(&plan, arena, f) || !plan_sysctls(&plan, arena, f))
        return false;
    plan_env(&plan, arena);
    *ret_plan = plan;
    return true;
}
