/* Repositories in memory. Everything but the queue is touched by the one thread that answers. */
#include "edge/registry/testing/memory_metadata.h"

#include "base/must.h"
#include "wire/base64.h"

#include <pthread.h>

enum { REPOSITORIES_MAX = 16, ITEMS_MAX = 4096 };

struct image {
    char *digest;
    char *media_type;
    struct buf bytes;
    struct arena arena; /* of manifest */
    struct manifest manifest;
};

struct tag {
    char *name;
    size_t image;
};

struct repository {
    struct repository_ref ref;
    bool immutable;
    char *blobs[ITEMS_MAX];
    size_t blob_count;
    struct image images[ITEMS_MAX];
    size_t image_count;
    struct tag tags[ITEMS_MAX];
    size_t tag_count;
};

struct memory_metadata {
    pthread_t thread;
    pthread_mutex_t lock; /* protects queue and ends */
    pthread_cond_t changed;
    struct list queue;
    bool ends;
    const char *password;
    const char *denied;
    struct repository *repositories[REPOSITORIES_MAX];
    size_t repository_count;
};

static char *copy_of(struct str s)
{
    char *copy = strndup(s.len == 0 ? "" : s.ptr, s.len);

    must(copy != NULL);
    return copy;
}

/* --- who asks, about what --------------------------------------------------------------------------------------- */

static bool identify(const struct memory_metadata *metadata, struct registry_call *call)
{
    struct str credentials;
    struct str password;

    if (metadata->password == NULL)
        return true;
    if (!str_starts(call->authorization, STR("Basic ")) ||
        !base64_decode(str_from(call->authorization, 6), call->arena, &credentials))
        return fail_api(&call->fail, REGISTRY_NO_IDENTITY, "Not Authorized");
    if (!str_is(str_cut(credentials, ':', &password), "AWS"))
        return fail_api(&call->fail, REGISTRY_NO_IDENTITY, "Not Authorized");
    if (str_is(password, "expired"))
        return fail_api(&call->fail, REGISTRY_EXPIRED_IDENTITY,
                        "Your authorization token has expired. Reauthenticate and try again.");
    return str_is(password, metadata->password) || fail_api(&call->fail, REGISTRY_NO_IDENTITY, "Not Authorized");
}

static bool same_ref(const struct repository_ref *a, const struct repository_ref *b)
{
    return str_eq(a->registry.account, b->registry.account) && str_eq(a->registry.region, b->registry.region) &&
           str_eq(a->name, b->name);
}

static struct repository *find(const struct memory_metadata *metadata, const struct repository_ref *ref)
{
    for (size_t i = 0; i < metadata->repository_count; i++)
        if (same_ref(&metadata->repositories[i]->ref, ref))
            return metadata->repositories[i];
    return NULL;
}

static bool has_blob(const struct repository *repository, struct str digest)
{
    for (size_t i = 0; i < repository->blob_count; i++)
        if (str_is(digest, repository->blobs[i]))
            return true;
    return false;
}

static void attach(struct repository *repository, struct str digest)
{
    if (has_blob(repository, digest))
        return;
    must(repository->blob_count < ITEMS_MAX);
    repository->blobs[repository->blob_count++] = copy_of(digest);
}

static struct image *find_image(struct repository *repository, struct str digest)
{
    for (size_t i = 0; i < repository->image_count; i++)
        if (repository->images[i].digest != NULL && str_is(digest, repository->images[i].digest))
            return &repository->images[i];
    return NULL;
}

static struct tag *find_tag(struct repository *repository, struct str name)
{
    for (size_t i = 0; i < repository->tag_count; i++)
        if (str_is(name, repository->tags[i].name))
            return &repository->tags[i];
    return NULL;
}

static struct image *find_reference(struct repository *repository, const struct registry_call *call)
{
    const struct tag *tag = call->tag.ptr == NULL ? NULL : find_tag(repository, call->tag);

    if (call->tag.ptr == NULL)
        return find_image(repository, call->digest);
    return tag == NULL ? NULL : &repository->images[tag->image];
}

/* --- operations ------------------------------------------------------------------------------------------------- */

static bool no_image(struct repository *repository, struct registry_call *call)
{
    must(repository != NULL);
    return fail_api(&call->fail, "ImageNotFoundException",
                    "The image with imageId {imageDigest:'%.*s', imageTag:'%.*s'} does not exist within the repository "
                    "with name '%.*s' in the registry with id '%.*s'",
                    STR_ARG(call->digest), STR_ARG(call->tag), STR_ARG(repository->ref.name),
                    STR_ARG(repository->ref.registry.account));
}

static bool blob_find(struct repository *repository, struct registry_call *call)
{
    return has_blob(repository, call->digest) ||
           fail_api(&call->fail, "LayersNotFoundException",
                    "The layer with digest '%.*s' does not exist within the repository with name '%.*s'",
                    STR_ARG(call->digest), STR_ARG(repository->ref.name));
}

static bool blob_delete(struct repository *repository, struct registry_call *call)
{
    for (size_t i = 0; i < repository->blob_count; i++)
        if (str_is(call->digest, repository->blobs[i])) {
            free(repository->blobs[i]);
            repository->blobs[i] = repository->blobs[--repository->blob_count];
            return true;
        }
    return blob_find(repository, call);
}

static bool manifest_get(struct repository *repository, struct registry_call *call)
{
    const struct image *image = find_reference(repository, call);

    if (image == NULL)
        return no_image(repository, call);
    buf_add(&call->ret_bytes, buf_str(&image->bytes));
    call->ret_media_type = arena_str(call->arena, str_of(image->media_type));
    call->ret_digest = arena_str(call->arena, str_of(image->digest));
    return true;
}

static bool layer_missing(const struct repository *repository, const struct manifest_descriptor *layer,
                          struct registry_call *call)
{
    if (layer->foreign || has_blob(repository, layer->digest))
        return false;
    return !fail_api(&call->fail, "LayersNotFoundException",
                     "Layers with digests '[%.*s]' required for pushing image into repository with name '%.*s' in the "
                     "registry with id '%.*s' do not exist",
                     STR_ARG(layer->digest), STR_ARG(repository->ref.name), STR_ARG(repository->ref.registry.account));
}

static bool all_there(struct repository *repository, struct registry_call *call)
{
    const struct manifest *manifest = call->manifest;

    if (!manifest->is_index && layer_missing(repository, &manifest->config, call))
        return false;
    for (size_t i = 0; i < manifest->layer_count; i++)
        if (layer_missing(repository, &manifest->layers[i], call))
            return false;
    for (size_t i = 0; i < manifest->manifest_count; i++)
        if (find_image(repository, manifest->manifests[i].digest) == NULL)
            return fail_api(&call->fail, "ReferencedImagesNotFoundException",
                            "Images with digests '[%.*s]' required for pushing image into repository do not exist",
                            STR_ARG(manifest->manifests[i].digest));
    return true;
}

static struct image *keep_image(struct repository *repository, const struct registry_call *call)
{
    struct image *image = find_image(repository, call->digest);
    struct fail f;

    if (image != NULL)
        return image;
    must(repository->image_count < ITEMS_MAX);
    image = &repository->images[repository->image_count++];
    image->digest = copy_of(call->digest);
    image->media_type = copy_of(call->manifest->media_type);
    buf_add(&image->bytes, call->bytes);
    arena_init(&image->arena, 64 << 20);
    must(manifest_parse(buf_str(&image->bytes), call->manifest->media_type, &image->arena, &image->manifest, &f));
    return image;
}

static bool manifest_put(struct repository *repository, struct registry_call *call)
{
    struct tag *tag = call->tag.ptr == NULL ? NULL : find_tag(repository, call->tag);
    size_t image;

    if (!all_there(repository, call))
        return false;
    if (tag != NULL && repository->immutable && !str_is(call->digest, repository->images[tag->image].digest))
        return fail_api(
            &call->fail, "ImageTagAlreadyExistsException",
            "The image tag '%.*s' already exists in the '%.*s' repository and cannot be overwritten because "
            "the tag is immutable.",
            STR_ARG(call->tag), STR_ARG(repository->ref.name));
    image = (size_t)(keep_image(repository, call) - repository->images);
    if (tag == NULL && call->tag.ptr != NULL) {
        must(repository->tag_count < ITEMS_MAX);
        tag = &repository->tags[repository->tag_count++];
        tag->name = copy_of(call->tag);
    }
    if (tag != NULL)
        tag->image = image;
    return true;
}

static void remove_tag(struct repository *repository, struct tag *tag)
{
    free(tag->name);
    *tag = repository->tags[--repository->tag_count];
}

static void free_image(struct image *image)
{
    free(image->digest);
    free(image->media_type);
    buf_free(&image->bytes);
    arena_free(&image->arena);
    *image = (struct image){0}; /* its place stays, since tags name places */
}

static bool manifest_delete(struct repository *repository, struct registry_call *call)
{
    struct image *image = find_reference(repository, call);
    size_t left = 0;

    if (image == NULL)
        return no_image(repository, call);
    if (call->tag.ptr != NULL)
        remove_tag(repository, find_tag(repository, call->tag));
    for (size_t i = repository->tag_count; i-- > 0;) {
        if (&repository->images[repository->tags[i].image] != image)
            continue;
        if (call->tag.ptr == NULL)
            remove_tag(repository, &repository->tags[i]);
        else
            left++;
    }
    if (left == 0)
        free_image(image);
    return true;
}

/* --- lists ------------------------------------------------------------------------------------------------------ */

struct named {
    struct str name;
    const struct image *image;
};

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static bool add_one(struct registry_call *call, const struct named *item)
{
    const struct manifest *manifest = item->image == NULL ? NULL : &item->image->manifest;

    if (call->operation != REGISTRY_REFERRERS)
        return registry_add(call, item->name);
    must(manifest != NULL);
    return registry_add_referrer(call, &(struct registry_referrer){.media_type = manifest->media_type,
                                                                   .digest = item->name,
                                                                   .size = item->image->bytes.len,
                                                                   .artifact_type = manifest->artifact_type,
                                                                   .annotations = manifest->annotations,
                                                                   .annotation_count = manifest->annotation_count});
}

static void add_page(struct registry_call *call, struct named *items, size_t count)
{
    qsort(items, count, sizeof(*items), by_name);
    for (size_t i = 0; i < count; i++)
        if (call->after.ptr == NULL || str_compare(items[i].name, call->after) > 0)
            if (!add_one(call, &items[i]))
                return;
}

static bool is_referrer(const struct image *image, const struct registry_call *call)
{
    const struct manifest *manifest = &image->manifest;

    return image->digest != NULL && manifest->has_subject && str_eq(manifest->subject.digest, call->digest) &&
           (call->artifact_type.ptr == NULL || str_eq(call->artifact_type, manifest->artifact_type));
}

static bool list_items(const struct memory_metadata *metadata, const struct repository *repository,
                       struct registry_call *call)
{
    struct named *items = calloc(ITEMS_MAX, sizeof(*items));
    size_t count = 0;

    must(items != NULL);
    if (call->operation == REGISTRY_TAGS)
        for (size_t i = 0; i < repository->tag_count; i++)
            items[count++].name = str_of(repository->tags[i].name);
    if (call->operation == REGISTRY_REFERRERS)
        for (size_t i = 0; i < repository->image_count; i++)
            if (is_referrer(&repository->images[i], call))
                items[count++] = (struct named){str_of(repository->images[i].digest), &repository->images[i]};
    if (call->operation == REGISTRY_CATALOG)
        for (size_t i = 0; i < metadata->repository_count; i++)
            if (str_eq(metadata->repositories[i]->ref.registry.account, call->repository.registry.account))
                items[count++].name = metadata->repositories[i]->ref.name;
    add_page(call, items, count);
    free(items);
    return true;
}

/* --- the thread ------------------------------------------------------------------------------------------------- */

static bool operate(const struct memory_metadata *metadata, struct repository *repository, struct registry_call *call)
{
    struct repository *from;

    switch (call->operation) {
    case REGISTRY_CHECK:
    case REGISTRY_ALLOW:
        return true;
    case REGISTRY_BLOB_FIND:
        return blob_find(repository, call);
    case REGISTRY_BLOB_DELETE:
        return blob_delete(repository, call);
    case REGISTRY_BLOB_ATTACH:
        attach(repository, call->digest);
        return true;
    case REGISTRY_BLOB_MOUNT:
        from = find(metadata, &call->from);
        call->mounted = from != NULL && has_blob(from, call->digest);
        if (call->mounted)
            attach(repository, call->digest);
        return true;
    case REGISTRY_MANIFEST_GET:
        return manifest_get(repository, call);
    case REGISTRY_MANIFEST_PUT:
        return manifest_put(repository, call);
    case REGISTRY_MANIFEST_DELETE:
        return manifest_delete(repository, call);
    case REGISTRY_TAGS:
    case REGISTRY_CATALOG:
    case REGISTRY_REFERRERS:
        return list_items(metadata, repository, call);
    }
    must(false);
}

static bool serve(const struct memory_metadata *metadata, struct registry_call *call)
{
    struct repository *repository = find(metadata, &call->repository);

    if (!identify(metadata, call))
        return false;
    if (metadata->denied != NULL && call->action != NULL && strcmp(metadata->denied, call->action) == 0)
        return fail_api(&call->fail, "AccessDeniedException",
                        "User: arn:aws:iam::000000000000:user/x is not authorized to perform: %s", call->action);
    if (repository == NULL && call->operation != REGISTRY_CHECK && call->operation != REGISTRY_CATALOG)
        return fail_api(&call->fail, "RepositoryNotFoundException",
                        "The repository with name '%.*s' does not exist in the registry with id '%.*s'",
                        STR_ARG(call->repository.name), STR_ARG(call->repository.registry.account));
    return operate(metadata, repository, call);
}

static struct registry_call *take_call(struct memory_metadata *metadata)
{
    struct registry_call *call = NULL;

    must(pthread_mutex_lock(&metadata->lock) == 0);
    while (list_empty(&metadata->queue) && !metadata->ends)
        must(pthread_cond_wait(&metadata->changed, &metadata->lock) == 0);
    if (!list_empty(&metadata->queue))
        call = list_item(list_take_first(&metadata->queue), struct registry_call, link);
    must(pthread_mutex_unlock(&metadata->lock) == 0);
    return call;
}

static void *answer_calls(void *context)
{
    struct memory_metadata *metadata = context;
    struct registry_call *call;

    while ((call = take_call(metadata)) != NULL) {
        call->good = serve(metadata, call);
        call->done(call);
    }
    return NULL;
}

static void submit(void *context, struct registry_call *call)
{
    struct memory_metadata *metadata = context;

    must(pthread_mutex_lock(&metadata->lock) == 0);
    list_add_last(&metadata->queue, &call->link);
    must(pthread_cond_signal(&metadata->changed) == 0);
    must(pthread_mutex_unlock(&metadata->lock) == 0);
}

struct memory_metadata *memory_metadata_start(const char *password)
{
    struct memory_metadata *metadata = calloc(1, sizeof(*metadata));

    must(metadata != NULL);
    metadata->password = password;
    list_init(&metadata->queue);
    must(pthread_mutex_init(&metadata->lock, NULL) == 0);
    must(pthread_cond_init(&metadata->changed, NULL) == 0);
    must(pthread_create(&metadata->thread, NULL, answer_calls, metadata) == 0);
    return metadata;
}

static void free_repository(struct repository *repository)
{
    for (size_t i = 0; i < repository->blob_count; i++)
        free(repository->blobs[i]);
    for (size_t i = 0; i < repository->image_count; i++)
        free_image(&repository->images[i]);
    for (size_t i = 0; i < repository->tag_count; i++)
        free(repository->tags[i].name);
    free(repository);
}

void memory_metadata_stop(struct memory_metadata *metadata)
{
    must(pthread_mutex_lock(&metadata->lock) == 0);
    metadata->ends = true;
    must(pthread_cond_signal(&metadata->changed) == 0);
    must(pthread_mutex_unlock(&metadata->lock) == 0);
    must(pthread_join(metadata->thread, NULL) == 0);
    for (size_t i = 0; i < metadata->repository_count; i++)
        free_repository(metadata->repositories[i]);
    (void)pthread_cond_destroy(&metadata->changed);
    (void)pthread_mutex_destroy(&metadata->lock);
    free(metadata);
}

void memory_metadata_add(struct memory_metadata *metadata, const char *account, const char *region, const char *name,
                         bool immutable)
{
    struct repository *repository = calloc(1, sizeof(*repository));

    must(repository != NULL);
    must(metadata->repository_count < REPOSITORIES_MAX);
    repository->ref = (struct repository_ref){{str_of(account), str_of(region)}, str_of(name)};
    repository->immutable = immutable;
    metadata->repositories[metadata->repository_count++] = repository;
}

void memory_metadata_deny(struct memory_metadata *metadata, const char *action)
{
    metadata->denied = action;
}

struct registry_metadata memory_metadata_port(struct memory_metadata *metadata)
{
    return (struct registry_metadata){.context = metadata, .submit = submit};
}
