#include "node/image/test_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct test_registry registry_of_all;

int test_store_begin(void **state)
{
    (void)state;
    test_registry_start(&registry_of_all);
    return 0;
}

int test_store_end(void **state)
{
    (void)state;
    test_registry_stop(&registry_of_all);
    return 0;
}

static bool resolve_test(void *context, struct str registry, struct str on_behalf, struct image_registry *ret_registry)
{
    const struct test_store *t = context;

    (void)on_behalf;
    if (!str_is(registry, "test.local"))
        return false;
    *ret_registry = (struct image_registry){.host = str_of(t->registry.host)};
    return true;
}

void test_store_open(struct test_store *t)
{
    if (!image_store_open(t->path, &t->options, &t->store, &t->f))
        fail_msg("%s", t->f.message);
}

int test_store_set_up(void **state)
{
    struct test_store *t = calloc(1, sizeof(*t));

    t->registry = registry_of_all;
    t->fd = temporary_directory(t->path);
    t->options = (struct image_store_options){
        .limits = {.backoff_first_ms = 1, .backoff_max_ms = 4}, .resolve = resolve_test, .context = t};
    test_store_open(t);
    *state = t;
    return 0;
}

int test_store_tear_down(void **state)
{
    struct test_store *t = *state;

    if (t->store != NULL)
        image_store_close(t->store);
    test_registry_clear(&t->registry);
    (void)close(t->fd);
    temporary_directory_remove(t->path);
    free(t);
    return 0;
}

struct image *test_pull_as(struct test_store *t, const char *reference, const char *user, const char *password)
{
    struct image_pull_request request = {
        .reference = str_of(reference), .user = str_of(user), .password = str_of(password)};
    struct image *image = NULL;

    t->f = (struct fail){0};
    if (!image_pull(t->store, &request, &image, &t->f))
        assert_null(image);
    return image;
}

struct image *test_pull(struct test_store *t, const char *reference)
{
    struct image *image = test_pull_as(t, reference, NULL, NULL);

    if (image == NULL)
        print_message("pull %s: %s\n", reference, t->f.message);
    return image;
}

size_t test_count_names(const struct test_store *t, const char *directory)
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

void test_assert_kept(const struct test_store *t, size_t layers, size_t images)
{
    assert_int_equal(test_count_names(t, "tmp"), 0);
    assert_int_equal(test_count_names(t, "layers"), layers + 1);
    assert_int_equal(test_count_names(t, "images"), images);
}

bool test_has_file(const struct test_store *t, struct str layer, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%.*s/%s", image_store_layers(t->store), STR_ARG(layer), name);
    return access(path, F_OK) == 0;
}

const struct tar_row rows_a[] = {{.name = "a", .type = S_IFREG, .content = "in layer a"}};
const struct tar_row rows_b[] = {{.name = "b", .type = S_IFREG, .content = "in layer b"}};
const struct tar_row rows_c[] = {{.name = "c", .type = S_IFREG, .content = "in layer c"}};

void test_add_large(struct test_store *t, const char *repository, struct test_layer *layer, char digest[DIGEST_SIZE])
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

void test_fault(const struct test_store *t, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "fault/%s", name);
    test_registry_write(&t->registry, path, str_of(text));
}
