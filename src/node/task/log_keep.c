#include "node/task/log_keep.h"

#include "base/buf.h"
#include "base/log.h"
#include "node/task/log_files.h"
#include "node/task/log_shipper.h"
#include "os/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BLOCK_BYTES = 512 /* of stat's st_blocks */ };

bool log_keep_finish(const char *logs_dir, struct str task_id, size_t container, struct fail *f)
{
    struct log_position position;
    auto_fd fd = -1;

    if (!log_position_open(logs_dir, task_id, container, &fd, &position, f))
        return false;
    position.finished = true;
    return log_position_write(fd, &position, f);
}

bool log_keep_is_finished(const char *logs_dir, struct str task_id, size_t container)
{
    struct log_position position;
    struct fail ignored;
    char path[LOG_PATH_BYTES];
    auto_fd fd = -1;

    log_file_path(logs_dir, task_id, container, "position", path);
    return access(path, F_OK) == 0 && log_position_open(logs_dir, task_id, container, &fd, &position, &ignored) &&
           position.finished;
}

void log_keep_cut(const char *path)
{
    auto_fd fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 &&
        (uint64_t)st.st_blocks * FILE_BLOCK_BYTES > LOG_KEPT_BYTES + LOG_KEPT_BYTES / 4)
        log_file_punch(fd, (uint64_t)st.st_size - LOG_KEPT_BYTES);
}

/* ---- tasks ---- */

struct kept {
    char task_id[65];
    int64_t ended_ms; /* 0: it has not */
};

static int64_t mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Looks at every container of a task; the task has ended with the last of them. */
static void look(const char *logs_dir, struct kept *task)
{
    struct str task_id = str_of(task->task_id);
    struct stat st;
    char path[LOG_PATH_BYTES];
    bool any = false;

    for (size_t i = 0; i < LOG_CONTAINERS_MAX; i++) {
        log_file_path(logs_dir, task_id, i, "route", path);
        if (stat(path, &st) != 0)
            continue;
        any = true;
        if (!log_keep_is_finished(logs_dir, task_id, i)) {
            task->ended_ms = 0;
            return;
        }
        log_file_path(logs_dir, task_id, i, "position", path);
        if (stat(path, &st) == 0 && mtime_ms(&st) > task->ended_ms)
            task->ended_ms = mtime_ms(&st);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", logs_dir, task->task_id);
    if (!any && stat(path, &st) == 0) /* an empty folder: no container came to start */
        task->ended_ms = mtime_ms(&st);
}

static int newest_first(const void *left, const void *right)
{
    const struct kept *a = left;
    const struct kept *b = right;

    return a->ended_ms != b->ended_ms ? (a->ended_ms > b->ended_ms ? -1 : 1) : strcmp(a->task_id, b->task_id);
}

static void list_ended(const char *logs_dir, struct buf *ended)
{
    DIR *dir = opendir(logs_dir);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct kept task = {.ended_ms = 0};

        if (entry->d_name[0] == '.' || !str_to_buffer(str_of(entry->d_name), task.task_id, sizeof(task.task_id)))
            continue;
        look(logs_dir, &task);
        if (task.ended_ms > 0)
            buf_add(ended, (struct str){(const char *)&task, sizeof(task)});
    }
    if (dir != NULL)
        (void)closedir(dir);
}

void log_keep_tidy(const char *logs_dir, int64_t now_ms)
{
    auto_buf ended = {.limit = BUF_LIMIT_DEFAULT};
    struct kept *tasks;
    size_t count;

    list_ended(logs_dir, &ended);
    tasks = (struct kept *)(void *)ended.ptr;
    count = ended.len / sizeof(*tasks);
    if (count > 0)
        qsort(tasks, count, sizeof(*tasks), newest_first);
    for (size_t i = 0; i < count; i++) {
        char path[LOG_PATH_BYTES];
        struct fail f;

        if (i < LOG_KEPT_TASKS && tasks[i].ended_ms > now_ms - LOG_KEPT_MS)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", logs_dir, tasks[i].task_id);
        if (!path_remove(path, &f))
            log_error("an old log stays: %s", f.message);
    }
}
