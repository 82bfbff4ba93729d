/* Pulls from registries that break off, refuse, lie and attack; and several at once. */
#include "node/image/test_store.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- what goes wrong on the line --- */

static void a_cut_connection_is_resumed_where_it_broke(void **state)
{
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    test_add_large(t, "large", &layer, digest);
    test_fault(t, layer.digest, "cut 1000\ncut 50000\nstatus 503\ncut 0\n");
    image_release(test_pull(t, "test.local/large"));
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 5);
    assert_int_equal(test_registry_count(&t->registry, "bytes=1000-"), 1);
    assert_int_equal(test_registry_count(&t->registry, "bytes=51000-"), 3);
    test_assert_kept(t, 1, 1);
}

static void a_registry_without_ranges_is_read_from_the_start(void **state)
{
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    test_add_large(t, "large", &layer, digest);
    test_fault(t, layer.digest, "cut 70000\nnorange\n");
    image_release(test_pull(t, "test.local/large"));
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 2);
}

static void attempts_are_limited(void **state)
{
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    test_add_large(t, "large", &layer, digest);
    test_fault(t, layer.digest, "*cut 10");
    assert_null(test_pull_as(t, "test.local/large", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
    assert_int_equal(test_registry_count(&t->registry, layer.digest), 6);
    test_assert_kept(t, 0, 0);
    test_fault(t, "latest", "*status 503");
    assert_null(test_pull_as(t, "test.local/large", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_REGISTRY);
    assert_int_equal(test_registry_count(&t->registry, "latest 503"), 3);
    assert_non_null(strstr(t->f.message, "pull image manifest has been retried 3 time(s): failed to resolve ref "
                                         "test.local/large:latest: unexpected status from GET request to http://"));
    assert_non_null(strstr(t->f.message, "503 Service Unavailable"));
}

static void a_manifest_is_asked_for_again(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    test_fault(t, "latest", "status 500\ncut 5\n");
    image_release(test_pull(t, "test.local/app"));
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/app/manifests/latest"), 3);
}

static void what_is_not_there_is_said_in_ecs_words(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    assert_null(test_pull_as(t, "test.local/app:nope", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_int_equal(t->f.code, FAIL_NOT_FOUND);
    assert_string_equal(t->f.message, "pull image manifest has been retried 1 time(s): failed to resolve ref "
                                      "test.local/app:nope: test.local/app:nope: not found: manifest unknown: unknown");
    assert_null(test_pull_as(t, "test.local/none", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    assert_non_null(strstr(t->f.message, "name unknown: The repository with name 'none' does not exist"));
    test_fault(t, layers[0].digest, "*status 404");
    assert_null(test_pull_as(t, "test.local/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_NOT_FOUND);
    test_assert_kept(t, 0, 0);
    assert_null(test_pull_as(t, "Not A Reference", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
    assert_null(test_pull_as(t, "127.0.0.1:1/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
    assert_non_null(strstr(t->f.message, "has been retried 3 time(s)"));
}

static void silence_and_trickles_end(void **state)
{
    static const char *const faults[] = {"*wait never", "*trickle"};
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.idle_timeout_ms = 200;
    t->options.limits.layer_attempts_max = 2;
    test_store_open(t);
    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        test_fault(t, layers[0].digest, faults[i]);
        assert_null(test_pull_as(t, "test.local/app", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
        assert_non_null(strstr(t->f.message, i == 0 ? "i/o timeout" : "too slow"));
        test_assert_kept(t, 0, 0);
    }
}

static void redirects_are_followed_without_authorization(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_write(&t->registry, "auth", STR("basic user secret-word"));
    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    test_fault(t, layers[0].digest, "redirect\n");
    image_release(test_pull_as(t, "test.local/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "/elsewhere/"), 1);
}

/* --- who may --- */

static void the_registry_s_challenge_is_answered(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "team/app", "latest", layers, 2, "", NULL, digest);
    test_registry_write(&t->registry, "auth", STR("bearer user secret-word"));
    assert_null(test_pull_as(t, "test.local/team/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_null(test_pull_as(t, "test.local/team/app", "user", "wrong-word"));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_int_equal(t->f.code, FAIL_DENIED);
    assert_null(strstr(t->f.message, "wrong-word"));
    image_release(test_pull_as(t, "test.local/team/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "scope=repository%3Ateam%2Fapp%3Apull 200"), 1);
    image_release(test_pull_as(t, "test.local/team/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "scope=repository%3Ateam%2Fapp%3Apull 200"), 1);
    assert_null(test_pull_as(t, "test.local/team/app", "user", "wrong-word"));
    test_registry_write(&t->registry, "auth", STR("bearer - -"));
    image_release(test_pull(t, "test.local/team/app"));
    test_registry_write(&t->registry, "auth", STR("basic user secret-word"));
    assert_null(test_pull_as(t, "test.local/team/app", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    assert_null(test_pull_as(t, "test.local/team/app", "user", "wrong-word"));
    assert_non_null(strstr(t->f.message, "failed with status code [manifests latest]: 401 Unauthorized"));
    image_release(test_pull_as(t, "test.local/team/app", "user", "secret-word"));
}

static void a_registry_s_wish_for_basic_is_remembered(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    test_registry_write(&t->registry, "auth", STR("basic user secret-word"));
    image_release(test_pull_as(t, "test.local/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/app/manifests/latest"), 2);
    image_release(test_pull_as(t, "test.local/app", "user", "secret-word"));
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/app/manifests/latest"), 3);
    assert_null(test_pull_as(t, "test.local/app", NULL, NULL)); /* these were not ours to give to others */
    assert_int_equal(image_problem_of(&t->f), IMAGE_DENIED);
    test_registry_write(&t->registry, "auth", STR("bearer user secret-word"));
    image_release(test_pull_as(t, "test.local/app", "user", "secret-word"));
}

/* --- what lies --- */

static void bytes_that_are_not_as_promised_are_refused(void **state)
{
    static const char *const lies[] = {"*garble", "*longer"};
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        test_fault(t, layers[0].digest, lies[i]);
        assert_null(test_pull_as(t, "test.local/app", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_MISMATCH);
        assert_non_null(strstr(t->f.message, "failed commit on ref \"sha256:"));
        test_assert_kept(t, 0, 0);
    }
    assert_int_equal(test_registry_count(&t->registry, layers[0].digest), 2);
}

static void a_manifest_that_is_not_its_digest_is_refused(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_C};
    char digest[DIGEST_SIZE], name[256], reference[256];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    (void)snprintf(name, sizeof(name), "app/manifests/%s", digest);
    test_registry_write(&t->registry, name, STR("{\"manifests\":[]}"));
    (void)snprintf(reference, sizeof(reference), "test.local/app@%s", digest);
    assert_null(test_pull_as(t, reference, NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_MISMATCH);
}

/* Publishes a manifest over the layer with a config of our own making. */
static void add_lie(const struct test_store *t, const struct test_layer *layer, struct str config)
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
    struct test_store *t = *state;
    struct test_layer layer = LAYER_C;

    test_registry_add_layer(&t->registry, "lie", &layer);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        add_lie(t, &layer, str_of(lies[i].config));
        assert_null(test_pull_as(t, "test.local/lie", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), lies[i].problem);
        test_assert_kept(t, 0, 0);
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
    struct test_store *t = *state;

    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        char digest[DIGEST_SIZE];

        test_registry_add_image(&t->registry, "bad", "latest", &hostile[i], 1, "", NULL, digest);
        assert_null(test_pull_as(t, "test.local/bad", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
        assert_non_null(strstr(t->f.message, "failed to extract layer sha256:"));
        test_assert_kept(t, 0, 0);
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
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.ratio_free_bytes = 1 << 16;
    t->options.limits.layer_entries_max = 2;
    test_store_open(t);
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        test_registry_add_image(&t->registry, "bomb", "latest", &bombs[i].layer, 1, "", NULL, digest);
        assert_null(test_pull_as(t, "test.local/bomb", NULL, NULL));
        assert_int_equal(image_problem_of(&t->f), IMAGE_OVER_LIMIT);
        assert_non_null(strstr(t->f.message, bombs[i].message));
        test_assert_kept(t, 0, 0);
    }
}

static void a_layer_leaves_room_on_the_disk(void **state)
{
    static const struct tar_row file[] = {{.name = "file", .type = S_IFREG, .content = "something"}};
    struct test_layer layer = {.rows = file, .row_count = 1};
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];

    image_store_close(t->store);
    t->options.limits.disk_reserve_parts = 1; /* all of it */
    test_store_open(t);
    test_registry_add_image(&t->registry, "file", "latest", &layer, 1, "", NULL, digest);
    assert_null(test_pull_as(t, "test.local/file", NULL, NULL));
    assert_int_equal(image_problem_of(&t->f), IMAGE_DISK_FULL);
    assert_non_null(strstr(t->f.message, "no space left on device"));
    test_assert_kept(t, 0, 0);
}

/* --- many at once --- */

struct puller {
    pthread_t thread;
    struct test_store *t;
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

static void start(struct puller *puller, struct test_store *t, const char *reference)
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
static void wait_for_requests(const struct test_store *t, const char *part, size_t count)
{
    for (int i = 0; i < 1000 && test_registry_count(&t->registry, part) < count; i++)
        (void)usleep(10000);
    assert_true(test_registry_count(&t->registry, part) >= count);
}

static void pulls_of_one_image_at_once_are_one_pull(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    struct puller pullers[6] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 2, "", NULL, digest);
    test_fault(t, layers[0].digest, "wait go\n");
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
    test_assert_kept(t, 2, 1);
}

static void a_layer_of_two_images_is_fetched_once(void **state)
{
    struct test_store *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    struct puller pullers[2] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    test_fault(t, one[0].digest, "wait go\n");
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
    test_assert_kept(t, 3, 2);
}

static void a_failure_of_another_pull_is_not_ours(void **state)
{
    struct test_store *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    struct puller pullers[2] = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    test_fault(t, one[0].digest, "wait go\nstatus 403\n"); /* a wait takes its line; the next request is refused */
    test_fault(t, one[1].digest, "*garble");
    start(&pullers[0], t, "test.local/one");
    wait_for_requests(t, one[1].digest, 1);
    start(&pullers[1], t, "test.local/two");
    test_fault(t, one[0].digest, "");
    test_registry_write(&t->registry, "go", STR(""));
    join(&pullers[0]);
    join(&pullers[1]);
    assert_false(pullers[0].good);
    assert_true(pullers[1].good);
    image_release(pullers[1].image);
    assert_int_equal(test_count_names(t, "tmp"), 0);
}

static void a_pull_can_be_cancelled_alone(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    struct puller pullers[2] = {0};
    atomic_bool cancel = false;
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    test_fault(t, layers[0].digest, "wait go\n");
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
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A};
    struct puller puller = {0};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "app", "latest", layers, 1, "", NULL, digest);
    test_fault(t, layers[0].digest, "wait never\n");
    start(&puller, t, "test.local/app");
    wait_for_requests(t, "GET /v2/app/blobs/", 1);
    image_store_stop(t->store);
    join(&puller);
    assert_false(puller.good);
    assert_int_equal(image_problem_of(&puller.f), IMAGE_STOPPED);
    assert_null(test_pull_as(t, "test.local/app", NULL, NULL));
    image_store_close(t->store);
    t->store = NULL;
    test_assert_kept(t, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_store_set_up, test_store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_connection_is_resumed_where_it_broke),
        TEST(a_registry_without_ranges_is_read_from_the_start),
        TEST(attempts_are_limited),
        TEST(a_manifest_is_asked_for_again),
        TEST(what_is_not_there_is_said_in_ecs_words),
        TEST(silence_and_trickles_end),
        TEST(redirects_are_followed_without_authorization),
        TEST(the_registry_s_challenge_is_answered),
        TEST(a_registry_s_wish_for_basic_is_remembered),
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
    };

    return cmocka_run_group_tests(tests, test_store_begin, test_store_end);
}
