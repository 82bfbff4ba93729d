#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char base[64];
static struct fail f;

static int make_base(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof(base), "/tmp/berth-files-XXXXXX");
    return mkdtemp(base) == NULL;
}

static int remove_base(void **state)
{
    (void)state;
    assert_true(path_remove(base, &f));
    assert_int_equal(access(base, F_OK), -1);
    return 0;
}

static const char *at(const char *name)
{
    static char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static void file_is_replaced_as_a_whole(void **state)
{
    auto_buf back = {0};
    struct stat status;

    (void)state;
    assert_true(file_write(at("x"), STR("old"), 0600, &f));
    assert_true(file_write(at("x"), STR("newer"), 0640, &f));
    assert_true(file_read(at("x"), &back, &f));
    assert_true(str_is(buf_str(&back), "newer"));
    assert_int_equal(stat(at("x"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

/* A write that cannot be finished leaves neither a trace nor half a file. */
static void failed_write_leaves_nothing(void **state)
{
    DIR *directory;
    size_t entries = 0;

    (void)state;
    assert_int_equal(mkdir(at("taken"), 0755), 0);
    assert_false(file_write(at("taken"), STR("x"), 0600, &f));
    assert_false(file_write(at("no/such/x"), STR("x"), 0600, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
    directory = opendir(base);
    while (readdir(directory) != NULL)
        entries++;
    assert_int_equal(closedir(directory), 0);
    assert_int_equal(entries, 3); /* ., .., taken */
}

static void reading_is_bounded(void **state)
{
    auto_buf out = {.limit = 4};

    (void)state;
    assert_false(file_read(at("missing"), &out, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
    assert_true(file_write(at("x"), STR("12345"), 0600, &f));
    assert_false(file_read(at("x"), &out, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
}

static void directories_are_made_above_too(void **state)
{
    struct stat status;

    (void)state;
    assert_true(directory_make(at("a/b/c"), 0700, &f));
    assert_int_equal(stat(at("a/b/c"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(at("a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_true(directory_make(at("a/b"), 0700, &f));
    assert_int_equal(stat(at("a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_true(file_write(at("file"), STR(""), 0600, &f));
    assert_false(directory_make(at("file/x"), 0700, &f));
    assert_false(directory_make(at("file"), 0700, &f));
}

static void links_are_removed_not_followed(void **state)
{
    (void)state;
    assert_true(directory_make(at("outside/kept"), 0755, &f));
    assert_true(directory_make(at("tree/sub"), 0755, &f));
    assert_int_equal(symlink("../outside", at("tree/link")), 0);
    assert_int_equal(symlink("../../outside", at("tree/sub/link")), 0);
    assert_true(path_remove(at("tree"), &f));
    assert_int_equal(access(at("tree"), F_OK), -1);
    assert_int_equal(access(at("outside/kept"), F_OK), 0);
    assert_int_equal(symlink("outside", at("link")), 0);
    assert_true(path_remove(at("link"), &f));
    assert_true(path_remove(at("link"), &f)); /* nothing there is fine */
    assert_int_equal(access(at("outside/kept"), F_OK), 0);
}

/* 3000 levels are far beyond PATH_MAX, 2 descriptors a level beyond the usual limit. */
static void deep_and_wide_trees_are_removed(void **state)
{
    int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[20];

    (void)state;
    for (int level = 0; level < 3000; level++) {
        int next;

        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(fd);
        fd = next;
        if (level % 100 != 0)
            continue;
        for (int i = 0; i < 30; i++) {
            (void)snprintf(name, sizeof(name), ".removed-%d", i); /* the very names that removal itself uses */
            assert_int_equal(mkdirat(fd, name, 0755), 0);
        }
    }
    (void)close(fd);
    assert_true(path_remove(at("d"), &f));
}

static void mounts_are_not_entered(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0)
        skip();
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_true(directory_make(at("tree/a/mnt"), 0755, &f));
    assert_int_equal(mount("berth-test", at("tree/a/mnt"), "tmpfs", 0, NULL), 0);
    assert_true(file_write(at("tree/a/mnt/precious"), STR(""), 0600, &f));
    assert_false(path_remove(at("tree"), &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    assert_non_null(strstr(f.message, "\"mnt\" in it is a mount point"));
    assert_false(path_remove(at("tree/a/mnt"), &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    assert_int_equal(access(at("tree/a/mnt/precious"), F_OK), 0);
    assert_int_equal(umount2(at("tree/a/mnt"), MNT_DETACH), 0);
    assert_true(path_remove(at("tree"), &f));
}

static void second_server_is_told_who_has_the_directory(void **state)
{
    char expected[200];
    int gone[2];
    char byte;
    int fd;
    int again;
    pid_t child;

    (void)state;
    assert_true(directory_lock(base, &fd, &f));
    assert_false(directory_lock(base, &again, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    (void)snprintf(expected, sizeof(expected), "%s is in use by process %d", base, getpid());
    assert_string_equal(f.message, expected);
    (void)close(fd);
    /* A holder that is killed leaves no lock behind. */
    assert_int_equal(pipe(gone), 0);
    child = fork();
    if (child == 0) {
        (void)close(gone[0]);
        (void)!write(gone[1], directory_lock(base, &fd, &f) ? "y" : "n", 1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(gone[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_false(directory_lock(base, &again, &f));
    (void)snprintf(expected, sizeof(expected), "%s is in use by process %d", base, child);
    assert_string_equal(f.message, expected);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(directory_lock(base, &again, &f));
    (void)close(again);
    (void)close(gone[0]);
    (void)close(gone[1]);
}

/* Whether somebody who does not wait gets the directory. */
static bool is_free(const char *path)
{
    auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void one_at_a_time_has_a_turn(void **state)
{
    char path[PATH_MAX];
    struct fail f;
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/a/b", base);
    assert_true(directory_turn(path, &fd, &f));
    assert_false(is_free(path));
    (void)close(fd);
    assert_true(is_free(path));
    assert_true(directory_turn(path, &fd, &f));
    (void)close(fd);
}

#define file_test(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(file_is_replaced_as_a_whole),
        file_test(failed_write_leaves_nothing),
        file_test(reading_is_bounded),
        file_test(directories_are_made_above_too),
        file_test(links_are_removed_not_followed),
        file_test(deep_and_wide_trees_are_removed),
        file_test(mounts_are_not_entered),
        file_test(second_server_is_told_who_has_the_directory),
        file_test(one_at_a_time_has_a_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
