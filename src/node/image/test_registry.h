/* For tests: a registry of our own (test_registry.py) with images made from tables of entries. */
#pragma once

#include "node/image/digest.h"
#include "node/image/test_tar.h"

struct test_registry {
    char path[64];
    int fd;
    pid_t pid;
    int input;     /* the child ends when this is closed */
    char host[32]; /* "127.0.0.1:PORT" */
};

void test_registry_start(struct test_registry *registry);
void test_registry_stop(struct test_registry *registry);
/* Forgets all images, faults and requests. */
void test_registry_clear(const struct test_registry *registry);
/* Writes a file below its directory, making the directories on the way. */
void test_registry_write(const struct test_registry *registry, const char *name, struct str bytes);
void test_registry_add_blob(const struct test_registry *registry, const char *repository, struct str bytes,
                            char ret_digest[DIGEST_SIZE]);
/* How many requests the log has with this in their line. */
size_t test_registry_count(const struct test_registry *registry, const char *part);

enum test_compression { TEST_PLAIN, TEST_GZIP, TEST_ZSTD };

struct test_layer {
    const struct tar_row *rows;
    size_t row_count;
    enum test_compression compression;
    struct str raw;           /* instead of rows: the blob as it is */
    char digest[DIGEST_SIZE]; /* filled in */
    char diff_id[DIGEST_SIZE];
    size_t size;
};

/* Fills the layer's digests and writes its blob. */
void test_registry_add_layer(const struct test_registry *registry, const char *repository, struct test_layer *layer);
/* Writes the layers, a config (its "config" member is `run`, "" for none; architecture NULL: this machine's) and a
 * manifest under the tag and its digest. */
void test_registry_add_image(const struct test_registry *registry, const char *repository, const char *tag,
                             struct test_layer *layers, size_t layer_count, const char *run, const char *architecture,
                             char ret_digest[DIGEST_SIZE]);
/* Writes a manifest or index under the tag and its digest. */
void test_registry_add_manifest(const struct test_registry *registry, const char *repository, const char *tag,
                                struct str bytes, char ret_digest[DIGEST_SIZE]);
