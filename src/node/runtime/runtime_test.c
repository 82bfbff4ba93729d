/* Containers for real: every setting is looked at from inside the container or in the kernel's own files.
 *
 *     runtime_test          started by ourselves
 *     runtime_test crun     by the OCI runtime of this name */
#include "node/runtime/runtime_testing.h"
#include "node/runtime/small_file.h"
#include "node/runtime/user_namespace.h"
#include "os/files.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void exit_code_and_output_come_back(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "echo out; echo err >&2; exit 3");

    (void)state;
    expect(&spec, 3, "out\nerr\n");
}

static void a_line_may_come_in_parts(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a", "echo -n one; sleep 0.2; echo -n two; sleep 0.2; echo");

    (void)state;
    expect(&spec, 0, "onetwo\n");
}

static void a_terminal_is_the_containers_own(void **state)
{
    static const char script[] = "tty; test -t 0 -a -t 1 -a -t 2 && echo all; echo $TERM; echo its own >/dev/tty; "
                                 "echo anew >/dev/stdout; exit 3";
    static const char *const users[] = {NULL, "1000:1001"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        struct fixture_paths paths;
        struct container_spec spec = fixture_spec(fixture, &paths, "a", script);

        spec.terminal = true;
        spec.user = users[i];
        expect(&spec, 3, "/dev/pts/0\r\nall\r\nxterm\r\nits own\r\nanew\r\n");
    }
}

static void standard_input_ends_at_once_or_never(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "cat; echo ended");
    struct fail f;

    (void)state;
    expect(&spec, 0, "ended\n");
    for (int i = 0; i < 2; i++) {
        fixture->exit_count = 0;
        spec = fixture_spec(fixture, &paths, "a", "cat; echo ended");
        spec.open_stdin = i == 0;
        spec.terminal = i == 1;
        start(&spec);
        assert_true(fixture_stays(fixture, "a", 300));
        must_do(runtime_signal(fixture->runtime, "a", SIGKILL, &f), &f);
        assert_non_null(fixture_wait(fixture, "a"));
        assert_string_equal(fixture_output(paths.log), "");
        must_do(runtime_delete(fixture->runtime, "a", &f), &f);
        (void)unlink(paths.log);
    }
}

static void signals_end_it(void **state)
{
    static const struct {
        const char *script;
        int signal;
        int code;
    } rows[] = {
        {"trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", SIGTERM, 7},
        {"echo ready; sleep 1000", SIGKILL, 137},
        /* PID 1 has no handler: SIGTERM is ignored, SIGKILL is not. */
        {"echo ready; exec sleep 1000", 0, 137},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture_paths paths;
        struct container_spec spec = fixture_spec(fixture, &paths, "a", rows[i].script);
        const struct fixture_exit *ended;
        struct fail f;

        fixture->exit_count = 0;
        start(&spec);
        while (strcmp(fixture_output(paths.log), "ready\n") != 0)
            (void)poll(NULL, 0, 10);
        if (rows[i].signal == 0) {
            must_do(runtime_signal(fixture->runtime, "a", SIGTERM, &f), &f);
            assert_true(fixture_stays(fixture, "a", 300));
        }
        must_do(runtime_signal(fixture->runtime, "a", rows[i].signal == 0 ? SIGKILL : rows[i].signal, &f), &f);
        ended = fixture_wait(fixture, "a");
        assert_non_null(ended);
        assert_int_equal(ended->code, rows[i].code);
        must_do(runtime_delete(fixture->runtime, "a", &f), &f);
        (void)unlink(paths.log);
    }
}

static void an_init_forwards_sigterm(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "echo ready; exec sleep 1000");
    const struct fixture_exit *ended;
    struct fail f;

    (void)state;
    spec.init = true;
    fixture->exit_count = 0;
    start(&spec);
    while (strcmp(fixture_output(paths.log), "ready\n") != 0)
        (void)poll(NULL, 0, 10);
    must_do(runtime_signal(fixture->runtime, "a", SIGTERM, &f), &f);
    ended = fixture_wait(fixture, "a");
    assert_non_null(ended);
    assert_int_equal(ended->code, 143);
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
    (void)unlink(paths.log);
}

static void kill_ends_all_processes(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 1000 & sleep 1000 & echo ready; wait");
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    start(&spec);
    while (strcmp(fixture_output(paths.log), "ready\n") != 0)
        (void)poll(NULL, 0, 10);
    must_do(runtime_kill(fixture->runtime, "a", &f), &f);
    assert_non_null(fixture_wait(fixture, "a"));
    assert_int_equal(fixture->exits[0].code, 137);
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
    (void)unlink(paths.log);
}

static void too_much_memory_is_told(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec tail /dev/zero");
    struct fixture_exit ended;

    (void)state;
    spec.limits.memory_bytes = 32 << 20;
    (void)run(&spec, &ended);
    assert_int_equal(ended.code, 137);
    assert_true(ended.oom_killed);
}

static void the_task_limit_kills_too(void **state)
{
    struct cgroup_limits limits = {.memory_bytes = 32 << 20};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec tail /dev/zero");
    struct fixture_exit ended;
    struct fail f;

    (void)state;
    must_do(runtime_task_cgroup_create(fixture->runtime, "small", &limits, &f), &f);
    spec.task_id = "small";
    (void)run(&spec, &ended);
    assert_int_equal(ended.code, 137);
    assert_true(ended.oom_killed);
    must_do(runtime_task_cgroup_delete(fixture->runtime, "small", &f), &f);
}

static void limits_show_in_the_container(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 1000");
    struct cgroup_stats stats;
    struct fail f;

    (void)state;
    spec.limits = (struct cgroup_limits){.cpu_shares = 512,
                                         .cpu_quota_us = 25000,
                                         .memory_bytes = 64 << 20,
                                         .memory_reservation = 32 << 20,
                                         .pids_max = 20};
    start(&spec);
    must_do(runtime_stats(fixture->runtime, "a", &stats, &f), &f);
    assert_int_equal(stats.memory_limit_bytes, 64 << 20);
    assert_true(stats.memory_bytes > 0);
    assert_true(stats.cpu_ns > 0);
    assert_true(stats.pids >= 1);
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
    spec = fixture_spec(fixture, &paths, "a",
                        "cd /sys/fs/cgroup; if [ -d cpu ]; then cat cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max "
                        "memory/memory.soft_limit_in_bytes; else cat cpu.max cpu.weight pids.max memory.low; fi | tr "
                        "'\\n' ' '");
    spec.limits = (struct cgroup_limits){.cpu_shares = 512,
                                         .cpu_quota_us = 25000,
                                         .memory_bytes = 64 << 20,
                                         .memory_reservation = 32 << 20,
                                         .pids_max = 20};
    {
        struct fixture_exit ended;
        const char *output = run(&spec, &ended);

        assert_true(strcmp(output, "25000 512 20 33554432 ") == 0 ||
                    strcmp(output, "25000 100000 20 20 33554432 ") == 0);
    }
}

static void forks_stop_at_the_pids_limit(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(
        fixture, &paths, "a", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done 2>/dev/null; echo not here");
    struct fixture_exit ended;

    (void)state;
    spec.limits.pids_max = 5;
    assert_null(strstr(run(&spec, &ended), "not here"));
    assert_int_not_equal(ended.code, 0);
}

static void environment_directory_and_user(void **state)
{
    static const char *const env[] = {"A=1 2", "B="};
    struct fixture_paths paths;
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a",
                     "echo $A/$B/$HOME/$PATH; pwd; hostname; id -u; id -g; id -G; ls -ld /made/deep | head -c 10");

    (void)state;
    spec.env = env;
    spec.env_count = 2;
    spec.directory = "/made/deep";
    spec.user = "app";
    spec.hostname = "host-1";
    expect(&spec, 0,
           "1 2///home/app//usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/made/deep\nhost-1\n"
           "1000\n1001\n1001 2000\ndrwxr-xr-x");
    spec = fixture_spec(fixture, &paths, "a", "id -u; id -g; id -G; echo $HOME");
    spec.user = "77:extra";
    expect(&spec, 0, "77\n2000\n2000\n/\n");
}

static void mounts_are_there(void **state)
{
    char host_dir[PATH_BYTES];
    char host_file[PATH_BYTES];
    struct fixture_paths paths;
    struct container_mount mounts[] = {
        {.kind = CONTAINER_MOUNT_BIND, .source = host_dir, .target = "/data"},
        {.kind = CONTAINER_MOUNT_BIND, .source = host_dir, .target = "/data/ro", .read_only = true},
        {.kind = CONTAINER_MOUNT_BIND, .source = host_file, .target = "/etc/hosts", .read_only = true},
        {.kind = CONTAINER_MOUNT_TMPFS, .target = "/scratch", .options = "size=1048576,noexec,mode=1777"},
    };
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a",
                     "cat /etc/hosts; echo in >/data/from-container; echo x 2>&- >/data/ro/x || echo refused; "
                     "grep -c '/scratch tmpfs.*noexec.*size=1024k' /proc/mounts; "
                     "grep -c '/dev/shm tmpfs.*size=131072k' /proc/mounts; stat -c %a /scratch");
    char buffer[64];
    struct str text;
    struct fail f;

    (void)state;
    path_format(host_dir, "%s/host", fixture->directory);
    path_format(host_file, "%s/hosts", fixture->directory);
    assert_int_equal(mkdir(host_dir, 0755), 0);
    must_do(file_replace(host_file, STR("10.0.0.1 here\n"), 0600, &f), &f);
    {
        char inner[PATH_BYTES];

        path_format(inner, "%s/ro", host_dir);
        assert_int_equal(mkdir(inner, 0755), 0);
    }
    spec.mounts = mounts;
    spec.mount_count = COUNT_OF(mounts);
    spec.shm_bytes = 128 << 20;
    expect(&spec, 0, "10.0.0.1 here\nrefused\n1\n1\n1777\n");
    path_format(host_file, "%s/host/from-container", fixture->directory);
    must_do(small_file_read(host_file, buffer, sizeof(buffer), &text, &f), &f);
    assert_string_equal(buffer, "in");
}

static void the_root_can_be_read_only(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec =
        fixture_spec(fixture, &paths, "a", "touch /x 2>/dev/null || echo refused; touch /dev/shm/x && echo shm");

    (void)state;
    spec.read_only_root = true;
    expect(&spec, 0, "refused\nshm\n");
}

static void ulimits_are_set_or_refused(void **state)
{
    struct fixture_paths paths;
    struct container_ulimit ulimits[] = {{.name = "nofile", .soft = 123, .hard = 456},
                                         {.name = "core", .soft = 0, .hard = 0}};
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "ulimit -Sn; ulimit -Hn; ulimit -c");
    struct fail f;

    (void)state;
    spec.ulimits = ulimits;
    spec.ulimit_count = 2;
    expect(&spec, 0, "123\n456\n0\n");
    ulimits[0] = (struct container_ulimit){.name = "nofile", .soft = 1, .hard = UINT64_C(1) << 40};
    assert_false(runtime_start(fixture->runtime, &spec, &f));
    ulimits[0] = (struct container_ulimit){.name = "nothing", .soft = 1, .hard = 1};
    assert_false(runtime_start(fixture->runtime, &spec, &f));
    assert_int_equal(f.code, FAIL_INPUT);
    assert_string_equal(f.message, "invalid ulimit type: nothing");
}

#define STATUS "sed -n 's/^\\(CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp\\):[[:space:]]*//p' /proc/self/status"

static void capabilities_and_filters_are_dockers(void **state)
{
    static const char *const add[] = {"NET_ADMIN"};
    static const char *const drop[] = {"ALL"};
    static const char *const unknown[] = {"NOTHING"};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", STATUS);
    struct fail f;

    (void)state;
    expect(&spec, 0, "00000000a80425fb\n00000000a80425fb\n0\n2\n");
    spec.capabilities_add = add;
    spec.capabilities_add_count = 1;
    spec.capabilities_drop = drop;
    spec.capabilities_drop_count = 1;
    spec.no_new_privileges = true;
    expect(&spec, 0, "0000000000001000\n0000000000001000\n1\n2\n");
    spec.user = "app";
    expect(&spec, 0, "0000000000000000\n0000000000001000\n1\n2\n");
    spec.capabilities_add = unknown;
    assert_false(runtime_start(fixture->runtime, &spec, &f));
    assert_int_equal(f.code, FAIL_INPUT);
    spec = fixture_spec(fixture, &paths, "a",
                        "sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status; "
                        "mkdir /m && mount -t tmpfs x /m && echo mounted");
    spec.privileged = true;
    expect(&spec, 0, "0\nmounted\n");
}

static void the_host_is_hidden(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(
        fixture, &paths, "a",
        "cat /proc/timer_list | wc -c; echo 1 2>/dev/null >/proc/sys/kernel/hostname || echo refused; ls /sys/firmware "
        "| wc "
        "-l; "
        "mount -t tmpfs x /tmp 2>/dev/null || echo no mount; unshare -U true 2>/dev/null || echo no namespace; "
        "mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda 2>/dev/null || echo no disk; "
        "cd /sys/fs/cgroup; [ ! -d memory ] || cd memory; mkdir x 2>/dev/null || echo no cgroup; "
        "set -- /proc/[0-9]*; echo $#; echo $$");

    (void)state;
    expect(&spec, 0, "0\nrefused\n0\nno mount\nno namespace\nno disk\nno cgroup\n1\n1\n");
}

static void a_program_that_cannot_start_says_why(void **state)
{
    static const struct {
        const char *program;
        const char *user;
        const char *directory;
        enum fail_code code;
        const char *message;
    } rows[] = {
        {"nosuch", NULL, NULL, FAIL_NOT_FOUND, "exec: \"nosuch\": executable file not found in $PATH"},
        {"/no/such", NULL, NULL, FAIL_NOT_FOUND, "exec: \"/no/such\": stat /no/such: no such file or directory"},
        {"/etc/passwd", NULL, NULL, FAIL_DENIED, "exec: \"/etc/passwd\": permission denied"},
        {"true", "nobody", NULL, FAIL_INPUT, "unable to find user nobody: no matching entries in passwd file"},
        {"true", "app:none", NULL, FAIL_INPUT, "unable to find group none: no matching entries in group file"},
        {"true", NULL, "relative", FAIL_INPUT,
         "the working directory 'relative' is invalid, it needs to be an absolute path"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture_paths paths;
        struct container_spec spec = fixture_spec(fixture, &paths, "a", NULL);
        struct fail f;

        spec.argv = &rows[i].program;
        spec.argc = 1;
        spec.user = rows[i].user;
        spec.directory = rows[i].directory;
        assert_false(runtime_start(fixture->runtime, &spec, &f));
        assert_string_equal(f.message, rows[i].message);
        assert_int_equal(f.code, rows[i].code);
        assert_int_equal(fixture_processes(fixture->directory), 0);
    }
}

static void image_links_do_not_lead_out(void **state)
{
    char path[PATH_BYTES];
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "id -u; cat /evil");
    struct container_mount mount = {.kind = CONTAINER_MOUNT_BIND, .source = paths.log, .target = "/link/evil"};

    (void)state;
    path_format(path, "%s/etc", paths.upper);
    assert_int_equal(mkdir(path, 0755), 0);
    path_format(path, "%s/etc/passwd", paths.upper);
    assert_int_equal(symlink("/../../../../../../etc/other-passwd", path), 0);
    path_format(path, "%s/etc/other-passwd", paths.upper);
    {
        struct fail f;

        must_do(file_replace(path, STR("root:x:55:0::/:\n"), 0600, &f), &f);
    }
    path_format(path, "%s/link", paths.upper);
    assert_int_equal(symlink("../../../..", path), 0);
    spec.user = "root";
    spec.mounts = &mount;
    spec.mount_count = 1;
    mount.source = "/etc/hostname";
    {
        struct fixture_exit ended;

        assert_int_equal(strncmp(run(&spec, &ended), "55\n", 3), 0);
        assert_int_equal(ended.code, 0);
        assert_int_not_equal(access("/evil", F_OK), 0);
    }
}

static void commands_run_inside(void **state)
{
    static const struct {
        const char *script;
        int code;
        const char *output;
    } rows[] = {
        {"echo $A; id -u; pwd; readlink /proc/1/exe; exit 4", 4, "x\n1000\n/tmp\n/bin/busybox\n"},
        {STATUS, 0, "0000000000000000\n00000000a80425fb\n0\n2\n"},
    };
    static const char *const env[] = {"A=x"};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "echo ready; exec sleep 1000");
    struct runtime_exec_options options = {.argc = 3, .timeout_ms = FIXTURE_TIMEOUT_MS};
    int code = -1;
    struct fail f;

    (void)state;
    spec.env = env;
    spec.env_count = 1;
    spec.user = "app";
    spec.directory = "/tmp";
    start(&spec);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf output = {.limit = 4096};

        options.argv = (const char *const[]){"sh", "-c", rows[i].script};
        options.output = &output;
        must_do(runtime_exec(fixture->runtime, "a", &options, &code, &f), &f);
        assert_int_equal(code, rows[i].code);
        assert_true(str_is(buf_str(&output), rows[i].output));
    }
    {
        auto_buf output = {.limit = 4096};

        options.output = &output;
        options.argv = (const char *const[]){"nosuch"};
        options.argc = 1;
        must_do(runtime_exec(fixture->runtime, "a", &options, &code, &f), &f);
        assert_int_equal(code, 127);
        assert_true(str_is(buf_str(&output), "exec: \"nosuch\": executable file not found in $PATH"));
        options.argv = (const char *const[]){"yes", "0123456789"};
        options.argc = 2;
        options.timeout_ms = 1000;
        assert_false(runtime_exec(fixture->runtime, "a", &options, &code, &f));
        assert_int_equal(f.code, FAIL_LIMIT);
        assert_int_equal(output.len, 4096);
        assert_int_equal(fixture_processes("0123456789"), 0);
    }
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
    assert_false(runtime_exec(fixture->runtime, "a", &options, &code, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
}

/* The container joins the user namespace that its network belongs to, and may set that network up. */
static void users_are_mapped(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(
        fixture, &paths, "mapped", "cat /proc/self/uid_map; id -u; cat /proc/sys/net/ipv4/ip_default_ttl; > /new");
    const struct container_sysctl ttl = {"net.ipv4.ip_default_ttl", "99"};
    char network[64];
    char created[FIXTURE_PATH_BYTES + 8];
    auto_fd network_fd = -1;
    struct stat st;
    struct fail f;

    (void)state;
    spec.id_map = (struct container_id_map){.host_first = 1 << 20, .count = 1 << 16};
    must_do(user_namespace_open_network(&spec.id_map, &network_fd, &f), &f);
    (void)snprintf(network, sizeof(network), "/proc/%d/fd/%d", getpid(), network_fd);
    spec.network_namespace = network;
    spec.sysctls = &ttl;
    spec.sysctl_count = 1;
    expect(&spec, 0, "         0    1048576      65536\n0\n99\n");
    (void)snprintf(created, sizeof(created), "%s/new", paths.upper);
    assert_int_equal(stat(created, &st), 0);
    assert_int_equal(st.st_uid, 1 << 20);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_int_not_equal(st.st_uid, 1 << 20);
}

static void an_id_is_taken_once(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 1000");
    struct fail f;

    (void)state;
    start(&spec);
    assert_false(runtime_start(fixture->runtime, &spec, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
}

/* A process that starts three containers and is killed; what it started is taken over by us. */
static void log_files_do_not_grow_for_ever(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "yes 0123456789 | head -n 5000; echo end");
    struct fixture_exit ended;
    const char *output;
    size_t len;

    (void)state;
    spec.log_max_bytes = 64 << 10;
    output = run(&spec, &ended);
    len = strlen(output);
    assert_true(len > 1000 && len < (size_t)128 << 10);
    assert_string_equal(output + len - 4, "end\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_code_and_output_come_back),
        TEST(a_line_may_come_in_parts),
        TEST(a_terminal_is_the_containers_own),
        TEST(standard_input_ends_at_once_or_never),
        TEST(signals_end_it),
        TEST(an_init_forwards_sigterm),
        TEST(kill_ends_all_processes),
        TEST(too_much_memory_is_told),
        TEST(the_task_limit_kills_too),
        TEST(limits_show_in_the_container),
        TEST(forks_stop_at_the_pids_limit),
        TEST(environment_directory_and_user),
        TEST(mounts_are_there),
        TEST(the_root_can_be_read_only),
        TEST(ulimits_are_set_or_refused),
        TEST(capabilities_and_filters_are_dockers),
        TEST(the_host_is_hidden),
        TEST(a_program_that_cannot_start_says_why),
        TEST(image_links_do_not_lead_out),
        TEST(commands_run_inside),
        TEST(users_are_mapped),
        TEST(an_id_is_taken_once),
        TEST(log_files_do_not_grow_for_ever),
    };

    return RUN(tests, argc, argv);
}
