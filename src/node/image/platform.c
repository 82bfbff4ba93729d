#include "node/image/platform.h"

#include "node/image/problem.h"

#include <sys/utsname.h>

/* What the kernel calls a machine and what images call it. */
static const struct {
    struct str machine;
    struct str architecture;
    struct str variant;
} machines[] = {
    {STR_INIT("x86_64"), STR_INIT("amd64"), {NULL, 0}},    {STR_INIT("aarch64"), STR_INIT("arm64"), {NULL, 0}},
    {STR_INIT("armv8l"), STR_INIT("arm"), STR_INIT("v8")}, {STR_INIT("armv7l"), STR_INIT("arm"), STR_INIT("v7")},
    {STR_INIT("armv6l"), STR_INIT("arm"), STR_INIT("v6")}, {STR_INIT("i686"), STR_INIT("386"), {NULL, 0}},
    {STR_INIT("ppc64le"), STR_INIT("ppc64le"), {NULL, 0}}, {STR_INIT("s390x"), STR_INIT("s390x"), {NULL, 0}},
    {STR_INIT("riscv64"), STR_INIT("riscv64"), {NULL, 0}},
};

/* What an absent variant means, in tenths: v7 is 70. */
static const struct {
    struct str architecture;
    int variant;
} defaults[] = {{STR_INIT("amd64"), 10}, {STR_INIT("arm64"), 80}, {STR_INIT("arm"), 70}};

bool image_platform_parse(struct str text, struct image_platform *ret_platform, struct fail *f)
{
    struct image_platform platform;
    struct str rest;

    platform.os = str_cut(text, '/', &rest);
    platform.architecture = rest.ptr == NULL ? rest : str_cut(rest, '/', &platform.variant);
    if (rest.ptr == NULL || platform.os.len == 0 || platform.architecture.len == 0)
        return image_fail(f, IMAGE_MALFORMED, "%.*s is not a platform such as linux/amd64", STR_ARG(text));
    *ret_platform = platform;
    return true;
}

struct image_platform image_platform_of_machine(void)
{
    struct utsname name;
    struct image_platform platform = {STR("linux"), STR("amd64"), {NULL, 0}};

    if (uname(&name) != 0)
        return platform;
    for (size_t i = 0; i < COUNT_OF(machines); i++) {
        if (str_is(machines[i].machine, name.machine)) {
            platform.architecture = machines[i].architecture;
            platform.variant = machines[i].variant;
        }
    }
    return platform;
}

struct str image_platform_text(struct arena *arena, const struct image_platform *platform)
{
    return arena_printf(arena, "%.*s/%.*s%s%.*s", STR_ARG(platform->os), STR_ARG(platform->architecture),
                        platform->variant.len == 0 ? "" : "/", STR_ARG(platform->variant));
}

/* "v7" is 70, "v8.1" is 81, absent the default of the architecture; -1 what has no such form. */
static int variant_tenths(const struct image_platform *platform)
{
    struct str v = platform->variant;

    if (v.len == 0) {
        for (size_t i = 0; i < COUNT_OF(defaults); i++)
            if (str_eq(platform->architecture, defaults[i].architecture))
                return defaults[i].variant;
        return 0;
    }
    if (v.len < 2 || v.ptr[0] != 'v' || v.ptr[1] < '0' || v.ptr[1] > '9')
        return -1;
    if (v.len == 2)
        return (v.ptr[1] - '0') * 10;
    if (v.len == 4 && v.ptr[2] == '.' && v.ptr[3] >= '0' && v.ptr[3] <= '9')
        return (v.ptr[1] - '0') * 10 + (v.ptr[3] - '0');
    return -1;
}

int image_platform_distance(const struct image_platform *wanted, const struct image_platform *offered)
{
    int have = variant_tenths(wanted);
    int need = variant_tenths(offered);

    if (!str_eq(wanted->os, offered->os) || !str_eq(wanted->architecture, offered->architecture))
        return -1;
    if (have < 0 || need < 0)
        return str_eq(wanted->variant, offered->variant) ? 0 : -1;
    return need > have ? -1 : have - need;
}
