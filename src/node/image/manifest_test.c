#include "node/image/config.h"
#include "node/image/digest.h"
#include "node/image/manifest.h"
#include "node/image/problem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define A           "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OCI         "application/vnd.oci."
#define CONFIG      "\"config\":{\"mediaType\":\"" OCI "image.config.v1+json\",\"digest\":\"" A "\",\"size\":2}"
#define LAYER(type) "{\"mediaType\":\"" type "\",\"digest\":\"" A "\",\"size\":3}"
#define GZIP        LAYER(OCI "image.layer.v1.tar+gzip")
#define IMAGE       "{\"schemaVersion\":2," CONFIG ",\"layers\":[" GZIP "]}"

static const struct {
    const char *text;
    const char *content_type;
    enum image_problem problem;
} rows[] = {
    {IMAGE, OCI "image.manifest.v1+json", IMAGE_NO_PROBLEM},
    {IMAGE, OCI "image.manifest.v1+json; charset=utf-8", IMAGE_NO_PROBLEM},
    {IMAGE, "application/json", IMAGE_NO_PROBLEM},
    {IMAGE, NULL, IMAGE_NO_PROBLEM},
    {"{\"manifests\":[]}", NULL, IMAGE_NO_PROBLEM},
    {"{" CONFIG ",\"layers\":[]}", NULL, IMAGE_NO_PROBLEM},
    {"{" CONFIG ",\"layers\":[" LAYER("application/vnd.docker.image.rootfs.diff.tar.gzip") "]}", NULL,
     IMAGE_NO_PROBLEM},
    {IMAGE, OCI "image.index.v1+json", IMAGE_MALFORMED},
    {"{\"manifests\":[]," CONFIG ",\"layers\":[]}", NULL, IMAGE_MALFORMED},
    {"{\"mediaType\":\"" OCI "image.manifest.v1+json\",\"manifests\":[]}", NULL, IMAGE_MALFORMED},
    {"{\"mediaType\":\"" OCI "image.index.v1+json\"}", NULL, IMAGE_MALFORMED},
    {"{\"mediaType\":\"text/plain\"," CONFIG ",\"layers\":[]}", NULL, IMAGE_UNSUPPORTED},
    {"{\"schemaVersion\":1,\"fsLayers\":[]}", "application/vnd.docker.distribution.manifest.v1+prettyjws",
     IMAGE_UNSUPPORTED},
    {"{}", "application/vnd.oci.artifact.manifest.v1+json", IMAGE_UNSUPPORTED},
    {"{}", "text/html", IMAGE_UNSUPPORTED},
    {"{\"config\":{\"mediaType\":\"" OCI "empty.v1+json\",\"digest\":\"" A "\",\"size\":2},\"layers\":[]}", NULL,
     IMAGE_UNSUPPORTED},
    {"{" CONFIG ",\"layers\":[" LAYER("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip") "]}", NULL,
     IMAGE_UNSUPPORTED},
    {"{" CONFIG ",\"layers\":[" LAYER(OCI "image.layer.v1.tar+encrypted") "]}", NULL, IMAGE_UNSUPPORTED},
    {"{" CONFIG ",\"layers\":[" GZIP "," GZIP "," GZIP "]}", NULL, IMAGE_OVER_LIMIT},
    {"{" CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" A "\",\"size\":1001}]}", NULL, IMAGE_OVER_LIMIT},
    {"{" CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" A "\",\"size\":-1}]}", NULL, IMAGE_MALFORMED},
    {"{" CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"../../etc\",\"size\":1}]}", NULL, IMAGE_MALFORMED},
    {"{" CONFIG ",\"layers\":{}}", NULL, IMAGE_MALFORMED},
    {"{" CONFIG ",\"layers\":[7]}", NULL, IMAGE_MALFORMED},
    {"{" CONFIG "}", NULL, IMAGE_MALFORMED},
    {"{\"layers\":[]}", NULL, IMAGE_MALFORMED},
    {"[]", NULL, IMAGE_MALFORMED},
    {"{", NULL, IMAGE_MALFORMED},
    {"", NULL, IMAGE_MALFORMED},
};

static struct image_limits limits_of_test(void)
{
    struct image_limits limits = {.layers_max = 2, .layer_bytes_max = 1000};

    image_limits_fill(&limits);
    return limits;
}

static void manifests_are_taken_or_refused_as_the_table_says(void **state)
{
    struct image_limits limits = limits_of_test();
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image_manifest manifest;
        struct fail f = {0};
        bool good =
            image_manifest_parse(&arena, str_of(rows[i].text), str_of(rows[i].content_type), &limits, &manifest, &f);

        if (good != (rows[i].problem == IMAGE_NO_PROBLEM) || (!good && image_problem_of(&f) != rows[i].problem))
            fail_msg("%s: %s", rows[i].text, f.message);
    }
    arena_free(&arena);
}

static void the_image_s_parts_are_read(void **state)
{
    struct image_limits limits = limits_of_test();
    struct image_manifest manifest;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(image_manifest_parse(&arena, STR(IMAGE), STR(""), &limits, &manifest, &f));
    assert_int_equal(manifest.kind, IMAGE_MANIFEST);
    assert_true(str_is(manifest.config.digest, A));
    assert_int_equal(manifest.config.size, 2);
    assert_int_equal(manifest.child_count, 1);
    assert_int_equal(manifest.children[0].size, 3);
    arena_free(&arena);
}

#define ENTRY(digit, platform)                                                                                         \
    "{\"mediaType\":\"" OCI "image.manifest.v1+json\",\"size\":1,\"digest\":\"sha256:" digit digit digit digit         \
    "\"" platform "}"
#define SIXTEEN(digit) digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit
#define PLATFORM(os, architecture, variant)                                                                            \
    ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\",\"variant\":\"" variant "\"}"
#define INDEX                                                                                                                \
    "{\"manifests\":[" ENTRY(SIXTEEN("0"), PLATFORM("unknown", "unknown", "")) "," ENTRY(                                    \
        SIXTEEN("1"),                                                                                                        \
        PLATFORM(                                                                                                            \
            "linux", "arm64",                                                                                                \
            "v8")) "," ENTRY(SIXTEEN("2"),                                                                                   \
                             PLATFORM(                                                                                       \
                                 "linux", "arm",                                                                             \
                                 "v6")) "," ENTRY(SIXTEEN("3"),                                                              \
                                                  PLATFORM(                                                                  \
                                                      "linux", "arm",                                                        \
                                                      "v7")) "," ENTRY(SIXTEEN("4"),                                         \
                                                                       PLATFORM(                                             \
                                                                           "linux", "amd64",                                 \
                                                                           "v3")) "," ENTRY(SIXTEEN("5"),                    \
                                                                                            PLATFORM(                        \
                                                                                                "linux", "amd64",            \
                                                                                                "")) "," ENTRY(SIXTEEN("6"), \
                                                                                                               PLATFORM(     \
                                                                                                                   "w"       \
                                                                                                                   "i"       \
                                                                                                                   "n"       \
                                                                                                                   "d"       \
                                                                                                                   "o"       \
                                                                                                                   "w"       \
                                                                                                                   "s",      \
                                                                                                                   "a"       \
                                                                                                                   "m"       \
                                                                                                                   "d"       \
                                                                                                                   "6"       \
                                                                                                                   "4",      \
                                                                                                                   "")) "]}"

static void the_index_entry_of_the_platform_is_chosen(void **state)
{
    static const struct {
        const char *platform;
        char digit; /* '-': none */
    } wanted[] = {
        {"linux/amd64", '5'},   {"linux/amd64/v3", '4'}, {"linux/amd64/v4", '4'}, {"linux/amd64/v2", '5'},
        {"linux/arm64", '1'},   {"linux/arm64/v8", '1'}, {"linux/arm/v7", '3'},   {"linux/arm/v6", '2'},
        {"linux/arm", '3'},     {"linux/arm/v8", '3'},   {"linux/arm/v5", '-'},   {"linux/s390x", '-'},
        {"freebsd/amd64", '-'},
    };
    struct image_limits limits = limits_of_test();
    struct image_manifest index;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(image_manifest_parse(&arena, STR(INDEX), STR(""), &limits, &index, &f));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const struct image_descriptor *entry = NULL;
        struct image_platform platform;

        assert_true(image_platform_parse(str_of(wanted[i].platform), &platform, &f));
        assert_int_equal(image_manifest_choose(&index, &platform, &entry, &f), wanted[i].digit != '-');
        assert_int_equal(entry == NULL ? '-' : entry->digest.ptr[DIGEST_LEN - 1], wanted[i].digit);
    }
    assert_int_equal(image_problem_of(&f), IMAGE_NO_PLATFORM);
    arena_free(&arena);
}

static void an_entry_without_platform_is_the_last_resort(void **state)
{
    struct image_limits limits = limits_of_test();
    struct image_platform platform = {STR("linux"), STR("amd64"), {NULL, 0}};
    const struct image_descriptor *entry;
    struct image_manifest index;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(image_manifest_parse(&arena, STR("{\"manifests\":[" ENTRY(SIXTEEN("a"), "") "]}"), STR(""), &limits,
                                     &index, &f));
    assert_true(image_manifest_choose(&index, &platform, &entry, &f));
    assert_ptr_equal(entry, &index.children[0]);
    arena_free(&arena);
}

#define CONFIG_TEXT                                                                                                    \
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/a\",\"b\"],\"Cmd\":null,"             \
    "\"Env\":[\"PATH=/bin\",\"E=\"],\"User\":\"1000:50\",\"WorkingDir\":\"/w\",\"ExposedPorts\":{\"80/tcp\":{}},"      \
    "\"Volumes\":{\"/data\":{}},\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"SIGQUIT\",\"Healthcheck\":{\"Test\":"        \
    "[\"CMD\",\"true\"],\"Interval\":30000000000,\"Retries\":3}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A   \
    "\"]}}"

static void the_config_is_read(void **state)
{
    struct image_limits limits = limits_of_test();
    struct image_config config;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(image_config_parse(&arena, STR(CONFIG_TEXT), &limits, &config, &f));
    assert_true(str_is(config.platform.architecture, "amd64"));
    assert_int_equal(config.entrypoint.count, 2);
    assert_true(str_is(config.entrypoint.items[1], "b"));
    assert_null(config.cmd.items);
    assert_true(str_is(config.env.items[1], "E="));
    assert_true(str_is(config.user, "1000:50"));
    assert_true(str_is(config.working_dir, "/w"));
    assert_true(str_is(config.exposed_ports.items[0], "80/tcp"));
    assert_true(str_is(config.volumes.items[0], "/data"));
    assert_true(str_is(config.labels.items[0].name, "k"));
    assert_true(str_is(config.labels.items[0].value, "v"));
    assert_true(str_is(config.stop_signal, "SIGQUIT"));
    assert_true(config.has_healthcheck);
    assert_int_equal(config.healthcheck.interval_ns, 30000000000);
    assert_int_equal(config.healthcheck.retries, 3);
    assert_int_equal(config.diff_ids.count, 1);
    assert_true(image_config_parse(&arena, STR("{}"), &limits, &config, &f));
    assert_null(config.env.items);
    arena_free(&arena);
}

static void configs_of_wrong_form_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"config\":[]}",
        "{\"config\":{\"Env\":\"A=1\"}}",
        "{\"config\":{\"Env\":[1]}}",
        "{\"config\":{\"Labels\":{\"a\":1}}}",
        "{\"config\":{\"User\":0}}",
        "{\"config\":{\"User\":\"a\\u0000b\"}}",
        "{\"config\":{\"Healthcheck\":{\"Retries\":-1}}}",
        "{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}",
        "{\"rootfs\":[]}",
        "null",
        "{}{}",
    };
    struct image_limits limits = limits_of_test();
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct image_config config;
        struct fail f = {0};

        if (image_config_parse(&arena, str_of(wrong[i]), &limits, &config, &f))
            fail_msg("accepted: %s", wrong[i]);
        assert_int_equal(image_problem_of(&f), IMAGE_MALFORMED);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_are_taken_or_refused_as_the_table_says),
        cmocka_unit_test(the_image_s_parts_are_read),
        cmocka_unit_test(the_index_entry_of_the_platform_is_chosen),
        cmocka_unit_test(an_entry_without_platform_is_the_last_resort),
        cmocka_unit_test(the_config_is_read),
        cmocka_unit_test(configs_of_wrong_form_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
