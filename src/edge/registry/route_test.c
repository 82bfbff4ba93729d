#include "edge/registry/route.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void paths_find_their_endpoints(void **state)
{
    static const struct {
        const char *path;
        int kind; /* -1: none */
        const char *name;
        const char *reference;
    } rows[] = {
        {"/v2", ROUTE_BASE, NULL, NULL},
        {"/v2/", ROUTE_BASE, NULL, NULL},
        {"/v2/_catalog", ROUTE_CATALOG, NULL, NULL},
        {"/v2/app/tags/list", ROUTE_TAGS, "app", NULL},
        {"/v2/a/b/c/manifests/latest", ROUTE_MANIFEST, "a/b/c", "latest"},
        {"/v2/app/manifests/sha256:ab", ROUTE_MANIFEST, "app", "sha256:ab"},
        {"/v2/app/blobs/sha256%3Aab", ROUTE_BLOB, "app", "sha256:ab"},
        {"/v2/app/referrers/sha256:ab", ROUTE_REFERRERS, "app", "sha256:ab"},
        {"/v2/app/blobs/uploads", ROUTE_UPLOADS, "app", NULL},
        {"/v2/app/blobs/uploads/", ROUTE_UPLOADS, "app", ""},
        {"/v2/app/blobs/uploads/1-2", ROUTE_UPLOAD, "app", "1-2"},
        /* repositories whose names look like endpoints */
        {"/v2/blobs/uploads/blobs/uploads/x", ROUTE_UPLOAD, "blobs/uploads", "x"},
        {"/v2/manifests/x/manifests/y", ROUTE_MANIFEST, "manifests/x", "y"},
        {"/v2/tags/list/tags/list", ROUTE_TAGS, "tags/list", NULL},
        {"/v2/a/blobs/uploads/manifests/y", ROUTE_MANIFEST, "a/blobs/uploads", "y"},
        {"/v2/../../x/blobs/y", ROUTE_BLOB, "../../x", "y"}, /* the name's grammar refuses it */
        {"/v2/%2e%2e/blobs/y", ROUTE_BLOB, "..", "y"},
        {"/v1/", -1, NULL, NULL},
        {"/v2x", -1, NULL, NULL},
        {"/v2/app", -1, NULL, NULL},
        {"/v2/app/", -1, NULL, NULL},
        {"/v2/app/tags", -1, NULL, NULL},
        {"/v2/app/tags/lists", -1, NULL, NULL},
        {"/v2/app/blobs/", -1, NULL, NULL},
        {"/v2/app/manifests/", -1, NULL, NULL},
        {"/v2/manifests/x", -1, NULL, NULL},
        {"/v2/blobs/uploads/", -1, NULL, NULL},
        {"/v2//blobs/uploads/", -1, NULL, NULL},
        {"/v2/uploads/x", -1, NULL, NULL},
        {"/v2/app/blobs/sha256%3", -1, NULL, NULL},
        {"/v2/app/blobs/%00", -1, NULL, NULL},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct route route;
        bool good = route_parse(str_of(rows[i].path), &arena, &route);

        if (good != (rows[i].kind >= 0))
            fail_msg("%s", rows[i].path);
        if (!good)
            continue;
        assert_int_equal(route.kind, rows[i].kind);
        assert_true(str_eq(route.name, str_of(rows[i].name)));
        assert_true(str_eq(route.reference, str_of(rows[i].reference)));
    }
    arena_free(&arena);
}

static void parameters_are_decoded_and_plus_is_plus(void **state)
{
    struct str query = STR("n=5&last=a%2Fb&artifactType=application/x+json&empty=&broken=%4&bare");
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(str_is(route_parameter(query, "n", &arena), "5"));
    assert_true(str_is(route_parameter(query, "last", &arena), "a/b"));
    assert_true(str_is(route_parameter(query, "artifactType", &arena), "application/x+json"));
    assert_non_null(route_parameter(query, "empty", &arena).ptr);
    assert_null(route_parameter(query, "broken", &arena).ptr);
    assert_null(route_parameter(query, "bare", &arena).ptr);
    assert_null(route_parameter(query, "none", &arena).ptr);
    assert_null(route_parameter((struct str){NULL, 0}, "n", &arena).ptr);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_endpoints),
        cmocka_unit_test(parameters_are_decoded_and_plus_is_plus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
