#include "os/process.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define SHELL(script)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        "sh", "-c", script, NULL                                                                                       \
    }

enum { TIMEOUT_MS = 20000 };

/* Runs and gives back what came out; the test fails when the program cannot be started. */
static struct process_exit run(const struct process_options *options, struct str input, struct buf *out)
{
    struct process_run_options io = {.input = input, .out = out, .err = out, .timeout_ms = TIMEOUT_MS};
    struct process_exit exit = {0};
    struct fail f;

    if (!process_run(options, &io, &exit, &f))
        fail_msg("%s", f.message);
    return exit;
}

static void exit_and_output_come_back(void **state)
{
    static const struct {
        const char *script;
        const char *input;
        const char *out;
        bool signaled;
        int code;
    } rows[] = {
        {"echo out; echo err >&2; exit 3", NULL, "out\nerr\n", false, 3},
        {"cat", "fed", "fed", false, 0},
        {"cat", NULL, "", false, 0},
        {"exec true", "not read", "", false, 0},
        {"kill -9 $$", NULL, "", true, SIGKILL},
        {"trap", NULL, "", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct process_options options = {.argv = SHELL(rows[i].script)};
        auto_buf out = {0};
        struct process_exit exit = run(&options, str_of(rows[i].input), &out);

        assert_int_equal(exit.signaled, rows[i].signaled);
        assert_int_equal(exit.code, rows[i].code);
        assert_true(str_is(buf_str(&out), rows[i].out));
    }
}

static void large_input_and_output_do_not_deadlock(void **state)
{
    enum { BYTES = 3 << 20 };
    struct process_options options = {.argv = (const char *const[]){"cat", NULL}};
    auto_free char *input = malloc(BYTES);
    auto_buf out = {0};

    (void)state;
    memset(input, 'x', BYTES);
    assert_int_equal(run(&options, (struct str){input, BYTES}, &out).code, 0);
    assert_int_equal(out.len, BYTES);
    assert_memory_equal(out.ptr, input, BYTES);
}

static void output_is_cut_at_its_limit(void **state)
{
    struct process_options options = {.argv = SHELL("head -c 100000 /dev/zero")};
    auto_buf out = {.limit = 1000};

    (void)state;
    assert_int_equal(run(&options, (struct str){0}, &out).code, 0);
    assert_int_equal(out.len, 1000);
    assert_true(out.overflowed);
}

static void child_sees_its_own_environment_and_directory(void **state)
{
    struct process_options options = {
        .argv = SHELL("pwd; echo $ONLY$HOME"), .env = (const char *const[]){"ONLY=this", NULL}, .directory = "/usr"};
    auto_buf out = {0};

    (void)state;
    (void)run(&options, (struct str){0}, &out);
    assert_true(str_is(buf_str(&out), "/usr\nthis\n"));
}

/* {a,4} and {b,3} where a is 3 and b is 4 would overwrite each other if copied one by one. */
static void descriptors_are_placed_and_others_closed(void **state)
{
    char name[] = "/tmp/berth-process-XXXXXX";
    auto_fd left_open = mkstemp(name); /* not close-on-exec on purpose */
    int first[2];
    int second[2];
    auto_buf out = {0};

    (void)state;
    assert_true(left_open >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(pipe2(first, O_CLOEXEC), 0);
    assert_int_equal(pipe2(second, O_CLOEXEC), 0);
    assert_int_equal(write(first[1], "one\n", 4), 4);
    assert_int_equal(write(second[1], "two\n", 4), 4);
    (void)close(first[1]);
    (void)close(second[1]);
    {
        struct process_fd fds[] = {{first[0], second[0]}, {second[0], first[0]}};
        char script[200];
        struct process_options options = {.argv = SHELL(script), .fds = fds, .fd_count = 2};

        (void)snprintf(script, sizeof(script), "cat <&%d; cat <&%d; ls /proc/$$/fd | wc -l", first[0], second[0]);
        (void)run(&options, (struct str){0}, &out);
    }
    assert_true(str_is(buf_str(&out), "two\none\n5\n"));
    (void)close(first[0]);
    (void)close(second[0]);
}

static void signals_are_not_inherited(void **state)
{
    struct process_options options = {.argv = SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status")};
    auto_buf out = {0};
    sigset_t block;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &block, NULL);
    (void)run(&options, (struct str){0}, &out);
    (void)pthread_sigmask(SIG_UNBLOCK, &block, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    assert_true(str_is(buf_str(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
}

static void failures_name_step_and_object(void **state)
{
    static const struct process_mount nowhere = {.source = "none", .target = "/proc/self/nowhere", .type = "tmpfs"};
    const struct {
        struct process_options options;
        enum fail_code code;
        const char *message;
    } rows[] = {
        {{.argv = (const char *const[]){"berth-no-such-program", NULL}},
         FAIL_NOT_FOUND,
         "start berth-no-such-program: no such program in PATH"},
        {{.argv = (const char *const[]){"/no/such", NULL}},
         FAIL_NOT_FOUND,
         "start /no/such: No such file or directory"},
        {{.argv = (const char *const[]){"true", NULL}, .directory = "/no/such"},
         FAIL_SYSTEM,
         "start true: chdir to /no/such: No such file or directory"},
        {{.argv = (const char *const[]){"true", NULL}, .namespaces = (const int[]){-1}, .namespace_count = 1},
         FAIL_SYSTEM,
         "start true: join a namespace: Bad file descriptor"},
        {{.argv = (const char *const[]){"true", NULL}, .own_mounts = true, .mounts = &nowhere, .mount_count = 1},
         FAIL_SYSTEM,
         "start true: mount on /proc/self/nowhere: No such file or directory"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct process process;
        struct fail f;

        if (rows[i].options.own_mounts && geteuid() != 0)
            continue;
        assert_false(process_start(&rows[i].options, &process, &f));
        assert_int_equal(f.code, rows[i].code);
        assert_string_equal(f.message, rows[i].message);
    }
}

static void too_slow_is_killed_with_its_children(void **state)
{
    struct process_options options = {.argv = SHELL("sleep 1000 & echo $!; wait")};
    auto_buf out = {0};
    struct process_run_options io = {.out = &out, .timeout_ms = 300};
    struct process_exit exit;
    struct fail f;
    uint64_t grandchild;

    (void)state;
    assert_false(process_run(&options, &io, &exit, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    assert_string_equal(f.message, "sh: not done within 300 ms; killed");
    assert_true(str_to_uint64(str_trim(buf_str(&out)), &grandchild));
    /* Killed at once; gone or a zombie as soon as its new parent looks. */
    for (int tries = 0; kill((pid_t)grandchild, 0) == 0 && tries < 1000; tries++) {
        char path[64];
        char line[200] = "";
        auto_file file = NULL;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
        file = fopen(path, "re");
        if (file == NULL || fgets(line, sizeof(line), file) == NULL || strstr(line, ") Z ") != NULL)
            return;
        (void)usleep(1000);
    }
    assert_int_equal(kill((pid_t)grandchild, 0), -1);
}

/* A daemon that keeps our pipe open must not hold up the run. */
static void daemon_left_behind_does_not_hold_up(void **state)
{
    struct process_options options = {.argv = SHELL("setsid sleep 30 & echo $!")};
    auto_buf out = {0};
    uint64_t daemon_pid;

    (void)state;
    assert_int_equal(run(&options, (struct str){0}, &out).code, 0);
    assert_true(str_to_uint64(str_trim(buf_str(&out)), &daemon_pid));
    assert_int_equal(kill((pid_t)daemon_pid, SIGKILL), 0);
}

static void started_process_is_signalled_and_reaped(void **state)
{
    struct process_options options = {.argv = (const char *const[]){"sleep", "1000", NULL}, .own_session = true};
    struct process process;
    struct process_exit exit;
    struct fail f;

    (void)state;
    assert_true(process_start(&options, &process, &f));
    assert_int_equal(getsid(process.pid), process.pid);
    assert_true(fcntl(process.pidfd, F_GETFD) & FD_CLOEXEC);
    assert_false(process_wait(&process, 1, &exit, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    assert_true(process_signal(&process, SIGTERM, &f));
    assert_true(process_wait(&process, TIMEOUT_MS, &exit, &f));
    assert_true(exit.signaled);
    assert_int_equal(exit.code, SIGTERM);
    assert_int_equal(process.pidfd, -1);
    assert_false(process_succeeded("sleep", exit, STR(" why\n"), &f));
    assert_string_equal(f.message, "sleep: killed by signal 15: why");
    process_end(&process); /* of a reaped one: nothing */
}

/* An overlay of its own, a mount point taken away, and none of it visible out here. */
static void mounts_are_the_childs_own(void **state)
{
    char base[] = "/tmp/berth-process-XXXXXX";
    char options_text[300];
    char script[400];
    auto_buf out = {0};

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(base));
    (void)snprintf(script, sizeof(script), "grep -c ' %s ' /proc/self/mounts; test -d /sys/kernel || echo no sys",
                   base);
    /* An overlay without an upper layer needs no file system that can carry one. */
    (void)snprintf(options_text, sizeof(options_text), "lowerdir=/usr:/etc");
    {
        struct process_mount overlay = {
            .source = "overlay", .target = base, .type = "overlay", .options = options_text};
        struct process_options options = {.argv = SHELL(script),
                                          .own_mounts = true,
                                          .unmount = (const char *const[]){"/sys", "/no/such", "/usr", NULL},
                                          .mounts = &overlay,
                                          .mount_count = 1};

        (void)run(&options, (struct str){0}, &out);
    }
    assert_int_equal(rmdir(base), 0); /* would be busy if the mount had come out */
    assert_true(str_is(buf_str(&out), "1\nno sys\n"));
    assert_int_equal(access("/sys/kernel", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_and_output_come_back),
        cmocka_unit_test(large_input_and_output_do_not_deadlock),
        cmocka_unit_test(output_is_cut_at_its_limit),
        cmocka_unit_test(child_sees_its_own_environment_and_directory),
        cmocka_unit_test(descriptors_are_placed_and_others_closed),
        cmocka_unit_test(signals_are_not_inherited),
        cmocka_unit_test(failures_name_step_and_object),
        cmocka_unit_test(too_slow_is_killed_with_its_children),
        cmocka_unit_test(daemon_left_behind_does_not_hold_up),
        cmocka_unit_test(started_process_is_signalled_and_reaped),
        cmocka_unit_test(mounts_are_the_childs_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
