/* Images in a store: pulled, found again, removed, mounted. */
#include "base/must.h"
#include "node/image/layer_path.h"
#include "node/image/test_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

static void an_image_is_pulled_and_found_again_without_the_network(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B, LAYER_C};
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "team/app", "v1", layers, 3,
                            "{\"Entrypoint\":[\"/bin/app\"],\"Env\":[\"A=1\"],\"User\":\"7:8\"}", NULL, digest);
    image = test_pull(t, "test.local/team/app:v1");
    assert_non_null(image);
    assert_true(str_is(image->reference, "test.local/team/app:v1"));
    assert_true(str_is(image->digest, digest));
    assert_true(str_is(image->repo_digest, digest));
    assert_true(str_is(image->config.entrypoint.items[0], "/bin/app"));
    assert_true(str_is(image->config.env.items[0], "A=1"));
    assert_true(str_is(image->config.user, "7:8"));
    assert_int_equal(image->layer_count, 3);
    assert_true(test_has_file(t, image->layers[0], "a"));
    assert_true(test_has_file(t, image->layers[1], "b"));
    assert_true(test_has_file(t, image->layers[2], "c"));
    assert_int_equal(image->unpacked_bytes, 30);
    assert_true(image->size_bytes > layers[0].size + layers[1].size + layers[2].size);
    assert_true(image->pulled_at_ms > 1600000000000);
    test_assert_kept(t, 3, 1);
    image_release(image);

    image_store_close(t->store);
    test_store_open(t);
    test_registry_write(&t->registry, "auth", STR("basic nobody knows"));
    test_assert_kept(t, 3, 1);
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
    struct test_store *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    char digest[DIGEST_SIZE];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, digest);
    image_release(test_pull(t, "test.local/one"));
    image_release(test_pull(t, "test.local/one"));
    image_release(test_pull(t, "test.local/two"));
    assert_int_equal(test_registry_count(&t->registry, one[0].digest), 1);
    assert_int_equal(test_registry_count(&t->registry, two[1].digest), 1);
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/one/blobs/"), 3); /* two layers and a config */
    assert_int_equal(test_registry_count(&t->registry, "GET /v2/one/manifests/latest"), 2);
    test_assert_kept(t, 3, 2);
}

static void a_moved_tag_is_followed(void **state)
{
    struct test_store *t = *state;
    struct test_layer old_layers[] = {LAYER_A};
    struct test_layer new_layers[] = {LAYER_B};
    char old_digest[DIGEST_SIZE], new_digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "app", "latest", old_layers, 1, "", NULL, old_digest);
    image_release(test_pull(t, "test.local/app"));
    test_registry_add_image(&t->registry, "app", "latest", new_layers, 1, "", NULL, new_digest);
    assert_true(image_get(t->store, STR("test.local/app"), (struct str){NULL, 0}, &image, &t->f));
    assert_true(str_is(image->digest, old_digest));
    image_release(image);
    image_release(test_pull(t, "test.local/app"));
    assert_true(image_get(t->store, STR("test.local/app"), (struct str){NULL, 0}, &image, &t->f));
    assert_true(str_is(image->digest, new_digest));
    image_release(image);
}

static void the_platform_chooses_from_an_index(void **state)
{
    struct test_store *t = *state;
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
    assert_true(test_has_file(t, image->layers[0], "a"));
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
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "scratch", "latest", NULL, 0, "", NULL, digest);
    image = test_pull(t, "test.local/scratch");
    assert_int_equal(image->layer_count, 1);
    assert_true(str_is(image->layers[0], "empty"));
    image_release(image);
}

static void equal_layers_are_stacked_once_and_opaque_roots_hide(void **state)
{
    static const struct tar_row opaque_rows[] = {{.name = ".wh..wh..opq", .type = S_IFREG}};
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B, LAYER_A};
    struct test_layer hiding[] = {LAYER_A, {.rows = opaque_rows, .row_count = 1}, LAYER_C};
    char digest[DIGEST_SIZE];
    struct image *image;

    test_registry_add_image(&t->registry, "twice", "latest", layers, 3, "", NULL, digest);
    image = test_pull(t, "test.local/twice");
    assert_int_equal(image->layer_count, 2);
    assert_true(test_has_file(t, image->layers[0], "b"));
    assert_true(test_has_file(t, image->layers[1], "a"));
    image_release(image);
    test_registry_add_image(&t->registry, "hiding", "latest", hiding, 3, "", NULL, digest);
    image = test_pull(t, "test.local/hiding");
    assert_int_equal(image->layer_count, 2);
    assert_true(test_has_file(t, image->layers[1], "c"));
    image_release(image);
}

/* The inode of the only file in references/. */
static ino_t reference_file(const struct test_store *t)
{
    int fd = openat(t->fd, "references", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    ino_t found = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            found = entry->d_ino;
    (void)closedir(dir);
    return found;
}

static void a_pull_that_changes_nothing_writes_nothing(void **state)
{
    struct test_store *t = *state;
    struct test_layer first = LAYER_A;
    struct test_layer second = LAYER_B;
    char digest[DIGEST_SIZE];
    ino_t file;

    test_registry_add_image(&t->registry, "app", "latest", &first, 1, "", NULL, digest);
    image_release(test_pull(t, "test.local/app"));
    file = reference_file(t);
    image_release(test_pull(t, "test.local/app"));
    assert_int_equal(reference_file(t), file);
    test_registry_add_image(&t->registry, "app", "latest", &second, 1, "", NULL, digest);
    image_release(test_pull(t, "test.local/app"));
    assert_int_not_equal(reference_file(t), file);
}

/* --- keeping and removing --- */

static void gc_removes_what_nobody_needs(void **state)
{
    struct test_store *t = *state;
    struct test_layer one[] = {LAYER_A, LAYER_B};
    struct test_layer two[] = {LAYER_A, LAYER_C};
    char one_digest[DIGEST_SIZE], two_digest[DIGEST_SIZE];
    struct image *held;
    struct image *image;
    struct image_gc_result result;
    struct str keep[1];

    test_registry_add_image(&t->registry, "one", "latest", one, 2, "", NULL, one_digest);
    test_registry_add_image(&t->registry, "two", "latest", two, 2, "", NULL, two_digest);
    image_release(test_pull(t, "test.local/one"));
    held = test_pull(t, "test.local/two");
    assert_true(image_gc(t->store, NULL, 0, 3600000, &result, &t->f)); /* everything was used just now */
    assert_int_equal(result.images + result.layers, 0);
    keep[0] = str_of(one_digest);
    assert_true(image_gc(t->store, keep, 1, -1, &result, &t->f));
    assert_int_equal(result.images + result.layers, 0);
    assert_true(image_gc(t->store, NULL, 0, -1, &result, &t->f));
    assert_int_equal(result.images, 1);
    assert_int_equal(result.layers, 1); /* b; a is shared */
    assert_int_equal(result.bytes, 10);
    test_assert_kept(t, 2, 1);
    assert_true(test_has_file(t, held->layers[0], "a"));
    assert_false(image_get(t->store, STR("test.local/one"), (struct str){NULL, 0}, &image, &t->f));
    image_release(held);
    assert_true(image_gc(t->store, NULL, 0, -1, &result, &t->f));
    test_assert_kept(t, 0, 0);
    assert_int_equal(test_count_names(t, "references"), 0);
    image_release(test_pull(t, "test.local/one")); /* and it can be had again */
    test_assert_kept(t, 2, 1);
}

static void leftovers_of_a_crash_are_removed(void **state)
{
    struct test_store *t = *state;
    struct test_layer layers[] = {LAYER_A, LAYER_B};
    char digest[DIGEST_SIZE], path[128];
    struct image *image;

    test_registry_add_image(&t->registry, "app", "latest", layers, 2, "", NULL, digest);
    image = test_pull(t, "test.local/app");
    (void)snprintf(path, sizeof(path), "layers/%.*s", STR_ARG(image->layers[0]));
    image_release(image);
    image_store_close(t->store);
    assert_int_equal(mkdirat(t->fd, "tmp/7", 0755), 0);
    assert_int_equal(mkdirat(t->fd, "tmp/7/deep", 0), 0);
    assert_int_equal(mkdirat(t->fd, "layers/0123456789abcdef0123456789", 0755), 0);
    assert_int_equal(mknodat(t->fd, "images/torn.json", S_IFREG | 0600, 0), 0);
    assert_int_equal(mknodat(t->fd, "references/torn.json", S_IFREG | 0600, 0), 0);
    test_store_open(t);
    test_assert_kept(t, 2, 1);
    assert_int_equal(test_count_names(t, "references"), 1);
    image_store_close(t->store);
    assert_int_equal(renameat(t->fd, path, t->fd, "tmp/lost"), 0);
    test_store_open(t);
    test_assert_kept(t, 0, 0); /* without one of its layers the image and its other layer are nothing */
    assert_int_equal(test_count_names(t, "references"), 0);
    image_release(test_pull(t, "test.local/app"));
    test_assert_kept(t, 2, 1);
}

static void a_store_is_open_once(void **state)
{
    struct test_store *t = *state;
    struct image_store *second;

    assert_false(image_store_open(t->path, &t->options, &second, &t->f));
    assert_int_equal(t->f.code, FAIL_CONFLICT);
}

/* --- mounting --- */

/* In a child with a mount namespace of its own: what it mounts goes with it. */
static void in_own_mounts(struct test_store *t, int (*run)(struct test_store *t, void *context), void *context)
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

static int mount_and_look(struct test_store *t, void *context)
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
    struct test_store *t = *state;
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
    image = test_pull(t, "test.local/tall");
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

static int pull_to_a_small_disk(struct test_store *t, void *context)
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
    struct test_store *t = *state;
    char digest[DIGEST_SIZE];
    struct test_layer layer;

    test_add_large(t, "large", &layer, digest);
    image_store_close(t->store); /* the child starts threads, so this process must have none when it forks */
    t->store = NULL;
    in_own_mounts(t, pull_to_a_small_disk, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_store_set_up, test_store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_image_is_pulled_and_found_again_without_the_network),
        TEST(layers_that_are_here_are_not_fetched_again),
        TEST(a_moved_tag_is_followed),
        TEST(the_platform_chooses_from_an_index),
        TEST(an_image_without_layers_has_an_empty_directory),
        TEST(equal_layers_are_stacked_once_and_opaque_roots_hide),
        TEST(a_pull_that_changes_nothing_writes_nothing),
        TEST(gc_removes_what_nobody_needs),
        TEST(leftovers_of_a_crash_are_removed),
        TEST(a_store_is_open_once),
        TEST(stacks_of_127_layers_mount),
        cmocka_unit_test(mount_options_name_the_highest_layer_first),
        TEST(a_full_disk_is_named),
    };

    return cmocka_run_group_tests(tests, test_store_begin, test_store_end);
}
