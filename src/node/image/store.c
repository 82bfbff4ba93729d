#include "node/image/store.h"

#include "base/must.h"
#include "node/image/layer_path.h"
#include "node/image/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

enum { WAIT_MS = 500 };

/* Parsed configs are some ten times the document. */
#define HANDLE_BYTES_MAX ((size_t)256 << 20)

void store_lock(struct image_store *store)
{
    must(pthread_mutex_lock(&store->lock) == 0);
}

void store_unlock(struct image_store *store)
{
    must(pthread_mutex_unlock(&store->lock) == 0);
}

void store_wait(struct image_store *store)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&store->changed, &store->lock, &until);
}

int64_t store_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void store_tmp_name(struct image_store *store, char ret_name[32])
{
    (void)snprintf(ret_name, 32, "%lu", atomic_fetch_add(&store->tmp_count, 1));
}

void layer_name_of(struct str diff_id, char ret_name[LAYER_NAME_LEN + 1])
{
    memcpy(ret_name, digest_hex(diff_id).ptr, LAYER_NAME_LEN);
    ret_name[LAYER_NAME_LEN] = '\0';
}

struct str reference_key(struct arena *arena, struct str reference, const struct image_platform *platform)
{
    return arena_printf(arena, "%.*s %.*s", STR_ARG(reference), STR_ARG(image_platform_text(arena, platform)));
}

/* --- what is here --- */

struct layer *store_layer(const struct image_store *store, struct str diff_id)
{
    struct tree_node *node = tree_find(&store->layers, diff_id);

    return node == NULL ? NULL : tree_item(node, struct layer, node);
}

struct image_record *store_image(const struct image_store *store, struct str digest)
{
    struct tree_node *node = tree_find(&store->images, digest);

    return node == NULL ? NULL : tree_item(node, struct image_record, node);
}

struct reference_record *store_reference(const struct image_store *store, struct str key)
{
    struct tree_node *node = tree_find(&store->references, key);

    return node == NULL ? NULL : tree_item(node, struct reference_record, node);
}

/* Makes the layer of a directory in layers/; false when there is none. */
static bool remember_layer(struct image_store *store, struct str diff_id, uint64_t bytes)
{
    struct layer *layer = calloc(1, sizeof(*layer));
    char value[2] = "";
    auto_fd fd = -1;

    must(layer != NULL);
    must(str_to_buffer(diff_id, layer->diff_id, sizeof(layer->diff_id)));
    layer_name_of(diff_id, layer->name);
    layer->bytes = bytes;
    layer->last_used_ms = store_now_ms();
    fd = openat(store->layers_fd, layer->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        free(layer);
        return false;
    }
    layer->opaque = fgetxattr(fd, LAYER_OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y';
    must(tree_add(&store->layers, &layer->node, str_of(layer->diff_id)));
    return true;
}

bool store_add_layer(struct image_store *store, const char *tmp_name, struct str diff_id, uint64_t bytes,
                     struct fail *f)
{
    char name[LAYER_NAME_LEN + 1];

    must(store_layer(store, diff_id) == NULL);
    layer_name_of(diff_id, name);
    if (renameat2(store->tmp_fd, tmp_name, store->layers_fd, name, RENAME_NOREPLACE) != 0)
        return image_fail_errno(f, errno, "keep layer %.*s", STR_ARG(diff_id));
    return remember_layer(store, diff_id, bytes) || image_fail(f, IMAGE_SYSTEM, "a layer vanished");
}

void store_touch(struct image_store *store, struct image_record *record)
{
    char name[FILE_NAME_SIZE];

    record->last_used_ms = store_now_ms();
    image_record_file(record->digest, name);
    (void)utimensat(store->images_fd, name, NULL, 0); /* failing, the image looks older than it is after a restart */
}

/* --- handles --- */

static bool named_again_above(const struct image_record *record, size_t at)
{
    for (size_t i = at + 1; i < record->diff_ids.count; i++)
        if (str_eq(record->diff_ids.items[i], record->diff_ids.items[at]))
            return true;
    return false;
}

/* The stack as overlayfs takes it. It refuses one directory twice: the higher one of two equal layers does all that
 * the lower one does. And it does not ask the root directory of a layer whether it is opaque. */
static void fill_layers(struct image_handle *handle, const struct image_record *record)
{
    struct image *image = &handle->image;
    struct str *layers = arena_array(&handle->arena, struct str, record->diff_ids.count + 1);
    size_t count = 0;

    for (size_t i = 0; i < record->diff_ids.count; i++) {
        const struct layer *layer = store_layer(handle->store, record->diff_ids.items[i]);

        must(layer != NULL);
        image->unpacked_bytes += layer->bytes;
        if (layer->opaque)
            count = 0;
        if (!named_again_above(record, i))
            layers[count++] = arena_str(&handle->arena, str_of(layer->name));
    }
    if (count == 0)
        layers[count++] = STR(LAYER_EMPTY);
    image->layers = layers;
    image->layer_count = count;
}

struct image_handle *store_handle(struct image_store *store, struct image_record *record, struct str reference,
                                  struct str repo_digest)
{
    struct image_handle *handle = calloc(1, sizeof(*handle));
    struct image *image = &handle->image;

    must(handle != NULL);
    handle->store = store;
    arena_init(&handle->arena, HANDLE_BYTES_MAX);
    image->reference = arena_str(&handle->arena, reference);
    image->digest = arena_str(&handle->arena, record->digest);
    image->repo_digest = arena_str(&handle->arena, repo_digest);
    image->config_digest = arena_str(&handle->arena, record->config_digest);
    image->size_bytes = record->size_bytes;
    image->pulled_at_ms = record->pulled_at_ms;
    handle->config = arena_str(&handle->arena, record->config);
    fill_layers(handle, record);
    list_add_last(&store->handles, &handle->link);
    store_touch(store, record);
    return handle;
}

bool store_finish_handle(struct image_handle *handle, struct image **ret_image, struct fail *f)
{
    const struct image_limits *limits = &handle->store->options.limits;

    if (!image_config_parse(&handle->arena, handle->config, limits, &handle->image.config, f)) {
        image_release(&handle->image);
        return false;
    }
    *ret_image = &handle->image;
    return true;
}

void image_release(struct image *image)
{
    struct image_handle *handle = (struct image_handle *)(void *)((char *)image - offsetof(struct image_handle, image));
    struct image_store *store = handle->store;

    store_lock(store);
    store_touch(store, store_image(store, image->digest));
    list_remove(&handle->link);
    store_unlock(store);
    arena_free(&handle->arena);
    free(handle);
}

static bool no_image(struct str name, struct fail *f)
{
    return image_fail(f, IMAGE_NOT_FOUND, "%.*s is not in the image cache", STR_ARG(name));
}

bool image_get(struct image_store *store, struct str reference_text, struct str platform_text, struct image **ret_image,
               struct fail *f)
{
    struct image_platform platform = image_platform_of_machine();
    struct image_handle *handle = NULL;
    struct image_reference reference;
    const struct reference_record *found;
    struct arena arena;
    bool good;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    good = (platform_text.ptr == NULL || image_platform_parse(platform_text, &platform, f)) &&
           image_reference_parse(&arena, reference_text, &reference, f);
    if (good) {
        store_lock(store);
        found = store_reference(store, reference_key(&arena, reference.text, &platform));
        if (found != NULL)
            handle = store_handle(store, store_image(store, found->digest), found->reference, found->repo_digest);
        store_unlock(store);
        good = handle != NULL || no_image(reference.text, f);
    }
    arena_free(&arena);
    return good && store_finish_handle(handle, ret_image, f);
}

static const struct reference_record *reference_of(const struct image_store *store, struct str digest)
{
    for (struct tree_node *node = tree_at(&store->references, STR("")); node != NULL;
         node = tree_after(&store->references, node->key)) {
        const struct reference_record *record = tree_item(node, struct reference_record, node);

        if (str_eq(record->digest, digest))
            return record;
    }
    return NULL;
}

bool image_get_by_digest(struct image_store *store, struct str digest, struct image **ret_image, struct fail *f)
{
    struct image_handle *handle = NULL;
    struct image_record *record;

    store_lock(store);
    record = store_image(store, digest);
    if (record != NULL) {
        const struct reference_record *reference = reference_of(store, digest);

        handle = store_handle(store, record, reference == NULL ? STR("") : reference->reference,
                              reference == NULL ? record->digest : reference->repo_digest);
    }
    store_unlock(store);
    if (handle == NULL)
        return no_image(digest, f);
    return store_finish_handle(handle, ret_image, f);
}

/* --- opening: read records, remove leftovers --- */

static void close_dir_at(DIR *const *dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

/* Calls `visit` with each name in the directory but dots. */
static bool each_name(struct image_store *store, int dir_fd,
                      bool (*visit)(struct image_store *store, const char *name, struct fail *f), struct fail *f)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    __attribute__((cleanup(close_dir_at))) DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL)
        return image_fail_errno(f, errno, "read the image store");
    for (;;) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            break;
        if (entry->d_name[0] != '.' && !visit(store, entry->d_name, f))
            return false;
    }
    return errno == 0 || image_fail_errno(f, errno, "read the image store");
}

static bool remove_tmp(struct image_store *store, const char *name, struct fail *f)
{
    return image_tree_remove(store->tmp_fd, name, f);
}

static bool layers_present(struct image_store *store, const struct image_record *record)
{
    for (size_t i = 0; i < record->diff_ids.count; i++)
        if (store_layer(store, record->diff_ids.items[i]) == NULL &&
            !remember_layer(store, record->diff_ids.items[i], record->layer_bytes[i]))
            return false;
    return true;
}

/* A record that cannot be read, or whose layers are gone, is worth nothing: the image is pulled again. */
static bool load_image(struct image_store *store, const char *name, struct fail *f)
{
    struct image_record *record = image_record_read(store, name);

    if (record != NULL && layers_present(store, record) && tree_add(&store->images, &record->node, record->digest))
        return true;
    if (record != NULL)
        image_record_free(record);
    return image_tree_remove(store->images_fd, name, f);
}

static bool load_reference(struct image_store *store, const char *name, struct fail *f)
{
    struct reference_record *record = reference_record_read(store, name);

    if (record != NULL && store_image(store, record->digest) != NULL &&
        tree_add(&store->references, &record->node, record->key))
        return true;
    if (record != NULL)
        reference_record_free(record);
    return image_tree_remove(store->references_fd, name, f);
}

static bool layer_named(const struct image_store *store, const char *name)
{
    for (struct tree_node *node = tree_at(&store->images, STR("")); node != NULL;
         node = tree_after(&store->images, node->key)) {
        const struct image_record *record = tree_item(node, struct image_record, node);

        for (size_t i = 0; i < record->diff_ids.count; i++)
            if (str_eq(str_to(digest_hex(record->diff_ids.items[i]), LAYER_NAME_LEN), str_of(name)))
                return true;
    }
    return false;
}

static bool remove_stray_layer(struct image_store *store, const char *name, struct fail *f)
{
    return strcmp(name, LAYER_EMPTY) == 0 || layer_named(store, name) || image_tree_remove(store->layers_fd, name, f);
}

/* Layers that were remembered for an image whose other layers are gone. */
static void forget_stray_layers(struct image_store *store)
{
    struct tree_node *next;

    for (struct tree_node *node = tree_at(&store->layers, STR("")); node != NULL; node = next) {
        struct layer *layer = tree_item(node, struct layer, node);

        next = tree_after(&store->layers, node->key);
        if (!layer_named(store, layer->name)) {
            (void)tree_remove(&store->layers, node->key);
            free(layer);
        }
    }
}

static bool load(struct image_store *store, struct fail *f)
{
    if (!each_name(store, store->tmp_fd, remove_tmp, f) || !each_name(store, store->images_fd, load_image, f) ||
        !each_name(store, store->references_fd, load_reference, f))
        return false;
    forget_stray_layers(store);
    return each_name(store, store->layers_fd, remove_stray_layer, f);
}

static bool open_directory(int parent_fd, const char *name, int *ret_fd, struct fail *f)
{
    if (mkdirat(parent_fd, name, 0700) != 0 && errno != EEXIST)
        return image_fail_errno(f, errno, "make directory %s", name);
    *ret_fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return image_fail_errno(f, errno, "open directory %s", name);
    return true;
}

static bool take_lock(struct image_store *store, const char *dir, struct fail *f)
{
    store->lock_fd = openat(store->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return image_fail_errno(f, errno, "open %s/lock", dir);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fail(f, FAIL_CONFLICT, "the image store %s is open in another process", dir);
    return image_fail_errno(f, errno, "lock %s", dir);
}

static bool open_directories(struct image_store *store, const char *dir, struct fail *f)
{
    auto_fd empty_fd = -1;

    if (!open_directory(AT_FDCWD, dir, &store->dir_fd, f) || !take_lock(store, dir, f) ||
        !open_directory(store->dir_fd, "tmp", &store->tmp_fd, f) ||
        !open_directory(store->dir_fd, "layers", &store->layers_fd, f) ||
        !open_directory(store->dir_fd, "images", &store->images_fd, f) ||
        !open_directory(store->dir_fd, "references", &store->references_fd, f) ||
        !open_directory(store->layers_fd, LAYER_EMPTY, &empty_fd, f))
        return false;
    if (fchmod(empty_fd, 0755) != 0)
        return image_fail_errno(f, errno, "make the empty layer");
    must(asprintf(&store->layers_path, "%s/layers", dir) >= 0);
    return true;
}

static void set_up_lock(struct image_store *store)
{
    pthread_condattr_t attributes;

    must(pthread_mutex_init(&store->lock, NULL) == 0);
    must(pthread_condattr_init(&attributes) == 0);
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&store->changed, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

bool image_store_open(const char *dir, const struct image_store_options *options, struct image_store **ret_store,
                      struct fail *f)
{
    struct image_store *store = calloc(1, sizeof(*store));

    must(store != NULL);
    store->options = *options;
    image_limits_fill(&store->options.limits);
    store->dir_fd = store->lock_fd = store->tmp_fd = store->layers_fd = store->images_fd = store->references_fd = -1;
    store->tokens = token_cache_new();
    set_up_lock(store);
    list_init(&store->handles);
    list_init(&store->pulls);
    list_init(&store->jobs);
    if (!open_directories(store, dir, f) || !load(store, f) || !layer_workers_start(store, f)) {
        image_store_close(store);
        return false;
    }
    *ret_store = store;
    return true;
}

/* --- closing --- */

void image_store_stop(struct image_store *store)
{
    store_lock(store);
    atomic_store(&store->stopping, true);
    must(pthread_cond_broadcast(&store->changed) == 0);
    store_unlock(store);
}

static void free_trees(struct image_store *store)
{
    while (store->images.first != NULL)
        image_record_free(tree_item(tree_remove(&store->images, store->images.first->key), struct image_record, node));
    while (store->references.first != NULL)
        reference_record_free(
            tree_item(tree_remove(&store->references, store->references.first->key), struct reference_record, node));
    while (store->layers.first != NULL)
        free(tree_item(tree_remove(&store->layers, store->layers.first->key), struct layer, node));
}

void image_store_close(struct image_store *store)
{
    const int fds[] = {store->dir_fd,    store->lock_fd,   store->tmp_fd,
                       store->layers_fd, store->images_fd, store->references_fd};

    must(list_empty(&store->handles));
    must(list_empty(&store->pulls));
    image_store_stop(store);
    layer_workers_join(store);
    free_trees(store);
    for (size_t i = 0; i < store->idle_client_count; i++)
        fetch_client_close(store->idle_clients[i]);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close_fd_at(&fds[i]);
    token_cache_free(store->tokens);
    (void)pthread_cond_destroy(&store->changed);
    (void)pthread_mutex_destroy(&store->lock);
    free(store->layers_path);
    free(store);
}

const char *image_store_layers(const struct image_store *store)
{
    return store->layers_path;
}
