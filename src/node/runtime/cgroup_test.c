/* Which layout a machine has, from its mountinfo. */
#include "node/runtime/cgroup.h"

#include "base/attributes.h"
#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TREE(name) "30 24 0:26 / /sys/fs/cgroup/" name " rw shared:9 - cgroup cgroup rw," name "\n"
#define V1         TREE("cpu") TREE("memory") TREE("pids")

static char directory[] = "/tmp/berth-cgroup-XXXXXX";

static int make(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int clear(void **state)
{
    struct fail f;

    (void)state;
    return path_remove(directory, &f) ? 0 : -1;
}

static bool detect(const char *mountinfo, struct cgroup_host *ret_host, struct fail *f)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%s/mountinfo", directory);
    assert_true(file_replace(path, str_of(mountinfo), 0600, f));
    return cgroup_detect(path, ret_host, f);
}

static void v1_and_hybrid_are_told_apart(void **state)
{
    struct cgroup_host host;
    struct fail f;

    (void)state;
    assert_true(detect(V1 TREE("devices") "9 1 0:1 / / rw - ext4 /dev/vda rw\n", &host, &f));
    assert_int_equal(host.layout, CGROUP_V1);
    assert_int_equal(host.tree_count, 4);
    assert_true(detect(V1 TREE("devices") "31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", &host, &f));
    assert_int_equal(host.layout, CGROUP_HYBRID);
    assert_string_equal(host.unified_mount, "/sys/fs/cgroup/unified");
}

static void v2_needs_no_tree_of_devices(void **state)
{
    struct cgroup_host host;
    char mountinfo[200];
    char path[64];
    struct fail f;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", directory);
    assert_true(file_replace(path, STR("cpuset cpu io memory pids\n"), 0600, &f));
    (void)snprintf(mountinfo, sizeof(mountinfo), "31 24 0:27 / %s rw - cgroup2 cgroup2 rw\n", directory);
    assert_true(detect(mountinfo, &host, &f));
    assert_int_equal(host.layout, CGROUP_V2);
    assert_int_equal(host.tree_count, 1);
    assert_false(cgroup_has(&host, CGROUP_DEVICES));
}

static void what_is_missing_is_named(void **state)
{
    static const struct {
        const char *mountinfo;
        const char *missing;
    } rows[] = {
        {"", "\"cpu\""},
        {TREE("cpu") TREE("pids") TREE("devices"), "\"memory\""},
        {V1, "\"devices\""},
        {V1 "31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "\"devices\""},
    };
    struct cgroup_host host;
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(detect(rows[i].mountinfo, &host, &f));
        assert_int_equal(f.code, FAIL_NOT_FOUND);
        assert_non_null(strstr(f.message, rows[i].missing));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(v1_and_hybrid_are_told_apart),
                                       cmocka_unit_test(v2_needs_no_tree_of_devices),
                                       cmocka_unit_test(what_is_missing_is_named)};

    return cmocka_run_group_tests(tests, make, clear);
}
