#include "node/image/store.h"

#include "base/must.h"
#include "node/image/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct gc {
    struct image_store *store;
    const struct str *keep;
    size_t keep_count;
    int64_t unused_since_ms; /* what was used later stays */
    struct image_gc_result result;
    struct buf doomed; /* names in tmp/ of layers to remove, each ended by NUL */
};

static bool held(const struct image_store *store, struct str digest)
{
    for (const struct list *link = store->handles.next; link != &store->handles; link = link->next)
        if (str_eq(list_item(link, struct image_handle, link)->image.digest, digest))
            return true;
    return false;
}

static bool image_stays(const struct gc *gc, const struct image_record *record)
{
    if (record->last_used_ms > gc->unused_since_ms || held(gc->store, record->digest) ||
        pull_needs_image(gc->store, record->digest))
        return true;
    for (size_t i = 0; i < gc->keep_count; i++)
        if (str_eq(gc->keep[i], record->digest))
            return true;
    return false;
}

/* The file goes first: what a crash leaves is a record in memory less, not one on the disk more. */
static bool remove_references(struct gc *gc, struct str digest, struct fail *f)
{
    struct tree *references = &gc->store->references;
    struct tree_node *next;

    for (struct tree_node *node = tree_at(references, STR("")); node != NULL; node = next) {
        struct reference_record *record = tree_item(node, struct reference_record, node);
        char name[FILE_NAME_SIZE];

        next = tree_after(references, node->key);
        if (!str_eq(record->digest, digest))
            continue;
        reference_record_file(record->key, name);
        if (!image_tree_remove(gc->store->references_fd, name, f))
            return false;
        (void)tree_remove(references, node->key);
        reference_record_free(record);
    }
    return true;
}

static bool remove_image(struct gc *gc, struct image_record *record, struct fail *f)
{
    char name[FILE_NAME_SIZE];

    if (!remove_references(gc, record->digest, f))
        return false;
    image_record_file(record->digest, name);
    if (!image_tree_remove(gc->store->images_fd, name, f))
        return false;
    (void)tree_remove(&gc->store->images, record->digest);
    for (size_t i = 0; i < record->diff_ids.count; i++) {
        struct layer *layer = store_layer(gc->store, record->diff_ids.items[i]);

        if (layer != NULL)
            layer->last_used_ms = record->last_used_ms;
    }
    image_record_free(record);
    gc->result.images++;
    return true;
}

static bool remove_images(struct gc *gc, struct fail *f)
{
    struct tree_node *next;

    for (struct tree_node *node = tree_at(&gc->store->images, STR("")); node != NULL; node = next) {
        struct image_record *record = tree_item(node, struct image_record, node);

        next = tree_after(&gc->store->images, node->key);
        if (!image_stays(gc, record) && !remove_image(gc, record, f))
            return false;
    }
    if (fsync(gc->store->references_fd) != 0 || fsync(gc->store->images_fd) != 0)
        return image_fail_errno(f, errno, "write the image store to the disk");
    return true;
}

static bool some_image_needs(const struct image_store *store, struct str diff_id)
{
    for (struct tree_node *node = tree_at(&store->images, STR("")); node != NULL;
         node = tree_after(&store->images, node->key)) {
        const struct strs *diff_ids = &tree_item(node, struct image_record, node)->diff_ids;

        for (size_t i = 0; i < diff_ids->count; i++)
            if (str_eq(diff_ids->items[i], diff_id))
                return true;
    }
    return false;
}

/* Out of layers/ at once; its files are removed without the lock. */
static bool doom_layer(struct gc *gc, struct layer *layer, struct fail *f)
{
    char name[32];

    store_tmp_name(gc->store, name);
    if (renameat(gc->store->layers_fd, layer->name, gc->store->tmp_fd, name) != 0)
        return image_fail_errno(f, errno, "remove layer %s", layer->diff_id);
    buf_add(&gc->doomed, (struct str){name, strlen(name) + 1});
    gc->result.layers++;
    gc->result.bytes += layer->bytes;
    (void)tree_remove(&gc->store->layers, layer->node.key);
    free(layer);
    return true;
}

static bool doom_layers(struct gc *gc, struct fail *f)
{
    struct tree_node *next;

    for (struct tree_node *node = tree_at(&gc->store->layers, STR("")); node != NULL; node = next) {
        struct layer *layer = tree_item(node, struct layer, node);

        next = tree_after(&gc->store->layers, node->key);
        if (layer->last_used_ms > gc->unused_since_ms || some_image_needs(gc->store, node->key) ||
            pull_needs_layer(gc->store, node->key))
            continue;
        if (!doom_layer(gc, layer, f))
            return false;
    }
    return true;
}

static bool remove_doomed(struct gc *gc, struct fail *f)
{
    struct str rest = buf_str(&gc->doomed);

    while (rest.len > 0) {
        const char *name = rest.ptr;

        if (!image_tree_remove(gc->store->tmp_fd, name, f))
            return false;
        rest = str_from(rest, strlen(name) + 1);
    }
    return true;
}

bool image_gc(struct image_store *store, const struct str *keep, size_t keep_count, int64_t unused_ms,
              struct image_gc_result *ret_result, struct fail *f)
{
    struct gc gc = {
        .store = store, .keep = keep, .keep_count = keep_count, .unused_since_ms = store_now_ms() - unused_ms};
    struct fail second;
    bool good;

    store_lock(store);
    good = remove_images(&gc, f) && doom_layers(&gc, f);
    store_unlock(store);
    if (!remove_doomed(&gc, good ? f : &second))
        good = false;
    buf_free(&gc.doomed);
    if (good)
        *ret_result = gc.result;
    return good;
}
