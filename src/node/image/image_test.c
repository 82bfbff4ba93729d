#include "node/image/image.h"

#include "base/must.h"
#include "node/image/layer_path.h"
#include "node/image/test_registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

/* A registry, and a store that pulls from it. The default registry name "test.local" means it. */
struct fixture {
    struct test_registry registry; /* one process for all tests, cleared for each */
    char path[64];
    int fd;
    struct image_store_options options;
    struct image_store *store;
    struct fail f;
};

static struct test_registry registry_of_all;

static int start_registry(void **state)
{
    (void)state;
    test_registry_start(&registry_of_all);
    return 0;
}

static int stop_registry(void **state)
{
    (void)state;
    test_registry_stop(&registry_of_all);
    return 0;
}

static bool resolve_test(void *context, struct str registry, struct image_registry *ret_registry)
{
    const struct fixture *t = context;

    if (!str_is(registry, "test.local"))
        return false;
    *ret_registry = (struct image_registry){.host = str_of(t->registry.host)};
    return true;
}

static void open_store(struct fixture *t)
{
    if (!image_store_open(t->path, &t->options, &t->store, &t->f))
        fail_msg("%s", t->f.message);
}

static int set_up(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));

    t->registry = registry_of_all;
    t->fd = temporary_directory(t->path);
    t->options = (struct image_store_options){
        .limits = {.backoff_first_ms = 1, .backoff_max_ms = 4}, .resolve = resolve_test, .context = t};
    open_store(t);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *t = *state;

    if (t->store != NULL)
        image_store_close(t->store);
    test_registry_clear(&t->registry);
    (void)close(t->fd);
    temporary_directory_remove(t->path);
    free(t);
    return 0;
}

static struct image *pull_as(struct fixture *t, const char *reference, const char *user, const char *password)
{
    struct image_pull_request request = {
        .reference = str_of(reference), .user = str_of(user), .password = str_of(password)};
    struct image *image = NULL;

    t->f = (struct fail){0};
    if (!image_pull(t->store, &request, &image, &t->f))
        assert_null(image);
    return image;
}

static struct image *pull(struct fixture *t, const char *reference)
{
    struct image *image = pull_as(t, reference, NULL, NULL);

    if (image == NULL)
        print_message("pull %s: %s\n", reference, t->f.message);
    return image;
}

static size_t count_names(const struct fixture *t, const char *directory)
{
    int fd = openat(t->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

/* Nothing but the empty layer, or what is said. */
static void assert_kept(const struct fixture *t, size_t layers, size_t images)
{
    assert_int_equal(count_names(t, "tmp"), 0);
    assert_int_equal(count_names(t, "layers"), layers + 1);
    assert_int_equal(count_names(t, "images"), images);
}

static bool has_file(const struct fixture *t, struct str layer, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%.*s/%s", image_store_layers(t->store), STR_ARG(layer), name);
    return access(path, F_OK) == 0;
}

static const struct tar_row rows_a[] = {{.name = "a", .type = S_IFREG, .content = "in layer a"}};
static const struct tar_row rows_b[] = {{.name = "b", .type = S_IFREG, .content = "in layer b"}};
static const struct tar_row rows_c[] = {{.name = "c", .type = S_IFREG, .content = "in layer c"}};

#define LAYER_A                                                                                                        \
    {                                                                                                                  \
        .rows = rows_a, .row_count = 1, .compression = TEST_GZIP                                                       \
    }
#define LAYER_B                                                                                                        \
    {                                                                                                                  \
        .rows = rows_b, .row_count = 1, .compression = TEST_ZSTD                                                       \
    }
#define LAYER_C                                                                                                        \
    {                                                                                                                  \
        .rows = rows_c, .row_count = 1, .compression = TEST_PLAIN                                                      \
    }

/* An image of one layer that does not compress, large enough to be cut. */
static void add_large(struct fixture *t, const char *repository, struct test_layer *layer, char digest[DIGEST_SIZE])
{
    static char content[200001];
    static struct tar_row row = {.name = "large", .type = S_IFREG};
    uint64_t x = 88172645463325252U;

    for (size_t i = 0; i < sizeof(content) - 1; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        content[i] = (char)('!' + x % 90);
    }
    row.content = content;
    *layer = (struct test_layer){.rows = &row, .row_count = 1, .compression = TEST_GZIP};
    test_registry_add_image(&t->registry, repository, "latest", layer, 1, "", NULL, digest);
}

static void fault(const struct fixture *t, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "fault/%s", name);
    test_registry_write(&t->registry, path, str_of(text));
}

/* --- tests --- */

static void an_image_is_pulled_and_found_again_without_the_network(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B, LAYER_C};
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "team/app", "v1", layers, 3,
                            "{\"Entrypoint\":[\"/bin/app\"],\"Env\":[\"A=1\"],\"User\":\"7:8\"}", NULL, digest);
    image = pull(t, "test.local/team/app:v1");
    assert_non_null(image);
    assert_true(str_is(image->reference, "test.local/team/app:v1"));
    assert_true(str_is(image->digest, digest));
    assert_true(str_is(image->repo_digest, digest));
    assert_true(str_is(image->config.entrypoint.items[0], "/bin/app"));
    assert_true(str_is(image->config.env.items[0], "A=1"));
    assert_true(str_is(image->config.user, "7:8"));
    assert_int_equal(image->layer_count, 3);
    assert_true(has_file(t, image->layers[0], "a"));
    assert_true(has_file(t, image->layers[1], "b"));
    assert_true(has_file(t, image->layers[2], "c"));
    assert_int_equal(image->unpacked_bytes, 30);
    assert_true(image->size_bytes > layers[0].size + layers[1].size + layers[2].size);
    assert_true(image->pulled_at_ms > 1600000000000);
    assert_kept(t, 3, 1);
    image_release(image);

    image_store_close(t->store);
    open_store(t);
    test_registry_write(&t->registry, "auth", STR("basic nobody knows"));
    assert_kept(t, 3, 1);
    assert_true(image_get(t->store, STR("test.local/team/app:v1"), (struct str){NULL, 0}, &image, &t->f));
    assert_true(str_is(image->digest, digest));
    assert_true(str_is(image->config.user, "7:8"));
    assert_int_equal(image->layer_count, 3);
    assert_int_equal(image->unpacked_bytes, 30);
    image_release(image);
    assert_true(image_get_by_digest(t->store, str_of(digest), &image, &t->f));
    assert_true(str_is(image->reference, "test.local/team/app:v1"));
    image_release(image);
    assert_false(image_get(t->store, STR("test.local/team/app:v2"), (struct str){NULL, 0}, &image, &t->f));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_false(image_get(t->store, STR("test.local/team/app:v1"), STR("linux/s390x"), &image, &t->f));
}

static void layers_that_are_here_are_not_fetched_again(void **state)
{
    struct fixture *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    image_release(pull(t, "test.local/one"));
    image_release(pull(t, "test.local/one"));
    image_release(pull(t, "test.local/two"));
    assert_int_equal(test_registry_count(&t->registry, one[0].digest), 1);
    assert_int_equal(test_registry_count(&t->registry, two[1].digest), 1);
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/one/blobs/"), 3); /* two layers and a config */
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/one/manifests/latest"), 2);
    assert_kept(t, 3, 2);
}

static void a_moved_tag_is_followed(void **state)
{
    struct fixture *t = *state;
    struct test_layer old_layers[] = {LAYER_A};
    struct test_layer new_layers[] = {LAYER_B};
    char old_digest[DIGEST_SIZE], new_digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "app", "latest", old_layers, 1, "", NULL, old_digest);
    image_release(pull(t, "test.local/app"));
    test_registry_add_image(&t->registry, "app", "latest", new_layers, 1, "", NULL, new_digest);
    assert_true(image_get(t->store, STR("test.local/app"), (struct str){NULL, 0}, &image, &t->f));
    assert_true(str_is(image->digest, old_digest));
    image_release(image);
    image_release(pull(t, "test.local/app"));
    assert_true(image_get(t->store, STR("test.local/app"), (struct str){NULL, 0}, &image, &t->f));
    assert_true(str_is(image->digest, new_digest));
    image_release(image);
}

static void the_platform_chooses_from_an_index(void **state)
{
    struct fixture *t = *state;
    struct test_layer arm_layers[] = {LAYER_A};
    struct test_layer amd_layers[] = {LAYER_B};
    char arm[DIGEST_SIZE], amd[DIGEST_SIZE], index_digest[DIGEST_SIZE];
    struct image_pull_request request = {.reference = STR("test.local/multi:1"), .platform = STR("linux/arm64/v8")};
    auto_buf index = {0};
    struct image *image;

    test_registry_add_image(&t->registry, "multi", "x", arm_layers, 1, "", "arm64", arm);
    test_registry_add_image(&t->registry, "multi", "y", amd_layers, 1, "", "amd64", amd);
    buf_printf(
        &index,
        "{\"manifests\":[{\"digest\":\"%s\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":"
        "\"arm64\"}},{\"digest\":\"%s\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
        arm, amd);
    test_registry_add_manifest(&t->registry, "multi", "1", buf_str(&index), index_digest);
    assert_true(image_pull(t->store, &request, &image, &t->f));
    assert_true(str_is(image->digest, arm));
    assert_true(str_is(image->repo_digest, index_digest));
    assert_true(has_file(t, image->layers[0], "a"));
    image_release(image);
    request.platform = STR("linux/amd64");
    assert_true(image_pull(t->store, &request, &image, &t->f));
    assert_true(str_is(image->digest, amd));
    image_release(image);
    request.platform = STR("linux/s390x");
    assert_false(image_pull(t->store, &request, &image, &t->f));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NO_PLATFORM);
    assert_string_equal(t->f.message, "image Manifest does not contain descriptor matching platform 'linux/s390x'");
    request = (struct image_pull_request){.reference = STR("test.local/multi:x"), .platform = STR("linux/amd64")};
    assert_false(image_pull(t->store, &request, &image, &t->f)); /* a manifest for arm64 only */
    assert_int_equal(image_problem_of(&t->f), IMAGE_NO_PLATFORM);
}

static void an_image_without_layers_has_an_empty_directory(void **state)
{
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "scratch", "latest", NULL, 0, "", NULL, digest);
    image = pull(t, "test.local/scratch");
    assert_int_equal(image->layer_count, 1);
    assert_true(str_is(image->layers[0], "empty"));
    image_release(image);
}

static void equal_layers_are_stacked_once_and_opaque_roots_hide(void **state)
{
    static const struct tar_row opaque_rows[] = {{.name = ".wh..wh..opq", .type = S_IFREG}};
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B, LAYER_A};
    struct test_layer hiding[] = {LAYER_A, {.rows = opaque_rows, .row_count = 1}, LAYER_C};
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "twice", "latest", layers, 3, "", NULL, digest);
    image = pull(t, "test.local/twice");
    assert_int_equal(image->layer_count, 2);
    assert_true(has_file(t, image->layers[0], "b"));
    assert_true(has_file(t, image->layers[1], "a"));
    image_release(image);
    test_registry_add_image(&t->registry, "hiding", "latest", hiding, 3, "", NULL, digest);
    image = pull(t, "test.local/hiding");
    assert_int_equal(image->layer_count, 2);
    assert_true(has_file(t, image->layers[1], "c"));
    image_release(image);
}

/* --- what goes wrong on the line --- */

static void a_cut_connection_is_resumed_where_it_broke(void **state)
{
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    add_large(t, "large", &layer, digest);
    fault(t, layer.digest, "cut 1000\ncut 50000\nstatus 503\ncut 0\n");
    image_release(pull(t, "test.local/large"));
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 5);
    assert_int_equal(test_registry_count(&t->registry, "bytes=1000-"), 1);
    assert_int_equal(test_registry_count(&t->registry, "bytes=51000-"), 3);
    assert_kept(t, 1, 1);
}

static void a_registry_without_ranges_is_read_from_the_start(void **state)
{
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    add_large(t, "large", &layer, digest);
    fault(t, layer.digest, "cut 70000\nnorange\n");
    image_release(pull(t, "test.local/large"));
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 2);
}

static void attempts_are_limited(void **state)
{
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    add_large(t, "large", &layer, digest);
    fault(t, layer.digest, "*cut 10");
    assert_null(pull_as(t, "test.local/large", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 6);
    assert_kept(t, 0, 0);
    fault(t, "latest", "*status 503");
    assert_null(pull_as(t, "test.local/large", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_REGISTRY);
    assert_int_equal(test_registry_count(&t->registry, "latest 503"), 3);
    assert_non_null(strstr(t->f.message, "pull image manifest has been retried 3 time(s): failed to resolve ref "
                                         "test.local/large:latest: unexpected status from GET request to http://"));
    assert_non_null(strstr(t->f.message, "503 Service Unavailable"));
}

static void a_manifest_is_asked_for_again(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    fault(t, "latest", "status 500\ncut 5\n");
    image_release(pull(t, "test.local/app"));
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/app/manifests/latest"), 3);
}

static void what_is_not_there_is_said_in_ecs_words(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    assert_null(pull_as(t, "test.local/app:nope", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_int_equal(t->f.code, FAIL_NOT_FOUND);
    assert_string_equal(t->f.message, "pull image manifest has been retried 1 time(s): failed to resolve ref "
                                      "test.local/app:nope: test.local/app:nope: not found: manifest unknown: unknown");
    assert_null(pull_as(t, "test.local/none", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_non_null(strstr(t->f.message, "name unknown: The repository with name 'none' does not exist"));
    fault(t, layers[0].digest, "*status 404");
    assert_null(pull_as(t, "test.local/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_kept(t, 0, 0);
    assert_null(pull_as(t, "Not A Reference", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
    assert_null(pull_as(t, "127.0.0.1:1/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
    assert_non_null(strstr(t->f.message, "has been retried 3 time(s)"));
}

static void silence_and_trickles_end(void **state)
{
    static const char *const faults[] = {"*wait never", "*trickle"};
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.idle_timeout_ms = 200;
    t->options.limits.layer_attempts_max = 2;
    open_store(t);
    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        fault(t, layers[0].digest, faults[i]);
        assert_null(pull_as(t, "test.local/app", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
        assert_non_null(strstr(t->f.message, i == 0 ? "i/o timeout" : "too slow"));
        assert_kept(t, 0, 0);
    }
}

static void redirects_are_followed_without_authorization(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_write(&t->registry, "auth", STR("basic user secret-word"));
    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    fault(t, layers[0].digest, "redirect\n");
    image_release(pull_as(t, "test.local/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "/elsewhere/"), 1);
}

/* --- who may --- */

static void the_registry_s_challenge_is_answered(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "team/app", "latest", layers, 2, "", NULL, digest);
    test_registry_write(&t->registry, "auth", STR("bearer user secret-word"));
    assert_null(pull_as(t, "test.local/team/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_null(pull_as(t, "test.local/team/app", "user", "wrong-word"));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_int_equal(t->f.code, FAIL_DENIED);
    assert_null(strstr(t->f.message, "wrong-word"));
    image_release(pull_as(t, "test.local/team/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "scope=repository%3Ateam%2Fapp%3Apull 200"), 1);
    image_release(pull_as(t, "test.local/team/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "scope=repository%3Ateam%2Fapp%3Apull 200"), 1);
    assert_null(pull_as(t, "test.local/team/app", "user", "wrong-word"));
    test_registry_write(&t->registry, "auth", STR("bearer - -"));
    image_release(pull(t, "test.local/team/app"));
    test_registry_write(&t->registry, "auth", STR("basic user secret-word"));
    assert_null(pull_as(t, "test.local/team/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_null(pull_as(t, "test.local/team/app", "user", "wrong-word"));
    assert_non_null(strstr(t->f.message, "failed with status code [manifests latest]: 401 Unauthorized"));
    image_release(pull_as(t, "test.local/team/app", "user", "secret-word"));
}

/* --- what lies --- */

static void bytes_that_are_not_as_promised_are_refused(void **state)
{
    static const char *const lies[] = {"*garble", "*longer"};
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        fault(t, layers[0].digest, lies[i]);
        assert_null(pull_as(t, "test.local/app", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_MISMATCH);
        assert_non_null(strstr(t->f.message, "failed commit on ref \"sha256:"));
        assert_kept(t, 0, 0);
    }
    assert_int_equal(test_registry_count(&t->registry, layers[0].digest), 2);
}

static void a_manifest_that_is_not_its_digest_is_refused(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE], name[256], reference[256];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    (void)snprintf(name, sizeof(name), "app/manifests/%s", digest);
    test_registry_write(&t->registry, name, STR("{\"manifests\":[]}"));
    (void)snprintf(reference, sizeof(reference), "test.local/app@%s", digest);
    assert_null(pull_as(t, reference, NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_MISMATCH);
}

/* Publishes a manifest over the layer with a config of our own making. */
static void add_lie(const struct fixture *t, const struct test_layer *layer, struct str config)
{
    char config_digest[DIGEST_SIZE], digest[DIGEST_SIZE];
    auto_buf manifest = {0};

    test_registry_add_blob(&t->registry, "lie", config, config_digest);
    buf_printf(
        &manifest,
        "{\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
        "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
        config_digest, config.len, layer->digest, layer->size);
    test_registry_add_manifest(&t->registry, "lie", "latest", buf_str(&manifest), digest);
}

static void configs_that_lie_are_refused(void **state)
{
    static const struct {
        const char *config;
        enum image_problem problem;
    } lies[] = {
        {"{\"rootfs\":{\"diff_ids\":[]}}", IMAGE_MALFORMED},
        {"{}", IMAGE_MALFORMED},
        {"{\"rootfs\":{\"diff_ids\":[\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}",
         IMAGE_MISMATCH},
        {"{\"rootfs\":{\"diff_ids\":[\"../../../../etc/passwd\"]}}", IMAGE_MALFORMED},
        {"[]", IMAGE_MALFORMED},
    };
    struct fixture *t = *state;
    struct test_layer layer = LAYER_C;

    test_registry_add_layer(&t->registry, "lie", &layer);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        add_lie(t, &layer, str_of(lies[i].config));
        assert_null(pull_as(t, "test.local/lie", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), lies[i].problem);
        assert_kept(t, 0, 0);
    }
}

static void broken_and_hostile_layers_leave_nothing_behind(void **state)
{
    static const struct tar_row escape[] = {{.name = "ok", .type = S_IFREG}, {.name = "../x", .type = S_IFREG}};
    static const char gzip_of_nothing[] = "\x1f\x8b\x08\x00";
    struct test_layer hostile[] = {
        {.rows = escape, .row_count = 2, .compression = TEST_GZIP},
        {.raw = STR_INIT("no archive, no compression: just some bytes that somebody pushed as a layer")},
        {.raw = {gzip_of_nothing, 4}},
        {.raw = STR_INIT("\x28\xb5\x2f\xfd and nothing that zstd could read")},
    };
    struct fixture *t = *state;

    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        char digest[DIGEST_SIZE];

        test_registry_add_image(&t->registry, "bad", "latest", &hostile[i], 1, "", NULL, digest);
        assert_null(pull_as(t, "test.local/bad", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
        assert_non_null(strstr(t->f.message, "failed to extract layer sha256:"));
        assert_kept(t, 0, 0);
    }
}

static void bombs_are_stopped(void **state)
{
    static const char zeros[1 << 20];
    static const struct tar_row many[] = {
        {.name = "1", .type = S_IFREG}, {.name = "2", .type = S_IFREG}, {.name = "3", .type = S_IFREG}};
    struct {
        struct test_layer layer;
        const char *message;
    } bombs[] = {
        {{.raw = {zeros, sizeof(zeros)}, .compression = TEST_GZIP}, "more than 200 times its size"},
        {{.raw = {zeros, sizeof(zeros)}, .compression = TEST_ZSTD}, "more than 200 times its size"},
        {{.rows = many, .row_count = 3}, "more than 2 entries"},
    };
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.ratio_free_bytes = 1 << 16;
    t->options.limits.layer_entries_max = 2;
    open_store(t);
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        test_registry_add_image(&t->registry, "bomb", "latest", &bombs[i].layer, 1, "", NULL, digest);
        assert_null(pull_as(t, "test.local/bomb", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_OVER_LIMIT);
        assert_non_null(strstr(t->f.message, bombs[i].message));
        assert_kept(t, 0, 0);
    }
}

static void a_layer_leaves_room_on_the_disk(void **state)
{
    static const struct tar_row file[] = {{.name = "file", .type = S_IFREG, .content = "something"}};
    struct test_layer layer = {.rows = file, .row_count = 1};
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.disk_reserve_parts = 1; /* all of it */
    open_store(t);
    test_registry_add_image(&t->registry, "file", "latest", &layer, 1, "", NULL, digest);
    assert_null(pull_as(t, "test.local/file", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DISK_FULL);
    assert_non_null(strstr(t->f.message, "no space left on device"));
    assert_kept(t, 0, 0);
}

/* --- many at once --- */

struct puller {
    pthread_t thread;
    struct fixture *t;
    const char *reference;
    const atomic_bool *cancel;
    bool good;
    struct image *image;
    struct fail f;
};

static void *run_puller(void *context)
{
    struct puller *puller = context;
    struct image_pull_request request = {.reference = str_of(puller->reference), .cancel = puller->cancel};

    puller->good = image_pull(puller->t->store, &request, &puller->image, &puller->f);
    return NULL;
}

static void start(struct puller *puller, struct fixture *t, const char *reference)
{
    puller->t = t;
    puller->reference = reference;
    assert_int_equal(pthread_create(&puller->thread, NULL, run_puller, puller), 0);
}

static void join(struct puller *puller)
{
    assert_int_equal(pthread_join(puller->thread, NULL), 0);
}

/* Until the registry has seen so many requests with that in their line. */
static void wait_for_requests(const struct fixture *t, const char *part, size_t count)
{
    for (int i = 0; i < 1000 && test_registry_count(&t->registry, part) < count; i++)
        (void)usleep(10000);
    assert_true(test_registry_count(&t->registry, part) >= count);
}

static void pulls_of_one_image_at_once_are_one_pull(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    struct puller pullers[6] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 2, "", NULL, digest);
    fault(t, layers[0].digest, "wait go\n");
    for (size_t i = 0; i < COUNT_OF(pullers); i++)
        start(&pullers[i], t, "test.local/app");
    wait_for_requests(t, layers[1].digest, 1);
    (void)usleep(100000); /* time for the others to come too; they may not, which is right as well */
    test_registry_write(&t->registry, "go", STR(""));
    for (size_t i = 0; i < COUNT_OF(pullers); i++) {
        join(&pullers[i]);
        assert_true(pullers[i].good);
        assert_true(str_is(pullers[i].image->digest, digest));
        image_release(pullers[i].image);
    }
    assert_int_equal(test_registry_count(&t->registry, layers[0].digest), 1);
    assert_int_equal(test_registry_count(&t->registry, layers[1].digest), 1);
    assert_kept(t, 2, 1);
}

static void a_layer_of_two_images_is_fetched_once(void **state)
{
    struct fixture *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    struct puller pullers[2] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    fault(t, one[0].digest, "wait go\n");
    start(&pullers[0], t, "test.local/one");
    wait_for_requests(t, one[1].digest, 1);
    start(&pullers[1], t, "test.local/two");
    wait_for_requests(t, two[1].digest, 1);
    test_registry_write(&t->registry, "go", STR(""));
    for (size_t i = 0; i < COUNT_OF(pullers); i++) {
        join(&pullers[i]);
        assert_true(pullers[i].good);
        image_release(pullers[i].image);
    }
    assert_int_equal(test_registry_count(&t->registry, one[0].digest), 1);
    assert_kept(t, 3, 2);
}

static void a_failure_of_another_pull_is_not_ours(void **state)
{
    struct fixture *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    struct puller pullers[2] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    fault(t, one[0].digest, "wait go\nstatus 403\n"); /* a wait takes its line; the next request is refused */
    fault(t, one[1].digest, "*garble");
    start(&pullers[0], t, "test.local/one");
    wait_for_requests(t, one[1].digest, 1);
    start(&pullers[1], t, "test.local/two");
    fault(t, one[0].digest, "");
    test_registry_write(&t->registry, "go", STR(""));
    join(&pullers[0]);
    join(&pullers[1]);
    assert_false(pullers[0].good);
    assert_true(pullers[1].good);
    image_release(pullers[1].image);
    assert_int_equal(count_names(t, "tmp"), 0);
}

static void a_pull_can_be_cancelled_alone(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A};
    struct puller pullers[2] = {0};
    atomic_bool cancel = false;
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    fault(t, layers[0].digest, "wait go\n");
    pullers[0].cancel = &cancel;
    start(&pullers[0], t, "test.local/app");
    wait_for_requests(t, "GET /v2/app/manifests/latest", 1);
    start(&pullers[1], t, "test.local/app");
    atomic_store(&cancel, true);
    join(&pullers[0]);
    assert_false(pullers[0].good);
    assert_int_equal(image_problem_of(&pullers[0].f), IMAGE_STOPPED);
    test_registry_write(&t->registry, "go", STR(""));
    join(&pullers[1]);
    assert_true(pullers[1].good);
    image_release(pullers[1].image);
}

static void a_stopped_store_lets_pulls_go(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A};
    struct puller puller = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    fault(t, layers[0].digest, "wait never\n");
    start(&puller, t, "test.local/app");
    wait_for_requests(t, "GET /v2/app/blobs/", 1);
    image_store_stop(t->store);
    join(&puller);
    assert_false(puller.good);
    assert_int_equal(image_problem_of(&puller.f), IMAGE_STOPPED);
    assert_null(pull_as(t, "test.local/app", NULL, NULL));
    image_store_close(t->store);
    t->store = NULL;
    assert_kept(t, 0, 0);
}

/* --- keeping and removing --- */

static void gc_removes_what_nobody_needs(void **state)
{
    struct fixture *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    char one_digest[DIGEST_SIZE], two_digest[DIGEST_SIZE];
    struct image *held;
    struct image *image;
    struct image_gc_result result;
    struct str keep[1];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, one_digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, two_digest);
    image_release(pull(t, "test.local/one"));
    held = pull(t, "test.local/two");
    assert_true(image_gc(t->store, NULL, 0, 3600000, &result, &t->f)); /* everything was used just now */
    assert_int_equal(result.images + result.layers, 0);
    keep[0] = str_of(one_digest);
    assert_true(image_gc(t->store, keep, 1, -1, &result, &t->f));
    assert_int_equal(result.images + result.layers, 0);
    assert_true(image_gc(t->store, NULL, 0, -1, &result, &t->f));
    assert_int_equal(result.images, 1);
    assert_int_equal(result.layers, 1); /* b; a is shared */
    assert_int_equal(result.bytes, 10);
    assert_kept(t, 2, 1);
    assert_true(has_file(t, held->layers[0], "a"));
    assert_false(image_get(t->store, STR("test.local/one"), (struct str){NULL, 0}, &image, &t->f));
    image_release(held);
    assert_true(image_gc(t->store, NULL, 0, -1, &result, &t->f));
    assert_kept(t, 0, 0);
    assert_int_equal(count_names(t, "references"), 0);
    image_release(pull(t, "test.local/one")); /* and it can be had again */
    assert_kept(t, 2, 1);
}

static void leftovers_of_a_crash_are_removed(void **state)
{
    struct fixture *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    char digest[DIGEST_SIZE], path[128];
    struct image *image;

    test_registry_add_image(&t->registry, "app", "latest", layers, 2, "", NULL, digest);
    image = pull(t, "test.local/app");
    (void)snprintf(path, sizeof(path), "layers/%.*s", STR_ARG(image->layers[0]));
    image_release(image);
    image_store_close(t->store);
    assert_int_equal(mkdirat(t->fd, "tmp/7", 0755), 0);
    assert_int_equal(mkdirat(t->fd, "tmp/7/deep", 0), 0);
    assert_int_equal(mkdirat(t->fd, "layers/0123456789abcdef0123456789", 0755), 0);
    assert_int_equal(mknodat(t->fd, "images/torn.json", S_IFREG | 0600, 0), 0);
    assert_int_equal(mknodat(t->fd, "references/torn.json", S_IFREG | 0600, 0), 0);
    open_store(t);
    assert_kept(t, 2, 1);
    assert_int_equal(count_names(t, "references"), 1);
    image_store_close(t->store);
    assert_int_equal(renameat(t->fd, path, t->fd, "tmp/lost"), 0);
    open_store(t);
    assert_kept(t, 0, 0); /* without one of its layers the image and its other layer are nothing */
    assert_int_equal(count_names(t, "references"), 0);
    image_release(pull(t, "test.local/app"));
    assert_kept(t, 2, 1);
}

static void a_store_is_open_once(void **state)
{
    struct fixture *t = *state;
    struct image_store *second;

    assert_false(image_store_open(t->path, &t->options, &second, &t->f));
    assert_int_equal(t->f.code, FAIL_CONFLICT);
}

/* --- mounting --- */

/* In a child with a mount namespace of its own: what it mounts goes with it. */
static void in_own_mounts(struct fixture *t, int (*run)(struct fixture *t, void *context), void *context)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            _exit(99);
        _exit(run(t, context));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int mount_and_look(struct fixture *t, void *context)
{
    const struct image *image = context;
    char root[128], upper[128], work[128], options[4096];

    (void)snprintf(root, sizeof(root), "%s/mnt", t->path);
    (void)snprintf(upper, sizeof(upper), "%s/upper", t->path);
    (void)snprintf(work, sizeof(work), "%s/work", t->path);
    if (mkdir(root, 0755) != 0 || mkdir(upper, 0755) != 0 || mkdir(work, 0755) != 0)
        return 1;
    if (!image_mount_options(image, upper, work, options, sizeof(options), &t->f))
        return 2;
    if (chdir(image_store_layers(t->store)) != 0)
        return 3;
    if (mount("overlay", root, "overlay", 0, options) != 0)
        return 4;
    if (chdir(root) != 0)
        return 5;
    if (access("f0", F_OK) == 0 || access("f1", F_OK) != 0 || access("f126", F_OK) != 0)
        return 6;
    if (access("d/old", F_OK) == 0 || access("d/new", F_OK) != 0)
        return 7;
    return 0;
}

static void stacks_of_127_layers_mount(void **state)
{
    static struct tar_row rows[127][3];
    static char names[127][8];
    static struct test_layer layers[127];
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct image *image;

    for (size_t i = 0; i < 127; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
        rows[i][0] = (struct tar_row){.name = names[i], .type = S_IFREG};
        layers[i] = (struct test_layer){.rows = rows[i], .row_count = 1, .compression = TEST_GZIP};
    }
    rows[0][1] = (struct tar_row){.name = "d/old", .type = S_IFREG};
    layers[0].row_count = 2;
    rows[126][1] = (struct tar_row){.name = ".wh.f0", .type = S_IFREG};
    layers[126].row_count = 2;
    rows[60][1] = (struct tar_row){.name = "d/.wh..wh..opq", .type = S_IFREG};
    rows[60][2] = (struct tar_row){.name = "d/new", .type = S_IFREG};
    layers[60].row_count = 3;
    test_registry_add_image(&t->registry, "tall", "latest", layers, 127, "", NULL, digest);
    image = pull(t, "test.local/tall");
    assert_non_null(image);
    assert_int_equal(image->layer_count, 127);
    in_own_mounts(t, mount_and_look, image);
    image_release(image);
}

static void mount_options_name_the_highest_layer_first(void **state)
{
    static const struct str layers[] = {STR_INIT("low"), STR_INIT("high")};
    const struct image image = {.layers = layers, .layer_count = 2};
    char options[4096];
    struct fail f;

    (void)state;
    assert_true(image_mount_options(&image, "/u", "/w", options, sizeof(options), &f));
    assert_string_equal(options, "lowerdir=high:low,upperdir=/u,workdir=/w");
    assert_false(image_mount_options(&image, "/u", "/w", options, 40, &f));
    assert_int_equal(image_problem_of(&f), IMAGE_OVER_LIMIT);
    assert_true(image_mount_options(&image, "/u", "/w", options, 41, &f));
    assert_false(image_mount_options(&image, "/u,x", "/w", options, sizeof(options), &f));
    assert_false(image_mount_options(&image, "u", "/w", options, sizeof(options), &f));
}

static int pull_to_a_small_disk(struct fixture *t, void *context)
{
    char path[128];
    struct image_store *store;
    struct image *image;
    struct image_pull_request request = {.reference = STR("test.local/large")};

    (void)context;
    (void)snprintf(path, sizeof(path), "%s/small", t->path);
    if (mkdir(path, 0755) != 0 || mount("tmpfs", path, "tmpfs", 0, "size=128k") != 0)
        return 1;
    if (!image_store_open(path, &t->options, &store, &t->f))
        return 2;
    if (image_pull(store, &request, &image, &t->f))
        return 3;
    if (image_problem_of(&t->f) != IMAGE_DISK_FULL || strstr(t->f.message, "no space left on device") == NULL)
        return 4;
    image_store_close(store);
    return 0;
}

static void a_full_disk_is_named(void **state)
{
    struct fixture *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    add_large(t, "large", &layer, digest);
    image_store_close(t->store); /* the child starts threads, so this process must have none when it forks */
    t->store = NULL;
    in_own_mounts(t, pull_to_a_small_disk, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_image_is_pulled_and_found_again_without_the_network),
        TEST(layers_that_are_here_are_not_fetched_again),
        TEST(a_moved_tag_is_followed),
        TEST(the_platform_chooses_from_an_index),
        TEST(an_image_without_layers_has_an_empty_directory),
        TEST(equal_layers_are_stacked_once_and_opaque_roots_hide),
        TEST(a_cut_connection_is_resumed_where_it_broke),
        TEST(a_registry_without_ranges_is_read_from_the_start),
        TEST(attempts_are_limited),
        TEST(a_manifest_is_asked_for_again),
        TEST(what_is_not_there_is_said_in_ecs_words),
        TEST(silence_and_trickles_end),
        TEST(redirects_are_followed_without_authorization),
        TEST(the_registry_s_challenge_is_answered),
        TEST(bytes_that_are_not_as_promised_are_refused),
        TEST(a_manifest_that_is_not_its_digest_is_refused),
        TEST(configs_that_lie_are_refused),
        TEST(broken_and_hostile_layers_leave_nothing_behind),
        TEST(bombs_are_stopped),
        TEST(a_layer_leaves_room_on_the_disk),
        TEST(pulls_of_one_image_at_once_are_one_pull),
        TEST(a_layer_of_two_images_is_fetched_once),
        TEST(a_failure_of_another_pull_is_not_ours),
        TEST(a_pull_can_be_cancelled_alone),
        TEST(a_stopped_store_lets_pulls_go),
        TEST(gc_removes_what_nobody_needs),
        TEST(leftovers_of_a_crash_are_removed),
        TEST(a_store_is_open_once),
        TEST(stacks_of_127_layers_mount),
        cmocka_unit_test(mount_options_name_the_highest_layer_first),
        TEST(a_full_disk_is_named),
    };

    return cmocka_run_group_tests(tests, start_registry, stop_registry);
}
