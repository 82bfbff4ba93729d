#include "plane/ecr/manifest.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEX_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CONFIG "{'mediaType':'application/vnd.oci.image.config.v1+json','digest':'sha256:" HEX_A "','size':10}"
#define LAYER  "{'mediaType':'application/vnd.oci.image.layer.v1.tar+gzip','digest':'sha256:" HEX_B "','size':90}"
#define FOREIGN                                                                                                        \
    "{'mediaType':'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip','digest':'sha256:" HEX_B                 \
    "','size':5,'urls':['https://example.org/x']}"
#define CHILD                                                                                                          \
    "{'mediaType':'" MEDIA_TYPE_OCI_MANIFEST "','digest':'sha256:" HEX_A                                               \
    "','size':7,'platform':{'os':'linux','architecture':'arm64','variant':'v8'}}"
#define OCI   "'schemaVersion':2,'mediaType':'" MEDIA_TYPE_OCI_MANIFEST "'"
#define INDEX "'schemaVersion':2,'mediaType':'" MEDIA_TYPE_OCI_INDEX "'"

struct parsed {
    struct arena arena;
    struct manifest manifest;
    struct fail f;
    bool good;
};

/* JSON with ' for ". */
static struct parsed parse(const char *quoted, const char *said)
{
    struct parsed parsed = {0};
    struct buf text = {0};

    arena_init(&parsed.arena, 8 << 20);
    buf_add_cstr(&text, quoted);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\'')
            text.ptr[i] = '"';
    parsed.good = manifest_parse(buf_str(&text), str_of(said), &parsed.arena, &parsed.manifest, &parsed.f);
    buf_free(&text);
    return parsed;
}

static void an_image_tells_its_blobs(void **state)
{
    struct parsed p =
        parse("{" OCI ",'config':" CONFIG ",'layers':[" LAYER "," FOREIGN "],'annotations':{'a':'b'}}", NULL);

    (void)state;
    assert_true(p.good);
    assert_true(str_is(p.manifest.media_type, MEDIA_TYPE_OCI_MANIFEST));
    assert_false(p.manifest.is_index);
    assert_true(str_is(p.manifest.config.digest, "sha256:" HEX_A));
    assert_int_equal(p.manifest.layer_count, 2);
    assert_true(str_is(p.manifest.layers[0].digest, "sha256:" HEX_B));
    assert_false(p.manifest.layers[0].foreign);
    assert_true(p.manifest.layers[1].foreign);
    assert_int_equal(p.manifest.image_size, 105);
    assert_true(str_is(p.manifest.artifact_type, "application/vnd.oci.image.config.v1+json"));
    assert_false(p.manifest.has_subject);
    assert_int_equal(p.manifest.annotation_count, 1);
    assert_true(str_is(p.manifest.annotations[0].key, "a"));
    assert_true(str_is(p.manifest.annotations[0].value, "b"));
    arena_free(&p.arena);
}

static void an_index_tells_its_images(void **state)
{
    struct parsed p =
        parse("{" INDEX ",'manifests':[" CHILD "],'artifactType':'application/x','subject':" CHILD "}", NULL);

    (void)state;
    assert_true(p.good);
    assert_true(p.manifest.is_index);
    assert_int_equal(p.manifest.manifest_count, 1);
    assert_true(str_is(p.manifest.manifests[0].os, "linux"));
    assert_true(str_is(p.manifest.manifests[0].architecture, "arm64"));
    assert_true(str_is(p.manifest.manifests[0].variant, "v8"));
    assert_true(str_is(p.manifest.artifact_type, "application/x"));
    assert_true(p.manifest.has_subject);
    assert_true(str_is(p.manifest.subject.digest, "sha256:" HEX_A));
    assert_int_equal(p.manifest.image_size, 0);
    arena_free(&p.arena);
}

static void a_docker_manifest_has_no_subject(void **state)
{
    struct parsed p =
        parse("{'schemaVersion':2,'config':" CONFIG ",'layers':[],'subject':" CHILD "}", MEDIA_TYPE_DOCKER_MANIFEST);

    (void)state;
    assert_true(p.good);
    assert_true(str_is(p.manifest.media_type, MEDIA_TYPE_DOCKER_MANIFEST));
    assert_false(p.manifest.has_subject);
    assert_null(p.manifest.artifact_type.ptr);
    arena_free(&p.arena);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *text;
        const char *said;
        const char *constraint;
    } rows[] = {
        {"", NULL, "Invalid JSON syntax"},
        {"[]", NULL, "Invalid JSON syntax"},
        {"'x'", MEDIA_TYPE_OCI_MANIFEST, "Invalid JSON syntax"},
        {"{'schemaVersion':2", NULL, "Invalid JSON syntax"},
        {"{" OCI "," OCI "}", NULL, "Invalid JSON syntax"},
        {"{'schemaVersion':2,'config':" CONFIG ",'layers':[]}", NULL, "Invalid JSON syntax"},
        {"{'schemaVersion':2,'mediaType':7,'config':" CONFIG ",'layers':[]}", NULL, "Invalid JSON syntax"},
        {"{'schemaVersion':1,'fsLayers':[]}", NULL, "Only image manifests of schemaVersion 2 are supported"},
        {"{'schemaVersion':2,'mediaType':'text/plain'}", NULL, "Unsupported image manifest media type"},
        {"{" OCI "}", MEDIA_TYPE_DOCKER_MANIFEST, "The mediaType of the manifest is not the media type of the request"},
        {"{" OCI ",'config':" CONFIG "}", NULL, "The list of layers or manifests is missing"},
        {"{" OCI ",'layers':[]}", NULL, "A descriptor is not an object at config[0]"},
        {"{" OCI ",'config':" CONFIG ",'layers':[" LAYER ",7]}", NULL, "A descriptor is not an object at layers[1]"},
        {"{" OCI ",'config':" CONFIG ",'layers':[],'manifests':[]}", NULL, "An image manifest must not list manifests"},
        {"{" INDEX ",'layers':[],'manifests':[]}", NULL, "An image index must not have a config or layers"},
        {"{" OCI ",'config':{'mediaType':'a/b','digest':'sha256:../../etc/passwd','size':1},'layers':[]}", NULL,
         "A descriptor needs a sha256 digest at config[0]"},
        {"{" OCI ",'config':{'mediaType':'a/b','digest':'sha256:" HEX_A "','size':-1},'layers':[]}", NULL,
         "A descriptor needs a size at config[0]"},
        {"{" OCI ",'config':{'mediaType':'a/b','digest':'sha256:" HEX_A "','size':1.5},'layers':[]}", NULL,
         "A descriptor needs a size at config[0]"},
        {"{" OCI ",'config':{'mediaType':'ab','digest':'sha256:" HEX_A "','size':1},'layers':[]}", NULL,
         "A descriptor needs a valid mediaType at config[0]"},
        {"{" OCI ",'config':{'mediaType':'a/b','digest':'sha256:" HEX_A "','size':9223372036854775807},'layers':[" LAYER
         "]}",
         NULL, "The sizes of the layers do not add up"},
        {"{" OCI ",'config':" CONFIG ",'layers':[],'annotations':{'a':1}}", NULL, "An annotation is not a string"},
        {"{" OCI ",'config':" CONFIG ",'layers':[],'artifactType':'x'}", NULL, "The artifactType is not a media type"},
        {"{" OCI ",'config':" CONFIG ",'layers':[],'subject':{}}", NULL,
         "A descriptor needs a valid mediaType at subject[0]"},
        {"{" INDEX ",'manifests':[{'mediaType':'a/b','digest':'sha256:" HEX_A "','size':1,'platform':[]}]}", NULL,
         "A platform is not an object"},
        {"{" INDEX ",'manifests':[{'mediaType':'a/b','digest':'sha256:" HEX_A "','size':1,'platform':{'os':1}}]}", NULL,
         "A member that must be a string is not"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p = parse(rows[i].text, rows[i].said);
        char expected[300];

        (void)snprintf(expected, sizeof(expected),
                       "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '%s'", rows[i].constraint);
        assert_false(p.good);
        assert_int_equal(p.f.code, FAIL_API);
        assert_string_equal(p.f.type, "InvalidParameterException");
        assert_string_equal(p.f.message, expected);
        arena_free(&p.arena);
    }
}

static void the_largest_one_fits_its_arena_and_one_more_is_refused(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buf text = {0};
        struct parsed p;

        buf_add_cstr(&text, "{" OCI ",'config':" CONFIG ",'layers':[");
        for (size_t i = 0; i < MANIFEST_DESCRIPTORS_MAX + extra; i++)
            buf_add_cstr(&text, i == 0 ? LAYER : "," LAYER);
        buf_add(&text, (struct str){"]}", 3});
        p = parse(text.ptr, NULL);
        assert_int_equal(p.good, extra == 0);
        assert_true(p.arena.used <= text.len + (2 << 20));
        arena_free(&p.arena);
        buf_free(&text);
    }
}

static void tags_follow_their_grammar(void **state)
{
    static const struct {
        const char *tag;
        bool good;
    } rows[] = {
        {"latest", true}, {"v1.2.3-rc_1", true}, {"_x", true},   {"1", true},   {"", false},    {".x", false},
        {"-x", false},    {"a/b", false},        {"a:b", false}, {"..", false}, {"a b", false},
    };
    char longest[129];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(manifest_tag_is_valid(str_of(rows[i].tag)), rows[i].good);
    memset(longest, 'x', sizeof(longest));
    assert_true(manifest_tag_is_valid((struct str){longest, 128}));
    assert_false(manifest_tag_is_valid((struct str){longest, 129}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_tells_its_blobs),
        cmocka_unit_test(an_index_tells_its_images),
        cmocka_unit_test(a_docker_manifest_has_no_subject),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_largest_one_fits_its_arena_and_one_more_is_refused),
        cmocka_unit_test(tags_follow_their_grammar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
