/* Lives of tasks as tables: what happens, which actions are asked for, what the server is told. */
#include "node/task/task.h"

#include "base/buf.h"
#include "base/must.h"
#include "model/interpret.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

enum { STEPS_MAX = 16, CONTAINERS_MAX = 3 };

/* What happens, in words, at a time in seconds; then the plan's actions, and the task's and containers' statuses. */
struct step {
    const char *event;
    int64_t now_s;
    const char *actions;
    const char *status;
};

struct life {
    const char *name;
    struct ecs_container_definition containers[CONTAINERS_MAX];
    struct step steps[STEPS_MAX];
    const char *stop_code; /* at the end; "": none */
    const char *reason;
};

#define ON(container, on)                                                                                              \
    .depends_on = {.items = (struct ecs_container_dependency[]){{.container_name = STR_INIT(container),                \
                                                                 .condition = ECS_CONTAINER_CONDITION_##on}},          \
                   .count = 1}
#define OPTIONAL        .has_essential = true, .essential = false
#define STOP_TIMEOUT(s) .has_stop_timeout = true, .stop_timeout = (s)

static struct ecs_health_check two_failures = {.has_interval = true, .interval = 10, .has_retries = true, .retries = 2};
static struct ecs_health_check one_failure = {.has_interval = true, .interval = 10, .has_retries = true, .retries = 1};
static struct ecs_health_check slow_start = {.has_interval = true,
                                             .interval = 10,
                                             .has_retries = true,
                                             .retries = 1,
                                             .has_start_period = true,
                                             .start_period = 35};
static struct ecs_container_restart_policy restarts = {.enabled = true,
                                                       .has_restart_attempt_period = true,
                                                       .restart_attempt_period = 60,
                                                       .ignored_exit_codes = {.items = (int32_t[]){7}, .count = 1}};

static const struct life lives[] = {
    {"one container",
     {{.name = STR_INIT("a"), STOP_TIMEOUT(5)}},
     {{"", 0, "network pull0", "PENDING a:PENDING"},
      {"", 0, "", "PENDING a:PENDING"},
      {"network good", 1, "", "PENDING a:PENDING"},
      {"pull0 good", 2, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 3, "", "RUNNING a:RUNNING"},
      {"unwanted", 10, "terminate0", "STOPPING a:RUNNING"},
      {"", 14, "", "STOPPING a:RUNNING"},
      {"", 15, "kill0", "STOPPING a:RUNNING"},
      {"", 16, "", "STOPPING a:RUNNING"},
      {"exit0 137", 17, "delete0", "STOPPED a:STOPPED=137"},
      {"delete0", 18, "remove", "STOPPED a:STOPPED=137"},
      {"removed", 19, "", "GONE a:STOPPED=137"}},
     "UserInitiated",
     ""},
    {"an essential container's end stops the others",
     {{.name = STR_INIT("a")}, {.name = STR_INIT("b"), STOP_TIMEOUT(0)}},
     {{"", 0, "network pull0 pull1", "PENDING a:PENDING b:PENDING"},
      {"network good", 1, "", "PENDING a:PENDING b:PENDING"},
      {"pull1 good", 1, "", "PENDING a:PENDING b:PENDING"},
      {"pull0 good", 2, "start0 start1", "ACTIVATING a:PENDING b:PENDING"},
      {"start1 good", 3, "", "ACTIVATING a:PENDING b:RUNNING"},
      {"start0 good", 3, "", "RUNNING a:RUNNING b:RUNNING"},
      {"exit0 0", 4, "kill1", "STOPPING a:STOPPED=0 b:RUNNING"},
      {"exit1 137", 5, "delete0 delete1", "STOPPED a:STOPPED=0 b:STOPPED=137"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"the end of one that is not essential is none of the task's",
     {{.name = STR_INIT("a")}, {.name = STR_INIT("b"), OPTIONAL}},
     {{"ready", 0, "start0 start1", "ACTIVATING a:PENDING b:PENDING"},
      {"start0 good", 1, "", "ACTIVATING a:RUNNING b:PENDING"},
      {"start1 good", 1, "", "RUNNING a:RUNNING b:RUNNING"},
      {"exit1 3", 2, "", "RUNNING a:RUNNING b:STOPPED=3"}},
     "",
     ""},
    {"a container that ended before its start was told has started all the same",
     {{.name = STR_INIT("a"), ON("b", COMPLETE)},
      {.name = STR_INIT("b"), OPTIONAL},
      {.name = STR_INIT("c"), ON("b", START)}},
     {{"ready", 0, "start1", "ACTIVATING a:PENDING b:PENDING c:PENDING"},
      {"exit1 3", 1, "", "ACTIVATING a:PENDING b:PENDING c:PENDING"},
      {"start1 good", 1, "start0 start2", "ACTIVATING a:PENDING b:STOPPED=3 c:PENDING"},
      {"start0 good", 2, "", "ACTIVATING a:RUNNING b:STOPPED=3 c:PENDING"},
      {"start2 good", 2, "", "RUNNING a:RUNNING b:STOPPED=3 c:RUNNING"}},
     "",
     ""},
    {"it did not run long enough to be started again either",
     {{.name = STR_INIT("a"), .restart_policy = &restarts}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"exit0 1", 60, "start0", "RUNNING a:PENDING+1"},
      {"exit0 1", 200, "", "RUNNING a:PENDING+1"},
      {"start0 good", 200, "delete0", "STOPPED a:STOPPED=1+1"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"SUCCESS is waited for, and stopping goes the other way round",
     {{.name = STR_INIT("a"), ON("b", SUCCESS)},
      {.name = STR_INIT("b"), OPTIONAL},
      {.name = STR_INIT("c"), ON("a", START)}},
     {{"ready", 0, "start1", "ACTIVATING a:PENDING b:PENDING c:PENDING"},
      {"start1 good", 1, "", "ACTIVATING a:PENDING b:RUNNING c:PENDING"},
      {"exit1 0", 2, "start0", "ACTIVATING a:PENDING b:STOPPED=0 c:PENDING"},
      {"start0 good", 3, "start2", "ACTIVATING a:RUNNING b:STOPPED=0 c:PENDING"},
      {"start2 good", 4, "", "RUNNING a:RUNNING b:STOPPED=0 c:RUNNING"},
      {"unwanted", 5, "terminate2", "STOPPING a:RUNNING b:STOPPED=0 c:RUNNING"},
      {"exit2 143", 6, "terminate0", "STOPPING a:RUNNING b:STOPPED=0 c:STOPPED=143"},
      {"exit0 143", 7, "delete0 delete1 delete2", "STOPPED a:STOPPED=143 b:STOPPED=0 c:STOPPED=143"}},
     "UserInitiated",
     ""},
    {"SUCCESS that cannot come any more fails the task",
     {{.name = STR_INIT("a"), ON("b", SUCCESS)}, {.name = STR_INIT("b"), OPTIONAL}},
     {{"ready", 0, "start1", "ACTIVATING a:PENDING b:PENDING"},
      {"start1 good", 1, "", "ACTIVATING a:PENDING b:RUNNING"},
      {"exit1 1", 2, "delete1", "STOPPED a:STOPPED b:STOPPED=1"}},
     "TaskFailedToStart",
     "DependencyError: container b did not reach condition SUCCESS"},
    {"HEALTHY has until the startTimeout of the one that is waited for",
     {{.name = STR_INIT("a"), ON("b", HEALTHY)},
      {.name = STR_INIT("b"),
       .has_start_timeout = true,
       .start_timeout = 30,
       STOP_TIMEOUT(0),
       .health_check = &two_failures}},
     {{"ready", 0, "start1", "ACTIVATING a:PENDING b:PENDING"},
      {"start1 good", 1, "", "ACTIVATING a:PENDING b:RUNNING"},
      {"", 11, "check1", "ACTIVATING a:PENDING b:RUNNING"},
      {"check1 bad", 12, "", "ACTIVATING a:PENDING b:RUNNING"},
      {"", 31, "kill1", "STOPPING a:PENDING b:RUNNING"}},
     "TaskFailedToStart",
     "DependencyError: container b did not reach condition HEALTHY"},
    {"an unhealthy container stops its task",
     {{.name = STR_INIT("a"), .health_check = &two_failures}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"", 10, "check0", "RUNNING a:RUNNING"},
      {"check0 bad", 10, "", "RUNNING a:RUNNING"},
      {"", 20, "check0", "RUNNING a:RUNNING"},
      {"check0 good", 20, "", "RUNNING a:RUNNING/HEALTHY"}, /* forgives */
      {"", 30, "check0", "RUNNING a:RUNNING/HEALTHY"},
      {"check0 bad", 30, "", "RUNNING a:RUNNING/HEALTHY"},
      {"", 40, "check0", "RUNNING a:RUNNING/HEALTHY"},
      {"check0 bad", 40, "terminate0", "STOPPING a:RUNNING/UNHEALTHY"}},
     "EssentialContainerExited",
     "Task failed container health checks"},
    {"failures in the start period do not count",
     {{.name = STR_INIT("a"), .health_check = &slow_start}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"", 10, "check0", "RUNNING a:RUNNING"},
      {"check0 bad", 11, "", "RUNNING a:RUNNING"},
      {"", 21, "check0", "RUNNING a:RUNNING"},
      {"check0 bad", 22, "", "RUNNING a:RUNNING"},
      {"", 32, "check0", "RUNNING a:RUNNING"},
      {"check0 bad", 35, "terminate0", "STOPPING a:RUNNING/UNHEALTHY"}},
     "EssentialContainerExited",
     "Task failed container health checks"},
    {"a container that ran long enough is started again, but not after an ignored exit code",
     {{.name = STR_INIT("a"), .restart_policy = &restarts}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"exit0 1", 60, "start0", "RUNNING a:PENDING+1"},
      {"start0 good", 61, "", "RUNNING a:RUNNING+1"},
      {"exit0 7", 200, "delete0", "STOPPED a:STOPPED=7+1"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"a container that ended too soon is not started again",
     {{.name = STR_INIT("a"), .restart_policy = &restarts}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"exit0 1", 59, "delete0", "STOPPED a:STOPPED=1"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"a check that the end of its container took along says nothing of the next life",
     {{.name = STR_INIT("a"), .restart_policy = &restarts, .health_check = &one_failure}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"},
      {"start0 good", 0, "", "RUNNING a:RUNNING"},
      {"", 60, "check0", "RUNNING a:RUNNING"},
      {"exit0 1", 60, "", "RUNNING a:PENDING"},
      {"check0 bad", 61, "start0", "RUNNING a:PENDING+1"},
      {"start0 good", 61, "", "RUNNING a:RUNNING+1"},
      {"", 71, "check0", "RUNNING a:RUNNING+1"},
      {"void0", 72, "", "RUNNING a:RUNNING+1"},
      {"", 82, "check0", "RUNNING a:RUNNING+1"}},
     "",
     ""},
    {"what fails is waited for: a pull that is under way ends first",
     {{.name = STR_INIT("a")}, {.name = STR_INIT("b")}},
     {{"", 0, "network pull0 pull1", "PENDING a:PENDING b:PENDING"},
      {"pull0 bad", 1, "", "STOPPING a:PENDING b:PENDING"},
      {"network good", 2, "", "STOPPING a:PENDING b:PENDING"},
      {"pull1 good", 3, "remove", "STOPPED a:STOPPED b:STOPPED"},
      {"removed", 4, "", "GONE a:STOPPED b:STOPPED"}},
     "TaskFailedToStart",
     "why"},
    {"a start that fails",
     {{.name = STR_INIT("a")}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING"}, {"start0 bad", 1, "delete0", "STOPPED a:STOPPED"}},
     "TaskFailedToStart",
     "why"},
    {"a task that the server knows nothing of is killed at once",
     {{.name = STR_INIT("a")}, {.name = STR_INIT("b"), ON("a", START)}},
     {{"ready", 0, "start0", "ACTIVATING a:PENDING b:PENDING"},
      {"start0 good", 0, "start1", "ACTIVATING a:RUNNING b:PENDING"},
      {"start1 good", 0, "", "RUNNING a:RUNNING b:RUNNING"},
      {"forgotten", 1, "kill0 kill1", "STOPPING a:RUNNING b:RUNNING"}},
     "UserInitiated",
     ""},
    {"an adopted container needs neither network nor image",
     {{.name = STR_INIT("a")}},
     {{"adopt0", 5, "", "RUNNING a:RUNNING"}, {"exit0 0", 6, "delete0", "STOPPED a:STOPPED=0"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"an adopted container is as healthy as it was, until a check says otherwise",
     {{.name = STR_INIT("a"), .health_check = &two_failures}},
     {{"adopt0", 5, "", "RUNNING a:RUNNING"},
      {"recall0 HEALTHY", 5, "", "RUNNING a:RUNNING/HEALTHY"},
      {"", 15, "check0", "RUNNING a:RUNNING/HEALTHY"},
      {"check0 bad", 15, "terminate0", "STOPPING a:RUNNING/UNHEALTHY"}}, /* the second failure */
     "EssentialContainerExited",
     "Task failed container health checks"},
    {"an adopted container that was found unhealthy goes on being stopped",
     {{.name = STR_INIT("a"), .health_check = &two_failures}},
     {{"adopt0", 5, "", "RUNNING a:RUNNING"}, {"recall0 UNHEALTHY", 5, "terminate0", "STOPPING a:RUNNING/UNHEALTHY"}},
     "EssentialContainerExited",
     "Task failed container health checks"},
    {"an adopted container keeps its count of restarts, and the one that is to be started begins with no health",
     {{.name = STR_INIT("a"), .restart_policy = &restarts},
      {.name = STR_INIT("b"), OPTIONAL, .restart_policy = &restarts, .health_check = &two_failures}},
     {{"adopt0", 5, "pull1", "PENDING a:RUNNING b:PENDING"},
      {"recall0 UNKNOWN", 5, "", "PENDING a:RUNNING+2 b:PENDING"},
      {"recall1 HEALTHY", 5, "", "PENDING a:RUNNING+2 b:PENDING+2"},
      {"exit0 1", 65, "", "PENDING a:PENDING+2 b:PENDING+2"},
      {"pull1 good", 65, "start0 start1", "ACTIVATING a:PENDING+3 b:PENDING+2"}},
     "",
     ""},
    {"a task that had stopped is not run again",
     {{.name = STR_INIT("a")}, {.name = STR_INIT("b"), OPTIONAL}},
     {{"end", 5, "remove", "STOPPED a:STOPPED=5 b:STOPPED"}, {"removed", 6, "", "GONE a:STOPPED=5 b:STOPPED"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
    {"a container that was left of a task that had stopped tells its end by itself",
     {{.name = STR_INIT("a"), STOP_TIMEOUT(5)}},
     {{"adopt0", 5, "", "RUNNING a:RUNNING"},
      {"end", 5, "terminate0", "STOPPING a:RUNNING"},
      {"exit0 5", 6, "delete0", "STOPPED a:STOPPED=5"},
      {"delete0", 7, "remove", "STOPPED a:STOPPED=5"}},
     "EssentialContainerExited",
     "Essential container in task exited"},
};

static int number_in(const char *text)
{
    int64_t number;

    must(str_to_int64(str_trim(str_of(text)), &number));
    return (int)number;
}

/* Of that health, after one failure, and two restarts where there is a policy. */
static struct container_memory remembered(const struct task *task, size_t i, const char *health)
{
    return (struct container_memory){.restart_count = task->containers[i].definition->restart_policy == NULL ? 0 : 2,
                                     .health =
                                         (enum ecs_health_status)enum_value(&ecs_health_status_shape, str_of(health)),
                                     .health_failures = 1};
}

/* Its first container exited with 5. */
static void recall_end(struct task *task)
{
    struct host_container_report first = {.name = STR("a"), .runtime_id = STR("r")};

    SET(&first, exit_code, 5);
    task_recall_end(task, &(struct host_task_report){.stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED,
                                                     .reason = STR("Essential container in task exited"),
                                                     .containers = {&first, 1}});
}

/* "start0 good": the verb, the container, how it ended. */
static void happen(struct task *task, const char *event, struct moment now)
{
    size_t verb = strcspn(event, "0123456789 ");
    size_t i = event[verb] >= '0' && event[verb] <= '9' ? (size_t)(event[verb] - '0') : 0;
    const char *how = strchr(event, ' ');
    bool good = how != NULL && strcmp(how, " good") == 0;
    struct str name = {event, verb};

    if (str_is(name, "network"))
        task_network_done(task, good, STR("why"));
    else if (str_is(name, "pull"))
        task_pull_done(task, i, good, good ? STR("sha256:x") : STR("why"), now);
    else if (str_is(name, "start"))
        task_start_done(task, i, good, STR("why"), now);
    else if (str_is(name, "check"))
        task_check_done(task, i, good, now);
    else if (str_is(name, "void"))
        task_check_void(task, i, now);
    else if (str_is(name, "exit"))
        task_exited(task, i, number_in(how), false, now);
    else if (str_is(name, "delete"))
        task_delete_done(task, i);
    else if (str_is(name, "removed"))
        task_network_removed(task, now.wall_ms);
    else if (str_is(name, "unwanted"))
        task_want(task, false);
    else if (str_is(name, "forgotten"))
        task_forget(task);
    else if (str_is(name, "adopt"))
        task_adopt(task, i, STR("sha256:x"), now);
    else if (str_is(name, "recall"))
        task_recall(task, i, remembered(task, i, how + 1));
    else if (str_is(name, "end"))
        recall_end(task);
    else
        must(verb == 0);
}

static void plan(struct task *task, struct moment now, struct buf *text)
{
    static const char *const words[] = {
        [ACTION_NETWORK] = "network", [ACTION_PULL] = "pull",
        [ACTION_START] = "start",     [ACTION_TERMINATE] = "terminate",
        [ACTION_KILL] = "kill",       [ACTION_CHECK] = "check",
        [ACTION_DELETE] = "delete",   [ACTION_REMOVE_NETWORK] = "remove",
    };
    struct action actions[3 * CONTAINERS_MAX + 2];
    int64_t again_ms;
    size_t count = task_plan(task, now, actions, &again_ms);

    for (size_t i = 0; i < count; i++) {
        buf_printf(text, "%s%s", text->len == 0 ? "" : " ", words[actions[i].kind]);
        if (actions[i].kind != ACTION_NETWORK && actions[i].kind != ACTION_REMOVE_NETWORK)
            buf_printf(text, "%zu", actions[i].container);
    }
}

/* Somebody sets the wall clock all the time: what is waited for does not hang on it. */
static struct moment moment_at(int64_t now_s)
{
    static const int64_t set_ms[] = {0, DAY_MS, -DAY_MS, 2 * DAY_MS, DAY_MS, -2 * DAY_MS, -DAY_MS};
    static size_t times;

    return (struct moment){INT64_C(1700000000000) + now_s * SECOND_MS + set_ms[times++ % COUNT_OF(set_ms)],
                           now_s * SECOND_MS};
}

/* To where network and images are there, as most lives begin. */
static void make_ready(struct task *task)
{
    auto_buf ignored = {.ptr = NULL};

    plan(task, moment_at(0), &ignored);
    task_network_done(task, true, STR(""));
    for (size_t i = 0; i < task->container_count; i++)
        task_pull_done(task, i, true, STR("sha256:x"), moment_at(0));
}

static void tell(const struct task *task, struct buf *text)
{
    struct host_task_report report;
    struct arena arena;

    arena_init(&arena, (size_t)1 << 16);
    report = task_report(task, &arena);
    buf_printf(text, "%s", enum_name(&host_task_status_shape, (int)report.status));
    for (size_t i = 0; i < report.containers.count; i++) {
        const struct host_container_report *container = &report.containers.items[i];

        buf_printf(text, " %.*s:%s", STR_ARG(container->name),
                   enum_name(&host_container_status_shape, (int)container->status));
        if (container->has_exit_code)
            buf_printf(text, "=%d", container->exit_code);
        if (container->restart_count > 0)
            buf_printf(text, "+%d", container->restart_count);
        if (container->health != ECS_HEALTH_STATUS_UNKNOWN)
            buf_printf(text, "/%s", enum_name(&ecs_health_status_shape, (int)container->health));
    }
    arena_free(&arena);
}

static void assert_says(const struct life *life, size_t step, struct buf *said, const char *expected)
{
    buf_add_char(said, '\0');
    if (strcmp(said->ptr, expected) != 0)
        fail_msg("%s, step %zu: \"%s\" where \"%s\" was expected", life->name, step, said->ptr, expected);
}

static void live(const struct life *life)
{
    struct ecs_task_definition definition = {
        .container_definitions = {.items = (struct ecs_container_definition *)(uintptr_t)life->containers}};
    struct host_task_assignment assignment = {.task_id = STR("t"), .task_definition = &definition};
    struct task *task;

    while (definition.container_definitions.count < CONTAINERS_MAX &&
           life->containers[definition.container_definitions.count].name.ptr != NULL)
        definition.container_definitions.count++;
    task = task_new(&assignment);
    for (size_t i = 0; i < STEPS_MAX && life->steps[i].event != NULL; i++) {
        const struct step *step = &life->steps[i];
        auto_buf actions = {.ptr = NULL};
        auto_buf status = {.ptr = NULL};

        if (strcmp(step->event, "ready") == 0)
            make_ready(task);
        else
            happen(task, step->event, moment_at(step->now_s));
        plan(task, moment_at(step->now_s), &actions);
        tell(task, &status);
        assert_says(life, i, &actions, step->actions);
        assert_says(life, i, &status, step->status);
    }
    assert_string_equal(task->stop_code == 0 ? "" : enum_name(&ecs_task_stop_code_shape, (int)task->stop_code),
                        life->stop_code);
    assert_true(str_is(task->reason, life->reason));
    task_free(task);
}

static void lives_go_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lives); i++)
        live(&lives[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lives_go_as_written)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
