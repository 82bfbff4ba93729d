/* Paths of a hostile image, resolved in a directory that plays its root. */
#include "node/runtime/rooted_path.h"

#include "base/attributes.h"
#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char directory[64];
static int root = -1;

/* Where an open descriptor is, below the root. */
static const char *place(int fd)
{
    static char text[PATH_MAX];
    char link[64];
    ssize_t len;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    return strncmp(text, directory, strlen(directory)) == 0 ? text + strlen(directory) : text;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/berth-rooted-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 || mkdirat(root, "etc", 0755) != 0 || symlinkat("/etc", root, "dev") != 0 ||
           symlinkat("x", root, "proc") != 0 || symlinkat("../../../../..", root, "out") != 0 ||
           symlinkat("/run/deep/file", root, "etc/resolv.conf") != 0 || symlinkat("loop", root, "loop") != 0 ||
           symlinkat("/proc/self/root", root, "magic") != 0;
}

static int teardown(void **state)
{
    struct fail f;

    (void)state;
    (void)close(root);
    return path_remove(directory, &f) ? 0 : -1;
}

static void paths_stay_inside(void **state)
{
    static const struct {
        const char *path;
        enum rooted_kind kind;
        const char *place; /* NULL: it fails */
        int error;
    } rows[] = {
        {"/", ROOTED_EXISTING, "", 0},
        {"/etc", ROOTED_EXISTING, "/etc", 0},
        {"/dev/pts", ROOTED_DIRECTORY, "/etc/pts", 0},
        {"/proc", ROOTED_DIRECTORY, "/x", 0},
        {"/../../x", ROOTED_DIRECTORY, "/x", 0},
        {"../../x/./y//", ROOTED_DIRECTORY, "/x/y", 0},
        {"/out/etc", ROOTED_EXISTING, "/etc", 0},
        {"/out/made/here", ROOTED_FILE, "/made/here", 0},
        {"/etc/resolv.conf", ROOTED_FILE, "/run/deep/file", 0},
        {"/magic/etc", ROOTED_DIRECTORY, "/x/self/root/etc", 0},
        {"/loop", ROOTED_DIRECTORY, NULL, ELOOP},
        {"/none", ROOTED_EXISTING, NULL, ENOENT},
        {"/run/deep/file/more", ROOTED_DIRECTORY, NULL, ENOTDIR},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_fd fd = rooted_open(root, rows[i].path, rows[i].kind);

        if (rows[i].place == NULL) {
            assert_int_equal(fd, -1);
            assert_int_equal(errno, rows[i].error);
            continue;
        }
        assert_true(fd >= 0);
        assert_string_equal(place(fd), rows[i].place);
    }
}

/* The kernel's own links have a text, too; it is that which is followed. */
static void magic_links_are_only_text(void **state)
{
    auto_fd outside = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "self/fd/%d/bin", outside);
    assert_int_equal(rooted_open(proc, path, ROOTED_EXISTING), -1); /* "/usr/bin" is not below /proc */
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_stay_inside),
        cmocka_unit_test(magic_links_are_only_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
