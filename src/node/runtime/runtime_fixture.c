/* Owns the world in which containers are tested. */
#include "node/runtime/runtime_fixture.h"

#include "node/runtime/borrowed_child.h"
#include "node/runtime/container_log.h"
#include "node/runtime/small_file.h"
#include "os/clock.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *const applets[] = {"cat",      "chmod",    "dd",   "echo",    "env",   "false", "grep",  "head",
                                      "hostname", "id",       "kill", "ls",      "mknod", "mount", "mkdir", "nproc",
                                      "pwd",      "readlink", "sed",  "sh",      "sleep", "stat",  "tail",  "test",
                                      "touch",    "true",     "tr",   "unshare", "wc",    "yes"};

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "app:x:1000:1001:App:/home/app:/bin/sh\n";
static const char group[] = "root:x:0:\napp:x:1001:\nextra:x:2000:other,app\n";

_Noreturn static void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "fixture: %s: %s\n", what, why);
    exit(1);
}

static void make_directory(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        give_up(path, strerror(errno));
}

static void make_empty(const char *path)
{
    struct fail f;

    if (!path_remove(path, &f))
        give_up(path, f.message);
    make_directory(path);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[PATH_BYTES];
    auto_file file = NULL;

    path_format(path, "%s/%s", directory, name);
    file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0)
        give_up(path, strerror(errno));
}

static void copy_program(const char *from, const char *to)
{
    auto_fd in = open(from, O_RDONLY | O_CLOEXEC);
    auto_fd out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    if (in < 0 || out < 0)
        give_up(from, strerror(errno));
    while (copy_file_range(in, NULL, out, NULL, 1 << 20, 0) > 0)
        ;
}

static void make_lower(const struct fixture *fixture)
{
    static const char *const directories[] = {"", "/bin", "/etc", "/tmp", "/root", "/home", "/home/app", "/data"};
    char path[PATH_BYTES];

    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        path_format(path, "%s%s", fixture->lower, directories[i]);
        make_directory(path);
    }
    path_format(path, "%s/bin/busybox", fixture->lower);
    copy_program("/bin/busybox", path);
    for (size_t i = 0; i < COUNT_OF(applets); i++) {
        path_format(path, "%s/bin/%s", fixture->lower, applets[i]);
        if (symlink("busybox", path) != 0)
            give_up(path, strerror(errno));
    }
    write_file(fixture->lower, "etc/passwd", passwd);
    write_file(fixture->lower, "etc/group", group);
    write_file(fixture->lower, "etc/noexec", "not a program\n");
}

struct network {
    int fd;
    struct child_failure failure;
};

child_side static int open_network(void *context)
{
    struct network *network = context;

    network->fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return network->fd < 0 ? child_fails(&network->failure, "open", "/proc/self/ns/net") : 0;
}

struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct network network = {.fd = -1};
    struct fail f;

    if (fixture == NULL)
        give_up("calloc", strerror(errno));
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/var/tmp/berth-runtime-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL)
        give_up("mkdtemp", strerror(errno));
    (void)snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%.100s/state", fixture->directory);
    (void)snprintf(fixture->lower, sizeof(fixture->lower), "%.100s/lower", fixture->directory);
    (void)snprintf(fixture->instance, sizeof(fixture->instance), "test-%d", getpid());
    make_lower(fixture);
    if (!borrowed_child_run(open_network, &network, CLONE_FILES | CLONE_NEWNET, &network.failure,
                            "make a network namespace", &f))
        give_up("network", f.message);
    fixture->network_fd = network.fd;
    (void)snprintf(fixture->network, sizeof(fixture->network), "/proc/%d/fd/%d", getpid(), network.fd);
    return fixture;
}

static void note_exit(void *context, const struct runtime_exit *exit)
{
    struct fixture *fixture = context;
    struct fixture_exit *noted = &fixture->exits[fixture->exit_count % FIXTURE_EXITS_MAX];

    (void)snprintf(noted->id, sizeof(noted->id), "%s", exit->id);
    noted->code = exit->code;
    noted->oom_killed = exit->oom_killed;
    noted->lost = exit->lost;
    noted->when_ms = exit->when_ms;
    fixture->exit_count++;
}

void fixture_open(struct fixture *fixture)
{
    struct runtime_options options = {
        .state_dir = fixture->state_dir,
        .instance = fixture->instance,
        .oci_runtime = fixture->oci_runtime,
        .exited = note_exit,
        .context = fixture,
    };
    struct fail f;

    fixture->exit_count = 0;
    if (!runtime_open(&options, &fixture->runtime, &f) ||
        !runtime_task_cgroup_create(fixture->runtime, "t", &(struct cgroup_limits){0}, &f))
        give_up("runtime_open", f.message);
}

void fixture_close(struct fixture *fixture)
{
    runtime_close(fixture->runtime);
    fixture->runtime = NULL;
}

static void delete_all(struct fixture *fixture)
{
    auto_free struct runtime_container *containers = NULL;
    size_t count = 0;
    struct fail f;

    if (!runtime_list(fixture->runtime, &containers, &count, &f))
        give_up("runtime_list", f.message);
    for (size_t i = 0; i < count; i++)
        if (!runtime_delete(fixture->runtime, containers[i].id, &f))
            (void)fprintf(stderr, "fixture: %s\n", f.message);
}

void fixture_free(struct fixture *fixture)
{
    struct cgroup_host cgroups;
    char root[64];
    struct fail f;

    if (fixture->runtime == NULL)
        fixture_open(fixture);
    delete_all(fixture);
    fixture_close(fixture);
    (void)snprintf(root, sizeof(root), "/berth-%s", fixture->instance);
    if (!cgroup_detect("/proc/self/mountinfo", &cgroups, &f) || !cgroup_delete(&cgroups, root, &f) ||
        !path_remove(fixture->directory, &f))
        (void)fprintf(stderr, "fixture: %s\n", f.message);
    (void)close(fixture->network_fd);
    free(fixture);
}

struct container_spec fixture_spec(struct fixture *fixture, struct fixture_paths *paths, const char *id,
                                   const char *script)
{
    static const char *argv[4]; /* one spec is used at a time */
    struct container_spec spec = {
        .id = id,
        .task_id = "t",
        .lower_dirs = fixture->lower,
        .upper_dir = paths->upper,
        .work_dir = paths->work,
        .network_namespace = fixture->network,
        .argv = argv,
        .argc = script == NULL ? 0 : 3,
        .log_path = paths->log,
    };

    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = script;
    (void)snprintf(paths->upper, sizeof(paths->upper), "%.60s/%.30s.upper", fixture->directory, id);
    (void)snprintf(paths->work, sizeof(paths->work), "%.60s/%.30s.work", fixture->directory, id);
    (void)snprintf(paths->log, sizeof(paths->log), "%.60s/%.30s.log", fixture->directory, id);
    make_empty(paths->upper);
    make_empty(paths->work);
    return spec;
}

static const struct fixture_exit *find_exit(const struct fixture *fixture, const char *id)
{
    for (size_t i = 0; i < fixture->exit_count && i < FIXTURE_EXITS_MAX; i++)
        if (strcmp(fixture->exits[i].id, id) == 0)
            return &fixture->exits[i];
    return NULL;
}

static const struct fixture_exit *wait_until(struct fixture *fixture, const char *id, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct fail f;

    while (find_exit(fixture, id) == NULL) {
        struct pollfd ready = {.fd = runtime_fd(fixture->runtime), .events = POLLIN};

        if (poll(&ready, 1, clock_left_ms(deadline_ms)) == 0)
            return NULL;
        if (!runtime_dispatch(fixture->runtime, &f))
            give_up("runtime_dispatch", f.message);
    }
    return find_exit(fixture, id);
}

const struct fixture_exit *fixture_wait(struct fixture *fixture, const char *id)
{
    return wait_until(fixture, id, FIXTURE_TIMEOUT_MS);
}

bool fixture_stays(struct fixture *fixture, const char *id, int ms)
{
    return wait_until(fixture, id, ms) == NULL;
}

const char *fixture_output(const char *log_path)
{
    static char output[1 << 16];
    struct container_log *log;
    struct container_log_line line;
    size_t used = 0;
    bool there;
    struct fail f;

    if (!container_log_open(log_path, (struct container_log_position){0}, &log, &f))
        give_up("container_log_open", f.message);
    while (container_log_next(log, &there, &line, &f) && there)
        used += (size_t)snprintf(output + used, sizeof(output) - used, "%.*s%s", STR_ARG(line.text),
                                 line.partial ? "" : "\n");
    output[used] = '\0';
    container_log_close(log);
    return output;
}

static bool left_below(const char *directory, const char *text, int depth)
{
    DIR *open_directory = opendir(directory);
    bool left = false;

    if (open_directory == NULL)
        return false;
    for (struct dirent *entry = readdir(open_directory); entry != NULL && !left; entry = readdir(open_directory)) {
        char child[PATH_BYTES];

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        path_format(child, "%s/%s", directory, entry->d_name);
        left = strstr(entry->d_name, text) != NULL || (depth > 0 && left_below(child, text, depth - 1));
    }
    (void)closedir(open_directory);
    return left;
}

bool fixture_left_in_cgroups(const char *text)
{
    return left_below("/sys/fs/cgroup", text, 4);
}

bool fixture_left_in_mounts(const char *text)
{
    static char mounts[1 << 20];
    struct str content;
    struct fail f;

    return !small_file_read("/proc/self/mountinfo", mounts, sizeof(mounts), &content, &f) ||
           strstr(mounts, text) != NULL;
}

int fixture_processes(const char *text)
{
    DIR *proc = opendir("/proc");
    int count = 0;

    if (proc == NULL)
        give_up("/proc", strerror(errno));
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char path[PATH_BYTES];
        char arguments[SMALL_FILE_BYTES];
        struct str line;
        struct fail f;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        path_format(path, "/proc/%s/cmdline", entry->d_name);
        if (small_file_read(path, arguments, sizeof(arguments), &line, &f) && str_search(line, str_of(text)) < line.len)
            count++;
    }
    (void)closedir(proc);
    return count;
}
