/* Owns the command lines of conmon and the OCI runtime, and the reading of their answers. */
#include "node/runtime/oci_launcher.h"

#include "base/must.h"
#include "node/runtime/oci_bundle.h"
#include "node/runtime/small_file.h"
#include "os/clock.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    SYNC_FD = 3,
    ANSWER_BYTES_MAX = 64 << 10,
    CREATE_TIMEOUT_MS = 60000,
    RUNTIME_TIMEOUT_MS = 30000,
    TERMINAL_TIMEOUT_MS = 30000,
    ARGS_MAX = 40,
};

/* conmon stamps log lines with local time and takes messages from its environment's language. */
static const char *const tool_env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC0",
                                       "LC_ALL=C", "_OCI_SYNCPIPE=3", NULL};

static bool find_program(const char *name, char *path, size_t size, struct fail *f)
{
    struct str directories = str_of(getenv("PATH"));

    if (strchr(name, '/') != NULL && access(name, X_OK) == 0 && str_to_buffer(str_of(name), path, size))
        return true;
    while (strchr(name, '/') == NULL && directories.ptr != NULL) {
        struct str directory = str_cut(directories, ':', &directories);
        int len = snprintf(path, size, "%.*s/%s", STR_ARG(directory), name);

        if (len > 0 && (size_t)len < size && access(path, X_OK) == 0)
            return true;
    }
    return fail(f, FAIL_NOT_FOUND, "the program \"%s\" is not installed", name);
}

static bool run_tool(const struct process_options *options, struct fail *f)
{
    auto_buf output = {.limit = ANSWER_BYTES_MAX};
    struct process_run_options run = {.out = &output, .err = &output, .timeout_ms = RUNTIME_TIMEOUT_MS};
    struct process_exit exit;

    return process_run(options, &run, &exit, f) && process_succeeded(options->argv[0], exit, buf_str(&output), f);
}

bool oci_tools_find(const char *runtime, const char *conmon, const char *root, const char *shadow,
                    struct oci_tools *ret_tools, struct fail *f)
{
    struct oci_tools tools = {.shadow = {"shadow", shadow, "tmpfs", 0, "mode=755"}};
    auto_buf version = {.limit = ANSWER_BYTES_MAX};
    struct process_options options = {.argv = (const char *const[]){tools.runtime, "--version", NULL}};
    struct process_run_options run = {.out = &version, .err = &version, .timeout_ms = RUNTIME_TIMEOUT_MS};
    struct process_exit exit;

    if (!find_program(runtime, tools.runtime, sizeof(tools.runtime), f) ||
        !find_program(conmon, tools.conmon, sizeof(tools.conmon), f))
        return false;
    if (!process_run(&options, &run, &exit, f))
        return false;
    if (!str_starts(buf_str(&version), STR("crun ")))
        return fail(f, FAIL_INPUT, "%s is not crun: other OCI runtimes would run containers without the seccomp filter",
                    tools.runtime);
    (void)snprintf(tools.root, sizeof(tools.root), "%s", root);
    *ret_tools = tools;
    return true;
}

/* conmon's sync pipe carries {"pid": 17} or {"pid": -1, "message": "..."} and is closed when conmon itself fails. */
static bool read_answer(int fd, struct buf *answer, struct fail *f)
{
    int64_t deadline_ms = clock_monotonic_ms() + CREATE_TIMEOUT_MS;

    while (str_find(buf_str(answer), '\n') == answer->len && !answer->overflowed) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char piece[4096];
        ssize_t got;

        if (poll(&ready, 1, clock_left_ms(deadline_ms)) == 0)
            return fail(f, FAIL_LIMIT, "conmon has not answered within %d ms", CREATE_TIMEOUT_MS);
        got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno != EINTR)
            return fail(f, FAIL_SYSTEM, "read conmon's answer: %s", strerror(errno));
        if (got == 0)
            return true;
        if (got > 0)
            buf_add(answer, (struct str){piece, (size_t)got});
    }
    return true;
}

/* What crun says, and the errno it stands for when the program could not be executed. */
static const struct {
    const char *text;
    int error;
} exec_failures[] = {
    {"not found in $PATH", ENOENT},      {"open executable: Permission denied", EACCES},
    {"exec: Permission denied", EACCES}, {"exec: Exec format error", ENOEXEC},
    {"Exec format error", ENOEXEC},
};

/* Returns false with the failure. */
static bool translate(const char *program, struct str message, struct fail *f)
{
    message = str_trim(message);
    for (size_t i = 0; i < COUNT_OF(exec_failures); i++)
        if (str_search(message, str_of(exec_failures[i].text)) < message.len)
            return launch_fails_to_exec(program, exec_failures[i].error, f);
    return fail(f, FAIL_SYSTEM, "OCI runtime create failed: %.*s", STR_ARG(message));
}

static bool check_answer(const char *program, struct str answer, struct fail *f)
{
    json_error_t error;
    json_t *json = json_loadb(answer.ptr, answer.len, JSON_DISABLE_EOF_CHECK, &error);
    json_int_t pid = json_integer_value(json_object_get(json, "pid"));
    const char *message = json_string_value(json_object_get(json, "message"));
    bool good = pid > 0 || translate(program, str_of(message == NULL ? "conmon ended without an answer" : message), f);

    json_decref(json);
    return good;
}

/* conmon forks itself off and runs "RUNTIME create"; its first process ends at once. */
static bool start_conmon(const struct oci_tools *tools, const struct launch *launch, int sync_fd, struct fail *f)
{
    const struct container_spec *spec = launch->plan->spec;
    struct process process;
    struct process_exit exit;
    char runtime_root[300];
    char log[PATH_BYTES];
    char log_max[32];
    char pid[PATH_BYTES];
    char supervisor[PATH_BYTES];
    const char *argv[ARGS_MAX] = {tools->conmon,
                                  "--cid",
                                  spec->id,
                                  "--cuuid",
                                  spec->id,
                                  "--name",
                                  spec->id,
                                  "--runtime",
                                  tools->runtime,
                                  "--bundle",
                                  launch->directory,
                                  "--runtime-arg",
                                  runtime_root,
                                  "--runtime-arg",
                                  "--cgroup-manager=cgroupfs",
                                  "--container-pidfile",
                                  pid,
                                  "--conmon-pidfile",
                                  supervisor,
                                  "--log-path",
                                  log,
                                  "--exit-dir",
                                  launch->exits_directory,
                                  "--full-attach",
                                  "--no-new-keyring",
                                  "--no-sync-log"};
    size_t argc = 0;
    struct process_options options = {
        .argv = argv,
        .env = tool_env,
        .own_session = true,
        .namespaces = &launch->rootfs->namespace_fd,
        .namespace_count = 1,
        .directory = launch->directory,
        .fds = &(struct process_fd){.from = sync_fd, .to = SYNC_FD},
        .fd_count = 1,
    };

    while (argv[argc] != NULL)
        argc++;
    if (spec->log_max_bytes != 0) {
        argv[argc++] = "--log-size-max";
        argv[argc++] = log_max;
    }
    if (spec->terminal || spec->open_stdin)
        argv[argc++] = spec->terminal ? "--terminal" : "--stdin";
    (void)snprintf(runtime_root, sizeof(runtime_root), "--root=%s", tools->root);
    (void)snprintf(log_max, sizeof(log_max), "%ju", (uintmax_t)spec->log_max_bytes);
    path_format(log, "k8s-file:%s", spec->log_path);
    path_format(pid, "%s/pid", launch->directory);
    path_format(supervisor, "%s/supervisor", launch->directory);
    if (!process_start(&options, &process, f))
        return false;
    return process_wait(&process, CREATE_TIMEOUT_MS, &exit, f) && process_succeeded("conmon", exit, STR(""), f);
}

static bool create(const struct oci_tools *tools, const struct launch *launch, struct fail *f)
{
    auto_buf answer = {.limit = ANSWER_BYTES_MAX};
    auto_fd read_fd = -1;
    auto_fd write_fd = -1;
    int ends[2];
    bool started;

    if (access(tools->runtime, X_OK) != 0) /* conmon would say nothing about it */
        return fail(f, FAIL_SYSTEM, "the program %s cannot be executed: %s", tools->runtime, strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(f, FAIL_SYSTEM, "pipe: %s", strerror(errno));
    read_fd = ends[0];
    write_fd = ends[1];
    started = start_conmon(tools, launch, write_fd, f);
    (void)close(take_fd(&write_fd));
    return started && read_answer(read_fd, &answer, f) &&
           check_answer(launch->plan->spec->argv[0], buf_str(&answer), f);
}

/* "RUNTIME --root ... ORDER ... ID" where the runtime sees a cgroup layout that it knows. crun refuses a hybrid one;
 * and where the v2 tree is only unmounted, it makes directories under the mount point, which stay. */
static struct process_options runtime_options(const struct oci_tools *tools, const char *const *argv)
{
    bool shadowed = tools->shadow.target != NULL;

    return (struct process_options){
        .argv = argv,
        .env = tool_env,
        .own_mounts = shadowed,
        .mounts = &tools->shadow,
        .mount_count = shadowed ? 1 : 0,
    };
}

/* A created container waits for a byte in crun's fifo, whose absence is "started" to crun. Writing it ourselves is what
 * "crun start" does to a container without hooks, but for starting a program, a tenth of RunTask. False: crun must say
 * what is wrong, or do it its own way. */
static bool release(const struct oci_tools *tools, const char *id)
{
    char fifo[PATH_BYTES];
    auto_fd fd = -1;

    path_format(fifo, "%s/%s/exec.fifo", tools->root, id);
    fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && unlink(fifo) == 0 && write(fd, "1", 1) == 1;
}

static bool start(const struct oci_tools *tools, const struct launch *launch, struct fail *f)
{
    const char *argv[] = {tools->runtime, "--root", tools->root, "start", launch->plan->spec->id, NULL};
    struct process_options options = {
        .argv = argv,
        .env = tool_env,
        .namespaces = &launch->rootfs->namespace_fd,
        .namespace_count = 1,
    };

    return release(tools, launch->plan->spec->id) || run_tool(&options, f);
}

bool oci_launch(const struct oci_tools *tools, const struct launch *launch, struct fail *f)
{
    const char *id = launch->plan->spec->id;
    struct fail ignored;

    if (create(tools, launch, f) && start(tools, launch, f))
        return true;
    if (!oci_forget(tools, id, &ignored))
        return fail_in(f, "start %s, and forget it (%.200s)", id, ignored.message);
    return false;
}

/* Files of one exec, in the container's directory. */
struct exec_files {
    char process[PATH_BYTES];
    char pid[PATH_BYTES];
    char log[PATH_BYTES]; /* the runtime's own complaints */
};

static void name_files(struct exec_files *files, const char *directory)
{
    static atomic_uint next_number;
    unsigned number = atomic_fetch_add(&next_number, 1);

    path_format(files->process, "%s/exec-%d-%u.json", directory, getpid(), number);
    path_format(files->pid, "%s/exec-%d-%u.pid", directory, getpid(), number);
    path_format(files->log, "%s/exec-%d-%u.log", directory, getpid(), number);
}

static void remove_files(const struct exec_files *files)
{
    (void)unlink(files->process);
    (void)unlink(files->pid);
    (void)unlink(files->log);
}

/* After the runtime was killed, what it runs in the container still goes on. */
static void kill_exec(const struct exec_files *files)
{
    uint64_t pid;
    struct fail f;

    if (small_file_read_number(files->pid, &pid, &f) && pid > 1 && pid < INT32_MAX)
        (void)kill((pid_t)pid, SIGKILL);
}

/* A command that could not be executed, in the words and with the code of a shell; true when it was that. */
static bool explain_exec(const struct launch_exec *exec, const struct exec_files *files, int *ret_code)
{
    char buffer[SMALL_FILE_BYTES];
    struct str text;
    struct fail f;

    if (!small_file_read(files->log, buffer, sizeof(buffer), &text, &f) || text.len == 0)
        return false;
    if (translate(exec->argv[0], text, &f))
        return false;
    if (exec->output != NULL) {
        buf_clear(exec->output);
        buf_add_cstr(exec->output, f.message);
    }
    *ret_code = f.code == FAIL_NOT_FOUND ? 127 : 126;
    return true;
}

bool oci_exec(const struct oci_tools *tools, const struct launch_exec *exec, int *ret_code, struct fail *f)
{
    struct exec_files files;
    const char *argv[] = {tools->runtime,
                          "--root",
                          tools->root,
                          "--cgroup-manager=cgroupfs",
                          "--log",
                          files.log,
                          "exec",
                          "--process",
                          files.process,
                          "--pid-file",
                          files.pid,
                          exec->id,
                          NULL};
    struct process_options options = runtime_options(tools, argv);
    struct process_run_options run = {.out = exec->output, .err = exec->output, .timeout_ms = exec->timeout_ms};
    struct oci_exec what = {.argv = exec->argv, .argc = exec->argc, .directory = exec->working_directory};
    struct process_exit exit = {0};
    bool done;

    name_files(&files, exec->directory);
    done = oci_bundle_write_exec(exec->directory, &what, files.process, f) && process_run(&options, &run, &exit, f);
    if (!done)
        kill_exec(&files);
    else if (!explain_exec(exec, &files, ret_code))
        *ret_code = exit.signaled ? 128 + exit.code : exit.code;
    remove_files(&files);
    return done;
}

bool oci_forget(const struct oci_tools *tools, const char *id, struct fail *f)
{
    const char *argv[] = {tools->runtime, "--root", tools->root, "delete", "--force", id, NULL};
    struct process_options options = runtime_options(tools, argv);
    char state[PATH_BYTES];

    path_format(state, "%s/%s", tools->root, id);
    if (access(state, F_OK) != 0)
        return true; /* every runtime keeps a directory of that name in its root */
    return run_tool(&options, f);
}

/* ---- exec with a terminal ---- */

/* A runtime that stands by its command, and whose end is the command's. */
struct oci_terminal {
    struct process process;
    bool reaped;
    struct exec_files files;
    char procs_path[PATH_BYTES];
};

/* By way of a descriptor of the directory: its path may be longer than an address of a socket. */
static bool listen_at(const char *directory, const char *path, int *ret_fd, struct fail *f)
{
    auto_fd directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory_fd,
                   strrchr(path, '/') + 1);
    if (directory_fd < 0 || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 1) != 0)
        return fail(f, FAIL_SYSTEM, "listen at %s: %s", path, strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

/* Waits until the runtime has handed over the terminal; -1: it has ended instead, or time is over. */
static int receive_terminal(int listen_fd, int pidfd)
{
    struct pollfd ready[] = {{.fd = listen_fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte[PATH_BYTES];
    struct iovec part = {byte, sizeof(byte)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    const struct cmsghdr *header;
    auto_fd from = -1;
    int terminal = -1;

    if (poll(ready, COUNT_OF(ready), TERMINAL_TIMEOUT_MS) <= 0 || (ready[0].revents & POLLIN) == 0)
        return -1;
    from = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    ready[0].fd = from;
    if (from < 0 || poll(ready, 1, TERMINAL_TIMEOUT_MS) <= 0 || recvmsg(from, &message, MSG_CMSG_CLOEXEC) < 0)
        return -1;
    header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(terminal)))
        memcpy(&terminal, CMSG_DATA(header), sizeof(terminal));
    return terminal;
}

/* Why the command was not executed; false, and *f filled, in any case. */
static bool tell_failure(const struct oci_terminal *terminal, const char *program, struct fail *f)
{
    char buffer[SMALL_FILE_BYTES];
    struct str text;
    struct fail ignored;

    if (!small_file_read(terminal->files.log, buffer, sizeof(buffer), &text, &ignored) || text.len == 0)
        text = STR("the OCI runtime does not say why");
    return translate(program, text, f);
}

static bool start_terminal(const struct oci_tools *tools, const struct launch_exec *exec, const char *socket_path,
                           struct oci_terminal *terminal, struct fail *f)
{
    const char *argv[] = {tools->runtime,
                          "--root",
                          tools->root,
                          "--cgroup-manager=cgroupfs",
                          "--log",
                          terminal->files.log,
                          "exec",
                          "--process",
                          terminal->files.process,
                          "--pid-file",
                          terminal->files.pid,
                          "--tty",
                          "--console-socket",
                          socket_path,
                          exec->id,
                          NULL};
    const struct process_options options = runtime_options(tools, argv);
    const struct oci_exec what = {.argv = exec->argv, .argc = exec->argc, .terminal = true};

    return oci_bundle_write_exec(exec->directory, &what, terminal->files.process, f) &&
           process_start(&options, &terminal->process, f);
}

bool oci_exec_terminal(const struct oci_tools *tools, const struct launch_exec *exec, const char *procs_path,
                       struct terminal_exec *ret_exec, struct fail *f)
{
    struct oci_terminal *terminal = calloc(1, sizeof(*terminal));
    char socket_path[PATH_BYTES];
    auto_fd listen_fd = -1;
    auto_fd fd = -1;

    must(terminal != NULL);
    terminal->reaped = true; /* there is none yet */
    name_files(&terminal->files, exec->directory);
    path_format(terminal->procs_path, "%s", procs_path);
    path_format(socket_path, "%s.socket", terminal->files.pid);
    if (listen_at(exec->directory, socket_path, &listen_fd, f) &&
        start_terminal(tools, exec, socket_path, terminal, f)) {
        terminal->reaped = false;
        fd = receive_terminal(listen_fd, terminal->process.pidfd);
        if (fd < 0)
            (void)tell_failure(terminal, exec->argv[0], f);
    }
    (void)unlink(socket_path);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        oci_terminal_end(terminal);
        return false;
    }
    *ret_exec = (struct terminal_exec){.terminal = take_fd(&fd), .ended = terminal->process.pidfd, .oci = terminal};
    return true;
}

bool oci_terminal_ended(struct oci_terminal *terminal, const char *program, int *ret_code, struct fail *f)
{
    struct process_exit exit;
    char buffer[SMALL_FILE_BYTES];
    struct str text;
    struct fail ignored;

    if (!process_wait(&terminal->process, TERMINAL_TIMEOUT_MS, &exit, f))
        return false;
    terminal->reaped = true;
    if (small_file_read(terminal->files.log, buffer, sizeof(buffer), &text, &ignored) && text.len > 0)
        return tell_failure(terminal, program, f);
    *ret_code = exit.signaled ? 128 + exit.code : exit.code;
    return true;
}

void oci_terminal_end(struct oci_terminal *terminal)
{
    uint64_t pid;
    struct fail f;

    if (!terminal->reaped && small_file_read_number(terminal->files.pid, &pid, &f) && pid > 1 && pid < INT32_MAX) {
        auto_fd pidfd = pidfd_open((pid_t)pid, 0);

        if (pidfd >= 0)
            terminal_hang_up((pid_t)pid, pidfd, terminal->procs_path);
    }
    if (!terminal->reaped)
        process_end(&terminal->process);
    remove_files(&terminal->files);
    free(terminal);
}
