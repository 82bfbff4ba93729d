/* The inside of stand-in hosts: a task's pretended life (pure), and the host that leads it. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "model/host.h"

struct stand_in_task {
    struct list link;
    struct arena arena;
    struct str arn;
    const struct str *containers; /* their names */
    size_t container_count;
    enum host_task_status status;
    bool wanted;
    bool news;       /* since the last report */
    int64_t next_ms; /* when it goes on; WHEN_NEVER */

    /* The script. */
    enum host_task_status hold; /* NONE: nowhere */
    bool pull_fails, exits;
    int32_t exit_code;
    enum ecs_health_status health;

    /* What is reported. */
    enum ecs_task_stop_code stop_code;
    struct str reason;
    int64_t pull_started_ms, pull_stopped_ms, started_ms, execution_stopped_ms; /* 0: not yet */
};

/* From an assignment; one that is to be stopped is GONE at once and needs no definition. */
struct stand_in_task *stand_in_task_new(const struct host_task_assignment *assignment, int64_t now_ms);
void stand_in_task_free(struct stand_in_task *task);
void stand_in_task_unwanted(struct stand_in_task *task, int64_t now_ms);
/* Takes the step that is due, if one is. */
void stand_in_task_advance(struct stand_in_task *task, int64_t now_ms, unsigned step_ms);
struct host_task_report stand_in_task_report(const struct stand_in_task *task, struct arena *arena);
