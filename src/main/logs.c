/* `berth logs TASK`: what a task's containers wrote, from this host's files (node/task/log_files.h); of those that log
 * to CloudWatch Logs, the command that shows it. Needs no server. */
#include "base/must.h"
#include "base/when.h"
#include "main/data_dir.h"
#include "main/verbs.h"
#include "node/task/log_keep.h"
#include "node/task/log_route.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

enum { FOLLOW_LOOK_MS = 100 };

struct logs_options {
    const char *data, *container;
    bool follow, timestamps;
};

struct shown_container {
    struct log_route_record record;
    size_t number;
    struct log_source source;
    bool there; /* a line waits to be printed */
    struct log_source_line line;
};

struct view {
    const struct logs_options *options;
    char dir[LOG_PATH_BYTES - 100];
    struct str task_id;
    struct arena arena;
    struct shown_container containers[LOG_CONTAINERS_MAX];
    size_t count;
    size_t name_width; /* 0: names are not shown */
};

/* ---- which task ---- */

/* An ARN's last part; an id, or the beginning of one that only one task has. */
static bool find_task(struct view *view, struct str asked, struct fail *f)
{
    struct str id = str_from(asked, str_find_last(asked, '/') == asked.len ? 0 : str_find_last(asked, '/') + 1);
    DIR *dir = opendir(view->dir);
    const struct dirent *entry;
    size_t found = 0;

    if (dir == NULL)
        return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "no host keeps its logs in %s: %s", view->dir,
                    strerror(errno));
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && id.len > 0 && str_starts(str_of(entry->d_name), id)) {
            view->task_id = arena_str(&view->arena, str_of(entry->d_name));
            found++;
        }
    (void)closedir(dir);
    if (found > 1)
        return fail(f, FAIL_INPUT, "%zu tasks begin with '%.*s'; give more of the id", found, STR_ARG(id));
    if (found == 0)
        return fail(f, FAIL_NOT_FOUND,
                    "this host has no log of task '%.*s': it never ran here, or stopped more than an hour ago",
                    STR_ARG(id));
    return true;
}

/* ---- which containers ---- */

static bool open_lines(struct view *view, struct shown_container *container, struct fail *f)
{
    struct log_mark mark = {0};
    char path[LOG_PATH_BYTES];
    struct stat st = {0};
    auto_fd fd = -1;

    log_file_path(view->dir, view->task_id, container->number, "log", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0)
        mark.from = log_file_begin(fd);
    return log_source_open(path, st.st_ino, mark, &container->source, f);
}

static bool add_container(struct view *view, const struct log_route_record *record, size_t number, struct fail *f)
{
    struct shown_container *container = &view->containers[view->count];

    if (view->options->container != NULL && !str_is(record->container_name, view->options->container))
        return true;
    container->record = *record;
    container->number = number;
    view->count++;
    return !log_route_is_kept_here(record->configuration) || open_lines(view, container, f);
}

static bool find_containers(struct view *view, struct fail *f)
{
    for (size_t i = 0; i < LOG_CONTAINERS_MAX; i++) {
        struct log_route_record record;

        if (!log_route_read(view->dir, view->task_id, i, &view->arena, &record, f)) {
            if (f->code == FAIL_NOT_FOUND)
                continue;
            return false;
        }
        if (!add_container(view, &record, i, f))
            return false;
    }
    if (view->count == 0)
        return fail(f, FAIL_NOT_FOUND, "task %.*s has no container%s%s", STR_ARG(view->task_id),
                    view->options->container == NULL ? "" : " named ",
                    view->options->container == NULL ? "" : view->options->container);
    return true;
}

/* ---- showing ---- */

static struct str option(const struct log_route_record *record, const char *name)
{
    for (size_t i = 0; i < record->configuration->options.count; i++)
        if (str_is(record->configuration->options.items[i].key, name))
            return record->configuration->options.items[i].value;
    return STR("");
}

static void point_elsewhere(const struct view *view, const struct shown_container *container)
{
    const struct log_route_record *record = &container->record;

    if (log_route_is_splunk(record->configuration)) {
        (void)fprintf(stderr, "Container %.*s writes to Splunk at %.*s\n", STR_ARG(record->container_name),
                      STR_ARG(option(record, "splunk-url")));
        return;
    }
    (void)fprintf(stderr, "Container %.*s writes to CloudWatch Logs; show it with\n", STR_ARG(record->container_name));
    (void)printf("aws logs tail %.*s --log-stream-names %.*s --region %.*s%s\n",
                 STR_ARG(option(record, "awslogs-group")), STR_ARG(record->log_stream),
                 STR_ARG(option(record, "awslogs-region")), view->options->follow ? " --follow" : "");
}

static void print_line(struct view *view, struct shown_container *container)
{
    struct line line = container->line.line;

    if (view->name_width > 0)
        (void)printf("%-*.*s  ", (int)view->name_width, STR_ARG(container->record.container_name));
    if (view->options->timestamps) {
        struct arena arena;

        arena_init(&arena, 4096);
        (void)printf("%s ", when_to_iso8601(&arena, line.when_ms).ptr);
        arena_free(&arena);
    }
    (void)fwrite(line.text.ptr, 1, line.text.len, stdout);
    (void)putchar('\n');
    container->there = false;
}

/* Looks for a line of every container that has none waiting; `ended`: also for one that was never ended. */
static bool look(struct view *view, bool ended, struct fail *f)
{
    for (size_t i = 0; i < view->count; i++) {
        struct shown_container *container = &view->containers[i];

        if (container->there || container->source.reader == NULL)
            continue;
        if (!log_source_next(&container->source, &container->there, &container->line, f))
            return false;
        if (!container->there && ended)
            log_source_rest(&container->source, &container->there, &container->line);
    }
    return true;
}

/* Prints all that is there, the oldest line first. */
static bool print_all(struct view *view, bool ended, struct fail *f)
{
    for (;;) {
        struct shown_container *oldest = NULL;

        if (!look(view, ended, f))
            return false;
        for (size_t i = 0; i < view->count; i++)
            if (view->containers[i].there &&
                (oldest == NULL || view->containers[i].line.line.when_ms < oldest->line.line.when_ms))
                oldest = &view->containers[i];
        if (oldest == NULL)
            return fflush(stdout) == 0 || fail(f, FAIL_SYSTEM, "write: %s", strerror(errno));
        print_line(view, oldest);
    }
}

static bool has_ended(const struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->containers[i].source.reader != NULL &&
            !log_keep_is_finished(view->dir, view->task_id, view->containers[i].number))
            return false;
    return true;
}

static bool show(struct view *view, struct fail *f)
{
    size_t shown = 0;

    for (size_t i = 0; i < view->count; i++) {
        struct shown_container *container = &view->containers[i];

        if (!log_route_is_kept_here(container->record.configuration)) {
            point_elsewhere(view, container);
            continue;
        }
        shown++;
        if (container->record.container_name.len > view->name_width)
            view->name_width = container->record.container_name.len;
    }
    if (shown < 2)
        view->name_width = 0;
    for (bool ended = false; !ended;) {
        ended = !view->options->follow || has_ended(view); /* asked before the last look */
        if (!print_all(view, ended, f))
            return false;
        if (!ended)
            (void)poll(NULL, 0, FOLLOW_LOOK_MS);
    }
    return true;
}

/* A task of which all containers write to Splunk has files there only. */
static bool find_task_somewhere(struct view *view, struct str id, struct fail *f)
{
    struct fail ignored;

    if (snprintf(view->dir, sizeof(view->dir), "%s/host/splunk", view->options->data) >= (int)sizeof(view->dir))
        return fail(f, FAIL_INPUT, "--data is too long");
    (void)snprintf(view->dir, sizeof(view->dir), "%s/host/logs", view->options->data);
    if (find_task(view, id, f))
        return true;
    (void)snprintf(view->dir, sizeof(view->dir), "%s/host/splunk", view->options->data);
    return f->code == FAIL_NOT_FOUND && find_task(view, id, &ignored);
}

int verb_logs(const struct verb *verb, int argc, char **argv)
{
    struct logs_options options = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &options.data},
        {"container", OPTION_TEXT, "NAME", "only of this container (all)", &options.container},
        {"follow", OPTION_FLAG, NULL, "go on until the task has ended", &options.follow},
        {"timestamps", OPTION_FLAG, NULL, "begin each line with the time it was written", &options.timestamps},
        {0},
    };
    struct view view = {.options = &options};
    struct fail f;
    int first;
    int status;
    bool good;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (first + 1 != argc) {
        (void)fprintf(stderr, "berth logs: give one task, by its id, the beginning of it, or its ARN\n");
        return EXIT_USAGE;
    }
    arena_init(&view.arena, ARENA_LIMIT_DEFAULT);
    good = find_task_somewhere(&view, str_of(argv[first]), &f) && find_containers(&view, &f) && show(&view, &f);
    for (size_t i = 0; i < view.count; i++)
        log_source_close(&view.containers[i].source);
    arena_free(&view.arena);
    return good ? EXIT_OK : verb_failed(verb, &f);
}
