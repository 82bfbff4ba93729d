/* New volumes, filled from a directory that plays an image's root. As root: owners are copied. */
#include "node/runtime/volume_fill.h"

#include "base/attributes.h"
#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static int root = -1;

static const char *at(const char *name)
{
    static char path[2][256];
    static unsigned turn;
    char *here = path[turn++ % 2];

    (void)snprintf(here, sizeof(path[0]), "%s/%s", directory, name);
    return here;
}

static void put(const char *name, const char *text)
{
    struct fail f;

    assert_true(file_replace(at(name), str_of(text), 0640, &f));
}

static const char *get(const char *name)
{
    static char text[64];
    auto_fd fd = open(at(name), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (len < 0)
        return NULL;
    text[len] = '\0';
    return text;
}

static int make(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/berth-fill-XXXXXX");
    if (mkdtemp(directory) == NULL || mkdir(at("image"), 0755) != 0 || mkdir(at("image/data"), 0700) != 0 ||
        mkdir(at("image/data/below"), 0711) != 0 || mkdir(at("volume"), 0755) != 0)
        return -1;
    put("outside", "host\n");
    put("image/data/file", "content\n");
    put("image/data/below/file", "deep\n");
    if (symlink(at("outside"), at("image/data/link")) != 0 || symlink("data", at("image/way")) != 0 ||
        mkfifo(at("image/data/fifo"), 0600) != 0 || chown(at("image/data/file"), 1000, 1001) != 0 ||
        chmod(at("image/data/file"), 04750) != 0 || chown(at("image/data"), 1000, 1000) != 0)
        return -1;
    root = open(at("image"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0;
}

static int clear(void **state)
{
    struct fail f;

    (void)state;
    (void)close(root);
    return path_remove(directory, &f) ? 0 : -1;
}

static void fill(const char *target)
{
    struct fail f = {.message = ""};

    if (!volume_fill(at("volume"), root, target, &f))
        fail_msg("%s", f.message);
}

static struct stat status(const char *name)
{
    struct stat st;

    assert_int_equal(lstat(at(name), &st), 0);
    return st;
}

static void content_and_attributes_are_copied(void **state)
{
    struct stat st;

    (void)state;
    fill("/way");
    st = status("volume");
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(st.st_uid, 1000);
    st = status("volume/file");
    assert_int_equal(st.st_mode & 07777, 04750);
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(st.st_gid, 1001);
    assert_string_equal(get("volume/file"), "content\n");
    assert_int_equal(status("volume/below").st_mode & 07777, 0711);
    assert_string_equal(get("volume/below/file"), "deep\n");
    assert_true(S_ISLNK(status("volume/link").st_mode));
    assert_true(S_ISFIFO(status("volume/fifo").st_mode));
    assert_string_equal(get("outside"), "host\n");
    assert_int_not_equal(access(at("volume~"), F_OK), 0);
}

static void what_is_there_stays(void **state)
{
    (void)state;
    put("volume/own", "mine\n");
    fill("/data");
    assert_null(get("volume/file"));
    assert_string_equal(get("volume/own"), "mine\n");
}

static void an_interrupted_copy_is_made_again(void **state)
{
    (void)state;
    put("volume~", "");
    put("volume/file", "con");
    fill("/data");
    assert_string_equal(get("volume/file"), "content\n");
    assert_string_equal(get("volume/below/file"), "deep\n");
    assert_int_not_equal(access(at("volume~"), F_OK), 0);
}

/* What another container put there meanwhile leads nowhere. */
static void links_in_the_volume_are_not_followed(void **state)
{
    struct fail f;

    (void)state;
    put("volume~", "");
    assert_int_equal(mkdir(at("elsewhere"), 0755), 0);
    assert_int_equal(symlink(at("outside"), at("volume/file")), 0);
    assert_int_equal(symlink(at("elsewhere"), at("volume/below")), 0);
    assert_false(volume_fill(at("volume"), root, "/data", &f));
    assert_string_equal(get("outside"), "host\n");
    assert_null(get("elsewhere/file"));
}

static void without_a_directory_in_the_image_nothing_happens(void **state)
{
    (void)state;
    fill("/nowhere");
    fill("/data/file");
    assert_int_equal(status("volume").st_mode & 07777, 0755);
    assert_null(get("volume/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_and_attributes_are_copied, make, clear),
        cmocka_unit_test_setup_teardown(what_is_there_stays, make, clear),
        cmocka_unit_test_setup_teardown(an_interrupted_copy_is_made_again, make, clear),
        cmocka_unit_test_setup_teardown(links_in_the_volume_are_not_followed, make, clear),
        cmocka_unit_test_setup_teardown(without_a_directory_in_the_image_nothing_happens, make, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
