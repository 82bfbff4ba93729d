/* Owns TASK/N.memory: a line "RESTARTS HEALTH FAILURES". */
#include "node/task/container_memory.h"

#include "model/interpret.h"
#include "os/files.h"

#include <limits.h>
#include <stdio.h>

enum { PATH_BYTES_MAX = 300, LINE_BYTES = 64 };

struct path {
    char text[PATH_BYTES_MAX];
};

static struct path path_of(const char *task_dir, size_t container)
{
    struct path path;

    (void)snprintf(path.text, sizeof(path.text), "%s/%zu.memory", task_dir, container);
    return path;
}

bool container_memory_write(const char *task_dir, size_t container, const struct container_memory *memory,
                            struct fail *f)
{
    char line[LINE_BYTES];

    (void)snprintf(line, sizeof(line), "%d %s %d\n", memory->restart_count,
                   enum_name(&ecs_health_status_shape, (int)memory->health), memory->health_failures);
    return file_replace(path_of(task_dir, container).text, str_of(line), 0600, f);
}

static bool parse(struct str line, struct container_memory *ret_memory)
{
    struct str rest;
    struct str restarts = str_cut(str_trim(line), ' ', &rest);
    struct str health = str_cut(rest, ' ', &rest);
    struct container_memory memory = {.health = (enum ecs_health_status)enum_value(&ecs_health_status_shape, health)};
    uint64_t restart_count;
    uint64_t failures;

    if (!str_to_uint64(restarts, &restart_count) || !str_to_uint64(rest, &failures) || restart_count > INT_MAX ||
        failures > INT_MAX || memory.health == ECS_HEALTH_STATUS_NONE)
        return false;
    memory.restart_count = (int)restart_count;
    memory.health_failures = (int)failures;
    *ret_memory = memory;
    return true;
}

bool container_memory_read(const char *task_dir, size_t container, struct container_memory *ret_memory, struct fail *f)
{
    struct path path = path_of(task_dir, container);
    auto_buf text = {.limit = LINE_BYTES};

    if (!file_read(path.text, &text, f))
        return false;
    return parse(buf_str(&text), ret_memory) || fail(f, FAIL_INPUT, "%s is not as it was written", path.text);
}
