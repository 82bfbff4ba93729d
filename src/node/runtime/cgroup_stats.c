/* Owns the reading of cgroup counters. Where v1 and v2 keep each of them is the two tables; a file or key that a host
 * lacks leaves its counter zero. */
#include "node/runtime/cgroup.h"
#include "node/runtime/small_file.h"

#include <sys/stat.h>

enum { US = 1000 };

struct counter {
    enum cgroup_controller controller;
    const char *file;
    const char *key; /* in "key value" lines; NULL: the file is one number */
    size_t offset;   /* in struct cgroup_stats */
    uint64_t scale;
};

#define AT(member) offsetof(struct cgroup_stats, member)

/* Rows of one file stand together: it is read once. */
static const struct counter v1_counters[] = {
    {CGROUP_CPUACCT, "cpuacct.usage", NULL, AT(cpu_ns), 1},
    {CGROUP_CPUACCT, "cpuacct.usage_user", NULL, AT(cpu_user_ns), 1},
    {CGROUP_CPUACCT, "cpuacct.usage_sys", NULL, AT(cpu_system_ns), 1},
    {CGROUP_CPU, "cpu.stat", "nr_periods", AT(cpu_periods), 1},
    {CGROUP_CPU, "cpu.stat", "nr_throttled", AT(cpu_throttled_periods), 1},
    {CGROUP_CPU, "cpu.stat", "throttled_time", AT(cpu_throttled_ns), 1},
    {CGROUP_MEMORY, "memory.usage_in_bytes", NULL, AT(memory_bytes), 1},
    {CGROUP_MEMORY, "memory.max_usage_in_bytes", NULL, AT(memory_max_bytes), 1},
    {CGROUP_MEMORY, "memory.limit_in_bytes", NULL, AT(memory_limit_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "total_cache", AT(memory_cache_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "total_inactive_file", AT(memory_inactive_file_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "total_rss", AT(memory_rss_bytes), 1},
    {CGROUP_MEMORY, "memory.oom_control", "oom_kill", AT(oom_kills), 1},
    {CGROUP_PIDS, "pids.current", NULL, AT(pids), 1},
};

static const struct counter v2_counters[] = {
    {CGROUP_CPU, "cpu.stat", "usage_usec", AT(cpu_ns), US},
    {CGROUP_CPU, "cpu.stat", "user_usec", AT(cpu_user_ns), US},
    {CGROUP_CPU, "cpu.stat", "system_usec", AT(cpu_system_ns), US},
    {CGROUP_CPU, "cpu.stat", "nr_periods", AT(cpu_periods), 1},
    {CGROUP_CPU, "cpu.stat", "nr_throttled", AT(cpu_throttled_periods), 1},
    {CGROUP_CPU, "cpu.stat", "throttled_usec", AT(cpu_throttled_ns), US},
    {CGROUP_MEMORY, "memory.current", NULL, AT(memory_bytes), 1},
    {CGROUP_MEMORY, "memory.peak", NULL, AT(memory_max_bytes), 1},
    {CGROUP_MEMORY, "memory.max", NULL, AT(memory_limit_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "file", AT(memory_cache_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "inactive_file", AT(memory_inactive_file_bytes), 1},
    {CGROUP_MEMORY, "memory.stat", "anon", AT(memory_rss_bytes), 1},
    {CGROUP_MEMORY, "memory.events", "oom_kill", AT(oom_kills), 1},
    {CGROUP_PIDS, "pids.current", NULL, AT(pids), 1},
};

/* v1 says "no limit" with the largest page-aligned number. */
static const uint64_t V1_NO_LIMIT = INT64_MAX - 4095;

static bool read_file(const struct cgroup_host *host, const char *path, enum cgroup_controller controller,
                      const char *file, char buffer[SMALL_FILE_BYTES], struct str *ret_text)
{
    const struct cgroup_tree *tree = cgroup_tree_of(host, controller);
    char full[PATH_BYTES];
    struct fail f;

    if (tree == NULL)
        return false;
    path_format(full, "%s%s/%s", tree->mount, path, file);
    return small_file_read(full, buffer, SMALL_FILE_BYTES, ret_text, &f);
}

/* The number in text, or behind key in one of its lines. */
static bool find_number(struct str text, const char *key, uint64_t *ret_value)
{
    if (key == NULL) {
        *ret_value = UINT64_MAX;
        return str_is(text, "max") || str_to_uint64(text, ret_value);
    }
    while (text.ptr != NULL) {
        struct str value = str_cut(text, '\n', &text);
        struct str name = str_cut(value, ' ', &value);

        if (value.ptr != NULL && str_is(name, key))
            return str_to_uint64(str_trim(value), ret_value);
    }
    return false;
}

static void read_counters(const struct cgroup_host *host, const char *path, const struct counter *counters,
                          size_t count, struct cgroup_stats *stats)
{
    char buffer[SMALL_FILE_BYTES];
    struct str text = {0};
    uint64_t value;

    for (size_t i = 0; i < count; i++) {
        bool same_file = i > 0 && strcmp(counters[i].file, counters[i - 1].file) == 0;

        if (!same_file && !read_file(host, path, counters[i].controller, counters[i].file, buffer, &text))
            text = STR("");
        if (find_number(text, counters[i].key, &value))
            *(uint64_t *)(void *)((char *)stats + counters[i].offset) = value * counters[i].scale;
    }
}

/* "8:0 Read 4096", a line per device and operation. */
static void add_io_v1(struct str line, struct cgroup_stats *stats)
{
    struct str rest;
    struct str operation;
    uint64_t bytes;

    (void)str_cut(line, ' ', &rest);
    operation = str_cut(rest, ' ', &rest);
    if (rest.ptr == NULL || !str_to_uint64(str_trim(rest), &bytes))
        return;
    if (str_is(operation, "Read"))
        stats->io_read_bytes += bytes;
    if (str_is(operation, "Write"))
        stats->io_write_bytes += bytes;
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 ...", a line per device. */
static void add_io_v2(struct str line, struct cgroup_stats *stats)
{
    (void)str_cut(line, ' ', &line);
    while (line.ptr != NULL) {
        struct str value = str_cut(line, ' ', &line);
        struct str name = str_cut(value, '=', &value);
        uint64_t bytes;

        if (value.ptr == NULL || !str_to_uint64(value, &bytes))
            continue;
        if (str_is(name, "rbytes"))
            stats->io_read_bytes += bytes;
        if (str_is(name, "wbytes"))
            stats->io_write_bytes += bytes;
    }
}

static void read_io(const struct cgroup_host *host, const char *path, struct cgroup_stats *stats)
{
    bool v2 = host->layout == CGROUP_V2;
    char buffer[SMALL_FILE_BYTES];
    struct str text;

    if (!read_file(host, path, CGROUP_IO, v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive", buffer, &text))
        return;
    while (text.ptr != NULL) {
        struct str line = str_cut(text, '\n', &text);

        if (v2)
            add_io_v2(line, stats);
        else
            add_io_v1(line, stats);
    }
}

bool cgroup_stats(const struct cgroup_host *host, const char *path, struct cgroup_stats *ret_stats, struct fail *f)
{
    struct cgroup_stats stats = {.memory_limit_bytes = UINT64_MAX};
    char directory[PATH_BYTES];
    struct stat st;

    path_format(directory, "%s%s", cgroup_tree_of(host, CGROUP_MEMORY)->mount, path);
    if (stat(directory, &st) != 0)
        return fail(f, FAIL_NOT_FOUND, "there is no cgroup %s", directory);
    if (host->layout == CGROUP_V2)
        read_counters(host, path, v2_counters, COUNT_OF(v2_counters), &stats);
    else
        read_counters(host, path, v1_counters, COUNT_OF(v1_counters), &stats);
    read_io(host, path, &stats);
    if (stats.memory_limit_bytes >= V1_NO_LIMIT)
        stats.memory_limit_bytes = UINT64_MAX;
    *ret_stats = stats;
    return true;
}

uint64_t cgroup_oom_kills(const struct cgroup_host *host, const char *path)
{
    bool v2 = host->layout == CGROUP_V2;
    char buffer[SMALL_FILE_BYTES];
    struct str text;
    uint64_t kills = 0;

    if (!read_file(host, path, CGROUP_MEMORY, v2 ? "memory.events" : "memory.oom_control", buffer, &text) ||
        !find_number(text, "oom_kill", &kills))
        return 0;
    return kills;
}
