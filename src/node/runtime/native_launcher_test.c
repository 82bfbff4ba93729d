/* What our own launcher must hold against: ends of its processes, hostile images and programs; and that a container
 * cannot tell it from crun. What both launchers do alike is in runtime_test.c. */
#include "node/runtime/container_log.h"
#include "node/runtime/runtime_fixture.h"
#include "node/runtime/small_file.h"
#include "node/runtime/user_namespace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static struct fixture *fixture;
static struct fixture *other; /* an installation that uses crun, while a test needs it */

static void must_do(bool done, const struct fail *f)
{
    if (!done)
        fail_msg("%s", f->message);
}

static void start(const struct container_spec *spec)
{
    struct fail f;

    must_do(runtime_start(fixture->runtime, spec, &f), &f);
}

static void delete (const char *id)
{
    struct fail f;

    must_do(runtime_delete(fixture->runtime, id, &f), &f);
}

/* Runs to the end; the log stays. */
static int run(struct fixture *where, const struct container_spec *spec)
{
    const struct fixture_exit *ended;
    struct fail f;
    int code;

    where->exit_count = 0;
    must_do(runtime_start(where->runtime, spec, &f), &f);
    ended = fixture_wait(where, spec->id);
    assert_non_null(ended);
    assert_false(ended->lost);
    code = ended->code;
    must_do(runtime_delete(where->runtime, spec->id, &f), &f);
    return code;
}

static void expect(const struct container_spec *spec, int code, const char *output)
{
    int came = run(fixture, spec);

    assert_string_equal(fixture_output(spec->log_path), output);
    assert_int_equal(came, code);
    (void)unlink(spec->log_path);
}

/* ---- ends of processes ---- */

static bool is_launcher_of_ours(int64_t pid)
{
    char path[PATH_BYTES];
    char buffer[SMALL_FILE_BYTES];
    char parent[32];
    struct str text;
    struct fail f;

    path_format(path, "/proc/%jd/cmdline", (intmax_t)pid);
    if (!small_file_read(path, buffer, sizeof(buffer), &text, &f) || strcmp(buffer, "berth-launcher") != 0)
        return false;
    path_format(path, "/proc/%jd/status", (intmax_t)pid);
    (void)snprintf(parent, sizeof(parent), "\nPPid:\t%d\n", getpid());
    return small_file_read(path, buffer, sizeof(buffer), &text, &f) && strstr(buffer, parent) != NULL;
}

static pid_t look_for_launcher(void)
{
    DIR *proc = opendir("/proc");
    pid_t found = 0;
    int64_t pid;

    assert_non_null(proc);
    for (struct dirent *entry = readdir(proc); entry != NULL && found == 0; entry = readdir(proc))
        if (str_to_int64(str_of(entry->d_name), &pid) && is_launcher_of_ours(pid))
            found = (pid_t)pid;
    (void)closedir(proc);
    return found;
}

/* It has its name a moment after its start. */
static pid_t find_launcher(void)
{
    pid_t found = look_for_launcher();

    for (int round = 0; found == 0 && round < 1000; round++) {
        (void)poll(NULL, 0, 10);
        found = look_for_launcher();
    }
    assert_true(found > 0);
    return found;
}

/* Its spare may take one more request before it ends, too. */
static void a_killed_launcher_is_started_again(void **state)
{
    struct fixture_paths paths[3];
    struct container_spec spec =
        fixture_spec(fixture, &paths[0], "a", "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done");
    pid_t launcher = find_launcher();
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    start(&spec);
    assert_int_equal(kill(launcher, SIGKILL), 0);
    spec = fixture_spec(fixture, &paths[1], "b", "echo b");
    start(&spec);
    spec = fixture_spec(fixture, &paths[2], "c", "echo c");
    start(&spec);
    assert_int_not_equal(find_launcher(), launcher);
    assert_int_equal(fixture_wait(fixture, "b")->code, 0);
    assert_int_equal(fixture_wait(fixture, "c")->code, 0);
    while (strcmp(fixture_output(paths[0].log), "ready\n") != 0)
        (void)poll(NULL, 0, 10);
    must_do(runtime_signal(fixture->runtime, "a", SIGTERM, &f), &f);
    assert_int_equal(fixture_wait(fixture, "a")->code, 4);
    delete ("a");
    delete ("b");
    delete ("c");
}

static void a_killed_supervisor_loses_one_container(void **state)
{
    struct fixture_paths paths[2];
    struct container_spec spec = fixture_spec(fixture, &paths[0], "a", "exec sleep 1000");
    const struct fixture_exit *ended;
    char path[PATH_BYTES];
    uint64_t pid;
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    start(&spec);
    spec = fixture_spec(fixture, &paths[1], "b", "exec sleep 1000");
    start(&spec);
    path_format(path, "%s/c/a/supervisor", fixture->state_dir);
    must_do(small_file_read_number(path, &pid, &f), &f);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    ended = fixture_wait(fixture, "a");
    assert_non_null(ended);
    assert_true(ended->lost);
    assert_true(fixture_stays(fixture, "b", 200));
    delete ("a");
    delete ("b");
}

/* The first process of a container in a shared pid namespace is not process 1: the kernel leaves its children alone. */
static void children_end_with_the_first_process(void **state)
{
    struct fixture_paths paths[2];
    struct container_spec spec = fixture_spec(fixture, &paths[0], "a", "exec sleep 1000");
    char namespace[64];
    auto_free struct runtime_container *containers = NULL;
    size_t count;
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    start(&spec);
    must_do(runtime_list(fixture->runtime, &containers, &count, &f), &f);
    (void)snprintf(namespace, sizeof(namespace), "/proc/%d/ns/pid", containers[0].pid);
    spec = fixture_spec(fixture, &paths[1], "b", "sleep 987654 & echo started; exit 3");
    spec.pid_namespace = namespace;
    expect(&spec, 3, "started\n");
    assert_int_equal(fixture_processes("987654"), 0);
    assert_true(fixture_stays(fixture, "a", 100));
    delete ("a");
}

static void no_oci_runtime_is_needed(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exit 5");
    auto_free char *path = strdup(getenv("PATH"));

    (void)state;
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(setenv("PATH", path, 1), 0);
    expect(&spec, 5, "");
}

static void missing_programs_are_named(void **state)
{
    struct runtime_options options = {
        .instance = "other", .oci_runtime = "no-such-runtime", .exited = (runtime_exited_fn *)(void *)abort};
    char path[FIXTURE_PATH_BYTES];
    struct runtime *second;
    struct fail f;

    (void)state;
    (void)snprintf(path, sizeof(path), "%.100s/other", fixture->directory);
    options.state_dir = path;
    assert_false(runtime_open(&options, &second, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
    assert_string_equal(f.message, "the program \"no-such-runtime\" is not installed");
}

/* ---- the log ---- */

struct tally {
    size_t bytes;
    size_t partial;
    size_t whole;
    char last[64];
};

static struct tally read_log(const char *path)
{
    struct tally tally = {0};
    struct container_log *log;
    struct container_log_line line;
    bool there;
    struct fail f;

    must_do(container_log_open(path, (struct container_log_position){0}, &log, &f), &f);
    while (container_log_next(log, &there, &line, &f) && there) {
        tally.bytes += line.text.len;
        tally.partial += line.partial;
        tally.whole += !line.partial;
        (void)snprintf(tally.last, sizeof(tally.last), "%.*s", STR_ARG(line.text));
    }
    container_log_close(log);
    return tally;
}

static void a_line_may_be_long(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a", "head -c 1048576 /dev/zero | tr '\\0' x; echo; echo end; echo -n rest");
    struct tally tally;

    (void)state;
    assert_int_equal(run(fixture, &spec), 0);
    tally = read_log(paths.log);
    (void)unlink(paths.log);
    assert_int_equal(tally.bytes, 1048576 + strlen("endrest"));
    assert_true(tally.partial >= 64);
    assert_int_equal(tally.whole, 2);
    assert_string_equal(tally.last, "rest");
}

/* 1000 lines of 11 and some 45 bytes are more than one file and less than two: none is lost. */
static void a_full_log_is_kept_beside_the_next(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "yes 0123456789 | head -n 1000; echo end");
    char older[PATH_BYTES];
    struct stat st;
    struct tally tally;

    (void)state;
    spec.log_max_bytes = 40 << 10;
    assert_int_equal(run(fixture, &spec), 0);
    path_format(older, "%s.1", paths.log);
    assert_int_equal(stat(older, &st), 0);
    assert_true(st.st_size <= 40 << 10);
    assert_int_equal(stat(paths.log, &st), 0);
    assert_true(st.st_size <= 40 << 10);
    tally = read_log(paths.log);
    (void)unlink(paths.log);
    assert_int_equal(tally.whole, 1001);
    assert_int_equal(tally.bytes, 1000 * strlen("0123456789") + strlen("end"));
    assert_string_equal(tally.last, "end");
    (void)unlink(older);
}

static void a_user_may_open_its_output(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "echo out >/dev/stdout; echo err >/dev/stderr");

    (void)state;
    spec.user = "app";
    expect(&spec, 0, "out\nerr\n");
}

/* ---- hostile images and programs ---- */

static void link_in(const struct fixture_paths *paths, const char *name, const char *target)
{
    char path[PATH_BYTES];

    path_format(path, "%s/%s", paths->upper, name);
    assert_int_equal(symlink(target, path), 0);
}

static void mount_targets_stay_in_the_image(void **state)
{
    struct fixture_paths paths;
    struct container_mount mounts[] = {
        {.kind = CONTAINER_MOUNT_TMPFS, .target = "/../../x1"},
        {.kind = CONTAINER_MOUNT_TMPFS, .target = "/out/x2"},
        {.kind = CONTAINER_MOUNT_BIND, .source = "/etc/hostname", .target = "/proc/self/root/x3"},
        {.kind = CONTAINER_MOUNT_BIND, .source = "/etc/hostname", .target = "/dangling", .read_only = true},
    };
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a",
                     "ls -d /x/self /etc/pts /etc/null /x1 /x2 /x3 /made/there; "
                     "cat /x/timer_list; echo x 2>/dev/null >/x/sys/kernel/hostname || echo refused");

    (void)state;
    link_in(&paths, "dev", "/etc");
    link_in(&paths, "proc", "x");
    link_in(&paths, "out", "../../../../../..");
    link_in(&paths, "dangling", "../../../made/there");
    spec.mounts = mounts;
    spec.mount_count = COUNT_OF(mounts);
    spec.argv = (const char *const[]){"/bin/sh", "-c", spec.argv[2]};
    expect(&spec, 0, "/etc/null\n/etc/pts\n/made/there\n/x/self\n/x1\n/x2\n/x3\nrefused\n");
    for (size_t i = 1; i <= 3; i++) {
        char path[16];

        (void)snprintf(path, sizeof(path), "/x%zu", i);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_not_equal(access("/etc/pts", F_OK), 0);
    assert_int_not_equal(access("/made", F_OK), 0);
}

/* CVE-2024-21626: a descriptor that leads out, by way of the working directory. */
static void the_working_directory_stays_in_the_image(void **state)
{
    (void)state;
    for (int fd = 3; fd < 16; fd++) {
        struct fixture_paths paths;
        struct container_spec spec =
            fixture_spec(fixture, &paths, "a", "[ -e ../../../../../../../../etc/hostname ] || echo inside");
        char directory[32];
        struct fail f;

        (void)snprintf(directory, sizeof(directory), "/proc/self/fd/%d", fd);
        spec.directory = directory;
        if (!runtime_start(fixture->runtime, &spec, &f))
            continue; /* there is no such descriptor, or none with a path in the image */
        fixture->exit_count = 0;
        assert_non_null(fixture_wait(fixture, "a"));
        assert_string_equal(fixture_output(paths.log), "inside\n");
        delete ("a");
        (void)unlink(paths.log);
    }
}

/* CVE-2019-5736: the program that starts containers, overwritten through /proc/self/exe. */
static void our_program_is_on_a_read_only_mount(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", NULL);
    struct statvfs mount;
    char path[PATH_BYTES];
    struct fail f;

    (void)state;
    path_format(path, "/proc/%d/exe", find_launcher());
    assert_int_equal(statvfs(path, &mount), 0);
    assert_true((mount.f_flag & ST_RDONLY) != 0);
    spec.argv = (const char *const[]){"/proc/self/exe"};
    spec.argc = 1;
    assert_false(runtime_start(fixture->runtime, &spec, &f)); /* its interpreter is not in the image */
}

static void nothing_of_ours_is_open_inside(void **state)
{
    static const char script[] = "ls /proc/self/fd; readlink /proc/self/fd/0";
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", script);
    auto_buf output = {.limit = 4096};
    struct runtime_exec_options options = {.argv = (const char *const[]){"sh", "-c", script},
                                           .argc = 3,
                                           .output = &output,
                                           .timeout_ms = FIXTURE_TIMEOUT_MS};
    int code;
    struct fail f;

    (void)state;
    /* 3 is the directory that ls reads. */
    expect(&spec, 0, "0\n1\n2\n3\n/dev/null\n");
    spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    start(&spec);
    must_do(runtime_exec(fixture->runtime, "a", &options, &code, &f), &f);
    assert_true(str_is(buf_str(&output), "0\n1\n2\n3\n/dev/null\n"));
    delete ("a");
}

/* ---- user namespaces ---- */

static void users_are_mapped(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a",
                     "read -r a b c </proc/self/uid_map; echo $a $b $c; id -u; touch /x; echo y >/dev/null; "
                     "ls -d /proc/self /sys/class/net/lo; hostname; echo ready; exec sleep 1000");
    auto_buf output = {.limit = 4096};
    struct runtime_exec_options options = {
        .argv = (const char *const[]){"sh", "-c", "id -u; echo x >/tmp/y && stat -c %u /tmp/y"},
        .argc = 3,
        .output = &output,
        .timeout_ms = FIXTURE_TIMEOUT_MS};
    char path[PATH_BYTES];
    struct stat st;
    int code;
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    spec.id_map = (struct container_id_map){.host_first = 1000000, .count = 65536};
    start(&spec);
    while (strstr(fixture_output(paths.log), "ready\n") == NULL && fixture_stays(fixture, "a", 10))
        ;
    assert_string_equal(fixture_output(paths.log), "0 1000000 65536\n0\n/proc/self\n/sys/class/net/lo\na\nready\n");
    path_format(path, "%s/x", paths.upper);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 1000000);
    must_do(runtime_exec(fixture->runtime, "a", &options, &code, &f), &f);
    assert_true(str_is(buf_str(&output), "0\n0\n"));
    delete ("a");
}

/* One container in the pid and ipc namespaces of another: they have one user namespace, that of their network. */
static void mapped_users_share_processes(void **state)
{
    struct fixture_paths paths[2];
    struct container_spec spec = fixture_spec(fixture, &paths[0], "a", "exec sleep 12345");
    char pid[64];
    char ipc[64];
    char network[64];
    auto_fd network_fd = -1;
    auto_free struct runtime_container *containers = NULL;
    size_t count;
    struct fail f;

    (void)state;
    spec.id_map = (struct container_id_map){.host_first = 1000000, .count = 65536};
    must_do(user_namespace_open_network(&spec.id_map, &network_fd, &f), &f);
    (void)snprintf(network, sizeof(network), "/proc/%d/fd/%d", getpid(), network_fd);
    spec.network_namespace = network;
    start(&spec);
    must_do(runtime_list(fixture->runtime, &containers, &count, &f), &f);
    (void)snprintf(pid, sizeof(pid), "/proc/%d/ns/pid", containers[0].pid);
    (void)snprintf(ipc, sizeof(ipc), "/proc/%d/ns/ipc", containers[0].pid);
    spec = fixture_spec(fixture, &paths[1], "b",
                        "tr '\\0' ' ' </proc/1/cmdline; echo; ls -d /dev/mqueue; kill -0 1 && echo may");
    spec.id_map = (struct container_id_map){.host_first = 1000000, .count = 65536};
    spec.network_namespace = network;
    spec.pid_namespace = pid;
    spec.ipc_namespace = ipc;
    expect(&spec, 0, "sleep 12345 \n/dev/mqueue\nmay\n");
    delete ("a");
}

/* ---- the same as crun ---- */

/* crun gives /dev/null to the container's user. */
#define LOOK                                                                                                           \
    "grep -E '^(Umask|Uid|Gid|Groups|NSsid|Sig[PBIC]|Cap|NoNewPrivs|Seccomp)' /proc/self/status; env | grep -v "       \
    "SHLVL; "                                                                                                          \
    "ulimit -a; "                                                                                                      \
    "ls -l /dev | grep -v null | sed 's/ [A-Z].*:[0-9]*//'; cat /proc/self/cgroup; pwd; hostname; cat "                \
    "/proc/self/oom_score_adj; "                                                                                       \
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; stat -c '%a %u %g' / /dev /dev/shm /dev/pts /proc /sys; "      \
    "sed 's/^[^-]* \\(\\/[^ ]*\\) \\([^ ]*\\).*/\\1 \\2/' /proc/self/mountinfo | grep -v '^/sys/fs/cgroup [^ ]*$' | "  \
    "grep -E '^/(dev|sys|proc) ' | sort"

static void containers_look_as_under_crun(void **state)
{
    static const char *const add[] = {"NET_ADMIN"};
    static const char *const drop[] = {"ALL"};
    struct container_ulimit ulimits[] = {{.name = "nofile", .soft = 123, .hard = 456}};

    (void)state;
    other = fixture_new();
    other->instance[0] = 'u';
    other->oci_runtime = "crun";
    fixture_open(other);
    for (int variant = 0; variant < 4; variant++) {
        struct fixture *const where[] = {fixture, other};
        char *looks[2];

        for (size_t i = 0; i < 2; i++) {
            struct fixture_paths paths;
            struct container_spec spec = fixture_spec(where[i], &paths, "a", LOOK);

            spec.user = variant >= 2 ? "app" : NULL;
            spec.no_new_privileges = variant == 2;
            spec.privileged = variant == 3;
            spec.capabilities_add = add;
            spec.capabilities_add_count = variant == 1 || variant == 2;
            spec.capabilities_drop = drop;
            spec.capabilities_drop_count = variant == 1;
            spec.ulimits = ulimits;
            spec.ulimit_count = variant == 2;
            spec.directory = variant == 1 ? "/made/deep" : NULL;
            assert_int_equal(run(where[i], &spec), 0);
            looks[i] = strdup(fixture_output(paths.log));
            (void)unlink(paths.log);
        }
        assert_true(strlen(looks[0]) > 1000);
        assert_string_equal(looks[0], looks[1]);
        free(looks[0]);
        free(looks[1]);
    }
    fixture_free(other);
    other = NULL;
}

static int nothing_left(void **state)
{
    auto_free struct runtime_container *containers = NULL;
    size_t count = 0;
    char log[PATH_BYTES];
    struct fail f;

    (void)state;
    if (!runtime_list(fixture->runtime, &containers, &count, &f))
        return -1;
    for (size_t i = 0; i < count; i++) /* of a test that failed */
        (void)!runtime_delete(fixture->runtime, containers[i].id, &f);
    for (const char *id = "ab"; *id != '\0'; id++) {
        path_format(log, "%s/%c.log", fixture->directory, *id);
        (void)unlink(log);
        path_format(log, "%s/%c.log.1", fixture->directory, *id);
        (void)unlink(log);
    }
    return fixture_processes(fixture->state_dir) == 0 && !fixture_left_in_mounts(fixture->directory) ? 0 : -1;
}

static int make_world(void **state)
{
    (void)state;
    fixture = fixture_new();
    fixture_open(fixture);
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    if (other != NULL) /* its test has failed */
        fixture_free(other);
    fixture_free(fixture);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_left)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_launcher_is_started_again),
        TEST(a_killed_supervisor_loses_one_container),
        TEST(children_end_with_the_first_process),
        TEST(no_oci_runtime_is_needed),
        TEST(missing_programs_are_named),
        TEST(a_line_may_be_long),
        TEST(a_full_log_is_kept_beside_the_next),
        TEST(a_user_may_open_its_output),
        TEST(mount_targets_stay_in_the_image),
        TEST(the_working_directory_stays_in_the_image),
        TEST(our_program_is_on_a_read_only_mount),
        TEST(nothing_of_ours_is_open_inside),
        TEST(users_are_mapped),
        TEST(mapped_users_share_processes),
        TEST(containers_look_as_under_crun),
    };

    if (geteuid() != 0) {
        (void)fprintf(stderr, "needs root\n");
        return 77; /* skipped */
    }
    return cmocka_run_group_tests(tests, make_world, end_world);
}
