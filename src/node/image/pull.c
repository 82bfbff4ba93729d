/* A pull: from a reference to an image in the store.
 *
 *   1 the same pull under way (reference, platform, credentials)? wait for its end and take its result
 *   2 manifest (through an index, by platform) and config are read and checked against each other
 *   3 until every layer is here: queue what nobody fetches, wait for what somebody does; no layer's failure of
 *     somebody else is ours, then we fetch it ourselves
 *   4 syncfs, record, reference; waiters get their handles under the same lock, before image_gc could look
 *
 * A pull that fails leaves layers that were complete; image_gc removes them in time, or the next attempt uses them. */
#include "node/image/store.h"

#include "base/must.h"
#include "node/image/blob.h"
#include "node/image/manifest.h"
#include "node/image/registry.h"

#include <errno.h>

struct pull {
    struct list link;      /* in store->pulls */
    struct list waiters;   /* struct waiter, under the store's lock */
    char key[DIGEST_SIZE]; /* of what makes two pulls the same */
    struct image_store *store;
    const struct image_pull_request *request;
    struct fetch_cancel cancel;
    struct arena arena;
    struct image_platform platform;
    struct image_reference reference;
    struct registry_session *session;
    struct fetch_client *client;
    /* what the registry answered */
    char digest[DIGEST_SIZE];
    char repo_digest[DIGEST_SIZE];
    struct image_manifest manifest;
    struct str config_text;
    /* what image_gc leaves alone; under the store's lock */
    char needed_digest[DIGEST_SIZE];
    struct strs diff_ids;
};

/* Another call for the same pull; lives on its thread's stack until done. */
struct waiter {
    struct list link;
    bool done;
    struct image_handle *handle; /* NULL: failed */
    struct fail fail;
};

static bool stopped(struct fail *f)
{
    return image_fail(f, IMAGE_STOPPED, "the pull was stopped");
}

/* --- manifest and config --- */

static bool too_often(const struct pull *pull, unsigned attempts, struct fail *f)
{
    return fail_in(f, "pull image manifest has been retried %u time(s): failed to resolve ref %.*s", attempts,
                   STR_ARG(pull->reference.text));
}

/* The document by that tag or digest, once. */
static bool read_document(struct pull *pull, struct str name, struct buf *body, struct str *ret_content_type,
                          struct fail *f)
{
    struct registry_object object = {REGISTRY_MANIFEST, name, 0};
    struct fetch *fetch;
    bool good;

    if (!registry_open(pull->session, pull->client, &object, &fetch, f))
        return false;
    buf_clear(body);
    *ret_content_type = arena_str(&pull->arena, fetch_answer(fetch)->content_type);
    good = fetch_read_all(fetch, body, f);
    fetch_close(fetch);
    return good;
}

static bool check_document(struct str name, const char *digest, struct fail *f)
{
    if (!digest_valid(name) || str_is(name, digest))
        return true;
    return image_fail(f, IMAGE_MISMATCH, "unexpected manifest digest %s, expected %.*s", digest, STR_ARG(name));
}

/* The manifest by that tag or digest, parsed; what stands behind a digest must have it. */
static bool read_manifest(struct pull *pull, struct str name, char ret_digest[DIGEST_SIZE],
                          struct image_manifest *ret_manifest, struct fail *f)
{
    const struct image_limits *limits = &pull->store->options.limits;
    auto_buf body = {.limit = (size_t)limits->manifest_bytes_max};
    struct str content_type;
    unsigned attempts = 1;

    while (!read_document(pull, name, &body, &content_type, f)) {
        if (!registry_retriable(f) || attempts >= limits->resolve_attempts_max)
            return too_often(pull, attempts, f);
        if (!fetch_wait(&pull->cancel, registry_backoff_ms(limits, attempts)))
            return stopped(f);
        attempts++;
    }
    digest_of(buf_str(&body), ret_digest);
    if (!check_document(name, ret_digest, f) ||
        !image_manifest_parse(&pull->arena, buf_str(&body), content_type, limits, ret_manifest, f))
        return too_often(pull, attempts, f);
    return true;
}

/* Follows indexes to the manifest of the platform. */
static bool resolve(struct pull *pull, struct fail *f)
{
    struct str name = image_reference_object(&pull->reference);
    const struct image_descriptor *entry;

    if (!read_manifest(pull, name, pull->repo_digest, &pull->manifest, f))
        return false;
    memcpy(pull->digest, pull->repo_digest, DIGEST_SIZE);
    for (uint64_t depth = 0; pull->manifest.kind == IMAGE_INDEX; depth++) {
        if (depth == pull->store->options.limits.index_depth_max)
            return image_fail(f, IMAGE_OVER_LIMIT, "%.*s: an index of indexes of indexes",
                              STR_ARG(pull->reference.text));
        if (!image_manifest_choose(&pull->manifest, &pull->platform, &entry, f) ||
            !read_manifest(pull, entry->digest, pull->digest, &pull->manifest, f))
            return false;
    }
    return true;
}

static bool read_config(struct pull *pull, struct fail *f)
{
    const struct image_descriptor *descriptor = &pull->manifest.config;
    auto_buf text = {.limit = (size_t)descriptor->size};
    struct blob blob;
    struct str piece;
    bool good;

    blob_begin(&blob, pull->session, pull->client, &pull->store->options.limits, &pull->cancel);
    blob_expect(&blob, descriptor->digest, descriptor->size);
    do {
        good = stream_read(&blob.stream, &piece, f);
        if (good)
            buf_add(&text, piece);
    } while (good && piece.len > 0);
    blob_end(&blob);
    if (!good)
        return fail_in(f, "failed to copy config %.*s", STR_ARG(descriptor->digest));
    pull->config_text = arena_str(&pull->arena, buf_str(&text));
    return true;
}

/* An image without an index says its platform in the config only. */
static bool check_platform(const struct pull *pull, const struct image_config *config, struct fail *f)
{
    const struct image_platform *wanted = &pull->platform;

    if (config->platform.architecture.len == 0 || image_platform_distance(wanted, &config->platform) >= 0)
        return true;
    return image_fail(f, IMAGE_NO_PLATFORM,
                      "image Manifest does not contain descriptor matching platform '%.*s/%.*s%s%.*s'",
                      STR_ARG(wanted->os), STR_ARG(wanted->architecture), wanted->variant.len == 0 ? "" : "/",
                      STR_ARG(wanted->variant));
}

static bool check_config(struct pull *pull, struct strs *ret_diff_ids, struct fail *f)
{
    struct image_config config;

    if (!image_config_parse(&pull->arena, pull->config_text, &pull->store->options.limits, &config, f) ||
        !check_platform(pull, &config, f))
        return false;
    if (config.diff_ids.count != pull->manifest.child_count)
        return image_fail(f, IMAGE_MALFORMED,
                          "mismatched image rootfs and manifest layers: %zu diff ids for %zu layers",
                          config.diff_ids.count, pull->manifest.child_count);
    *ret_diff_ids = config.diff_ids;
    return true;
}

/* --- layers --- */

/* Under the lock. True when every layer is here; queues those that nobody fetches, leaves *ret_failed to ours. */
static bool look_at_layers(struct pull *pull, struct layer_job *jobs, const struct layer_job **ret_failed)
{
    bool complete = true;

    for (size_t i = 0; i < pull->diff_ids.count; i++) {
        struct layer_job *job = &jobs[i];

        if (store_layer(pull->store, pull->diff_ids.items[i]) != NULL)
            continue;
        complete = false;
        if (job->state == LAYER_JOB_DONE)
            *ret_failed = job;
        else if (job->state == LAYER_JOB_NONE && !layer_job_under_way(pull->store, pull->diff_ids.items[i]))
            layer_job_queue(pull->store, job);
    }
    return complete;
}

/* Under the lock. Our jobs end before their memory goes; those who wait for their layers begin them anew. */
static void end_jobs(struct pull *pull, struct layer_job *jobs)
{
    for (size_t i = 0; i < pull->diff_ids.count; i++) {
        if (jobs[i].state == LAYER_JOB_QUEUED) {
            list_remove(&jobs[i].link);
            jobs[i].state = LAYER_JOB_DONE;
        }
        atomic_store(&jobs[i].cancel, true);
    }
    for (size_t i = 0; i < pull->diff_ids.count; i++)
        while (jobs[i].state == LAYER_JOB_RUNNING)
            store_wait(pull->store);
    must(pthread_cond_broadcast(&pull->store->changed) == 0);
}

static struct layer_job *make_jobs(struct pull *pull)
{
    struct layer_job *jobs = arena_array(&pull->arena, struct layer_job, pull->diff_ids.count);

    for (size_t i = 0; i < pull->diff_ids.count; i++) {
        jobs[i].diff_id = pull->diff_ids.items[i];
        jobs[i].digest = pull->manifest.children[i].digest;
        jobs[i].size = pull->manifest.children[i].size;
        jobs[i].session = pull->session;
    }
    return jobs;
}

static bool fetch_layers(struct pull *pull, struct fail *f)
{
    struct layer_job *jobs = make_jobs(pull);
    const struct layer_job *failed = NULL;
    bool complete;

    store_lock(pull->store);
    for (;;) {
        complete = look_at_layers(pull, jobs, &failed);
        if (complete || failed != NULL || fetch_cancelled(&pull->cancel))
            break;
        store_wait(pull->store);
    }
    end_jobs(pull, jobs);
    store_unlock(pull->store);
    if (complete)
        return true;
    if (failed == NULL)
        return stopped(f);
    *f = failed->fail;
    return false;
}

/* --- keeping --- */

static struct image_record *make_record(const struct pull *pull)
{
    struct image_record *record = calloc(1, sizeof(*record));
    struct str *diff_ids;
    uint64_t *bytes;

    must(record != NULL);
    arena_init(&record->arena, ARENA_LIMIT_DEFAULT);
    diff_ids = arena_array(&record->arena, struct str, pull->diff_ids.count);
    bytes = arena_array(&record->arena, uint64_t, pull->diff_ids.count);
    record->digest = arena_str(&record->arena, str_of(pull->digest));
    record->config_digest = arena_str(&record->arena, pull->manifest.config.digest);
    record->config = arena_str(&record->arena, pull->config_text);
    record->size_bytes = pull->manifest.config.size;
    record->pulled_at_ms = record->last_used_ms = store_now_ms();
    for (size_t i = 0; i < pull->diff_ids.count; i++) {
        diff_ids[i] = arena_str(&record->arena, pull->diff_ids.items[i]);
        bytes[i] = store_layer(pull->store, diff_ids[i])->bytes;
        record->size_bytes += pull->manifest.children[i].size;
    }
    record->diff_ids = (struct strs){diff_ids, pull->diff_ids.count};
    record->layer_bytes = bytes;
    return record;
}

/* Under the lock. */
static bool keep_image(struct pull *pull, struct fail *f)
{
    struct image_record *record;

    if (store_image(pull->store, str_of(pull->digest)) != NULL)
        return true;
    record = make_record(pull);
    if (!image_record_write(pull->store, record, f)) {
        image_record_free(record);
        return false;
    }
    must(tree_add(&pull->store->images, &record->node, record->digest));
    return true;
}

/* Under the lock. */
static bool reference_stands(const struct pull *pull, struct str key)
{
    const struct reference_record *record = store_reference(pull->store, key);

    return record != NULL && str_is(record->digest, pull->digest) && str_is(record->repo_digest, pull->repo_digest);
}

/* Under the lock. The reference may have stood for another image. */
static bool keep_reference(struct pull *pull, struct fail *f)
{
    struct str key = reference_key(&pull->arena, pull->reference.text, &pull->platform);
    struct reference_record *record;
    struct tree_node *old;

    if (reference_stands(pull, key))
        return true;
    record = calloc(1, sizeof(*record));
    must(record != NULL);
    arena_init(&record->arena, ARENA_LIMIT_DEFAULT);
    record->key = arena_str(&record->arena, key);
    record->reference = arena_str(&record->arena, pull->reference.text);
    record->digest = arena_str(&record->arena, str_of(pull->digest));
    record->repo_digest = arena_str(&record->arena, str_of(pull->repo_digest));
    if (!reference_record_write(pull->store, record, f)) {
        reference_record_free(record);
        return false;
    }
    old = tree_remove(&pull->store->references, record->key);
    if (old != NULL)
        reference_record_free(tree_item(old, struct reference_record, node));
    must(tree_add(&pull->store->references, &record->node, record->key));
    return true;
}

/* Under the lock. */
static struct image_handle *give_handle(struct pull *pull)
{
    return store_handle(pull->store, store_image(pull->store, str_of(pull->digest)), pull->reference.text,
                        str_of(pull->repo_digest));
}

/* --- the pull --- */

/* Tells image_gc which image this pull is about; when it is here already, its config needs no fetching. */
static bool announce_image(struct pull *pull)
{
    const struct image_record *record;

    store_lock(pull->store);
    memcpy(pull->needed_digest, pull->digest, DIGEST_SIZE);
    record = store_image(pull->store, str_of(pull->digest));
    if (record != NULL)
        pull->config_text = arena_str(&pull->arena, record->config);
    store_unlock(pull->store);
    return record != NULL;
}

static void announce_layers(struct pull *pull, const struct strs *diff_ids)
{
    store_lock(pull->store);
    pull->diff_ids = *diff_ids;
    store_unlock(pull->store);
}

static bool fetch_image(struct pull *pull, struct fail *f)
{
    struct strs diff_ids;
    bool here;

    if (!resolve(pull, f))
        return false;
    here = announce_image(pull);
    if ((!here && !read_config(pull, f)) || !check_config(pull, &diff_ids, f))
        return false;
    if (here)
        return true;
    announce_layers(pull, &diff_ids);
    if (!fetch_layers(pull, f))
        return false;
    return syncfs(pull->store->dir_fd) == 0 || image_fail_errno(f, errno, "write layers to the disk");
}

static struct image_registry usual_registry(struct arena *arena, struct str name)
{
    struct image_registry registry = {.tls = true, .host = name};
    struct str port;
    struct str host = str_cut(name, ':', &port);

    if (str_is(name, "docker.io"))
        registry.host = STR("registry-1.docker.io");
    if (str_is(host, "localhost") || str_starts(host, STR("127.")) || str_starts(name, STR("[::1]")))
        registry.tls = false;
    registry.host = arena_str(arena, registry.host);
    return registry;
}

static struct image_registry registry_of(struct pull *pull)
{
    const struct image_store_options *options = &pull->store->options;
    struct image_registry registry = {0};

    if (options->resolve == NULL ||
        !options->resolve(options->context, pull->reference.registry, pull->request->on_behalf, &registry))
        registry = usual_registry(&pull->arena, pull->reference.registry);
    if (pull->request->user.ptr != NULL) {
        registry.user = pull->request->user;
        registry.password = pull->request->password;
    }
    return registry;
}

/* The client that was used last: a registry's connection is likely to be open still. */
static bool take_client(struct pull *pull, struct fail *f)
{
    struct image_store *store = pull->store;

    store_lock(store);
    if (store->idle_client_count > 0)
        pull->client = store->idle_clients[--store->idle_client_count];
    store_unlock(store);
    return pull->client != NULL || fetch_client_open(&store->options.limits, &pull->client, f);
}

static void give_client(struct pull *pull)
{
    struct image_store *store = pull->store;

    store_lock(store);
    if (store->idle_client_count < IDLE_CLIENTS_MAX) {
        store->idle_clients[store->idle_client_count++] = pull->client;
        pull->client = NULL;
    }
    store_unlock(store);
    if (pull->client != NULL)
        fetch_client_close(pull->client);
    pull->client = NULL;
}

static bool fetch_with_session(struct pull *pull, struct fail *f)
{
    const struct image_limits *limits = &pull->store->options.limits;
    struct image_registry registry = registry_of(pull);
    bool good;

    if (!take_client(pull, f))
        return false;
    fetch_client_cancel(pull->client, pull->cancel);
    pull->session = registry_session_open(&registry, &pull->reference, limits, pull->store->tokens);
    good = fetch_image(pull, f);
    registry_session_close(pull->session);
    give_client(pull);
    return good;
}

/* Ends the pull: keeps what was fetched, hands results to the waiters, and to us. */
static struct image_handle *finish(struct pull *pull, bool fetched, struct fail *f)
{
    struct image_handle *handle = NULL;

    store_lock(pull->store);
    if (fetched && keep_image(pull, f) && keep_reference(pull, f))
        handle = give_handle(pull);
    list_remove(&pull->link);
    while (!list_empty(&pull->waiters)) {
        struct waiter *waiter = list_item(list_take_first(&pull->waiters), struct waiter, link);

        waiter->done = true;
        if (handle != NULL)
            waiter->handle = give_handle(pull);
        else
            waiter->fail = *f;
    }
    must(pthread_cond_broadcast(&pull->store->changed) == 0);
    store_unlock(pull->store);
    return handle;
}

/* Under the lock, which it gives back. Takes the result of a pull under way; sets *ret_again when that one was
 * stopped and we were not. */
static struct image_handle *wait_for(struct pull *same, const struct pull *ours, bool *ret_again, struct fail *f)
{
    struct image_store *store = ours->store;
    struct waiter waiter = {0};

    list_add_last(&same->waiters, &waiter.link);
    while (!waiter.done && !fetch_cancelled(&ours->cancel))
        store_wait(store);
    if (!waiter.done)
        list_remove(&waiter.link);
    store_unlock(store);
    if (waiter.done)
        *f = waiter.fail;
    else if (!stopped(f))
        waiter.handle = NULL;
    *ret_again = waiter.handle == NULL && image_problem_of(f) == IMAGE_STOPPED && !fetch_cancelled(&ours->cancel);
    return waiter.handle;
}

static struct pull *same_pull(const struct image_store *store, const char *key)
{
    for (struct list *link = store->pulls.next; link != &store->pulls; link = link->next) {
        struct pull *pull = list_item(link, struct pull, link);

        if (strcmp(pull->key, key) == 0)
            return pull;
    }
    return NULL;
}

static struct image_handle *join_or_run(struct pull *pull, bool *ret_again, struct fail *f)
{
    struct pull *same;
    bool fetched;

    *ret_again = false;
    store_lock(pull->store);
    same = same_pull(pull->store, pull->key);
    if (same != NULL)
        return wait_for(same, pull, ret_again, f);
    list_add_last(&pull->store->pulls, &pull->link);
    store_unlock(pull->store);
    fetched = fetch_cancelled(&pull->cancel) ? stopped(f) : fetch_with_session(pull, f);
    return finish(pull, fetched, f);
}

/* Two pulls are the same when they ask for the same with the same rights. */
static void set_key(struct pull *pull)
{
    const struct str parts[] = {pull->reference.text, image_platform_text(&pull->arena, &pull->platform),
                                pull->request->user, pull->request->password, pull->request->on_behalf};
    struct digest digest;

    digest_begin(&digest);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        digest_add(&digest, (struct str){(const char *)&parts[i].len, sizeof(parts[i].len)});
        digest_add(&digest, parts[i]);
    }
    digest_text(&digest, pull->key);
    digest_free(&digest);
}

/* Documents are parsed into it: a config's strings are some ten times its text. */
#define PULL_BYTES_MAX ((size_t)256 << 20)

bool image_pull(struct image_store *store, const struct image_pull_request *request, struct image **ret_image,
                struct fail *f)
{
    struct pull pull = {.store = store, .request = request, .cancel = {{&store->stopping, request->cancel}}};
    struct image_handle *handle = NULL;
    bool again = true;

    arena_init(&pull.arena, PULL_BYTES_MAX);
    list_init(&pull.link);
    list_init(&pull.waiters);
    pull.platform = image_platform_of_machine();
    if ((request->platform.ptr == NULL || image_platform_parse(request->platform, &pull.platform, f)) &&
        image_reference_parse(&pull.arena, request->reference, &pull.reference, f)) {
        set_key(&pull);
        while (again)
            handle = join_or_run(&pull, &again, f);
    }
    arena_free(&pull.arena);
    return handle != NULL && store_finish_handle(handle, ret_image, f);
}

bool pull_needs_layer(const struct image_store *store, struct str diff_id)
{
    for (const struct list *link = store->pulls.next; link != &store->pulls; link = link->next) {
        const struct pull *pull = list_item(link, struct pull, link);

        for (size_t i = 0; i < pull->diff_ids.count; i++)
            if (str_eq(pull->diff_ids.items[i], diff_id))
                return true;
    }
    return false;
}

bool pull_needs_image(const struct image_store *store, struct str digest)
{
    for (const struct list *link = store->pulls.next; link != &store->pulls; link = link->next)
        if (str_is(digest, list_item(link, struct pull, link)->needed_digest))
            return true;
    return false;
}
