/* The flat form of a plan: it comes back as it went, and a damaged one does no harm. */
#include "node/runtime/native_plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *argv[] = {"sh", "-c", "echo", NULL};
static const char *env[] = {"PATH=/bin", "EMPTY=", NULL};
static uint64_t groups[] = {7, UINT32_MAX};
static struct plan_mount mounts[] = {{"proc", "proc", "/proc", "nosuid"}, {"bind", "/a", "/b", ""}};
static struct plan_rlimit rlimits[] = {{NULL, RLIMIT_NOFILE, {1, RLIM_INFINITY}}};
static struct plan_device devices[] = {{.path = "/dev/x", .host_path = "/dev/y", .type = 'b', .major = 8, .minor = 1}};
static struct container_sysctl sysctls[] = {{"net.a", "1"}};

static struct native_plan sample(void)
{
    return (struct native_plan){
        .id = "a",
        .directory = "/s/c/a",
        .exits_path = "/s/exits/a",
        .log_path = "/log",
        .log_max_bytes = 5,
        .cgroup = "/c",
        .mount_point = "/s/c/a/rootfs",
        .argv = {argv, 3},
        .env = {env, 2},
        .working_directory = "/",
        .hostname = "h",
        .flags = NATIVE_MASKED | NATIVE_JOINS_PID,
        .uid = UINT32_MAX,
        .gid = 1,
        .groups = groups,
        .group_count = 2,
        .host_uid_first = 100000,
        .capabilities = UINT64_C(1) << 40,
        .mounts = mounts,
        .mount_count = 2,
        .rlimits = rlimits,
        .rlimit_count = 1,
        .devices = devices,
        .device_count = 1,
        .sysctls = sysctls,
        .sysctl_count = 1,
        .filter = STR("8 bytes."),
    };
}

static void a_plan_comes_back(void **state)
{
    const struct native_plan plan = sample();
    struct native_plan read;
    auto_buf flat = {.limit = 1 << 16};
    auto_buf again = {.limit = 1 << 16};
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 1 << 20);
    native_plan_write(&plan, &flat);
    assert_true(native_plan_read(buf_str(&flat), &arena, &read, &f));
    native_plan_write(&read, &again);
    assert_true(str_eq(buf_str(&flat), buf_str(&again)));
    assert_string_equal(read.argv.items[2], "echo");
    assert_null(read.argv.items[3]);
    assert_string_equal(read.env.items[1], "EMPTY=");
    assert_null(read.env.items[2]);
    assert_true(read.rlimits[0].limit.rlim_max == RLIM_INFINITY);
    assert_int_equal(read.devices[0].type, 'b');
    assert_true(str_is(read.filter, "8 bytes."));
    arena_free(&arena);
}

/* Cut anywhere, and with each byte changed: refused or read, and nothing read beyond its end (under ASan). */
static void a_damaged_plan_is_survived(void **state)
{
    const struct native_plan plan = sample();
    struct native_plan read;
    auto_buf flat = {.limit = 1 << 16};
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, NATIVE_PLAN_BYTES_MAX);
    native_plan_write(&plan, &flat);
    for (size_t len = 0; len < flat.len; len++) {
        auto_free char *copy = malloc(len + 1);

        memcpy(copy, flat.ptr, len);
        arena_reset(&arena);
        if (native_plan_read((struct str){copy, len}, &arena, &read, &f))
            assert_non_null(read.hostname);
    }
    for (size_t at = 0; at < flat.len; at++) {
        flat.ptr[at] = (char)(flat.ptr[at] ^ 0x7f);
        arena_reset(&arena);
        if (native_plan_read(buf_str(&flat), &arena, &read, &f))
            assert_true(read.argv.count > 0);
        flat.ptr[at] = (char)(flat.ptr[at] ^ 0x7f);
    }
    arena_free(&arena);
}

/* A file from before a member was added: the member is zero. */
static void an_older_plan_is_read(void **state)
{
    const struct native_plan plan = sample();
    struct native_plan read;
    auto_buf flat = {.limit = 1 << 16};
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 1 << 20);
    native_plan_write(&plan, &flat);
    flat.len -= sizeof(uint64_t) + plan.filter.len + 1;
    assert_true(native_plan_read(buf_str(&flat), &arena, &read, &f));
    assert_int_equal(read.filter.len, 0);
    assert_int_equal(read.sysctl_count, 1);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_comes_back),
        cmocka_unit_test(a_damaged_plan_is_survived),
        cmocka_unit_test(an_older_plan_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
