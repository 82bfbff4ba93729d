/* What tasks use of the machine: the kernel's counts of their cgroups, read again and again. */
#include "node/task/engine.h"

#include "os/clock.h"

enum { UNITS_PER_VCPU = 1024 };

/* CPU since the last look; false: it was the first one. */
static bool look(struct usage_mark *mark, const struct cgroup_stats *stats, struct host_task_usage *to)
{
    struct usage_mark before = *mark;
    uint64_t memory = stats->memory_bytes > stats->memory_inactive_file_bytes
                          ? stats->memory_bytes - stats->memory_inactive_file_bytes
                          : 0; /* without what the kernel can take back at once, as Docker counts */

    *mark = (struct usage_mark){.when_us = clock_monotonic_us(), .cpu_ns = stats->cpu_ns};
    if (before.when_us == 0 || mark->when_us <= before.when_us || stats->cpu_ns < before.cpu_ns)
        return false;
    SET(to, cpu_units,
        (double)(stats->cpu_ns - before.cpu_ns) * UNITS_PER_VCPU / ((double)(mark->when_us - before.when_us) * 1000));
    SET(to, memory_mib, (double)memory / (1 << 20));
    return true;
}

void task_engine_usage(struct task_engine *engine, struct arena *arena, struct host_usage *ret_usage)
{
    struct host_usage usage = {.tasks = {NULL, 0}};
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&engine->lock);
    usage.tasks.items = arena_array(arena, struct host_task_usage, engine->tasks.count + 1);
    while ((hosted = map_next(&engine->tasks, &at)) != NULL) {
        struct host_task_usage *one = &usage.tasks.items[usage.tasks.count];
        struct cgroup_stats stats;
        struct fail f;

        if (hosted->task->phase != TASK_RUNNING || !runtime_task_stats(engine->runtime, hosted->task_id, &stats, &f) ||
            !look(&hosted->used, &stats, one))
            continue;
        one->task_arn = arena_str(arena, hosted->task->assignment->task_arn);
        usage.tasks.count++;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    *ret_usage = usage;
}
