/* Ends of containers, of their supervisors and of ourselves: what is told, what is found again, what is cleared away.
 *
 *     runtime_ends_test          started by ourselves
 *     runtime_ends_test crun     by the OCI runtime of this name */
#include "node/runtime/container_record.h"
#include "node/runtime/runtime_testing.h"
#include "node/runtime/small_file.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void containers_outlive_us(void **state)
{
    static const char *const scripts[] = {"echo a; exec sleep 1000", "echo b; sleep 0.5; exit 5",
                                          "echo c; trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done"};
    static const char *const ids[] = {"a", "b", "c"};
    struct fixture_paths paths[3];
    struct fail f;
    pid_t child;
    int status;

    (void)state;
    fixture_close(fixture);
    child = fork();
    if (child == 0) {
        fixture_open(fixture);
        for (size_t i = 0; i < 3; i++) {
            struct container_spec spec = fixture_spec(fixture, &paths[i], ids[i], scripts[i]);

            if (!runtime_start(fixture->runtime, &spec, &f))
                _exit(1);
        }
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    for (size_t i = 0; i < 3; i++)
        (void)fixture_spec(fixture, &paths[i], ids[i], scripts[i]);
    (void)poll(NULL, 0, 1000); /* "b" ends while nobody is there */

    fixture_open(fixture);
    assert_non_null(fixture_wait(fixture, "b"));
    assert_int_equal(fixture->exits[0].code, 5);
    assert_false(fixture->exits[0].lost);
    must_do(runtime_signal(fixture->runtime, "c", SIGTERM, &f), &f);
    assert_non_null(fixture_wait(fixture, "c"));
    assert_int_equal(fixture->exits[1].code, 6);
    assert_string_equal(fixture_output(paths[2].log), "c\nready\n");
    {
        auto_free struct runtime_container *containers = NULL;
        struct cgroup_stats stats;
        size_t count = 0;

        must_do(runtime_list(fixture->runtime, &containers, &count, &f), &f);
        assert_int_equal(count, 3);
        for (size_t i = 0; i < count; i++) {
            bool running = strcmp(containers[i].id, "a") == 0;

            assert_int_equal(containers[i].state, running ? RUNTIME_RUNNING : RUNTIME_STOPPED);
            assert_int_equal(containers[i].pid > 0, running);
            assert_string_equal(containers[i].task_id, "t");
        }
        must_do(runtime_stats(fixture->runtime, "a", &stats, &f), &f);
        assert_true(stats.memory_bytes > 0);
    }
    for (size_t i = 0; i < 3; i++)
        must_do(runtime_delete(fixture->runtime, ids[i], &f), &f);
}

static void a_lost_supervisor_ends_its_container(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    const struct fixture_exit *ended;
    char path[PATH_BYTES];
    uint64_t pid;
    struct fail f;

    (void)state;
    for (int reopened = 0; reopened <= 1; reopened++) {
        fixture->exit_count = 0;
        start(&spec);
        path_format(path, "%s/c/a/supervisor", fixture->state_dir);
        must_do(small_file_read_number(path, &pid, &f), &f);
        if (reopened == 1)
            fixture_close(fixture);
        assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
        if (reopened == 1)
            fixture_open(fixture);
        ended = fixture_wait(fixture, "a");
        assert_non_null(ended);
        assert_int_equal(ended->code, 137);
        assert_true(ended->lost);
        must_do(runtime_delete(fixture->runtime, "a", &f), &f);
    }
}

static void an_interrupted_start_leaves_nothing(void **state)
{
    char path[PATH_BYTES];
    struct stat st;

    (void)state;
    fixture_close(fixture);
    path_format(path, "%s/c/half", fixture->state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_open(fixture);
    assert_int_not_equal(stat(path, &st), 0);
}

/* Killed before anybody was told that it runs: whatever it has done, it is started anew. */
static void a_start_that_was_not_told_is_taken_back(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    struct container_record record;
    char directory[PATH_BYTES];
    struct fail f;

    (void)state;
    start(&spec);
    path_format(directory, "%s/c/a", fixture->state_dir);
    must_do(container_record_read(directory, &record, &f), &f);
    record.started_ms = 0;
    must_do(container_record_write(directory, &record, &f), &f);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_true(fixture_stays(fixture, "a", 100));
    assert_int_equal(fixture_processes(directory), 0);
    (void)unlink(paths.log);
    spec = fixture_spec(fixture, &paths, "a", "exit 4");
    expect(&spec, 4, "");
}

static void an_exit_file_of_another_life_is_none(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 0.3; exit 4");
    char path[PATH_BYTES];
    struct fail f;

    (void)state;
    path_format(path, "%s/exits/a", fixture->state_dir);
    must_do(file_replace(path, STR("9"), 0600, &f), &f);
    expect(&spec, 4, "");
}

/* Here nothing can be written in place of a directory. */
static void an_end_that_cannot_be_written_is_told(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 0.5; exit 3");
    const struct fixture_exit *ended;
    char path[PATH_BYTES];
    struct fail f;

    (void)state;
    fixture->exit_count = 0;
    start(&spec);
    path_format(path, "%s/exits/a", fixture->state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    ended = fixture_wait(fixture, "a");
    assert_non_null(ended);
    assert_int_equal(ended->code, 137);
    assert_true(ended->lost);
    assert_int_equal(rmdir(path), 0);
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
}

static void fill(const char *path)
{
    static const char zeros[4096];
    auto_fd fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
}

static void a_full_disk_does_not_hide_the_exit_code(void **state)
{
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 0.5; exit 3");
    const struct fixture_exit *ended;
    char directory[PATH_BYTES];
    char path[PATH_BYTES];

    (void)state;
    if (fixture->oci_runtime != NULL)
        skip(); /* conmon makes the file at the end */
    path_format(directory, "%s/exits", fixture->state_dir);
    path_format(path, "%s/filler", directory);
    fixture_close(fixture);
    assert_int_equal(mount("none", directory, "tmpfs", 0, "size=64k"), 0);
    fixture_open(fixture);
    start(&spec);
    fill(path);
    ended = fixture_wait(fixture, "a");
    assert_int_equal(umount2(directory, MNT_DETACH), 0);
    assert_non_null(ended);
    assert_int_equal(ended->code, 3);
    assert_false(ended->lost);
    fixture_close(fixture);
    fixture_open(fixture);
}

static void what_a_container_takes_along_has_no_exit_code(void **state)
{
    static const char *const argv[] = {"sleep", "100"};
    struct runtime_exec_options options = {.argv = argv, .argc = 2, .timeout_ms = 60000};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "sleep 0.3; exit 1");
    auto_buf output = {.limit = 100};
    struct fail f;
    int code;

    (void)state;
    options.output = &output;
    fixture->exit_count = 0;
    start(&spec);
    assert_false(runtime_exec(fixture->runtime, "a", &options, &code, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    assert_non_null(fixture_wait(fixture, "a"));
    must_do(runtime_delete(fixture->runtime, "a", &f), &f);
}

static void a_state_dir_has_one_owner(void **state)
{
    struct runtime_options options = {
        .state_dir = fixture->state_dir, .instance = "other", .exited = (runtime_exited_fn *)(void *)abort};
    struct runtime *second;
    struct fail f;

    (void)state;
    assert_false(runtime_open(&options, &second, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
}

static void two_installations_do_not_meet(void **state)
{
    struct fixture *first = fixture;
    struct fixture *second = fixture_new();
    struct fixture_paths paths[2];
    struct container_spec spec;
    struct fail f;

    (void)state;
    second->instance[0] = 'u';
    second->oci_runtime = first->oci_runtime;
    fixture_open(second);
    first->exit_count = 0;
    spec = fixture_spec(first, &paths[0], "a", "exit 1");
    must_do(runtime_start(first->runtime, &spec, &f), &f);
    spec = fixture_spec(second, &paths[1], "a", "exit 2");
    must_do(runtime_start(second->runtime, &spec, &f), &f);
    assert_int_equal(fixture_wait(first, "a")->code, 1);
    assert_int_equal(fixture_wait(second, "a")->code, 2);
    must_do(runtime_delete(first->runtime, "a", &f), &f);
    must_do(runtime_delete(second->runtime, "a", &f), &f);
    fixture_free(second);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(containers_outlive_us),
        TEST(a_lost_supervisor_ends_its_container),
        TEST(an_interrupted_start_leaves_nothing),
        TEST(a_start_that_was_not_told_is_taken_back),
        TEST(an_exit_file_of_another_life_is_none),
        TEST(an_end_that_cannot_be_written_is_told),
        TEST(a_full_disk_does_not_hide_the_exit_code),
        TEST(what_a_container_takes_along_has_no_exit_code),
        TEST(a_state_dir_has_one_owner),
        TEST(two_installations_do_not_meet),
    };

    return RUN(tests, argc, argv);
}
