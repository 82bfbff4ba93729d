/* `berth down`: nothing of this installation stays on the machine but its records. */
#include "node/disk/limited_disk.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "node/task/users.h"
#include "os/files.h"

#include <dirent.h>

enum { KILL_TIMEOUT_MS = 10000 };

static void nobody_listens(void *context, const struct runtime_exit *exit)
{
    (void)context;
    (void)exit;
}

/* Remembers the first failure, so that one thing that stays does not keep the rest. */
static void note(bool good, const struct fail *f, bool *all_good, struct fail *first)
{
    if (good)
        return;
    if (*all_good)
        *first = *f;
    *all_good = false;
}

static void remove_containers(struct runtime *runtime, bool *all_good, struct fail *first)
{
    struct runtime_container *containers;
    size_t count;
    struct fail f;

    if (!runtime_list(runtime, &containers, &count, &f)) {
        note(false, &f, all_good, first);
        return;
    }
    for (size_t i = 0; i < count; i++)
        note(runtime_delete(runtime, containers[i].id, &f), &f, all_good, first);
    free(containers);
}

static void remove_tasks(struct runtime *runtime, const char *dir, bool *all_good, struct fail *first)
{
    char path[HOSTED_PATH + 300];
    struct dirent *entry;
    struct fail f;
    DIR *tasks;

    (void)snprintf(path, sizeof(path), "%s/tasks", dir);
    tasks = opendir(path);
    if (tasks == NULL)
        return;
    while ((entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        note(runtime_task_cgroup_delete(runtime, entry->d_name, &f), &f, all_good, first);
        (void)snprintf(path, sizeof(path), "%s/tasks/%s/storage", dir, entry->d_name);
        note(limited_disk_close(path, &f), &f, all_good, first);
        (void)snprintf(path, sizeof(path), "%s/tasks/%s", dir, entry->d_name);
        note(path_remove(path, &f), &f, all_good, first);
    }
    (void)closedir(tasks);
}

static void remove_network(const struct host_options *options, bool *all_good, struct fail *first)
{
    char run_dir[HOSTED_PATH];
    struct network_options network_options = {.instance = options->instance, .run_dir = run_dir};
    struct network *network;
    struct fail f;
    bool good;

    (void)snprintf(run_dir, sizeof(run_dir), "/run/berth-%s", options->instance);
    good = network_open(&network_options, &network, &f);
    note(good, &f, all_good, first);
    if (!good)
        return;
    note(network_down(network, &f), &f, all_good, first);
    network_close(network);
    note(path_remove(run_dir, &f), &f, all_good, first);
}

/* The cgroup above all tasks: ending everything in it at once takes no longer than ending one container, and finds
 * those whose records are lost. */
static void remove_cgroup(const struct host_options *options, bool only_kill, bool *all_good, struct fail *first)
{
    struct cgroup_host cgroups;
    char path[64];
    struct fail f;

    (void)snprintf(path, sizeof(path), "/berth-%s", options->instance);
    note(cgroup_detect("/proc/self/mountinfo", &cgroups, &f) && cgroup_kill(&cgroups, path, KILL_TIMEOUT_MS, &f) &&
             (only_kill || cgroup_delete(&cgroups, path, &f)),
         &f, all_good, first);
}

bool host_remove_all(const struct host_options *options, struct fail *first)
{
    char dir[HOSTED_PATH];
    char state[HOSTED_PATH + 16];
    struct runtime_options runtime_options = {
        .state_dir = state, .instance = options->instance, .exited = nobody_listens};
    struct runtime *runtime;
    struct fail f;
    bool all_good = true;
    bool good;

    (void)snprintf(dir, sizeof(dir), "%s/host", options->data_dir);
    (void)snprintf(state, sizeof(state), "%s/runtime", dir);
    if (access(dir, F_OK) != 0)
        return true; /* no host was ever here */
    good = runtime_open(&runtime_options, &runtime, &f);
    note(good, &f, &all_good, first);
    if (good) {
        remove_cgroup(options, /* only_kill= */ true, &all_good, first);
        remove_containers(runtime, &all_good, first);
        remove_tasks(runtime, dir, &all_good, first);
        note(instances_remove_all(dir, &f), &f, &all_good, first);
        runtime_close(runtime);
        if (all_good)
            users_give_unknown(options->instance, NULL, NULL);
        remove_cgroup(options, /* only_kill= */ false, &all_good, first);
    }
    remove_network(options, &all_good, first);
    return all_good;
}
