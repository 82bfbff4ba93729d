#include "node/image/reference.h"

#include "node/image/problem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references_are_normalised_as_docker_does(void **state)
{
    static const struct {
        const char *text, *registry, *repository, *tag, *digest;
    } rows[] = {
        {"nginx", "docker.io", "library/nginx", "latest", NULL},
        {"nginx:1.25", "docker.io", "library/nginx", "1.25", NULL},
        {"user/app", "docker.io", "user/app", "latest", NULL},
        {"docker.io/library/nginx:1", "docker.io", "library/nginx", "1", NULL},
        {"docker.io/nginx", "docker.io", "library/nginx", "latest", NULL},
        {"index.docker.io/nginx", "docker.io", "library/nginx", "latest", NULL},
        {"localhost/app", "localhost", "app", "latest", NULL},
        {"localhost:5000/app:v1", "localhost:5000", "app", "v1", NULL},
        {"LOCAL/app", "LOCAL", "app", "latest", NULL},
        {"127.0.0.1:4566/name@" DIGEST, "127.0.0.1:4566", "name", NULL, DIGEST},
        {"[::1]:5000/a/b", "[::1]:5000", "a/b", "latest", NULL},
        {"[fe80::1]/a", "[fe80::1]", "a", "latest", NULL},
        {"nginx:1@" DIGEST, "docker.io", "library/nginx", "1", DIGEST},
        {"123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b:tag", "123456789012.dkr.ecr.us-east-1.amazonaws.com", "a/b",
         "tag", NULL},
        {"public.ecr.aws/docker/library/busybox:1.36", "public.ecr.aws", "docker/library/busybox", "1.36", NULL},
        {"a__b-c.d---e", "docker.io", "library/a__b-c.d---e", "latest", NULL},
        {"host:5000", "docker.io", "library/host", "5000", NULL},
    };
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image_reference reference;

        assert_true(image_reference_parse(&arena, str_of(rows[i].text), &reference, &f));
        assert_true(str_is(reference.registry, rows[i].registry));
        assert_true(str_is(reference.repository, rows[i].repository));
        assert_true(str_eq(reference.tag, str_of(rows[i].tag)));
        assert_true(str_eq(reference.digest, str_of(rows[i].digest)));
    }
    arena_free(&arena);
}

static void what_docker_refuses_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        ":tag",
        "/nginx",
        "nginx/",
        "a//b",
        "Nginx",
        "user/App",
        "nginx:",
        "nginx:-x",
        "nginx:a b",
        "nginx@sha256:abc",
        "nginx@",
        "nginx@md5:0123456789abcdef0123456789abcdef",
        "-a.b/c",
        "a.b-/c",
        "a..b/c",
        "a.b:port/c",
        "a.b:99999/c",
        "[::1/a",
        "[]/a",
        "[::1]x/a",
        "a_-b",
        "a___b",
        "_a",
        "a.",
        "../a",
        "a/../b",
        "a/./b",
        "nginx:1:2",
        "https://a.b/c",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image_reference reference;
        struct fail f = {0};

        if (image_reference_parse(&arena, str_of(rows[i]), &reference, &f))
            fail_msg("accepted: %s", rows[i]);
        assert_int_equal(image_problem_of(&f), IMAGE_MALFORMED);
    }
    arena_free(&arena);
}

static void the_text_parses_to_itself(void **state)
{
    static const char *const rows[] = {"nginx", "a.b:1/c/d:e@" DIGEST, "localhost/x@" DIGEST};
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image_reference first, again;

        assert_true(image_reference_parse(&arena, str_of(rows[i]), &first, &f));
        assert_true(image_reference_parse(&arena, first.text, &again, &f));
        assert_true(str_eq(first.text, again.text));
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_normalised_as_docker_does),
        cmocka_unit_test(what_docker_refuses_is_refused),
        cmocka_unit_test(the_text_parses_to_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
