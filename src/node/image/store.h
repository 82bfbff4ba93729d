/* The inside of an image store: what it remembers, what lies on the disk, and who may touch it.
 *
 *   <dir>/lock          held (flock) while the store is open
 *   <dir>/tmp/          things being made; emptied at open
 *   <dir>/layers/NAME/  an unpacked layer; NAME is the first 26 digits of its diff id; "empty" is one of nobody's
 *   <dir>/images/HEX.json      the record of an image, by the digest of its manifest; last used when it was last
 * touched <dir>/references/HEX.json  what a reference stands for on a platform, by the digest of both
 *
 * A layer may be in memory and in layers/ before a record names it (a pull still fetches others); only a record makes
 * it last. Written to disk in the order layers (syncfs), image, reference; removed in the opposite one. */
#pragma once

#include "base/list.h"
#include "base/tree.h"
#include "node/image/digest.h"
#include "node/image/image.h"
#include "node/image/token.h"

#include <pthread.h>

enum { LAYER_NAME_LEN = 26, FILE_NAME_SIZE = 64 + sizeof(".json"), IDLE_CLIENTS_MAX = 4 };

#define LAYER_EMPTY "empty"

struct layer {
    struct tree_node node; /* key: diff id */
    char diff_id[DIGEST_SIZE];
    char name[LAYER_NAME_LEN + 1];
    uint64_t bytes;       /* of file contents */
    bool opaque;          /* its root directory hides all lower layers */
    int64_t last_used_ms; /* matters only while no record names it */
};

struct image_record {
    struct tree_node node; /* key: digest */
    struct arena arena;
    struct str digest;
    struct str config_digest;
    struct str config; /* the document */
    struct strs diff_ids;
    const uint64_t *layer_bytes; /* beside diff_ids */
    uint64_t size_bytes;
    int64_t pulled_at_ms;
    int64_t last_used_ms;
};

struct reference_record {
    struct tree_node node; /* key: "<reference> <platform>" */
    struct arena arena;
    struct str key;
    struct str reference;
    struct str digest;
    struct str repo_digest;
};

/* A struct image given out, and what keeps its image alive. */
struct image_handle {
    struct image image;
    struct list link;
    struct arena arena;
    struct str config; /* parsed once the lock is given back */
    struct image_store *store;
};

struct image_store {
    struct image_store_options options; /* limits filled in */
    char *layers_path;
    int dir_fd;
    int lock_fd;
    int tmp_fd;
    int layers_fd;
    int images_fd;
    int references_fd;
    struct token_cache *tokens;
    atomic_bool stopping;
    atomic_ulong tmp_count; /* names in tmp/ */
    pthread_t *workers;
    size_t worker_count;

    /* Protects all below; of the locks of this folder it is taken first, and no fetch happens under it. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job or a pull has ended, a job was queued, the store stops; monotonic clock */
    struct tree images;
    struct tree references;
    struct tree layers;
    struct list handles;
    struct list pulls;
    struct list jobs;                                    /* queued and running, oldest first */
    struct fetch_client *idle_clients[IDLE_CLIENTS_MAX]; /* of pulls that have ended, with their connections */
    size_t idle_client_count;
};

void store_lock(struct image_store *store);
void store_unlock(struct image_store *store);
/* Waits for `changed`, half a second at most, so that cancel flags are seen. */
void store_wait(struct image_store *store);
int64_t store_now_ms(void); /* since 1970 */

/* A new name in tmp/. */
void store_tmp_name(struct image_store *store, char ret_name[32]);

/* Under the lock. What cannot be found is NULL. */
struct layer *store_layer(const struct image_store *store, struct str diff_id);
struct image_record *store_image(const struct image_store *store, struct str digest);
struct reference_record *store_reference(const struct image_store *store, struct str key);
/* Takes the directory tmp/<tmp_name> in as the layer. */
checked bool store_add_layer(struct image_store *store, const char *tmp_name, struct str diff_id, uint64_t bytes,
                             struct fail *f);
/* A handle on the image; pins it. The caller finishes it without the lock. */
struct image_handle *store_handle(struct image_store *store, struct image_record *record, struct str reference,
                                  struct str repo_digest);
/* Reads the config into the handle; on failure the handle is released. */
checked bool store_finish_handle(struct image_handle *handle, struct image **ret_image, struct fail *f);
/* Marks the image as used now, in memory and on the disk. */
void store_touch(struct image_store *store, struct image_record *record);

void layer_name_of(struct str diff_id, char ret_name[LAYER_NAME_LEN + 1]);
struct str reference_key(struct arena *arena, struct str reference, const struct image_platform *platform);
void image_record_free(struct image_record *record);
void reference_record_free(struct reference_record *record);

/* record.c: records as files. Names are hexadecimal digests and ".json". */
void image_record_file(struct str digest, char ret_name[FILE_NAME_SIZE]);
void reference_record_file(struct str key, char ret_name[FILE_NAME_SIZE]);
checked bool image_record_write(struct image_store *store, const struct image_record *record, struct fail *f);
checked bool reference_record_write(struct image_store *store, const struct reference_record *record, struct fail *f);
/* NULL for a file that is no such record: the caller removes it. */
struct image_record *image_record_read(const struct image_store *store, const char *name);
struct reference_record *reference_record_read(const struct image_store *store, const char *name);

/* layer_job.c: layers on their way. */
struct registry_session;

enum layer_job_state { LAYER_JOB_NONE, LAYER_JOB_QUEUED, LAYER_JOB_RUNNING, LAYER_JOB_DONE };

/* Belongs to the pull that made it, which waits for it to be done before it goes. Under the store's lock, but while
 * RUNNING `fail` is the worker's. */
struct layer_job {
    struct list link;
    enum layer_job_state state;
    bool good;
    atomic_bool cancel;
    struct str diff_id;
    struct str digest; /* of the blob */
    uint64_t size;
    struct registry_session *session;
    struct fail fail;
};

checked bool layer_workers_start(struct image_store *store, struct fail *f);
void layer_workers_join(struct image_store *store);
/* Under the lock. */
void layer_job_queue(struct image_store *store, struct layer_job *job);
bool layer_job_under_way(const struct image_store *store, struct str diff_id);

/* pull.c: what a pull under way must not lose to image_gc. Under the lock. */
bool pull_needs_layer(const struct image_store *store, struct str diff_id);
bool pull_needs_image(const struct image_store *store, struct str digest);
