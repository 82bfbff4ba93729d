/* Owns the finding, making, limiting and removing of control groups. Reading their counters is cgroup_stats.c. */
#include "node/runtime/cgroup.h"

#include "base/must.h"
#include "node/runtime/small_file.h"
#include "os/clock.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum {
    MOUNTINFO_BYTES = 1 << 20,
    DELETE_TIMEOUT_MS = 2000,
    KILL_ROUND_MS_MAX = 20,
    CPU_PERIOD_US_DEFAULT = 100000,
};

static const struct {
    const char *name; /* as mount options (v1) and cgroup.controllers (v2) have it */
    enum cgroup_controller controller;
} controller_names[] = {
    {"cpu", CGROUP_CPU},       {"cpuacct", CGROUP_CPUACCT}, {"cpuset", CGROUP_CPUSET},
    {"memory", CGROUP_MEMORY}, {"devices", CGROUP_DEVICES}, {"freezer", CGROUP_FREEZER},
    {"blkio", CGROUP_IO},      {"io", CGROUP_IO},           {"pids", CGROUP_PIDS},
};

/* What the v2 tree must hand down for limits and counters to work. */
static const char *const v2_controllers[] = {"cpu", "memory", "pids", "io"};

static unsigned controllers_in(struct str names, char separator)
{
    unsigned found = 0;

    while (names.ptr != NULL) {
        struct str name = str_cut(names, separator, &names);

        for (size_t i = 0; i < COUNT_OF(controller_names); i++)
            if (str_is(name, controller_names[i].name))
                found |= 1U << controller_names[i].controller;
    }
    return found;
}

bool cgroup_has(const struct cgroup_host *host, enum cgroup_controller controller)
{
    return cgroup_tree_of(host, controller) != NULL;
}

const struct cgroup_tree *cgroup_tree_of(const struct cgroup_host *host, enum cgroup_controller controller)
{
    for (size_t i = 0; i < host->tree_count; i++)
        if ((host->trees[i].controllers & 1U << controller) != 0)
            return &host->trees[i];
    return NULL;
}

/* What of a v1 mount's options says which tree it is. */
static void copy_options(struct str options, char *to, size_t size)
{
    static const char *const others[] = {"rw",          "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode",
                                         "favordynmods"};
    size_t len = 0;

    to[0] = '\0';
    while (options.ptr != NULL) {
        struct str option = str_cut(options, ',', &options);
        bool other = str_starts(option, STR("release_agent="));

        for (size_t i = 0; i < COUNT_OF(others); i++)
            other = other || str_is(option, others[i]);
        if (!other && len + option.len + 2 < size)
            len += (size_t)snprintf(to + len, size - len, "%s%.*s", len == 0 ? "" : ",", STR_ARG(option));
    }
}

/* One line of mountinfo (proc(5)): "36 35 98:0 / /mnt rw,noatime shared:1 - type source options". */
static void detect_line(struct cgroup_host *host, struct str line)
{
    struct str words[5];
    struct str rest = line;
    struct str type;
    struct str options;
    size_t dash = str_search(line, STR(" - "));
    char mount[CGROUP_MOUNT_BYTES];

    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = str_cut(rest, ' ', &rest);
    if (dash == line.len || !str_to_buffer(words[4], mount, sizeof(mount)))
        return;
    rest = str_from(line, dash + 3);
    type = str_cut(rest, ' ', &rest);
    (void)str_cut(rest, ' ', &options);
    if (str_is(type, "cgroup2") && host->unified_mount[0] == '\0')
        memcpy(host->unified_mount, mount, sizeof(mount));
    if (str_is(type, "cgroup") && host->tree_count < CGROUP_TREES_MAX) {
        struct cgroup_tree *tree = &host->trees[host->tree_count];

        memcpy(tree->mount, mount, sizeof(mount));
        copy_options(options, tree->options, sizeof(tree->options));
        tree->controllers = controllers_in(options, ',');
        if (tree->controllers == 0)
            tree->controllers = 1U << CGROUP_OTHER;
        else if (cgroup_tree_of(host, (enum cgroup_controller)__builtin_ctz(tree->controllers)) != NULL)
            return; /* mounted twice */
        host->tree_count++;
    }
}

static bool detect_v2(struct cgroup_host *host, struct fail *f)
{
    char path[PATH_BYTES];
    char buffer[SMALL_FILE_BYTES];
    struct str names;

    path_format(path, "%s/cgroup.controllers", host->unified_mount);
    if (!small_file_read(path, buffer, sizeof(buffer), &names, f))
        return false;
    host->layout = CGROUP_V2;
    host->tree_count = 1;
    memcpy(host->trees[0].mount, host->unified_mount, sizeof(host->unified_mount));
    host->trees[0].controllers = controllers_in(names, ' ') | 1U << CGROUP_FREEZER;
    host->unified_mount[0] = '\0';
    return true;
}

bool cgroup_detect(const char *mountinfo, struct cgroup_host *ret_host, struct fail *f)
{
    static const enum cgroup_controller needed[] = {CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_DEVICES};
    struct cgroup_host host = {.layout = CGROUP_V1};
    auto_free char *buffer = malloc(MOUNTINFO_BYTES);
    struct str text;

    if (buffer == NULL)
        return fail(f, FAIL_SYSTEM, "read %s: out of memory", mountinfo);
    if (!small_file_read(mountinfo, buffer, MOUNTINFO_BYTES, &text, f))
        return false;
    while (text.ptr != NULL)
        detect_line(&host, str_cut(text, '\n', &text));
    if (host.unified_mount[0] != '\0' && cgroup_has(&host, CGROUP_MEMORY))
        host.layout = CGROUP_HYBRID;
    else if (host.unified_mount[0] != '\0' && !detect_v2(&host, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (!cgroup_has(&host, needed[i]) && !(needed[i] == CGROUP_DEVICES && host.layout == CGROUP_V2))
            return fail(f, FAIL_NOT_FOUND, "no cgroup controller \"%s\" is mounted on this host",
                        controller_names[needed[i]].name);
    *ret_host = host;
    return true;
}

/* v2: a cgroup's children have only the controllers that it hands down. */
static bool hand_down(const char *directory, struct fail *f)
{
    char path[PATH_BYTES];
    char buffer[SMALL_FILE_BYTES];
    struct str names;

    path_format(path, "%s/cgroup.controllers", directory);
    if (!small_file_read(path, buffer, sizeof(buffer), &names, f))
        return false;
    path_format(path, "%s/cgroup.subtree_control", directory);
    for (size_t i = 0; i < COUNT_OF(v2_controllers); i++) {
        unsigned bit = controllers_in(str_of(v2_controllers[i]), ' ');
        char order[32];

        (void)snprintf(order, sizeof(order), "+%s", v2_controllers[i]);
        if ((controllers_in(names, ' ') & bit) != 0 && !small_file_write(path, str_of(order), f))
            return fail_in(f, "hand the controller %s down (a cgroup with processes of its own cannot)",
                           v2_controllers[i]);
    }
    return true;
}

static bool make_directories(const struct cgroup_host *host, const struct cgroup_tree *tree, const char *path,
                             struct fail *f)
{
    char directory[PATH_BYTES];
    struct str rest = str_from(str_of(path), 1);

    path_format(directory, "%s", tree->mount);
    while (rest.ptr != NULL) {
        struct str name = str_cut(rest, '/', &rest);
        char child[PATH_BYTES];

        if (host->layout == CGROUP_V2 && !hand_down(directory, f))
            return false;
        path_format(child, "%s/%.*s", directory, STR_ARG(name));
        if (mkdir(child, 0755) != 0 && errno != EEXIST)
            return fail(f, FAIL_SYSTEM, "create the cgroup %s: %s", child, strerror(errno));
        memcpy(directory, child, sizeof(directory));
    }
    return true;
}

static bool write_limit(const struct cgroup_host *host, const char *path, enum cgroup_controller controller,
                        const char *file, const char *value, struct fail *f)
{
    const struct cgroup_tree *tree = cgroup_tree_of(host, controller);
    char full[PATH_BYTES];

    must(tree != NULL); /* cpu, memory and pids are there: cgroup_detect */
    path_format(full, "%s%s/%s", tree->mount, path, file);
    return small_file_write(full, str_of(value), f);
}

/* 2..262144 of v1 to 1..10000 of v2, as the OCI runtimes convert it. */
static uint64_t weight_of_shares(uint64_t shares)
{
    if (shares < 2)
        shares = 2;
    if (shares > 262144)
        shares = 262144;
    return 1 + ((shares - 2) * 9999) / 262142;
}

static bool write_cpu_quota(const struct cgroup_host *host, const char *path, const struct cgroup_limits *limits,
                            struct fail *f)
{
    uint64_t period_us = limits->cpu_period_us == 0 ? CPU_PERIOD_US_DEFAULT : limits->cpu_period_us;
    char quota[64];
    char period[32];

    if (limits->cpu_quota_us == 0)
        return true;
    if (host->layout == CGROUP_V2) {
        (void)snprintf(quota, sizeof(quota), "%ju %ju", (uintmax_t)limits->cpu_quota_us, (uintmax_t)period_us);
        return write_limit(host, path, CGROUP_CPU, "cpu.max", quota, f);
    }
    (void)snprintf(quota, sizeof(quota), "%ju", (uintmax_t)limits->cpu_quota_us);
    (void)snprintf(period, sizeof(period), "%ju", (uintmax_t)period_us);
    return write_limit(host, path, CGROUP_CPU, "cpu.cfs_period_us", period, f) &&
           write_limit(host, path, CGROUP_CPU, "cpu.cfs_quota_us", quota, f);
}

static bool write_limits(const struct cgroup_host *host, const char *path, const struct cgroup_limits *limits,
                         struct fail *f)
{
    bool v2 = host->layout == CGROUP_V2;
    const struct {
        enum cgroup_controller controller;
        uint64_t v1_value;
        const char *v1_file;
        uint64_t v2_value;
        const char *v2_file;
    } rows[] = {
        {CGROUP_CPU, limits->cpu_shares, "cpu.shares", weight_of_shares(limits->cpu_shares), "cpu.weight"},
        {CGROUP_MEMORY, limits->memory_bytes, "memory.limit_in_bytes", limits->memory_bytes, "memory.max"},
        {CGROUP_MEMORY, limits->memory_reservation, "memory.soft_limit_in_bytes", limits->memory_reservation,
         "memory.low"},
        {CGROUP_PIDS, limits->pids_max, "pids.max", limits->pids_max, "pids.max"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char value[32];

        if (rows[i].v1_value == 0)
            continue; /* not limited */
        (void)snprintf(value, sizeof(value), "%ju", (uintmax_t)(v2 ? rows[i].v2_value : rows[i].v1_value));
        if (!write_limit(host, path, rows[i].controller, v2 ? rows[i].v2_file : rows[i].v1_file, value, f))
            return false;
    }
    return write_cpu_quota(host, path, limits, f);
}

/* v1: a new cpuset is empty, and nothing can be put into it before it has its parent's CPUs and memory nodes. */
static bool fill_cpuset(const struct cgroup_host *host, const char *path, struct fail *f)
{
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    const struct cgroup_tree *tree = cgroup_tree_of(host, CGROUP_CPUSET);
    char parent[PATH_BYTES];

    if (host->layout == CGROUP_V2 || tree == NULL)
        return true;
    path_format(parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    if (parent[0] != '\0' && !fill_cpuset(host, parent, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char file[PATH_BYTES];
        char buffer[SMALL_FILE_BYTES];
        struct str value;

        path_format(file, "%s%s/%s", tree->mount, parent, files[i]);
        if (!small_file_read(file, buffer, sizeof(buffer), &value, f))
            return false;
        path_format(file, "%s%s/%s", tree->mount, path, files[i]);
        if (!small_file_write(file, value, f))
            return false;
    }
    return true;
}

bool cgroup_create(const struct cgroup_host *host, const char *path, const struct cgroup_limits *limits, struct fail *f)
{
    must(path[0] == '/');
    for (size_t i = 0; i < host->tree_count; i++)
        if (!make_directories(host, &host->trees[i], path, f))
            return false;
    if (!fill_cpuset(host, path, f))
        return false;
    return write_limits(host, path, limits, f) || fail_in(f, "limit the cgroup %s", path);
}

bool cgroup_limit_devices(const struct cgroup_host *host, const char *path, const char *const *rules, struct fail *f)
{
    if (!write_limit(host, path, CGROUP_DEVICES, "devices.deny", "a", f))
        return fail_in(f, "limit the devices of cgroup %s", path);
    for (; *rules != NULL; rules++)
        if (!write_limit(host, path, CGROUP_DEVICES, "devices.allow", *rules, f))
            return fail_in(f, "limit the devices of cgroup %s", path);
    return true;
}

static void sleep_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}, NULL);
}

/* Calls visit for the cgroup's directory and all below it, children first, while it returns true. */
static bool each_directory(const char *directory, bool (*visit)(void *context, const char *directory), void *context)
{
    DIR *open_directory = opendir(directory);
    bool going = true;

    if (open_directory == NULL)
        return errno == ENOENT;
    for (struct dirent *entry = readdir(open_directory); entry != NULL && going; entry = readdir(open_directory)) {
        char child[PATH_BYTES];

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
            strlen(directory) + strlen(entry->d_name) + 2 > sizeof(child))
            continue;
        path_format(child, "%s/%s", directory, entry->d_name);
        going = each_directory(child, visit, context);
    }
    (void)closedir(open_directory);
    return going && visit(context, directory);
}

static bool remove_directory(void *context, const char *directory)
{
    int64_t deadline_ms = *(const int64_t *)context;
    int64_t pause_ms = 1;

    while (rmdir(directory) != 0) {
        if (errno != EBUSY)
            return errno == ENOENT;
        if (clock_monotonic_ms() + pause_ms > deadline_ms)
            return false;
        sleep_ms(pause_ms);
        pause_ms *= 2;
    }
    return true;
}

bool cgroup_delete(const struct cgroup_host *host, const char *path, struct fail *f)
{
    int64_t deadline_ms = clock_monotonic_ms() + DELETE_TIMEOUT_MS;

    for (size_t i = 0; i < host->tree_count; i++) {
        char directory[PATH_BYTES];

        path_format(directory, "%s%s", host->trees[i].mount, path);
        if (!each_directory(directory, remove_directory, &deadline_ms))
            return fail(f, errno == EBUSY ? FAIL_CONFLICT : FAIL_SYSTEM, "remove the cgroup %s: %s", directory,
                        strerror(errno));
    }
    return true;
}

/* The tree in which the members are looked up: the freezer's where it is, so that all can be stopped first. */
static const struct cgroup_tree *member_tree(const struct cgroup_host *host)
{
    const struct cgroup_tree *freezer = cgroup_tree_of(host, CGROUP_FREEZER);

    return freezer == NULL ? cgroup_tree_of(host, CGROUP_PIDS) : freezer;
}

struct members {
    int signal; /* 0: only count */
    size_t count;
};

static bool visit_members(void *context, const char *directory)
{
    struct members *members = context;
    char path[PATH_BYTES];
    auto_file procs = NULL;
    char line[32];
    int64_t pid;

    path_format(path, "%s/cgroup.procs", directory);
    procs = fopen(path, "re");
    if (procs == NULL)
        return true; /* went away meanwhile */
    while (fgets(line, sizeof(line), procs) != NULL) {
        /* 0: a process of a pid namespace beside ours; v2 lists zombies' leaders no more, v1 none. */
        if (!str_to_int64(str_trim(str_of(line)), &pid) || pid <= 0)
            continue;
        members->count++;
        if (members->signal != 0)
            (void)kill((pid_t)pid, members->signal);
    }
    return true;
}

static size_t signal_members(const struct cgroup_host *host, const char *path, int signal)
{
    struct members members = {.signal = signal};
    char directory[PATH_BYTES];

    path_format(directory, "%s%s", member_tree(host)->mount, path);
    (void)each_directory(directory, visit_members, &members);
    return members.count;
}

bool cgroup_populated(const struct cgroup_host *host, const char *path)
{
    return signal_members(host, path, 0) > 0;
}

/* Frozen processes cannot fork while we go through the list; the kill takes effect with the thaw. */
static void freeze(const struct cgroup_host *host, const char *path, bool frozen)
{
    bool v2 = host->layout == CGROUP_V2;
    struct fail f;
    char file[PATH_BYTES];
    const char *value = v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");

    path_format(file, "%s%s/%s", member_tree(host)->mount, path, v2 ? "cgroup.freeze" : "freezer.state");
    if (cgroup_has(host, CGROUP_FREEZER) && !small_file_write(file, str_of(value), &f))
        return; /* without the freezer it only takes more rounds */
}

bool cgroup_kill(const struct cgroup_host *host, const char *path, int timeout_ms, struct fail *f)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    for (int64_t pause_ms = 1; cgroup_populated(host, path); pause_ms *= 2) {
        if (clock_monotonic_ms() > deadline_ms)
            return fail(f, FAIL_LIMIT, "processes in cgroup %s do not end after SIGKILL for %d ms", path, timeout_ms);
        freeze(host, path, true);
        (void)signal_members(host, path, SIGKILL);
        freeze(host, path, false);
        sleep_ms(pause_ms < KILL_ROUND_MS_MAX ? pause_ms : KILL_ROUND_MS_MAX);
    }
    return true;
}

bool cgroup_contains(const char *path, int pid)
{
    char file[PATH_BYTES];
    char buffer[SMALL_FILE_BYTES];
    struct str text;
    struct fail f;

    path_format(file, "/proc/%d/cgroup", pid);
    if (!small_file_read(file, buffer, sizeof(buffer), &text, &f))
        return false;
    while (text.ptr != NULL) {
        struct str name = str_cut(text, '\n', &text);

        (void)str_cut(name, ':', &name);
        (void)str_cut(name, ':', &name);
        if (name.ptr != NULL && str_starts(name, str_of(path)) &&
            (name.len == strlen(path) || name.ptr[strlen(path)] == '/'))
            return true;
    }
    return false;
}
