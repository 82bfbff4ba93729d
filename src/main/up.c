/* `berth up` and `down`: a server and a host on this machine, kept by their data directory. */
#include "base/must.h"
#include "main/installation.h"
#include "main/listen.h"
#include "main/verbs.h"
#include "main/vpc_range.h"
#include "node/host/host.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

enum { READY_TIMEOUT_MS = 30000, END_TIMEOUT_MS = 30000, LOOK_MS = 10 };

/* ---- daemons ---- */

static bool open_log(const struct installation *in, const char *role, int *ret_fd, struct fail *f)
{
    char path[4200];

    (void)snprintf(path, sizeof(path), "%s/%s.log", in->data, role);
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (*ret_fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    return true;
}

/* By its name, and not by /proc/self/exe, so that ps shows what it is. */
static bool own_path(char *path, size_t size, struct fail *f)
{
    ssize_t len = readlink("/proc/self/exe", path, size - 1);

    if (len < 0)
        return fail(f, FAIL_SYSTEM, "readlink /proc/self/exe: %s", strerror(errno));
    path[len] = '\0';
    return true;
}

/* A daemon that has to run. */
struct role {
    const char *name;
    const char *const *more; /* its arguments, to a NULL */
    int pidfd;               /* -1: it is not our child */
};

static bool start_role(const struct installation *in, struct role *role, struct fail *f)
{
    char self[4096];
    const char *argv[24] = {self, role->name, "--data", in->data};
    size_t count = 4;
    auto_fd log = -1;
    struct process process;
    struct process_options options = {.argv = argv, .own_session = true, .directory = "/"};
    struct process_fd fds[1];

    if (!own_path(self, sizeof(self), f))
        return false;
    for (const char *const *more = role->more; *more != NULL; more++) {
        must(count + 1 < COUNT_OF(argv));
        argv[count++] = *more;
    }
    if (!open_log(in, role->name, &log, f))
        return false;
    fds[0] = (struct process_fd){.from = log, .to = STDERR_FILENO};
    options.fds = fds;
    options.fd_count = 1;
    if (!process_start(&options, &process, f))
        return false;
    role->pidfd = process.pidfd;
    return true;
}

/* The last line of a role's log: why it ended. */
static bool fail_with_log(const struct installation *in, const char *role, struct fail *f)
{
    char path[4200];
    auto_buf text = {.limit = (size_t)16 << 20};
    struct str last;
    struct fail ignored;
    size_t at;

    (void)snprintf(path, sizeof(path), "%s/%s.log", in->data, role);
    if (!file_read(path, &text, &ignored))
        return fail(f, FAIL_SYSTEM, "the %s did not come up", role);
    last = str_trim(buf_str(&text));
    at = str_find_last(last, '\n');
    if (at != last.len)
        last = str_from(last, at + 1);
    return fail(f, FAIL_SYSTEM, "the %s did not come up; %s says: %.*s", role, path, STR_ARG(last));
}

static bool has_host(const json_t *status)
{
    const json_t *hosts = json_object_get(status, "hosts");

    for (size_t i = 0; i < json_array_size(hosts); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(hosts, i), "status")), "CONNECTED") == 0)
            return true;
    return false;
}

/* Starts a role that nobody runs: not before one that was killed is really gone. One that we started and that has ended
 * could not run. */
static bool keep_role(const struct installation *in, struct role *role, struct fail *f)
{
    struct pollfd end = {.fd = role->pidfd, .events = POLLIN};

    if (role->pidfd >= 0 && poll(&end, 1, 0) <= 0)
        return true;
    if (data_dir_holder(&in->dir, role->name) != 0)
        return true;
    return role->pidfd < 0 ? start_role(in, role, f) : fail_with_log(in, role->name, f);
}

/* Of a line of /proc/PID/status: a set of signals. */
static uint64_t signals_at(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 16);
}

/* Whether the holder of the directory was killed: it keeps lock and connections until all of it is gone. */
static bool is_dying(const struct installation *in, const char *role)
{
    int pid = data_dir_holder(&in->dir, role);
    auto_buf status = {.ptr = NULL};
    char path[32];
    uint64_t pending;
    struct fail f;

    if (pid == 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    if (!file_read(path, &status, &f))
        return true;
    buf_add_char(&status, '\0');
    pending = signals_at(status.ptr, "SigPnd:") | signals_at(status.ptr, "ShdPnd:");
    return (pending & UINT64_C(1) << (SIGKILL - 1)) != 0 || strstr(status.ptr, "State:\tZ") != NULL ||
           strstr(status.ptr, "State:\tX") != NULL;
}

/* Ready: the server answers and this machine's host is connected. */
static bool wait_ready(const struct installation *in, struct role roles[2], struct fail *f)
{
    int64_t deadline = clock_monotonic_ms() + READY_TIMEOUT_MS;

    while (clock_monotonic_ms() < deadline) {
        json_t *status = NULL;
        bool ready;

        if (!keep_role(in, &roles[0], f) || !keep_role(in, &roles[1], f))
            return false;
        ready =
            !is_dying(in, "server") && !is_dying(in, "host") && installation_status(in, &status, f) && has_host(status);
        json_decref(status);
        if (ready)
            return true;
        (void)poll(NULL, 0, LOOK_MS);
    }
    return fail(f, FAIL_LIMIT, "not ready after %d s; see %s/server.log and host.log", READY_TIMEOUT_MS / 1000,
                in->data);
}

static bool end_role(const struct installation *in, const char *role, struct fail *f)
{
    int pid = data_dir_holder(&in->dir, role);
    int64_t deadline = clock_monotonic_ms() + END_TIMEOUT_MS;

    if (pid == 0)
        return true;
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH)
        return fail(f, FAIL_SYSTEM, "end the %s (process %d): %s", role, pid, strerror(errno));
    while (data_dir_holder(&in->dir, role) != 0) {
        if (clock_monotonic_ms() > deadline)
            return fail(f, FAIL_LIMIT, "the %s (process %d) does not end", role, pid);
        (void)poll(NULL, 0, LOOK_MS);
    }
    return true;
}

/* Whether the process runs another file than we do: ours was built, or installed, since. */
static bool is_other_build(int pid)
{
    char path[32];
    struct stat theirs;
    struct stat own;

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    return stat(path, &theirs) == 0 && stat("/proc/self/exe", &own) == 0 &&
           (theirs.st_dev != own.st_dev || theirs.st_ino != own.st_ino);
}

static bool end_other_build(const struct installation *in, const char *role, struct fail *f)
{
    int pid = data_dir_holder(&in->dir, role);

    if (pid == 0 || !is_other_build(pid))
        return true;
    (void)printf("A %s of another build is replaced; containers go on.\n", role);
    return end_role(in, role, f);
}

static bool run_roles(const struct installation *in, const char *const *of_server, const char *const *of_host,
                      struct fail *f)
{
    struct role roles[] = {{"server", of_server, -1}, {"host", of_host, -1}};
    bool good = end_other_build(in, "host", f) && end_other_build(in, "server", f) && wait_ready(in, roles, f);

    for (size_t i = 0; i < COUNT_OF(roles); i++)
        close_fd_at(&roles[i].pidfd);
    return good;
}

static bool may_start(struct fail *f)
{
    return geteuid() == 0 ||
           fail(f, FAIL_DENIED, "a host makes containers and networks, which needs root: sudo berth up");
}

/* Where the server listens, what clients call it and where its own host finds it. The first two are kept, for the next
 * `berth up`. */
static bool addresses(struct installation *in, const char **public_address, const char **ret_server, struct fail *f)
{
    const char *wished = *public_address;
    const char *address;
    uint16_t port;
    struct str kept;
    struct fail ignored;

    if (wished == NULL && data_dir_read(&in->dir, "public-address", &in->arena, &kept, &ignored))
        wished = arena_cstr(&in->arena, str_trim(kept));
    if (!listen_parse("listen", in->listen, &in->arena, &address, &port, f) ||
        !listen_public(wished, in->listen, &in->arena, public_address, f) ||
        (wished != NULL && !data_dir_write(&in->dir, "public-address", str_of(wished), f)) ||
        !data_dir_write(&in->dir, "listen", str_of(in->listen), f))
        return false;
    *ret_server = listen_is_everywhere(address) ? arena_cstr(&in->arena, arena_printf(&in->arena, "127.0.0.1:%u", port))
                                                : in->listen;
    return true;
}

int verb_up(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const char *auth = "iam";
    const char *region = "us-east-1";
    const char *account = "000000000000";
    const char *clock_rate = "1";
    const char *task_credentials = "21600";
    const char *runtime = "native";
    const char *s3_endpoint = NULL;
    const char *public_address = NULL;
    const char *server;
    const char *vpc_cidr;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the APIs answer (127.0.0.1:4566)", &in.listen},
        {"public-address", OPTION_TEXT, "NAME[:PORT]",
         "what clients are told to call (as --listen; for 0.0.0.0 the machine's)", &public_address},
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &in.data},
        {"auth", OPTION_TEXT, "iam|open", "verify signatures, or let any key in (iam)", &auth},
        {"region", OPTION_TEXT, "NAME", "the default region (us-east-1)", &region},
        {"account", OPTION_TEXT, "ID", "the default account (000000000000)", &account},
        {"clock-rate", OPTION_TEXT, "N", "let the server's time run N times as fast (1)", &clock_rate},
        {"task-credentials", OPTION_TEXT, "SECONDS", "how long the credentials of a task's role last (21600)",
         &task_credentials},
        {"runtime", OPTION_TEXT, "native|PROGRAM", "who starts containers: Berth, or crun under conmon (native)",
         &runtime},
        {"s3-endpoint", OPTION_TEXT, "URL",
         "where environmentFiles are (BERTH_S3_ENDPOINT; keys of its own: BERTH_S3_ACCESS_KEY_ID, "
         "BERTH_S3_SECRET_ACCESS_KEY)",
         &s3_endpoint},
        {0},
    };
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (!may_start(&f) || !installation_make(&in, &f) || !addresses(&in, &public_address, &server, &f) ||
        !vpc_range_claim(&in.dir, &in.arena, &vpc_cidr, &f))
        return verb_failed(verb, &f);
    if (!run_roles(&in,
                   (const char *const[]){"--listen", in.listen, "--public-address", public_address, "--auth", auth,
                                         "--region", region, "--account", account, "--clock-rate", clock_rate,
                                         "--vpc-cidr", vpc_cidr, "--task-credentials", task_credentials, NULL},
                   (const char *const[]){"--server", server, "--public-address", public_address, "--runtime", runtime,
                                         s3_endpoint == NULL ? NULL : "--s3-endpoint", s3_endpoint, NULL},
                   &f))
        return verb_failed(verb, &f);
    (void)printf("Berth is up: http://%s\n", public_address);
    return EXIT_OK;
}

/* ---- down ---- */

int verb_down(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "taken for symmetry with up; the directory tells", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {0},
    };
    struct host_options options = {0};
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (access(in.data, F_OK) != 0) {
        (void)printf("There is no installation in %s.\n", in.data);
        return EXIT_OK;
    }
    if (!installation_make(&in, &f) || !end_role(&in, "server", &f) || !end_role(&in, "host", &f))
        return verb_failed(verb, &f);
    options.data_dir = in.data;
    options.instance = in.dir.instance;
    if (!host_remove_all(&options, &f))
        return verb_failed(verb, &f);
    vpc_range_release(&in.dir);
    (void)printf("Berth is down; its records stay in %s.\n", in.data);
    return EXIT_OK;
}
