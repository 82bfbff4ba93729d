/* `berth doctor`: whether this machine can run Berth, and what to do where it cannot. Each check is a row that says
 * what it looks at; it answers good, worse (Berth adapts, the line says how) or broken (the line says how to mend it).
 * It makes the data directory where there is none, and changes nothing else. */
#include "base/must.h"
#include "main/installation.h"
#include "main/listen.h"
#include "main/secret_key.h"
#include "main/verbs.h"
#include "node/runtime/capabilities.h"
#include "node/runtime/cgroup.h"
#include "node/task/users.h"
#include "os/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DETAIL_BYTES = 400, FREE_DISK_MIB = 2048, NOFILE_MIN = 4096 };

enum verdict { GOOD, WORSE, BROKEN };

struct patient {
    struct installation installation;
    char detail[DETAIL_BYTES]; /* of the check that runs */
};

typedef enum verdict check_fn(struct patient *patient);

static enum verdict say(struct patient *patient, enum verdict verdict, const char *format, ...) printf_like(3, 4);
static enum verdict say(struct patient *patient, enum verdict verdict, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(patient->detail, sizeof(patient->detail), format, arguments);
    va_end(arguments);
    return verdict;
}

/* ---- the kernel ---- */

static enum verdict check_root(struct patient *patient)
{
    return geteuid() == 0 ? say(patient, GOOD, "root") : say(patient, BROKEN, "not root: run berth through sudo");
}

static enum verdict check_namespaces(struct patient *patient)
{
    static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
        if (access(path, F_OK) != 0)
            return say(patient, BROKEN, "the kernel has no %s namespaces: boot one that has", kinds[i]);
    }
    return say(patient, GOOD, "cgroup ipc mnt net pid user uts");
}

static enum verdict check_overlay(struct patient *patient)
{
    auto_buf text = {.limit = (size_t)1 << 20};
    struct fail f;

    if (!file_read("/proc/filesystems", &text, &f))
        return say(patient, BROKEN, "%s", f.message);
    if (str_search(buf_str(&text), STR("\toverlay\n")) == text.len)
        return say(patient, BROKEN, "the kernel does not know overlay file systems: modprobe overlay");
    return say(patient, GOOD, "overlayfs");
}

static enum verdict check_cgroups(struct patient *patient)
{
    struct cgroup_host host;
    struct fail f;

    if (!cgroup_detect("/proc/self/mountinfo", &host, &f))
        return say(
            patient, BROKEN,
            "%s: mount -t cgroup -o NAME NAME /sys/fs/cgroup/NAME, or cgroup2 on /sys/fs/cgroup with all of them",
            f.message);
    if (host.layout == CGROUP_V2)
        return say(patient, GOOD, "v2: crun under conmon starts the containers, somewhat slower than Berth with v1");
    return say(patient, GOOD, "%s, %zu trees: Berth starts containers itself",
               host.layout == CGROUP_V1 ? "v1" : "hybrid", host.tree_count);
}

static enum verdict check_capabilities(struct patient *patient)
{
    static const struct {
        unsigned number;
        const char *name;
        bool required;
        const char *without;
    } rows[] = {
        {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", true, "no container can be made"},
        {CAP_NET_ADMIN, "CAP_NET_ADMIN", true, "no network interface can be made"},
        {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", false, "ulimits above this machine's hard limits are refused"},
    };
    uint64_t set;
    struct fail f;
    enum verdict verdict = GOOD;

    if (!capabilities_bounding(&set, &f))
        return say(patient, BROKEN, "%s", f.message);
    (void)say(patient, GOOD, "all that are needed");
    for (size_t i = 0; i < COUNT_OF(rows) && verdict != BROKEN; i++)
        if ((set >> rows[i].number & 1) == 0)
            verdict = say(patient, rows[i].required ? BROKEN : WORSE, "no %s: %s", rows[i].name, rows[i].without);
    return verdict;
}

static enum verdict check_nftables(struct patient *patient)
{
    auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    return fd >= 0 ? say(patient, GOOD, "nftables")
                   : say(patient, BROKEN, "the kernel has no nftables (%s): modprobe nf_tables", strerror(errno));
}

static enum verdict check_files(struct patient *patient)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < NOFILE_MIN)
        return say(patient, WORSE, "at most %llu open files: raise nofile in /etc/security/limits.conf",
                   (unsigned long long)limit.rlim_max);
    return say(patient, GOOD, "at most %llu open files", (unsigned long long)limit.rlim_max);
}

/* ---- programs ---- */

static bool in_path(const char *name, char *path, size_t size)
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};

    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        (void)snprintf(path, size, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static enum verdict check_programs(struct patient *patient)
{
    struct cgroup_host host;
    struct fail f;
    bool oci = cgroup_detect("/proc/self/mountinfo", &host, &f) && host.layout == CGROUP_V2; /* see check_cgroups */
    const struct {
        const char *program, *package;
        bool needed;
    } rows[] = {{"crun", "crun", oci},
                {"conmon", "conmon", oci},
                {"catatonit", "catatonit", true},
                {"dnsmasq", "dnsmasq-base", true}};
    char path[64];
    auto_buf missing = {.ptr = NULL};
    auto_buf found = {.ptr = NULL};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool there = in_path(rows[i].program, path, sizeof(path));

        if (there || rows[i].needed)
            buf_printf(there ? &found : &missing, "%s ", there ? rows[i].program : rows[i].package);
    }
    if (missing.len > 0)
        return say(patient, BROKEN, "missing: apt-get install %.*s", STR_ARG(str_trim(buf_str(&missing))));
    return say(patient, GOOD, "%.*s", STR_ARG(str_trim(buf_str(&found))));
}

/* ---- this installation ---- */

static enum verdict check_disk(struct patient *patient)
{
    const char *data = patient->installation.data;
    struct statvfs space;
    struct statfs kind;
    unsigned long long free_mib;

    if (statvfs(data, &space) != 0 || statfs(data, &kind) != 0)
        return say(patient, BROKEN, "%s: %s", data, strerror(errno));
    free_mib = (unsigned long long)space.f_bavail * space.f_frsize >> 20;
    if (kind.f_type == OVERLAYFS_SUPER_MAGIC)
        return say(patient, BROKEN, "%s lies on an overlay, where containers cannot have theirs: give --data a disk",
                   data);
    if (free_mib < FREE_DISK_MIB)
        return say(patient, WORSE, "%s has %llu MiB left: make room for images", data, free_mib);
    return say(patient, GOOD, "%s, %llu MiB free", data, free_mib);
}

/* Without this file nobody reads a secret again, so it is named: it belongs into every copy, apart from state.db. */
static enum verdict check_secret_key(struct patient *patient)
{
    struct stat status;
    char path[4200];

    (void)snprintf(path, sizeof(path), "%s/" SECRET_KEY_FILE, patient->installation.data);
    if (stat(path, &status) != 0 && errno == ENOENT)
        return say(patient, GOOD, "%s is made when the server starts first", path);
    if (stat(path, &status) != 0)
        return say(patient, BROKEN, "%s: %s", path, strerror(errno));
    if (status.st_size != SEAL_KEY_BYTES)
        return say(patient, BROKEN, "%s is not the key that was there: put it back from a copy", path);
    if ((status.st_mode & 077) != 0 || status.st_uid != 0)
        return say(patient, BROKEN, "%s can be read by others: chown root, chmod 600", path);
    return say(patient, GOOD, "%s, mode 0600: keep a copy, apart from state.db", path);
}

static enum verdict check_users(struct patient *patient)
{
    struct fail f;

    return users_possible(patient->installation.data, &f)
               ? say(patient, GOOD, "each task has users of its own")
               : say(patient, WORSE, "tasks run as this machine's users, without a user namespace: %s", f.message);
}

static enum verdict check_roles(struct patient *patient)
{
    int server = data_dir_holder(&patient->installation.dir, "server");
    int host = data_dir_holder(&patient->installation.dir, "host");
    json_t *status;
    struct fail f;

    if (server == 0 && host == 0)
        return say(patient, GOOD, "not running: berth up starts it");
    if (server == 0 || host == 0)
        return say(patient, BROKEN, "the %s does not run; see %s/%s.log, then berth up",
                   server == 0 ? "server" : "host", patient->installation.data, server == 0 ? "server" : "host");
    if (!installation_status(&patient->installation, &status, &f))
        return say(patient, BROKEN, "%s", f.message);
    json_decref(status);
    return say(patient, GOOD, "server (process %d) and host (process %d) run and answer", server, host);
}

static bool port_is_free(const char *address, uint16_t port, struct fail *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        return fail(f, FAIL_INPUT, "%s is no IPv4 address", address);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        return fail(f, FAIL_CONFLICT, "%s", strerror(errno));
    return true;
}

static enum verdict check_port(struct patient *patient)
{
    struct installation *in = &patient->installation;
    const char *address;
    uint16_t port;
    struct fail f;

    if (!listen_parse("listen", in->listen, &in->arena, &address, &port, &f))
        return say(patient, BROKEN, "%s", f.message);
    if (data_dir_holder(&in->dir, "server") != 0)
        return say(patient, GOOD, "%s is ours", in->listen);
    if (!port_is_free(address, port, &f))
        return say(patient, BROKEN, "%s cannot be had (%s): berth up --listen ADDRESS:PORT takes another", in->listen,
                   f.message);
    return say(patient, GOOD, "%s is free", in->listen);
}

static const struct {
    const char *name;
    check_fn *check;
    bool needs_installation;
} checks[] = {
    {"root", check_root, false},
    {"namespaces", check_namespaces, false},
    {"overlay", check_overlay, false},
    {"cgroups", check_cgroups, false},
    {"capabilities", check_capabilities, false},
    {"nftables", check_nftables, false},
    {"open files", check_files, false},
    {"programs", check_programs, false},
    {"disk", check_disk, true},
    {"secrets key", check_secret_key, true},
    {"users", check_users, true},
    {"port", check_port, true},
    {"roles", check_roles, true},
};

static void report(bool as_json, json_t *all, const char *name, enum verdict verdict, const char *detail)
{
    static const char *const words[] = {"good", "worse", "BROKEN"};

    if (as_json)
        (void)json_array_append_new(
            all, json_pack("{s:s,s:s,s:s}", "check", name, "verdict", words[verdict], "detail", detail));
    else
        (void)printf("%-14s %-7s %s\n", name, words[verdict], detail);
}

int verb_doctor(const struct verb *verb, int argc, char **argv)
{
    struct patient patient = {.installation = {.data = DATA_DIR_DEFAULT}};
    bool as_json = false;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the APIs shall answer", &patient.installation.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &patient.installation.data},
        {"json", OPTION_FLAG, NULL, "print JSON", &as_json},
        {0},
    };
    enum verdict worst = GOOD;
    json_t *all;
    bool opened;
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    all = json_array();
    opened = installation_make(&patient.installation, &f);
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        enum verdict verdict = !checks[i].needs_installation || opened ? checks[i].check(&patient)
                                                                       : say(&patient, BROKEN, "%s", f.message);

        worst = verdict > worst ? verdict : worst;
        report(as_json, all, checks[i].name, verdict, patient.detail);
    }
    if (as_json && json_dumpf(all, stdout, JSON_INDENT(2)) == 0)
        (void)putchar('\n');
    json_decref(all);
    installation_free(&patient.installation);
    return worst == BROKEN ? EXIT_FAILED : EXIT_OK;
}
