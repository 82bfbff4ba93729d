#include "node/image/store.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { RECORD_BYTES_MAX = 32 << 20 };

static void file_of(struct str digest, char ret_name[FILE_NAME_SIZE])
{
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%.*s.json", STR_ARG(digest_hex(digest)));
}

void image_record_file(struct str digest, char ret_name[FILE_NAME_SIZE])
{
    file_of(digest, ret_name);
}

void reference_record_file(struct str key, char ret_name[FILE_NAME_SIZE])
{
    char digest[DIGEST_SIZE];

    digest_of(key, digest);
    file_of(str_of(digest), ret_name);
}

void image_record_free(struct image_record *record)
{
    arena_free(&record->arena);
    free(record);
}

void reference_record_free(struct reference_record *record)
{
    arena_free(&record->arena);
    free(record);
}

/* --- writing --- */

static bool write_text(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return fsync(fd) == 0;
}

/* The file appears whole or not at all, and is on the disk when this returns. */
static bool write_file(struct image_store *store, int dir_fd, const char *name, const json_t *json, struct fail *f)
{
    auto_free char *text = json_dumps(json, JSON_COMPACT);
    char tmp_name[32];
    auto_fd fd = -1;

    must(text != NULL);
    store_tmp_name(store, tmp_name);
    fd = openat(store->tmp_fd, tmp_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || !write_text(fd, text, strlen(text)) || renameat(store->tmp_fd, tmp_name, dir_fd, name) != 0) {
        int error = errno;

        (void)unlinkat(store->tmp_fd, tmp_name, 0);
        return image_fail_errno(f, error, "write the image's record");
    }
    if (fsync(dir_fd) != 0)
        return image_fail_errno(f, errno, "write the image's record");
    return true;
}

static json_t *json_text(struct str text)
{
    json_t *json = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);

    must(json != NULL); /* everything here was read from JSON or is ASCII */
    return json;
}

bool image_record_write(struct image_store *store, const struct image_record *record, struct fail *f)
{
    auto_json *json = json_object();
    json_t *layers = json_array();
    char name[FILE_NAME_SIZE];

    for (size_t i = 0; i < record->diff_ids.count; i++) {
        json_t *layer = json_object();

        must(json_object_set_new(layer, "diffId", json_text(record->diff_ids.items[i])) == 0);
        must(json_object_set_new(layer, "bytes", json_integer((json_int_t)record->layer_bytes[i])) == 0);
        must(json_array_append_new(layers, layer) == 0);
    }
    must(json_object_set_new(json, "digest", json_text(record->digest)) == 0);
    must(json_object_set_new(json, "configDigest", json_text(record->config_digest)) == 0);
    must(json_object_set_new(json, "config", json_text(record->config)) == 0);
    must(json_object_set_new(json, "layers", layers) == 0);
    must(json_object_set_new(json, "sizeBytes", json_integer((json_int_t)record->size_bytes)) == 0);
    must(json_object_set_new(json, "pulledAtMs", json_integer(record->pulled_at_ms)) == 0);
    image_record_file(record->digest, name);
    return write_file(store, store->images_fd, name, json, f);
}

bool reference_record_write(struct image_store *store, const struct reference_record *record, struct fail *f)
{
    auto_json *json = json_object();
    char name[FILE_NAME_SIZE];

    must(json_object_set_new(json, "key", json_text(record->key)) == 0);
    must(json_object_set_new(json, "reference", json_text(record->reference)) == 0);
    must(json_object_set_new(json, "digest", json_text(record->digest)) == 0);
    must(json_object_set_new(json, "repoDigest", json_text(record->repo_digest)) == 0);
    reference_record_file(record->key, name);
    return write_file(store, store->references_fd, name, json, f);
}

/* --- reading --- */

static bool read_file(int dir_fd, const char *name, struct buf *text, struct stat *ret_status)
{
    auto_fd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(fd, ret_status) != 0 || !S_ISREG(ret_status->st_mode))
        return false;
    for (;;) {
        char *at = buf_extend(text, 65536);
        ssize_t len = at == NULL ? -1 : read(fd, at, 65536);

        if (len < 0)
            return false;
        text->len -= 65536 - (size_t)len;
        if (len == 0)
            return true;
    }
}

static bool read_layers(const json_t *json, struct image_record *record, struct fail *f)
{
    struct str *diff_ids;
    uint64_t *bytes;
    json_t *layers;
    size_t count;

    if (!json_read_member(json, "layers", JSON_ARRAY, &layers, f))
        return false;
    count = json_array_size(layers);
    diff_ids = arena_array(&record->arena, struct str, count);
    bytes = arena_array(&record->arena, uint64_t, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *layer = json_array_get(layers, i);

        if (!json_read_text(layer, "diffId", &record->arena, &diff_ids[i], f) ||
            !json_read_count(layer, "bytes", &bytes[i], f))
            return false;
        if (!digest_valid(diff_ids[i]))
            return image_fail(f, IMAGE_MALFORMED, "a layer's diff id is malformed");
    }
    record->diff_ids = (struct strs){diff_ids, count};
    record->layer_bytes = bytes;
    return true;
}

static bool parse_image(struct str text, struct image_record *record, struct fail *f)
{
    auto_json *json = NULL;
    uint64_t pulled_at_ms;

    if (!json_read(text, "record", &json, f) || !json_read_text(json, "digest", &record->arena, &record->digest, f) ||
        !json_read_text(json, "configDigest", &record->arena, &record->config_digest, f) ||
        !json_read_text(json, "config", &record->arena, &record->config, f) || !read_layers(json, record, f) ||
        !json_read_count(json, "sizeBytes", &record->size_bytes, f) ||
        !json_read_count(json, "pulledAtMs", &pulled_at_ms, f))
        return false;
    record->pulled_at_ms = (int64_t)pulled_at_ms;
    return digest_valid(record->digest) || image_fail(f, IMAGE_MALFORMED, "the digest is malformed");
}

struct image_record *image_record_read(const struct image_store *store, const char *name)
{
    struct image_record *record = calloc(1, sizeof(*record));
    auto_buf text = {.limit = RECORD_BYTES_MAX};
    char own_name[FILE_NAME_SIZE];
    struct stat status;
    struct fail ignored;

    must(record != NULL);
    arena_init(&record->arena, RECORD_BYTES_MAX * (size_t)2);
    if (!read_file(store->images_fd, name, &text, &status) || !parse_image(buf_str(&text), record, &ignored)) {
        image_record_free(record);
        return NULL;
    }
    image_record_file(record->digest, own_name);
    if (strcmp(own_name, name) != 0) {
        image_record_free(record);
        return NULL;
    }
    record->last_used_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    return record;
}

static bool parse_reference(struct str text, struct reference_record *record, struct fail *f)
{
    auto_json *json = NULL;

    if (!json_read(text, "record", &json, f) || !json_read_text(json, "key", &record->arena, &record->key, f) ||
        !json_read_text(json, "reference", &record->arena, &record->reference, f) ||
        !json_read_text(json, "digest", &record->arena, &record->digest, f) ||
        !json_read_text(json, "repoDigest", &record->arena, &record->repo_digest, f))
        return false;
    return (record->key.len > 0 && digest_valid(record->digest) && digest_valid(record->repo_digest)) ||
           image_fail(f, IMAGE_MALFORMED, "the record is malformed");
}

struct reference_record *reference_record_read(const struct image_store *store, const char *name)
{
    struct reference_record *record = calloc(1, sizeof(*record));
    auto_buf text = {.limit = RECORD_BYTES_MAX};
    char own_name[FILE_NAME_SIZE];
    struct stat status;
    struct fail ignored;

    must(record != NULL);
    arena_init(&record->arena, RECORD_BYTES_MAX * (size_t)2);
    if (!read_file(store->references_fd, name, &text, &status) || !parse_reference(buf_str(&text), record, &ignored)) {
        reference_record_free(record);
        return NULL;
    }
    reference_record_file(record->key, own_name);
    if (strcmp(own_name, name) != 0) {
        reference_record_free(record);
        return NULL;
    }
    return record;
}
