/* For tests: a store that pulls from a registry of our own. */
#pragma once

#include "node/image/image.h"
#include "node/image/test_registry.h"

/* A registry, and a store that pulls from it. The default registry name "test.local" means it. */
struct test_store {
    struct test_registry registry; /* one process for all tests, cleared for each */
    char path[64];
    int fd;
    struct image_store_options options;
    struct image_store *store;
    struct fail f;
};

/* For cmocka: of a group, and of each of its tests (*state is the struct test_store). */
int test_store_begin(void **state);
int test_store_end(void **state);
int test_store_set_up(void **state);
int test_store_tear_down(void **state);

/* Opens it, with t->options; the caller has closed it. */
void test_store_open(struct test_store *t);

/* The image, or NULL with t->f. */
struct image *test_pull_as(struct test_store *t, const char *reference, const char *user, const char *password);
/* The same anonymously; a failure is printed. */
struct image *test_pull(struct test_store *t, const char *reference);

/* Nothing but the empty layer, or what is said. */
void test_assert_kept(const struct test_store *t, size_t layers, size_t images);
/* Names in a directory of the store, but dots. */
size_t test_count_names(const struct test_store *t, const char *directory);
bool test_has_file(const struct test_store *t, struct str layer, const char *name);

/* Layers of one file, "a", "b" or "c". */
extern const struct tar_row rows_a[1], rows_b[1], rows_c[1];

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
void test_add_large(struct test_store *t, const char *repository, struct test_layer *layer, char digest[DIGEST_SIZE]);
/* What the registry does wrong with that name (test_registry.py). */
void test_fault(const struct test_store *t, const char *name, const char *text);
