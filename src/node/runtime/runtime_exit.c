/* Owns the noticing of a container's end: by its exit file (inotify on the exits directory) or, without one, by the end
 * of its supervisor (a pidfd). Both wake the same epoll descriptor, and runtime_dispatch looks at the file. */
#include "node/runtime/runtime_internal.h"

#include "os/clock.h"
#include "os/files.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

enum { CODE_LOST = 128 + SIGKILL, EVENTS_MAX = 64 };

static bool read_pid(const char *directory, const char *file, pid_t *ret_pid)
{
    char path[PATH_BYTES];
    uint64_t pid;
    struct fail f;

    path_format(path, "%s/%s", directory, file);
    if (!small_file_read_number(path, &pid, &f) || pid < 2 || pid > INT32_MAX)
        return false;
    *ret_pid = (pid_t)pid;
    return true;
}

/* A pid from a file may be another process's by now: a supervisor names the container's directory in its arguments. */
static bool names_directory(pid_t pid, const char *directory)
{
    char path[PATH_BYTES];
    char arguments[SMALL_FILE_BYTES];
    struct str text;
    struct fail f;

    path_format(path, "/proc/%d/cmdline", pid);
    return small_file_read(path, arguments, sizeof(arguments), &text, &f) &&
           str_search(text, str_of(directory)) < text.len;
}

/* pidfds first, then the look: a pid that is looked at through /proc while we hold a pidfd of it was not reused, if the
 * pidfd still shows it alive afterwards. */
int container_open_supervisor(const char *directory)
{
    pid_t pid;
    auto_fd pidfd = -1;

    if (!read_pid(directory, "supervisor", &pid))
        return -1;
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0 || !names_directory(pid, directory))
        return -1;
    return take_fd(&pidfd);
}

static int open_first_process(const struct container *container, const char *directory, pid_t *ret_pid)
{
    pid_t pid;
    auto_fd pidfd = -1;

    if (!read_pid(directory, "pid", &pid))
        return -1;
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0 || !cgroup_contains(container->record.cgroup, pid))
        return -1;
    *ret_pid = pid;
    return take_fd(&pidfd);
}

bool container_watch(struct runtime *runtime, struct container *container, const char *directory, struct fail *f)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = container};

    container->pidfd = open_first_process(container, directory, &container->pid);
    container->supervisor = container_open_supervisor(directory);
    if (container->supervisor >= 0 && epoll_ctl(runtime->epoll_fd, EPOLL_CTL_ADD, container->supervisor, &event) != 0)
        return fail(f, FAIL_SYSTEM, "watch a supervisor: %s", strerror(errno));
    return true;
}

/* Taken out of the epoll set by hand: a copy of the descriptor may live on in a child that is being started. */
void container_unwatch(struct runtime *runtime, struct container *container)
{
    if (container->supervisor >= 0)
        (void)epoll_ctl(runtime->epoll_fd, EPOLL_CTL_DEL, container->supervisor, NULL);
    close_fd_at(&container->supervisor);
    container->supervisor = -1;
}

void container_wake(struct runtime *runtime, struct container *container)
{
    list_remove(&container->pending_link);
    list_add_last(&runtime->pending, &container->pending_link);
    (void)eventfd_write(runtime->wake_fd, 1);
}

bool container_has_ended(const struct runtime *runtime, const struct container *container)
{
    char path[PATH_BYTES];

    container_exit_path(runtime, container->record.id, path);
    return access(path, F_OK) == 0;
}

void container_set_stopped(struct container *container)
{
    container->state = CONTAINER_STOPPED;
    container->pid = 0;
    close_fd_at(&container->pidfd);
    container->pidfd = -1;
}

static bool write_lost(const struct runtime *runtime, const struct container_record *record, struct fail *f)
{
    char path[PATH_BYTES];

    container_exit_path(runtime, record->id, path);
    return file_replace(path, STR("137 lost"), 0600, f);
}

bool container_write_lost(const struct runtime *runtime, const struct container_record *record, struct fail *f)
{
    return cgroup_kill(&runtime->cgroups, record->cgroup, KILL_TIMEOUT_MS, f) && write_lost(runtime, record, f);
}

/* The exit file holds the status in decimal; "137 lost" when we wrote it for want of a supervisor. */
static bool read_exit(const struct runtime *runtime, const struct container *container, struct runtime_exit *ret_exit)
{
    char path[PATH_BYTES];
    char buffer[64];
    struct str text;
    struct str word;
    struct stat st;
    uint64_t code;
    struct fail f;

    container_exit_path(runtime, container->record.id, path);
    if (stat(path, &st) != 0 || !small_file_read(path, buffer, sizeof(buffer), &text, &f))
        return false;
    word = str_cut(text, ' ', &text);
    if (!str_to_uint64(word, &code) || code > 255)
        code = CODE_LOST;
    *ret_exit = (struct runtime_exit){
        .code = (int)code,
        .oom_killed = code != 0 && cgroup_oom_kills(&runtime->cgroups, container->record.cgroup) > 0,
        .lost = str_is(text, "lost"),
        .when_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
    };
    return true;
}

/* Moves everybody whose exit file was written to `pending`; after a lost event, everybody. */
static void drain_inotify(struct runtime *runtime)
{
    _Alignas(struct inotify_event) char buffer[16384];
    ssize_t len;
    size_t at = 0;

    while ((len = read(runtime->inotify_fd, buffer, sizeof(buffer))) > 0) {
        for (const char *next = buffer; next < buffer + len;) {
            const struct inotify_event *event = (const void *)next;
            struct container *container = event->len == 0 ? NULL : map_get(&runtime->containers, str_of(event->name));

            if (container != NULL)
                container_wake(runtime, container);
            if ((event->mask & IN_Q_OVERFLOW) != 0)
                while ((container = map_next(&runtime->containers, &at)) != NULL)
                    container_wake(runtime, container);
            next += sizeof(*event) + event->len;
        }
    }
}

/* Everything that epoll knows becomes a container in `pending`. */
static bool gather(struct runtime *runtime, struct fail *f)
{
    struct epoll_event events[EVENTS_MAX];
    eventfd_t count;
    int ready;

    do {
        ready = epoll_wait(runtime->epoll_fd, events, EVENTS_MAX, 0);
        if (ready < 0 && errno != EINTR)
            return fail(f, FAIL_SYSTEM, "epoll_wait: %s", strerror(errno));
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &runtime->inotify_fd) {
                drain_inotify(runtime);
            } else if (events[i].data.ptr == &runtime->wake_fd) {
                (void)eventfd_read(runtime->wake_fd, &count);
            } else {
                container_unwatch(runtime, events[i].data.ptr);
                container_wake(runtime, events[i].data.ptr);
            }
        }
    } while (ready == EVENTS_MAX || (ready < 0 && errno == EINTR));
    return true;
}

/* What `exited` is told, safe from a runtime_delete in another thread. */
struct told {
    struct runtime_exit exit;
    char id[CONTAINER_ID_BYTES];
    char task_id[CONTAINER_ID_BYTES];
};

static void note_told(struct container *container, struct told *told)
{
    container_set_stopped(container);
    container->told = true;
    memcpy(told->id, container->record.id, sizeof(told->id));
    memcpy(told->task_id, container->record.task_id, sizeof(told->task_id));
    told->exit.id = told->id;
    told->exit.task_id = told->task_id;
}

/* The next end to tell, or the next container whose supervisor is gone (*ret_orphan); false: neither. */
static bool next_end(struct runtime *runtime, struct told *ret_told, struct container_record *ret_orphan)
{
    while (!list_empty(&runtime->pending)) {
        struct container *container = list_item(list_take_first(&runtime->pending), struct container, pending_link);

        if (container->state == CONTAINER_STARTING || container->state == CONTAINER_DELETING || container->told)
            continue;
        ret_orphan->id[0] = '\0';
        if (read_exit(runtime, container, &ret_told->exit)) {
            note_told(container, ret_told);
            return true;
        }
        if (container->supervisor < 0) {
            *ret_orphan = container->record;
            return true;
        }
    }
    return false;
}

/* It ends for want of a supervisor. A file that says so wakes us again; where none can be written the end is told at
 * once. One that cannot be killed is tried again in the next round, after the others: false. */
static bool end_orphan(struct runtime *runtime, const struct container_record *orphan, struct fail *f)
{
    struct told told = {.exit = {.code = CODE_LOST, .lost = true, .when_ms = clock_moment().wall_ms}};
    bool killed = cgroup_kill(&runtime->cgroups, orphan->cgroup, KILL_TIMEOUT_MS, f);
    struct container *container;
    struct fail why;
    bool tell;

    if (killed && write_lost(runtime, orphan, &why))
        return true;
    (void)pthread_mutex_lock(&runtime->lock);
    container = map_get(&runtime->containers, str_of(orphan->id));
    tell = killed && container != NULL && container->state == CONTAINER_RUNNING && !container->told;
    if (tell)
        note_told(container, &told);
    else if (container != NULL && !killed)
        container_wake(runtime, container);
    (void)pthread_mutex_unlock(&runtime->lock);
    if (tell)
        runtime->exited(runtime->context, &told.exit);
    return killed;
}

bool runtime_dispatch(struct runtime *runtime, struct fail *f)
{
    struct told told;
    struct container_record orphan;
    bool good;
    bool more = true;

    (void)pthread_mutex_lock(&runtime->lock);
    good = gather(runtime, f);
    (void)pthread_mutex_unlock(&runtime->lock);
    while (good && more) {
        (void)pthread_mutex_lock(&runtime->lock);
        more = next_end(runtime, &told, &orphan);
        (void)pthread_mutex_unlock(&runtime->lock);
        if (more && orphan.id[0] != '\0')
            good = end_orphan(runtime, &orphan, f);
        else if (more)
            runtime->exited(runtime->context, &told.exit);
    }
    return good;
}

int runtime_fd(const struct runtime *runtime)
{
    return runtime->epoll_fd;
}
