/* `berth up`, `down`, `status`, `env`: a server and a host on this machine, kept by their data directory. */
#include "base/must.h"
#include "main/data_dir.h"
#include "main/listen.h"
#include "main/verbs.h"
#include "node/host/host.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/http_client.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

enum { READY_TIMEOUT_MS = 30000, END_TIMEOUT_MS = 30000, LOOK_MS = 10 };

struct installation {
    const char *data, *listen;
    struct data_dir dir;
    struct arena arena;
};

static void installation_free(struct installation *in)
{
    arena_free(&in->arena);
}
#define auto_installation __attribute__((cleanup(installation_free))) struct installation

/* ---- talking to the server ---- */

static bool get(const struct installation *in, const char *listen, const char *path,
                struct http_client_reply *ret_reply, struct fail *f)
{
    char url[256];
    char bearer[96];
    const struct http_header headers[] = {{STR("Authorization"), {bearer, 0}}};
    struct http_header header = headers[0];
    struct http_client_request request = {
        .url = url, .headers = &header, .header_count = 1, .connect_timeout_ms = 2000, .total_timeout_ms = 10000};
    struct http_client *client;
    bool good;

    (void)snprintf(url, sizeof(url), "http://%s%s", listen, path);
    (void)snprintf(bearer, sizeof(bearer), "Bearer %s", in->dir.token);
    header.value = str_of(bearer);
    if (!http_client_new(&client, f))
        return false;
    good = http_fetch(client, &request, ret_reply, f);
    http_client_free(client);
    return good;
}

/* The server's state, decoded; NULL with *f when it does not answer. */
static json_t *ask_status(const struct installation *in, struct fail *f)
{
    auto_client_reply reply = {0};
    json_error_t error;
    json_t *status;

    if (!get(in, in->listen, "/_berth/status", &reply, f))
        return NULL;
    if (reply.status != 200) {
        (void)fail(f, FAIL_DENIED, "http://%s answers %u: it is not the server of %s", in->listen, reply.status,
                   in->data);
        return NULL;
    }
    status = json_loadb(reply.body.ptr, reply.body.len, 0, &error);
    if (status == NULL)
        (void)fail(f, FAIL_INPUT, "the server's status cannot be read: %s", error.text);
    return status;
}

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

static bool start_role(const struct installation *in, const char *role, const char *const *more, struct fail *f)
{
    const char *argv[24] = {"/proc/self/exe", role, "--data", in->data};
    size_t count = 4;
    auto_fd log = -1;
    struct process process;
    struct process_options options = {.argv = argv, .own_session = true, .directory = "/"};
    struct process_fd fds[1];

    for (; *more != NULL; more++) {
        must(count + 1 < COUNT_OF(argv));
        argv[count++] = *more;
    }
    if (!open_log(in, role, &log, f))
        return false;
    fds[0] = (struct process_fd){.from = log, .to = STDERR_FILENO};
    options.fds = fds;
    options.fd_count = 1;
    if (!process_start(&options, &process, f))
        return false;
    (void)close(process.pidfd);
    return true;
}

/* The last line of a role's log: why it ended. */
static bool fail_with_log(const struct installation *in, const char *role, struct fail *f)
{
    char path[4200];
    auto_buf text = {.limit = (size_t)16 << 20};
    struct str last;
    struct fail ignored;

    (void)snprintf(path, sizeof(path), "%s/%s.log", in->data, role);
    if (!file_read(path, &text, &ignored))
        return fail(f, FAIL_SYSTEM, "the %s did not come up", role);
    last = str_trim(buf_str(&text));
    for (size_t at = str_find_last(last, '\n'); at != last.len;) {
        last = str_from(last, at + 1);
        break;
    }
    return fail(f, FAIL_SYSTEM, "the %s did not come up; %s says: %.*s", role, path, STR_ARG(last));
}

static bool has_host(const json_t *status)
{
    const json_t *host;
    size_t i;

    json_array_foreach(json_object_get(status, "hosts"), i,
                       host) if (strcmp(json_string_value(json_object_get(host, "status")), "CONNECTED") ==
                                 0) return true;
    return false;
}

/* Ready: the server answers and this machine's host is connected. */
static bool wait_ready(const struct installation *in, struct fail *f)
{
    int64_t deadline = clock_monotonic_ms() + READY_TIMEOUT_MS;
    int64_t grace = clock_monotonic_ms() + 500;

    while (clock_monotonic_ms() < deadline) {
        json_t *status = ask_status(in, f);
        bool ready = status != NULL && has_host(status);

        json_decref(status);
        if (ready)
            return true;
        if (clock_monotonic_ms() > grace && data_dir_holder(&in->dir, "server") == 0)
            return fail_with_log(in, "server", f);
        if (clock_monotonic_ms() > grace && data_dir_holder(&in->dir, "host") == 0)
            return fail_with_log(in, "host", f);
        (void)poll(NULL, 0, LOOK_MS);
    }
    return fail(f, FAIL_LIMIT, "not ready after %d s; see %s/server.log and host.log", READY_TIMEOUT_MS / 1000,
                in->data);
}

static bool open_installation(struct installation *in, struct fail *f)
{
    struct str kept;
    struct fail ignored;

    arena_init(&in->arena, (size_t)4 << 20);
    if (!data_dir_open(in->data, &in->dir, f))
        return false;
    if (in->listen == NULL && data_dir_read(&in->dir, "listen", &in->arena, &kept, &ignored))
        in->listen = arena_cstr(&in->arena, str_trim(kept));
    if (in->listen == NULL)
        in->listen = "127.0.0.1:4566";
    return true;
}

/* /172.31.0.0/16 as on AWS, or the next one that this machine does not route already. */
static const char *choose_vpc_cidr(const struct installation *in)
{
    static const char *const choices[] = {"172.31.0.0/16", "172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16",
                                          "172.27.0.0/16", "172.26.0.0/16", "172.25.0.0/16", "172.24.0.0/16"};
    auto_buf routes = {.limit = (size_t)4 << 20};
    struct fail ignored;

    (void)in;
    if (!file_read("/proc/net/route", &routes, &ignored))
        return choices[0];
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        unsigned second = 31 - (unsigned)i;
        char destination[16];

        (void)snprintf(destination, sizeof(destination), "\t0000%02XAC\t", second);
        if (str_search(buf_str(&routes), str_of(destination)) == routes.len)
            return choices[i];
    }
    return choices[0];
}

int verb_up(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const char *auth = "iam";
    const char *region = "us-east-1";
    const char *account = "000000000000";
    const char *clock_rate = "1";
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the APIs answer (127.0.0.1:4566)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &in.data},
        {"auth", OPTION_TEXT, "iam|open", "verify signatures, or let any key in (iam)", &auth},
        {"region", OPTION_TEXT, "NAME", "the default region (us-east-1)", &region},
        {"account", OPTION_TEXT, "ID", "the default account (000000000000)", &account},
        {"clock-rate", OPTION_TEXT, "N", "let the server's time run N times as fast (1)", &clock_rate},
        {0},
    };
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (!open_installation(&in, &f) || !data_dir_write(&in.dir, "listen", str_of(in.listen), &f))
        return verb_failed(verb, &f);
    if (data_dir_holder(&in.dir, "server") == 0) {
        const char *const more[] = {
            "--listen", in.listen,      "--auth",   auth,         "--region",           region, "--account",
            account,    "--clock-rate", clock_rate, "--vpc-cidr", choose_vpc_cidr(&in), NULL};

        if (!start_role(&in, "server", more, &f))
            return verb_failed(verb, &f);
    }
    if (data_dir_holder(&in.dir, "host") == 0) {
        const char *const more[] = {"--server", in.listen, NULL};

        if (!start_role(&in, "host", more, &f))
            return verb_failed(verb, &f);
    }
    if (!wait_ready(&in, &f))
        return verb_failed(verb, &f);
    (void)printf("Berth is up: http://%s\n", in.listen);
    return EXIT_OK;
}

/* ---- down ---- */

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
    if (!open_installation(&in, &f) || !end_role(&in, "server", &f) || !end_role(&in, "host", &f))
        return verb_failed(verb, &f);
    options.data_dir = in.data;
    options.instance = in.dir.instance;
    if (!host_remove_all(&options, &f))
        return verb_failed(verb, &f);
    (void)printf("Berth is down; its records stay in %s.\n", in.data);
    return EXIT_OK;
}

/* ---- status ---- */

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));

    return value == NULL ? "-" : value;
}

static void print_status(const json_t *status)
{
    const json_t *row;
    size_t i;

    (void)printf("%-24s %-14s %8s %10s\n", "HOST", "STATUS", "CPU", "MEMORY MiB");
    json_array_foreach(json_object_get(status, "hosts"), i, row)(void)
        printf("%-24s %-14s %8lld %10lld\n", text(row, "name"), text(row, "status"),
               (long long)json_integer_value(json_object_get(row, "cpuUnits")),
               (long long)json_integer_value(json_object_get(row, "memoryMiB")));
    (void)printf("\n%-24s %-14s %-14s %s\n", "CLUSTER", "STATUS", "ACCOUNT", "REGION");
    json_array_foreach(json_object_get(status, "clusters"), i, row)(void) printf(
        "%-24s %-14s %-14s %s\n", text(row, "name"), text(row, "status"), text(row, "accountId"), text(row, "region"));
    (void)printf("\n%-34s %-14s %-14s %-16s %s\n", "TASK", "FAMILY", "CLUSTER", "STATUS", "ADDRESS");
    json_array_foreach(json_object_get(status, "tasks"), i, row)(void)
        printf("%-34s %-14s %-14s %-16s %s\n", text(row, "id"), text(row, "family"), text(row, "cluster"),
               text(row, "lastStatus"), text(row, "address"));
}

int verb_status(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    bool as_json = false;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (as `berth up` was told)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"json", OPTION_FLAG, NULL, "print JSON", &as_json},
        {0},
    };
    int first;
    int exit_status;
    struct fail f;
    json_t *status;

    if (!options_parse(verb, rows, argc, argv, &first, &exit_status))
        return exit_status;
    if (!open_installation(&in, &f))
        return verb_failed(verb, &f);
    status = ask_status(&in, &f);
    if (status == NULL)
        return verb_failed(verb, &f);
    if (as_json) {
        (void)json_dumpf(status, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        print_status(status);
    }
    json_decref(status);
    return EXIT_OK;
}

/* ---- env ---- */

int verb_env(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "taken for symmetry with up; the directory tells", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {0},
    };
    struct str lines;
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (!open_installation(&in, &f) || !data_dir_read(&in.dir, "env", &in.arena, &lines, &f))
        return verb_failed(verb, &f);
    (void)fwrite(lines.ptr, 1, lines.len, stdout);
    return EXIT_OK;
}
