/* The workers of a store: each takes the oldest queued layer, and downloads, decompresses, unpacks and checks it, all
 * in one pass over the bytes. */
#include "node/image/store.h"

#include "base/must.h"
#include "node/image/blob.h"
#include "node/image/inflate.h"
#include "node/image/tree_remove.h"
#include "node/image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The archive on its way from the inflater to the unpacker, summed up. */
struct summed {
    struct stream stream;
    struct stream *input;
    struct digest sum;
};

static bool read_summed(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct summed *summed = stream_owner(stream, struct summed);

    if (!stream_read(summed->input, ret_piece, f))
        return false;
    digest_add(&summed->sum, *ret_piece);
    return true;
}

static bool check_diff_id(const struct summed *summed, struct str diff_id, struct fail *f)
{
    char got[DIGEST_SIZE];

    digest_text(&summed->sum, got);
    if (str_is(diff_id, got))
        return true;
    return image_fail(f, IMAGE_MISMATCH, "wrong diff id calculated on extraction \"%s\", expected \"%.*s\"", got,
                      STR_ARG(diff_id));
}

/* Behind the archive's end mark there may be more; it belongs to the digests. */
static bool unpack_stream(struct image_store *store, struct stream *archive, int root_fd, struct str diff_id,
                          uint64_t *ret_bytes, struct fail *f)
{
    struct summed summed = {.stream = {read_summed}, .input = archive};
    struct unpack_result result;
    bool good;

    digest_begin(&summed.sum);
    good = image_unpack(&summed.stream, root_fd, &store->options.limits, &result, f) &&
           stream_drain(&summed.stream, f) && check_diff_id(&summed, diff_id, f);
    digest_free(&summed.sum);
    if (good)
        *ret_bytes = result.bytes;
    return good;
}

static bool unpack_blob(struct image_store *store, struct stream *blob, int root_fd, struct str diff_id,
                        uint64_t *ret_bytes, struct fail *f)
{
    struct inflater *inflater;
    bool good;

    if (!inflater_open(blob, &store->options.limits, &inflater, f))
        return false;
    good = unpack_stream(store, inflater_stream(inflater), root_fd, diff_id, ret_bytes, f);
    inflater_close(inflater);
    return good;
}

/* The words of containerd and docker, as ECS shows them. */
static bool explain(const struct layer_job *job, const struct blob *blob, struct fail *f)
{
    switch (image_problem_of(f)) {
    case IMAGE_NOT_FOUND:
    case IMAGE_DENIED:
    case IMAGE_UNREACHABLE:
    case IMAGE_REGISTRY:
        return fail_in(f, "ref pull has been retried %u time(s): failed to copy: httpReadSeeker: failed open",
                       blob->attempts == 0 ? 1 : blob->attempts);
    case IMAGE_MALFORMED:
    case IMAGE_OVER_LIMIT:
    case IMAGE_DISK_FULL:
    case IMAGE_SYSTEM:
        return fail_in(f, "failed to extract layer %.*s", STR_ARG(job->diff_id));
    case IMAGE_NO_PROBLEM:
    case IMAGE_NO_PLATFORM:
    case IMAGE_MISMATCH:
    case IMAGE_UNSUPPORTED:
    case IMAGE_STOPPED:
        break;
    }
    return false;
}

/* What cannot be unpacked may have been spoiled on its way: then that is the failure to tell. */
static bool blame(struct blob *blob, struct fail *f)
{
    struct fail second;

    if (image_problem_of(f) == IMAGE_MALFORMED && !stream_drain(&blob->stream, &second) &&
        image_problem_of(&second) == IMAGE_MISMATCH)
        *f = second;
    return false;
}

/* Fills the directory tmp/<name>. */
static bool fill(struct image_store *store, struct fetch_client *client, const struct layer_job *job, const char *name,
                 uint64_t *ret_bytes, struct fail *f)
{
    const struct fetch_cancel cancel = {{&store->stopping, &job->cancel}};
    auto_fd root_fd = -1;
    struct blob blob;
    bool good;

    if (mkdirat(store->tmp_fd, name, 0755) != 0)
        return image_fail_errno(f, errno, "make a layer's directory");
    root_fd = openat(store->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0 || fchmod(root_fd, 0755) != 0)
        return image_fail_errno(f, errno, "make a layer's directory");
    fetch_client_cancel(client, cancel);
    blob_begin(&blob, job->session, client, &store->options.limits, &cancel);
    blob_expect(&blob, job->digest, job->size);
    good = unpack_blob(store, &blob.stream, root_fd, job->diff_id, ret_bytes, f) || blame(&blob, f) ||
           explain(job, &blob, f);
    blob_end(&blob);
    return good;
}

/* Nothing stays behind when it fails. */
static bool run(struct image_store *store, struct fetch_client *client, struct layer_job *job, struct fail *f)
{
    struct fail ignored;
    uint64_t bytes = 0;
    char name[32];
    bool good;

    store_tmp_name(store, name);
    good = fill(store, client, job, name, &bytes, f);
    if (good) {
        store_lock(store);
        good = store_add_layer(store, name, job->diff_id, bytes, f);
        store_unlock(store);
    }
    if (!good && !image_tree_remove(store->tmp_fd, name, &ignored))
        return false; /* it is removed when the store is opened again */
    return good;
}

static struct layer_job *first_queued(const struct image_store *store)
{
    for (struct list *link = store->jobs.next; link != &store->jobs; link = link->next) {
        struct layer_job *job = list_item(link, struct layer_job, link);

        if (job->state == LAYER_JOB_QUEUED)
            return job;
    }
    return NULL;
}

static void *work(void *context)
{
    struct image_store *store = context;
    struct fetch_client *client = NULL;
    struct fail no_client;
    bool ready = fetch_client_open(&store->options.limits, &client, &no_client);

    store_lock(store);
    while (!atomic_load(&store->stopping)) {
        struct layer_job *job = first_queued(store);

        if (job == NULL) {
            must(pthread_cond_wait(&store->changed, &store->lock) == 0);
            continue;
        }
        job->state = LAYER_JOB_RUNNING;
        store_unlock(store);
        if (ready)
            job->good = run(store, client, job, &job->fail);
        else
            job->fail = no_client;
        store_lock(store);
        job->state = LAYER_JOB_DONE;
        list_remove(&job->link);
        must(pthread_cond_broadcast(&store->changed) == 0);
    }
    store_unlock(store);
    if (ready)
        fetch_client_close(client);
    return NULL;
}

bool layer_workers_start(struct image_store *store, struct fail *f)
{
    size_t count = (size_t)store->options.limits.layers_parallel;

    store->workers = calloc(count, sizeof(*store->workers));
    must(store->workers != NULL);
    for (; store->worker_count < count; store->worker_count++) {
        int error = pthread_create(&store->workers[store->worker_count], NULL, work, store);

        if (error != 0)
            return image_fail_errno(f, error, "start a worker of the image store");
    }
    return true;
}

void layer_workers_join(struct image_store *store)
{
    for (size_t i = 0; i < store->worker_count; i++)
        must(pthread_join(store->workers[i], NULL) == 0);
    free(store->workers);
    store->workers = NULL;
    store->worker_count = 0;
}

void layer_job_queue(struct image_store *store, struct layer_job *job)
{
    job->state = LAYER_JOB_QUEUED;
    list_add_last(&store->jobs, &job->link);
    must(pthread_cond_broadcast(&store->changed) == 0);
}

bool layer_job_under_way(const struct image_store *store, struct str diff_id)
{
    for (const struct list *link = store->jobs.next; link != &store->jobs; link = link->next)
        if (str_eq(list_item(link, struct layer_job, link)->diff_id, diff_id))
            return true;
    return false;
}
