/* Owns the host's end: the launcher process, the plan it is given, the answers. */
#include "node/runtime/native_launcher.h"

#include "node/runtime/launch_channel.h"
#include "node/runtime/launcher_process.h"
#include "node/runtime/native_plan.h"
#include "node/runtime/small_file.h"
#include "os/clock.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { START_TIMEOUT_MS = 60000, KILL_TIMEOUT_MS = 10000, DEVICE_RULE_BYTES = 48 };

struct native_launcher {
    pthread_mutex_t lock; /* protects what follows; held while a packet is sent, and while the process is started */
    int socket;           /* -1: it does not run */
    struct process process;
};

/* ---- the launcher process ---- */

static void end_process(struct native_launcher *launcher)
{
    if (launcher->socket < 0)
        return;
    (void)close(take_fd(&launcher->socket));
    process_end(&launcher->process);
}

bool native_launcher_start(struct native_launcher **ret_launcher, struct fail *f)
{
    struct native_launcher *launcher = calloc(1, sizeof(*launcher));

    if (launcher == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    launcher->socket = -1;
    (void)pthread_mutex_init(&launcher->lock, NULL);
    if (!launcher_process_start(&launcher->process, &launcher->socket, f)) {
        native_launcher_end(launcher);
        return false;
    }
    *ret_launcher = launcher;
    return true;
}

void native_launcher_end(struct native_launcher *launcher)
{
    if (launcher == NULL)
        return;
    end_process(launcher);
    (void)pthread_mutex_destroy(&launcher->lock);
    free(launcher);
}

/* A launcher that was killed takes its spare with it, and maybe a request: that one's reply socket closes. */
static bool ask(struct native_launcher *launcher, const struct launch_request *request, struct fail *f)
{
    bool sent;

    (void)pthread_mutex_lock(&launcher->lock);
    sent = launcher->socket >= 0 && launch_request_send(launcher->socket, request, f);
    if (!sent && (launcher->socket < 0 || f->code == FAIL_CONFLICT)) {
        end_process(launcher);
        sent = launcher_process_start(&launcher->process, &launcher->socket, f) &&
               launch_request_send(launcher->socket, request, f);
    }
    (void)pthread_mutex_unlock(&launcher->lock);
    return sent;
}

/* Sends the request with a new reply socket, whose other end is *ret_reply. */
static bool ask_for_reply(struct native_launcher *launcher, struct launch_request *request, int *ret_reply,
                          struct fail *f)
{
    auto_fd ours = -1;
    auto_fd theirs = -1;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(f, FAIL_SYSTEM, "socketpair: %s", strerror(errno));
    ours = ends[0];
    theirs = ends[1];
    request->fds[LAUNCH_REPLY] = theirs;
    if (!ask(launcher, request, f))
        return false;
    *ret_reply = take_fd(&ours);
    return true;
}

static struct launch_request new_request(bool exec)
{
    struct launch_request request = {.exec = exec};

    for (size_t i = 0; i < LAUNCH_FDS; i++)
        request.fds[i] = -1;
    return request;
}

/* ---- starting ---- */

static struct native_list list_of(const char *const *items)
{
    struct native_list list = {.items = (const char **)(uintptr_t)items};

    while (items[list.count] != NULL)
        list.count++;
    return list;
}

/* In v1 a process that moves its only thread by "tasks" is moved without the lock that all forks of the machine wait
 * for, ten times as fast as by "cgroup.procs". */
static void plan_cgroup_procs(struct native_plan *plan, const struct cgroup_host *cgroups, struct arena *arena)
{
    plan->cgroup_procs.items = arena_array(arena, const char *, cgroups->tree_count + 1);
    for (size_t i = 0; i < cgroups->tree_count; i++)
        plan->cgroup_procs.items[plan->cgroup_procs.count++] =
            arena_printf(arena, "%s%s/%s", cgroups->trees[i].mount, plan->cgroup,
                         cgroups->layout == CGROUP_V2 ? "cgroup.procs" : "tasks")
                .ptr;
}

/* As OCI runtimes show v1 cgroups: a directory for each tree, whose root is, in the container's cgroup namespace, its
 * own cgroup. */
static void plan_cgroup_mounts(struct native_plan *plan, const struct cgroup_host *cgroups,
                               const struct plan_mount *mount, struct arena *arena)
{
    plan->mounts[plan->mount_count++] = (struct plan_mount){
        "tmpfs", "cgroup", mount->target, arena_printf(arena, "%s,mode=755,size=1024k", mount->options).ptr};
    for (size_t i = 0; i < cgroups->tree_count; i++) {
        const struct cgroup_tree *tree = &cgroups->trees[i];
        const char *name = strrchr(tree->mount, '/') + 1;

        plan->mounts[plan->mount_count++] =
            (struct plan_mount){"cgroup", "cgroup", arena_printf(arena, "%s/%s", mount->target, name).ptr,
                                arena_printf(arena, "%s,%s", mount->options, tree->options).ptr};
    }
}

static void plan_mounts(struct native_plan *plan, const struct cgroup_host *cgroups, const struct container_plan *from,
                        struct arena *arena)
{
    plan->mounts = arena_array(arena, struct plan_mount, from->mount_count + CGROUP_TREES_MAX + 1);
    for (size_t i = 0; i < from->mount_count; i++) {
        if (strcmp(from->mounts[i].type, "cgroup") == 0)
            plan_cgroup_mounts(plan, cgroups, &from->mounts[i], arena);
        else
            plan->mounts[plan->mount_count++] = from->mounts[i];
    }
}

static void plan_groups(struct native_plan *plan, const struct image_user *user, struct arena *arena)
{
    plan->groups = arena_array(arena, uint64_t, user->group_count + 1);
    for (size_t i = 0; i < user->group_count; i++)
        plan->groups[plan->group_count++] = user->groups[i];
}

static uint64_t plan_flags(const struct container_spec *spec)
{
    return (spec->no_new_privileges ? NATIVE_NO_NEW_PRIVILEGES : 0) | (spec->privileged ? 0 : NATIVE_MASKED) |
           (spec->read_only_root ? NATIVE_READ_ONLY_ROOT : 0) | (spec->id_map.count > 0 ? NATIVE_USER_NAMESPACE : 0) |
           (spec->pid_namespace != NULL ? NATIVE_JOINS_PID : 0) | (spec->ipc_namespace != NULL ? NATIVE_JOINS_IPC : 0) |
           (spec->terminal ? NATIVE_TERMINAL : 0) | (spec->open_stdin ? NATIVE_OPEN_STDIN : 0);
}

static struct native_plan make_plan(const struct launch *launch, const struct cgroup_host *cgroups, struct arena *arena)
{
    const struct container_plan *from = launch->plan;
    const struct container_spec *spec = from->spec;
    struct native_plan plan = {
        .id = spec->id,
        .directory = launch->directory,
        .exits_path = arena_printf(arena, "%s/%s", launch->exits_directory, spec->id).ptr,
        .log_path = spec->log_path,
        .log_max_bytes = spec->log_max_bytes,
        .cgroup = from->cgroup,
        .mount_point = arena_printf(arena, "%s/rootfs", launch->directory).ptr,
        .argv = list_of(from->argv),
        .env = list_of(from->env),
        .working_directory = from->directory,
        .hostname = from->hostname,
        .flags = plan_flags(spec),
        .uid = from->user.uid,
        .gid = from->user.gid,
        .host_uid_first = spec->id_map.count > 0 ? spec->id_map.host_first : 0,
        .capabilities = from->capabilities,
        .rlimits = from->rlimits,
        .rlimit_count = from->rlimit_count,
        .devices = from->devices,
        .device_count = from->device_count,
        .sysctls = from->sysctls,
        .sysctl_count = from->sysctl_count,
    };

    if (launch->seccomp != NULL)
        plan.filter = (struct str){(const char *)launch->seccomp->filters,
                                   launch->seccomp->count * sizeof(*launch->seccomp->filters)};
    plan_cgroup_procs(&plan, cgroups, arena);
    plan_mounts(&plan, cgroups, from, arena);
    plan_groups(&plan, &from->user, arena);
    return plan;
}

/* "c 1:3 rwm", for cgroup_limit_devices. */
static const char *const *device_rules(const struct container_plan *plan, struct arena *arena)
{
    const char **rules = arena_array(arena, const char *, plan->device_rule_count + 1);

    for (size_t i = 0; i < plan->device_rule_count; i++) {
        const struct plan_device_rule *rule = &plan->device_rules[i];
        char major[16] = "*";
        char minor[16] = "*";

        if (rule->major >= 0)
            (void)snprintf(major, sizeof(major), "%d", rule->major);
        if (rule->minor >= 0)
            (void)snprintf(minor, sizeof(minor), "%d", rule->minor);
        rules[i] = arena_printf(arena, "%c %s:%s %s", rule->type, major, minor, rule->access).ptr;
    }
    return rules;
}

static bool make_cgroup(const struct cgroup_host *cgroups, const struct container_plan *plan, struct arena *arena,
                        struct fail *f)
{
    if (!cgroup_create(cgroups, plan->cgroup, &plan->spec->limits, f))
        return false;
    return (plan->spec->privileged && !plan->spec->is_system) ||
           cgroup_limit_devices(cgroups, plan->cgroup, device_rules(plan, arena), f);
}

/* Writes STATE/c/ID/plan and opens it for the supervisor. */
static bool keep_plan(const struct native_plan *plan, int *ret_fd, struct fail *f)
{
    auto_buf flat = {.limit = NATIVE_PLAN_BYTES_MAX};
    char path[PATH_BYTES];
    int fd;

    native_plan_write(plan, &flat);
    if (flat.overflowed)
        return fail(f, FAIL_LIMIT, "the container's arguments and environment are longer than %d bytes",
                    NATIVE_PLAN_BYTES_MAX);
    path_format(path, "%s/plan", plan->directory);
    if (!file_replace(path, buf_str(&flat), 0600, f))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    *ret_fd = fd;
    return true;
}

static bool open_namespace(const char *path, int *ret_fd, struct fail *f)
{
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (path != NULL && fd < 0)
        return fail(f, FAIL_NOT_FOUND, "open the namespace %s: %s", path, strerror(errno));
    *ret_fd = fd;
    return true;
}

/* After a failure its supervisor ends at once: it is waited for, so that nothing of it is left. */
static bool read_start(int reply_fd, const char *program, struct fail *f)
{
    struct launch_reply reply;
    struct launch_reply nothing;
    struct fail closed;

    if (!launch_reply_receive(reply_fd, START_TIMEOUT_MS, &reply, NULL, f))
        return false;
    if (reply.outcome == LAUNCH_STARTED)
        return true;
    while (launch_reply_receive(reply_fd, KILL_TIMEOUT_MS, &nothing, NULL, &closed))
        ;
    if (reply.outcome == LAUNCH_NOT_EXECUTED)
        return launch_fails_to_exec(program, reply.number, f);
    return fail(f, FAIL_SYSTEM, "%.*s", (int)sizeof(reply.text), reply.text);
}

static bool request_start(struct native_launcher *launcher, const struct native_plan *plan, const struct launch *launch,
                          struct fail *f)
{
    const struct container_spec *spec = launch->plan->spec;
    auto_fd plan_fd = -1;
    auto_fd network = -1;
    auto_fd pid = -1;
    auto_fd ipc = -1;
    auto_fd reply = -1;
    struct launch_request request = new_request(/* exec= */ false);

    if (!keep_plan(plan, &plan_fd, f) || !open_namespace(spec->network_namespace, &network, f) ||
        !open_namespace(spec->pid_namespace, &pid, f) || !open_namespace(spec->ipc_namespace, &ipc, f))
        return false;
    request.fds[LAUNCH_PLAN] = plan_fd;
    request.fds[LAUNCH_MOUNTS] = launch->rootfs->namespace_fd;
    request.fds[LAUNCH_NETWORK] = network;
    request.fds[LAUNCH_PID] = pid;
    request.fds[LAUNCH_IPC] = ipc;
    request.fds[LAUNCH_USER] = launch->user_namespace;
    return ask_for_reply(launcher, &request, &reply, f) && read_start(reply, spec->argv[0], f);
}

/* A launcher that is killed may take a request with it: nothing says whether a supervisor has begun, so what it may
 * have made is killed, and the start is tried once more. */
static bool start_plan(struct native_launcher *launcher, const struct native_plan *plan,
                       const struct cgroup_host *cgroups, const struct launch *launch, struct fail *f)
{
    if (request_start(launcher, plan, launch, f))
        return true;
    return f->code == FAIL_CONFLICT && cgroup_kill(cgroups, plan->cgroup, KILL_TIMEOUT_MS, f) &&
           request_start(launcher, plan, launch, f);
}

bool native_launch(struct native_launcher *launcher, const struct cgroup_host *cgroups, const struct launch *launch,
                   struct fail *f)
{
    struct arena arena;
    struct native_plan plan;
    bool done;

    arena_init(&arena, NATIVE_PLAN_BYTES_MAX);
    plan = make_plan(launch, cgroups, &arena);
    done = make_cgroup(cgroups, launch->plan, &arena, f) && start_plan(launcher, &plan, cgroups, launch, f);
    arena_free(&arena);
    return done;
}

/* ---- exec ---- */

/* The container's plan with another command. */
static bool exec_plan(const struct launch_exec *exec, struct arena *arena, struct buf *kept,
                      struct native_plan *ret_plan, struct fail *f)
{
    char path[PATH_BYTES];
    struct native_plan plan;

    path_format(path, "%s/plan", exec->directory);
    if (!file_read(path, kept, f) || !native_plan_read(buf_str(kept), arena, &plan, f))
        return false;
    plan.argv = (struct native_list){(const char **)(uintptr_t)exec->argv, exec->argc};
    if (exec->working_directory != NULL)
        plan.working_directory = exec->working_directory;
    *ret_plan = plan;
    return true;
}

static bool send_plan(const struct native_plan *plan, int *ret_fd, struct fail *f)
{
    auto_buf flat = {.limit = NATIVE_PLAN_BYTES_MAX};
    auto_fd fd = memfd_create("plan", MFD_CLOEXEC);

    native_plan_write(plan, &flat);
    if (flat.overflowed)
        return fail(f, FAIL_LIMIT, "the command and its environment are longer than %d bytes", NATIVE_PLAN_BYTES_MAX);
    if (fd < 0 || write(fd, flat.ptr, flat.len) != (ssize_t)flat.len)
        return fail(f, FAIL_SYSTEM, "write the command's plan: %s", strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

/* False at the end of the output, or when there is none for now. */
static bool read_output(int fd, struct buf *output)
{
    char piece[8192];
    ssize_t got = read(fd, piece, sizeof(piece));

    if (got > 0 && output != NULL) {
        size_t room = (output->limit == 0 ? BUF_LIMIT_DEFAULT : output->limit) - output->len;
        size_t len = (size_t)got < room ? (size_t)got : room;

        buf_add(output, (struct str){piece, len});
        if (len < (size_t)got)
            output->overflowed = true;
    }
    return got > 0;
}

/* Reads until the supervisor has said how it ended; a process that the command left behind does not hold us up. When
 * the time is over our end of the reply socket says so to the supervisor, which kills the command and answers. */
static bool follow_exec(const struct launch_exec *exec, int reply_fd, int output_fd, struct launch_reply *ret_reply,
                        struct fail *f)
{
    int64_t deadline_ms = clock_monotonic_ms() + exec->timeout_ms;
    struct pollfd ready[] = {{.fd = reply_fd, .events = POLLIN}, {.fd = output_fd, .events = POLLIN}};

    while (ready[0].revents == 0) {
        int left_ms = clock_left_ms(deadline_ms);

        if (left_ms == 0 || (poll(ready, COUNT_OF(ready), left_ms) < 0 && errno != EINTR)) {
            (void)shutdown(reply_fd, SHUT_WR);
            if (!launch_reply_receive(reply_fd, KILL_TIMEOUT_MS, ret_reply, NULL, f))
                return false;
            return fail(f, FAIL_LIMIT, "\"%s\" has not ended within %d ms", exec->argv[0], exec->timeout_ms);
        }
        if (ready[1].revents != 0 && !read_output(output_fd, exec->output))
            ready[1].fd = -1;
    }
    while (read_output(output_fd, exec->output))
        ;
    return launch_reply_receive(reply_fd, KILL_TIMEOUT_MS, ret_reply, NULL, f);
}

/* A command that cannot be executed, as a shell would tell it. */
static bool explain_exec(const struct launch_exec *exec, const struct launch_reply *reply, int *ret_code)
{
    struct fail why;

    if (launch_fails_to_exec(exec->argv[0], reply->number, &why))
        return false;
    if (exec->output != NULL) {
        buf_clear(exec->output);
        buf_add_cstr(exec->output, why.message);
    }
    *ret_code = why.code == FAIL_NOT_FOUND ? 127 : 126;
    return true;
}

static bool exec_plan_to_end(struct native_launcher *launcher, const struct native_plan *plan,
                             const struct launch_exec *exec, struct launch_reply *ret_reply, struct fail *f)
{
    auto_fd plan_fd = -1;
    auto_fd reply = -1;
    auto_fd read_fd = -1;
    auto_fd write_fd = -1;
    int ends[2];
    struct launch_request request = new_request(/* exec= */ true);

    if (!send_plan(plan, &plan_fd, f))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(f, FAIL_SYSTEM, "pipe: %s", strerror(errno));
    read_fd = ends[0];
    write_fd = ends[1];
    request.fds[LAUNCH_PLAN] = plan_fd;
    request.fds[LAUNCH_CONTAINER] = exec->pidfd;
    request.fds[LAUNCH_OUTPUT] = write_fd;
    if (fcntl(read_fd, F_SETFL, O_NONBLOCK) != 0)
        return fail(f, FAIL_SYSTEM, "make the pipe non-blocking: %s", strerror(errno));
    if (!ask_for_reply(launcher, &request, &reply, f))
        return false;
    (void)close(take_fd(&write_fd));
    return follow_exec(exec, reply, read_fd, ret_reply, f);
}

bool native_exec(struct native_launcher *launcher, const struct launch_exec *exec, int *ret_code, struct fail *f)
{
    auto_buf kept = {.limit = NATIVE_PLAN_BYTES_MAX};
    struct arena arena;
    struct native_plan plan;
    struct launch_reply reply;
    bool done;

    arena_init(&arena, NATIVE_PLAN_BYTES_MAX);
    done = exec_plan(exec, &arena, &kept, &plan, f) && exec_plan_to_end(launcher, &plan, exec, &reply, f);
    arena_free(&arena);
    if (!done)
        return false;
    if (reply.outcome == LAUNCH_NOT_EXECUTED && explain_exec(exec, &reply, ret_code))
        return true;
    if (reply.outcome != LAUNCH_ENDED)
        return fail(f, FAIL_SYSTEM, "%.*s", (int)sizeof(reply.text), reply.text);
    *ret_code = reply.number;
    return true;
}

/* ---- exec with a terminal ---- */

static bool has_variable(const struct native_list *env, const char *prefix)
{
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* As ECS Exec (developer guide, "Monitor Amazon ECS containers with ECS Exec"): root, also where the container runs as
 * somebody else. What a terminal is must be known to programs. */
static void plan_for_terminal(struct native_plan *plan, struct arena *arena)
{
    const char **env = arena_array(arena, const char *, plan->env.count + 2);

    for (size_t i = 0; i < plan->env.count; i++)
        env[i] = plan->env.items[i];
    if (!has_variable(&plan->env, "TERM="))
        env[plan->env.count++] = "TERM=xterm-256color";
    plan->env.items = env;
    plan->uid = plan->gid = 0;
    plan->group_count = 0;
}

static bool ask_for_terminal(struct native_launcher *launcher, const struct native_plan *plan,
                             const struct launch_exec *exec, struct terminal_exec *ret_exec, struct fail *f)
{
    struct launch_request request = new_request(/* exec= */ true);
    auto_fd plan_fd = -1;
    auto_fd reply_fd = -1;
    auto_fd terminal = -1;
    struct launch_reply reply;

    if (!send_plan(plan, &plan_fd, f))
        return false;
    request.terminal = true;
    request.fds[LAUNCH_PLAN] = plan_fd;
    request.fds[LAUNCH_CONTAINER] = exec->pidfd;
    if (!ask_for_reply(launcher, &request, &reply_fd, f) ||
        !launch_reply_receive(reply_fd, START_TIMEOUT_MS, &reply, &terminal, f))
        return false;
    if (reply.outcome != LAUNCH_STARTED || terminal < 0)
        return fail(f, FAIL_SYSTEM, "%.*s", (int)sizeof(reply.text), reply.text);
    if (fcntl(terminal, F_SETFL, O_NONBLOCK) != 0)
        return fail(f, FAIL_SYSTEM, "make the terminal non-blocking: %s", strerror(errno));
    *ret_exec = (struct terminal_exec){.terminal = take_fd(&terminal), .ended = take_fd(&reply_fd)};
    return true;
}

bool native_exec_terminal(struct native_launcher *launcher, const struct launch_exec *exec,
                          struct terminal_exec *ret_exec, struct fail *f)
{
    auto_buf kept = {.limit = NATIVE_PLAN_BYTES_MAX};
    struct arena arena;
    struct native_plan plan;
    bool done;

    arena_init(&arena, NATIVE_PLAN_BYTES_MAX);
    done = exec_plan(exec, &arena, &kept, &plan, f);
    if (done) {
        plan_for_terminal(&plan, &arena);
        done = ask_for_terminal(launcher, &plan, exec, ret_exec, f);
    }
    arena_free(&arena);
    return done;
}

bool native_terminal_ended(int reply_fd, const char *program, int *ret_code, struct fail *f)
{
    struct launch_reply reply;

    if (!launch_reply_receive(reply_fd, KILL_TIMEOUT_MS, &reply, NULL, f))
        return false;
    if (reply.outcome == LAUNCH_NOT_EXECUTED)
        return launch_fails_to_exec(program, reply.number, f);
    if (reply.outcome != LAUNCH_ENDED)
        return fail(f, FAIL_SYSTEM, "%.*s", (int)sizeof(reply.text), reply.text);
    *ret_code = reply.number;
    return true;
}
