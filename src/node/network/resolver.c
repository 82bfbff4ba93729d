#include "node/network/resolver.h"

#include "os/clock.h"
#include "os/files.h"
#include "os/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

enum {
    START_MS_MAX = 5000,
    END_MS_MAX = 3000,
    RESOLV_CONF_BYTES_MAX = 65536,
    ARGUMENT_BYTES = RESOLVER_PATH_SIZE + 32
};

/* Where the machine's name servers stand. systemd-resolved puts its own loopback address into the first and the real
 * ones into the second. */
static const char *const resolv_confs[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};

struct file_path {
    char text[RESOLVER_PATH_SIZE + 16];
};

static struct file_path path_of(const struct resolver *resolver, const char *file)
{
    struct file_path path;

    (void)snprintf(path.text, sizeof(path.text), "%s/%s", resolver->directory, file);
    return path;
}

/* Reads a file whole; nothing when there is none. */
static bool read_file(const char *path, struct buf *out, struct fail *f)
{
    return file_read(path, out, f) || f->code == FAIL_NOT_FOUND;
}

/* Not synced: after a power cut they are written anew, as the resolver is started anew. */
static bool write_file(const struct resolver *resolver, const char *file, const struct buf *content, struct fail *f)
{
    return file_replace(path_of(resolver, file).text, buf_str(content), 0644, f);
}

/* Whether the process is the dnsmasq of this directory: its number may have been given to another since. */
static bool is_ours(const struct resolver *resolver, pid_t pid)
{
    auto_buf command = {.limit = 8192};
    char path[32];
    struct fail ignored;

    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    return read_file(path, &command, &ignored) &&
           str_search(buf_str(&command), str_of(path_of(resolver, "pid").text)) < command.len;
}

/* Learns from the pid file whether it runs. */
static bool find(struct resolver *resolver, struct fail *f)
{
    auto_buf text = {.limit = 64};
    auto_fd pidfd = -1;
    uint64_t pid;

    if (!read_file(path_of(resolver, "pid").text, &text, f))
        return false;
    if (!str_to_uint64(str_trim(buf_str(&text)), &pid) || pid == 0 || pid > INT32_MAX)
        return true;
    pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (pidfd >= 0 && is_ours(resolver, (pid_t)pid))
        resolver->pidfd = take_fd(&pidfd);
    return true;
}

/* The zones among the lines of the servers file. */
static void find_zones(struct resolver *resolver)
{
    struct str rest = buf_str(&resolver->servers);

    while (rest.ptr != NULL) {
        struct str line = str_cut(rest, '\n', &rest);

        if (str_starts(line, STR("server=/")))
            buf_printf(&resolver->zones, "%.*s\n", STR_ARG(line));
    }
}

bool resolver_open(struct resolver *resolver, const char *directory, struct fail *f)
{
    *resolver = (struct resolver){.pidfd = -1};
    if (!str_to_buffer(str_of(directory), resolver->directory, sizeof(resolver->directory)))
        return fail(f, FAIL_INPUT, "the path %s is too long", directory);
    if (!directory_make(directory, 0755, f))
        return false;
    if (!find(resolver, f) || !read_file(path_of(resolver, "hosts").text, &resolver->hosts, f) ||
        !read_file(path_of(resolver, "servers").text, &resolver->servers, f)) {
        resolver_close(resolver);
        return false;
    }
    find_zones(resolver);
    return true;
}

static void close_pidfd(struct resolver *resolver)
{
    if (resolver->pidfd >= 0)
        (void)close(resolver->pidfd);
    resolver->pidfd = -1;
}

void resolver_close(struct resolver *resolver)
{
    close_pidfd(resolver);
    buf_free(&resolver->hosts);
    buf_free(&resolver->servers);
    buf_free(&resolver->zones);
}

static bool has_ended(const struct resolver *resolver, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = resolver->pidfd, .events = POLLIN};

    return resolver->pidfd < 0 || poll(&poll_fd, 1, timeout_ms) > 0;
}

/* dnsmasq goes to the background by itself once it listens, and tells what is wrong before. Without --user it is
 * nobody, or whom the distribution chose. */
static bool start(const struct resolver *resolver, int namespace_fd, uint32_t address, struct fail *f)
{
    char hosts[ARGUMENT_BYTES];
    char servers[ARGUMENT_BYTES];
    char pid[ARGUMENT_BYTES];
    char listen[ARGUMENT_BYTES];
    const char *argv[] = {"dnsmasq",
                          "--conf-file=/dev/null",
                          hosts,
                          servers,
                          pid,
                          listen,
                          "--no-hosts",
                          "--no-resolv",
                          "--no-poll",
                          "--bind-interfaces",
                          "--bogus-priv",
                          "--domain-needed",
                          "--cache-size=1000",
                          NULL};
    struct process_options options = {.argv = argv, .namespaces = &namespace_fd, .namespace_count = 1};
    auto_buf errors = {.limit = 4096};
    struct process_run_options run = {.err = &errors, .timeout_ms = START_MS_MAX};
    struct process_exit exit;

    (void)snprintf(hosts, sizeof(hosts), "--addn-hosts=%s", path_of(resolver, "hosts").text);
    (void)snprintf(servers, sizeof(servers), "--servers-file=%s", path_of(resolver, "servers").text);
    (void)snprintf(pid, sizeof(pid), "--pid-file=%s", path_of(resolver, "pid").text);
    (void)snprintf(listen, sizeof(listen), "--listen-address=%s,%s", address_text(address).text,
                   address_text(RESOLVER_LINK_LOCAL).text);
    return process_run(&options, &run, &exit, f) && process_succeeded("dnsmasq", exit, buf_str(&errors), f);
}

bool resolver_run(struct resolver *resolver, int namespace_fd, uint32_t address, struct fail *f)
{
    if (!has_ended(resolver, 0))
        return true;
    close_pidfd(resolver);
    if (resolver->started_ms != 0 && clock_monotonic_ms() - resolver->started_ms < RESOLVER_PAUSE_MS)
        return fail(f, FAIL_LIMIT, "the resolver in %s ended too soon after its start; another try later",
                    resolver->directory);
    resolver->started_ms = clock_monotonic_ms();
    if (!write_file(resolver, "hosts", &resolver->hosts, f) ||
        !write_file(resolver, "servers", &resolver->servers, f) || !start(resolver, namespace_fd, address, f) ||
        !find(resolver, f))
        return false;
    if (resolver->pidfd < 0)
        return fail(f, FAIL_SYSTEM, "dnsmasq started and ended at once; its reason is in the system log");
    return true;
}

static bool signal_it(const struct resolver *resolver, int signal, struct fail *f)
{
    if (resolver->pidfd < 0 || syscall(SYS_pidfd_send_signal, resolver->pidfd, signal, NULL, 0) == 0 || errno == ESRCH)
        return true;
    return fail(f, FAIL_SYSTEM, "signal dnsmasq: %s", strerror(errno));
}

bool resolver_stop(struct resolver *resolver, struct fail *f)
{
    if (!signal_it(resolver, SIGTERM, f))
        return false;
    if (!has_ended(resolver, END_MS_MAX)) {
        if (!signal_it(resolver, SIGKILL, f))
            return false;
        if (!has_ended(resolver, END_MS_MAX))
            return fail(f, FAIL_LIMIT, "dnsmasq in %s does not end", resolver->directory);
    }
    close_pidfd(resolver);
    resolver->started_ms = 0;
    return true;
}

bool resolver_end(struct resolver *resolver, struct fail *f)
{
    return resolver_stop(resolver, f) && path_remove(resolver->directory, f);
}

void resolver_servers(struct str resolv_conf, struct buf *out)
{
    struct cidr loopback = {.address = 0x7f000000, .bits = 8};

    while (resolv_conf.ptr != NULL) {
        struct str line = str_trim(str_cut(resolv_conf, '\n', &resolv_conf));
        struct str word = STR("nameserver");
        uint32_t address;

        if (!str_starts(line, word) || !address_parse(str_trim(str_from(line, word.len)), &address))
            continue;
        if (address != 0 && !cidr_holds(loopback, address))
            buf_printf(out, "server=%s\n", address_text(address).text);
    }
}

static bool find_servers(struct buf *out, struct fail *f)
{
    size_t before = out->len;

    for (size_t i = 0; i < COUNT_OF(resolv_confs) && out->len == before; i++) {
        auto_buf text = {.limit = RESOLV_CONF_BYTES_MAX};

        if (!read_file(resolv_confs[i], &text, f))
            return false;
        resolver_servers(buf_str(&text), out);
    }
    return true;
}

/* Replaces one of the files if its content is new; *changed is then set. */
static bool update(struct resolver *resolver, const char *file, struct buf *held, const struct buf *content,
                   bool *changed, struct fail *f)
{
    if (content->overflowed)
        return fail(f, FAIL_LIMIT, "%s/%s would be larger than %zu bytes", resolver->directory, file, content->limit);
    if (str_eq(buf_str(held), buf_str(content)))
        return true;
    if (!write_file(resolver, file, content, f))
        return false;
    buf_clear(held);
    buf_add(held, buf_str(content));
    *changed = true;
    return true;
}

/* SIGHUP: dnsmasq reads both files again and empties its cache. */
static bool tell(const struct resolver *resolver, bool changed, struct fail *f)
{
    return !changed || signal_it(resolver, SIGHUP, f);
}

static bool update_servers(struct resolver *resolver, bool *changed, struct fail *f)
{
    auto_buf servers = {0};

    buf_add(&servers, buf_str(&resolver->zones));
    return (!resolver->exit || find_servers(&servers, f)) &&
           update(resolver, "servers", &resolver->servers, &servers, changed, f);
}

bool resolver_names(struct resolver *resolver, const struct buf *hosts, const struct buf *zones, struct fail *f)
{
    bool changed = false;

    if (!update(resolver, "hosts", &resolver->hosts, hosts, &changed, f))
        return false;
    buf_clear(&resolver->zones);
    buf_add(&resolver->zones, buf_str(zones));
    return update_servers(resolver, &changed, f) && tell(resolver, changed, f);
}

bool resolver_exit(struct resolver *resolver, bool exit, struct fail *f)
{
    bool changed = false;

    resolver->exit = exit;
    return update_servers(resolver, &changed, f) && tell(resolver, changed, f);
}
