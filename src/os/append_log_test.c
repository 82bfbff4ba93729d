#include "os/append_log.h"

#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];
static char path[100];
static struct fail f;

static int make_base(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof(base), "/tmp/berth-append-XXXXXX");
    if (mkdtemp(base) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/audit.log", base);
    return 0;
}

static int remove_base(void **state)
{
    (void)state;
    return !path_remove(base, &f);
}

static struct append_log *open_log(size_t size_max)
{
    struct append_log_options options = {.path = path, .size_max = size_max, .kept = 3};
    struct append_log *log;

    assert_true(append_log_open(&options, &log, &f));
    return log;
}

static void assert_holds(const char *suffix, const char *text)
{
    auto_buf held = {.ptr = NULL};
    char name[120];

    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    assert_true(file_read(name, &held, &f));
    assert_int_equal(held.len, strlen(text));
    assert_memory_equal(held.ptr, text, held.len);
}

static void assert_no_file(const char *suffix)
{
    char name[120];

    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    assert_int_equal(access(name, F_OK), -1);
}

static void lines_stay_and_nobody_else_may_read_them(void **state)
{
    struct append_log *log = open_log(1000);
    struct stat st;

    (void)state;
    assert_true(append_log_add(log, STR("one\n"), &f));
    append_log_close(log);
    log = open_log(1000);
    assert_true(append_log_add(log, STR("two\n"), &f));
    append_log_close(log);
    assert_holds("", "one\ntwo\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_torn_line_is_ended(void **state)
{
    struct append_log *log;

    (void)state;
    assert_true(file_write(path, STR("one\ntw"), 0600, &f));
    log = open_log(1000);
    assert_true(append_log_add(log, STR("three\n"), &f));
    append_log_close(log);
    assert_holds("", "one\ntw\nthree\n");
}

static void old_files_are_put_aside_and_the_oldest_goes(void **state)
{
    struct append_log *log = open_log(10);

    (void)state;
    for (const char *c = "abcdefgh"; *c != '\0'; c++)
        assert_true(append_log_add(log, (struct str){(char[]){*c, *c, *c, '\n'}, 4}, &f));
    append_log_close(log);
    assert_holds("", "ggg\nhhh\n");
    assert_holds(".1", "eee\nfff\n");
    assert_holds(".2", "ccc\nddd\n");
    assert_no_file(".3");
}

static void a_line_that_does_not_fit_on_the_disk_leaves_nothing(void **state)
{
    struct append_log *log = open_log(1000);
    struct rlimit before;
    struct rlimit tight;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_true(append_log_add(log, STR("one\n"), &f));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 6;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_false(append_log_add(log, STR("two\n"), &f));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(append_log_add(log, STR("three\n"), &f));
    append_log_close(log);
    assert_holds("", "one\nthree\n");
}

enum { THREADS = 4, LINES = 500 };

static void *add_many(void *context)
{
    struct fail own;

    for (int i = 0; i < LINES; i++)
        assert_true(append_log_add(context, STR("0123456789\n"), &own));
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    struct append_log *log = open_log((size_t)1 << 20);
    auto_buf held = {.ptr = NULL};
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, log), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    append_log_close(log);
    assert_true(file_read(path, &held, &f));
    assert_int_equal(held.len, THREADS * LINES * 11);
    for (size_t at = 0; at < held.len; at += 11)
        assert_memory_equal(held.ptr + at, "0123456789\n", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_stay_and_nobody_else_may_read_them, make_base, remove_base),
        cmocka_unit_test_setup_teardown(a_torn_line_is_ended, make_base, remove_base),
        cmocka_unit_test_setup_teardown(old_files_are_put_aside_and_the_oldest_goes, make_base, remove_base),
        cmocka_unit_test_setup_teardown(a_line_that_does_not_fit_on_the_disk_leaves_nothing, make_base, remove_base),
        cmocka_unit_test_setup_teardown(lines_of_several_threads_do_not_mix, make_base, remove_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
