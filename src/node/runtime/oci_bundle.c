/* Owns the form of config.json. What the values are was decided in container_plan.c. */
/* First: OpenSSL's headers use a name that base/attributes.h defines. */
#include <openssl/evp.h>

#include "node/runtime/oci_bundle.h"

#include "node/runtime/capabilities.h"
#include "node/runtime/small_file.h"
#include "os/files.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

/* json_pack and the json_*_new calls take their values over, and answer NULL when one of them is NULL: only the last
 * result needs a look. */

static json_t *strings(const char *const *list)
{
    json_t *array = json_array();

    for (; list != NULL && *list != NULL; list++)
        (void)json_array_append_new(array, json_string_nocheck(*list));
    return array;
}

static json_t *options_of(const char *options)
{
    json_t *array = json_array();
    struct str rest = str_of(options);

    while (rest.ptr != NULL) {
        struct str option = str_cut(rest, ',', &rest);

        if (option.len > 0)
            (void)json_array_append_new(array, json_stringn_nocheck(option.ptr, option.len));
    }
    return array;
}

static json_t *capability_names(uint64_t set)
{
    json_t *array = json_array();

    for (unsigned number = 0; number < 64; number++) {
        auto_free char *name = (set >> number & 1) == 0 ? NULL : capability_name(number);

        if (name != NULL)
            (void)json_array_append_new(array, json_string(name));
    }
    return array;
}

/* As Docker: a program that is not root keeps capabilities only in the bounding set, for set-user-id programs. */
static json_t *capabilities_json(const struct container_plan *plan)
{
    uint64_t held = plan->user.uid == 0 ? plan->capabilities : 0;

    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "bounding", capability_names(plan->capabilities), "effective",
                     capability_names(held), "permitted", capability_names(held), "inheritable", json_array(),
                     "ambient", json_array());
}

static json_t *rlimits_json(const struct container_plan *plan)
{
    json_t *array = json_array();

    /* The kernel's RLIM_INFINITY is 2^64-1, which jansson's signed integers cannot hold: written as a real number it
     * would lose digits, so it goes as the largest one they can, which no resource reaches. */
    for (size_t i = 0; i < plan->rlimit_count; i++) {
        rlim_t soft = plan->rlimits[i].limit.rlim_cur;
        rlim_t hard = plan->rlimits[i].limit.rlim_max;

        (void)json_array_append_new(array, json_pack("{s:s,s:I,s:I}", "type", plan->rlimits[i].oci_name, "soft",
                                                     (json_int_t)(soft > INT64_MAX ? INT64_MAX : soft), "hard",
                                                     (json_int_t)(hard > INT64_MAX ? INT64_MAX : hard)));
    }
    return array;
}

static json_t *user_json(const struct image_user *user)
{
    json_t *groups = json_array();

    for (size_t i = 0; i < user->group_count; i++)
        (void)json_array_append_new(groups, json_integer(user->groups[i]));
    return json_pack("{s:I,s:I,s:o}", "uid", (json_int_t)user->uid, "gid", (json_int_t)user->gid, "additionalGids",
                     groups);
}

static json_t *process_json(const struct container_plan *plan)
{
    return json_pack("{s:b,s:o,s:o,s:o,s:s,s:o,s:o,s:b}", "terminal", plan->spec->terminal, "user",
                     user_json(&plan->user), "args", strings(plan->argv), "env", strings(plan->env), "cwd",
                     plan->directory, "capabilities", capabilities_json(plan), "rlimits", rlimits_json(plan),
                     "noNewPrivileges", plan->spec->no_new_privileges);
}

static json_t *mounts_json(const struct container_plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++)
        (void)json_array_append_new(array, json_pack("{s:s,s:s,s:s,s:o}", "destination", plan->mounts[i].target, "type",
                                                     plan->mounts[i].type, "source", plan->mounts[i].source, "options",
                                                     options_of(plan->mounts[i].options)));
    return array;
}

static void add_namespace(json_t *array, const char *type, const char *path)
{
    (void)json_array_append_new(array, path == NULL ? json_pack("{s:s}", "type", type)
                                                    : json_pack("{s:s,s:s}", "type", type, "path", path));
}

static json_t *namespaces_json(const struct container_spec *spec, int user_namespace)
{
    char user[PATH_BYTES];
    json_t *array = json_array();

    add_namespace(array, "mount", NULL);
    add_namespace(array, "uts", NULL);
    add_namespace(array, "cgroup", NULL);
    add_namespace(array, "pid", spec->pid_namespace);
    add_namespace(array, "ipc", spec->ipc_namespace);
    add_namespace(array, "network", spec->network_namespace);
    path_format(user, "/proc/%d/fd/%d", getpid(), user_namespace);
    if (user_namespace >= 0)
        add_namespace(array, "user", user);
    return array;
}

static json_t *device_rules_json(const struct container_plan *plan)
{
    json_t *array;

    if (plan->spec->privileged && !plan->spec->is_system)
        return json_pack("[{s:b,s:s}]", "allow", 1, "access", "rwm");
    array = json_array();
    (void)json_array_append_new(array, json_pack("{s:b,s:s}", "allow", 0, "access", "rwm"));
    for (size_t i = 0; i < plan->device_rule_count; i++) {
        const struct plan_device_rule *rule = &plan->device_rules[i];
        char type[2] = {rule->type, '\0'};
        json_t *item = json_pack("{s:b,s:s,s:s}", "allow", 1, "type", type, "access", rule->access);

        if (rule->major >= 0)
            (void)json_object_set_new(item, "major", json_integer(rule->major));
        if (rule->minor >= 0)
            (void)json_object_set_new(item, "minor", json_integer(rule->minor));
        (void)json_array_append_new(array, item);
    }
    return array;
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    if (value != 0)
        (void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *resources_json(const struct container_plan *plan)
{
    const struct cgroup_limits *limits = &plan->spec->limits;
    json_t *cpu = json_object();
    json_t *memory = json_object();
    json_t *pids = json_object();

    set_number(cpu, "shares", limits->cpu_shares);
    set_number(cpu, "quota", limits->cpu_quota_us);
    set_number(cpu, "period", limits->cpu_quota_us == 0 ? 0 : limits->cpu_period_us);
    set_number(memory, "limit", limits->memory_bytes);
    set_number(memory, "reservation", limits->memory_reservation);
    set_number(pids, "limit", limits->pids_max);
    return json_pack("{s:o,s:o,s:o,s:o}", "devices", device_rules_json(plan), "cpu", cpu, "memory", memory, "pids",
                     pids);
}

static json_t *devices_json(const struct container_plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->device_count; i++) {
        char type[2] = {plan->devices[i].type, '\0'};

        (void)json_array_append_new(array, json_pack("{s:s,s:s,s:i,s:i,s:i}", "path", plan->devices[i].path, "type",
                                                     type, "major", (int)plan->devices[i].major, "minor",
                                                     (int)plan->devices[i].minor, "fileMode", 0660));
    }
    return array;
}

static json_t *sysctls_json(const struct container_plan *plan)
{
    json_t *object = json_object();

    for (size_t i = 0; i < plan->sysctl_count; i++)
        (void)json_object_set_new(object, plan->sysctls[i].name, json_string(plan->sysctls[i].value));
    return object;
}

static json_t *linux_json(const struct container_plan *plan, int user_namespace)
{
    const struct container_id_map *map = &plan->spec->id_map;
    json_t *linux_part =
        json_pack("{s:s,s:o,s:o,s:o,s:o,s:s}", "cgroupsPath", plan->cgroup, "namespaces",
                  namespaces_json(plan->spec, user_namespace), "resources", resources_json(plan), "devices",
                  devices_json(plan), "sysctl", sysctls_json(plan), "rootfsPropagation", "rprivate");

    if (!plan->spec->privileged) {
        (void)json_object_set_new(linux_part, "maskedPaths", strings(plan_masked_paths));
        (void)json_object_set_new(linux_part, "readonlyPaths", strings(plan_readonly_paths));
    }
    if (map->count > 0) {
        json_t *entry = json_pack("[{s:i,s:I,s:I}]", "containerID", 0, "hostID", (json_int_t)map->host_first, "size",
                                  (json_int_t)map->count);

        (void)json_object_set(linux_part, "uidMappings", entry);
        (void)json_object_set_new(linux_part, "gidMappings", entry);
    }
    return linux_part;
}

/* crun takes a compiled filter as an annotation; compiling it from JSON would be most of its start time. */
static json_t *annotations_json(const struct seccomp_program *seccomp)
{
    size_t bytes = seccomp->count * sizeof(*seccomp->filters);
    auto_free char *text = malloc(bytes * 4 / 3 + 8);

    if (text == NULL)
        return NULL;
    (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)seccomp->filters, (int)bytes);
    return json_pack("{s:s}", "run.oci.seccomp_bpf_data", text);
}

static bool write_json(json_t *json, const char *path, struct fail *f)
{
    auto_free char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    if (text == NULL)
        return fail(f, FAIL_INPUT, "%s: a text in it is not UTF-8, or memory is short", path);
    return file_replace(path, str_of(text), 0600, f);
}

bool oci_bundle_write(const struct container_plan *plan, const struct seccomp_program *seccomp, int user_namespace,
                      const char *directory, struct fail *f)
{
    char path[PATH_BYTES];
    bool done;
    json_t *config =
        json_pack("{s:s,s:o,s:{s:s,s:b},s:s,s:o,s:o}", "ociVersion", "1.0.2", "process", process_json(plan), "root",
                  "path", user_namespace < 0 ? "rootfs" : OCI_BUNDLE_OPEN_ROOT, "readonly", plan->spec->read_only_root,
                  "hostname", plan->hostname, "mounts", mounts_json(plan), "linux", linux_json(plan, user_namespace));

    if (seccomp != NULL)
        (void)json_object_set_new(config, "annotations", annotations_json(seccomp));
    path_format(path, "%s/config.json", directory);
    done = write_json(config, path, f);
    json_decref(config);
    return done;
}

static bool load_process(const char *directory, json_t **ret_process, struct fail *f)
{
    char path[PATH_BYTES];
    json_error_t error;
    json_t *config;
    json_t *process;

    path_format(path, "%s/config.json", directory);
    config = json_load_file(path, 0, &error);
    process = json_object_get(config, "process");
    if (process == NULL) {
        json_decref(config);
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, error.text);
    }
    *ret_process = json_incref(process);
    json_decref(config);
    return true;
}

/* As plan_for_terminal in native_launcher.c. */
static void use_terminal(json_t *process)
{
    json_t *capabilities = json_object_get(process, "capabilities");
    json_t *bounding = json_object_get(capabilities, "bounding");
    json_t *env = json_object_get(process, "env");
    const json_t *variable;
    bool named = false;
    size_t i;

    json_array_foreach(env, i, variable) named = named || strncmp(json_string_value(variable), "TERM=", 5) == 0;
    if (!named)
        (void)json_array_append_new(env, json_string("TERM=xterm-256color"));
    (void)json_object_set_new(process, "terminal", json_true());
    (void)json_object_set_new(process, "user", json_pack("{s:i,s:i}", "uid", 0, "gid", 0));
    (void)json_object_set(capabilities, "effective", bounding);
    (void)json_object_set(capabilities, "permitted", bounding);
}

bool oci_bundle_write_exec(const char *directory, const struct oci_exec *exec, const char *path, struct fail *f)
{
    json_t *args = json_array();
    json_t *process = NULL;
    bool done = load_process(directory, &process, f);

    for (size_t i = 0; i < exec->argc; i++)
        (void)json_array_append_new(args, json_string_nocheck(exec->argv[i]));
    if (done) {
        (void)json_object_set(process, "args", args);
        if (exec->directory != NULL)
            (void)json_object_set_new(process, "cwd", json_string(exec->directory));
        if (exec->terminal)
            use_terminal(process);
        done = write_json(process, path, f);
    }
    json_decref(args);
    json_decref(process);
    return done;
}
